//! What runs beside the loop: one record's work, or the delivery of its dead letter.

use std::sync::Arc;

use rdkafka::message::OwnedMessage;
use tracing::{Instrument, Span};

use super::{Done, Emitter, Work};
use crate::worker::feed::Place;
use crate::worker::post::Post;
use crate::worker::seat::Pauses;
use crate::worker::traces::span;
use crate::{Inbound, Position, Rejection, metrics};

/// A record that is no longer under way.
pub(super) struct Ended {
    pub(super) place: Place,
    pub(super) position: Position,
    pub(super) how: How,
}

pub(super) enum How {
    Done,
    Dropped(&'static str),
    /// To be buried, unless it is one too many.
    Rejected(Rejection, OwnedMessage),
    Buried,
}

/// Does a record until it is done. What it sends carries the span of the work, as far as there is a trace.
pub(super) async fn work<W: Work>(
    work: Arc<W>,
    record: Inbound<W::In>,
    emitter: Emitter,
    message: OwnedMessage,
) -> How {
    let (stage, mut pauses) = (emitter.post.name(), Pauses::new());
    let (span, onward) = record.trace.map_or_else(|| (Span::none(), None), |trace| span(stage, trace));
    let emitter = Emitter { trace: onward.or(record.trace), ..emitter };
    loop {
        match work.handle(&record, &emitter).instrument(span.clone()).await {
            Ok(Done::Ok) => return How::Done,
            Ok(Done::Drop { reason }) => return How::Dropped(reason),
            Ok(Done::Reject(rejection)) => return How::Rejected(rejection, message),
            Err(fault) => {
                metrics::fault(stage);
                tracing::warn!(stage, %fault, "{stage} could not do a record; it is done again");
            }
        }
        tokio::time::sleep(pauses.longer()).await;
    }
}

/// Delivers a dead letter.
pub(super) async fn bury(post: Post, position: Position, rejection: Rejection, message: OwnedMessage) -> How {
    let mut pauses = Pauses::new();
    while let Err(fault) = post.bury(position.topic, &message, &rejection).await {
        tracing::warn!(stage = post.name(), %fault, "a dead letter was not delivered; sending it again");
        tokio::time::sleep(pauses.longer()).await;
    }
    How::Buried
}
