//! A stage's producer: everything sent since [`Outlet::begin`] counts with the commit or not at all.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use events::{Outbound, Topic};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message, ToBytes};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use uuid::Uuid;

use super::feed::Feed;
use super::letters::Letter;
use super::seat::Seat;
use super::{End, Trouble};
use crate::kafka::{clients, message};
use crate::{Delivery, Fault, RunError, Trace, metrics};

/// How long one call to the broker may take. With repeats a commit takes at most six times as long, which is still
/// below `max.poll.interval.ms`.
const PATIENCE: Duration = Duration::from_secs(8);

pub(crate) struct Outlet {
    producer: ThreadedProducer<Reports>,
    delivery: Delivery,
    stage: &'static str,
    source: String,
    ways: Vec<Way>,
    framed: Vec<u8>,
}

/// A topic that the stage may write.
struct Way {
    topic: &'static Topic,
    name: String,
    partitions: i32,
    schema_id: u32,
}

/// Keeps the first delivery that failed; the others are not reported.
#[derive(Default)]
struct Reports(Mutex<Option<KafkaError>>);

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.clone());
        }
    }
}

impl Outlet {
    /// Opens a producer. If a predecessor of the same name left a transaction open, it is settled first.
    pub(crate) fn open(seat: &Seat) -> Result<Self, End> {
        let kafka = &seat.kafka.0;
        let ways = seat.plan.outputs.iter().filter_map(|topic| kafka.target(topic)).map(|target| Way {
            topic: target.topic,
            name: target.name.clone(),
            partitions: target.partitions,
            schema_id: target.schema_id,
        });
        let producer: ThreadedProducer<Reports> =
            clients::stage_producer(&kafka.config, &seat.identity)?.create_with_context(Reports::default())?;
        let delivery = kafka.config.delivery;
        if delivery == Delivery::ExactlyOnce {
            settle_predecessor(seat, &producer)?;
        }
        let (stage, source) = (seat.plan.name, format!("/connector/{}", seat.plan.name));
        Ok(Self { producer, delivery, stage, source, ways: ways.collect(), framed: Vec::new() })
    }

    /// Begins what belongs together.
    pub(crate) fn begin(&self) -> Result<(), Trouble> {
        // What an attempt that was given up left behind says nothing about this one.
        drop(self.reported());
        match self.delivery {
            Delivery::ExactlyOnce => self.producer.begin_transaction().map_err(|error| self.give_up(error)),
            Delivery::AtLeastOnce => Ok(()),
        }
    }

    /// Hands a message to the producer.
    pub(crate) fn send(&mut self, message: &Outbound, trace: Option<Trace>) -> Result<(), Trouble> {
        let Some(way) = self.ways.iter().find(|way| std::ptr::eq(way.topic, message.topic)) else {
            return Err(Trouble::End(End::Stop(undeclared(self.stage, message.topic))));
        };
        if let Some(datum) = &message.payload {
            self.framed.clear();
            self.framed.push(0);
            self.framed.extend_from_slice(&way.schema_id.to_be_bytes());
            self.framed.extend_from_slice(datum);
        }
        let mut key = Uuid::encode_buffer();
        let key: &str = message.key.as_hyphenated().encode_lower(&mut key);
        let partition = events::partition_of(message.partition_key, way.partitions);
        let headers = message::headers(message, &self.source, trace.as_ref().map(Trace::as_str));
        let record = BaseRecord::to(&way.name).partition(partition).key(key).headers(headers);
        let record =
            BaseRecord { payload: message.payload.is_some().then_some(self.framed.as_slice()), ..record };
        self.hand_over(record)
    }

    /// Hands a dead letter to the producer.
    pub(crate) fn bury(&self, letter: Letter, message: &impl Message) -> Result<(), Trouble> {
        let record: BaseRecord<'_, [u8], [u8]> = BaseRecord {
            key: message.key(),
            payload: message.payload(),
            ..BaseRecord::to(&letter.topic).partition(letter.partition).headers(letter.headers)
        };
        self.hand_over(record)
    }

    fn hand_over<K: ToBytes + ?Sized>(&self, mut record: BaseRecord<'_, K, [u8]>) -> Result<(), Trouble> {
        let begun = Instant::now();
        while let Err((error, back)) = self.producer.send(record) {
            let full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
            if !full || begun.elapsed() > PATIENCE {
                return Err(self.give_up(error));
            }
            record = back;
            nap(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Makes everything since [`Outlet::begin`] count, together with how far the feed has read.
    pub(crate) fn commit(&self, feed: &Feed) -> Result<(), Trouble> {
        let begun = Instant::now();
        let offsets =
            feed.list(feed.ahead().iter().map(|slot| (slot.place, slot.next))).map_err(End::from)?;
        let committed = match self.delivery {
            Delivery::ExactlyOnce => self.commit_transaction(feed, &offsets),
            Delivery::AtLeastOnce => {
                self.delivered().and_then(|()| feed.consumer().commit(&offsets, CommitMode::Sync))
            }
        };
        committed.map_err(|error| self.give_up(error))?;
        metrics::committed(self.stage, begun.elapsed());
        Ok(())
    }

    fn commit_transaction(&self, feed: &Feed, offsets: &rdkafka::TopicPartitionList) -> KafkaResult<()> {
        let group = feed.consumer().group_metadata().ok_or(KafkaError::Canceled)?;
        self.patiently(|| self.producer.send_offsets_to_transaction(offsets, &group, PATIENCE))?;
        // Committing with deliveries under way costs a tenth of a second of waiting inside the client library.
        self.delivered()?;
        self.patiently(|| self.producer.commit_transaction(PATIENCE))
    }

    /// Waits until the broker has everything; a message that it does not take in its time is an error.
    fn delivered(&self) -> KafkaResult<()> {
        let begun = Instant::now();
        while self.producer.in_flight_count() > 0 {
            if begun.elapsed() > PATIENCE * 2 {
                return Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut));
            }
            nap(Duration::from_micros(500));
        }
        self.reported().map_or(Ok(()), Err)
    }

    fn reported(&self) -> Option<KafkaError> {
        self.producer.client().context().0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Does a call again that may succeed the next time.
    fn patiently(&self, call: impl Fn() -> KafkaResult<()>) -> KafkaResult<()> {
        let begun = Instant::now();
        loop {
            match call() {
                Err(KafkaError::Transaction(error)) if error.is_retriable() && begun.elapsed() < PATIENCE => {
                    tracing::debug!(stage = self.stage, %error, "asking the broker again");
                    nap(Duration::from_millis(20));
                }
                result => return result,
            }
        }
    }

    /// Undoes what was begun. Whether the same batch may be tried again depends on what is left of the producer.
    fn give_up(&self, error: KafkaError) -> Trouble {
        let fatal = matches!(&error, KafkaError::Transaction(error) if error.is_fatal());
        if fatal || self.producer.client().fatal_error().is_some() {
            return Trouble::End(End::Rebuild(error.to_string()));
        }
        match self.abort() {
            Ok(()) => Trouble::Again(Fault::from(error)),
            Err(why) => Trouble::End(End::Rebuild(format!("{error}; and then: {why}"))),
        }
    }

    fn abort(&self) -> KafkaResult<()> {
        if self.delivery == Delivery::AtLeastOnce {
            // Nothing to undo, but nothing of it may be taken for the next attempt's.
            drop(self.delivered());
            return Ok(());
        }
        // The first call only makes the producer drop what is under way: with deliveries outstanding it would burn its
        // whole time.
        if self.producer.abort_transaction(Duration::from_millis(10)).is_ok() {
            return Ok(());
        }
        drop(self.delivered());
        self.patiently(|| self.producer.abort_transaction(Duration::from_secs(2)))
    }
}

/// Ends the transaction that a predecessor of the same name may have left open, as soon as the broker is there.
fn settle_predecessor(seat: &Seat, producer: &ThreadedProducer<Reports>) -> Result<(), End> {
    while !seat.shutdown.is_triggered() {
        match producer.init_transactions(PATIENCE) {
            Err(KafkaError::Transaction(error)) if error.is_retriable() => {
                tracing::warn!(stage = seat.plan.name, %error, "the broker does not settle transactions yet; asking again");
                seat.component.alive();
            }
            result => return Ok(result?),
        }
    }
    Ok(())
}

pub(crate) fn undeclared(stage: &'static str, topic: &Topic) -> RunError {
    RunError::Config { reason: format!("{stage} writes to {}, which is not among its outputs", topic.name) }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the thread belongs to one worker, which has nothing else to do"
)]
fn nap(pause: Duration) {
    std::thread::sleep(pause);
}
