//! Records to bytes and back, without a generic value in between.

use serde_avro_fast::Schema;
use serde_avro_fast::ser::SerializerConfig;

use crate::records::Record;

/// A datum or its frame could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum AvroError {
    /// The record does not fit its schema.
    #[error("record does not fit its schema")]
    Encode(#[from] serde_avro_fast::ser::SerError),
    /// The bytes are not a datum of the writer's schema.
    #[error("bytes are not a datum of the writer's schema")]
    Decode(#[from] serde_avro_fast::de::DeError),
    /// Bytes follow the datum: it was written with another schema.
    #[error("{0} bytes follow the datum")]
    Trailing(usize),
    /// No Confluent frame: a zero byte and four bytes of schema id.
    #[error("value does not begin with a zero byte and a schema id")]
    NoFrame,
}

/// Writes a record as a bare datum of its own schema.
///
/// # Errors
/// [`AvroError::Encode`] when the record does not fit its schema.
pub fn encode<T: Record>(record: &T) -> Result<Vec<u8>, AvroError> {
    let mut config = SerializerConfig::new(T::schema());
    Ok(serde_avro_fast::to_datum(record, Vec::with_capacity(512), &mut config)?)
}

/// Reads a bare datum that was written with `writer`, which may be another version of the record's schema: fields
/// this version does not know are passed over, missing ones take their serde default.
///
/// # Errors
/// [`AvroError::Decode`] or [`AvroError::Trailing`] when the bytes are something else.
pub fn decode<T: Record>(datum: &[u8], writer: &Schema) -> Result<T, AvroError> {
    let mut state = serde_avro_fast::de::DeserializerState::from_slice(datum, writer);
    let record = T::deserialize(state.deserializer())?;
    let mut rest = state.into_reader();
    let left = std::io::copy(&mut rest, &mut std::io::sink())
        .map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX));
    if left == 0 { Ok(record) } else { Err(AvroError::Trailing(left)) }
}

/// Puts the Confluent frame before a datum: a zero byte, then the schema id in big-endian order.
#[must_use]
pub fn frame(schema_id: u32, datum: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(datum.len() + 5);
    framed.push(0);
    framed.extend_from_slice(&schema_id.to_be_bytes());
    framed.extend_from_slice(datum);
    framed
}

/// Splits a framed value into schema id and datum.
///
/// # Errors
/// [`AvroError::NoFrame`] when the value is too short or begins otherwise.
pub fn unframe(value: &[u8]) -> Result<(u32, &[u8]), AvroError> {
    match value {
        [0, a, b, c, d, datum @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), datum)),
        _ => Err(AvroError::NoFrame),
    }
}
