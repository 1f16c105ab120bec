//! Brings every institution's answers into one structure and gives every transaction its one identity.
//!
//! Guarantees:
//! * The same window gives the same records with the same ids, however often it is processed, however its rows are
//!   spread over pages, and whatever overlaps it.
//! * A transaction keeps its id from pending to booked, also when its day or the bank's id moves; equal rows of one day
//!   stay as many as they are.
//! * Money is exact, dates are the bank's own text, and what cannot be understood is rejected with a code: a row alone,
//!   or the window when it cannot be read whole. Nothing is guessed and nothing is left out in silence.
//!
//! It never calls a bank, and writes nothing to the store but the closing of a window that holds no record.
#![warn(missing_docs)]

mod dates;
pub mod identity;
pub mod payload;
pub mod records;
pub mod row;
mod stage;
mod text;
pub mod uk;
use std::sync::Arc;

use events::topics;
use serde::Deserialize;
use service::{Clock, Health, Shutdown};
use stage_runner::{Kafka, StageSpec};
use store::Store;

pub use stage::Normalizer;

/// How the role runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NormalizerConfig {
    /// Worker threads of this process; more than there are partitions are idle.
    pub workers: usize,
}

impl Default for NormalizerConfig {
    fn default() -> Self {
        Self { workers: 1 }
    }
}

/// What the role works with.
pub struct Deps {
    /// Landed rows and data keys.
    pub store: Store,
    /// Topics.
    pub kafka: Kafka,
    /// The time.
    pub clock: Clock,
    /// Where the role reports that it lives.
    pub health: Health,
}

/// Normalises until shutdown.
///
/// # Errors
/// When the broker refuses, or too many windows in a row are rejected.
pub async fn run(config: NormalizerConfig, deps: Deps, shutdown: Shutdown) -> anyhow::Result<()> {
    let spec = StageSpec {
        name: "normalizer",
        inputs: const { &[&topics::RAW_WINDOWS] },
        outputs: const { &[&topics::TRANSACTIONS_NORMALIZED, &topics::ACCOUNTS, &topics::BALANCES] },
        workers: config.workers,
    };
    let stage = Arc::new(Normalizer::new(deps.store, deps.clock));
    stage_runner::run_stage(&deps.kafka, spec, stage, shutdown).await?;
    Ok(())
}
