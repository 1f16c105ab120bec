//! Every topic, in one table.

use crate::records::{
    Account, BalanceSnapshot, ConsentEvent, EnrichedTransaction, FetchJob, FetchOutcome,
    NormalizedTransaction, RawWindow, Record,
};

/// What becomes of old records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// Deleted after so many hours.
    Delete {
        /// Hours kept.
        hours: u32,
    },
    /// The last value of each key is kept; a null value deletes the key.
    Compact,
}

/// One topic of the pipeline.
#[derive(Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name, before any prefix of the installation.
    pub name: &'static str,
    /// The file of its value's schema under `schemas/`, which is also the record's name in lower case.
    pub record: &'static str,
    /// The schema itself.
    pub schema: &'static str,
    /// What the key names.
    pub key: &'static str,
    /// What decides the partition.
    pub partitioned_by: &'static str,
    /// Partitions when it is created. All topics keyed by account have the same number, so that an account stays in
    /// the partition of the same number all the way.
    pub partitions: i32,
    /// What becomes of old records.
    pub cleanup: Cleanup,
    /// The largest message, in bytes.
    pub max_message_bytes: i32,
    /// The crate that writes it.
    pub written_by: &'static str,
}

impl Topic {
    /// Where records go that a stage refuses: the original bytes, key and headers, with the reason.
    #[must_use]
    pub fn dead_letters(&self) -> String {
        format!("{}.dead", self.name)
    }

    /// The registry's name for the value's schema (Confluent's `TopicNameStrategy`).
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{}-value", self.name)
    }
}

/// Hours that dead letters are kept.
pub const DEAD_LETTER_HOURS: u32 = 14 * 24;

const MIB: i32 = 1024 * 1024;
const DAY: u32 = 24;

macro_rules! topics {
    ($($(#[$doc:meta])* $konst:ident = $name:literal: $record:ident, $key:literal by $by:literal, $partitions:literal x $bytes:expr, $cleanup:expr, $writer:literal;)+) => {
        $(
            $(#[$doc])*
            pub static $konst: Topic = Topic {
                name: $name,
                record: $record::NAME,
                schema: $record::SCHEMA,
                key: $key,
                partitioned_by: $by,
                partitions: $partitions,
                cleanup: $cleanup,
                max_message_bytes: $bytes,
                written_by: $writer,
            };
        )+

        /// All of them.
        pub static ALL: [&Topic; [$($name),+].len()] = [$(&$konst),+];
    };
}

topics! {
    /// Moves of consents; bank systems may publish `created` and `revoked` here.
    CONSENT_EVENTS = "consent.events": ConsentEvent, "consent id" by "consent id", 6 x MIB, Cleanup::Delete { hours: 30 * DAY }, "consent-producer, bank systems";
    /// Jobs of consents that were just authorised.
    FETCH_JOBS_FIRST = "fetch.jobs.first": FetchJob, "consent id" by "consent id", 6 x MIB, Cleanup::Delete { hours: 7 * DAY }, "fetch-workers";
    /// Jobs a customer is waiting for.
    FETCH_JOBS_ATTENDED = "fetch.jobs.attended": FetchJob, "consent id" by "consent id", 6 x MIB, Cleanup::Delete { hours: 7 * DAY }, "fetch-workers";
    /// Jobs of the schedule.
    FETCH_JOBS_BATCH = "fetch.jobs.batch": FetchJob, "consent id" by "consent id", 6 x MIB, Cleanup::Delete { hours: 7 * DAY }, "fetch-workers";
    /// What the institutions answered, sealed.
    RAW_WINDOWS = "raw.windows": RawWindow, "account key" by "account key", 6 x 5 * MIB, Cleanup::Delete { hours: 7 * DAY }, "fetch-workers";
    /// Transactions in one structure.
    TRANSACTIONS_NORMALIZED = "transactions.normalized": NormalizedTransaction, "account key" by "account key", 6 x MIB, Cleanup::Delete { hours: DAY }, "normalizer";
    /// The public contract: enriched transactions; a null value means deleted.
    TRANSACTIONS_ENRICHED = "transactions.enriched": EnrichedTransaction, "transaction id" by "account key", 6 x MIB, Cleanup::Compact, "categorizer, lander (tombstones)";
    /// The current state of accounts.
    ACCOUNTS = "accounts": Account, "account key" by "account key", 6 x MIB, Cleanup::Compact, "normalizer, lander (tombstones)";
    /// The current balances of accounts.
    BALANCES = "balances": BalanceSnapshot, "account key" by "account key", 6 x MIB, Cleanup::Compact, "normalizer, lander (tombstones)";
    /// How fetches ended.
    FETCH_OUTCOMES = "fetch.outcomes": FetchOutcome, "consent id" by "consent id", 6 x MIB, Cleanup::Delete { hours: 7 * DAY }, "fetch-workers, lander";
}

/// The topic of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Topic> {
    ALL.into_iter().find(|topic| topic.name == name)
}
