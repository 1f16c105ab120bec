//! The loop of a worker that has many records under way at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::message::OwnedMessage;
use tokio::task::JoinSet;

use super::frontier::Frontier;
use super::task::{self, Ended, How};
use super::{Emitter, Work};
use crate::worker::context::Change;
use crate::worker::decode::{Decoded, Decoder};
use crate::worker::feed::{Feed, Place, Taken};
use crate::worker::letters::too_many;
use crate::worker::post::Post;
use crate::worker::seat::{Pauses, Seat};
use crate::worker::{End, Trouble, assignment};
use crate::{Position, Rejection, RunError, metrics};

/// How long the loop waits for a record while others are under way.
const TURN: Duration = Duration::from_millis(10);
/// How long it waits when nothing is.
const IDLE: Duration = Duration::from_millis(100);
/// How long what is under way may still take once its partitions or the process are wanted back.
const DRAIN: Duration = Duration::from_secs(8);
/// Records done but not committed, because an older one of their partition is still under way, for each place of work.
const HELD: usize = 16;

pub(super) struct Desk<'s, W: Work> {
    seat: &'s Seat,
    feed: &'s Feed,
    work: &'s Arc<W>,
    post: &'s Post,
    concurrency: usize,
    decoder: Decoder<W::In>,
    tasks: JoinSet<Ended>,
    frontier: Frontier,
    rejected_in_a_row: usize,
    committed_at: Instant,
}

impl<'s, W: Work> Desk<'s, W> {
    pub(super) fn new(
        seat: &'s Seat,
        feed: &'s Feed,
        work: &'s Arc<W>,
        post: &'s Post,
        concurrency: usize,
    ) -> Self {
        Self {
            seat,
            feed,
            work,
            post,
            concurrency,
            decoder: Decoder::new(&seat.kafka, seat.plan.inputs),
            tasks: JoinSet::new(),
            frontier: Frontier::default(),
            rejected_in_a_row: 0,
            committed_at: Instant::now(),
        }
    }

    pub(super) fn run(mut self) -> Result<(), End> {
        self.seat.component.ready(true);
        while !self.seat.shutdown.is_triggered() {
            self.seat.component.alive();
            self.reap()?;
            self.rebalance()?;
            if self.committed_at.elapsed() >= self.seat.kafka.0.config.commit_interval() {
                self.commit(CommitMode::Async)?;
            }
            self.take_one()?;
        }
        self.drain(|desk| desk.tasks.len())?;
        self.commit(CommitMode::Sync)
    }

    /// Takes a record if there is a free place. When there is none the partitions pause until half of the places are
    /// free: every pause throws away what was prefetched.
    fn take_one(&mut self) -> Result<(), End> {
        let (busy, held) = (self.tasks.len(), usize::try_from(self.frontier.held()).unwrap_or(usize::MAX));
        if busy >= self.concurrency || held >= self.concurrency.saturating_mul(HELD) {
            self.feed.pause()?;
        } else if busy <= self.concurrency / 2 {
            self.feed.resume()?;
        }
        let patience = if self.tasks.is_empty() { IDLE } else { TURN };
        match self.feed.poll(patience)? {
            Some(taken) => self.begin(&taken),
            None => Ok(()),
        }
    }

    fn begin(&mut self, taken: &Taken<'_>) -> Result<(), End> {
        let decoded = self.decode(taken)?;
        let (place, position, message) = (taken.place, taken.position, taken.message.detach());
        let task = match (decoded.records.into_iter().next(), decoded.refused.into_iter().next()) {
            (Some(record), _) => {
                let emitter = Emitter { post: self.post.clone(), trace: record.trace };
                self.spawn(place, position, task::work(Arc::clone(self.work), record, emitter, message))
            }
            (None, Some((_, rejection))) => {
                self.spawn(place, position, async { How::Rejected(rejection, message) })
            }
            (None, None) => return Ok(()),
        };
        self.frontier.begin(place, position.offset, task);
        Ok(())
    }

    /// Reads a record, as soon as its schema is known.
    fn decode(&mut self, taken: &Taken<'_>) -> Result<Decoded<W::In>, End> {
        let mut pauses = Pauses::new();
        loop {
            match self.decoder.decode(self.seat, self.feed, std::slice::from_ref(taken)) {
                Ok(decoded) => return Ok(decoded),
                Err(Trouble::End(end)) => return Err(end),
                Err(Trouble::Again(fault)) => {
                    metrics::fault(self.seat.plan.name);
                    tracing::warn!(stage = self.seat.plan.name, %fault, "cannot read a record; trying again");
                }
            }
            if self.seat.shutdown.is_triggered() || self.feed.rebalancing() {
                // It is not under way and not committed: it comes again.
                return Err(End::Rebuild("a record's schema could not be fetched".to_owned()));
            }
            self.seat.rest_in_place(self.feed, pauses.longer())?;
        }
    }

    fn spawn(
        &mut self,
        place: Place,
        position: Position,
        task: impl Future<Output = How> + Send + 'static,
    ) -> tokio::task::AbortHandle {
        self.tasks.spawn_on(async move { Ended { place, position, how: task.await } }, &self.seat.runtime)
    }

    /// Looks after what has ended.
    fn reap(&mut self) -> Result<(), End> {
        while let Some(ended) = self.tasks.try_join_next() {
            match ended {
                Ok(ended) => self.ended(ended)?,
                // Its partition was given up.
                Err(error) if error.is_cancelled() => (),
                Err(_) => return Err(End::Stop(RunError::Panicked(self.seat.plan.name))),
            }
        }
        Ok(())
    }

    fn ended(&mut self, Ended { place, position, how }: Ended) -> Result<(), End> {
        let name = self.seat.plan.name;
        match how {
            How::Rejected(rejection, message) => return self.rejected(place, position, rejection, message),
            How::Buried => (),
            How::Done => self.rejected_in_a_row = 0,
            How::Dropped(reason) => {
                self.rejected_in_a_row = 0;
                metrics::dropped(name, reason);
            }
        }
        if self.frontier.finish(place, position.offset) {
            metrics::consumed(name);
        }
        Ok(())
    }

    /// A rejected record stays under way until its dead letter is delivered.
    fn rejected(
        &mut self,
        place: Place,
        position: Position,
        rejection: Rejection,
        message: OwnedMessage,
    ) -> Result<(), End> {
        let (name, code) = (self.seat.plan.name, rejection.code);
        self.rejected_in_a_row += 1;
        if self.rejected_in_a_row >= self.seat.kafka.0.config.max_consecutive_rejections {
            return Err(End::Stop(too_many(name, self.rejected_in_a_row, &rejection, position)));
        }
        tracing::warn!(stage = name, code, detail = rejection.detail, "{name} rejected a record");
        metrics::rejected(name, code);
        let task = self.spawn(place, position, task::bury(self.post.clone(), position, rejection, message));
        self.frontier.begin_again(place, position.offset, task);
        Ok(())
    }

    /// Answers rebalances: what is under way in partitions that are wanted back may finish, for a while.
    fn rebalance(&mut self) -> Result<(), End> {
        let Some(change) = self.feed.change() else {
            return Ok(());
        };
        if let Change::Revoke(list) = &change
            && !self.feed.lost()
        {
            let places = self.feed.places(list);
            self.drain(|desk| desk.frontier.under_way(&places))?;
            self.commit(CommitMode::Sync)?;
        }
        let (feed, frontier) = (self.feed, &mut self.frontier);
        assignment::serve(
            self.seat,
            feed,
            |places| assignment::committed(feed, places),
            |gone| frontier.forget(gone),
        )
    }

    /// Waits until nothing of it is under way any more, but not for ever.
    fn drain(&mut self, under_way: impl Fn(&Self) -> usize) -> Result<(), End> {
        let begun = Instant::now();
        while under_way(self) > 0 && begun.elapsed() < DRAIN {
            self.feed.keep_alive()?;
            self.seat.component.alive();
            // Not `rest`: that would not wait at shutdown.
            let joined = self
                .seat
                .runtime
                .block_on(async { tokio::time::timeout(TURN, self.tasks.join_next()).await.ok().flatten() });
            match joined {
                Some(Ok(ended)) => self.ended(ended)?,
                Some(Err(error)) if error.is_panic() => {
                    return Err(End::Stop(RunError::Panicked(self.seat.plan.name)));
                }
                _ => (),
            }
        }
        Ok(())
    }

    /// Commits what is done without a gap. That the group does not hear of it leads to repeats, which are harmless.
    fn commit(&mut self, mode: CommitMode) -> Result<(), End> {
        self.committed_at = Instant::now();
        let done = self.frontier.advanced();
        if done.is_empty() {
            return Ok(());
        }
        match self.feed.consumer().commit(&self.feed.list(done.iter().copied())?, mode) {
            Ok(()) => self.frontier.committed(&done),
            Err(error) => tracing::warn!(stage = self.seat.plan.name, %error, "positions were not committed"),
        }
        Ok(())
    }
}
