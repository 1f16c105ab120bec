//! Dead letters: what was refused, as it was, with the reason.

use rdkafka::message::{Header, Headers, Message, OwnedHeaders};

use super::feed::Taken;
use crate::kafka::message::header;
use crate::{Kafka, Rejection, RunError};

/// Begins the name of every header that a dead letter has beyond the record's own.
pub(crate) const PREFIX: &str = "x-dead-";
/// How often the record has been refused, kept when it is replayed.
pub(crate) const ATTEMPTS: &str = "x-dead-attempts";
/// Why it was refused.
pub(crate) const CODE: &str = "x-dead-code";
/// Details longer than this are cut.
const DETAIL_BYTES: usize = 1_024;

/// A record on its way to the dead letters.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) headers: OwnedHeaders,
}

/// Addresses a dead letter: the record's partition, its own headers, and where, why and how often it was refused.
pub(crate) fn address<M: Message>(
    kafka: &Kafka,
    stage: &'static str,
    topic: &'static events::Topic,
    message: &M,
    rejection: &Rejection,
) -> Option<Letter> {
    let name = kafka.0.target(topic)?.dead.clone();
    let attempts = attempts(message) + 1;
    let detail = shortened(&rejection.detail);
    let headers = [
        ("x-dead-topic", topic.name),
        ("x-dead-partition", &message.partition().to_string()),
        ("x-dead-offset", &message.offset().to_string()),
        ("x-dead-stage", stage),
        (CODE, rejection.code),
        ("x-dead-detail", detail),
        (ATTEMPTS, &attempts.to_string()),
        ("x-dead-at", &kafka.0.clock.now().to_string()),
    ]
    .into_iter()
    .fold(own_headers(message), |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
    Some(Letter { topic: name, partition: message.partition(), headers })
}

/// A message's headers without those of a dead letter.
pub(crate) fn own_headers<M: Message>(message: &M) -> OwnedHeaders {
    let Some(headers) = message.headers() else {
        return OwnedHeaders::new();
    };
    headers
        .iter()
        .filter(|header| !header.key.starts_with(PREFIX))
        .fold(OwnedHeaders::new_with_capacity(headers.count() + 8), OwnedHeaders::insert_borrowed)
}

/// How often a record was refused before.
pub(crate) fn attempts<M: Message>(message: &M) -> u32 {
    let text = header(message, ATTEMPTS).and_then(|value| std::str::from_utf8(value).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

trait InsertBorrowed {
    fn insert_borrowed(self, header: Header<'_, &[u8]>) -> Self;
}

impl InsertBorrowed for OwnedHeaders {
    fn insert_borrowed(self, header: Header<'_, &[u8]>) -> Self {
        self.insert(Header { key: header.key, value: header.value })
    }
}

fn shortened(detail: &str) -> &str {
    let end = (0..=DETAIL_BYTES.min(detail.len())).rev().find(|end| detail.is_char_boundary(*end));
    detail.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// Counts rejections in a row, over batches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    count: usize,
    limit: usize,
}

impl Row {
    pub(crate) fn new(limit: usize) -> Self {
        Self { count: 0, limit }
    }

    /// Counts on through a batch in which the records at `rejected` (in order) were refused.
    ///
    /// # Errors
    /// When too many follow each other: more likely the program is wrong than all of them.
    pub(crate) fn through(
        self,
        stage: &'static str,
        batch: &[Taken<'_>],
        rejected: &[(usize, Rejection)],
    ) -> Result<Self, RunError> {
        let (mut row, mut expected) = (self, 0);
        for (at, rejection) in rejected {
            row.count = if *at == expected { row.count + 1 } else { 1 };
            expected = at + 1;
            if let (true, Some(taken)) = (row.count >= row.limit, batch.get(*at)) {
                let position = taken.position;
                return Err(too_many(stage, row.count, rejection, position));
            }
        }
        if expected < batch.len() {
            row.count = 0;
        }
        Ok(row)
    }
}

pub(crate) fn too_many(
    stage: &'static str,
    count: usize,
    rejection: &Rejection,
    position: crate::Position,
) -> RunError {
    let crate::Position { topic, partition, offset } = position;
    RunError::TooManyRejections { stage, count, code: rejection.code, topic: topic.name, partition, offset }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        let detail = "é".repeat(DETAIL_BYTES);
        assert_eq!(shortened(&detail).len(), DETAIL_BYTES);
        assert_eq!(shortened(&format!("x{detail}")).len(), DETAIL_BYTES - 1);
        assert_eq!(shortened("short"), "short");
    }
}
