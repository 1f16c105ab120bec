//! Misbehaviour on demand: what tests switch on for the next requests.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

use super::App;
use super::problem::Problem;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// 200 with the first half of the body.
    TruncatedBody,
    /// 503.
    #[serde(rename = "status_503")]
    Status503,
    /// 429 with `Retry-After`.
    TooManyRequests,
    /// The page's first row is in a currency that does not exist.
    UnknownCurrency,
    /// The next page is said to be at another host.
    NextToOtherHost,
    /// The next page is said to be this one.
    NextCycle,
    /// The answer waits.
    Slow,
    /// A page other than the first begins with the last row of the page before.
    DuplicateRowOnTwoPages,
    /// The token endpoint fails before it does anything.
    #[serde(rename = "token_endpoint_500")]
    TokenEndpoint500,
    /// The token endpoint does its work, then fails to say so.
    TokenAnswerLost,
}

/// Where it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Endpoint {
    Accounts,
    Balances,
    Transactions,
    Token,
}

/// A fault and how often it is still to happen.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    times: u32,
    /// Only for this user; for everybody if nothing.
    customer: Option<String>,
    /// Only here; wherever the kind can happen if nothing.
    endpoint: Option<Endpoint>,
    /// Seconds, for 429.
    #[serde(default = "a_second")]
    retry_after: u64,
    /// How long a slow answer waits.
    #[serde(default = "a_thousand")]
    millis: u64,
}

fn a_second() -> u64 {
    1
}

fn a_thousand() -> u64 {
    1000
}

/// What is still to go wrong.
#[derive(Default)]
pub(super) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// The oldest fault that fits this request; it counts as having happened.
    pub(super) fn take(&self, endpoint: Endpoint, customer: Option<&str>, page: usize) -> Option<Fault> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults.iter_mut().find(|fault| fault.fits(endpoint, customer, page))?;
        fault.times -= 1;
        let taken = fault.clone();
        faults.retain(|fault| fault.times > 0);
        Some(taken)
    }
}

impl Fault {
    fn fits(&self, endpoint: Endpoint, customer: Option<&str>, page: usize) -> bool {
        self.times > 0
            && self.endpoint.is_none_or(|only| only == endpoint)
            && self.customer.as_deref().is_none_or(|only| Some(only) == customer)
            && match self.kind {
                Kind::TokenEndpoint500 | Kind::TokenAnswerLost => endpoint == Endpoint::Token,
                Kind::UnknownCurrency | Kind::NextToOtherHost | Kind::NextCycle => {
                    endpoint == Endpoint::Transactions
                }
                Kind::DuplicateRowOnTwoPages => endpoint == Endpoint::Transactions && page > 1,
                Kind::TruncatedBody | Kind::Status503 | Kind::TooManyRequests | Kind::Slow => {
                    endpoint != Endpoint::Token
                }
            }
    }

    /// Refuses or delays the request, if that is what the fault does.
    pub(super) async fn strike(&self) -> Result<(), Problem> {
        match self.kind {
            Kind::Status503 => Err(Problem::Unavailable),
            Kind::TooManyRequests => Err(Problem::TooMany(self.retry_after)),
            Kind::Slow => {
                tokio::time::sleep(Duration::from_millis(self.millis)).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn routes() -> Router<App> {
    Router::new().route("/_sandbox/faults", post(add).delete(clear))
}

async fn add(State(app): State<App>, Json(fault): Json<Fault>) -> StatusCode {
    app.faults.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    StatusCode::NO_CONTENT
}

async fn clear(State(app): State<App>) -> StatusCode {
    app.faults.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    StatusCode::NO_CONTENT
}
