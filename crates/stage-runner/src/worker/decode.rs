//! Bytes to records.

use std::collections::HashMap;
use std::marker::PhantomData;

use events::Record;
use events::avro::{self, Codec};
use rdkafka::message::Message;
use uuid::Uuid;

use super::Trouble;
use super::feed::{Feed, Taken};
use super::seat::Seat;
use crate::kafka::message::trace;
use crate::{Inbound, Kafka, Rejection};

/// Reads records of one type, whoever wrote them.
pub(crate) struct Decoder<T> {
    codecs: HashMap<u32, Option<&'static Codec>>,
    record: PhantomData<fn() -> T>,
}

/// A batch, read. The records are in the batch's order, less the refused ones.
pub(crate) struct Decoded<T> {
    pub(crate) records: Vec<Inbound<T>>,
    /// The place in the batch of each record.
    pub(crate) at: Vec<usize>,
    /// What cannot be read, by its place in the batch.
    pub(crate) refused: Vec<(usize, Rejection)>,
}

impl<T: Record> Decoder<T> {
    /// Knows our own schemas from the start.
    pub(crate) fn new(kafka: &Kafka, inputs: &[&'static events::Topic]) -> Self {
        let ids = inputs.iter().filter_map(|topic| kafka.schema_id(topic));
        Self { codecs: ids.map(|id| (id, Some(T::codec()))).collect(), record: PhantomData }
    }

    /// Reads a batch.
    ///
    /// # Errors
    /// [`Trouble::Again`] when a schema is not known yet and the registry does not answer.
    pub(crate) fn decode(
        &mut self,
        seat: &Seat,
        feed: &Feed,
        batch: &[Taken<'_>],
    ) -> Result<Decoded<T>, Trouble> {
        let mut decoded = Decoded {
            records: Vec::with_capacity(batch.len()),
            at: Vec::with_capacity(batch.len()),
            refused: Vec::new(),
        };
        // What the registry did not know once it may know by now.
        self.codecs.retain(|_, codec| codec.is_some());
        for (at, taken) in batch.iter().enumerate() {
            match self.value(seat, feed, taken.message.payload())? {
                Ok(value) => {
                    let key = taken.message.key().and_then(|key| Uuid::try_parse_ascii(key).ok());
                    let (position, trace) = (taken.position, trace(&taken.message));
                    decoded.records.push(Inbound { value, key, position, trace });
                    decoded.at.push(at);
                }
                Err(rejection) => decoded.refused.push((at, rejection)),
            }
        }
        Ok(decoded)
    }

    fn value(
        &mut self,
        seat: &Seat,
        feed: &Feed,
        payload: Option<&[u8]>,
    ) -> Result<Result<Option<T>, Rejection>, Trouble> {
        let Some(payload) = payload else {
            return Ok(Ok(None));
        };
        let (id, datum) = match avro::unframe(payload) {
            Ok(framed) => framed,
            Err(error) => return Ok(Err(undecodable(&error))),
        };
        let Some(codec) = self.codec(seat, feed, id)? else {
            let detail = format!("the registry knows no Avro schema {id}");
            return Ok(Err(Rejection { code: "unknown_schema", detail }));
        };
        Ok(avro::decode(datum, codec).map(Some).map_err(|error| undecodable(&error)))
    }

    fn codec(&mut self, seat: &Seat, feed: &Feed, id: u32) -> Result<Option<&'static Codec>, Trouble> {
        if let Some(known) = self.codecs.get(&id) {
            return Ok(*known);
        }
        let codec = seat.wait(feed, seat.kafka.0.schemas.get(id))?;
        self.codecs.insert(id, codec);
        Ok(codec)
    }
}

/// Without the cause: it may quote what was read.
fn undecodable(error: &avro::AvroError) -> Rejection {
    Rejection { code: "undecodable", detail: error.to_string() }
}
