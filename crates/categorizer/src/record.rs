//! What goes in and what comes out.

use std::fmt;

use rust_decimal::Decimal;

use crate::taxonomy::Leaf;
pub use crate::why::{Id, Reason, Source, Why};

/// One statement line with whatever the bank said beside it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Input<'a> {
    /// The text as the bank sent it.
    pub description: &'a str,
    /// Signed from the holder's view: spending is negative.
    pub amount: Decimal,
    /// ISO 4217 code; may be empty.
    pub currency: &'a str,
    /// Merchant category code, four digits (ISO 18245).
    pub mcc: Option<&'a str>,
    /// ISO 20022 `domain-family-subfamily`, or a UK open-banking transaction code.
    pub bank_code: Option<&'a str>,
    /// ISO 20022 external purpose code.
    pub purpose: Option<&'a str>,
    /// The other party's name as the bank gives it.
    pub counterparty: Option<&'a str>,
    /// The merchant's name where the bank states one apart from the description.
    pub merchant_name: Option<&'a str>,
    /// The other account is known to belong to the same holder.
    pub own_account: bool,
    /// ISO 3166 alpha-2 code of the account's country; guessed from the currency where absent.
    pub country: Option<&'a str>,
    /// The kind of account the line stands on (`credit_card`, `current`, `savings`, `loan`).
    pub account_type: Option<&'a str>,
    /// The bank's own category, carried through beside ours.
    pub external_category: Option<&'a str>,
}

/// Everything the engine says about one record.
#[derive(Debug, Clone)]
pub struct Enrichment {
    /// At most 40 characters, fit to show; the raw text is the caller's and stays untouched.
    pub clean_description: String,
    /// Only where it is certain enough to print on a customer's screen.
    pub merchant: Option<Merchant>,
    /// Who carried the payment, where that is not the merchant.
    pub processor: Option<Processor>,
    /// The other party as the bank or the text names it.
    pub counterparty: Option<Counterparty>,
    /// How the money moved.
    pub channel: Channel,
    /// Facts that cut across categories.
    pub flags: Flags,
    /// The category; `UNKNOWN.uncategorised` where nothing reaches the threshold.
    pub category: Category,
    /// Probability that `category` is right at the level it is given.
    pub confidence: Confidence,
    /// What the category rests on most.
    pub source: Source,
    /// Every reason that counted, the strongest first.
    pub why: Why,
    /// The bank's own category, passed through.
    pub external_category: Option<String>,
    /// Version of the category codes.
    pub taxonomy_version: &'static str,
    /// Version of engine and knowledge.
    pub engine_version: &'static str,
}

/// A group and, where it is certain enough, the leaf within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Category {
    /// `FOOD`.
    pub primary: &'static str,
    /// `groceries`; `None` where only the group is sure.
    pub detailed: Option<&'static str>,
}

impl From<Leaf> for Category {
    fn from(leaf: Leaf) -> Self {
        Self { primary: leaf.primary(), detailed: Some(leaf.detailed()) }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.primary)?;
        self.detailed.map_or(Ok(()), |d| write!(f, ".{d}"))
    }
}

/// A merchant of the brand tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merchant {
    /// Stable: the folded name.
    pub id: &'static str,
    /// As the merchant writes it.
    pub name: &'static str,
    /// Host name of its site.
    pub website: Option<&'static str>,
    /// Link to a logo.
    pub logo_url: Option<&'static str>,
}

/// Who stands between the holder and the merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processor {
    /// `PayPal`.
    pub name: &'static str,
    /// `processor`, `wallet`, `marketplace`, `aggregator` or `vending`.
    pub role: &'static str,
}

/// The other party of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterparty {
    /// As the bank names it, tidied.
    pub name: String,
    /// What it is to the holder.
    pub role: Role,
}

/// The part a counterparty plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sells to the holder.
    Merchant,
    /// Pays the holder.
    Payer,
    /// A private person.
    Person,
    /// A bank or an authority.
    Institution,
    /// The holder.
    Own,
    /// Cannot be told.
    Unknown,
}

/// How the money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Channel {
    /// Neither text nor codes tell.
    #[default]
    Unknown,
    /// Card present.
    CardPos,
    /// Card not present.
    CardOnline,
    /// Cash machine.
    Atm,
    /// Credit transfer.
    Transfer,
    /// Direct debit.
    DirectDebit,
    /// Standing order.
    StandingOrder,
    /// Charged by the bank itself.
    Fee,
    /// Over the counter.
    Cash,
    /// Cheque.
    Cheque,
    /// Mobile wallet or person-to-person app.
    Wallet,
}

impl Channel {
    /// In the order of the build step's list.
    pub(crate) const ALL: [Self; 11] = [
        Self::Unknown,
        Self::CardPos,
        Self::CardOnline,
        Self::Atm,
        Self::Transfer,
        Self::DirectDebit,
        Self::StandingOrder,
        Self::Fee,
        Self::Cash,
        Self::Cheque,
        Self::Wallet,
    ];

    /// The code on the wire: `card_pos`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::CardPos => "card_pos",
            Self::CardOnline => "card_online",
            Self::Atm => "atm",
            Self::Transfer => "transfer",
            Self::DirectDebit => "direct_debit",
            Self::StandingOrder => "standing_order",
            Self::Fee => "fee",
            Self::Cash => "cash",
            Self::Cheque => "cheque",
            Self::Wallet => "wallet",
        }
    }
}

/// Facts that cut across categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each a column of its own")]
pub struct Flags {
    /// Stated or implied to repeat: standing order, direct debit, subscription.
    pub recurring: bool,
    /// A subscription to a service.
    pub subscription: bool,
    /// Money back from a merchant, or a reversal.
    pub refund: bool,
    /// Between accounts of the same holder.
    pub own_transfer: bool,
    /// Charged by the bank.
    pub fee: bool,
    /// Wages, pension or benefits.
    pub income: bool,
    /// A need rather than a wish.
    pub essential: bool,
}

/// A probability in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Confidence(u16);

impl Confidence {
    /// Certain: a person said so.
    pub const CERTAIN: Self = Self(1000);

    /// From thousandths; more than 1000 is 1000.
    pub const fn per_mille(value: u16) -> Self {
        if value > 1000 { Self::CERTAIN } else { Self(value) }
    }

    /// Thousandths.
    pub const fn value(self) -> u16 {
        self.0
    }

    /// The band shown to people.
    pub const fn level(self) -> Level {
        match self.0 {
            980.. => Level::VeryHigh,
            900.. => Level::High,
            700.. => Level::Medium,
            1.. => Level::Low,
            0 => Level::Unknown,
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// Bands of confidence: above 98 %, above 90 %, above 70 %, below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// At least 98 %.
    VeryHigh,
    /// At least 90 %.
    High,
    /// At least 70 %.
    Medium,
    /// Below that, still the most likely.
    Low,
    /// No category.
    Unknown,
}
