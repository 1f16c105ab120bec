//! The end-to-end suite and what holds for the whole repository.
//!
//! `CONNECTOR_E2E=embedded` (the default) runs the suite on `connector dev`; `CONNECTOR_E2E=real` runs every role as a
//! process of its own on the services named by `KAFKA_BOOTSTRAP_SERVERS` and `DATABASE_URL` (`tests/services up`).
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what is not as it must be ends the test"
)]

mod architecture;
mod bad_input;
mod bank_systems;
mod crashes;
mod demo;
mod endings;
mod faults;
mod landing;
mod operators;
