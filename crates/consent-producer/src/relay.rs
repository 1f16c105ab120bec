//! The store's outbox, as the relay wants it.

use jiff::SignedDuration;
use service::Clock;
use stage_runner::Fault;
use stage_runner::outbox::{Row, Source};
use store::Store;

/// How long a relay that died keeps others from taking over.
const LEASE: SignedDuration = SignedDuration::from_secs(5);

/// Consent events (and whatever else was written) on their way to Kafka.
pub(crate) struct StoreOutbox {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
}

impl Source for StoreOutbox {
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
