//! Ends consents whose time is over, and those whose authorisation was never finished.

use std::time::Duration;

use events::ConsentId;
use jiff::{SignedDuration, Timestamp};
use service::health::Component;
use service::{Clock, Shutdown};
use store::{ConsentStatus, Store, StoreError, Transition};

/// A sweeper that has not come round for so long is stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How often to look.
const EVERY: Duration = Duration::from_secs(1);

/// Consents moved at once.
const BATCH: i64 = 100;

/// How long a customer may take. Banks forget consents that were not approved after about as long.
const TO_AUTHORISE: SignedDuration = SignedDuration::from_hours(24);

/// Ends consents; any number may run at once.
pub(crate) struct Sweeper {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
}

impl Sweeper {
    /// Sweeps until shutdown.
    pub(crate) async fn run(self, component: Component, shutdown: Shutdown) -> Result<(), StoreError> {
        while !shutdown.is_triggered() {
            match self.round().await {
                Ok(moved) => {
                    component.ready(true);
                    if moved > 0 {
                        continue;
                    }
                }
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "sweeper waits for the store");
                    component.ready(false);
                }
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => (),
                () = shutdown.triggered() => (),
            }
        }
        component.ended();
        Ok(())
    }

    /// Ends some of what is due now; how many there were.
    pub(crate) async fn round(&self) -> Result<usize, StoreError> {
        let (consents, now) = (self.store.consents(), self.clock.now());
        let ended = consents.due_to_expire(now, BATCH).await?;
        let ended = self.end(&ended, ConsentStatus::Expired, "expired", now).await?;
        let since = now.saturating_sub(TO_AUTHORISE).unwrap_or(Timestamp::MIN);
        let abandoned = consents.authorisation_overdue(since, BATCH).await?;
        let abandoned =
            self.end(&abandoned, ConsentStatus::Failed, "authorisation_not_finished", now).await?;
        Ok(ended + abandoned)
    }

    async fn end(
        &self,
        consents: &[ConsentId],
        to: ConsentStatus,
        reason: &str,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut moved = 0;
        let step = Transition { to, actor: "clock", reason: Some(reason), now, trace: None };
        for id in consents {
            match self.store.consents().transition(*id, &step).await {
                Ok(_) => moved += 1,
                // Somebody else was quicker.
                Err(StoreError::Illegal { .. } | StoreError::NotFound) => (),
                Err(error) => return Err(error),
            }
        }
        Ok(moved)
    }
}
