//! A transaction as a row of the table, and what is the same for every kind of record.

use std::collections::HashMap;

use events::{
    Account, AccountKey, BalanceSnapshot, Basket, EnrichedTransaction, NormalizedTransaction, Provenance,
    Topic, TransactionId, topics,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use uuid::Uuid;

use super::encode::Encoder;
use crate::StoreError;
use crate::codes::Coded;

/// What landing has to know of a record, whatever it holds.
pub(super) trait Record {
    /// What a consent has to cover for it.
    const BASKET: Basket;
    /// Where it is deleted when it is refused.
    const TOPIC: &'static Topic;

    fn provenance(&self) -> &Provenance;
    fn account_key(&self) -> AccountKey;
    /// Its key on the topic.
    fn key(&self) -> Uuid;
    /// The day it is listed under, if it has one.
    fn day(&self) -> Option<Date>;
}

impl Record for EnrichedTransaction {
    const BASKET: Basket = Basket::Transactions;
    const TOPIC: &'static Topic = &topics::TRANSACTIONS_ENRICHED;

    fn provenance(&self) -> &Provenance {
        &self.transaction.provenance
    }
    fn account_key(&self) -> AccountKey {
        self.transaction.account_key
    }
    fn key(&self) -> Uuid {
        self.transaction.transaction_id.uuid()
    }
    fn day(&self) -> Option<Date> {
        Some(day(&self.transaction))
    }
}

impl Record for Account {
    const BASKET: Basket = Basket::Accounts;
    const TOPIC: &'static Topic = &topics::ACCOUNTS;

    fn provenance(&self) -> &Provenance {
        &self.provenance
    }
    fn account_key(&self) -> AccountKey {
        self.account_key
    }
    fn key(&self) -> Uuid {
        self.account_key.uuid()
    }
    fn day(&self) -> Option<Date> {
        None
    }
}

impl Record for BalanceSnapshot {
    const BASKET: Basket = Basket::Balances;
    const TOPIC: &'static Topic = &topics::BALANCES;

    fn provenance(&self) -> &Provenance {
        &self.provenance
    }
    fn account_key(&self) -> AccountKey {
        self.account_key
    }
    fn key(&self) -> Uuid {
        self.account_key.uuid()
    }
    fn day(&self) -> Option<Date> {
        None
    }
}

/// The day a transaction is listed under.
fn day(transaction: &NormalizedTransaction) -> Date {
    transaction
        .booking_date
        .or(transaction.value_date)
        .or(transaction.transaction_date)
        .unwrap_or_else(|| transaction.provenance.fetched_at.to_zoned(TimeZone::UTC).date())
}

/// Of the admitted records, those to write: the newest answer for each key, the last one if there are several, in the
/// order of keys, which is the order of the table.
pub(super) fn newest<'r, R: Record>(rows: &'r [R], admitted: &[usize]) -> Vec<&'r R> {
    let mut newest: HashMap<Uuid, (Timestamp, usize)> = HashMap::with_capacity(admitted.len());
    for index in admitted {
        let Some(row) = rows.get(*index) else { continue };
        let this = (row.provenance().fetched_at, *index);
        newest.entry(row.key()).and_modify(|best| *best = (*best).max(this)).or_insert(this);
    }
    let mut chosen: Vec<_> = newest.into_iter().collect();
    chosen.sort_unstable_by_key(|(key, _)| *key);
    chosen.into_iter().filter_map(|(_, (_, index))| rows.get(index)).collect()
}

/// The columns of `transactions`, in the order [`encode`] writes them.
macro_rules! columns {
    () => {
        "transaction_id, account_key, consent_id, window_id, fetched_at, landed_at, content_hash, day, status, \
         mutable, amount, currency, booking_date, value_date, transaction_date, booked_at, description, source_id, \
         reference, counterparty_name, counterparty_account, merchant_name, mcc, bank_code, proprietary_code, \
         purpose_code, fx_amount, fx_currency, fx_rate, balance_after, clean_description, merchant_id, \
         merchant_title, merchant_website, merchant_logo_url, processor, channel, recurring, subscription, refund, \
         own_transfer, category_primary, category_detailed, confidence_permille, source, why, taxonomy_version, \
         engine_version"
    };
}
pub(super) use columns;

const COLUMNS: i16 = 48;

/// An average row: enough that the buffer grows at most once.
pub(super) const BYTES_A_ROW: usize = 640;

pub(super) fn encode(to: &mut Encoder, row: &EnrichedTransaction, now: Timestamp) -> Result<(), StoreError> {
    let transaction = &row.transaction;
    to.begin_row(COLUMNS);
    to.uuid(transaction.transaction_id.uuid());
    to.uuid(transaction.account_key.uuid());
    to.uuid(transaction.provenance.consent_id.uuid());
    to.uuid(transaction.provenance.window_id.uuid());
    to.timestamp(transaction.provenance.fetched_at);
    to.timestamp(now);
    let start = to.begin_hash();
    encode_transaction(to, transaction);
    encode_enrichment(to, row)?;
    to.seal_hash(start)
}

fn encode_transaction(to: &mut Encoder, transaction: &NormalizedTransaction) {
    to.date(day(transaction));
    to.small(transaction.status.code());
    to.bool(transaction.mutable);
    to.numeric(transaction.amount);
    to.text(transaction.currency.code());
    to.maybe(transaction.booking_date, Encoder::date);
    to.maybe(transaction.value_date, Encoder::date);
    to.maybe(transaction.transaction_date, Encoder::date);
    to.maybe(transaction.booked_at, Encoder::timestamp);
    to.text(&transaction.description);
    to.maybe(transaction.source_id.as_deref(), Encoder::text);
    to.maybe(transaction.reference.as_deref(), Encoder::text);
    let counterparty = transaction.counterparty.as_ref();
    to.maybe(counterparty.and_then(|other| other.name.as_deref()), Encoder::text);
    to.maybe(counterparty.and_then(|other| other.account.as_deref()), Encoder::text);
    to.maybe(transaction.merchant_name.as_deref(), Encoder::text);
    to.maybe(transaction.mcc.as_deref(), Encoder::text);
    to.maybe(transaction.bank_code.as_deref(), Encoder::text);
    to.maybe(transaction.proprietary_code.as_deref(), Encoder::text);
    to.maybe(transaction.purpose_code.as_deref(), Encoder::text);
    let foreign = transaction.foreign_exchange.as_ref();
    to.maybe(foreign.map(|foreign| foreign.amount), Encoder::numeric);
    to.maybe(foreign.map(|foreign| foreign.currency.code()), Encoder::text);
    to.maybe(foreign.and_then(|foreign| foreign.rate.as_deref()), Encoder::text);
    to.maybe(transaction.balance_after, Encoder::numeric);
}

fn encode_enrichment(to: &mut Encoder, row: &EnrichedTransaction) -> Result<(), StoreError> {
    let found = &row.enrichment;
    to.text(&found.clean_description);
    let merchant = found.merchant.as_ref();
    to.maybe(merchant.map(|merchant| merchant.id.as_str()), Encoder::text);
    to.maybe(merchant.map(|merchant| merchant.name.as_str()), Encoder::text);
    to.maybe(merchant.and_then(|merchant| merchant.website.as_deref()), Encoder::text);
    to.maybe(merchant.and_then(|merchant| merchant.logo_url.as_deref()), Encoder::text);
    to.maybe(found.processor.as_deref(), Encoder::text);
    to.maybe(found.channel.as_deref(), Encoder::text);
    to.bool(found.flags.recurring);
    to.bool(found.flags.subscription);
    to.bool(found.flags.refund);
    to.bool(found.flags.own_transfer);
    to.text(&found.category_primary);
    to.text(&found.category_detailed);
    to.small(found.confidence_permille.clamp(0, 1000).try_into().map_err(StoreError::bug)?);
    to.text(&found.source);
    to.text(&serde_json::to_string(&found.why).map_err(StoreError::bug)?);
    to.text(&found.taxonomy_version);
    to.text(&found.engine_version);
    Ok(())
}

/// Days by which the day of a row may differ from the day its id was minted under.
const DRIFT: i64 = 31;

/// What follows an account's part of the lowest and the highest id minted for it between two days, as text: behind the
/// first 13 characters of the account key it is the whole id. See `events::TransactionId::mint`.
pub(crate) fn id_range(from: Option<Date>, to: Option<Date>) -> (String, String) {
    let low = from.map_or(0, |day| day_number(day.saturating_sub(DRIFT.days())));
    let high = to.map_or(u16::MAX, |day| day_number(day.saturating_add(DRIFT.days())));
    (suffix(low, 0x00), suffix(high, 0xff))
}

fn suffix(day: u16, fill: u8) -> String {
    let [high, low] = day.to_be_bytes();
    let rest = format!("{fill:02x}");
    format!(
        "-8{:01x}{:02x}-{:02x}{rest}-{}",
        high >> 4,
        (high << 4) | (low >> 4),
        0x80 | ((low & 0x0f) << 2) | (fill & 0x03),
        rest.repeat(6),
    )
}

fn day_number(day: Date) -> u16 {
    let days = day.duration_since(jiff::civil::date(2000, 1, 1)).as_hours() / 24;
    u16::try_from(days.max(0)).unwrap_or(u16::MAX)
}

/// The range of ids of one account.
pub(super) fn ids_of(
    account: AccountKey,
    from: Date,
    to: Date,
) -> Result<(TransactionId, TransactionId), StoreError> {
    let account = account.to_string();
    let account = account.get(..13).unwrap_or_default();
    let (low, high) = id_range(Some(from), Some(to));
    let id = |suffix| format!("{account}{suffix}").parse().map_err(StoreError::bug);
    Ok((id(low)?, id(high)?))
}
