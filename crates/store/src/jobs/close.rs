//! The end of jobs, and the word of it.

use events::{ConsentId, EventId, FetchOutcome, JobId, Outbound, OutcomeKind, topics};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::{StoreError, outbox};

/// Closes those of the jobs that have sent everything and have no open window left. The caller holds them.
pub(crate) async fn finish_done(
    connection: &mut PgConnection,
    jobs: &[Uuid],
    now: Timestamp,
) -> Result<(), StoreError> {
    let done: Vec<Uuid> = sqlx::query_scalar(
        "UPDATE fetch_jobs j SET state = 'done' \
         WHERE job_id = ANY($1) AND state IN ('issued', 'fetching') AND all_sent AND NOT EXISTS ( \
           SELECT 1 FROM fetch_windows w WHERE w.job_id = j.job_id AND w.attempt = j.attempt AND w.state = 'open') \
         RETURNING job_id",
    )
    .bind(jobs)
    .fetch_all(&mut *connection)
    .await?;
    close(connection, &done, OutcomeKind::Completed, None, now).await
}

/// Voids whatever is open for a consent, which the caller holds.
pub(crate) async fn cancel_all(
    connection: &mut PgConnection,
    consent: ConsentId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let void: Vec<Uuid> = sqlx::query_scalar(
        "UPDATE fetch_jobs SET state = 'cancelled' \
         WHERE consent_id = $1 AND state IN ('waiting', 'issued', 'fetching') RETURNING job_id",
    )
    .bind(consent.uuid())
    .fetch_all(&mut *connection)
    .await?;
    close(connection, &void, OutcomeKind::Skipped, Some("consent_changed"), now).await
}

/// What every end has in common: the evidence of presence goes, windows still open are dropped, the outcome is told.
pub(super) async fn close(
    connection: &mut PgConnection,
    jobs: &[Uuid],
    outcome: OutcomeKind,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if jobs.is_empty() {
        return Ok(());
    }
    drop_windows(connection, jobs).await?;
    let rows = sqlx::query(
        "UPDATE fetch_jobs j SET finished_at = $2, psu = NULL, why = $3 FROM consents c \
         WHERE job_id = ANY($1) AND c.consent_id = j.consent_id \
         RETURNING j.job_id, j.trace, c.consent_id, c.tenant_id, c.user_id, \
           (SELECT coalesce(sum(w.next_sequence), 0) FROM fetch_windows w \
            WHERE w.job_id = j.job_id AND w.attempt = j.attempt AND w.kind = 2) AS landed",
    )
    .bind(jobs)
    .bind(now.to_sqlx())
    .bind(reason)
    .fetch_all(&mut *connection)
    .await?;
    for row in &rows {
        let told = fetch_outcome(row, outcome, reason, now)?;
        let message = Outbound::record(
            &topics::FETCH_OUTCOMES,
            told.consent_id.uuid(),
            EventId::new(now).uuid(),
            &told,
        )?;
        outbox::put(connection, &[message], row.try_get("trace")?, now).await?;
    }
    Ok(())
}

/// Windows of a given-up attempt do not count as under way any more; their late records still land as rows.
pub(super) async fn drop_windows(connection: &mut PgConnection, jobs: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query("UPDATE fetch_windows SET state = 'dropped' WHERE job_id = ANY($1) AND state = 'open'")
        .bind(jobs)
        .execute(connection)
        .await?;
    Ok(())
}

fn fetch_outcome(
    row: &PgRow,
    outcome: OutcomeKind,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<FetchOutcome, StoreError> {
    Ok(FetchOutcome {
        job_id: JobId::from_uuid(row.try_get("job_id")?),
        consent_id: ConsentId::from_uuid(row.try_get("consent_id")?),
        tenant_id: row.try_get::<&str, _>("tenant_id")?.parse().map_err(StoreError::bug)?,
        user_id: row.try_get::<&str, _>("user_id")?.parse().map_err(StoreError::bug)?,
        account_key: None,
        outcome,
        reason: reason.map(str::to_owned),
        rows: row.try_get("landed")?,
        occurred_at: now,
    })
}
