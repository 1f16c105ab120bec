//! Records to bytes and back, without a generic value in between.

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;

use crate::records::Record;

/// A datum, its frame or its schema could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum AvroError {
    /// The text is not an Avro schema.
    #[error("not an Avro schema")]
    Schema(#[source] apache_avro::Error),
    /// The record does not fit its schema.
    #[error("record does not fit its schema")]
    Encode(#[source] apache_avro::Error),
    /// The bytes are not a datum of the writer's schema.
    #[error("bytes are not a datum of the writer's schema")]
    Decode(#[source] apache_avro::Error),
    /// Bytes follow the datum: it was written with another schema.
    #[error("{0} bytes follow the datum")]
    Trailing(usize),
    /// No Confluent frame: a zero byte and four bytes of schema id.
    #[error("value does not begin with a zero byte and a schema id")]
    NoFrame,
}

/// A schema made ready to read and write with, once: resolving its names for every record would cost more than the
/// record.
pub struct Codec {
    reader: GenericDatumReader<'static>,
    writer: GenericDatumWriter<'static>,
}

impl std::fmt::Debug for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Codec(..)")
    }
}

impl Codec {
    /// Parses a schema. It is kept for the life of the process: there are as many as the registry has versions.
    ///
    /// # Errors
    /// [`AvroError::Schema`] when the text is no schema.
    pub fn parse(json: &str) -> Result<Self, AvroError> {
        let schema: &'static Schema =
            Box::leak(Box::new(Schema::parse_str(json).map_err(AvroError::Schema)?));
        let reader = GenericDatumReader::builder(schema).build().map_err(AvroError::Schema)?;
        let writer = GenericDatumWriter::builder(schema).build().map_err(AvroError::Schema)?;
        Ok(Self { reader, writer })
    }
}

/// Writes a record as a bare datum of its own schema.
///
/// # Errors
/// [`AvroError::Encode`] when the record does not fit its schema.
pub fn encode<T: Record>(record: &T) -> Result<Vec<u8>, AvroError> {
    let mut datum = Vec::with_capacity(512);
    T::codec().writer.write_ser(&mut datum, record).map_err(AvroError::Encode)?;
    Ok(datum)
}

/// Reads a bare datum that was written with `writer`, which may be another version of the record's schema: fields
/// this version does not know are passed over, missing ones take their serde default.
///
/// # Errors
/// [`AvroError::Decode`] or [`AvroError::Trailing`] when the bytes are something else.
pub fn decode<T: Record>(mut datum: &[u8], writer: &Codec) -> Result<T, AvroError> {
    let record = writer.reader.read_deser(&mut datum).map_err(AvroError::Decode)?;
    if datum.is_empty() { Ok(record) } else { Err(AvroError::Trailing(datum.len())) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Balance, BalanceKind, BalanceSnapshot, Basket, Consent, ConsentEvent, ConsentEventType, Provenance,
    };
    use proptest::prelude::*;
    use rust_decimal::Decimal;
    use uuid::Uuid;

    fn snapshot(amount: Decimal) -> BalanceSnapshot {
        let id = Uuid::from_u128(7).to_string();
        BalanceSnapshot {
            account_key: id.parse().unwrap(),
            provenance: Provenance {
                tenant_id: "bank".parse().unwrap(),
                user_id: "user".parse().unwrap(),
                institution_id: "sandbox".parse().unwrap(),
                consent_id: id.parse().unwrap(),
                epoch: 1,
                job_id: id.parse().unwrap(),
                window_id: id.parse().unwrap(),
                attempt: 1,
                sequence: 0,
                length: 1,
                fetched_at: jiff::Timestamp::UNIX_EPOCH,
            },
            balances: vec![Balance {
                kind: BalanceKind::Booked,
                amount,
                currency: "GBP".parse().unwrap(),
                as_of: jiff::Timestamp::UNIX_EPOCH,
                includes_credit_line: false,
            }],
        }
    }

    proptest! {
        #[test]
        fn a_record_survives_the_wire(units in -99_999_999_999_999_999i64..99_999_999_999_999_999, scale in 0u32..=5) {
            let record = snapshot(Decimal::new(units, scale));
            let datum = encode(&record).unwrap();
            prop_assert_eq!(decode::<BalanceSnapshot>(&datum, BalanceSnapshot::codec()).unwrap(), record);
        }
    }

    #[test]
    fn a_consent_event_survives_the_wire() {
        let id = Uuid::from_u128(7).to_string();
        let event = ConsentEvent {
            event_id: id.parse().unwrap(),
            event_type: ConsentEventType::Created,
            occurred_at: jiff::Timestamp::UNIX_EPOCH,
            actor: "bank".to_owned(),
            reason: None,
            before: None,
            after: "awaiting_authorisation".to_owned(),
            consent: Consent {
                consent_id: id.parse().unwrap(),
                epoch: 1,
                tenant_id: "bank".parse().unwrap(),
                user_id: "user".parse().unwrap(),
                institution_id: "sandbox".parse().unwrap(),
                baskets: vec![Basket::Transactions].into(),
                expires_at: jiff::Timestamp::UNIX_EPOCH,
                history_from: Some(jiff::civil::date(2024, 2, 29)),
            },
        };
        let datum = encode(&event).unwrap();
        assert_eq!(decode::<ConsentEvent>(&datum, ConsentEvent::codec()).unwrap(), event);
    }

    #[test]
    fn bytes_behind_the_datum_and_a_missing_frame_are_noticed() {
        let mut datum = encode(&snapshot(Decimal::ONE)).unwrap();
        datum.push(0);
        let read = decode::<BalanceSnapshot>(&datum, BalanceSnapshot::codec());
        assert!(matches!(read, Err(AvroError::Trailing(1))));
        assert!(matches!(unframe(b"{\"a\":1}"), Err(AvroError::NoFrame)));
        assert_eq!(unframe(&frame(258, b"x")).unwrap(), (258, &b"x"[..]));
    }

    #[test]
    fn an_amount_that_the_wire_cannot_carry_is_refused_and_not_rounded() {
        assert!(matches!(encode(&snapshot(Decimal::new(1, 6))), Err(AvroError::Encode(_))));
    }
}
