//! A job joins the ledger, or the job that is open already.

use events::{ConsentId, JobId};
use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Enqueued, NewJob};
use crate::codes::Coded;
use crate::{Store, StoreError, vault};

/// What the sealed evidence of a customer's presence is bound to.
pub(super) const PSU_AAD: &[u8] = b"fetch_jobs|psu|1";

pub(super) async fn enqueue(store: &Store, job: &NewJob<'_>) -> Result<Enqueued, StoreError> {
    let mut tx = store.begin().await?;
    if !hold_active(&mut tx, job).await? {
        return Ok(Enqueued::Ended);
    }
    let psu = seal_psu(&mut tx, store, job).await?;
    // The open job may close between the two statements; then the next insert succeeds.
    let enqueued = loop {
        if insert(&mut tx, job, psu.as_deref()).await? {
            break Enqueued::New(job.job_id);
        }
        if let Some(open) = join(&mut tx, job, psu.as_deref()).await? {
            break Enqueued::Joined(open);
        }
    };
    tx.commit().await?;
    Ok(enqueued)
}

/// Holds the consent, so that no move of it can overlook the new job.
async fn hold_active(connection: &mut PgConnection, job: &NewJob<'_>) -> Result<bool, StoreError> {
    let held = sqlx::query(
        "SELECT 1 FROM consents WHERE consent_id = $1 AND epoch = $2 AND status = 'active' FOR SHARE",
    )
    .bind(job.consent.consent_id.uuid())
    .bind(job.consent.epoch)
    .fetch_optional(connection)
    .await?;
    Ok(held.is_some())
}

async fn seal_psu(
    connection: &mut PgConnection,
    store: &Store,
    job: &NewJob<'_>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(psu) = &job.psu else { return Ok(None) };
    let key = vault::load(connection, &store.keys, job.consent.consent_id).await?;
    key.seal(PSU_AAD, &serde_json::to_vec(psu).map_err(StoreError::bug)?).map(Some)
}

async fn insert(
    connection: &mut PgConnection,
    job: &NewJob<'_>,
    psu: Option<&[u8]>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO fetch_jobs (job_id, consent_id, epoch, reason, from_date, psu, trace, state, not_before, \
         allowance) VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, $9 - $8) ON CONFLICT DO NOTHING",
    )
    .bind(job.job_id.uuid())
    .bind(job.consent.consent_id.uuid())
    .bind(job.consent.epoch)
    .bind(job.reason.code())
    .bind(job.from.map(ToSqlx::to_sqlx))
    .bind(psu)
    .bind(job.trace.as_deref())
    .bind(job.not_before.to_sqlx())
    .bind(job.deadline.to_sqlx())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The job itself, if it was enqueued before, else the open one. Whoever is more urgent takes a waiting job over: a
/// customer does not wait for tonight's batch.
async fn join(
    connection: &mut PgConnection,
    job: &NewJob<'_>,
    psu: Option<&[u8]>,
) -> Result<Option<JobId>, StoreError> {
    let repeated: Option<Uuid> = sqlx::query_scalar("SELECT job_id FROM fetch_jobs WHERE job_id = $1")
        .bind(job.job_id.uuid())
        .fetch_optional(&mut *connection)
        .await?;
    if repeated.is_some() {
        return Ok(Some(job.job_id));
    }
    sqlx::query(
        "UPDATE fetch_jobs SET reason = $2, psu = $3, trace = $4, not_before = least(not_before, $5), \
         allowance = $6 - $5, \
         from_date = CASE WHEN from_date IS NULL OR $7 IS NULL THEN NULL ELSE least(from_date, $7) END \
         WHERE consent_id = $1 AND state = 'waiting' AND reason > $2",
    )
    .bind(job.consent.consent_id.uuid())
    .bind(job.reason.code())
    .bind(psu)
    .bind(job.trace.as_deref())
    .bind(job.not_before.to_sqlx())
    .bind(job.deadline.to_sqlx())
    .bind(job.from.map(ToSqlx::to_sqlx))
    .execute(&mut *connection)
    .await?;
    open_job(connection, job.consent.consent_id).await
}

async fn open_job(connection: &mut PgConnection, consent: ConsentId) -> Result<Option<JobId>, StoreError> {
    let open: Option<Uuid> = sqlx::query_scalar(
        "SELECT job_id FROM fetch_jobs WHERE consent_id = $1 AND state IN ('waiting', 'issued', 'fetching')",
    )
    .bind(consent.uuid())
    .fetch_optional(connection)
    .await?;
    Ok(open.map(JobId::from_uuid))
}
