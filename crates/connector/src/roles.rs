//! Each role as a process of its own: configuration, telemetry, the operators' endpoint, then the role's `run`.

use std::future::Future;
use std::path::Path;

use anyhow::Context;
use institutions::Institutions;
use serde::de::DeserializeOwned;
use service::ops::{self, OpsConfig};
use service::telemetry::Telemetry;
use service::{Clock, Health, Shutdown, Tasks, config};
use stage_runner::Kafka;
use tokio::net::TcpListener;

use crate::config::RoleConfig;

/// What every role is given by its process.
pub(crate) struct Process {
    pub(crate) clock: Clock,
    pub(crate) health: Health,
    pub(crate) shutdown: Shutdown,
}

/// Runs `role` beside the operators' endpoint until a signal or a failure.
pub(crate) async fn process<F, Fut>(name: &'static str, config: &OpsConfig, role: F) -> anyhow::Result<()>
where
    F: FnOnce(Process) -> Fut,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let telemetry = Telemetry::start(&config.telemetry, name)?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("the operators' endpoint cannot listen on {}", config.listen))?;
    let (health, shutdown) = (Health::new(), Shutdown::new());
    let mut tasks = Tasks::new(shutdown.clone());
    tasks.run("ops", ops::serve(listener, health.clone(), Some(telemetry.clone()), shutdown.clone()));
    let role = role(Process { clock: Clock::system(), health, shutdown: shutdown.clone() });
    let ended = shutdown.clone();
    tasks.run(name, async move {
        let result = role.await;
        ended.trigger();
        result
    });
    tracing::info!(role = name, ops = %config.listen, "started");
    let result = tokio::select! {
        result = tasks.join() => result.map_err(Into::into),
        failed = shutdown.on_signals() => failed.context("cannot listen to signals"),
    };
    tracing::info!(role = name, "ended");
    telemetry.stop();
    result
}

fn read<R: DeserializeOwned>(path: &Path) -> anyhow::Result<RoleConfig<R>> {
    Ok(config::load(path)?)
}

async fn connect<R>(config: &RoleConfig<R>, process: &Process) -> anyhow::Result<Kafka> {
    Kafka::connect(config.kafka()?, &process.health).await.context("the broker cannot be used")
}

fn institutions<R>(config: &RoleConfig<R>) -> anyhow::Result<Institutions> {
    let dir = config.institutions.as_ref().context("the configuration names no directory of institutions")?;
    Ok(Institutions::load(dir)?)
}

pub(crate) async fn consent_producer(path: &Path) -> anyhow::Result<()> {
    let config = read::<consent_producer::ConsentConfig>(path)?;
    let ops = config.ops.clone();
    process("consent-producer", &ops, async move |process| {
        let deps = consent_producer::Deps {
            store: config.store().await?,
            kafka: connect(&config, &process).await?,
            institutions: institutions(&config)?,
            clock: process.clock,
            health: process.health,
        };
        consent_producer::run(config.role, deps, None, process.shutdown).await
    })
    .await
}

pub(crate) async fn fetch_workers(path: &Path) -> anyhow::Result<()> {
    let config = read::<fetch_workers::FetchConfig>(path)?;
    let ops = config.ops.clone();
    process("fetch-workers", &ops, async move |process| {
        let deps = fetch_workers::Deps {
            store: config.store().await?,
            kafka: connect(&config, &process).await?,
            institutions: institutions(&config)?,
            clock: process.clock,
            health: process.health,
        };
        fetch_workers::run(config.role, deps, process.shutdown).await
    })
    .await
}

pub(crate) async fn normalizer(path: &Path) -> anyhow::Result<()> {
    let config = read::<normalizer::NormalizerConfig>(path)?;
    let ops = config.ops.clone();
    process("normalizer", &ops, async move |process| {
        let deps = normalizer::Deps {
            store: config.store().await?,
            kafka: connect(&config, &process).await?,
            clock: process.clock,
            health: process.health,
        };
        normalizer::run(config.role, deps, process.shutdown).await
    })
    .await
}

pub(crate) async fn categorizer(path: &Path) -> anyhow::Result<()> {
    let config = read::<categorizer::CategorizerConfig>(path)?;
    let ops = config.ops.clone();
    process("categorizer", &ops, async move |process| {
        let deps = categorizer::Deps { kafka: connect(&config, &process).await?, health: process.health };
        categorizer::run(config.role, deps, process.shutdown).await
    })
    .await
}

pub(crate) async fn lander(path: &Path) -> anyhow::Result<()> {
    let config = read::<lander::LanderConfig>(path)?;
    let ops = config.ops.clone();
    process("lander", &ops, async move |process| {
        let deps = lander::Deps {
            store: config.store().await?,
            kafka: connect(&config, &process).await?,
            clock: process.clock,
            health: process.health,
        };
        lander::run(config.role, deps, process.shutdown).await
    })
    .await
}

pub(crate) async fn query_api(path: &Path) -> anyhow::Result<()> {
    let config = read::<query_api::QueryConfig>(path)?;
    let ops = config.ops.clone();
    process("query-api", &ops, async move |process| {
        let deps =
            query_api::Deps { store: config.store().await?, clock: process.clock, health: process.health };
        query_api::run(config.role, deps, None, process.shutdown).await
    })
    .await
}
