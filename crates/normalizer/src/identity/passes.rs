//! The passes, each taking out of the rows and out of what is known whatever it matches.

use events::{AccountKey, Currency, TransactionId, TransactionStatus};
use jiff::civil::Date;
use rust_decimal::Decimal;
use rustc_hash::{FxHashMap, FxHashSet};
use store::Known;

use super::{Identified, Span, is_open};
use crate::row::Row;

/// Days within which a pending row is booked; most take one to five.
const BOOKING_DAYS: i32 = 14;

/// The version of the fingerprint is hashed with it: another rule gives other ids and needs another version.
const FINGERPRINT: &[u8] = b"fp1";
const SOURCE_ID: &[u8] = b"id1";

pub(super) struct Passes<'a, 'p> {
    account: AccountKey,
    span: Option<Span>,
    rows: Vec<Row<'p>>,
    /// By row: the id it was matched with.
    matched: Vec<Option<TransactionId>>,
    /// By row: the id it has if nothing matches.
    minted: Vec<Option<TransactionId>>,
    /// Ids that are given out.
    used: FxHashSet<TransactionId>,
    known: &'a [Known],
    /// By known: whether nothing matched it yet.
    free: Vec<bool>,
}

impl<'a, 'p> Passes<'a, 'p> {
    pub(super) fn new(
        account: AccountKey,
        span: Option<Span>,
        rows: Vec<Row<'p>>,
        known: &'a [Known],
    ) -> Self {
        let count = rows.len();
        Self {
            account,
            span,
            rows,
            matched: vec![None; count],
            minted: vec![None; count],
            used: FxHashSet::with_capacity_and_hasher(count, rustc_hash::FxBuildHasher),
            known,
            free: vec![true; known.len()],
        }
    }

    /// The bank's id, with money that fits. An id that comes with other money than it was booked with has been used
    /// for something else, and is not trusted.
    pub(super) fn by_source_id(&mut self) {
        let mut index: FxHashMap<&str, usize> = FxHashMap::default();
        for (at, known) in self.known.iter().enumerate() {
            if let Some(id) = known.source_id.as_deref() {
                index.entry(id).or_insert(at);
            }
        }
        for row in 0..self.rows.len() {
            let Some(found) = self.rows.get_mut(row) else { continue };
            let Some(&at) = found.source_id.as_deref().and_then(|id| index.get(id)) else { continue };
            if self.known.get(at).is_some_and(|known| fits(found, known)) {
                self.take(row, at);
            } else {
                found.source_id = None;
            }
        }
    }

    /// The id that would be minted: the same window again, and rows without an id of the bank's, the n-th of equal ones
    /// for the n-th.
    pub(super) fn by_minted_id(&mut self) {
        let known: FxHashMap<TransactionId, usize> =
            self.known.iter().enumerate().map(|(at, known)| (known.transaction_id, at)).collect();
        let mut occurrences: FxHashMap<TransactionId, u32> = FxHashMap::default();
        let mut distinct = Vec::with_capacity(128);
        for row in 0..self.rows.len() {
            let Some(found) = self.rows.get(row).filter(|_| !self.is_matched(row)) else { continue };
            write_distinct(&mut distinct, found);
            let id = self.mint(found.booking_date, &mut distinct, &mut occurrences);
            match known.get(&id).copied().filter(|at| self.is_free(*at)) {
                Some(at) => self.take(row, at),
                None => set(&mut self.minted, row, id),
            }
        }
    }

    /// The day and the money, where the bank reissued ids or rewrote texts. All rows of these days are at hand, so
    /// whatever is left on either side has nothing nearer.
    pub(super) fn by_day_and_money(&mut self) {
        let mut index: FxHashMap<(Date, Decimal, Currency), Vec<usize>> = FxHashMap::default();
        for (at, known) in self.known.iter().enumerate().filter(|(at, _)| self.is_free(*at)) {
            if let Some(day) = known.booking_date.filter(|day| self.covers(*day)) {
                index.entry((day, known.amount, known.currency)).or_default().push(at);
            }
        }
        for row in 0..self.rows.len() {
            let Some(found) = self.rows.get(row).filter(|_| !self.is_matched(row)) else { continue };
            let key = (found.booking_date, found.money.amount(), found.money.currency());
            let Some(candidates) = index.get(&key) else { continue };
            let candidates = || candidates.iter().copied().filter(|at| self.is_free(*at));
            let same_status =
                |at: &usize| self.known.get(*at).is_some_and(|known| known.status == found.status);
            if let Some(at) = candidates().find(same_status).or_else(|| candidates().next()) {
                self.take(row, at);
            }
        }
    }

    /// A pending one that is gone, for a booked one of the same money within the days that booking takes. Only pending
    /// ones of the days at hand: one of other days may still be shown in another window.
    pub(super) fn by_booking(&mut self) {
        let open: Vec<(usize, Date)> = (self.known.iter().enumerate())
            .filter(|(at, known)| self.is_free(*at) && is_open(known))
            .filter_map(|(at, known)| Some((at, known.booking_date.filter(|day| self.covers(*day))?)))
            .collect();
        for row in 0..self.rows.len() {
            let Some(found) = self.rows.get(row).filter(|_| !self.is_matched(row)) else { continue };
            if found.status != TransactionStatus::Booked {
                continue;
            }
            let nearest = (open.iter())
                .filter(|(at, _)| {
                    self.is_free(*at) && self.known.get(*at).is_some_and(|known| same_money(found, known))
                })
                .map(|(at, day)| (distance(*day, found.booking_date), *at))
                .filter(|(days, _)| *days <= BOOKING_DAYS)
                .min();
            if let Some((_, at)) = nearest {
                self.take(row, at);
            }
        }
    }

    pub(super) fn finish(self) -> Identified<'p> {
        let vanished = (self.known.iter().enumerate())
            .filter(|(at, known)| self.is_free(*at) && known.status == TransactionStatus::Pending)
            .filter(|(_, known)| known.booking_date.is_some_and(|day| self.covers(day)))
            .map(|(_, known)| known.clone())
            .collect();
        let ids = self.matched.into_iter().zip(self.minted).map(|(matched, minted)| matched.or(minted));
        let rows = ids.zip(self.rows).filter_map(|(id, row)| Some((id?, row))).collect();
        Identified { rows, vanished }
    }

    /// The first id for these bytes and an occurrence index that no other row has.
    fn mint(
        &mut self,
        day: Date,
        distinct: &mut Vec<u8>,
        occurrences: &mut FxHashMap<TransactionId, u32>,
    ) -> TransactionId {
        let first = TransactionId::mint(self.account, day, distinct);
        if self.used.insert(first) {
            return first;
        }
        let plain = distinct.len();
        let occurrence = occurrences.entry(first).or_default();
        loop {
            *occurrence += 1;
            distinct.truncate(plain);
            distinct.extend_from_slice(&occurrence.to_be_bytes());
            let next = TransactionId::mint(self.account, day, distinct);
            if self.used.insert(next) {
                return next;
            }
        }
    }

    fn take(&mut self, row: usize, at: usize) {
        let Some(known) = self.known.get(at).filter(|_| self.is_free(at)) else { return };
        self.used.insert(known.transaction_id);
        set(&mut self.matched, row, known.transaction_id);
        if let Some(free) = self.free.get_mut(at) {
            *free = false;
        }
    }

    fn covers(&self, day: Date) -> bool {
        self.span.is_some_and(|span| span.holds(day))
    }

    fn is_free(&self, at: usize) -> bool {
        self.free.get(at).is_some_and(|free| *free)
    }

    fn is_matched(&self, row: usize) -> bool {
        self.matched.get(row).is_some_and(Option::is_some)
    }
}

fn set(ids: &mut [Option<TransactionId>], row: usize, id: TransactionId) {
    if let Some(slot) = ids.get_mut(row) {
        *slot = Some(id);
    }
}

/// Equal money, or another amount in the same direction where the bank may still change it (tips, fuel, exchange).
fn fits(row: &Row<'_>, known: &Known) -> bool {
    let same_side = row.money.amount().is_sign_negative() == known.amount.is_sign_negative();
    same_money(row, known)
        || (same_side && row.money.currency() == known.currency && (is_open(known) || row.mutable))
}

fn same_money(row: &Row<'_>, known: &Known) -> bool {
    row.money.amount() == known.amount && row.money.currency() == known.currency
}

fn distance(one: Date, other: Date) -> i32 {
    one.duration_since(other).as_hours().unsigned_abs().try_into().map_or(i32::MAX, |hours: i32| hours / 24)
}

/// What tells the row from its neighbours: the bank's id, or the strict fingerprint of money, reference and text in
/// upper case with single spaces. (The account and the day are in the id anyway.)
fn write_distinct(into: &mut Vec<u8>, row: &Row<'_>) {
    into.clear();
    if let Some(id) = row.source_id.as_deref() {
        into.extend_from_slice(SOURCE_ID);
        into.extend_from_slice(id.as_bytes());
        return;
    }
    into.extend_from_slice(FINGERPRINT);
    into.extend_from_slice(&row.money.amount().serialize());
    into.extend_from_slice(row.money.currency().code().as_bytes());
    into.extend_from_slice(row.reference.as_deref().unwrap_or_default().as_bytes());
    for word in row.description.split_whitespace() {
        into.push(b' ');
        into.extend(word.bytes().map(|byte| byte.to_ascii_uppercase()));
    }
}
