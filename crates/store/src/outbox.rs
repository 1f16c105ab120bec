//! Messages that were written together with the facts they tell of, until the relay has published them.

use events::{Outbound, topics};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::{Store, StoreError};

/// Messages on their way out.
pub struct Outbox<'a>(pub(crate) &'a Store);

/// One message, with its place in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its place: the messages of one key are in the order of their facts.
    pub id: i64,
    /// The message.
    pub message: Outbound,
    /// Trace context of what brought it about.
    pub trace: Option<String>,
}

impl Outbox<'_> {
    /// Adds messages, in order and all or none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn push(
        &self,
        messages: &[Outbound],
        trace: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.0.within(async { put(&mut *self.0.pool.acquire().await?, messages, trace, now).await }).await
    }

    /// Whether `holder` may relay until `now` + `ttl`: one relay at a time keeps the order. The holder asks again
    /// before its time is over; another one gets its turn afterwards.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn lease(&self, holder: &str, now: Timestamp, ttl: SignedDuration) -> Result<bool, StoreError> {
        self.0
            .within(async {
                let done = sqlx::query(
                    "INSERT INTO leases (name, holder, held_until) VALUES ('outbox', $1, $2) \
                     ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until \
                     WHERE leases.holder = excluded.holder OR leases.held_until <= $3",
                )
                .bind(holder)
                .bind(later(now, ttl).to_sqlx())
                .bind(now.to_sqlx())
                .execute(&self.0.pool)
                .await?;
                Ok(done.rows_affected() == 1)
            })
            .await
    }

    /// The oldest messages, in order.
    ///
    /// # Errors
    /// [`StoreError::Bug`] for a message to a topic this version does not know.
    pub async fn read(&self, limit: i64) -> Result<Vec<OutboxRow>, StoreError> {
        self.0
            .within(async {
                let rows = sqlx::query(
                    "SELECT id, topic, key, partition_key, event_id, payload, trace FROM outbox ORDER BY id LIMIT $1",
                )
                .bind(limit)
                .fetch_all(&self.0.pool)
                .await?;
                rows.iter().map(from_row).collect()
            })
            .await
    }

    /// Forgets published messages.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: they will be published again, under the same event ids.
    pub async fn delete(&self, ids: &[i64]) -> Result<(), StoreError> {
        self.0
            .within(async {
                sqlx::query("DELETE FROM outbox WHERE id = ANY($1)").bind(ids).execute(&self.0.pool).await?;
                Ok(())
            })
            .await
    }
}

/// Adds messages inside a transaction of the caller's. Whoever tells of an aggregate holds its row, so that the ids of
/// one key are given out in the order of the commits.
pub(crate) async fn put(
    connection: &mut PgConnection,
    messages: &[Outbound],
    trace: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let traced: Vec<_> = messages.iter().map(|message| (message, trace)).collect();
    put_traced(connection, &traced, now).await
}

/// The same, each message with its own trace context.
pub(crate) async fn put_traced(
    connection: &mut PgConnection,
    messages: &[(&Outbound, Option<&str>)],
    now: Timestamp,
) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    let column =
        |of: fn(&Outbound) -> Uuid| messages.iter().map(|(message, _)| of(message)).collect::<Vec<_>>();
    sqlx::query(
        "INSERT INTO outbox (topic, key, partition_key, event_id, payload, trace, created_at) \
         SELECT topic, key, partition_key, event_id, payload, trace, $7 \
         FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bytea[], $6::text[]) WITH ORDINALITY \
         AS message (topic, key, partition_key, event_id, payload, trace, place) ORDER BY place",
    )
    .bind(messages.iter().map(|(message, _)| message.topic.name).collect::<Vec<_>>())
    .bind(column(|message| message.key))
    .bind(column(|message| message.partition_key))
    .bind(column(|message| message.event_id))
    .bind(messages.iter().map(|(message, _)| message.payload.as_deref()).collect::<Vec<_>>())
    .bind(messages.iter().map(|(_, trace)| *trace).collect::<Vec<_>>())
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(())
}

fn from_row(row: &sqlx::postgres::PgRow) -> Result<OutboxRow, StoreError> {
    let topic =
        topics::by_name(row.try_get("topic")?).ok_or_else(|| StoreError::bug("outbox names no topic"))?;
    let message = Outbound {
        topic,
        key: row.try_get("key")?,
        partition_key: row.try_get("partition_key")?,
        event_id: row.try_get("event_id")?,
        payload: row.try_get("payload")?,
    };
    Ok(OutboxRow { id: row.try_get("id")?, message, trace: row.try_get("trace")? })
}

/// A time `span` after `now`, or the end of time.
pub(crate) fn later(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.checked_add(span).unwrap_or(Timestamp::MAX)
}
