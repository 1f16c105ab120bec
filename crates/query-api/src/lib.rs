//! What consuming services may ask: a customer's transactions and accounts, with where every answer comes from.
//!
//! Guarantees:
//! * A caller sees the data of the tenant its token stands for and of the user it names, and only under consents that
//!   are readable at that moment; a user nobody knows has an empty list, so that nothing can be probed.
//! * Amounts are exact decimal text with their currency; dates are the bank's own.
//! * A page begins where the one before ended, whatever lands meanwhile.
//! * Every error is RFC 9457 problem+json that says which field is wrong and how.
//!
//! It never writes, never asks a bank and does not link a Kafka client.
#![warn(missing_docs)]

mod accounts;
mod api;
mod cursor;
mod fields;
#[cfg(test)]
mod tests;
mod transactions;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;
use service::http::Tokens;
use service::http::auth::TokenConfig;
use service::{Clock, Health, Shutdown};
use store::Store;
use tokio::net::TcpListener;

pub use api::{document, router};

/// How the role runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryConfig {
    /// Where the API is served; put a TLS-terminating proxy in front of anything but the local machine.
    #[serde(default = "local")]
    pub listen: SocketAddr,
    /// Who may ask.
    pub tokens: Vec<TokenConfig>,
}

fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8081))
}

/// What the role works with.
pub struct Deps {
    /// What has landed.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Where the role reports that it lives.
    pub health: Health,
}

/// How often the store is asked for a sign of life, and by when it must have been.
const HEARTBEAT: Duration = Duration::from_secs(2);
const HEARTBEAT_DEADLINE: Duration = Duration::from_secs(60);

/// Serves until shutdown, on `listener` if one is given.
///
/// # Errors
/// When a token cannot be used or the address cannot be listened on.
pub async fn run(
    config: QueryConfig,
    deps: Deps,
    listener: Option<TcpListener>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let tokens = Tokens::read(&config.tokens)?;
    let listener = match listener {
        Some(listener) => listener,
        None => TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("the query API cannot listen on {}", config.listen))?,
    };
    let routes = api::service(deps.store.clone(), tokens, deps.clock);
    let ended = shutdown.clone();
    let served = axum::serve(listener, routes)
        .with_graceful_shutdown(async move { ended.triggered().await })
        .into_future();
    let (served, ()) = tokio::join!(served, watch(&deps.store, &deps.health, &shutdown));
    served.context("the query API's listener failed")
}

/// Ready while the store answers.
async fn watch(store: &Store, health: &Health, shutdown: &Shutdown) {
    let component = health.component("query-api", HEARTBEAT_DEADLINE);
    while !shutdown.is_triggered() {
        component.ready(store.ping().await.is_ok());
        tokio::select! {
            () = tokio::time::sleep(HEARTBEAT) => (),
            () = shutdown.triggered() => (),
        }
    }
    component.ended();
}
