//! Planning: what is due goes to its topic, what did not land in time goes back.

use events::{
    ConsentId, EventId, FetchJob, FetchReason, JobId, Outbound, OutcomeKind, PsuPresence, Topic, topics,
};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::close::{close, drop_windows};
use super::enqueue::PSU_AAD;
use super::{Reissued, progress};
use crate::codes::Coded;
use crate::{Store, StoreError, outbox, vault};

/// Why a job is given up that was issued often enough.
const NOT_LANDED: &str = "not_landed_in_time";

/// Why a job waits whose records went with the broker's log.
const BROKER_LOST: &str = "broker_log_lost";

pub(super) async fn issue_due(
    store: &Store,
    now: Timestamp,
    max_open_windows: i64,
    limit: i64,
) -> Result<usize, StoreError> {
    if progress::open_windows(store).await? > max_open_windows {
        return Ok(0);
    }
    let mut tx = store.begin().await?;
    let claimed = claim(&mut tx, now, limit).await?;
    let (mut messages, mut void) = (Vec::new(), Vec::new());
    for row in &claimed {
        if row.try_get("live")? {
            let job = fetch_job(&mut tx, store, row).await?;
            let message =
                Outbound::record(topic(job.reason), job.consent_id.uuid(), EventId::new(now).uuid(), &job)?;
            messages.push((message, row.try_get::<Option<&str>, _>("trace")?));
        } else {
            void.push(row.try_get("job_id")?);
        }
    }
    let traced: Vec<_> = messages.iter().map(|(message, trace)| (message, *trace)).collect();
    outbox::put_traced(&mut tx, &traced, now).await?;
    close(&mut tx, &void, OutcomeKind::Skipped, Some("consent_not_active"), now).await?;
    tx.commit().await?;
    Ok(messages.len())
}

/// Takes due jobs that no other planner is at. A job whose consent changed is void, and cancelled on the way.
async fn claim(connection: &mut PgConnection, now: Timestamp, limit: i64) -> Result<Vec<PgRow>, StoreError> {
    Ok(sqlx::query(
        "WITH due AS ( \
           SELECT job_id, c.consent_id, c.tenant_id, c.user_id, c.institution_id, \
             c.epoch = j.epoch AND c.status = 'active' AND c.expires_at > $1 AS live \
           FROM fetch_jobs j JOIN consents c USING (consent_id) \
           WHERE j.state = 'waiting' AND j.not_before <= $1 ORDER BY j.reason, j.not_before LIMIT $2 \
           FOR UPDATE OF j SKIP LOCKED) \
         UPDATE fetch_jobs j SET state = CASE WHEN live THEN 'issued' ELSE 'cancelled' END, why = NULL, \
           attempt = j.attempt + 1, issued_until = $1 + j.allowance, all_sent = false \
         FROM due WHERE j.job_id = due.job_id \
         RETURNING due.*, j.attempt, j.reason, j.epoch, j.from_date, j.psu, j.trace, j.issued_until",
    )
    .bind(now.to_sqlx())
    .bind(limit)
    .fetch_all(connection)
    .await?)
}

async fn fetch_job(
    connection: &mut PgConnection,
    store: &Store,
    row: &PgRow,
) -> Result<FetchJob, StoreError> {
    let consent_id = ConsentId::from_uuid(row.try_get("consent_id")?);
    let psu = match row.try_get::<Option<&[u8]>, _>("psu")? {
        Some(sealed) => Some(open_psu(connection, store, consent_id, sealed).await?),
        None => None,
    };
    Ok(FetchJob {
        job_id: JobId::from_uuid(row.try_get("job_id")?),
        attempt: row.try_get("attempt")?,
        reason: FetchReason::from_code(row.try_get("reason")?)?,
        consent_id,
        epoch: row.try_get("epoch")?,
        tenant_id: row.try_get::<&str, _>("tenant_id")?.parse().map_err(StoreError::bug)?,
        user_id: row.try_get::<&str, _>("user_id")?.parse().map_err(StoreError::bug)?,
        institution_id: row.try_get::<&str, _>("institution_id")?.parse().map_err(StoreError::bug)?,
        account_key: None,
        from: row.try_get::<Option<jiff_sqlx::Date>, _>("from_date")?.map(jiff_sqlx::Date::to_jiff),
        deadline: row.try_get::<jiff_sqlx::Timestamp, _>("issued_until")?.to_jiff(),
        psu,
    })
}

async fn open_psu(
    connection: &mut PgConnection,
    store: &Store,
    consent: ConsentId,
    sealed: &[u8],
) -> Result<PsuPresence, StoreError> {
    let plain = vault::load(connection, &store.keys, consent).await?.open(PSU_AAD, sealed)?;
    serde_json::from_slice(&plain).map_err(|_| StoreError::Sealed)
}

fn topic(reason: FetchReason) -> &'static Topic {
    match reason {
        FetchReason::First => &topics::FETCH_JOBS_FIRST,
        FetchReason::Attended => &topics::FETCH_JOBS_ATTENDED,
        FetchReason::Batch => &topics::FETCH_JOBS_BATCH,
    }
}

pub(super) async fn reissue_overdue(
    store: &Store,
    now: Timestamp,
    max_attempts: i32,
    limit: i64,
) -> Result<Reissued, StoreError> {
    let mut tx = store.begin().await?;
    let late = sqlx::query(
        "WITH late AS ( \
           SELECT job_id FROM fetch_jobs WHERE state IN ('issued', 'fetching') AND issued_until <= $1 \
           ORDER BY issued_until LIMIT $3 FOR UPDATE SKIP LOCKED) \
         UPDATE fetch_jobs j SET missed = missed + 1, why = $4, not_before = $1, \
           state = CASE WHEN missed + 1 >= $2 THEN 'failed' ELSE 'waiting' END \
         FROM late WHERE j.job_id = late.job_id RETURNING j.job_id, j.state = 'failed' AS failed",
    )
    .bind(now.to_sqlx())
    .bind(max_attempts)
    .bind(limit)
    .bind(NOT_LANDED)
    .fetch_all(&mut *tx)
    .await?;
    let (mut failed, mut again) = (Vec::<Uuid>::new(), Vec::<Uuid>::new());
    for row in &late {
        let side = if row.try_get("failed")? { &mut failed } else { &mut again };
        side.push(row.try_get("job_id")?);
    }
    drop_windows(&mut tx, &again).await?;
    close(&mut tx, &failed, OutcomeKind::Failed, Some(NOT_LANDED), now).await?;
    tx.commit().await?;
    Ok(Reissued { again: again.len(), failed: failed.len() })
}

pub(super) async fn issue_again(store: &Store, now: Timestamp) -> Result<usize, StoreError> {
    let mut tx = store.begin().await?;
    let again: Vec<Uuid> = sqlx::query_scalar(
        "UPDATE fetch_jobs SET state = 'waiting', why = $2, not_before = $1 \
         WHERE state IN ('issued', 'fetching') RETURNING job_id",
    )
    .bind(now.to_sqlx())
    .bind(BROKER_LOST)
    .fetch_all(&mut *tx)
    .await?;
    drop_windows(&mut tx, &again).await?;
    tx.commit().await?;
    Ok(again.len())
}
