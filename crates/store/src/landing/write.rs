//! The rows themselves.

use events::{Account, AccountKey, BalanceSnapshot, EnrichedTransaction, TransactionStatus};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgTransaction, Row};

use super::encode::Encoder;
use super::row::{BYTES_A_ROW, columns, encode, ids_of};
use super::{Known, Landed};
use crate::codes::Coded;
use crate::store::to_the_end;
use crate::{Store, StoreError};

/// Brings rows into the staging table of the transaction's connection: COPY costs a fraction of any other way in.
pub(super) async fn stage(
    mut tx: PgTransaction<'static>,
    rows: &[&EnrichedTransaction],
    now: Timestamp,
) -> Result<PgTransaction<'static>, StoreError> {
    if rows.is_empty() {
        return Ok(tx);
    }
    make_staging(&mut tx).await?;
    let mut buffer = Encoder::for_copy(rows.len(), BYTES_A_ROW);
    for row in rows {
        encode(&mut buffer, row, now)?;
    }
    to_the_end(async move {
        let statement = concat!("COPY landing_transactions (", columns!(), ") FROM STDIN (FORMAT binary)");
        let mut copy = tx.copy_in_raw(statement).await?;
        copy.send(buffer.finish()).await?;
        copy.finish().await?;
        Ok(tx)
    })
    .await
}

/// Lands the staged rows. Those that are there with the same content are sorted out by an anti-join, which neither
/// writes nor locks; the rest is inserted or replaced.
pub(super) async fn transactions(connection: &mut PgConnection, staged: usize) -> Result<Landed, StoreError> {
    if staged == 0 {
        return Ok(Landed::default());
    }
    // Not a prepared statement: its plan must fit the size the table has now.
    let written = sqlx::query(concat!(
        "WITH written AS (INSERT INTO transactions AS t (",
        columns!(),
        ") SELECT ",
        columns!(),
        " FROM landing_transactions s WHERE NOT EXISTS ( \
           SELECT 1 FROM transactions t \
           WHERE t.transaction_id = s.transaction_id AND t.content_hash = s.content_hash) \
         ON CONFLICT (transaction_id) DO UPDATE SET (",
        columns!(),
        ") = ROW (excluded.*) \
         WHERE t.content_hash IS DISTINCT FROM excluded.content_hash AND t.fetched_at <= excluded.fetched_at \
         RETURNING xmax = 0 AS fresh) \
         SELECT count(*) FILTER (WHERE fresh) AS inserted, count(*) FILTER (WHERE NOT fresh) AS updated FROM written"
    ))
    .persistent(false)
    .fetch_one(&mut *connection)
    .await?;
    let (inserted, updated) = (count(&written, "inserted")?, count(&written, "updated")?);
    let left = u64::try_from(staged).map_err(StoreError::bug)? - inserted - updated;
    let stale = if left == 0 { 0 } else { stale(connection).await? };
    Ok(Landed { inserted, updated, unchanged: left - stale, stale, refused: Vec::new() })
}

/// The staging table belongs to the connection, and is empty again after every transaction.
async fn make_staging(connection: &mut PgConnection) -> Result<(), StoreError> {
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('pg_temp.landing_transactions') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        sqlx::query("CREATE TEMPORARY TABLE landing_transactions (LIKE transactions) ON COMMIT DELETE ROWS")
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Staged rows that differ from what is stored after all: an older answer.
async fn stale(connection: &mut PgConnection) -> Result<u64, StoreError> {
    let row = sqlx::query(
        "SELECT count(*) AS stale FROM landing_transactions s JOIN transactions t USING (transaction_id) \
         WHERE t.content_hash <> s.content_hash",
    )
    .persistent(false)
    .fetch_one(connection)
    .await?;
    count(&row, "stale")
}

fn count(row: &sqlx::postgres::PgRow, column: &str) -> Result<u64, StoreError> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(StoreError::bug)
}

/// Lands the details of accounts; their rows exist since they were linked.
pub(super) async fn accounts(connection: &mut PgConnection, rows: &[&Account]) -> Result<Landed, StoreError> {
    let mut landed = Landed::default();
    for account in rows {
        let hash = account_hash(account);
        let stored: Option<(Option<i64>,)> =
            sqlx::query_as("SELECT content_hash FROM accounts WHERE account_key = $1")
                .bind(account.account_key.uuid())
                .fetch_optional(&mut *connection)
                .await?;
        let before = stored.and_then(|(hash,)| hash);
        if before == Some(hash) {
            landed.unchanged += 1;
            continue;
        }
        match (write_account(connection, account, hash).await?, before) {
            (false, _) => landed.stale += 1,
            (true, None) => landed.inserted += 1,
            (true, Some(_)) => landed.updated += 1,
        }
    }
    Ok(landed)
}

fn account_hash(account: &Account) -> i64 {
    let mut content = Encoder::bare();
    content.small(account.account_type.code());
    content.small(account.holder_kind.code());
    content.small(account.status.code());
    content.text(account.currency.code());
    content.maybe(account.display_name.as_deref(), Encoder::text);
    content.maybe(account.masked_number.as_deref(), Encoder::text);
    content.content_hash()
}

async fn write_account(
    connection: &mut PgConnection,
    account: &Account,
    hash: i64,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE accounts SET account_type = $2, holder_kind = $3, status = $4, currency = $5, display_name = $6, \
         masked_number = $7, consent_id = $8, details_at = $9, content_hash = $10 \
         WHERE account_key = $1 AND (details_at IS NULL OR details_at <= $9)",
    )
    .bind(account.account_key.uuid())
    .bind(account.account_type.code())
    .bind(account.holder_kind.code())
    .bind(account.status.code())
    .bind(account.currency.code())
    .bind(account.display_name.as_deref())
    .bind(account.masked_number.as_deref())
    .bind(account.provenance.consent_id.uuid())
    .bind(account.provenance.fetched_at.to_sqlx())
    .bind(hash)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lands balances: one row per account, replaced as a whole.
pub(super) async fn balances(
    connection: &mut PgConnection,
    rows: &[&BalanceSnapshot],
    now: Timestamp,
) -> Result<Landed, StoreError> {
    let mut landed = Landed::default();
    for snapshot in rows {
        let hash = balances_hash(snapshot);
        let stored: Option<i64> =
            sqlx::query_scalar("SELECT content_hash FROM balances WHERE account_key = $1")
                .bind(snapshot.account_key.uuid())
                .fetch_optional(&mut *connection)
                .await?;
        if stored == Some(hash) {
            landed.unchanged += 1;
            continue;
        }
        match (write_balances(connection, snapshot, hash, now).await?, stored) {
            (false, _) => landed.stale += 1,
            (true, None) => landed.inserted += 1,
            (true, Some(_)) => landed.updated += 1,
        }
    }
    Ok(landed)
}

fn balances_hash(snapshot: &BalanceSnapshot) -> i64 {
    let mut content = Encoder::bare();
    for balance in &snapshot.balances {
        content.small(balance.kind.code());
        content.numeric(balance.amount);
        content.text(balance.currency.code());
        content.timestamp(balance.as_of);
        content.bool(balance.includes_credit_line);
    }
    content.content_hash()
}

async fn write_balances(
    connection: &mut PgConnection,
    snapshot: &BalanceSnapshot,
    hash: i64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let balances = &snapshot.balances;
    let done = sqlx::query(
        "INSERT INTO balances AS b (account_key, consent_id, fetched_at, landed_at, content_hash, kinds, amounts, \
         currencies, as_of, includes_credit_line) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (account_key) DO UPDATE SET consent_id = excluded.consent_id, \
         fetched_at = excluded.fetched_at, landed_at = excluded.landed_at, content_hash = excluded.content_hash, \
         kinds = excluded.kinds, amounts = excluded.amounts, currencies = excluded.currencies, \
         as_of = excluded.as_of, includes_credit_line = excluded.includes_credit_line \
         WHERE b.fetched_at <= excluded.fetched_at",
    )
    .bind(snapshot.account_key.uuid())
    .bind(snapshot.provenance.consent_id.uuid())
    .bind(snapshot.provenance.fetched_at.to_sqlx())
    .bind(now.to_sqlx())
    .bind(hash)
    .bind(balances.iter().map(|balance| balance.kind.code()).collect::<Vec<_>>())
    .bind(balances.iter().map(|balance| balance.amount).collect::<Vec<_>>())
    .bind(balances.iter().map(|balance| balance.currency.code()).collect::<Vec<_>>())
    .bind(balances.iter().map(|balance| balance.as_of.to_sqlx()).collect::<Vec<_>>())
    .bind(balances.iter().map(|balance| balance.includes_credit_line).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn known(
    store: &Store,
    account: AccountKey,
    from: Date,
    to: Date,
) -> Result<Vec<Known>, StoreError> {
    let (low, high) = ids_of(account, from, to)?;
    let rows = sqlx::query(
        "SELECT transaction_id, source_id, status, booking_date, amount, currency FROM transactions \
         WHERE transaction_id BETWEEN $1 AND $2 AND account_key = $3 ORDER BY transaction_id",
    )
    .bind(low.uuid())
    .bind(high.uuid())
    .bind(account.uuid())
    .fetch_all(&store.pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Known {
                transaction_id: events::TransactionId::from_uuid(row.try_get("transaction_id")?),
                source_id: row.try_get("source_id")?,
                status: TransactionStatus::from_code(row.try_get("status")?)?,
                booking_date: row
                    .try_get::<Option<jiff_sqlx::Date>, _>("booking_date")?
                    .map(jiff_sqlx::Date::to_jiff),
                amount: row.try_get("amount")?,
                currency: row.try_get::<&str, _>("currency")?.parse().map_err(StoreError::bug)?,
            })
        })
        .collect()
}
