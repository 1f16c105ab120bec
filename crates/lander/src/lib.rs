//! Puts what the stages made into the store, and takes out of it and out of the topics what ended consents leave.
//!
//! Guarantees:
//! * Records and the positions they were read at land in one transaction: whatever is repeated changes nothing.
//! * What the store refuses, because its consent has ended, is counted and answered with a tombstone.
//! * From the end of a consent until its erasure is complete, that it is still to be done is seen in a metric with its
//!   age; an erasure that was cut off goes on where it was.
//!
//! It never decides a category, and never deletes what another living consent covers.
#![warn(missing_docs)]

mod eraser;
mod metrics;
mod relay;
mod sinks;
#[cfg(test)]
mod tests;

use events::{Account, BalanceSnapshot, EnrichedTransaction, Topic, topics};
use serde::Deserialize;
use service::{Clock, Health, Shutdown, Tasks};
use stage_runner::{Kafka, SinkSpec};
use store::Store;

pub use eraser::Eraser;
pub use relay::OutboxRelay;
pub use sinks::{Batch, LandingSink, Lands};

/// How the role runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LanderConfig {
    /// Worker threads for transactions; more than there are partitions are idle.
    pub workers: usize,
    /// Transactions in one SQL transaction.
    pub max_batch: usize,
}

impl Default for LanderConfig {
    fn default() -> Self {
        Self { workers: 1, max_batch: 5_000 }
    }
}

/// What the role works with.
pub struct Deps {
    /// Where records land.
    pub store: Store,
    /// Topics.
    pub kafka: Kafka,
    /// The time.
    pub clock: Clock,
    /// Where the role reports that it lives.
    pub health: Health,
}

const TRANSACTIONS: &[&Topic] = &[&topics::TRANSACTIONS_ENRICHED];
const ACCOUNTS: &[&Topic] = &[&topics::ACCOUNTS];
const BALANCES: &[&Topic] = &[&topics::BALANCES];

/// Lands and erases until shutdown.
///
/// # Errors
/// The first part that cannot go on ends all.
pub async fn run(config: LanderConfig, deps: Deps, shutdown: Shutdown) -> anyhow::Result<()> {
    let mut tasks = Tasks::new(shutdown.clone());
    let spec = |name, inputs, workers| SinkSpec { name, inputs, workers, max_batch: config.max_batch };
    let transactions = spec("lander-transactions", TRANSACTIONS, config.workers);
    sinks::spawn::<EnrichedTransaction>(&mut tasks, &deps, transactions, &shutdown);
    sinks::spawn::<Account>(&mut tasks, &deps, spec("lander-accounts", ACCOUNTS, 1), &shutdown);
    sinks::spawn::<BalanceSnapshot>(&mut tasks, &deps, spec("lander-balances", BALANCES, 1), &shutdown);

    let Deps { store, kafka, clock, health } = deps;
    let relay = OutboxRelay::new(store.clone(), clock.clone());
    let relaying = shutdown.clone();
    tasks.run("outbox-relay", async move { relay.run(&kafka, relaying).await });
    let component = health.component("eraser", eraser::PATIENCE);
    tasks.run("eraser", Eraser::new(store, clock).run(component, shutdown));
    Ok(tasks.join().await?)
}
