//! A customer's transactions.

use events::{
    AccountKey, ConsentId, Enrichment, Flags, ForeignExchange, Merchant, TenantId, TransactionId,
    TransactionStatus, UserId, WindowId,
};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::{StoredTransaction, TransactionFilter};
use crate::codes::Coded;
use crate::landing::id_range;
use crate::{Store, StoreError};

/// One statement, so that consents and rows are seen at the same moment. Each account's rows of the period are one range
/// of the primary key; a row is read only if some consent covers its day.
pub(super) async fn read(
    store: &Store,
    tenant: &TenantId,
    user: &UserId,
    filter: &TransactionFilter,
    now: Timestamp,
) -> Result<Vec<StoredTransaction>, StoreError> {
    let (low, high) = id_range(filter.from, filter.to);
    let rows = sqlx::query(
        "WITH covered AS ( \
           SELECT account_key, institution_id, min(coalesce(history_from, '-infinity')) AS history_from \
           FROM consents JOIN consent_accounts USING (consent_id) \
           WHERE tenant_id = $1 AND user_id = $2 AND status IN ('active', 'needs_reauthorisation') \
             AND expires_at > $3 AND 'transactions' = ANY(baskets) AND ($6::uuid IS NULL OR account_key = $6) \
           GROUP BY account_key, institution_id) \
         SELECT t.*, c.institution_id FROM covered c JOIN transactions t ON t.account_key = c.account_key \
           AND t.transaction_id BETWEEN (left(c.account_key::text, 13) || $4)::uuid \
                                    AND (left(c.account_key::text, 13) || $5)::uuid \
         WHERE t.day >= c.history_from AND t.day >= coalesce($7, '-infinity') AND t.day <= coalesce($8, 'infinity') \
           AND ($9::text IS NULL OR t.category_detailed = $9 OR t.category_primary = $9) \
           AND ($10::smallint IS NULL OR t.status = $10) \
           AND ($11::date IS NULL OR (t.day, t.transaction_id) < ($11, $12)) \
         ORDER BY t.day DESC, t.transaction_id DESC LIMIT $13",
    )
    .bind(tenant.as_str())
    .bind(user.as_str())
    .bind(now.to_sqlx())
    .bind(low)
    .bind(high)
    .bind(filter.account.map(AccountKey::uuid))
    .bind(filter.from.map(ToSqlx::to_sqlx))
    .bind(filter.to.map(ToSqlx::to_sqlx))
    .bind(filter.category.as_deref())
    .bind(filter.status.map(Coded::code))
    .bind(filter.after.map(|(day, _)| day.to_sqlx()))
    .bind(filter.after.map(|(_, id)| id.uuid()))
    .bind(filter.limit)
    .fetch_all(&store.pool)
    .await?;
    rows.iter().map(from_row).collect()
}

fn from_row(row: &PgRow) -> Result<StoredTransaction, StoreError> {
    Ok(StoredTransaction {
        transaction_id: TransactionId::from_uuid(row.try_get("transaction_id")?),
        account_key: AccountKey::from_uuid(row.try_get("account_key")?),
        institution_id: row.try_get::<&str, _>("institution_id")?.parse().map_err(StoreError::bug)?,
        consent_id: ConsentId::from_uuid(row.try_get("consent_id")?),
        window_id: WindowId::from_uuid(row.try_get("window_id")?),
        day: row.try_get::<jiff_sqlx::Date, _>("day")?.to_jiff(),
        status: TransactionStatus::from_code(row.try_get("status")?)?,
        mutable: row.try_get("mutable")?,
        amount: row.try_get("amount")?,
        currency: row.try_get::<&str, _>("currency")?.parse().map_err(StoreError::bug)?,
        booking_date: date(row, "booking_date")?,
        value_date: date(row, "value_date")?,
        transaction_date: date(row, "transaction_date")?,
        booked_at: row
            .try_get::<Option<jiff_sqlx::Timestamp>, _>("booked_at")?
            .map(jiff_sqlx::Timestamp::to_jiff),
        description: row.try_get("description")?,
        reference: row.try_get("reference")?,
        counterparty_name: row.try_get("counterparty_name")?,
        counterparty_account: row.try_get("counterparty_account")?,
        merchant_name: row.try_get("merchant_name")?,
        mcc: row.try_get("mcc")?,
        bank_code: row.try_get("bank_code")?,
        proprietary_code: row.try_get("proprietary_code")?,
        purpose_code: row.try_get("purpose_code")?,
        foreign_exchange: foreign_exchange(row)?,
        balance_after: row.try_get("balance_after")?,
        enrichment: enrichment(row)?,
        fetched_at: row.try_get::<jiff_sqlx::Timestamp, _>("fetched_at")?.to_jiff(),
        landed_at: row.try_get::<jiff_sqlx::Timestamp, _>("landed_at")?.to_jiff(),
    })
}

fn date(row: &PgRow, column: &str) -> Result<Option<Date>, StoreError> {
    Ok(row.try_get::<Option<jiff_sqlx::Date>, _>(column)?.map(jiff_sqlx::Date::to_jiff))
}

fn foreign_exchange(row: &PgRow) -> Result<Option<ForeignExchange>, StoreError> {
    let (Some(amount), Some(currency)) =
        (row.try_get("fx_amount")?, row.try_get::<Option<&str>, _>("fx_currency")?)
    else {
        return Ok(None);
    };
    let currency = currency.parse().map_err(StoreError::bug)?;
    Ok(Some(ForeignExchange { amount, currency, rate: row.try_get("fx_rate")? }))
}

fn enrichment(row: &PgRow) -> Result<Enrichment, StoreError> {
    Ok(Enrichment {
        clean_description: row.try_get("clean_description")?,
        merchant: merchant(row)?,
        processor: row.try_get("processor")?,
        channel: row.try_get("channel")?,
        flags: Flags {
            recurring: row.try_get("recurring")?,
            subscription: row.try_get("subscription")?,
            refund: row.try_get("refund")?,
            own_transfer: row.try_get("own_transfer")?,
        },
        category_primary: row.try_get("category_primary")?,
        category_detailed: row.try_get("category_detailed")?,
        confidence_permille: row.try_get::<i16, _>("confidence_permille")?.into(),
        source: row.try_get("source")?,
        why: serde_json::from_str(row.try_get("why")?).map_err(StoreError::bug)?,
        taxonomy_version: row.try_get("taxonomy_version")?,
        engine_version: row.try_get("engine_version")?,
    })
}

fn merchant(row: &PgRow) -> Result<Option<Merchant>, StoreError> {
    let (Some(id), Some(name)) = (row.try_get("merchant_id")?, row.try_get("merchant_title")?) else {
        return Ok(None);
    };
    Ok(Some(Merchant {
        id,
        name,
        website: row.try_get("merchant_website")?,
        logo_url: row.try_get("merchant_logo_url")?,
    }))
}
