//! What everybody is told of a move, and what the audit log keeps of it.

use events::{ConsentEvent, ConsentEventType, EventId, Outbound, topics};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;

use super::{ConsentRecord, ConsentStatus};
use crate::{StoreError, outbox};

/// A move as the audit log and the event tell it.
pub(crate) struct Move<'a> {
    pub(crate) before: Option<ConsentStatus>,
    pub(crate) event_type: ConsentEventType,
    pub(crate) actor: &'a str,
    pub(crate) reason: Option<&'a str>,
    pub(crate) now: Timestamp,
    pub(crate) trace: Option<&'a str>,
}

/// Writes a move into the audit log and tells everybody.
pub(crate) async fn tell(
    connection: &mut PgConnection,
    record: &ConsentRecord,
    told: &Move<'_>,
) -> Result<(), StoreError> {
    let event = ConsentEvent {
        event_id: EventId::new(told.now),
        event_type: told.event_type,
        occurred_at: told.now,
        actor: told.actor.to_owned(),
        reason: told.reason.map(str::to_owned),
        before: told.before.map(|status| status.name().to_owned()),
        after: record.status.name().to_owned(),
        consent: record.consent.clone(),
    };
    audit(connection, &event).await?;
    let key = record.consent.consent_id.uuid();
    let message = Outbound::record(&topics::CONSENT_EVENTS, key, event.event_id.uuid(), &event)
        .map_err(|_| StoreError::bug("consent event does not fit its schema"))?;
    outbox::put(connection, &[message], told.trace, told.now).await
}

async fn audit(connection: &mut PgConnection, event: &ConsentEvent) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit_log (consent_id, at, actor, action, before, after, reason) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(event.consent.consent_id.uuid())
    .bind(event.occurred_at.to_sqlx())
    .bind(&event.actor)
    .bind(action(event.event_type))
    .bind(event.before.as_deref())
    .bind(&event.after)
    .bind(event.reason.as_deref())
    .execute(connection)
    .await?;
    Ok(())
}

fn action(event_type: ConsentEventType) -> &'static str {
    match event_type {
        ConsentEventType::Created => "created",
        ConsentEventType::Authorised => "authorised",
        ConsentEventType::Denied => "denied",
        ConsentEventType::Failed => "failed",
        ConsentEventType::Renewed => "renewed",
        ConsentEventType::NeedsReauthorisation => "needs_reauthorisation",
        ConsentEventType::Expiring => "expiring",
        ConsentEventType::Expired => "expired",
        ConsentEventType::Revoked => "revoked",
        ConsentEventType::Superseded => "superseded",
        ConsentEventType::DataDeleted => "data_deleted",
    }
}
