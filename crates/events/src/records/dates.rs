//! Avro `date`: days since 1970 as an int. The bank's own local date, never an instant.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const EPOCH: Date = date(1970, 1, 1);

fn to_days(day: Date) -> i32 {
    i32::try_from(day.duration_since(EPOCH).as_hours() / 24).unwrap_or(i32::MAX)
}

fn from_days<E: de::Error>(days: i32) -> Result<Date, E> {
    EPOCH.checked_add(days.days()).map_err(|_| E::custom("date is out of range"))
}

pub(super) mod optional {
    use super::{Date, Deserialize, Deserializer, Serialize, Serializer, from_days, to_days};

    #[expect(clippy::ref_option, reason = "serde's `with` hands out a reference to the field")]
    pub(in crate::records) fn serialize<S: Serializer>(day: &Option<Date>, to: S) -> Result<S::Ok, S::Error> {
        day.map(to_days).serialize(to)
    }

    pub(in crate::records) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Date>, D::Error> {
        Option::<i32>::deserialize(from)?.map(from_days).transpose()
    }
}
