//! When regular payments fall due.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};
use serde::Deserialize;

/// A rule for days; written as in `regulars.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Due {
    Monthly(i8),
    /// Ten instalments a year: not in February and March.
    CouncilTax(i8),
    Quarterly(i8),
    Yearly(i8, i8),
    Weekly(i8),
    FourWeekly(i8),
}

/// Which way a payment moves when it falls due on a weekend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shift {
    Earlier,
    Later,
    Never,
}

impl Due {
    /// Whether a payment under this rule happens on `day`.
    pub(super) fn happens_on(self, day: Date, shift: Shift) -> bool {
        (-2..=2_i8)
            .filter_map(|offset| day.checked_add(offset.days()).ok())
            .any(|nominal| self.falls_on(nominal) && moved(nominal, shift) == Some(day))
    }

    fn falls_on(self, day: Date) -> bool {
        match self {
            Self::Monthly(on) => day.day() == on,
            Self::CouncilTax(on) => day.day() == on && !matches!(day.month(), 2 | 3),
            Self::Quarterly(on) => day.day() == on && day.month() % 3 == 1,
            Self::Yearly(month, on) => day.month() == month && day.day() == on,
            Self::Weekly(weekday) => day.weekday().to_monday_one_offset() == weekday,
            Self::FourWeekly(weekday) => {
                day.weekday().to_monday_one_offset() == weekday && (day_number(day) / 7).is_multiple_of(4)
            }
        }
    }
}

/// Days since the first Monday of 2000.
pub(super) fn day_number(day: Date) -> u64 {
    u64::try_from((day - date(2000, 1, 3)).get_days()).unwrap_or_default()
}

fn moved(day: Date, shift: Shift) -> Option<Date> {
    let days: i8 = match (day.weekday(), shift) {
        (Weekday::Saturday, Shift::Earlier) => -1,
        (Weekday::Sunday, Shift::Earlier) => -2,
        (Weekday::Saturday, Shift::Later) => 2,
        (Weekday::Sunday, Shift::Later) => 1,
        _ => 0,
    };
    day.checked_add(days.days()).ok()
}

impl TryFrom<String> for Due {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parsed = text.split_at_checked(1).and_then(|(kind, rest)| {
            let number: i16 = rest.parse().ok()?;
            let (month, day) = (i8::try_from(number / 100).ok()?, i8::try_from(number % 100).ok()?);
            match kind {
                "m" => Some(Self::Monthly(day)),
                "c" => Some(Self::CouncilTax(day)),
                "q" => Some(Self::Quarterly(day)),
                "y" => Some(Self::Yearly(month, day)),
                "w" => Some(Self::Weekly(day)),
                "f" => Some(Self::FourWeekly(day)),
                _ => None,
            }
        });
        parsed.ok_or_else(|| format!("{text} is no due rule; see the head of regulars.csv"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direct_debit_due_on_a_weekend_is_taken_on_monday_and_a_salary_comes_on_friday() {
        let due = Due::try_from("m25".to_owned()).unwrap();
        let sunday = date(2026, 1, 25);
        assert!(due.happens_on(date(2026, 1, 26), Shift::Later));
        assert!(due.happens_on(date(2026, 1, 23), Shift::Earlier));
        assert!(!due.happens_on(sunday, Shift::Later));
        assert!(due.happens_on(sunday, Shift::Never));
    }

    #[test]
    fn a_four_weekly_payment_comes_thirteen_times_a_year() {
        let due = Due::try_from("f1".to_owned()).unwrap();
        let days = date(2025, 1, 1).series(1.day()).take_while(|day| day.year() == 2025);
        assert_eq!(days.filter(|day| due.happens_on(*day, Shift::Never)).count(), 13);
    }
}
