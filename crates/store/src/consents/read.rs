//! Consents read.

use events::{ConsentId, TenantId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;
use uuid::Uuid;

use super::record::{consent_columns, from_row};
use super::{ConsentFilter, ConsentRecord, ConsentStatus};
use crate::{Store, StoreError};

pub(super) async fn get(
    store: &Store,
    tenant: Option<&TenantId>,
    id: ConsentId,
) -> Result<ConsentRecord, StoreError> {
    let row = sqlx::query(concat!(
        "SELECT ",
        consent_columns!(),
        " FROM consents WHERE consent_id = $1 AND ($2::text IS NULL OR tenant_id = $2)"
    ))
    .bind(id.uuid())
    .bind(tenant.map(TenantId::as_str))
    .fetch_one(&store.pool)
    .await?;
    from_row(&row)
}

/// The consent, held against every other move and against landing until the transaction ends.
pub(crate) async fn locked(
    connection: &mut PgConnection,
    id: ConsentId,
) -> Result<ConsentRecord, StoreError> {
    let row = sqlx::query(concat!(
        "SELECT ",
        consent_columns!(),
        " FROM consents WHERE consent_id = $1 FOR UPDATE"
    ))
    .bind(id.uuid())
    .fetch_one(connection)
    .await?;
    from_row(&row)
}

pub(super) async fn list(
    store: &Store,
    tenant: &TenantId,
    filter: &ConsentFilter,
) -> Result<Vec<ConsentRecord>, StoreError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        consent_columns!(),
        " FROM consents WHERE tenant_id = $1 AND ($2::text IS NULL OR user_id = $2) \
         AND ($3::text IS NULL OR institution_id = $3) AND ($4::text IS NULL OR status = $4) \
         AND ($5::timestamptz IS NULL OR expires_at < $5) \
         AND ($6::timestamptz IS NULL OR (created_at, consent_id) < ($6, $7)) \
         ORDER BY created_at DESC, consent_id DESC LIMIT $8"
    ))
    .bind(tenant.as_str())
    .bind(filter.user.as_ref().map(events::UserId::as_str))
    .bind(filter.institution.as_ref().map(events::InstitutionId::as_str))
    .bind(filter.status.map(ConsentStatus::name))
    .bind(filter.expiring_before.map(ToSqlx::to_sqlx))
    .bind(filter.after.map(|(created_at, _)| created_at.to_sqlx()))
    .bind(filter.after.map(|(_, id)| id.uuid()))
    .bind(filter.limit)
    .fetch_all(&store.pool)
    .await?;
    rows.iter().map(from_row).collect()
}

/// Those awaiting authorisation are left to [`authorisation_overdue`], unless their time is over as well.
pub(super) async fn due_to_expire(
    store: &Store,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<ConsentId>, StoreError> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT consent_id FROM consents WHERE expires_at <= $1 \
         AND status IN ('awaiting_authorisation', 'active', 'needs_reauthorisation', 'superseded') \
         ORDER BY expires_at LIMIT $2",
    )
    .bind(now.to_sqlx())
    .bind(limit)
    .fetch_all(&store.pool)
    .await?;
    Ok(ids.into_iter().map(ConsentId::from_uuid).collect())
}

pub(super) async fn authorisation_overdue(
    store: &Store,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<ConsentId>, StoreError> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT consent_id FROM consents WHERE status = 'awaiting_authorisation' AND created_at < $1 \
         ORDER BY created_at LIMIT $2",
    )
    .bind(before.to_sqlx())
    .bind(limit)
    .fetch_all(&store.pool)
    .await?;
    Ok(ids.into_iter().map(ConsentId::from_uuid).collect())
}

/// Active consents whose present form nobody ever fetched, though it has stood since `before`.
pub(super) async fn never_fetched(
    store: &Store,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<ConsentRecord>, StoreError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        consent_columns!(),
        " FROM consents c WHERE status = 'active' AND status_changed_at <= $1 AND NOT EXISTS ( \
           SELECT 1 FROM fetch_jobs j WHERE j.consent_id = c.consent_id AND j.epoch = c.epoch) \
         ORDER BY status_changed_at LIMIT $2"
    ))
    .bind(before.to_sqlx())
    .bind(limit)
    .fetch_all(&store.pool)
    .await?;
    rows.iter().map(from_row).collect()
}
