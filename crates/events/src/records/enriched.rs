//! The public contract: a transaction with what is known about it.

use serde::{Deserialize, Serialize};

use super::transaction::NormalizedTransaction;

/// Who was paid, or who paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    /// Stable id.
    pub id: String,
    /// Name to show.
    pub name: String,
    /// Its website, if known.
    #[serde(default)]
    pub website: Option<String>,
    /// A link to its logo, if known.
    #[serde(default)]
    pub logo_url: Option<String>,
}

/// Yes-or-no findings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent findings, each a field of the public contract"
)]
pub struct Flags {
    /// Part of a stream that comes back.
    pub recurring: bool,
    /// A stream of a fixed price for a service.
    pub subscription: bool,
    /// Money back from a merchant.
    pub refund: bool,
    /// Between the customer's own accounts.
    pub own_transfer: bool,
}

/// One reason for the category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The rule, table entry or code that spoke.
    pub rule: String,
    /// The words of the text it matched, if any.
    #[serde(default)]
    pub matched: Option<String>,
}

/// What was found out about a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrichment {
    /// Text to show, at most 40 characters.
    pub clean_description: String,
    /// The merchant, where it is certain.
    #[serde(default)]
    pub merchant: Option<Merchant>,
    /// The payment service in between, such as a wallet.
    #[serde(default)]
    pub processor: Option<String>,
    /// How it was paid: `card_pos`, `card_online`, `atm`, `transfer`, `direct_debit`, `standing_order`, `fee`, `cash`,
    /// `cheque`.
    #[serde(default)]
    pub channel: Option<String>,
    /// Findings.
    pub flags: Flags,
    /// Group of the taxonomy, such as `FOOD`; `UNKNOWN` where nothing is certain enough.
    pub category_primary: String,
    /// Leaf of the taxonomy, such as `groceries`; `uncategorised` where nothing is certain enough.
    pub category_detailed: String,
    /// How sure, in thousandths.
    pub confidence_permille: i32,
    /// Which step decided: `override`, `bank_rule`, `structural`, `memory`, `rule`, `gazetteer`, `model`, `none`.
    pub source: String,
    /// Why; never empty.
    pub why: Vec<Evidence>,
    /// Version of the taxonomy.
    pub taxonomy_version: String,
    /// Version of the engine and its tables.
    pub engine_version: String,
}

/// A transaction as consuming services see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrichedTransaction {
    /// What the bank said.
    pub transaction: NormalizedTransaction,
    /// What was found out.
    pub enrichment: Enrichment,
}
