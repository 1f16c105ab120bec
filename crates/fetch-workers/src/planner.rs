//! Puts what is due on its topic, and what did not land in time back into the queue.

use std::time::Duration;

use service::health::Component;
use service::{Clock, Shutdown};
use store::{Store, StoreError};
use tokio::time::Instant;

use crate::FetchConfig;

/// A planner that has not come round for so long is stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How soon to look again: when something was issued, when nothing was, and when the store is away.
const BUSY: Duration = Duration::from_millis(50);
const IDLE: Duration = Duration::from_millis(200);
const AWAY: Duration = Duration::from_secs(1);

/// How often overdue jobs are looked for.
const OVERDUE_EVERY: Duration = Duration::from_secs(1);

/// Claims jobs in the ledger; any number may run at once.
pub(crate) struct Planner {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) config: FetchConfig,
}

impl Planner {
    /// Plans until shutdown.
    pub(crate) async fn run(self, component: Component, shutdown: Shutdown) -> Result<(), StoreError> {
        let mut overdue_at = Instant::now();
        while !shutdown.is_triggered() {
            let look_for_overdue = Instant::now() >= overdue_at;
            if look_for_overdue {
                overdue_at = Instant::now() + OVERDUE_EVERY;
            }
            let pause = match self.round(look_for_overdue).await {
                Ok(issued) => {
                    component.ready(true);
                    if issued > 0 { BUSY } else { IDLE }
                }
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "planner waits for the store");
                    component.ready(false);
                    AWAY
                }
                Err(error) => return Err(error),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => (),
                () = shutdown.triggered() => (),
            }
        }
        component.ended();
        Ok(())
    }

    /// One look at the ledger; how many jobs were issued.
    async fn round(&self, look_for_overdue: bool) -> Result<usize, StoreError> {
        let (jobs, now) = (self.store.jobs(), self.clock.now());
        let limit = i64::from(self.config.issue_batch.get());
        if look_for_overdue {
            let overdue = jobs.reissue_overdue(now, self.config.max_attempts, limit).await?;
            if overdue.again + overdue.failed > 0 {
                tracing::warn!(again = overdue.again, failed = overdue.failed, "jobs did not land in time");
            }
        }
        jobs.issue_due(now, self.config.max_open_windows, limit).await
    }
}
