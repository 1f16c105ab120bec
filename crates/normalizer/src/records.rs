//! Identified rows to records on their topics, with their place in the window.

use std::borrow::Cow;

use events::avro::AvroError;
use events::{
    Account, AccountKey, Balance, BalanceSnapshot, Counterparty, ForeignExchange, NormalizedTransaction,
    Outbound, Provenance, RawWindow, TransactionId, TransactionStatus, topics,
};
use store::Known;
use uuid::Uuid;

use crate::identity::Identified;
use crate::row::Row;
use crate::uk::Details;

/// The transactions of a window in the bank's order, then the retractions of pending ones that are gone.
///
/// # Errors
/// When a record does not fit its schema, which is a fault of the program.
pub fn transactions(window: &RawWindow, identified: Identified<'_>) -> Result<Vec<Outbound>, AvroError> {
    let Identified { rows, vanished } = identified;
    let mut messages = Vec::with_capacity(rows.len() + vanished.len());
    // Handed from record to record: its names are the same for all of a window.
    let mut provenance = provenance(window, rows.len() + vanished.len());
    for (id, row) in rows {
        let record = from_row(window.account_key, id, row, provenance);
        messages.push(message(window, &record)?);
        provenance = after(record.provenance);
    }
    for known in vanished {
        let record = retraction(window.account_key, known, provenance);
        messages.push(message(window, &record)?);
        provenance = after(record.provenance);
    }
    Ok(messages)
}

/// The account's details.
///
/// # Errors
/// As [`transactions`].
pub fn account(window: &RawWindow, details: Details) -> Result<Outbound, AvroError> {
    let record = Account {
        account_key: window.account_key,
        provenance: provenance(window, 1),
        account_type: details.account_type,
        holder_kind: details.holder_kind,
        status: details.status,
        currency: details.currency,
        display_name: details.display_name,
        masked_number: details.masked_number,
    };
    let key = window.account_key.uuid();
    Outbound::record(&topics::ACCOUNTS, key, event_id(window, key), &record)
}

/// The account's balances.
///
/// # Errors
/// As [`transactions`].
pub fn balances(window: &RawWindow, balances: Vec<Balance>) -> Result<Outbound, AvroError> {
    let record =
        BalanceSnapshot { account_key: window.account_key, provenance: provenance(window, 1), balances };
    let key = window.account_key.uuid();
    Outbound::record(&topics::BALANCES, key, event_id(window, key), &record)
}

fn message(window: &RawWindow, record: &NormalizedTransaction) -> Result<Outbound, AvroError> {
    let event = event_id(window, record.transaction_id.uuid());
    Outbound::record(&topics::TRANSACTIONS_NORMALIZED, window.account_key.uuid(), event, record)
}

/// The same for the same record out of the same answer, and for no other: window, record and answer folded together.
fn event_id(window: &RawWindow, record: Uuid) -> Uuid {
    let answered = window.fetched_at.as_microsecond().cast_unsigned();
    let folded = window.window_id.uuid().as_u128() ^ record.as_u128() ^ u128::from(answered);
    Uuid::new_v8(folded.to_be_bytes())
}

fn provenance(window: &RawWindow, length: usize) -> Provenance {
    Provenance {
        tenant_id: window.tenant_id.clone(),
        user_id: window.user_id.clone(),
        institution_id: window.institution_id.clone(),
        consent_id: window.consent_id,
        epoch: window.epoch,
        job_id: window.job_id,
        window_id: window.window_id,
        attempt: window.attempt,
        sequence: 0,
        length: i32::try_from(length).unwrap_or(i32::MAX),
        fetched_at: window.fetched_at,
    }
}

fn after(provenance: Provenance) -> Provenance {
    Provenance { sequence: provenance.sequence + 1, ..provenance }
}

fn from_row(
    account: AccountKey,
    transaction_id: TransactionId,
    row: Row<'_>,
    provenance: Provenance,
) -> NormalizedTransaction {
    NormalizedTransaction {
        transaction_id,
        account_key: account,
        provenance,
        status: row.status,
        mutable: row.mutable,
        amount: row.money.amount(),
        currency: row.money.currency(),
        booking_date: Some(row.booking_date),
        value_date: row.value_date,
        transaction_date: None,
        booked_at: row.booked_at,
        description: row.description.into_owned(),
        source_id: owned(row.source_id),
        reference: owned(row.reference),
        counterparty: row
            .counterparty
            .map(|party| Counterparty { name: owned(party.name), account: owned(party.account) }),
        merchant_name: owned(row.merchant_name),
        mcc: owned(row.mcc),
        bank_code: row.bank_code,
        proprietary_code: owned(row.proprietary_code),
        purpose_code: owned(row.purpose_code),
        foreign_exchange: row.foreign_exchange.map(|exchange| ForeignExchange {
            amount: exchange.amount,
            currency: exchange.currency,
            rate: owned(exchange.rate),
        }),
        balance_after: row.balance_after,
    }
}

/// A pending transaction that the bank no longer shows. Its texts are not at hand, and nobody is to see them again.
fn retraction(account: AccountKey, known: Known, provenance: Provenance) -> NormalizedTransaction {
    NormalizedTransaction {
        transaction_id: known.transaction_id,
        account_key: account,
        provenance,
        status: TransactionStatus::Retracted,
        mutable: true,
        amount: known.amount,
        currency: known.currency,
        booking_date: known.booking_date,
        value_date: None,
        transaction_date: None,
        booked_at: None,
        description: String::new(),
        source_id: known.source_id,
        reference: None,
        counterparty: None,
        merchant_name: None,
        mcc: None,
        bank_code: None,
        proprietary_code: None,
        purpose_code: None,
        foreign_exchange: None,
        balance_after: None,
    }
}

fn owned(text: Option<Cow<'_, str>>) -> Option<String> {
    text.map(Cow::into_owned)
}
