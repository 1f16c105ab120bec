//! Topic to store: the store keeps the positions beside the rows, and its word counts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use events::{Record, Topic};
use rdkafka::consumer::{CommitMode, Consumer};
use service::Shutdown;

use crate::worker::batch::{Limits, Settle, drive};
use crate::worker::decode::Decoder;
use crate::worker::feed::{Feed, MANY, Place, Taken};
use crate::worker::letters::Row;
use crate::worker::post::Post;
use crate::worker::seat::{Pauses, Seat};
use crate::worker::traces::Traces;
use crate::worker::{End, Plan, Trouble, run_workers};
use crate::{Fault, Inbound, Kafka, Position, Rejection, RunError, metrics};

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
    let plan = Plan { name: spec.name, inputs: spec.inputs, outputs: &[] };
    plan.check::<K::In>(kafka)?;
    let post = Post::open(kafka, spec.name, Some(&[]), DELIVERY_MS)?;
    let work = move |seat: &Seat| seat.supervise(|| session(seat, &*sink, &post, spec.max_batch));
    run_workers(kafka, plan, spec.workers, &shutdown, work).await
}

/// How long a dead letter may take to be delivered before it is sent again.
const DELIVERY_MS: u32 = 20_000;

fn session<K: Sink>(seat: &Seat, sink: &K, post: &Post, max_batch: usize) -> Result<(), End> {
    let config = &seat.kafka.0.config;
    let feed = Feed::open(seat, MANY)?;
    let limits =
        Limits { records: max_batch.max(1), bytes: config.max_batch_bytes, age: config.commit_interval() };
    let decoder = Decoder::new(&seat.kafka, seat.plan.inputs);
    let row = Row::new(config.max_consecutive_rejections);
    drive(seat, &feed, limits, &mut Landing { seat, sink, post, decoder, row, buried: Vec::new() })
}

struct Landing<'s, K: Sink> {
    seat: &'s Seat,
    sink: &'s K,
    post: &'s Post,
    decoder: Decoder<K::In>,
    row: Row,
    /// Letters of the batch at hand that are delivered already: trying a batch again must not double them.
    buried: Vec<Position>,
}

impl<K: Sink> Settle for Landing<'_, K> {
    const IN_DOUBT: bool = true;

    fn stored(&self, feed: &Feed, places: &[Place]) -> Result<Vec<(Place, i64)>, Fault> {
        let mut topics: BTreeMap<&str, Vec<Place>> = BTreeMap::new();
        for &place in places {
            topics.entry(feed.topic_name(place)).or_default().push(place);
        }
        let mut found = Vec::with_capacity(places.len());
        for (topic, places) in topics {
            let partitions: Vec<_> = places.iter().map(|place| place.partition).collect();
            let asked = self.sink.positions(&self.seat.identity.group, topic, &partitions);
            for (partition, next) in self.seat.runtime.block_on(limited(asked))? {
                let place = places.iter().find(|place| place.partition == partition);
                found.extend(place.map(|&place| (place, next)));
            }
        }
        Ok(found)
    }

    fn settle(&mut self, feed: &Feed, batch: &[Taken<'_>]) -> Result<(), Trouble> {
        let name = self.seat.plan.name;
        let decoded = self.decoder.decode(self.seat, feed, batch)?;
        // What cannot be read is refused before anything is written: too much of it must stop the worker first.
        self.row.through(name, batch, &decoded.refused).map_err(End::from)?;
        self.bury(feed, batch, &decoded.refused)?;
        let _traces = Traces::open(name, &decoded.records);
        let (begun, progress) = (Instant::now(), progress(feed));
        let written = self.sink.write(&self.seat.identity.group, &decoded.records, &progress);
        let refused = self.seat.wait(feed, written)?;
        metrics::committed(name, begun.elapsed());
        let mut all = decoded.refused;
        all.extend(refused.into_iter().filter_map(|(n, why)| Some((*decoded.at.get(n)?, why))));
        all.sort_unstable_by_key(|(at, _)| *at);
        self.written(feed, batch, &all)
    }
}

impl<K: Sink> Landing<'_, K> {
    /// From here on the batch is written and cannot be tried again.
    fn written(
        &mut self,
        feed: &Feed,
        batch: &[Taken<'_>],
        refused: &[(usize, Rejection)],
    ) -> Result<(), Trouble> {
        let (name, mut pauses) = (self.seat.plan.name, Pauses::new());
        while let Err(trouble) = self.bury(feed, batch, refused) {
            let Trouble::Again(fault) = trouble else { return Err(trouble) };
            tracing::warn!(stage = name, %fault, "a dead letter was not delivered; sending it again");
            if self.seat.shutdown.is_triggered() {
                tracing::error!(
                    stage = name,
                    letters = refused.len(),
                    "{name} ends with dead letters undelivered"
                );
                break;
            }
            self.seat.rest_in_place(feed, pauses.longer())?;
        }
        self.buried.clear();
        metrics::batch(name, batch.len(), 0);
        self.row = self.row.through(name, batch, refused).map_err(End::from)?;
        self.show_progress(feed)
    }

    /// Delivers the dead letters that are not delivered yet.
    fn bury(
        &mut self,
        feed: &Feed,
        batch: &[Taken<'_>],
        refused: &[(usize, Rejection)],
    ) -> Result<(), Trouble> {
        for (at, rejection) in refused {
            let Some(taken) = batch.get(*at).filter(|taken| !self.buried.contains(&taken.position)) else {
                continue;
            };
            let (name, code) = (self.seat.plan.name, rejection.code);
            tracing::warn!(stage = name, code, detail = rejection.detail, "{name} rejected a record");
            self.seat.wait(feed, self.post.bury(taken.position.topic, &taken.message, rejection))?;
            metrics::rejected(name, code);
            self.buried.push(taken.position);
        }
        Ok(())
    }

    /// Tells the group how far the store is: for lag displays only, so a failure does not matter.
    fn show_progress(&self, feed: &Feed) -> Result<(), Trouble> {
        let offsets =
            feed.list(feed.ahead().iter().map(|slot| (slot.place, slot.next))).map_err(End::from)?;
        if let Err(error) = feed.consumer().commit(&offsets, CommitMode::Async) {
            tracing::debug!(stage = self.seat.plan.name, %error, "the group was not told how far the store is");
        }
        Ok(())
    }
}

/// How long one question to the store may take before it counts as no answer.
const CALL: Duration = Duration::from_secs(10);

async fn limited<T>(call: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    tokio::time::timeout(CALL, call).await.unwrap_or_else(|_| Err(Fault::new("the store does not answer")))
}

fn progress(feed: &Feed) -> Vec<Progress> {
    let step = |slot: &crate::worker::feed::Slot| Progress {
        topic: feed.topic_name(slot.place).to_owned(),
        partition: slot.place.partition,
        from: slot.from,
        next: slot.next,
    };
    feed.ahead().iter().map(step).collect()
}
