//! UK Open Banking 4.0 bodies (`OBReadAccount6`, `OBReadBalance1`, `OBReadTransaction6`), as far as the bank fills them.

use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Number;

use crate::data;
use crate::data::AccountType;

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
pub(crate) struct Accounts {
    pub(crate) account: Vec<Account>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Account {
    account_id: String,
    status: &'static str,
    currency: String,
    account_category: &'static str,
    account_type_code: AccountTypeCode,
    nickname: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<[Identification; 1]>,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct AccountTypeCode(&'static str);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Identification {
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identification: Option<String>,
    name: String,
}

impl Account {
    /// The account; its numbers only with `detail`.
    pub(crate) fn new(account: &data::Account, detail: bool) -> Self {
        let numbers = || {
            [Identification {
                scheme_name: Some(account.scheme),
                identification: Some(account.identification.clone()),
                name: account.holder.clone(),
            }]
        };
        Self {
            account_id: account.id.to_string(),
            status: "Enabled",
            currency: account.currency.clone(),
            account_category: "Personal",
            account_type_code: AccountTypeCode(type_code(account.kind)),
            nickname: account.nickname.clone(),
            account: detail.then(numbers),
        }
    }
}

pub(crate) fn type_code(kind: AccountType) -> &'static str {
    match kind {
        AccountType::Cacc => "CACC",
        AccountType::Svgs => "SVGS",
        AccountType::Card => "CARD",
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Balances {
    balance: [Balance; 2],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Balance {
    account_id: String,
    #[serde(flatten)]
    signed: Signed,
    r#type: &'static str,
    date_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    credit_line: Option<[CreditLine; 1]>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct CreditLine {
    included: bool,
    r#type: &'static str,
    amount: Amount,
}

impl Balances {
    /// What is booked, and what can be spent: with pending rows and the credit line.
    pub(crate) fn new(account: &data::Account, today: Date, now: &str) -> Self {
        let line = |(): ()| CreditLine {
            included: true,
            r#type: if account.kind == AccountType::Card { "Credit" } else { "Pre-Agreed" },
            amount: Amount::new(account.limit, &account.currency),
        };
        let balance = |amount, r#type, credit_line| Balance {
            account_id: account.id.to_string(),
            signed: Signed::new(amount, &account.currency),
            r#type,
            date_time: now.to_owned(),
            credit_line,
        };
        let lines = (!account.limit.is_zero()).then_some(()).map(line).map(|line| [line]);
        let available = account.balance() + account.limit;
        Self {
            balance: [
                balance(account.booked_balance(today), "ITBD", None),
                balance(available, "ITAV", lines),
            ],
        }
    }
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

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Transactions {
    pub(crate) transaction: Vec<Transaction>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Transaction {
    account_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<String>,
    #[serde(flatten)]
    signed: Signed,
    status: &'static str,
    transaction_mutability: &'static str,
    booking_date_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_date_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency_exchange: Option<CurrencyExchange>,
    bank_transaction_code: Code,
    proprietary_bank_transaction_code: ProprietaryCode,
    #[serde(flatten)]
    detail: Option<Detail>,
}

/// What only `ReadTransactionsDetail` shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Detail {
    transaction_information: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<RunningBalance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_details: Option<MerchantDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creditor_account: Option<Identification>,
    #[serde(skip_serializing_if = "Option::is_none")]
    debtor_account: Option<Identification>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RunningBalance {
    #[serde(flatten)]
    signed: Signed,
    r#type: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct MerchantDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_category_code: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct CurrencyExchange {
    source_currency: String,
    target_currency: String,
    unit_currency: String,
    exchange_rate: Number,
    instructed_amount: Amount,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Code {
    code: &'static str,
    sub_code: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProprietaryCode {
    code: &'static str,
    issuer: &'static str,
}

/// How a row is to be shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) zone: &'a TimeZone,
    pub(crate) today: Date,
    pub(crate) detail: bool,
    pub(crate) pending_ids: bool,
}

impl Transaction {
    /// The row as the bank shows it.
    pub(crate) fn new(account: &data::Account, row: &data::Row, view: View<'_>) -> Self {
        let booked = row.is_booked(view.today);
        let (code, sub_code, own) = row.kind.codes();
        Self {
            account_id: account.id.to_string(),
            transaction_id: (booked || view.pending_ids).then(|| row.id.simple().to_string()),
            signed: Signed::new(row.amount, &account.currency),
            status: if booked { "BOOK" } else { "PDNG" },
            transaction_mutability: if booked { "Immutable" } else { "Mutable" },
            booking_date_time: shown_time(row, view),
            value_date_time: booked.then(|| stamp(row.booked, Time::midnight(), &TimeZone::UTC)),
            currency_exchange: row.exchange.as_ref().and_then(|made| exchange(made, &account.currency)),
            bank_transaction_code: Code { code, sub_code },
            proprietary_bank_transaction_code: ProprietaryCode { code: own, issuer: BANK_NAME },
            detail: view.detail.then(|| Detail::new(account, row, booked)),
        }
    }

    /// Gives the row a currency that does not exist.
    pub(crate) fn spoil_currency(&mut self) {
        "ZZZ".clone_into(&mut self.signed.amount.currency);
    }
}

impl Detail {
    fn new(account: &data::Account, row: &data::Row, booked: bool) -> Self {
        let balance =
            || RunningBalance { signed: Signed::new(row.balance, &account.currency), r#type: "ITBD" };
        let told = row.merchant.is_some() || row.mcc.is_some();
        let party = row.party.as_ref().map(|party| Identification {
            scheme_name: party.account.as_ref().map(|(scheme, _)| *scheme),
            identification: party.account.as_ref().map(|(_, number)| number.clone()),
            name: party.name.clone(),
        });
        let (debtor_account, creditor_account) =
            if row.amount < Decimal::ZERO { (None, party) } else { (party, None) };
        Self {
            transaction_information: row.description.clone(),
            balance: booked.then(balance),
            merchant_details: told.then(|| MerchantDetails {
                merchant_name: row.merchant.clone(),
                merchant_category_code: row.mcc.clone(),
            }),
            creditor_account,
            debtor_account,
        }
    }
}

fn exchange(made: &data::Exchange, home: &str) -> Option<CurrencyExchange> {
    Some(CurrencyExchange {
        source_currency: made.currency.clone(),
        target_currency: home.to_owned(),
        unit_currency: home.to_owned(),
        exchange_rate: Number::from_str(&made.rate.to_string()).ok()?,
        instructed_amount: Amount::new(made.amount, &made.currency),
    })
}

/// When the row is shown as booked, on the bank's own clock; midnight if the bank knows no time.
pub(crate) fn shown_at(row: &data::Row, today: Date) -> DateTime {
    let time = row.at.filter(|_| row.is_booked(today)).unwrap_or_else(Time::midnight);
    row.shown_on(today).to_datetime(time)
}

/// Card payments carry the bank's local time with its offset; the rest a midnight that means only the day.
fn shown_time(row: &data::Row, view: View<'_>) -> String {
    let at = shown_at(row, view.today);
    let timed = row.at.is_some() && row.is_booked(view.today);
    let zone = if timed { view.zone.clone() } else { TimeZone::UTC };
    stamp(at.date(), at.time(), &zone)
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
