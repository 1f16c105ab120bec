//! How far the ledger is.

use events::{ConsentId, JobId, TenantId};
use sqlx::Row;

use super::{JobProgress, JobState};
use crate::{Store, StoreError};

pub(super) async fn open_windows(store: &Store) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM fetch_windows WHERE state = 'open'")
        .fetch_one(&store.pool)
        .await?)
}

pub(super) async fn progress(
    store: &Store,
    tenant: &TenantId,
    consent: ConsentId,
) -> Result<JobProgress, StoreError> {
    let row = sqlx::query(
        "SELECT j.job_id, j.state, j.why, count(w.window_id) AS windows, \
           count(w.window_id) FILTER (WHERE w.state = 'landed') AS landed, \
           coalesce(sum(w.next_sequence) FILTER (WHERE w.kind = 2), 0) AS landed_rows \
         FROM fetch_jobs j JOIN consents c USING (consent_id) \
         LEFT JOIN fetch_windows w ON w.job_id = j.job_id AND w.attempt = j.attempt \
         WHERE c.consent_id = $1 AND c.tenant_id = $2 \
         GROUP BY j.job_id ORDER BY j.finished_at DESC NULLS FIRST LIMIT 1",
    )
    .bind(consent.uuid())
    .bind(tenant.as_str())
    .fetch_one(&store.pool)
    .await?;
    Ok(JobProgress {
        job_id: JobId::from_uuid(row.try_get("job_id")?),
        state: state(row.try_get("state")?)?,
        reason: row.try_get("why")?,
        windows: row.try_get("windows")?,
        landed: row.try_get("landed")?,
        rows: row.try_get("landed_rows")?,
    })
}

fn state(name: &str) -> Result<JobState, StoreError> {
    Ok(match name {
        "waiting" => JobState::Waiting,
        "issued" => JobState::Issued,
        "fetching" => JobState::Fetching,
        "done" => JobState::Done,
        "failed" => JobState::Failed,
        "cancelled" => JobState::Cancelled,
        _ => return Err(StoreError::bug("job is in an unknown state")),
    })
}
