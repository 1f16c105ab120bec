//! How far each consumer group has landed.

use sqlx::{PgConnection, Row};

use super::Progress;
use crate::{Store, StoreError};

pub(super) async fn read(
    store: &Store,
    group: &str,
    topic: &str,
    partitions: &[i32],
) -> Result<Vec<(i32, i64)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT partition, next_offset FROM landing_positions \
         WHERE consumer_group = $1 AND topic = $2 AND partition = ANY($3) ORDER BY partition",
    )
    .bind(group)
    .bind(topic)
    .bind(partitions)
    .fetch_all(&store.pool)
    .await?)
}

/// Moves the positions, or refuses when one of them is further already. From then on the partitions are held: of two
/// workers that believe to own one, the second waits and is refused.
pub(super) async fn advance(
    connection: &mut PgConnection,
    group: &str,
    progress: &[Progress<'_>],
) -> Result<(), StoreError> {
    let mut progress: Vec<_> = progress.iter().collect();
    progress.sort_unstable_by_key(|step| (step.topic, step.partition));
    for step in progress {
        let moved = sqlx::query(
            "INSERT INTO landing_positions AS p (consumer_group, topic, partition, next_offset) \
             VALUES ($1, $2, $3, $5) ON CONFLICT (consumer_group, topic, partition) \
             DO UPDATE SET next_offset = excluded.next_offset WHERE p.next_offset <= $4",
        )
        .bind(group)
        .bind(step.topic)
        .bind(step.partition)
        .bind(step.from)
        .bind(step.next)
        .execute(&mut *connection)
        .await?;
        if moved.rows_affected() == 0 {
            return Err(older(connection, group, step).await?);
        }
    }
    Ok(())
}

async fn older(
    connection: &mut PgConnection,
    group: &str,
    step: &Progress<'_>,
) -> Result<StoreError, StoreError> {
    let row = sqlx::query(
        "SELECT next_offset FROM landing_positions WHERE consumer_group = $1 AND topic = $2 AND partition = $3",
    )
    .bind(group)
    .bind(step.topic)
    .bind(step.partition)
    .fetch_one(connection)
    .await?;
    Ok(StoreError::OlderOffset {
        partition: step.partition,
        stored: row.try_get("next_offset")?,
        from: step.from,
    })
}
