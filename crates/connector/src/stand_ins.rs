//! The sandbox bank and the registry as processes of their own, and the registry for tools that need one.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use sandbox::{bank, registry};
use service::{Clock, Shutdown};
use url::Url;

use crate::cli::{RegistryArgs, SandboxBankArgs};
use crate::output::say;

pub(crate) async fn bank(args: SandboxBankArgs) -> anyhow::Result<()> {
    let (clock, shutdown) = (Clock::system(), Shutdown::new());
    let config = bank::Config {
        listen: args.listen,
        public_url: args.public_url,
        seed: args.seed,
        customers: args.customers,
        page_size: args.page_size,
        clock: Arc::new(move || clock.now()),
        client_id: args.client_id,
        client_secret: args.client_secret,
        redirect_uris: args.redirect_uris,
        auto_approve_client: false,
        state: args.state,
    };
    let running = bank::Bank::start(config, shutdown.token()).await?;
    say(&format!(
        "sandbox bank on {} with {} customers, for instance:",
        running.base_url,
        running.customers.len()
    ));
    for customer in running.customers.iter().take(5) {
        say(&format!("  {} / {}   {}", customer.username, customer.password, customer.persona));
    }
    until_signal(&shutdown).await
}

pub(crate) async fn registry(args: RegistryArgs) -> anyhow::Result<()> {
    let own = OwnRegistry::on(args.listen, args.file).await?;
    say(&format!("schema registry on {}", own.url));
    until_signal(&own.shutdown).await
}

/// A registry that ends with its owner.
pub(crate) struct OwnRegistry {
    pub(crate) url: Url,
    shutdown: Shutdown,
}

impl OwnRegistry {
    /// On a free port of this machine, kept nowhere.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::on(SocketAddr::from(([127, 0, 0, 1], 0)), None).await
    }

    async fn on(listen: SocketAddr, file: Option<PathBuf>) -> anyhow::Result<Self> {
        let shutdown = Shutdown::new();
        let running = registry::Registry::start(listen, shutdown.token(), file).await?;
        Ok(Self { url: running.url, shutdown })
    }
}

impl Drop for OwnRegistry {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}

async fn until_signal(shutdown: &Shutdown) -> anyhow::Result<()> {
    tokio::select! {
        () = shutdown.triggered() => Ok(()),
        failed = shutdown.on_signals() => Ok(failed?),
    }
}
