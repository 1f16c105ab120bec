//! Dates and pages as callers write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A date-time of a filter. The standard says to ignore a zone, so only the local part counts; a bare date is its
/// midnight.
pub(super) fn local(text: &str) -> Option<DateTime> {
    text.get(..19).unwrap_or(text).parse().ok()
}

/// A moment; without a zone it is taken as UTC.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let utc = || local(text)?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
    text.parse().ok().or_else(utc)
}

/// The rows of page `number`, counted from one, and how many pages there are; an empty list has one empty page.
pub(super) fn page<T>(rows: &[T], size: usize, number: usize) -> Option<(&[T], usize)> {
    let size = size.max(1);
    let pages = rows.len().div_ceil(size).max(1);
    let first = number.checked_sub(1)?.checked_mul(size)?;
    let last = first.saturating_add(size).min(rows.len());
    (number <= pages).then_some((rows.get(first..last)?, pages))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_zone_in_a_filter_is_ignored() {
        let local_part = Some(date(2026, 3, 1).at(10, 0, 0, 0));
        for text in ["2026-03-01T10:00:00", "2026-03-01T10:00:00Z", "2026-03-01T10:00:00+05:00"] {
            assert_eq!(local(text), local_part);
        }
        assert_eq!(local("2026-03-01"), Some(date(2026, 3, 1).at(0, 0, 0, 0)));
        assert_eq!(local("yesterday"), None);
    }

    proptest! {
        #[test]
        fn pages_of_any_size_hold_every_row_exactly_once(rows in 0_usize..500, size in 0_usize..120) {
            let rows: Vec<usize> = (0..rows).collect();
            let (_, pages) = page(&rows, size, 1).unwrap();
            let read: Vec<usize> = (1..=pages).flat_map(|number| page(&rows, size, number).unwrap().0.to_vec()).collect();
            prop_assert_eq!(read, rows.clone());
            prop_assert!(page(&rows, size, pages + 1).is_none() && page(&rows, size, 0).is_none());
        }
    }
}
