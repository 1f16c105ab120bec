//! Fetch jobs, what they bring, and how they end.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::serde::timestamp::microsecond;
use serde::{Deserialize, Serialize};

use super::dates;
use crate::{AccountKey, ConsentId, InstitutionId, JobId, TenantId, UserId, WindowId};

/// Why a fetch was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FetchReason {
    /// The consent was just authorised: some banks give full history only now.
    First,
    /// The customer asked and is present.
    Attended,
    /// A slot of the institution's schedule.
    Batch,
}

impl FetchReason {
    /// The name used in the store and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Attended => "attended",
            Self::Batch => "batch",
        }
    }
}

/// Evidence that the customer is there (EU RTS 2018/389 art. 36(5)(a)); personal data, never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PsuPresence {
    /// The customer's own address.
    pub ip_address: String,
    /// Her browser, if known.
    #[serde(default)]
    pub user_agent: Option<String>,
}

impl std::fmt::Debug for PsuPresence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PsuPresence(..)")
    }
}

/// One piece of work for a fetch worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchJob {
    /// The job in the ledger.
    pub job_id: JobId,
    /// How often it has been issued, from 1.
    pub attempt: i32,
    /// Why.
    pub reason: FetchReason,
    /// Under which consent.
    pub consent_id: ConsentId,
    /// The consent's epoch when the job was made; the job is void under another.
    pub epoch: i64,
    /// Whose customer.
    pub tenant_id: TenantId,
    /// The customer.
    pub user_id: UserId,
    /// Where to.
    pub institution_id: InstitutionId,
    /// One account, or all that the consent covers.
    #[serde(default)]
    pub account_key: Option<AccountKey>,
    /// First booking day wanted; none for all that may be had.
    #[serde(with = "dates::optional", default)]
    pub from: Option<Date>,
    /// Not to be begun after this.
    #[serde(with = "microsecond::required")]
    pub deadline: Timestamp,
    /// Only with a customer who is present.
    #[serde(default)]
    pub psu: Option<PsuPresence>,
}

/// Which of the institution's answers a raw window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawKind {
    /// The account's details.
    Account,
    /// Its balances.
    Balances,
    /// Its transactions of a span of whole booking days.
    Transactions,
}

impl RawKind {
    /// The name used in the store and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Balances => "balances",
            Self::Transactions => "transactions",
        }
    }
}

/// An institution's answer as it came, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawWindow {
    /// The window in the ledger.
    pub window_id: WindowId,
    /// The job it belongs to.
    pub job_id: JobId,
    /// The job's attempt.
    pub attempt: i32,
    /// What the payload holds.
    pub kind: RawKind,
    /// The standard and version it is written in, such as `uk-ob-4.0`.
    pub standard: String,
    /// Under which consent.
    pub consent_id: ConsentId,
    /// The consent's epoch when it was fetched.
    pub epoch: i64,
    /// Whose customer.
    pub tenant_id: TenantId,
    /// The customer.
    pub user_id: UserId,
    /// Where from.
    pub institution_id: InstitutionId,
    /// Which account.
    pub account_key: AccountKey,
    /// The institution's name for the account under this consent.
    pub source_account_id: String,
    /// First booking day of the span.
    #[serde(with = "dates::optional", default)]
    pub from: Option<Date>,
    /// Last booking day of the span.
    #[serde(with = "dates::optional", default)]
    pub to: Option<Date>,
    /// Whether every page was read; only then does absence mean something.
    pub complete: bool,
    /// When the institution answered.
    #[serde(with = "microsecond::required")]
    pub fetched_at: Timestamp,
    /// The institution's name for the exchange (`x-fapi-interaction-id`), to ask it about.
    #[serde(default)]
    pub interaction_id: Option<String>,
    /// [`crate::pages`], compressed with zstd, then sealed with the consent's data key.
    #[serde(with = "byte_string")]
    pub payload: Vec<u8>,
}

/// serde writes a `Vec<u8>` as a sequence; Avro wants bytes.
mod byte_string {
    use serde::{Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        from.deserialize_bytes(Bytes)
    }

    struct Bytes;

    impl de::Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
}

/// How a fetch of an account or of a whole consent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// Everything asked for was read and has landed.
    Completed,
    /// A part was read.
    Partial,
    /// Not begun, for the reason given.
    Skipped,
    /// Given up, for the reason given.
    Failed,
}

/// The end of a fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchOutcome {
    /// The job.
    pub job_id: JobId,
    /// Under which consent.
    pub consent_id: ConsentId,
    /// Whose customer.
    pub tenant_id: TenantId,
    /// The customer.
    pub user_id: UserId,
    /// The account, or none where the outcome is that of the whole job.
    #[serde(default)]
    pub account_key: Option<AccountKey>,
    /// How it ended.
    pub outcome: OutcomeKind,
    /// Why, as a code, unless completed.
    #[serde(default)]
    pub reason: Option<String>,
    /// Transactions that landed.
    pub rows: i64,
    /// When it ended.
    #[serde(with = "microsecond::required")]
    pub occurred_at: Timestamp,
}
