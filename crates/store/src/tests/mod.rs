//! What the store promises, on the embedded database or on the server that `TEST_DATABASE_URL` names.

mod consents;
#[cfg(feature = "embedded")]
mod embedded;
mod erasure;
mod jobs;
mod landing;
mod outbox;
mod queries;
mod secrets;
mod world;
