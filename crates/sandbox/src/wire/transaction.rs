//! Transactions.

use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Number;

use super::{Amount, BANK_NAME, Identification, Signed, stamp};
use crate::data;

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
