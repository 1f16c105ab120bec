//! The testkit of the end-to-end suite: a whole system as its users run it.
//!
//! Guarantees:
//! * A [`testkit::System`] is made of the processes that a user would start, driven from outside only: HTTP, Kafka and
//!   signals. What a test sees is what a bank would see.
//! * Every system has its own topics, groups, database and sandbox bank; nothing is left behind.
//! * What is awaited has a deadline, and whoever misses it is told the state of the system and the ends of its logs.
//!
//! It never mocks a part, never sleeps for a fixed time as synchronisation and never skips: a service that is missing is
//! a failure with instructions.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests: where something is not as it must be, the test ends there and says so"
)]

pub mod testkit;
