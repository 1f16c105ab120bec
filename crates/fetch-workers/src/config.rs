//! What can be set.

use std::num::{NonZeroU16, NonZeroUsize};

use jiff::SignedDuration;
use serde::Deserialize;

/// How much is fetched at once, and how long a job may take.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FetchConfig {
    /// Jobs under way at once, by topic.
    pub concurrency: Concurrency,
    /// No job is issued while more windows than this have been planned and not landed; 2,000. It bounds what the
    /// topics hold, whatever the broker would take.
    pub max_open_windows: i64,
    /// Jobs issued at once; 100.
    pub issue_batch: NonZeroU16,
    /// Seconds from being due to having landed, after which a job is issued again; 600.
    pub landing_seconds: NonZeroU16,
    /// How often a job is issued before it is given up: because it never lands, or because the institution's answers
    /// cannot be used; 5. Waiting for an institution that is away or limits requests is not bounded by it.
    pub max_attempts: i32,
}

/// Jobs under way at once in one process, by topic.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Concurrency {
    /// First fetches; 16.
    pub first: NonZeroUsize,
    /// Fetches a customer waits for; 16.
    pub attended: NonZeroUsize,
    /// Fetches of the schedule; 16.
    pub batch: NonZeroUsize,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            concurrency: Concurrency::default(),
            max_open_windows: 2_000,
            issue_batch: NonZeroU16::MIN.saturating_add(99),
            landing_seconds: NonZeroU16::MIN.saturating_add(599),
            max_attempts: 5,
        }
    }
}

impl Default for Concurrency {
    fn default() -> Self {
        let sixteen = NonZeroUsize::MIN.saturating_add(15);
        Self { first: sixteen, attended: sixteen, batch: sixteen }
    }
}

impl FetchConfig {
    /// From being due to having landed.
    pub(crate) fn landing(&self) -> SignedDuration {
        SignedDuration::from_secs(self.landing_seconds.get().into())
    }
}
