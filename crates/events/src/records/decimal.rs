//! Avro `decimal` on bytes with [`MAX_SCALE`] decimal places; in text formats the amount in plain notation.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserializer, Serialize, Serializer, de, ser};

use crate::money::MAX_SCALE;

pub(super) fn serialize<S: Serializer>(amount: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    Wire(*amount).serialize(to)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
    if from.is_human_readable() { from.deserialize_str(Amount) } else { from.deserialize_bytes(Amount) }
}

struct Wire(Decimal);

impl Serialize for Wire {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            return to.collect_str(&self.0);
        }
        let mut scaled = self.0;
        scaled.rescale(MAX_SCALE);
        if scaled.scale() != MAX_SCALE || scaled != self.0 {
            return Err(ser::Error::custom("amount has more digits than the wire can carry"));
        }
        let bytes = scaled.mantissa().to_be_bytes();
        to.serialize_bytes(shortest(&bytes))
    }
}

/// Two's complement without leading bytes that only repeat the sign (Avro 1.11, Decimal).
fn shortest(mut bytes: &[u8]) -> &[u8] {
    while let [0x00, next @ 0x00..=0x7f, ..] | [0xff, next @ 0x80..=0xff, ..] = bytes {
        let _ = next;
        bytes = bytes.get(1..).unwrap_or_default();
    }
    bytes
}

struct Amount;

impl de::Visitor<'_> for Amount {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal amount")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
        Decimal::from_str_exact(text).map_err(E::custom)
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Decimal, E> {
        let first = bytes.first().copied().unwrap_or(0);
        let mut wide = if first & 0x80 == 0 { [0x00; 16] } else { [0xff; 16] };
        let room = wide.len().checked_sub(bytes.len()).and_then(|start| wide.get_mut(start..));
        room.ok_or_else(|| E::custom("amount is too long"))?.copy_from_slice(bytes);
        Decimal::try_from_i128_with_scale(i128::from_be_bytes(wide), MAX_SCALE).map_err(E::custom)
    }
}

pub(super) mod optional {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde's `with` hands out a reference to the field")]
    pub(in crate::records) fn serialize<S: Serializer>(
        amount: &Option<Decimal>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        amount.map(super::Wire).serialize(to)
    }

    pub(in crate::records) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Decimal>, D::Error> {
        Ok(Option::<Read>::deserialize(from)?.map(|Read(amount)| amount))
    }

    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Read(#[serde(deserialize_with = "super::deserialize")] Decimal);
}
