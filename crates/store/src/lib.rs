//! What is true at rest: the schema and every SQL statement of the connector, one module per aggregate, one dialect.
//!
//! Guarantees:
//! * A fact and the event that tells of it are written in one transaction (outbox).
//! * From the commit that ends a consent on, none of its rows is readable, and none lands: reads and landing check
//!   status, epoch and expiry themselves, whatever the caller believes.
//! * Landing the same records again changes nothing and writes nothing; an older answer never overwrites a newer one;
//!   a batch that begins before the stored position is refused whole.
//! * Every query that serves a person takes the tenant and the user. Tokens and other secrets are sealed with the
//!   consent's own data key, and unreadable once that key is destroyed.
//! * No call holds two connections or runs longer than a fixed time; the clock is the caller's.
//!
//! This crate never speaks Kafka or HTTP, and never decides when something is due.
#![warn(missing_docs)]

mod accounts;
mod authorisations;
mod codes;
mod consents;
#[cfg(feature = "embedded")]
pub mod embedded;
mod erasure;
mod error;
mod jobs;
mod landing;
mod outbox;
mod queries;
mod reference;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(test)]
mod tests;
mod tokens;
mod vault;

pub use accounts::{Accounts, LinkedAccount};
pub use authorisations::{Authorisations, NewAuthorisation, Taken};
pub use consents::{
    ConsentFilter, ConsentRecord, ConsentStatus, Consents, Created, Renewal, Transition, UnknownStatus,
};
pub use erasure::{Erasure, ErasureTask, Step};
pub use error::StoreError;
pub use jobs::{Begin, Enqueued, JobProgress, JobState, Jobs, NewJob, Reissued, WindowPlan};
pub use landing::{Known, Landed, Landing, Progress, Refusal, Refused};
pub use outbox::{Outbox, OutboxRow};
pub use queries::{Queries, StoredAccount, StoredTransaction, TransactionFilter};
pub use reference::Reference;
pub use store::Store;
pub use tokens::{TokenStore, Tokens};
pub use vault::{DataKey, KeyError, MasterKeys, Vault};
