//! Dates as the bank wrote them.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::row::RowFault;

/// The day that is written, whatever offset follows: moving it through UTC would book a late payment on the day before.
pub(crate) fn day(text: &str) -> Result<Date, RowFault> {
    let (day, rest) = text.split_at_checked(10).ok_or(RowFault::BadDate)?;
    if !matches!(rest.as_bytes().first(), None | Some(b'T' | b' ' | b'Z' | b'+' | b'-')) {
        return Err(RowFault::BadDate);
    }
    day.parse().map_err(|_| RowFault::BadDate)
}

/// The instant, where the bank gives a time of day with its offset. Midnight to the second stands for "no time known"
/// at most banks and is not taken for one.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let time = text.get(11..19)?;
    if time == "00:00:00" { None } else { text.parse().ok() }
}

/// The instant even at midnight, for balances, whose time is always real.
pub(crate) fn as_of(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_day_is_the_banks_text_and_never_moved_through_utc() {
        assert_eq!(day("2026-04-01T00:30:00+01:00").unwrap(), date(2026, 4, 1));
        assert_eq!(day("2026-03-31T23:30:00-05:00").unwrap(), date(2026, 3, 31));
        assert_eq!(day("2026-03-31").unwrap(), date(2026, 3, 31));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in ["", "2026-02-30", "31/03/2026", "2026-3-1T00:00:00Z", "2026-03-311", "ÄÄÄÄÄÄÄÄ"]
        {
            assert_eq!(day(text), Err(RowFault::BadDate), "{text}");
        }
    }

    #[test]
    fn midnight_and_a_time_without_an_offset_are_no_instants() {
        assert_eq!(instant("2026-04-01T00:00:00+00:00"), None);
        assert_eq!(instant("2026-04-01T00:00:00.000Z"), None);
        assert_eq!(instant("2026-04-01T12:00:01"), None);
        assert_eq!(instant("2026-04-01"), None);
        assert_eq!(instant("2026-04-01T12:00:01+01:00"), Some("2026-04-01T11:00:01Z".parse().unwrap()));
    }
}
