//! The record types; each agrees field by field with its file in `schemas/`.

mod accounts;
mod consent;
mod dates;
mod decimal;
mod enriched;
mod fetch;
mod transaction;

use std::sync::LazyLock;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::avro::Codec;

pub use accounts::{Account, AccountStatus, AccountType, Balance, BalanceKind, BalanceSnapshot, HolderKind};
pub use consent::{Consent, ConsentEvent, ConsentEventType};
pub use enriched::{EnrichedTransaction, Enrichment, Evidence, Flags, Merchant};
pub use fetch::{FetchJob, FetchOutcome, FetchReason, OutcomeKind, PsuPresence, RawKind, RawWindow};
pub use transaction::{Counterparty, ForeignExchange, NormalizedTransaction, Provenance, TransactionStatus};

/// A value that travels on a topic.
pub trait Record: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The schema's file under `schemas/`, without its ending.
    const NAME: &'static str;
    /// The schema as JSON, the source of truth.
    const SCHEMA: &'static str;

    /// The schema, ready to read and write with.
    fn codec() -> &'static Codec;
}

macro_rules! records {
    ($($record:ident = $file:literal;)+) => {$(
        impl Record for $record {
            const NAME: &'static str = $file;
            const SCHEMA: &'static str = include_str!(concat!("../../../../schemas/", $file, ".avsc"));

            fn codec() -> &'static Codec {
                static CODEC: LazyLock<Codec> = LazyLock::new(|| codec($record::SCHEMA));
                &CODEC
            }
        }
    )+};
}

records! {
    ConsentEvent = "consent_event";
    FetchJob = "fetch_job";
    RawWindow = "raw_window";
    NormalizedTransaction = "normalized_transaction";
    EnrichedTransaction = "enriched_transaction";
    Account = "account";
    BalanceSnapshot = "balance_snapshot";
    FetchOutcome = "fetch_outcome";
}

#[expect(clippy::expect_used, reason = "the schema is compiled in and a test parses every one")]
fn codec(json: &str) -> Codec {
    Codec::parse(json).expect("schemas/*.avsc parse")
}
