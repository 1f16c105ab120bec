//! Which spans of whole booking days a job asks for.

use institutions::Profile;
use jiff::civil::Date;
use jiff::{Span, ToSpan};

/// First and last booking day, both included.
pub(crate) type Days = (Date, Date);

/// Days after today that are asked for as well: a pending row carries the day it is expected to be booked.
const EXPECTED_DAYS: i64 = 7;

/// Everything to be asked for at once, newest first, so that what people look for arrives first. `wanted` is the first
/// day the job or the consent names.
pub(crate) fn spans(profile: &Profile, wanted: Option<Date>, today: Date) -> Vec<Days> {
    let oldest = today.saturating_sub(Span::new().months(profile.history.months.get()));
    let first = wanted.map_or(oldest, |day| day.max(oldest));
    let last = today.saturating_add(EXPECTED_DAYS.days());
    let width = i64::from(profile.history.max_window_days.get());
    let mut spans = Vec::new();
    let mut from = first;
    while from <= last {
        let to = from.saturating_add((width - 1).days()).min(last);
        spans.push((from, to));
        if to == last {
            break;
        }
        from = to.saturating_add(1.day());
    }
    spans.reverse();
    spans
}

/// The older and the newer half of a span; none of a single day.
pub(crate) fn halves((from, to): Days) -> Option<[Days; 2]> {
    let days = to.duration_since(from).as_hours() / 24;
    let middle = from.saturating_add((days / 2).days());
    (days > 0).then(|| [(from, middle), (middle.saturating_add(1.day()), to)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn profile(months: u16, width: u16) -> Profile {
        let text = format!(
            "id = 'b'\nname = 'B'\ncountry = 'GB'\nstandard = 'uk-ob-4.0'\nbase_url = 'https://b.example'\n\
             time_zone = 'Europe/London'\n[history]\nmonths = {months}\nmax_window_days = {width}\n\
             [client]\nissuer = 'https://b.example'\nid = 'i'\nsecret = 's'\n"
        );
        Profile::parse(&text, "b.toml".as_ref()).unwrap()
    }

    #[test]
    fn spans_cover_every_day_once_newest_first_and_are_no_wider_than_allowed() {
        let today = date(2026, 3, 31);
        for (months, width) in [(1, 1), (1, 7), (24, 92), (24, 1000)] {
            let mut spans = spans(&profile(months, width), None, today);
            assert!(spans.is_sorted_by(|newer, older| newer > older));
            spans.reverse();
            assert_eq!(spans[0].0, today.saturating_sub(Span::new().months(months)));
            assert_eq!(spans[spans.len() - 1].1, date(2026, 4, 7));
            for (from, to) in &spans {
                assert!(from <= to && to.duration_since(*from).as_hours() / 24 < i64::from(width));
            }
            assert!(spans.windows(2).all(|pair| pair[0].1.saturating_add(1.day()) == pair[1].0));
        }
    }

    #[test]
    fn nothing_before_the_day_wanted_is_asked_for() {
        let wanted = Some(date(2026, 3, 30));
        assert_eq!(
            spans(&profile(24, 92), wanted, date(2026, 3, 31)),
            [(date(2026, 3, 30), date(2026, 4, 7))]
        );
        assert_eq!(spans(&profile(24, 92), Some(date(2027, 1, 1)), date(2026, 3, 31)), []);
    }

    #[test]
    fn a_span_is_halved_down_to_single_days() {
        let (a, b, c) = (date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1));
        assert_eq!(halves((a, c)), Some([(a, b), (c, c)]));
        assert_eq!(halves((a, b)), Some([(a, a), (b, b)]));
        assert_eq!(halves((a, a)), None);
    }
}
