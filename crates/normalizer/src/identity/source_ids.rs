//! Which of a bank's ids can be trusted.

use events::TransactionStatus;
use rustc_hash::FxHashMap;

use crate::row::Row;

/// Words that banks put where they have no id.
const PLACEHOLDERS: [&str; 4] = ["0", "NONREF", "NOTPROVIDED", "NULL"];

/// The rows with only trusted ids. A row that stands on two pages, because the list moved while it was read, counts
/// once; an id under which two different rows come is nobody's.
pub(super) fn judged(mut rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
    for row in &mut rows {
        if row.source_id.as_deref().is_some_and(|id| !is_id(id)) {
            row.source_id = None;
        }
    }
    let mut fates = fates(&rows).into_iter();
    rows.retain_mut(|row| match fates.next() {
        Some(Fate::Repeated) => false,
        Some(Fate::Untrusted) => {
            row.source_id = None;
            true
        }
        _ => true,
    });
    rows
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Trusted,
    Untrusted,
    Repeated,
}

fn fates(rows: &[Row<'_>]) -> Vec<Fate> {
    let mut fates = vec![Fate::Trusted; rows.len()];
    let mut seen: FxHashMap<&str, usize> =
        FxHashMap::with_capacity_and_hasher(rows.len(), rustc_hash::FxBuildHasher);
    for (index, row) in rows.iter().enumerate() {
        let Some(id) = row.source_id.as_deref() else { continue };
        let first = *seen.entry(id).or_insert(index);
        let Some(before) = rows.get(first).filter(|_| first != index) else { continue };
        if before == row || supersedes(before, row) {
            mark(&mut fates, index, Fate::Repeated);
        } else if supersedes(row, before) {
            mark(&mut fates, first, Fate::Repeated);
            seen.insert(id, index);
        } else {
            mark(&mut fates, first, Fate::Untrusted);
            mark(&mut fates, index, Fate::Untrusted);
        }
    }
    fates
}

/// Whether `newer` is the booked form of the pending `older`: booked while the pages were read.
fn supersedes(newer: &Row<'_>, older: &Row<'_>) -> bool {
    newer.status == TransactionStatus::Booked
        && older.status == TransactionStatus::Pending
        && newer.money == older.money
}

fn mark(fates: &mut [Fate], index: usize, fate: Fate) {
    // A row of an id that is nobody's stays, whatever else is found out about it.
    if let Some(old) = fates.get_mut(index).filter(|old| **old == Fate::Trusted) {
        *old = fate;
    }
}

/// Neither a placeholder nor a place in a list (`2026-04-01.3`), which moves when a row is added.
fn is_id(id: &str) -> bool {
    !PLACEHOLDERS.iter().any(|placeholder| id.eq_ignore_ascii_case(placeholder)) && !is_positional(id)
}

fn is_positional(id: &str) -> bool {
    let Some((day, rest)) = id.split_at_checked(10) else { return false };
    let place = rest.strip_prefix(['.', '-']).unwrap_or_default();
    day.parse::<jiff::civil::Date>().is_ok()
        && !place.is_empty()
        && place.bytes().all(|byte| byte.is_ascii_digit())
}
