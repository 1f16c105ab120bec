//! A transaction between the bank's page and our record: every standard ends here, identity begins here.

use std::borrow::Cow;

use events::{Currency, Money, TransactionStatus};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// One row of a page in our terms; text is borrowed from the page where nothing had to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'p> {
    /// How final it is.
    pub status: TransactionStatus,
    /// Whether the bank may still change it.
    pub mutable: bool,
    /// Signed from the holder's view.
    pub money: Money,
    /// The day as the bank wrote it.
    pub booking_date: Date,
    /// The day as the bank wrote it.
    pub value_date: Option<Date>,
    /// Only where the bank gives a real time of day and its offset.
    pub booked_at: Option<Timestamp>,
    /// The bank's text; empty where it gives none.
    pub description: Cow<'p, str>,
    /// The bank's id, not yet judged.
    pub source_id: Option<Cow<'p, str>>,
    /// The bank's reference.
    pub reference: Option<Cow<'p, str>>,
    /// The side that is not the holder.
    pub counterparty: Option<Party<'p>>,
    /// The merchant's name.
    pub merchant_name: Option<Cow<'p, str>>,
    /// Four digits.
    pub mcc: Option<Cow<'p, str>>,
    /// `domain-family-subfamily`.
    pub bank_code: Option<String>,
    /// The bank's own code.
    pub proprietary_code: Option<Cow<'p, str>>,
    /// Four letters.
    pub purpose_code: Option<Cow<'p, str>>,
    /// The purchase in its own currency.
    pub foreign_exchange: Option<Exchange<'p>>,
    /// The balance after this row, signed.
    pub balance_after: Option<Decimal>,
}

/// The other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party<'p> {
    /// Its name.
    pub name: Option<Cow<'p, str>>,
    /// Its account.
    pub account: Option<Cow<'p, str>>,
}

/// The purchase in its own currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange<'p> {
    /// Unsigned.
    pub amount: Decimal,
    /// Its currency.
    pub currency: Currency,
    /// As written.
    pub rate: Option<Cow<'p, str>>,
}

/// Why one row of a page cannot be taken; the other rows go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// Not of the standard's shape.
    #[error("row is not of the standard's shape")]
    Shape,
    /// No amount.
    #[error("row has no amount")]
    MissingAmount,
    /// Not a plain decimal, or more digits than can be kept exactly.
    #[error("amount is not an exact decimal number")]
    BadAmount,
    /// A sign where the direction already says it: which of both is right cannot be known.
    #[error("amount has a sign beside its direction")]
    NegativeAmount,
    /// Not a code of ISO 4217.
    #[error("currency is not a code of ISO 4217")]
    UnknownCurrency,
    /// Neither in nor out.
    #[error("direction is neither credit nor debit")]
    UnknownDirection,
    /// A word that the standard does not have.
    #[error("status is none of the standard's")]
    UnknownStatus,
    /// No day of the calendar.
    #[error("date is missing or is none of the calendar")]
    BadDate,
    /// Longer than any standard allows; it would not fit into a message.
    #[error("a text is longer than {} bytes", crate::text::MAX_BYTES)]
    TextTooLong,
}

impl RowFault {
    /// The code in the dead letters.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Shape => "row_shape",
            Self::MissingAmount => "missing_amount",
            Self::BadAmount => "bad_amount",
            Self::NegativeAmount => "negative_amount",
            Self::UnknownCurrency => "unknown_currency",
            Self::UnknownDirection => "unknown_direction",
            Self::UnknownStatus => "unknown_status",
            Self::BadDate => "bad_date",
            Self::TextTooLong => "text_too_long",
        }
    }
}

/// A row that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// Its place in the window, counted over all pages from 0.
    pub index: usize,
    /// Why.
    pub fault: RowFault,
}
