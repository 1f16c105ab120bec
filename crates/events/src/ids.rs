//! Every id is its own type, so that a consent id cannot be passed where an account key is asked for.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// An id that a caller sent could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{kind} must be {expected}")]
pub struct InvalidId {
    /// Which id it was.
    pub kind: &'static str,
    /// What would have been accepted.
    pub expected: &'static str,
}

macro_rules! uuid_id {
    ($(#[$doc:meta] $name:ident, $kind:literal;)+) => {$(
        #[$doc]
        ///
        /// On the wire it is the hyphenated lower-case text of RFC 9562.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that is known to be this kind of id.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID, for a database column or a message key.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self.0.as_hyphenated(), f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(text).map(Self).map_err(|_| InvalidId { kind: $kind, expected: "a UUID" })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut buffer = Uuid::encode_buffer();
                serializer.serialize_str(self.0.as_hyphenated().encode_lower(&mut buffer))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(UuidVisitor($kind)).map(Self)
            }
        }
    )+};
}

struct UuidVisitor(&'static str);

impl de::Visitor<'_> for UuidVisitor {
    type Value = Uuid;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as UUID text", self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Uuid, E> {
        Uuid::parse_str(text).map_err(|_| E::invalid_value(de::Unexpected::Str("unreadable text"), &self))
    }
}

uuid_id! {
    /// A consent of one user for one institution; kept when the consent is renewed.
    ConsentId, "consent id";
    /// One account of one user, the same under every consent that covers it.
    AccountKey, "account key";
    /// One movement of money, the same from pending to booked and across overlapping fetches.
    TransactionId, "transaction id";
    /// One piece of work for a fetch worker.
    JobId, "job id";
    /// One account and one span of whole booking days, or one account's details or balances, within one job.
    WindowId, "window id";
    /// One event; duplicates of an event carry the same id.
    EventId, "event id";
}

macro_rules! text_id {
    ($(#[$doc:meta] $name:ident, $kind:literal;)+) => {$(
        #[$doc]
        ///
        /// 1 to 64 characters out of letters, digits, `.`, `_`, `-`: nothing that could be a name with a space, an
        /// address or markup.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                if is_text_id(&text) { Ok(Self(text)) } else { Err(InvalidId { kind: $kind, expected: TEXT_ID }) }
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::try_from(String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    )+};
}

const TEXT_ID: &str = "1 to 64 characters out of letters, digits, '.', '_' and '-'";

fn is_text_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

text_id! {
    /// A bank (or a part of one) that runs its customers' consents through this connector.
    TenantId, "tenant id";
    /// A customer, as the tenant knows her; opaque to the connector.
    UserId, "user id";
    /// An institution at which data is held, by its profile's name.
    InstitutionId, "institution id";
}

impl ConsentId {
    /// A new id, ordered by the given time (UUID version 7).
    #[must_use]
    pub fn new(now: jiff::Timestamp) -> Self {
        Self(time_ordered(now))
    }
}

impl JobId {
    /// A new id, ordered by the given time (UUID version 7).
    #[must_use]
    pub fn new(now: jiff::Timestamp) -> Self {
        Self(time_ordered(now))
    }
}

impl EventId {
    /// A new id, ordered by the given time (UUID version 7).
    #[must_use]
    pub fn new(now: jiff::Timestamp) -> Self {
        Self(time_ordered(now))
    }
}

fn time_ordered(now: jiff::Timestamp) -> Uuid {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos))
}

impl WindowId {
    /// The same job, account, kind and first day always give the same window, so that a repeat is recognised.
    #[must_use]
    pub fn derive(job: JobId, account: AccountKey, kind: &str, first_day: Option<Date>) -> Self {
        let day = first_day.map_or_else(String::new, |day| day.to_string());
        Self(Uuid::new_v5(&job.0, format!("{account}|{kind}|{day}").as_bytes()))
    }
}

impl AccountKey {
    /// The key of the account that `identification` (IBAN, sort code and number, masked PAN …) names at an
    /// institution. Keyed with the installation's pseudonym secret, because an IBAN has too little entropy to be
    /// hidden by a bare hash; the same account has the same key under every consent of the same user.
    #[must_use]
    pub fn derive(
        secret: &[u8],
        owner: (&TenantId, &UserId),
        institution: &InstitutionId,
        identification: &str,
    ) -> Self {
        let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
        for part in [owner.0.as_str(), owner.1.as_str(), institution.as_str(), identification] {
            mac.update(part.as_bytes());
            mac.update(&[0]);
        }
        Self(Uuid::new_v8(leading_16(mac.sign().as_ref())))
    }
}

impl TransactionId {
    /// Lays the id out as account (48 bits), first booking day (16 bits) and a hash of what tells the transaction
    /// from its neighbours (58 bits), in the shape of a UUID version 8 (RFC 9562 §5.8). The rows of one window
    /// therefore lie side by side in the primary key, and minting the same transaction twice gives the same id.
    ///
    /// `distinct` is the bank's own id, or the fingerprint and its occurrence index.
    #[must_use]
    pub fn mint(account: AccountKey, first_day: Date, distinct: &[u8]) -> Self {
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &[account.0.as_bytes(), distinct].concat());
        let hash = leading_16(digest.as_ref());
        let [day_high, day_low] = day_number(first_day).to_be_bytes();
        let [a0, a1, a2, a3, a4, a5, ..] = *account.0.as_bytes();
        let [h0, h1, h2, h3, h4, h5, h6, h7, ..] = hash;
        // 12 bits of the day beside the version, its last 4 bits behind the variant: still in order.
        let bytes = [
            a0,
            a1,
            a2,
            a3,
            a4,
            a5,
            day_high >> 4,
            (day_high << 4) | (day_low >> 4),
            ((day_low & 0x0f) << 2) | (h0 & 0x03),
            h1,
            h2,
            h3,
            h4,
            h5,
            h6,
            h7,
        ];
        Self(Uuid::new_v8(bytes))
    }
}

/// Days since 1 January 2000, which 16 bits can hold until the year 2179; dates outside are put at the ends.
fn day_number(day: Date) -> u16 {
    let days = day.duration_since(jiff::civil::date(2000, 1, 1)).as_hours() / 24;
    u16::try_from(days.max(0)).unwrap_or(u16::MAX)
}

fn leading_16(digest: &[u8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(digest) {
        *to = *from;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn account(text: &str) -> AccountKey {
        let owner = ("bank".parse().unwrap(), "user".parse().unwrap());
        AccountKey::derive(b"secret", (&owner.0, &owner.1), &"sandbox".parse().unwrap(), text)
    }

    #[test]
    fn the_same_account_has_the_same_key_and_another_one_another() {
        assert_eq!(account("GB1"), account("GB1"));
        assert_ne!(account("GB1"), account("GB2"));
    }

    #[test]
    fn a_text_id_with_a_space_or_without_characters_is_refused() {
        assert!("Jane Doe".parse::<UserId>().is_err());
        assert!("".parse::<UserId>().is_err());
        assert_eq!("u-1".parse::<UserId>().unwrap().as_str(), "u-1");
    }

    proptest! {
        #[test]
        fn minted_ids_sort_by_day_within_an_account(a in 0i32..60_000, b in 0i32..60_000, x: [u8; 8], y: [u8; 8]) {
            let start = date(2000, 1, 1);
            let day = |n: i32| start.checked_add(jiff::Span::new().days(n)).unwrap();
            let key = account("GB1");
            let (one, two) = (TransactionId::mint(key, day(a), &x), TransactionId::mint(key, day(b), &y));
            if a != b { prop_assert_eq!(a < b, one < two); }
            prop_assert_eq!(one, TransactionId::mint(key, day(a), &x));
            prop_assert_eq!(one.uuid().get_version_num(), 8);
        }
    }
}
