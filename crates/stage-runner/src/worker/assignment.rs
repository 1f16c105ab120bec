//! Where a worker begins to read, and what it forgets when it stops.

use std::time::Duration;

use rdkafka::Offset;
use rdkafka::consumer::Consumer;

use super::End;
use super::context::Change;
use super::feed::{Feed, Place};
use super::seat::{Pauses, Seat};
use crate::{Fault, metrics};

/// How long one question to the broker may take; asked again while the group knows that we are there.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers every change that waits. `stored` knows the next offset of places; what of places that are given up is still
/// in hand is forgotten by `forget`.
pub(crate) fn serve(
    seat: &Seat,
    feed: &Feed,
    stored: impl Fn(&[Place]) -> Result<Vec<(Place, i64)>, Fault>,
    mut forget: impl FnMut(&[Place]),
) -> Result<(), End> {
    while let Some(change) = feed.change() {
        match &change {
            Change::Assign(list) => {
                let places = feed.places(list);
                let Some(starts) = starts(seat, feed, &places, &stored)? else {
                    return Ok(());
                };
                feed.assign(&starts)?;
                tracing::info!(
                    stage = seat.plan.name,
                    worker = seat.identity.member,
                    partitions = places.len(),
                    "assigned"
                );
            }
            Change::Revoke(list) => {
                let places = feed.places(list);
                forget(&places);
                feed.revoke(&change, &places)?;
            }
        }
    }
    Ok(())
}

/// Where to begin, asked until there is an answer; none at shutdown.
fn starts(
    seat: &Seat,
    feed: &Feed,
    places: &[Place],
    stored: impl Fn(&[Place]) -> Result<Vec<(Place, i64)>, Fault>,
) -> Result<Option<Vec<(Place, i64)>>, End> {
    let mut pauses = Pauses::new();
    loop {
        match stored(places).and_then(|stored| within_the_log(seat, feed, places, &stored)) {
            Ok(starts) => return Ok(Some(starts)),
            Err(fault) => {
                metrics::fault(seat.plan.name);
                tracing::warn!(stage = seat.plan.name, %fault, "cannot tell where to begin; asking again");
            }
        }
        seat.rest(pauses.longer().min(PATIENCE / 5));
        feed.keep_alive()?;
        seat.component.alive();
        if seat.shutdown.is_triggered() {
            return Ok(None);
        }
    }
}

/// Stored offsets as far as the broker still has them. What it has no longer, or lost with its end, is noticed here:
/// reading goes on with the oldest record that is there.
fn within_the_log(
    seat: &Seat,
    feed: &Feed,
    places: &[Place],
    stored: &[(Place, i64)],
) -> Result<Vec<(Place, i64)>, Fault> {
    let mut starts = Vec::with_capacity(places.len());
    for &place in places {
        let (low, high) =
            feed.consumer().fetch_watermarks(feed.topic_name(place), place.partition, PATIENCE)?;
        let stored = stored.iter().find(|(known, _)| *known == place).map(|&(_, offset)| offset);
        starts.push((place, stored.filter(|offset| (low..=high).contains(offset)).unwrap_or(low)));
        if let Some(wanted) = stored.filter(|offset| !(low..=high).contains(offset)) {
            let (stage, topic, partition) = (seat.plan.name, feed.topic(place), place.partition);
            metrics::jumped(stage, topic);
            tracing::error!(
                stage,
                topic,
                partition,
                wanted,
                low,
                high,
                "records of {topic} were gone before {stage} read them"
            );
        }
    }
    Ok(starts)
}

/// The offsets that the group has committed.
pub(crate) fn committed(feed: &Feed, places: &[Place]) -> Result<Vec<(Place, i64)>, Fault> {
    let list = feed.list(places.iter().map(|&place| (place, 0)))?;
    let committed = feed.consumer().committed_offsets(list, PATIENCE)?;
    let mut found = Vec::with_capacity(places.len());
    for element in committed.elements() {
        element.error()?;
        if let Offset::Offset(offset) = element.offset() {
            let place = places.iter().find(|place| {
                place.partition == element.partition() && feed.topic_name(**place) == element.topic()
            });
            found.extend(place.map(|&place| (place, offset)));
        }
    }
    Ok(found)
}
