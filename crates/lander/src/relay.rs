//! The store's outbox, as the relay sees it. Any role may relay; the lease lets one do it at a time.

use std::time::Duration;

use events::EventId;
use jiff::SignedDuration;
use service::{Clock, Shutdown};
use stage_runner::outbox::{self, RelaySpec, Row, Source};
use stage_runner::{Fault, Kafka, RunError};
use store::Store;

/// How long a relay that died keeps the others from taking over.
const LEASE: SignedDuration = SignedDuration::from_secs(5);
/// How soon what was written is seen.
const POLL: Duration = Duration::from_millis(20);

/// Tombstones and whatever else was written together with facts.
pub struct OutboxRelay {
    store: Store,
    clock: Clock,
}

impl OutboxRelay {
    /// The outbox of this store.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Relays until shutdown, under a name that no other relay has.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn run(self, kafka: &Kafka, shutdown: Shutdown) -> Result<(), RunError> {
        let holder = format!("lander-{}", EventId::new(self.clock.now()));
        outbox::run_relay(kafka, self, RelaySpec { holder, idle_poll: POLL }, shutdown).await
    }
}

impl Source for OutboxRelay {
    async fn lease(&self, holder: &str) -> Result<bool, Fault> {
        Ok(self.store.outbox().lease(holder, self.clock.now(), LEASE).await?)
    }

    async fn read(&self, limit: i64) -> Result<Vec<Row>, Fault> {
        let rows = self.store.outbox().read(limit).await?;
        Ok(rows.into_iter().map(|row| Row { id: row.id, message: row.message, trace: row.trace }).collect())
    }

    async fn delete(&self, ids: &[i64]) -> Result<(), Fault> {
        Ok(self.store.outbox().delete(ids).await?)
    }
}
