//! Stand-ins for what others run: a bank, a schema registry and a broker, all in this process.
//!
//! Guarantees: the bank answers as UK Open Banking 4.0 asks, checked against the official description; the same seed
//! and day give the same customers; the registry refuses what a Confluent-compatible one refuses. They are for
//! development and tests and hold nobody's data: nothing in production may depend on this crate, and it never reads
//! the time itself.

pub mod bank;
pub mod broker;
pub mod data;
mod persist;
pub mod registry;
mod serve;
mod wire;

use std::sync::Arc;

use jiff::Timestamp;

pub use persist::FileError;
pub use serve::ServeError;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
