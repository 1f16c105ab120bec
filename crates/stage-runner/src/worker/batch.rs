//! Gathers records into batches and settles one after the other: what is not settled is tried again and nothing later
//! overtakes it.

use std::time::{Duration, Instant};

use rdkafka::message::Message;

use super::assignment::serve;
use super::feed::{Feed, Place, Taken};
use super::seat::{Pauses, Seat};
use super::{End, Trouble};
use crate::{Fault, metrics};

/// How long a worker without work waits for a record before it comes round.
const IDLE: Duration = Duration::from_millis(100);
/// When records come singly, batches are at least so far apart: a commit costs milliseconds of CPU.
const BREATH: Duration = Duration::from_millis(10);

/// What is done with batches.
pub(crate) trait Settle {
    /// The next offsets of places as they are stored; what is left out begins at the beginning.
    fn stored(&self, feed: &Feed, places: &[Place]) -> Result<Vec<(Place, i64)>, Fault>;

    /// Does a batch and commits it, whole or not at all.
    fn settle(&mut self, feed: &Feed, batch: &[Taken<'_>]) -> Result<(), Trouble>;

    /// Whether an attempt that failed may have been committed all the same.
    const IN_DOUBT: bool;
}

/// How much a batch may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
    pub(crate) age: Duration,
}

/// Settles batch after batch until shutdown.
pub(crate) fn drive<S: Settle>(seat: &Seat, feed: &Feed, limits: Limits, settle: &mut S) -> Result<(), End> {
    let (mut batch, mut breathed) = (Vec::with_capacity(limits.records), Instant::now());
    seat.component.ready(true);
    while !seat.shutdown.is_triggered() {
        seat.component.alive();
        serve(seat, feed, |places| settle.stored(feed, places), |_| ())?;
        gather(feed, limits, breathed + BREATH, &mut batch)?;
        if !batch.is_empty() {
            settle_all(seat, feed, settle, &mut batch)?;
            breathed = Instant::now();
        }
    }
    Ok(())
}

/// Fills a batch until it is full or old, the input is drained, or a rebalance waits. It is not called drained before
/// `breathed`.
fn gather<'f>(
    feed: &'f Feed,
    limits: Limits,
    breathed: Instant,
    batch: &mut Vec<Taken<'f>>,
) -> Result<(), End> {
    let (mut bytes, mut begun) = (0, None);
    while batch.len() < limits.records && bytes < limits.bytes && !feed.rebalancing() {
        let patience =
            if batch.is_empty() { IDLE } else { breathed.saturating_duration_since(Instant::now()) };
        let Some(taken) = feed.poll(patience)? else {
            break;
        };
        bytes += taken.message.payload().map_or(0, <[u8]>::len);
        batch.push(taken);
        if begun.get_or_insert_with(Instant::now).elapsed() >= limits.age {
            break;
        }
    }
    Ok(())
}

/// Tries a batch until it is settled, its partitions are gone, or shutdown.
fn settle_all<'f, S: Settle>(
    seat: &Seat,
    feed: &'f Feed,
    settle: &mut S,
    batch: &mut Vec<Taken<'f>>,
) -> Result<(), End> {
    let mut pauses = Pauses::new();
    loop {
        // Of partitions that others have by now nothing may be committed.
        if feed.lost() {
            give_back(seat, feed, settle, batch)?;
        }
        if batch.is_empty() {
            return Ok(());
        }
        match settle.settle(feed, batch) {
            Ok(()) => break,
            Err(Trouble::End(end)) => return Err(end),
            Err(Trouble::Again(fault)) => {
                let (stage, records) = (seat.plan.name, batch.len());
                metrics::fault(stage);
                tracing::warn!(stage, records, %fault, "{stage} could not do a batch; it is done again");
            }
        }
        if seat.shutdown.is_triggered() {
            batch.clear();
            return Ok(());
        }
        seat.component.ready(false);
        seat.rest_in_place(feed, pauses.longer())?;
        give_back(seat, feed, settle, batch)?;
        if S::IN_DOUBT {
            skip_stored(seat, feed, settle, batch)?;
        }
    }
    seat.component.ready(true);
    feed.settled();
    batch.clear();
    Ok(())
}

/// Answers rebalances; records of partitions that are given up leave the batch.
fn give_back<S: Settle>(seat: &Seat, feed: &Feed, settle: &S, batch: &mut Vec<Taken<'_>>) -> Result<(), End> {
    let stored = |places: &[Place]| settle.stored(feed, places);
    serve(seat, feed, stored, |gone| batch.retain(|taken| !gone.contains(&taken.place)))
}

/// After a commit whose answer was lost the store is further than we know.
fn skip_stored<S: Settle>(
    seat: &Seat,
    feed: &Feed,
    settle: &S,
    batch: &mut Vec<Taken<'_>>,
) -> Result<(), End> {
    let places: Vec<_> = feed.ahead().iter().map(|slot| slot.place).collect();
    match settle.stored(feed, &places) {
        Ok(stored) => {
            for (place, offset) in stored {
                feed.settled_to(place, offset);
                batch.retain(|taken| taken.place != place || taken.position.offset >= offset);
            }
        }
        Err(fault) => tracing::debug!(stage = seat.plan.name, %fault, "the store still does not answer"),
    }
    Ok(())
}
