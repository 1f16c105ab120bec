//! A consumer and how far it has read.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::End;
use super::context::{Change, Watch, give_up};
use super::seat::Seat;
use crate::Position;
use crate::kafka::clients;

/// Prefetched records of a worker whose records are small and quickly done.
pub(crate) const MANY: u32 = 8_192;
/// Prefetched records of a worker that takes few at a time.
pub(crate) const FEW: u32 = 1_024;

/// A consumer and how far it has read.
pub(crate) struct Feed {
    consumer: BaseConsumer<Watch>,
    inputs: Vec<Input>,
    slots: RefCell<Vec<Slot>>,
    paused: Cell<bool>,
}

struct Input {
    topic: &'static events::Topic,
    name: String,
}

/// A partition of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    input: usize,
    pub(crate) partition: i32,
}

impl Place {
    /// A partition of the input of that number.
    pub(crate) fn new(input: usize, partition: i32) -> Self {
        Self { input, partition }
    }
}

/// How far one assigned partition has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    pub(crate) place: Place,
    /// The first offset that is not committed.
    pub(crate) from: i64,
    /// The first offset that is not read.
    pub(crate) next: i64,
}

/// A record, as it lies in the client library's memory.
pub(crate) struct Taken<'f> {
    pub(crate) message: BorrowedMessage<'f>,
    pub(crate) place: Place,
    pub(crate) position: Position,
}

impl Feed {
    /// Joins the group.
    pub(crate) fn open(seat: &Seat, queue_kbytes: u32) -> Result<Self, End> {
        let (kafka, name) = (&seat.kafka.0, seat.plan.name);
        let config = clients::consumer(&kafka.config, &seat.identity, queue_kbytes)?;
        let consumer: BaseConsumer<Watch> =
            config.create_with_context(Watch::new(name)).map_err(|error| End::Rebuild(error.to_string()))?;
        let target = |topic: &&'static events::Topic| {
            kafka.target(topic).map(|target| Input { topic: target.topic, name: target.name.clone() })
        };
        let inputs: Vec<_> = seat.plan.inputs.iter().filter_map(target).collect();
        let feed = Self { consumer, inputs, slots: RefCell::default(), paused: Cell::new(false) };
        let names: Vec<_> = feed.inputs.iter().map(|input| input.name.as_str()).collect();
        feed.consumer.subscribe(&names)?;
        Ok(feed)
    }

    pub(crate) fn consumer(&self) -> &BaseConsumer<Watch> {
        &self.consumer
    }

    /// The next record, if one comes in time. What was read already, or is no longer ours, is passed over.
    pub(crate) fn poll(&self, patience: Duration) -> Result<Option<Taken<'_>>, End> {
        match self.consumer.poll(patience) {
            None => Ok(None),
            Some(Ok(message)) => Ok(self.take(message)),
            Some(Err(error)) => passing(error).map(|()| None),
        }
    }

    fn take<'f>(&'f self, message: BorrowedMessage<'f>) -> Option<Taken<'f>> {
        let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
        let mut slots = self.slots.borrow_mut();
        let slot = slots.iter_mut().find(|slot| {
            slot.place.partition == partition
                && self.inputs.get(slot.place.input).is_some_and(|input| input.name == topic)
        })?;
        if offset < slot.next {
            return None;
        }
        slot.next = offset + 1;
        let (place, topic) = (slot.place, self.inputs.get(slot.place.input)?.topic);
        Some(Taken { message, place, position: Position { topic, partition, offset } })
    }

    /// Shows that the worker is there without taking a record.
    pub(crate) fn keep_alive(&self) -> Result<(), End> {
        self.pause()?;
        match self.poll(Duration::ZERO)? {
            None => Ok(()),
            Some(_) => Err(End::Rebuild("a record came from a paused partition".to_owned())),
        }
    }

    pub(crate) fn pause(&self) -> Result<(), End> {
        if !self.paused.replace(true) {
            self.consumer.pause(&self.consumer.assignment()?)?;
        }
        Ok(())
    }

    pub(crate) fn resume(&self) -> Result<(), End> {
        if self.paused.replace(false) {
            self.consumer.resume(&self.consumer.assignment()?)?;
        }
        Ok(())
    }

    /// Whether a change of assignment waits for an answer.
    pub(crate) fn rebalancing(&self) -> bool {
        self.consumer.context().pending()
    }

    /// Whether the partitions have gone to others already: nothing of them may be committed any more.
    pub(crate) fn lost(&self) -> bool {
        self.rebalancing() && self.consumer.assignment_lost()
    }

    pub(crate) fn change(&self) -> Option<Change> {
        self.consumer.context().first()
    }

    /// Takes partitions, each from its offset.
    pub(crate) fn assign(&self, starts: &[(Place, i64)]) -> Result<(), End> {
        let list = self.list(starts.iter().copied())?;
        self.resume()?;
        match self.consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => self.consumer.incremental_assign(&list)?,
            _ => {
                self.slots.borrow_mut().clear();
                self.consumer.assign(&list)?;
            }
        }
        let slots = starts.iter().map(|&(place, start)| Slot { place, from: start, next: start });
        self.slots.borrow_mut().extend(slots);
        self.consumer.context().answered();
        Ok(())
    }

    /// Gives partitions up and forgets how far they were.
    pub(crate) fn revoke(&self, change: &Change, places: &[Place]) -> Result<(), End> {
        self.slots.borrow_mut().retain(|slot| !places.contains(&slot.place));
        give_up(&self.consumer, change)?;
        self.consumer.context().answered();
        Ok(())
    }

    /// The partitions of a list that are ours to read.
    pub(crate) fn places(&self, list: &TopicPartitionList) -> Vec<Place> {
        let place = |topic: &str, partition| {
            let input = self.inputs.iter().position(|input| input.name == topic)?;
            Some(Place::new(input, partition))
        };
        list.elements().iter().filter_map(|element| place(element.topic(), element.partition())).collect()
    }

    /// The full name of a place's topic.
    pub(crate) fn topic_name(&self, place: Place) -> &str {
        self.inputs.get(place.input).map_or("", |input| &input.name)
    }

    /// A place's topic, before any prefix.
    pub(crate) fn topic(&self, place: Place) -> &'static str {
        self.inputs.get(place.input).map_or("", |input| input.topic.name)
    }

    /// The slots that have read what is not committed.
    pub(crate) fn ahead(&self) -> Vec<Slot> {
        self.slots.borrow().iter().copied().filter(|slot| slot.next > slot.from).collect()
    }

    /// Everything that was read is committed.
    pub(crate) fn settled(&self) {
        self.slots.borrow_mut().iter_mut().for_each(|slot| slot.from = slot.next);
    }

    /// A place is committed up to an offset.
    pub(crate) fn settled_to(&self, place: Place, offset: i64) {
        let mut slots = self.slots.borrow_mut();
        if let Some(slot) = slots.iter_mut().find(|slot| slot.place == place) {
            slot.from = slot.from.max(offset);
        }
    }

    /// The client library's form of places with offsets.
    pub(crate) fn list(
        &self,
        offsets: impl IntoIterator<Item = (Place, i64)>,
    ) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for (place, offset) in offsets {
            list.add_partition_offset(self.topic_name(place), place.partition, Offset::Offset(offset))?;
        }
        Ok(list)
    }
}

impl Drop for Feed {
    /// Closing answers its own changes, and so must we from here on. A static member leaves nothing but its place.
    fn drop(&mut self) {
        self.consumer.context().close();
        while let Some(change) = self.change() {
            if let Err(error) = give_up(&self.consumer, &change) {
                tracing::debug!(%error, "a partition was not given up cleanly");
            }
            self.consumer.context().answered();
        }
    }
}

impl From<KafkaError> for End {
    fn from(error: KafkaError) -> Self {
        Self::Rebuild(error.to_string())
    }
}

/// Sorts what a poll may report: the client library goes on by itself after most of it.
fn passing(error: KafkaError) -> Result<(), End> {
    match error {
        KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset) => Err(End::Jumped),
        KafkaError::MessageConsumptionFatal(_) => Err(End::Rebuild(error.to_string())),
        passing => {
            tracing::warn!(error = %passing, "the broker is not reached or not ready; trying on");
            Ok(())
        }
    }
}
