//! The deletion of what an ended consent brought, step by step.

use events::{ConsentEventType, ConsentId, topics};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, Row};

use crate::consents::{self, Move};
use crate::landing::id_range;
use crate::{Store, StoreError, vault};

/// The deletion of what ended consents brought.
pub struct Erasure<'a>(pub(crate) &'a Store);

/// A consent whose data is to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErasureTask {
    /// The consent.
    pub consent_id: ConsentId,
    /// When it ended.
    pub queued_at: Timestamp,
}

/// How far an erasure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There is more to delete.
    More,
    /// Everything is deleted.
    Done {
        /// Transactions deleted.
        transactions: i64,
        /// Accounts deleted.
        accounts: i64,
    },
}

impl Erasure<'_> {
    /// The erasure that has waited longest by `now`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn next(&self, now: Timestamp) -> Result<Option<ErasureTask>, StoreError> {
        self.0.within(next(self.0, now)).await
    }

    /// Deletes at most `batch` transactions with their tombstones in one short transaction; with nothing left to delete
    /// it finishes. May be cut off and repeated at any point.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when no erasure is queued for the consent.
    pub async fn step(&self, consent: ConsentId, batch: i64, now: Timestamp) -> Result<Step, StoreError> {
        self.0.within(step(self.0, consent, batch, now)).await
    }

    /// Since when the oldest unfinished erasure waits.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn oldest_pending(&self) -> Result<Option<Timestamp>, StoreError> {
        self.0
            .within(async {
                let oldest: Option<jiff_sqlx::Timestamp> =
                    sqlx::query_scalar("SELECT min(queued_at) FROM erasures WHERE done_at IS NULL")
                        .fetch_one(&self.0.pool)
                        .await?;
                Ok(oldest.map(jiff_sqlx::Timestamp::to_jiff))
            })
            .await
    }
}

async fn next(store: &Store, now: Timestamp) -> Result<Option<ErasureTask>, StoreError> {
    let row = sqlx::query(
        "SELECT consent_id, queued_at FROM erasures WHERE done_at IS NULL AND queued_at <= $1 \
         ORDER BY queued_at LIMIT 1",
    )
    .bind(now.to_sqlx())
    .fetch_optional(&store.pool)
    .await?;
    row.map(|row| {
        Ok(ErasureTask {
            consent_id: ConsentId::from_uuid(row.try_get("consent_id")?),
            queued_at: row.try_get::<jiff_sqlx::Timestamp, _>("queued_at")?.to_jiff(),
        })
    })
    .transpose()
}

/// Everything here is held in one order, as everywhere: consent, accounts, transactions.
async fn step(store: &Store, consent: ConsentId, batch: i64, now: Timestamp) -> Result<Step, StoreError> {
    let mut tx = store.begin().await?;
    let mut record = consents::locked(&mut tx, consent).await?;
    let (before, done) = pending(&mut tx, consent).await?;
    if let Some(done) = done {
        return Ok(done);
    }
    hold_accounts(&mut tx, consent).await?;
    let deleted = delete_transactions(&mut tx, consent, batch, now).await?;
    let transactions = before + deleted;
    note(&mut tx, consent, transactions).await?;
    if deleted == batch {
        tx.commit().await?;
        return Ok(Step::More);
    }
    let accounts = delete_accounts(&mut tx, consent, now).await?;
    forget(&mut tx, consent).await?;
    vault::destroy(&mut tx, consent, now).await?;
    mark_done(&mut tx, consent, transactions, accounts, now).await?;
    (record.erased_at, record.deleted_rows) = (Some(now), Some(transactions));
    let told = Move {
        before: Some(record.status),
        event_type: ConsentEventType::DataDeleted,
        actor: "clock",
        reason: None,
        now,
        trace: None,
    };
    consents::tell(&mut tx, &record, &told).await?;
    tx.commit().await?;
    store.keys.forget(consent);
    Ok(Step::Done { transactions, accounts })
}

/// Transactions deleted by earlier steps, and the result if there was a last one.
async fn pending(
    connection: &mut PgConnection,
    consent: ConsentId,
) -> Result<(i64, Option<Step>), StoreError> {
    let row = sqlx::query(
        "SELECT transactions, accounts, done_at IS NOT NULL AS done FROM erasures WHERE consent_id = $1 FOR UPDATE",
    )
    .bind(consent.uuid())
    .fetch_one(connection)
    .await?;
    let (transactions, accounts) = (row.try_get("transactions")?, row.try_get("accounts")?);
    Ok((transactions, row.try_get::<bool, _>("done")?.then_some(Step::Done { transactions, accounts })))
}

/// While the accounts are held no other consent can be linked to them: it is either linked already and spares them, or
/// fetches what is deleted here anew.
async fn hold_accounts(connection: &mut PgConnection, consent: ConsentId) -> Result<(), StoreError> {
    sqlx::query(
        "SELECT 1 FROM accounts JOIN consent_accounts USING (account_key) WHERE consent_accounts.consent_id = $1 \
         ORDER BY account_key FOR UPDATE OF accounts",
    )
    .bind(consent.uuid())
    .fetch_all(connection)
    .await?;
    Ok(())
}

/// Deletes transactions no other live consent covers, and writes their tombstones.
async fn delete_transactions(
    connection: &mut PgConnection,
    consent: ConsentId,
    batch: i64,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let (low, high) = id_range(None, None);
    let done = sqlx::query(
        "WITH doomed AS ( \
           SELECT t.transaction_id FROM consent_accounts a JOIN transactions t ON t.account_key = a.account_key \
             AND t.transaction_id BETWEEN (left(a.account_key::text, 13) || $3)::uuid \
                                      AND (left(a.account_key::text, 13) || $4)::uuid \
           WHERE a.consent_id = $1 AND NOT EXISTS ( \
             SELECT 1 FROM consent_accounts b JOIN consents c USING (consent_id) \
             WHERE b.account_key = a.account_key AND c.status IN ('active', 'needs_reauthorisation') \
               AND c.expires_at > $5 AND 'transactions' = ANY(c.baskets) \
               AND t.day >= coalesce(c.history_from, '-infinity')) \
           LIMIT $2), \
         gone AS ( \
           DELETE FROM transactions t USING doomed WHERE t.transaction_id = doomed.transaction_id \
           RETURNING t.transaction_id, t.account_key) \
         INSERT INTO outbox (topic, key, partition_key, event_id, created_at) \
         SELECT $6, transaction_id, account_key, transaction_id, $5 FROM gone",
    )
    .bind(consent.uuid())
    .bind(batch)
    .bind(low)
    .bind(high)
    .bind(now.to_sqlx())
    .bind(topics::TRANSACTIONS_ENRICHED.name)
    .execute(connection)
    .await?;
    i64::try_from(done.rows_affected()).map_err(StoreError::bug)
}

async fn note(
    connection: &mut PgConnection,
    consent: ConsentId,
    transactions: i64,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE erasures SET transactions = $2 WHERE consent_id = $1")
        .bind(consent.uuid())
        .bind(transactions)
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes the balances and the accounts no other live consent covers, with their tombstones; returns how many accounts
/// went.
async fn delete_accounts(
    connection: &mut PgConnection,
    consent: ConsentId,
    now: Timestamp,
) -> Result<i64, StoreError> {
    sqlx::query(
        "WITH gone AS ( \
           DELETE FROM balances t USING consent_accounts a \
           WHERE a.consent_id = $1 AND a.account_key = t.account_key AND NOT EXISTS ( \
             SELECT 1 FROM consent_accounts b JOIN consents c USING (consent_id) \
             WHERE b.account_key = a.account_key AND c.status IN ('active', 'needs_reauthorisation') \
               AND c.expires_at > $2 AND 'balances' = ANY(c.baskets)) \
           RETURNING t.account_key) \
         INSERT INTO outbox (topic, key, partition_key, event_id, created_at) \
         SELECT $3, account_key, account_key, account_key, $2 FROM gone",
    )
    .bind(consent.uuid())
    .bind(now.to_sqlx())
    .bind(topics::BALANCES.name)
    .execute(&mut *connection)
    .await?;
    let done = sqlx::query(
        "WITH gone AS ( \
           DELETE FROM accounts t USING consent_accounts a \
           WHERE a.consent_id = $1 AND a.account_key = t.account_key AND NOT EXISTS ( \
             SELECT 1 FROM consent_accounts b JOIN consents c USING (consent_id) \
             WHERE b.account_key = a.account_key AND c.status IN ('active', 'needs_reauthorisation') \
               AND c.expires_at > $2) \
           RETURNING t.account_key) \
         INSERT INTO outbox (topic, key, partition_key, event_id, created_at) \
         SELECT $3, account_key, account_key, account_key, $2 FROM gone",
    )
    .bind(consent.uuid())
    .bind(now.to_sqlx())
    .bind(topics::ACCOUNTS.name)
    .execute(connection)
    .await?;
    i64::try_from(done.rows_affected()).map_err(StoreError::bug)
}

/// Deletes what hangs on the consent alone. Its row stays: it is what late records are refused by.
async fn forget(connection: &mut PgConnection, consent: ConsentId) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM consent_accounts WHERE consent_id = $1",
        "DELETE FROM fetch_windows WHERE job_id IN (SELECT job_id FROM fetch_jobs WHERE consent_id = $1)",
        "DELETE FROM fetch_jobs WHERE consent_id = $1",
        "DELETE FROM authorisations WHERE consent_id = $1",
        "DELETE FROM tokens WHERE consent_id = $1",
    ] {
        sqlx::query(statement).bind(consent.uuid()).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn mark_done(
    connection: &mut PgConnection,
    consent: ConsentId,
    transactions: i64,
    accounts: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE consents SET erased_at = $2, deleted_rows = $3 WHERE consent_id = $1")
        .bind(consent.uuid())
        .bind(now.to_sqlx())
        .bind(transactions)
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE erasures SET accounts = $2, done_at = $3 WHERE consent_id = $1")
        .bind(consent.uuid())
        .bind(accounts)
        .bind(now.to_sqlx())
        .execute(connection)
        .await?;
    Ok(())
}
