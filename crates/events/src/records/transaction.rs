//! One movement of money in the connector's own structure.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::serde::timestamp::microsecond;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{dates, decimal};
use crate::{
    AccountKey, ConsentId, Currency, InstitutionId, JobId, TenantId, TransactionId, UserId, WindowId,
};

/// How final a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionStatus {
    /// Expected; may change or disappear.
    Pending,
    /// On the account.
    Booked,
    /// Shown by the bank for information only.
    Informational,
    /// Refused; no money moved.
    Rejected,
    /// The bank no longer reports it.
    Retracted,
}

impl TransactionStatus {
    /// The name used in APIs and in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Booked => "booked",
            Self::Informational => "informational",
            Self::Rejected => "rejected",
            Self::Retracted => "retracted",
        }
    }
}

/// Where a record comes from: the fetch that brought it and its place in the window, by which the ledger knows when
/// the window has landed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Whose customer.
    pub tenant_id: TenantId,
    /// The customer.
    pub user_id: UserId,
    /// Where the data is held.
    pub institution_id: InstitutionId,
    /// Under which consent.
    pub consent_id: ConsentId,
    /// The consent's epoch when it was fetched; under another the record is refused.
    pub epoch: i64,
    /// The job.
    pub job_id: JobId,
    /// The window.
    pub window_id: WindowId,
    /// The job's attempt.
    pub attempt: i32,
    /// The record's place in the window, from 0.
    pub sequence: i32,
    /// How many records the window has.
    pub length: i32,
    /// When the institution answered: the newer answer wins.
    #[serde(with = "microsecond::required")]
    pub fetched_at: Timestamp,
}

/// The other side of a movement.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counterparty {
    /// Its name as the bank gives it.
    #[serde(default)]
    pub name: Option<String>,
    /// Its account as the bank gives it.
    #[serde(default)]
    pub account: Option<String>,
}

impl std::fmt::Debug for Counterparty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counterparty(..)")
    }
}

/// The amount in the currency of the purchase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignExchange {
    /// Amount instructed, unsigned.
    #[serde(with = "decimal")]
    pub amount: Decimal,
    /// Its currency.
    pub currency: Currency,
    /// Rate as the bank wrote it.
    #[serde(default)]
    pub rate: Option<String>,
}

/// One movement of money, whatever standard it came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NormalizedTransaction {
    /// Ours, minted once.
    pub transaction_id: TransactionId,
    /// The account.
    pub account_key: AccountKey,
    /// The fetch that brought it.
    pub provenance: Provenance,
    /// How final it is.
    pub status: TransactionStatus,
    /// Whether the bank may still change it.
    pub mutable: bool,
    /// Signed from the holder's view: + in, − out.
    #[serde(with = "decimal")]
    pub amount: Decimal,
    /// The currency of the amount.
    pub currency: Currency,
    /// The bank's booking date (expected, while pending).
    #[serde(with = "dates::optional", default)]
    pub booking_date: Option<Date>,
    /// The bank's value date.
    #[serde(with = "dates::optional", default)]
    pub value_date: Option<Date>,
    /// The day the customer acted.
    #[serde(with = "dates::optional", default)]
    pub transaction_date: Option<Date>,
    /// The instant of booking, only where the bank gives a real time of day.
    #[serde(with = "microsecond::optional", default)]
    pub booked_at: Option<Timestamp>,
    /// The bank's text, untouched.
    pub description: String,
    /// The bank's id, where it can be trusted.
    #[serde(default)]
    pub source_id: Option<String>,
    /// The bank's reference.
    #[serde(default)]
    pub reference: Option<String>,
    /// The other side.
    #[serde(default)]
    pub counterparty: Option<Counterparty>,
    /// The merchant's name, where the bank names it apart from the text.
    #[serde(default)]
    pub merchant_name: Option<String>,
    /// Merchant category code (ISO 18245), four digits.
    #[serde(default)]
    pub mcc: Option<String>,
    /// Bank transaction code (ISO 20022), `domain-family-subfamily`; parts the bank leaves out are empty.
    #[serde(default)]
    pub bank_code: Option<String>,
    /// The bank's own code.
    #[serde(default)]
    pub proprietary_code: Option<String>,
    /// Purpose code (ISO 20022), four letters.
    #[serde(default)]
    pub purpose_code: Option<String>,
    /// The purchase in its own currency.
    #[serde(default)]
    pub foreign_exchange: Option<ForeignExchange>,
    /// The balance after this row, where the bank gives it.
    #[serde(with = "decimal::optional", default)]
    pub balance_after: Option<Decimal>,
}
