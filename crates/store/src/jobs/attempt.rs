//! One attempt at a job: begun, planned, sent, and done or put off. Whoever comes with an older attempt changes nothing.

use events::{JobId, OutcomeKind, WindowId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::close::{close, drop_windows, finish_done};
use super::{Begin, WindowPlan};
use crate::codes::Coded;
use crate::{Store, StoreError, accounts};

pub(super) async fn begin(
    store: &Store,
    job: JobId,
    attempt: i32,
    now: Timestamp,
) -> Result<Begin, StoreError> {
    let mut tx = store.begin().await?;
    let row = sqlx::query(
        "SELECT j.attempt = $2 AND j.state IN ('issued', 'fetching') AS current, \
         c.epoch = j.epoch AND c.status = 'active' AND c.expires_at > $3 AS live \
         FROM fetch_jobs j JOIN consents c USING (consent_id) WHERE job_id = $1 FOR UPDATE OF j",
    )
    .bind(job.uuid())
    .bind(attempt)
    .bind(now.to_sqlx())
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(Begin::Stale) };
    if !row.try_get("live")? {
        return Ok(Begin::ConsentEnded);
    }
    if !row.try_get("current")? {
        return Ok(Begin::Stale);
    }
    sqlx::query("UPDATE fetch_jobs SET state = 'fetching' WHERE job_id = $1")
        .bind(job.uuid())
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(Begin::Go)
}

/// Whether the attempt is the job's current one; if so, holds the job. Everything that changes a job's windows holds
/// the job first, so that the last two windows cannot land past each other.
async fn hold(connection: &mut PgConnection, job: JobId, attempt: i32) -> Result<bool, StoreError> {
    let held = sqlx::query(
        "SELECT 1 FROM fetch_jobs WHERE job_id = $1 AND attempt = $2 AND state IN ('issued', 'fetching') FOR UPDATE",
    )
    .bind(job.uuid())
    .bind(attempt)
    .fetch_optional(connection)
    .await?;
    Ok(held.is_some())
}

pub(super) async fn plan(
    store: &Store,
    job: JobId,
    attempt: i32,
    windows: &[WindowPlan],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    if !hold(&mut tx, job, attempt).await? {
        return Err(StoreError::Conflict { what: "the job was closed or issued again; drop this attempt" });
    }
    sqlx::query(
        "INSERT INTO fetch_windows AS w (window_id, job_id, attempt, account_key, kind, from_date, to_date, state, \
         planned_at) SELECT window_id, $1, $2, account_key, kind, from_date, to_date, 'open', $8 \
         FROM unnest($3::uuid[], $4::uuid[], $5::smallint[], $6::date[], $7::date[]) \
         AS plan (window_id, account_key, kind, from_date, to_date) \
         ON CONFLICT (window_id) DO UPDATE SET attempt = excluded.attempt, to_date = excluded.to_date, \
         state = 'open', next_sequence = 0, planned_at = excluded.planned_at WHERE w.attempt < excluded.attempt",
    )
    .bind(job.uuid())
    .bind(attempt)
    .bind(windows.iter().map(|window| window.window_id.uuid()).collect::<Vec<_>>())
    .bind(windows.iter().map(|window| window.account_key.uuid()).collect::<Vec<_>>())
    .bind(windows.iter().map(|window| window.kind.code()).collect::<Vec<_>>())
    .bind(windows.iter().map(|window| window.from.map(ToSqlx::to_sqlx)).collect::<Vec<_>>())
    .bind(windows.iter().map(|window| window.to.map(ToSqlx::to_sqlx)).collect::<Vec<_>>())
    .bind(now.to_sqlx())
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

pub(super) async fn close_empty(
    store: &Store,
    job: JobId,
    attempt: i32,
    windows: &[WindowId],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    if !hold(&mut tx, job, attempt).await? {
        return Ok(());
    }
    let accounts: Vec<Uuid> = sqlx::query_scalar(
        "UPDATE fetch_windows SET state = 'landed' \
         WHERE window_id = ANY($1) AND job_id = $2 AND attempt = $3 AND state = 'open' RETURNING account_key",
    )
    .bind(windows.iter().map(|window| window.uuid()).collect::<Vec<_>>())
    .bind(job.uuid())
    .bind(attempt)
    .fetch_all(&mut *tx)
    .await?;
    // An empty answer carries no time of its own.
    let answered: Vec<_> = accounts.into_iter().map(|account| (account, now)).collect();
    accounts::refresh(&mut tx, &answered, now).await?;
    finish_done(&mut tx, &[job.uuid()], now).await?;
    tx.commit().await?;
    Ok(())
}

pub(super) async fn all_sent(
    store: &Store,
    job: JobId,
    attempt: i32,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    if !hold(&mut tx, job, attempt).await? {
        return Ok(());
    }
    sqlx::query("UPDATE fetch_jobs SET all_sent = true WHERE job_id = $1")
        .bind(job.uuid())
        .execute(&mut *tx)
        .await?;
    finish_done(&mut tx, &[job.uuid()], now).await?;
    tx.commit().await?;
    Ok(())
}

pub(super) async fn postpone(
    store: &Store,
    job: JobId,
    attempt: i32,
    not_before: Timestamp,
    reason: &str,
) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    if !hold(&mut tx, job, attempt).await? {
        return Ok(());
    }
    sqlx::query("UPDATE fetch_jobs SET state = 'waiting', not_before = $2, why = $3 WHERE job_id = $1")
        .bind(job.uuid())
        .bind(not_before.to_sqlx())
        .bind(reason)
        .execute(&mut *tx)
        .await?;
    drop_windows(&mut tx, &[job.uuid()]).await?;
    tx.commit().await?;
    Ok(())
}

pub(super) async fn fail(
    store: &Store,
    job: JobId,
    attempt: i32,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    if !hold(&mut tx, job, attempt).await? {
        return Ok(());
    }
    sqlx::query("UPDATE fetch_jobs SET state = 'failed' WHERE job_id = $1")
        .bind(job.uuid())
        .execute(&mut *tx)
        .await?;
    close(&mut tx, &[job.uuid()], OutcomeKind::Failed, Some(reason), now).await?;
    tx.commit().await?;
    Ok(())
}
