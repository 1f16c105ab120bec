//! `connector dev`: every role in one process.
//!
//! They stand on an embedded PostgreSQL, an in-memory broker, a registry and a sandbox bank. For evaluation: the broker
//! forgets at a restart what the job ledger then fetches again.

mod browser;
mod client;
mod demo;
mod secrets;
mod system;

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use service::{Clock, Shutdown};
use url::Url;

use system::System;

pub use browser::{Browser, Page};
pub use client::{ApiClient, ConsentView, Decision, Login, authorise};

use crate::cli::DevArgs;
use crate::output::say;

/// Where everything is; written to `endpoints.json` once all of it answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Endpoints {
    /// The broker.
    pub bootstrap_servers: String,
    /// The schema registry.
    pub registry: Url,
    /// Consent Management API and query API.
    pub api: Url,
    /// The sandbox bank.
    pub sandbox: Url,
    /// `/metrics`, `/livez` and `/readyz`.
    pub metrics: Url,
    /// A bearer token for the APIs.
    pub token: String,
    /// Institutions a consent can name.
    pub institutions: Vec<String>,
    /// Customers of the sandbox bank and the users their consents were seeded for.
    pub users: Vec<User>,
}

/// A seeded user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    /// As the APIs know her.
    pub user_id: String,
    /// As she signs in at the sandbox bank.
    pub login: Login,
    /// Her seeded consent, if any.
    pub consent_id: Option<String>,
}

/// Runs until a signal, or until the demonstration is over.
///
/// # Errors
/// When a part cannot start, a role fails, or the demonstration does not come to its end.
pub async fn run(args: DevArgs) -> anyhow::Result<()> {
    let shutdown = Shutdown::new();
    tokio::select! {
        ended = Box::pin(live(&args, &shutdown)) => ended,
        failed = shutdown.on_signals() => failed.context("cannot listen to signals"),
    }
}

/// From the first part's start to the last one's end.
async fn live(args: &DevArgs, shutdown: &Shutdown) -> anyhow::Result<()> {
    let (dir, _temporary) = data_dir(args)?;
    let clock = Clock::system();
    let system = System::start(args, &dir, &clock, shutdown).await?;
    let System { endpoints, tasks, footing } = system;
    let front = async {
        let used = tokio::select! {
            used = use_it(args, &dir, endpoints, &clock, shutdown) => used,
            () = shutdown.triggered() => Ok(()),
        };
        shutdown.trigger();
        used
    };
    let (used, ended) = tokio::join!(front, tasks.join());
    footing.stop().await;
    used?;
    Ok(ended?)
}

async fn use_it(
    args: &DevArgs,
    dir: &Path,
    mut endpoints: Endpoints,
    clock: &Clock,
    stop: &Shutdown,
) -> anyhow::Result<()> {
    seed(args.seed_customers, &mut endpoints, clock).await?;
    let file = dir.join("endpoints.json");
    write_atomically(&file, &serde_json::to_vec_pretty(&endpoints)?)?;
    if args.demo {
        let login = &endpoints.users.first().context("the sandbox bank has no customer")?.login;
        return demo::play(&endpoints, login, clock.now()).await;
    }
    say(&format!("connector dev is ready; the same as below is in {}", file.display()));
    say(&format!("  API            {}   (Authorization: Bearer {})", endpoints.api, endpoints.token));
    say(&format!("  sandbox bank   {}", endpoints.sandbox));
    say(&format!("  Kafka          {}   registry {}", endpoints.bootstrap_servers, endpoints.registry));
    say(&format!("  metrics        {}metrics", endpoints.metrics));
    stop.triggered().await;
    Ok(())
}

/// Gives each of the first customers a user and an approved consent, unless a former start did.
async fn seed(count: usize, endpoints: &mut Endpoints, clock: &Clock) -> anyhow::Result<()> {
    let api = ApiClient::new(endpoints.api.clone(), endpoints.token.clone())?;
    let institution = endpoints.institutions.first().context("no institution is configured")?.clone();
    for user in endpoints.users.iter_mut().take(count) {
        let path = format!("v1/consents?user_id={}", user.user_id);
        let known: ConsentPage = api.expect(reqwest::Method::GET, &path, None).await?;
        let consent = match known.consents.into_iter().next() {
            Some(consent) => consent,
            None => api.create_consent(&user.user_id, &institution, clock.now()).await?,
        };
        if consent.status == "awaiting_authorisation" {
            let link = consent.authorisation_url.as_ref().context("the consent has no authorisation link")?;
            authorise(link, &user.login, Decision::Approve).await?;
        }
        user.consent_id = Some(consent.id);
    }
    Ok(())
}

#[derive(Deserialize)]
struct ConsentPage {
    consents: Vec<ConsentView>,
}

/// The demonstration leaves nothing behind unless it is told where to.
fn data_dir(args: &DevArgs) -> anyhow::Result<(PathBuf, Option<tempfile::TempDir>)> {
    if args.demo && args.data_dir.is_none() {
        let dir = tempfile::tempdir()?;
        return Ok((dir.path().to_owned(), Some(dir)));
    }
    let dir = args.data_dir.clone().unwrap_or_else(|| PathBuf::from("connector-data"));
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    // A former run's addresses are no longer true.
    match std::fs::remove_file(dir.join("endpoints.json")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok((dir, None)),
    }
}

fn write_atomically(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let new = file.with_extension("new");
    std::fs::write(&new, bytes)?;
    std::fs::rename(&new, file).with_context(|| format!("cannot write {}", file.display()))
}
