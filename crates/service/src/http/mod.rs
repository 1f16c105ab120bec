//! What every HTTP interface shares: errors as RFC 9457 problem+json and bearer tokens.

pub mod auth;
mod problem;

pub use auth::{Caller, Tokens};
pub use problem::{Actor, FieldError, JsonBody, Problem, QueryParams};
