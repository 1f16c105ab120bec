//! From consents and schedules to jobs, from jobs to banks, from banks to raw windows.
//!
//! Guarantees:
//! * Nothing is fetched without a readable consent of the job's epoch, outside its baskets or before its first day.
//! * A window is published only when every one of its pages was read; the same job gives its windows the same ids
//!   however often it runs, so repeats are harmless.
//! * A rotated refresh token is stored before anything else is done, and refreshed by one worker at a time.
//! * A job that has to wait is given back to the ledger with a time and a reason and acknowledged; nothing waits in a
//!   topic, and a slow institution does not hold up the others.
//!
//! This crate contains no SQL and never looks into a transaction.

mod config;
mod consents;
mod metrics;
mod planner;
mod relay;
mod work;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use events::{EventId, Topic, topics};
use institutions::Institutions;
use service::{Clock, Health, Shutdown, Tasks};
use stage_runner::outbox::{RelaySpec, run_relay};
use stage_runner::{Kafka, RunError, SinkSpec, WorkSpec, run_sink, run_work};
use store::Store;
use tokio::sync::Notify;

pub use config::{Concurrency, FetchConfig};

use consents::Consents;
use planner::Planner;
use relay::StoreOutbox;
use work::Worker;

/// What the role works with.
#[derive(Clone)]
pub struct Deps {
    /// Ledger, tokens, accounts.
    pub store: Store,
    /// Topics.
    pub kafka: Kafka,
    /// The banks.
    pub institutions: Institutions,
    /// The time.
    pub clock: Clock,
    /// Where the role reports.
    pub health: Health,
}

/// Plans and fetches until shutdown. Any number of processes may run at once.
///
/// # Errors
/// The first of its tasks that fails; the others are ended.
pub async fn run(config: FetchConfig, deps: Deps, shutdown: Shutdown) -> anyhow::Result<()> {
    let mut tasks = Tasks::new(shutdown.clone());
    let (store, clock) = (deps.store.clone(), deps.clock.clone());

    let wake = Arc::new(Notify::new());
    let sink = Consents {
        store: store.clone(),
        clock: clock.clone(),
        landing: config.landing(),
        wake: Arc::clone(&wake),
    };
    tasks.run("fetch-planner", plan_first_fetches(deps.kafka.clone(), sink, shutdown.clone()));

    let component = deps.health.component("planner", planner::PATIENCE);
    let planner = Planner { store: store.clone(), clock: clock.clone(), config: config.clone(), wake };
    tasks.run("planner", planner.run(component, shutdown.clone()));

    let outbox = StoreOutbox { store: store.clone(), clock: clock.clone() };
    tasks.run("outbox-relay", relay(deps.kafka.clone(), outbox, shutdown.clone()));

    let institutions = deps.institutions.clone();
    let worker = Arc::new(Worker { store, institutions, clock, max_attempts: config.max_attempts });
    let Concurrency { first, attended, batch } = config.concurrency;
    for spec in [
        spec("fetch-first", FIRST, first),
        spec("fetch-attended", ATTENDED, attended),
        spec("fetch-batch", BATCH, batch),
    ] {
        let (kafka, worker, shutdown) = (deps.kafka.clone(), Arc::clone(&worker), shutdown.clone());
        tasks.run(spec.name, async move { run_work(&kafka, spec, worker, shutdown).await });
    }
    tasks.join().await?;
    Ok(())
}

/// Consent events become jobs.
async fn plan_first_fetches(kafka: Kafka, sink: Consents, shutdown: Shutdown) -> Result<(), RunError> {
    let spec = SinkSpec { name: "fetch-planner", inputs: CONSENTS, workers: 1, max_batch: 500 };
    run_sink(&kafka, spec, Arc::new(sink), shutdown).await
}

/// Jobs that the planner issued go to their topics.
async fn relay(kafka: Kafka, source: StoreOutbox, shutdown: Shutdown) -> Result<(), RunError> {
    let holder = format!("fetch-workers-{}", EventId::new(source.clock.now()));
    let spec = RelaySpec { holder, idle_poll: RELAY_POLL };
    run_relay(&kafka, source, spec, shutdown).await
}

fn spec(name: &'static str, inputs: &'static [&'static Topic], concurrency: NonZeroUsize) -> WorkSpec {
    WorkSpec { name, inputs, outputs: OUTPUTS, concurrency: concurrency.get() }
}

const CONSENTS: &[&Topic] = &[&topics::CONSENT_EVENTS];
const FIRST: &[&Topic] = &[&topics::FETCH_JOBS_FIRST];
const ATTENDED: &[&Topic] = &[&topics::FETCH_JOBS_ATTENDED];
const BATCH: &[&Topic] = &[&topics::FETCH_JOBS_BATCH];

/// What fetching writes to.
const OUTPUTS: &[&Topic] = &[&topics::RAW_WINDOWS, &topics::FETCH_OUTCOMES];

/// How soon an idle relay looks again.
const RELAY_POLL: Duration = Duration::from_millis(20);
