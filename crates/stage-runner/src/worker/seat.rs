//! Where a worker sits: its names, its signals, and how it waits without losing its place in the group.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::{Duration, Instant};

use backoff::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use service::Shutdown;
use service::health::Component;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::feed::Feed;
use super::{End, Plan, Trouble};
use crate::kafka::clients::Identity;
use crate::{Fault, Kafka, RunError, metrics};

/// A loop that has not come round for so long is stuck; the process should be restarted.
const STUCK: Duration = Duration::from_secs(75);
/// How often a worker that waits shows that it is there: far below `max.poll.interval.ms`.
const TICK: Duration = Duration::from_secs(1);
/// How long a batch may still take once the partitions or the process are wanted back.
const PATIENCE: Duration = Duration::from_secs(7);
/// More rebuilds within a minute mean that they do not help.
const REBUILDS: usize = 5;

/// One worker's place.
pub(crate) struct Seat {
    pub(crate) kafka: Kafka,
    pub(crate) plan: Plan,
    pub(crate) identity: Identity,
    pub(crate) runtime: Handle,
    pub(crate) shutdown: Shutdown,
    pub(crate) component: Component,
}

impl Seat {
    pub(crate) fn new(kafka: &Kafka, plan: Plan, n: usize, shutdown: Shutdown) -> Self {
        let member = format!("{}-{}-{n}", kafka.0.config.instance, plan.name);
        let identity = Identity { group: kafka.0.group(plan.name), member };
        let component = kafka.0.health.component(format!("{}-{n}", plan.name), STUCK);
        Self { kafka: kafka.clone(), plan, identity, runtime: Handle::current(), shutdown, component }
    }

    /// Runs sessions, each with new clients, until one ends well or for good.
    pub(crate) fn supervise(&self, mut session: impl FnMut() -> Result<(), End>) -> Result<(), RunError> {
        let (stage, mut rebuilds, mut growing) = (self.plan.name, VecDeque::new(), Pauses::new());
        while !self.shutdown.is_triggered() {
            match session() {
                Ok(()) => break,
                Err(End::Stop(error)) => return Err(error),
                Err(End::Jumped) => growing = Pauses::new(),
                Err(End::Rebuild(reason)) => {
                    rebuilds.retain(|at: &Instant| at.elapsed() < Duration::from_secs(60));
                    if rebuilds.is_empty() {
                        growing = Pauses::new();
                    }
                    rebuilds.push_back(Instant::now());
                    tracing::warn!(
                        stage,
                        worker = self.identity.member,
                        reason,
                        "{stage} rebuilds its clients"
                    );
                    if rebuilds.len() > REBUILDS {
                        return Err(RunError::Unstable { stage, count: rebuilds.len(), reason });
                    }
                }
            }
            metrics::rebuilt(stage);
            self.component.ready(false);
            self.rest(growing.longer());
        }
        Ok(())
    }

    /// Waits, but not longer than until shutdown.
    pub(crate) fn rest(&self, pause: Duration) {
        // Either way the wait is over.
        drop(self.runtime.block_on(async { timeout(pause, self.shutdown.triggered()).await }));
    }

    /// The same, while the group is told that the worker is there.
    pub(crate) fn rest_in_place(&self, feed: &Feed, pause: Duration) -> Result<(), End> {
        let until = Instant::now() + pause;
        while !self.shutdown.is_triggered() && !feed.rebalancing() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.rest(left.min(TICK));
            feed.keep_alive()?;
            self.component.alive();
        }
        feed.resume()
    }

    /// Runs a future to its end while the group is told that the worker is there. It is abandoned when the partitions
    /// or the process are wanted back and it takes too long.
    pub(crate) fn wait<T>(
        &self,
        feed: &Feed,
        future: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Trouble> {
        let (mut future, mut wanted) = (pin!(future), None);
        loop {
            if let Ok(answer) = self.runtime.block_on(async { timeout(TICK, future.as_mut()).await }) {
                feed.resume()?;
                return answer.map_err(Trouble::Again);
            }
            feed.keep_alive()?;
            self.component.alive();
            if (feed.rebalancing() || self.shutdown.is_triggered())
                && wanted.get_or_insert_with(Instant::now).elapsed() > PATIENCE
            {
                feed.resume()?;
                return Err(Trouble::Again(Fault::new(
                    "the batch took too long while its partitions were wanted back",
                )));
            }
        }
    }
}

/// Growing pauses with jitter, without an end.
pub(crate) struct Pauses(ExponentialBackoff);

/// No pause is longer, but for the jitter.
const LONGEST: Duration = Duration::from_secs(15);

impl Pauses {
    pub(crate) fn new() -> Self {
        let shape =
            ExponentialBuilder::default().with_min_delay(Duration::from_millis(100)).with_max_delay(LONGEST);
        Self(shape.with_jitter().without_max_times().build())
    }

    /// The next one.
    pub(crate) fn longer(&mut self) -> Duration {
        self.0.next().unwrap_or(LONGEST)
    }
}
