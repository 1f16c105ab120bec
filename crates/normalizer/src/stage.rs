//! One raw window after the other: opened, read, identified, passed on.

use events::{RawKind, RawWindow, pages};
use jiff::civil::Date;
use service::Clock;
use stage_runner::{Fault, Inbound, Rejection, Stage, Verdict};
use store::{Store, StoreError};

use crate::identity::{Span, identify};
use crate::row::{Rejected, Row};
use crate::uk::{self, BadPage};
use crate::{payload, records};

/// The standards that are understood, by the beginning of their name (`uk-ob-4.0`).
const UK: &str = "uk-ob-";

/// The stage on `raw.windows`.
pub struct Normalizer {
    store: Store,
    clock: Clock,
}

impl Normalizer {
    /// A stage over landed rows and data keys.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    async fn window(&self, window: &RawWindow) -> Result<Verdict, Fault> {
        let key = match self.store.vault().data_key(window.consent_id).await {
            Ok(key) => key,
            Err(StoreError::Shredded) => return Ok(Verdict::Drop { reason: "consent_erased" }),
            Err(StoreError::NotFound) => {
                return Ok(rejected("unknown_consent", "window names no consent of this store"));
            }
            Err(error) => return Err(error.into()),
        };
        let packed = match payload::open(window, &key) {
            Ok(packed) => packed,
            Err(error) => return Ok(rejected(error.code(), error)),
        };
        let pages = match pages::unpack(&packed) {
            Ok(pages) => pages,
            Err(torn) => return Ok(rejected("payload_torn", torn)),
        };
        if !window.standard.starts_with(UK) {
            return Ok(rejected("unknown_standard", "window is in a standard this version does not know"));
        }
        match window.kind {
            RawKind::Transactions => self.transactions(window, &pages).await,
            RawKind::Balances => self.balances(window, &pages).await,
            RawKind::Account => self.account(window, &pages).await,
        }
    }

    async fn transactions(&self, window: &RawWindow, pages: &[&[u8]]) -> Result<Verdict, Fault> {
        let (rows, faults) = match uk::transactions(pages) {
            Ok(read) => read,
            Err(bad) => return Ok(bad_page(bad)),
        };
        let span = window.from.zip(window.to).map(|(from, to)| Span { from, to });
        let known = match days(span, &rows) {
            Some(days) => self.store.landing().known(window.account_key, days.from, days.to).await?,
            None => Vec::new(),
        };
        let identified = identify(window.account_key, span.filter(|_| window.complete), rows, &known);
        let emit = records::transactions(window, identified)?;
        self.verdict(window, emit, &faults).await
    }

    async fn balances(&self, window: &RawWindow, pages: &[&[u8]]) -> Result<Verdict, Fault> {
        let (balances, faults) = match uk::balances(pages, &window.source_account_id, window.fetched_at) {
            Ok(read) => read,
            Err(bad) => return Ok(bad_page(bad)),
        };
        let emit = if balances.is_empty() { vec![] } else { vec![records::balances(window, balances)?] };
        self.verdict(window, emit, &faults).await
    }

    async fn account(&self, window: &RawWindow, pages: &[&[u8]]) -> Result<Verdict, Fault> {
        match uk::account(pages, &window.source_account_id) {
            Ok(Ok(details)) => self.verdict(window, vec![records::account(window, details)?], &[]).await,
            Ok(Err(fault)) => self.verdict(window, vec![], &[Rejected { index: 0, fault }]).await,
            Err(bad) => Ok(bad_page(bad)),
        }
    }

    /// A window that brings no record closes here, for no record will close it further down.
    async fn verdict(
        &self,
        window: &RawWindow,
        emit: Vec<events::Outbound>,
        faults: &[Rejected],
    ) -> Result<Verdict, Fault> {
        if emit.is_empty() {
            let (job, attempt, now) = (window.job_id, window.attempt, self.clock.now());
            self.store.jobs().close_empty(job, attempt, &[window.window_id], now).await?;
        }
        if faults.is_empty() {
            return Ok(if emit.is_empty() {
                Verdict::Drop { reason: "empty_window" }
            } else {
                Verdict::Emit(emit)
            });
        }
        let rejection = |row: &Rejected| Rejection {
            code: row.fault.code(),
            detail: format!("row {}: {}", row.index, row.fault),
        };
        Ok(Verdict::Partial { emit, rejected: faults.iter().map(rejection).collect() })
    }
}

impl Stage for Normalizer {
    type In = RawWindow;

    async fn process(&self, batch: &[Inbound<RawWindow>]) -> Result<Vec<Verdict>, Fault> {
        let mut verdicts = Vec::with_capacity(batch.len());
        for inbound in batch {
            verdicts.push(match &inbound.value {
                Some(window) => self.window(window).await?,
                None => Verdict::Drop { reason: "tombstone" },
            });
        }
        Ok(verdicts)
    }
}

/// The days whose landed rows are to be compared: those of the window, and of rows the bank sent beyond it.
fn days(span: Option<Span>, rows: &[Row<'_>]) -> Option<Span> {
    let days =
        || rows.iter().map(|row| row.booking_date).chain(span.iter().flat_map(|span| [span.from, span.to]));
    let (from, to): (Option<Date>, Option<Date>) = (days().min(), days().max());
    Some(Span { from: from?, to: to? })
}

fn bad_page(bad: BadPage) -> Verdict {
    rejected("bad_page", bad)
}

fn rejected(code: &'static str, detail: impl ToString) -> Verdict {
    Verdict::Reject(Rejection { code, detail: detail.to_string() })
}

#[cfg(test)]
mod tests;
