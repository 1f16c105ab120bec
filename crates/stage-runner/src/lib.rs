//! Consume, process, produce; consume, work, produce; consume, land; and the outbox relay: the delivery guarantees of
//! every stage are made here and nowhere else.
//!
//! Guarantees:
//! * A record is emitted, dropped under a counted reason, or rejected to the dead letters; there is no fourth way.
//! * Topic to topic: outputs and input offsets are committed in one Kafka transaction ([`Delivery::ExactlyOnce`]), or
//!   outputs are delivered before offsets are committed ([`Delivery::AtLeastOnce`]).
//! * Topic to store: the sink keeps the positions beside the rows; a worker begins where the store says, and what the
//!   store has already is not handed over again.
//! * Store to topic: outbox rows are published in order and deleted only after delivery.
//! * A fault of the world commits nothing: the batch is done again after a pause that grows, with jitter. Meanwhile
//!   the member keeps its place in the group.
//! * Too many rejections in a row stop the worker before they reach the dead letters.
//! * A missing topic, partition or schema is an error at start and not silence later.
//!
//! Only this crate links librdkafka into a role, begins a transaction, commits an offset or pauses a partition. It
//! knows no word of the business and never looks into a record.
#![warn(missing_docs)]

pub mod admin;
mod config;
mod error;
mod kafka;
mod metrics;
pub mod outbox;
mod record;
mod sink;
mod stage;
#[cfg(test)]
mod tests;
mod work;
mod worker;

pub use config::{Delivery, GroupProtocol, KafkaConfig};
pub use error::{Fault, RunError};
pub use kafka::Kafka;
pub use record::{Inbound, Position, Rejection, Trace, Verdict};
pub use sink::{Progress, Sink, SinkSpec, run_sink};
pub use stage::{Stage, StageSpec, run_stage};
pub use work::{Done, Emitter, Work, WorkSpec, run_work};
