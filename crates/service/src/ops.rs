//! The operators' endpoint: `/livez`, `/readyz`, `/metrics`.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Deserialize;

use crate::telemetry::{Telemetry, TelemetryConfig};
use crate::{Health, Shutdown};

/// How operators see a process.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpsConfig {
    /// Where `/livez`, `/readyz` and `/metrics` are served; never where customers can reach it.
    pub listen: SocketAddr,
    /// Logs and traces.
    pub telemetry: TelemetryConfig,
}

impl Default for OpsConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 9464)), telemetry: TelemetryConfig::default() }
    }
}

/// Serves until shutdown on an address that is already bound.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: tokio::net::TcpListener,
    health: Health,
    telemetry: Option<Telemetry>,
    shutdown: Shutdown,
) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/livez", get(async |State(ops): State<Ops>| verdict(&ops.health.dead(), "not alive")))
        .route("/readyz", get(async |State(ops): State<Ops>| verdict(&ops.health.waiting(), "not ready")))
        .route(
            "/metrics",
            get(async |State(ops): State<Ops>| ops.telemetry.map(|t| t.metrics()).unwrap_or_default()),
        )
        .with_state(Ops { health, telemetry });
    axum::serve(listener, routes).with_graceful_shutdown(async move { shutdown.triggered().await }).await
}

#[derive(Clone)]
struct Ops {
    health: Health,
    telemetry: Option<Telemetry>,
}

fn verdict(failing: &[String], what: &str) -> (StatusCode, String) {
    if failing.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{what}: {}\n", failing.join(", ")))
    }
}
