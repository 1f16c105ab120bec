//! `OBTransaction6` to a row.

use std::borrow::Cow;

use events::{Money, TransactionStatus};

use super::wire::{self, Transaction, Transactions};
use super::{BadPage, balance_after, cleaned, each, literal, signed, unsigned, vocabulary, word};
use crate::dates;
use crate::row::{Exchange, Party, Rejected, Row, RowFault};
use crate::text;

/// The rows of a window's pages in their order, and those that cannot be taken.
///
/// # Errors
/// [`BadPage`] when one page cannot be read: then nothing of the window is known to be whole.
pub fn transactions<'p>(pages: &[&'p [u8]]) -> Result<(Vec<Row<'p>>, Vec<Rejected>), BadPage> {
    let (mut rows, mut rejected) = (Vec::new(), Vec::new());
    for page in pages {
        let read =
            each(page, |all: Transactions<Transaction<'p>>| all.rows, |raw: Transactions<_>| raw.rows)?;
        rows.reserve(read.len());
        for transaction in read {
            match transaction.and_then(row) {
                Ok(row) => rows.push(row),
                Err(fault) => rejected.push(Rejected { index: rows.len() + rejected.len(), fault }),
            }
        }
    }
    Ok((rows, rejected))
}

fn row(from: Transaction<'_>) -> Result<Row<'_>, RowFault> {
    let money = signed(from.amount.as_ref(), from.credit_debit_indicator.as_ref())?;
    let status = word(from.status.as_ref()).and_then(vocabulary::status).ok_or(RowFault::UnknownStatus)?;
    let booking = word(from.booking_date_time.as_ref()).ok_or(RowFault::BadDate)?;
    let value = word(from.value_date_time.as_ref()).filter(|text| !text.is_empty());
    let (merchant_name, mcc) = merchant(from.merchant_details)?;
    Ok(Row {
        status,
        mutable: is_mutable(status, word(from.transaction_mutability.as_ref())),
        booking_date: dates::day(booking)?,
        value_date: value.map(dates::day).transpose()?,
        booked_at: (status == TransactionStatus::Booked).then(|| dates::instant(booking)).flatten(),
        description: cleaned(from.transaction_information)?.unwrap_or_default(),
        source_id: cleaned(from.transaction_id)?,
        reference: cleaned(from.transaction_reference)?,
        counterparty: counterparty(
            money,
            (from.creditor_account, from.ultimate_creditor),
            (from.debtor_account, from.ultimate_debtor),
        )?,
        merchant_name,
        mcc,
        bank_code: from.bank_transaction_code.as_ref().and_then(bank_code),
        proprietary_code: cleaned(from.proprietary_bank_transaction_code.and_then(|code| code.code))?,
        purpose_code: cleaned(from.payment_purpose_code.or(from.category_purpose_code))?,
        foreign_exchange: from.currency_exchange.and_then(|exchange| foreign_exchange(&exchange)),
        balance_after: balance_after(from.balance.as_ref(), money.currency()),
        money,
    })
}

/// Pending rows may always change; booked ones only where the bank says so.
fn is_mutable(status: TransactionStatus, mutability: Option<&str>) -> bool {
    status == TransactionStatus::Pending || mutability == Some("Mutable")
}

type Side<'p> = (Option<wire::PartyAccount<'p>>, Option<wire::Named<'p>>);

/// Whoever got the money that went out, or sent what came in. The ultimate party stands behind a collecting agent, so
/// its name is the better one.
fn counterparty<'p>(
    money: Money,
    creditor: Side<'p>,
    debtor: Side<'p>,
) -> Result<Option<Party<'p>>, RowFault> {
    let (account, ultimate) = if money.amount().is_sign_negative() { creditor } else { debtor };
    let (name, identification) =
        account.map_or((None, None), |account| (account.name, account.identification));
    let name = cleaned(ultimate.and_then(|ultimate| ultimate.name).or(name))?;
    let account = cleaned(identification)?;
    Ok((name.is_some() || account.is_some()).then_some(Party { name, account }))
}

type Merchant<'p> = (Option<Cow<'p, str>>, Option<Cow<'p, str>>);

fn merchant(details: Option<wire::MerchantDetails<'_>>) -> Result<Merchant<'_>, RowFault> {
    let Some(details) = details else { return Ok((None, None)) };
    Ok((cleaned(details.merchant_name)?, cleaned(details.merchant_category_code)?.and_then(mcc)))
}

/// Four digits (ISO 18245); the standard allows three, for a code whose leading zero was lost.
fn mcc(code: Cow<'_, str>) -> Option<Cow<'_, str>> {
    match code.len() {
        3 | 4 if !code.bytes().all(|byte| byte.is_ascii_digit()) => None,
        4 => Some(code),
        3 => Some(Cow::Owned(format!("0{code}"))),
        _ => None,
    }
}

/// UK banks give family and sub-family of ISO 20022, never the domain.
fn bank_code(code: &wire::BankTransactionCode<'_>) -> Option<String> {
    let family = vocabulary::family(word(code.code.as_ref()).unwrap_or_default());
    let sub_family = vocabulary::sub_family(word(code.sub_code.as_ref()).unwrap_or_default());
    let is_code = |text: &str| text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let known = (!family.is_empty() || !sub_family.is_empty()) && is_code(family) && is_code(sub_family);
    known.then(|| ["", family, sub_family].join("-"))
}

/// The purchase in its own currency; what cannot be read exactly is left out, for the booked amount is what counts.
fn foreign_exchange<'p>(exchange: &wire::CurrencyExchange<'p>) -> Option<Exchange<'p>> {
    let money = unsigned(exchange.instructed_amount.as_ref()).ok()?;
    let rate = exchange.exchange_rate.map(literal).filter(|rate| *rate != "null");
    let rate = rate.and_then(|rate| text::clean(Cow::Borrowed(rate)).ok().flatten());
    Some(Exchange { amount: money.amount(), currency: money.currency(), rate })
}

#[cfg(test)]
mod tests;
