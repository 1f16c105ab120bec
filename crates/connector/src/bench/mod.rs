//! `connector bench`: every stage against references measured in the same run, on a real broker and database.
//!
//! The unit is CPU time per record, because it repeats; wall-clock rates depend on what else the machine does. Each
//! role runs as the process it is in production and is read from `/proc`, so broker, database and load generator are
//! not counted as workers.

mod cpu;
mod forwarder;
mod latency;
mod load;
mod pages;
mod pipeline;
mod producer;
mod report;
mod set_up;

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use url::Url;

use crate::output::say;

/// What to measure on.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// The broker's bootstrap servers
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS")]
    pub kafka: String,
    /// An empty database on a PostgreSQL server; left as the measurement leaves it
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database: String,
    /// A schema registry; without one the built-in one is used
    #[arg(long)]
    pub registry: Option<Url>,
    /// How many records go through the pipeline
    #[arg(long, default_value_t = 200_000)]
    pub records: usize,
    /// UK Open Banking 4.0 pages instead of generated ones, a line each: `{"account", "user", "page"}`
    #[arg(long)]
    pub pages: Option<PathBuf>,
    /// Records a second while latency is measured
    #[arg(long, default_value_t = 500)]
    pub rate: usize,
    /// Seconds that latency is measured
    #[arg(long, default_value_t = 20)]
    pub seconds: usize,
    /// Where the report goes as Markdown, besides the terminal
    #[arg(long)]
    pub output: Option<PathBuf>,
}

/// Measures and reports.
///
/// # Errors
/// When a service cannot be reached, a role fails, or not every record lands.
pub async fn run(args: BenchArgs) -> anyhow::Result<()> {
    let site = set_up::Site::prepare(&args).await?;
    say("1/5 raw forwarder: topic to topic, nothing in between");
    let forwarder = forwarder::measure(&site, args.records).await.context("the forwarder")?;
    say("2/5 pipeline: page to landed row");
    let load = load::Load::build(&site, pages::read(&args)?, args.records).await.context("the load")?;
    let fresh = pipeline::measure(&site, &load, pipeline::Pass::Fresh).await.context("the pipeline")?;
    say("3/5 replay: the same pages again");
    let replay = pipeline::measure(&site, &load, pipeline::Pass::Replay).await.context("the replay")?;
    say("4/5 COPY of the same rows into the same table");
    let copy = pipeline::copy(&site).await.context("the copy")?;
    say("5/5 latency: page produced to row readable");
    let latency = latency::measure(&site, &load, args.rate, args.seconds).await.context("the latency")?;
    let report = report::Report { args: &args, forwarder, fresh, replay, copy, latency };
    say(&report.to_string());
    if let Some(file) = &args.output {
        std::fs::write(file, report.to_string())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
