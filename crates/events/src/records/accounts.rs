//! Accounts and balances.

use jiff::Timestamp;
use jiff::fmt::serde::timestamp::microsecond;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::decimal;
use super::transaction::Provenance;
use crate::{AccountKey, Currency};

/// What kind of account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountType {
    /// For payments.
    Current,
    /// For saving.
    Savings,
    /// A card account.
    Card,
    /// A loan.
    Loan,
    /// A loan on a house.
    Mortgage,
    /// Electronic money.
    Wallet,
    /// Securities.
    Investment,
    /// Anything else.
    Other,
}

impl AccountType {
    /// The name used in APIs and in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Savings => "savings",
            Self::Card => "card",
            Self::Loan => "loan",
            Self::Mortgage => "mortgage",
            Self::Wallet => "wallet",
            Self::Investment => "investment",
            Self::Other => "other",
        }
    }
}

/// Who holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    /// A person.
    Personal,
    /// A business.
    Business,
    /// The institution does not say.
    Unknown,
}

/// Whether it can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// In use.
    Open,
    /// Closed.
    Closed,
    /// Blocked.
    Blocked,
    /// Moved to another institution.
    Switched,
    /// The institution does not say.
    Unknown,
}

/// One account of one customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The account, the same under every consent.
    pub account_key: AccountKey,
    /// The fetch that brought it.
    pub provenance: Provenance,
    /// What kind.
    pub account_type: AccountType,
    /// Who holds it.
    pub holder_kind: HolderKind,
    /// Whether it can be used.
    pub status: AccountStatus,
    /// Its currency.
    pub currency: Currency,
    /// A name to show, such as the product or the customer's nickname for it.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The number with all but its last four characters masked.
    #[serde(default)]
    pub masked_number: Option<String>,
}

/// Which balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BalanceKind {
    /// Of booked movements.
    Booked,
    /// What can be spent.
    Available,
    /// With expected movements.
    Expected,
    /// At the beginning of the period.
    Opening,
    /// At the end of the period before.
    PreviousClose,
    /// Anything else.
    Other,
}

impl BalanceKind {
    /// The name used in APIs and in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::Available => "available",
            Self::Expected => "expected",
            Self::Opening => "opening",
            Self::PreviousClose => "previous_close",
            Self::Other => "other",
        }
    }
}

/// One balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// Which.
    pub kind: BalanceKind,
    /// Signed from the holder's view.
    #[serde(with = "decimal")]
    pub amount: Decimal,
    /// Its currency.
    pub currency: Currency,
    /// When it held, by the bank.
    #[serde(with = "microsecond::required")]
    pub as_of: Timestamp,
    /// Whether a credit line is counted in.
    pub includes_credit_line: bool,
}

/// All balances of one account at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceSnapshot {
    /// The account.
    pub account_key: AccountKey,
    /// The fetch that brought it.
    pub provenance: Provenance,
    /// The balances.
    pub balances: Vec<Balance>,
}
