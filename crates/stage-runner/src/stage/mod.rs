//! Topic to topic: a function from records to verdicts, and everything around it.

use std::sync::Arc;

use events::{Record, Topic};
use service::Shutdown;

use crate::{Fault, Inbound, Kafka, RunError, Verdict};

/// A step from topics to topics.
pub trait Stage: Send + Sync + 'static {
    /// What it reads.
    type In: Record;

    /// What becomes of each record of a batch: as many verdicts as records, in their order. The records of one
    /// partition are in the order they were written. A batch may come again after a fault or a crash.
    ///
    /// # Errors
    /// A [`Fault`] when the world is wrong: nothing is committed and the batch is done again after a pause.
    fn process(
        &self,
        batch: &[Inbound<Self::In>],
    ) -> impl Future<Output = Result<Vec<Verdict>, Fault>> + Send;
}

/// How a stage runs.
#[derive(Debug, Clone)]
pub struct StageSpec {
    /// Its name and its consumer group's, before the prefix.
    pub name: &'static str,
    /// What it reads.
    pub inputs: &'static [&'static Topic],
    /// What it may write.
    pub outputs: &'static [&'static Topic],
    /// Threads, each with a consumer and a producer of its own; more than the inputs have partitions idle.
    pub workers: usize,
}

/// Runs a stage until shutdown: then the batch at hand is finished and committed.
///
/// # Errors
/// [`RunError`] when it cannot go on; the process should end.
pub async fn run_stage<S: Stage>(
    kafka: &Kafka,
    spec: StageSpec,
    stage: Arc<S>,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    drop((kafka, spec, stage));
    shutdown.triggered().await;
    Ok(())
}
