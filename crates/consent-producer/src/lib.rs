//! The Consent Management API and the customer's way to her institution and back.
//!
//! Guarantees:
//! * A consent comes about by the API or by an event, under the same rules; either way it is told of in the same
//!   transaction, and nothing is fetched before the customer approved it.
//! * A callback is believed once, within ten minutes, in the browser that set out, for the consent it set out for, and
//!   from the institution it was sent to. Tokens are stored before anything else is done with them.
//! * Denial, failure and expiry are recorded with a reason. From the answer to a revocation on nothing of the consent is
//!   readable; the institution is told behind that, and how that went is recorded.
//! * A caller sees and ends the consents of its own tenant only. Every error is RFC 9457 problem+json, or, to a customer,
//!   a page with a code.
//!
//! It contains no SQL, fetches no data of a customer, and erases none.
#![warn(missing_docs)]

mod api;
mod authorise;
mod config;
mod intake;
mod link;
mod metrics;
mod relay;
mod revocation;
mod sweeper;
#[cfg(test)]
mod tests;
mod validate;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use events::{EventId, Topic, topics};
use institutions::Institutions;
use service::{Clock, Health, Shutdown, Tasks};
use stage_runner::outbox::{RelaySpec, run_relay};
use stage_runner::{Kafka, RunError, SinkSpec, WorkSpec, run_sink, run_work};
use store::Store;
use tokio::net::TcpListener;

pub use api::{Api, document, router};
pub use config::{ConfigFault, ConsentConfig, Limits};

use intake::Intake;
use relay::StoreOutbox;
use revocation::{Patience, Revocations};
use sweeper::Sweeper;

/// The actor of everything that a bank's systems ask for.
const BANK: &str = "bank";

/// The epoch of a new consent.
const FIRST_EPOCH: i64 = 1;

/// What the role works with.
#[derive(Clone)]
pub struct Deps {
    /// Consents, authorisations, tokens.
    pub store: Store,
    /// Topics.
    pub kafka: Kafka,
    /// Where consents are approved.
    pub institutions: Institutions,
    /// The time.
    pub clock: Clock,
    /// Where the role reports.
    pub health: Health,
}

/// How often the store is asked for a sign of life, and by when it must have been.
const HEARTBEAT: Duration = Duration::from_secs(2);
const HEARTBEAT_DEADLINE: Duration = Duration::from_secs(60);

/// How long requests that are under way may take to end at shutdown.
const DRAIN: Duration = Duration::from_secs(9);

/// How soon an idle relay looks again.
const RELAY_POLL: Duration = Duration::from_millis(20);

/// Revocations at institutions under way at once.
const REVOCATIONS: usize = 16;

const EVENTS: &[&Topic] = &[&topics::CONSENT_EVENTS];

/// Serves, on `listener` if one is given, and does the role's other work until shutdown. Any number of processes may
/// run at once.
///
/// # Errors
/// When the configuration cannot be used or the address not be listened on; later, the first of its tasks that fails,
/// after the others have ended.
pub async fn run(
    config: ConsentConfig,
    deps: Deps,
    listener: Option<TcpListener>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let listener = match listener {
        Some(listener) => listener,
        None => TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("the consent API cannot listen on {}", config.listen))?,
    };
    let api = api(&config, &deps)?;
    let routes = router(api.clone());
    work(deps, serve(listener, routes, api, shutdown.clone()), shutdown).await
}

/// The same on one address with `others`, which answer whatever is not this role's.
///
/// # Errors
/// As [`run`].
pub async fn run_with(
    config: ConsentConfig,
    deps: Deps,
    listener: TcpListener,
    others: Router,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let api = api(&config, &deps)?;
    let routes = router(api.clone()).fallback_service(others);
    work(deps, serve(listener, routes, api, shutdown.clone()), shutdown).await
}

fn api(config: &ConsentConfig, deps: &Deps) -> Result<Api, ConfigFault> {
    Api::new(config, deps.store.clone(), deps.institutions.clone(), deps.clock.clone())
}

/// Everything the role does, until shutdown.
async fn work(
    deps: Deps,
    served: impl Future<Output = std::io::Result<()>> + Send + 'static,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let Deps { store, kafka, institutions, clock, health } = deps;
    let mut tasks = Tasks::new(shutdown.clone());
    tasks.run("consent-api", served);
    tasks.run("consent-heartbeat", watch(store.clone(), health.clone(), shutdown.clone()));

    let sweeper = Sweeper { store: store.clone(), clock: clock.clone() };
    let component = health.component("consent-sweeper", sweeper::PATIENCE);
    tasks.run("consent-sweeper", sweeper.run(component, shutdown.clone()));

    let intake = Intake { store: store.clone(), institutions: institutions.clone(), clock: clock.clone() };
    tasks.run("consent-intake", take_in(kafka.clone(), intake, shutdown.clone()));

    let patience = Patience::default();
    let revocations = Revocations { store: store.clone(), institutions, clock: clock.clone(), patience };
    tasks.run("consent-revocations", revoke(kafka.clone(), revocations, shutdown.clone()));

    tasks.run("outbox-relay", relay(kafka, StoreOutbox { store, clock }, shutdown));
    tasks.join().await?;
    Ok(())
}

/// Serves until shutdown, then lets what is under way end.
async fn serve(listener: TcpListener, routes: Router, api: Api, shutdown: Shutdown) -> std::io::Result<()> {
    let stop = shutdown.clone();
    let served = axum::serve(listener, routes)
        .with_graceful_shutdown(async move { stop.triggered().await })
        .into_future();
    let too_late = async {
        shutdown.triggered().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        ended = async { served.await?; api.background.close(); api.background.wait().await; Ok(()) } => ended,
        () = too_late => {
            tracing::warn!("requests under way were cut off by the shutdown");
            Ok(())
        }
    }
}

/// Ready while the store answers.
async fn watch(store: Store, health: Health, shutdown: Shutdown) -> Result<(), RunError> {
    let component = health.component("consent-api", HEARTBEAT_DEADLINE);
    while !shutdown.is_triggered() {
        component.ready(store.ping().await.is_ok());
        tokio::select! {
            () = tokio::time::sleep(HEARTBEAT) => (),
            () = shutdown.triggered() => (),
        }
    }
    component.ended();
    Ok(())
}

/// What bank systems publish has its effect.
async fn take_in(kafka: Kafka, intake: Intake, shutdown: Shutdown) -> Result<(), RunError> {
    let spec = SinkSpec { name: "consent-intake", inputs: EVENTS, workers: 1, max_batch: 500 };
    run_sink(&kafka, spec, Arc::new(intake), shutdown).await
}

/// Institutions are told of revocations.
async fn revoke(kafka: Kafka, revocations: Revocations, shutdown: Shutdown) -> Result<(), RunError> {
    let spec =
        WorkSpec { name: "consent-revocations", inputs: EVENTS, outputs: &[], concurrency: REVOCATIONS };
    run_work(&kafka, spec, Arc::new(revocations), shutdown).await
}

/// Consent events go to their topic.
async fn relay(kafka: Kafka, source: StoreOutbox, shutdown: Shutdown) -> Result<(), RunError> {
    let holder = format!("consent-producer-{}", EventId::new(source.clock.now()));
    let spec = RelaySpec { holder, idle_poll: RELAY_POLL };
    run_relay(&kafka, source, spec, shutdown).await
}
