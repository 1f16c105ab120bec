//! A new consent.

use events::Consent;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;

use super::tell::{Move, tell};
use super::{ConsentRecord, ConsentStatus, Created, read};
use crate::{Store, StoreError, vault};

pub(super) async fn create(
    store: &Store,
    consent: &Consent,
    actor: &str,
    now: Timestamp,
    trace: Option<&str>,
) -> Result<Created, StoreError> {
    let mut tx = store.begin().await?;
    let is_new = insert(&mut tx, consent, now).await?;
    let record = read::locked(&mut tx, consent.consent_id).await?;
    if !is_new {
        return same_terms(record, consent);
    }
    vault::create(&mut tx, &store.keys, consent.consent_id, now).await?;
    let created =
        Move { before: None, event_type: events::ConsentEventType::Created, actor, reason: None, now, trace };
    tell(&mut tx, &record, &created).await?;
    tx.commit().await?;
    Ok(Created::New(record))
}

async fn insert(
    connection: &mut PgConnection,
    consent: &Consent,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO consents (consent_id, epoch, tenant_id, user_id, institution_id, baskets, expires_at, \
         history_from, status, created_at, status_changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) \
         ON CONFLICT (consent_id) DO NOTHING",
    )
    .bind(consent.consent_id.uuid())
    .bind(consent.epoch)
    .bind(consent.tenant_id.as_str())
    .bind(consent.user_id.as_str())
    .bind(consent.institution_id.as_str())
    .bind(consent.baskets.names())
    .bind(consent.expires_at.to_sqlx())
    .bind(consent.history_from.map(ToSqlx::to_sqlx))
    .bind(ConsentStatus::AwaitingAuthorisation.name())
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The epoch is the store's own and does not count as a term.
fn same_terms(record: ConsentRecord, wanted: &Consent) -> Result<Created, StoreError> {
    if record.consent == (Consent { epoch: record.consent.epoch, ..wanted.clone() }) {
        Ok(Created::Same(record))
    } else {
        Err(StoreError::Conflict { what: "a consent of this id exists with other terms; choose another id" })
    }
}
