//! Topic to the outside and on to topics: slow work on single records, many at a time.

mod desk;
mod frontier;
mod task;

use std::sync::Arc;

use events::{Outbound, Record, Topic};
use service::Shutdown;

use crate::worker::feed::{FEW, Feed};
use crate::worker::post::Post;
use crate::worker::seat::Seat;
use crate::worker::{Plan, run_workers};
use crate::{Fault, Inbound, Kafka, Rejection, RunError, Trace, metrics};
use desk::Desk;

/// How long a message may take to be delivered before that counts as a fault.
const DELIVERY_MS: u32 = 30_000;

/// Slow work on single records.
pub trait Work: Send + Sync + 'static {
    /// What it reads.
    type In: Record;

    /// Does what one record asks for. It may come again after a fault, a crash or a rebalance, and records are not
    /// done in order.
    ///
    /// # Errors
    /// A [`Fault`] when the world is wrong: the record is done again after a pause.
    fn handle(
        &self,
        message: &Inbound<Self::In>,
        out: &Emitter,
    ) -> impl Future<Output = Result<Done, Fault>> + Send;
}

/// How the work on a record ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Well.
    Ok,
    /// There was nothing to do; counted under the reason.
    Drop {
        /// Why, in few words with underscores: it becomes a label of a metric.
        reason: &'static str,
    },
    /// The record is wrong and goes to the dead letters.
    Reject(Rejection),
}

/// Sends what comes of the work.
#[derive(Clone)]
pub struct Emitter {
    post: Post,
    trace: Option<Trace>,
}

impl Emitter {
    /// Sends a message and waits until the broker has it. It carries the trace of the record that is worked on.
    ///
    /// # Errors
    /// When the broker does not take it in time; the record should be done again.
    pub async fn send(&self, message: Outbound) -> Result<(), Fault> {
        self.post.send(&message, self.trace.as_ref().map(Trace::as_str)).await?;
        metrics::emitted(self.post.name(), 1);
        Ok(())
    }
}

/// How work runs.
#[derive(Debug, Clone)]
pub struct WorkSpec {
    /// Its name and its consumer group's, before the prefix.
    pub name: &'static str,
    /// What it reads.
    pub inputs: &'static [&'static Topic],
    /// What it may write.
    pub outputs: &'static [&'static Topic],
    /// Records worked on at the same time in this process.
    pub concurrency: usize,
}

/// Runs work until shutdown; what is under way then has some seconds to finish.
///
/// # Errors
/// [`RunError`] when it cannot go on; the process should end.
pub async fn run_work<W: Work>(
    kafka: &Kafka,
    spec: WorkSpec,
    work: Arc<W>,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    let plan = Plan { name: spec.name, inputs: spec.inputs, outputs: spec.outputs };
    plan.check::<W::In>(kafka)?;
    let post = Post::open(kafka, spec.name, Some(spec.outputs), DELIVERY_MS)?;
    let run = move |seat: &Seat| {
        seat.supervise(|| {
            let feed = Feed::open(seat, FEW)?;
            Desk::new(seat, &feed, &work, &post, spec.concurrency.max(1)).run()
        })
    };
    run_workers(kafka, plan, 1, &shutdown, run).await
}
