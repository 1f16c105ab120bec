//! A message on its way to a topic.

use uuid::Uuid;

use crate::avro::{self, AvroError};
use crate::records::Record;
use crate::topics::Topic;

/// What a stage or the outbox hands to the producer: a bare Avro datum (the producer adds the frame with the schema
/// id) or nothing, which deletes the key from a compacted topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// Where to.
    pub topic: &'static Topic,
    /// The message key, written as hyphenated text.
    pub key: Uuid,
    /// Decides the partition; usually the key itself.
    pub partition_key: Uuid,
    /// The CloudEvents id: duplicates of one event carry the same.
    pub event_id: Uuid,
    /// The Avro datum, or none for a tombstone.
    pub payload: Option<Vec<u8>>,
}

impl Outbound {
    /// A record for a topic, keyed and partitioned by the same id.
    ///
    /// # Errors
    /// When the record does not fit its schema, which is a fault of the program.
    pub fn record<T: Record>(
        topic: &'static Topic,
        key: Uuid,
        event_id: Uuid,
        record: &T,
    ) -> Result<Self, AvroError> {
        Ok(Self { topic, key, partition_key: key, event_id, payload: Some(avro::encode(record)?) })
    }

    /// A tombstone: the key is to disappear from a compacted topic.
    #[must_use]
    pub fn tombstone(topic: &'static Topic, key: Uuid, partition_key: Uuid) -> Self {
        Self { topic, key, partition_key, event_id: key, payload: None }
    }

    /// The same message in the partition that belongs to another key.
    #[must_use]
    pub fn partitioned_by(self, partition_key: Uuid) -> Self {
        Self { partition_key, ..self }
    }
}
