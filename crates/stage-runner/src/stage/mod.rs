//! Topic to topic: a function from records to verdicts, and everything around it.

mod tally;

use std::sync::Arc;

use events::{Record, Topic};
use service::Shutdown;

use tally::Tally;

use crate::worker::assignment;
use crate::worker::batch::{Limits, Settle, drive};
use crate::worker::decode::Decoder;
use crate::worker::feed::{Feed, MANY, Place, Taken};
use crate::worker::letters::{self, Row};
use crate::worker::outlet::Outlet;
use crate::worker::seat::Seat;
use crate::worker::traces::Traces;
use crate::worker::{End, Plan, Trouble, run_workers};
use crate::{Fault, Inbound, Kafka, RunError, Verdict, metrics};

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
    let plan = Plan { name: spec.name, inputs: spec.inputs, outputs: spec.outputs };
    plan.check::<S::In>(kafka)?;
    let work = move |seat: &Seat| seat.supervise(|| session(seat, &*stage));
    run_workers(kafka, plan, spec.workers, &shutdown, work).await
}

/// One life of a worker's clients. The producer comes first: opening it settles what a predecessor left open, whose
/// offsets the consumer would otherwise have to wait for.
fn session<S: Stage>(seat: &Seat, stage: &S) -> Result<(), End> {
    let config = &seat.kafka.0.config;
    let outlet = Outlet::open(seat)?;
    let feed = Feed::open(seat, MANY)?;
    let limits =
        Limits { records: config.max_batch, bytes: config.max_batch_bytes, age: config.commit_interval() };
    let decoder = Decoder::new(&seat.kafka, seat.plan.inputs);
    let row = Row::new(config.max_consecutive_rejections);
    drive(seat, &feed, limits, &mut Processing { seat, stage, outlet, decoder, row })
}

struct Processing<'s, S: Stage> {
    seat: &'s Seat,
    stage: &'s S,
    outlet: Outlet,
    decoder: Decoder<S::In>,
    row: Row,
}

impl<S: Stage> Settle for Processing<'_, S> {
    const IN_DOUBT: bool = false;

    fn stored(&self, feed: &Feed, places: &[Place]) -> Result<Vec<(Place, i64)>, Fault> {
        assignment::committed(feed, places)
    }

    fn settle(&mut self, feed: &Feed, batch: &[Taken<'_>]) -> Result<(), Trouble> {
        let decoded = self.decoder.decode(self.seat, feed, batch)?;
        let name = self.seat.plan.name;
        let traces = Traces::open(name, &decoded.records);
        let verdicts = self.seat.wait(feed, self.stage.process(&decoded.records))?;
        if verdicts.len() != decoded.records.len() {
            let reason =
                format!("{name} gave {} verdicts on {} records", verdicts.len(), decoded.records.len());
            return Err(Trouble::End(End::Stop(RunError::Config { reason })));
        }
        let tally = Tally::sort(decoded, verdicts);
        let row = self.row.through(name, batch, &tally.rejected).map_err(End::from)?;
        self.outlet.begin()?;
        let messages = self.send(batch, &traces, &tally)?;
        self.outlet.commit(feed)?;
        self.row = row;
        tally.count(name);
        metrics::batch(name, batch.len(), messages);
        Ok(())
    }
}

impl<S: Stage> Processing<'_, S> {
    /// Sends what comes of a batch and returns how many messages that are.
    fn send(&mut self, batch: &[Taken<'_>], traces: &Traces, tally: &Tally) -> Result<usize, Trouble> {
        let mut messages = 0;
        for (trace, outputs) in &tally.emitted {
            let onward = traces.onward(*trace);
            for message in outputs.as_slice() {
                self.outlet.send(message, onward)?;
            }
            messages += outputs.as_slice().len();
        }
        for (at, rejection) in tally.rejected.iter().chain(&tally.in_part) {
            let Some(taken) = batch.get(*at) else { continue };
            let (kafka, name, topic) = (&self.seat.kafka, self.seat.plan.name, taken.position.topic);
            if let Some(letter) = letters::address(kafka, name, topic, &taken.message, rejection) {
                self.outlet.bury(letter, &taken.message)?;
            }
        }
        Ok(messages)
    }
}
