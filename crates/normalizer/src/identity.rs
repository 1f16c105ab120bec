//! Which transaction a row is: one that has landed, or a new one.
//!
//! Banks' ids are absent, blank, reused, reissued or positional, and change when a pending row is booked; equal rows on
//! one day are normal. So a row is matched with what has landed in passes, each one-to-one, from the surest sign to
//! the weakest, and only what is left is minted an id, deterministically.

mod passes;
mod source_ids;

use events::{AccountKey, TransactionId, TransactionStatus};
use jiff::civil::Date;
use store::Known;

use crate::row::Row;
use passes::Passes;

/// The whole booking days that a window covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
}

impl Span {
    pub(crate) fn holds(&self, day: Date) -> bool {
        (self.from..=self.to).contains(&day)
    }
}

/// What a window's rows turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified<'p> {
    /// The rows in the bank's order, each with its id; no id twice. A source id that is left is one to be trusted.
    pub rows: Vec<(TransactionId, Row<'p>)>,
    /// Pending transactions of these days that the bank no longer shows.
    pub vanished: Vec<Known>,
}

/// Gives every row its id. `span` is what the fetch covers whole; outside of it, or without it, absence means nothing.
#[must_use]
pub fn identify<'p>(
    account: AccountKey,
    span: Option<Span>,
    rows: Vec<Row<'p>>,
    known: &[Known],
) -> Identified<'p> {
    let rows = source_ids::judged(rows);
    let mut passes = Passes::new(account, span, rows, known);
    passes.by_source_id();
    passes.by_minted_id();
    passes.by_day_and_money();
    passes.by_booking();
    passes.finish()
}

/// Whether the landed transaction may still become something else.
fn is_open(known: &Known) -> bool {
    matches!(known.status, TransactionStatus::Pending | TransactionStatus::Retracted)
}

#[cfg(test)]
mod tests;
