//! Moves of a consent, and what has to happen in the same moment.

use events::{ConsentEventType, ConsentId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;

use super::tell::{Move, tell};
use super::{ConsentRecord, ConsentStatus, Renewal, Transition, read};
use crate::{Store, StoreError, jobs};

pub(super) async fn transition(
    store: &Store,
    id: ConsentId,
    wanted: &Transition<'_>,
) -> Result<ConsentRecord, StoreError> {
    let mut tx = store.begin().await?;
    let mut record = read::locked(&mut tx, id).await?;
    let before = record.status;
    if before == wanted.to {
        return Ok(record);
    }
    if !before.may_become(wanted.to) {
        return Err(StoreError::Illegal { from: before, to: wanted.to });
    }
    record.status = wanted.to;
    let event_type = wanted.to.event_type(before);
    let told = Move {
        before: Some(before),
        event_type,
        actor: wanted.actor,
        reason: wanted.reason,
        now: wanted.now,
        trace: wanted.trace,
    };
    carry_out(&mut tx, &mut record, &told).await?;
    tx.commit().await?;
    if wanted.to.begins_erasure() {
        store.keys.forget(id);
    }
    Ok(record)
}

pub(super) async fn renew(
    store: &Store,
    id: ConsentId,
    renewal: &Renewal<'_>,
) -> Result<ConsentRecord, StoreError> {
    let mut tx = store.begin().await?;
    let mut record = read::locked(&mut tx, id).await?;
    let before = record.status;
    if !before.is_readable() || record.consent.expires_at <= renewal.now {
        return Err(StoreError::Illegal { from: before, to: ConsentStatus::Active });
    }
    record.status = ConsentStatus::Active;
    record.consent.expires_at = renewal.expires_at;
    let told = Move {
        before: Some(before),
        event_type: ConsentEventType::Renewed,
        actor: renewal.actor,
        reason: None,
        now: renewal.now,
        trace: renewal.trace,
    };
    carry_out(&mut tx, &mut record, &told).await?;
    tx.commit().await?;
    Ok(record)
}

/// Writes the moved record and everything that hangs on the move.
async fn carry_out(
    connection: &mut PgConnection,
    record: &mut ConsentRecord,
    told: &Move<'_>,
) -> Result<(), StoreError> {
    let was_readable = told.before.is_some_and(ConsentStatus::is_readable);
    let raises_epoch =
        told.event_type == ConsentEventType::Renewed || (was_readable && !record.status.is_readable());
    if raises_epoch {
        record.consent.epoch += 1;
    }
    record.status_changed_at = told.now;
    if told.event_type == ConsentEventType::Authorised {
        record.authorised_at = Some(told.now);
    }
    write(connection, record).await?;
    if raises_epoch || record.status.is_final() {
        jobs::cancel_all(connection, record.consent.consent_id, told.now).await?;
    }
    if !record.status.is_readable() {
        drop_access(connection, record.consent.consent_id).await?;
    }
    if record.status.begins_erasure() {
        queue_erasure(connection, record.consent.consent_id, told.now).await?;
    }
    tell(connection, record, told).await
}

async fn write(connection: &mut PgConnection, record: &ConsentRecord) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE consents SET status = $2, epoch = $3, expires_at = $4, status_changed_at = $5, authorised_at = $6 \
         WHERE consent_id = $1",
    )
    .bind(record.consent.consent_id.uuid())
    .bind(record.status.name())
    .bind(record.consent.epoch)
    .bind(record.consent.expires_at.to_sqlx())
    .bind(record.status_changed_at.to_sqlx())
    .bind(record.authorised_at.map(ToSqlx::to_sqlx))
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes away whatever the institution could still be asked with.
async fn drop_access(connection: &mut PgConnection, id: ConsentId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM tokens WHERE consent_id = $1").bind(id.uuid()).execute(&mut *connection).await?;
    sqlx::query("DELETE FROM authorisations WHERE consent_id = $1")
        .bind(id.uuid())
        .execute(connection)
        .await?;
    Ok(())
}

async fn queue_erasure(
    connection: &mut PgConnection,
    id: ConsentId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO erasures (consent_id, queued_at) VALUES ($1, $2) ON CONFLICT (consent_id) DO NOTHING",
    )
    .bind(id.uuid())
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn set_institution(
    store: &Store,
    id: ConsentId,
    institution_consent_id: Option<&str>,
    institution_status: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE consents SET institution_consent_id = coalesce($2, institution_consent_id), \
         institution_status = coalesce($3, institution_status), institution_seen_at = $4 WHERE consent_id = $1",
    )
    .bind(id.uuid())
    .bind(institution_consent_id)
    .bind(institution_status)
    .bind(now.to_sqlx())
    .execute(&store.pool)
    .await?;
    if done.rows_affected() == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}
