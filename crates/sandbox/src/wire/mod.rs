//! UK Open Banking 4.0 bodies (`OBReadAccount6`, `OBReadBalance1`, `OBReadTransaction6`), as far as the bank fills them.

mod account;
mod transaction;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::Serialize;

pub(crate) use account::{Account, Accounts, Balances, type_code};
pub(crate) use transaction::{Transaction, Transactions, View, shown_at};

/// The issuer of the bank's own transaction codes, and its name.
pub(crate) const BANK_NAME: &str = "Fernhill Bank";

/// The bank's zone, spelled out (IEEE 1003.1) so that no zone files are needed.
const ZONE: &str = "GMT0BST,M3.5.0/1,M10.5.0";

/// The zone of the bank's booking days: that of the United Kingdom and Ireland.
pub(crate) fn zone() -> TimeZone {
    TimeZone::posix(ZONE).unwrap_or(TimeZone::UTC)
}

/// A whole answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer<T> {
    pub(crate) data: T,
    pub(crate) links: Links,
    pub(crate) meta: Meta,
}

/// Where this page is and where the others are; all absolute.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Links {
    #[serde(rename = "Self")]
    pub(crate) this: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prev: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<String>,
}

/// How many pages there are and which days they span.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Meta {
    pub(crate) total_pages: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_available_date_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_available_date_time: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Identification {
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identification: Option<String>,
    name: String,
}

/// An unsigned amount with its direction; zero is a credit.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Signed {
    credit_debit_indicator: &'static str,
    amount: Amount,
}

impl Signed {
    fn new(amount: Decimal, currency: &str) -> Self {
        let credit_debit_indicator = if amount < Decimal::ZERO { "Debit" } else { "Credit" };
        Self { credit_debit_indicator, amount: Amount::new(amount, currency) }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Amount {
    amount: String,
    currency: String,
}

impl Amount {
    fn new(amount: Decimal, currency: &str) -> Self {
        Self { amount: format!("{:.2}", amount.abs()), currency: currency.to_owned() }
    }
}

/// A date-time with its offset (RFC 3339).
pub(crate) fn stamp(day: Date, at: Time, zone: &TimeZone) -> String {
    let zoned = day.to_datetime(at).to_zoned(zone.clone());
    zoned.map_or_else(|_| format!("{day}T00:00:00Z"), |at| at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    #[test]
    fn the_zone_follows_summer_time() {
        assert_eq!(stamp(date(2026, 7, 1), time(0, 30, 0, 0), &zone()), "2026-07-01T00:30:00+01:00");
        assert_eq!(stamp(date(2026, 1, 1), time(0, 30, 0, 0), &zone()), "2026-01-01T00:30:00+00:00");
    }

    #[test]
    fn amounts_are_unsigned_with_two_decimals_and_zero_is_a_credit() {
        let shown = |amount| serde_json::to_value(Signed::new(amount, "GBP")).unwrap();
        assert_eq!(shown(Decimal::new(-15, 1))["Amount"]["Amount"], "1.50");
        assert_eq!(shown(Decimal::new(-15, 1))["CreditDebitIndicator"], "Debit");
        assert_eq!(shown(Decimal::ZERO)["CreditDebitIndicator"], "Credit");
    }
}
