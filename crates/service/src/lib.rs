//! What every process wears: configuration, telemetry, health, the clock, tasks and shutdown, and the shape of HTTP
//! errors and bearer tokens.
//!
//! Guarantees: bad configuration is refused at start and names key and line; a task that fails ends the process; time
//! is read in one place; an error answer is RFC 9457 problem+json. This crate knows no word of the business.

mod clock;
pub mod config;
pub mod health;
pub mod http;
pub mod ops;
mod shutdown;
mod tasks;
pub mod telemetry;

pub use clock::Clock;
pub use config::Secret;
pub use health::Health;
pub use shutdown::Shutdown;
pub use tasks::{TaskError, Tasks};
