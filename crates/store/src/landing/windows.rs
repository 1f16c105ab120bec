//! A window has landed when every record of it has, without a gap; a job is done with its last window.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::row::Record;
use crate::{StoreError, accounts, jobs};

/// The records of one attempt at a window within one batch.
struct Arrived {
    job: Uuid,
    length: i32,
    sequences: Vec<i32>,
    fetched_at: Timestamp,
}

/// A window that a batch moves on.
struct Moved {
    window: Uuid,
    next: i32,
    landed: bool,
}

/// Moves the windows on to which a batch's records belong. Refused records count: they are dealt with.
pub(super) async fn advance<R: Record>(
    connection: &mut PgConnection,
    rows: &[R],
    now: Timestamp,
) -> Result<(), StoreError> {
    let arrived = group(rows);
    let jobs = hold_jobs(connection, &arrived).await?;
    if jobs.is_empty() {
        return Ok(());
    }
    let open = sqlx::query(
        "SELECT w.window_id, w.attempt, w.account_key, w.next_sequence FROM fetch_windows w \
         JOIN fetch_jobs j ON j.job_id = w.job_id AND j.attempt = w.attempt \
         WHERE w.job_id = ANY($1) AND w.window_id = ANY($2) AND w.state = 'open'",
    )
    .bind(&jobs)
    .bind(arrived.keys().map(|(window, _)| *window).collect::<Vec<_>>())
    .fetch_all(&mut *connection)
    .await?;
    let (mut moved, mut answered) = (Vec::new(), Vec::new());
    for row in &open {
        let window = row.try_get("window_id")?;
        let Some(batch) = arrived.get(&(window, row.try_get("attempt")?)) else { continue };
        let before: i32 = row.try_get("next_sequence")?;
        let next = contiguous(before, &batch.sequences);
        if next == before {
            continue;
        }
        let landed = next >= batch.length;
        if landed {
            answered.push((row.try_get("account_key")?, batch.fetched_at));
        }
        moved.push(Moved { window, next, landed });
    }
    write(connection, &moved).await?;
    accounts::refresh(connection, &answered, now).await?;
    if !answered.is_empty() {
        jobs::finish_done(connection, &jobs, now).await?;
    }
    Ok(())
}

fn group<R: Record>(rows: &[R]) -> BTreeMap<(Uuid, i32), Arrived> {
    let mut arrived: BTreeMap<(Uuid, i32), Arrived> = BTreeMap::new();
    for from in rows.iter().map(Record::provenance) {
        arrived
            .entry((from.window_id.uuid(), from.attempt))
            .or_insert_with(|| Arrived {
                job: from.job_id.uuid(),
                length: from.length,
                sequences: Vec::new(),
                fetched_at: from.fetched_at,
            })
            .sequences
            .push(from.sequence);
    }
    for batch in arrived.values_mut() {
        batch.sequences.sort_unstable();
    }
    arrived
}

/// The first sequence that is missing, when `next` was missing before and the sorted `sequences` arrived.
fn contiguous(next: i32, sequences: &[i32]) -> i32 {
    sequences.iter().fold(next, |next, sequence| if *sequence == next { next + 1 } else { next })
}

/// Jobs are held before their windows, everywhere.
async fn hold_jobs(
    connection: &mut PgConnection,
    arrived: &BTreeMap<(Uuid, i32), Arrived>,
) -> Result<Vec<Uuid>, StoreError> {
    let mut jobs: Vec<Uuid> = arrived.values().map(|batch| batch.job).collect();
    jobs.sort_unstable();
    jobs.dedup();
    Ok(sqlx::query_scalar(
        "SELECT job_id FROM fetch_jobs WHERE job_id = ANY($1) AND state IN ('issued', 'fetching') \
         ORDER BY job_id FOR UPDATE",
    )
    .bind(jobs)
    .fetch_all(connection)
    .await?)
}

async fn write(connection: &mut PgConnection, moved: &[Moved]) -> Result<(), StoreError> {
    if moved.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE fetch_windows w SET next_sequence = moved.next, \
         state = CASE WHEN moved.landed THEN 'landed' ELSE w.state END \
         FROM unnest($1::uuid[], $2::integer[], $3::boolean[]) AS moved (window_id, next, landed) \
         WHERE w.window_id = moved.window_id",
    )
    .bind(moved.iter().map(|moved| moved.window).collect::<Vec<_>>())
    .bind(moved.iter().map(|moved| moved.next).collect::<Vec<_>>())
    .bind(moved.iter().map(|moved| moved.landed).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::contiguous;
    use proptest::prelude::*;

    #[test]
    fn a_gap_stops_and_duplicates_do_not_count() {
        assert_eq!(contiguous(0, &[0, 0, 1, 3]), 2);
        assert_eq!(contiguous(2, &[0, 1, 2, 3]), 4);
        assert_eq!(contiguous(2, &[3, 4]), 2);
        assert_eq!(contiguous(2, &[]), 2);
    }

    proptest! {
        #[test]
        fn a_window_lands_exactly_when_batches_in_order_cover_it(cuts in prop::collection::vec(0i32..50, 0..6)) {
            let mut bounds = [&[0, 50], cuts.as_slice()].concat();
            bounds.sort_unstable();
            let mut next = 0;
            for pair in bounds.windows(2) {
                prop_assert_eq!(next, pair[0]);
                // Each batch repeats a part of the one before.
                next = contiguous(next, &((pair[0] - 3).max(0)..pair[1]).collect::<Vec<_>>());
            }
            prop_assert_eq!(next, 50);
        }
    }
}
