//! What operators do with topics, schemas, lag and dead letters.

pub mod dead_letters;
mod lag;
mod schemas;
mod topics;

pub use lag::{Lag, lag};
pub use schemas::register_schemas;
pub use topics::{WantedTopic, apply_topics, wanted_topics};
