//! A worker is one thread with a consumer and a producer of its own, because most calls of the client library block.

pub(crate) mod assignment;
pub(crate) mod batch;
pub(crate) mod context;
pub(crate) mod decode;
pub(crate) mod feed;
pub(crate) mod letters;
pub(crate) mod outlet;
pub(crate) mod post;
pub(crate) mod seat;
pub(crate) mod traces;

use std::sync::Arc;

use events::{Record, Topic};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use service::Shutdown;
use tokio::sync::oneshot;

use crate::{Fault, Kafka, RunError};
use seat::Seat;

/// Why an attempt at a batch brought no commit.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Nothing is committed; the same batch may be tried again.
    Again(Fault),
    /// It cannot be tried again with these clients.
    End(End),
}

/// Why a session of a worker ended before its time.
#[derive(Debug)]
pub(crate) enum End {
    /// The clients are spent; new ones start from what is committed, which is always safe.
    Rebuild(String),
    /// The broker no longer has what was to be read next; new clients start from what is there.
    Jumped,
    /// For good.
    Stop(RunError),
}

impl From<End> for Trouble {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

impl From<RunError> for End {
    fn from(error: RunError) -> Self {
        Self::Stop(error)
    }
}

/// What a worker needs to know about the stage it works for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) inputs: &'static [&'static Topic],
    pub(crate) outputs: &'static [&'static Topic],
}

impl Plan {
    /// Refuses a plan that names topics the installation does not have, or that carry something else than is read.
    pub(crate) fn check<T: Record>(&self, kafka: &Kafka) -> Result<(), RunError> {
        let refuse = |reason| Err(RunError::Config { reason });
        for topic in self.inputs.iter().chain(self.outputs) {
            if kafka.0.target(topic).is_none() {
                return refuse(format!("{} names topic {}, which does not exist", self.name, topic.name));
            }
        }
        match self.inputs.iter().find(|topic| topic.record != T::NAME) {
            Some(topic) => refuse(format!(
                "{} reads {} from {}, which carries {}",
                self.name,
                T::NAME,
                topic.name,
                topic.record
            )),
            None => Ok(()),
        }
    }
}

/// Runs `count` workers, each on its own thread, until shutdown or until the first fails, which ends the others.
pub(crate) async fn run_workers(
    kafka: &Kafka,
    plan: Plan,
    count: usize,
    shutdown: &Shutdown,
    work: impl Fn(&Seat) -> Result<(), RunError> + Send + Sync + 'static,
) -> Result<(), RunError> {
    let together = shutdown.child();
    let _also_when_dropped = together.token().drop_guard();
    let work = Arc::new(work);
    let mut ends = FuturesUnordered::new();
    for n in 0..count {
        let (seat, work) = (Seat::new(kafka, plan, n, together.clone()), Arc::clone(&work));
        let (tell, told) = oneshot::channel();
        std::thread::Builder::new().name(format!("{}-{n}", plan.name)).spawn(move || {
            // Nobody listens any more when the run was dropped.
            drop(tell.send(work(&seat)));
            seat.component.ended();
        })?;
        ends.push(told);
    }
    let mut first = Ok(());
    while let Some(end) = ends.next().await {
        if let Err(error) = end.unwrap_or(Err(RunError::Panicked(plan.name))) {
            together.trigger();
            first = first.and(Err(error));
        }
    }
    first
}
