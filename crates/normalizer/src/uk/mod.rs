//! UK Open Banking Read/Write API, account information, versions 3.1 and 4.0, to our rows. Pure: pages in, rows out.
//!
//! Source: the standard's OpenAPI files, schemas `OBReadTransaction6`, `OBReadBalance1`, `OBReadAccount6`.

mod accounts;
mod balances;
mod transactions;
mod vocabulary;
mod wire;

use std::borrow::Cow;

use events::{Currency, Money, MoneyError};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

pub use accounts::{Details, account};
pub use balances::balances;
pub use transactions::transactions;

use crate::row::RowFault;
use crate::text;

/// A page that cannot be read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("page is not an answer of the standard; ask the institution with the interaction id")]
pub struct BadPage;

/// The members of an array, one by one. The page is read in one go; only when that fails are its rows parted first, so
/// that a row of the wrong shape does not take its neighbours with it.
fn each<'p, T, All, Raw>(
    page: &'p [u8],
    all: impl FnOnce(All) -> Option<Vec<T>>,
    raw: impl FnOnce(Raw) -> Option<Vec<&'p RawValue>>,
) -> Result<Vec<Result<T, RowFault>>, BadPage>
where
    T: Deserialize<'p>,
    All: Deserialize<'p>,
    Raw: Deserialize<'p>,
{
    let page = std::str::from_utf8(page).map_err(|_| BadPage)?;
    if let Ok(wire::Envelope { data }) = serde_json::from_str(page) {
        return Ok(all(data).unwrap_or_default().into_iter().map(Ok).collect());
    }
    let wire::Envelope { data } = serde_json::from_str(page).map_err(|_| BadPage)?;
    let rows = raw(data).unwrap_or_default();
    Ok(rows.into_iter().map(|row| serde_json::from_str(row.get()).map_err(|_| RowFault::Shape)).collect())
}

/// An unsigned amount and the direction beside it.
fn signed(amount: Option<&wire::Amount<'_>>, direction: Option<&wire::Text<'_>>) -> Result<Money, RowFault> {
    let money = unsigned(amount)?;
    match direction.map(|direction| &*direction.0) {
        Some("Credit") => Ok(money),
        // A zero stays without a sign: it would hash and print as another amount.
        Some("Debit") if !money.amount().is_zero() => Ok(money.negated()),
        Some("Debit") => Ok(money),
        _ => Err(RowFault::UnknownDirection),
    }
}

fn unsigned(amount: Option<&wire::Amount<'_>>) -> Result<Money, RowFault> {
    let amount = amount.ok_or(RowFault::MissingAmount)?;
    let number = amount.amount.map(literal).filter(|text| !text.is_empty()).ok_or(RowFault::MissingAmount)?;
    let currency = amount.currency.as_ref().ok_or(RowFault::UnknownCurrency)?;
    let money = Money::parse(number.trim(), currency.0.trim()).map_err(|error| match error {
        MoneyError::UnknownCurrency => RowFault::UnknownCurrency,
        MoneyError::NotANumber | MoneyError::OutOfRange => RowFault::BadAmount,
    })?;
    if money.amount().is_sign_negative() && !money.amount().is_zero() {
        return Err(RowFault::NegativeAmount);
    }
    Ok(money)
}

/// What stands in the page: a string without its quotes, or a number as it is written. (A string with escapes is left
/// with them and is then no number.)
fn literal(raw: &RawValue) -> &str {
    let text = raw.get();
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

fn cleaned<'p>(text: Option<wire::Text<'p>>) -> Result<Option<Cow<'p, str>>, RowFault> {
    text.map_or(Ok(None), |text| text::clean(text.0))
}

fn word<'a>(text: Option<&'a wire::Text<'_>>) -> Option<&'a str> {
    text.map(|text| text.0.trim())
}

/// The running balance is a hint, so an unreadable one, or one in another currency, is left out.
fn balance_after(balance: Option<&wire::RowBalance<'_>>, currency: Currency) -> Option<Decimal> {
    let balance = balance?;
    let money = signed(balance.amount.as_ref(), balance.credit_debit_indicator.as_ref()).ok()?;
    (money.currency() == currency).then(|| money.amount())
}
