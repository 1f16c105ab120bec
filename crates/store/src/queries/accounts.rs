//! A customer's accounts, with balances and freshness.

use events::{AccountKey, Balance, BalanceKind, ConsentId, TenantId, UserId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use rust_decimal::Decimal;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::StoredAccount;
use crate::codes::Coded;
use crate::{Store, StoreError};

pub(super) async fn read(
    store: &Store,
    tenant: &TenantId,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<StoredAccount>, StoreError> {
    let rows = sqlx::query(
        "WITH covered AS ( \
           SELECT l.account_key, array_agg(c.consent_id ORDER BY c.consent_id) AS consent_ids, \
             bool_or('balances' = ANY(c.baskets)) AS with_balances, min(j.not_before) AS next_scheduled_at \
           FROM consents c JOIN consent_accounts l USING (consent_id) \
           LEFT JOIN fetch_jobs j ON j.consent_id = c.consent_id AND j.state = 'waiting' \
           WHERE c.tenant_id = $1 AND c.user_id = $2 AND c.status IN ('active', 'needs_reauthorisation') \
             AND c.expires_at > $3 \
           GROUP BY l.account_key) \
         SELECT a.*, c.consent_ids, c.next_scheduled_at, b.kinds, b.amounts, b.currencies, b.as_of, \
           b.includes_credit_line \
         FROM covered c JOIN accounts a USING (account_key) \
         LEFT JOIN balances b ON b.account_key = a.account_key AND c.with_balances \
         WHERE a.tenant_id = $1 AND a.user_id = $2 ORDER BY a.account_key",
    )
    .bind(tenant.as_str())
    .bind(user.as_str())
    .bind(now.to_sqlx())
    .fetch_all(&store.pool)
    .await?;
    rows.iter().map(from_row).collect()
}

fn from_row(row: &PgRow) -> Result<StoredAccount, StoreError> {
    Ok(StoredAccount {
        account_key: AccountKey::from_uuid(row.try_get("account_key")?),
        institution_id: row.try_get::<&str, _>("institution_id")?.parse().map_err(StoreError::bug)?,
        consent_ids: row
            .try_get::<Vec<Uuid>, _>("consent_ids")?
            .into_iter()
            .map(ConsentId::from_uuid)
            .collect(),
        account_type: coded(row, "account_type")?,
        holder_kind: coded(row, "holder_kind")?,
        status: coded(row, "status")?,
        display_name: row.try_get("display_name")?,
        masked_number: row.try_get("masked_number")?,
        currency: row.try_get::<&str, _>("currency")?.parse().map_err(StoreError::bug)?,
        balances: balances(row)?,
        fetched_at: time(row, "fetched_at")?,
        landed_at: time(row, "landed_at")?,
        next_scheduled_at: time(row, "next_scheduled_at")?,
    })
}

fn coded<T: Coded>(row: &PgRow, column: &str) -> Result<Option<T>, StoreError> {
    row.try_get::<Option<i16>, _>(column)?.map(T::from_code).transpose()
}

fn time(row: &PgRow, column: &str) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.try_get::<Option<jiff_sqlx::Timestamp>, _>(column)?.map(jiff_sqlx::Timestamp::to_jiff))
}

fn balances(row: &PgRow) -> Result<Vec<Balance>, StoreError> {
    let Some(kinds) = row.try_get::<Option<Vec<i16>>, _>("kinds")? else { return Ok(Vec::new()) };
    let amounts: Vec<Decimal> = row.try_get("amounts")?;
    let currencies: Vec<String> = row.try_get("currencies")?;
    let as_of: Vec<jiff_sqlx::Timestamp> = row.try_get("as_of")?;
    let includes: Vec<bool> = row.try_get("includes_credit_line")?;
    kinds
        .into_iter()
        .zip(amounts)
        .zip(currencies)
        .zip(as_of)
        .zip(includes)
        .map(|((((kind, amount), currency), as_of), includes_credit_line)| {
            Ok(Balance {
                kind: BalanceKind::from_code(kind)?,
                amount,
                currency: currency.parse().map_err(StoreError::bug)?,
                as_of: as_of.to_jiff(),
                includes_credit_line,
            })
        })
        .collect()
}
