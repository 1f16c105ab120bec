//! One connector per open-banking standard behind one trait, and the institutions as data.
//!
//! Guarantees: no redirect is followed and no proxy of the environment is used; an answer is read up to a cap; a link
//! to a next page stays at the institution and under the resource it belongs to; only reading is repeated in place,
//! never a token or consent request; every error says whether to repeat, wait, sign in again or give up, and neither
//! errors nor `Debug` show a token, a secret or anything about a customer. This crate knows neither store nor Kafka,
//! and of what a bank sends it understands only accounts, links and the number of rows.

mod connector;
mod error;
mod http;
mod oauth;
mod pages;
mod profile;
mod registry;
mod resolver;
mod throttle;
mod uk;

pub use connector::{
    Access, AuthorisationRequest, Connector, ConsentTerms, FetchedAccount, InstitutionConsent, Page,
    RemoteStatus, Tokens,
};
pub use error::{Class, Error};
pub use pages::Walk;
pub use profile::{
    Client, Dialect, History, Limits, Profile, ProfileError, QueryDates, Schedule, SignPolicy, Standard,
};
pub use registry::{Institution, Institutions};
