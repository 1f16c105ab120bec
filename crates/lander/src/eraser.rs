//! The loop that deletes what ended consents brought, one short step at a time.

use std::time::Duration;

use events::ConsentId;
use service::health::Component;
use service::{Clock, Shutdown};
use store::{Step, Store, StoreError};

use crate::metrics;

/// A step takes well under the store's own time-out of 30 s.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// How soon a revoke is seen.
const IDLE: Duration = Duration::from_millis(250);
/// How long the store is left alone when it does not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// Rows a step deletes: enough to be quick, few enough not to hold locks for long.
const BATCH: i64 = 1_000;

/// Erases the oldest first. Several erasers may run: every step is a transaction of its own, and whoever comes second
/// finds less to do.
pub struct Eraser {
    store: Store,
    clock: Clock,
}

impl Eraser {
    /// An eraser over this store.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Erases until shutdown.
    ///
    /// # Errors
    /// What the store reports as a fault of the program; a store that is away is waited for.
    pub async fn run(self, component: Component, shutdown: Shutdown) -> Result<(), StoreError> {
        while !shutdown.is_triggered() {
            let pause = match self.step().await {
                Ok(true) => Duration::ZERO,
                Ok(false) => IDLE,
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "erasure has to wait for the store");
                    PAUSE
                }
                Err(error) => return Err(error),
            };
            component.ready(true);
            tokio::select! {
                () = tokio::time::sleep(pause) => (),
                () = shutdown.triggered() => (),
            }
        }
        component.ended();
        Ok(())
    }

    /// One step of the oldest erasure; whether there was one.
    async fn step(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let task = self.store.erasure().next(now).await?;
        metrics::pending(task.map(|task| now.duration_since(task.queued_at)));
        let Some(task) = task else { return Ok(false) };
        match self.store.erasure().step(task.consent_id, BATCH, now).await {
            Ok(Step::More) => Ok(true),
            Ok(Step::Done { transactions, accounts }) => {
                done(task.consent_id, transactions, accounts);
                Ok(true)
            }
            // Another eraser has finished it meanwhile.
            Err(StoreError::NotFound) => Ok(true),
            Err(error) => Err(error),
        }
    }
}

fn done(consent: ConsentId, transactions: i64, accounts: i64) {
    metrics::erased(transactions, accounts);
    tracing::info!(%consent, transactions, accounts, "data of an ended consent is erased");
}
