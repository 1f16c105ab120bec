//! What is true on the wire: topics, keys, Avro records, typed ids, money and baskets.
//!
//! Guarantees: every record type has one schema under `schemas/`, agrees with it (a test compares them), and is
//! encoded and decoded by serde straight to and from bytes. No key holds a name, an account number or free text.
//! This crate never does I/O.
#![warn(missing_docs)]

pub mod avro;
mod baskets;
mod ids;
mod money;
mod outbound;
pub mod pages;
mod partition;
mod records;
pub mod topics;

pub use baskets::{Basket, Baskets, UnknownBasket};
pub use ids::{
    AccountKey, ConsentId, EventId, InstitutionId, InvalidId, JobId, TenantId, TransactionId, UserId,
    WindowId,
};
pub use money::{Currency, Money, MoneyError};
pub use outbound::Outbound;
pub use partition::partition_of;
pub use records::{
    Account, AccountStatus, AccountType, Balance, BalanceKind, BalanceSnapshot, Consent, ConsentEvent,
    ConsentEventType, Counterparty, EnrichedTransaction, Enrichment, Evidence, FetchJob, FetchOutcome,
    FetchReason, Flags, ForeignExchange, HolderKind, Merchant, NormalizedTransaction, OutcomeKind,
    Provenance, PsuPresence, RawKind, RawWindow, Record, TransactionStatus,
};
pub use topics::Topic;
