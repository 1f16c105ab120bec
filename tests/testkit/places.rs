//! Where a system's parts are.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use connector::dev::ApiClient;
use url::Url;

use super::broker::Broker;
use super::process::Process;
use super::wait::eventually;

/// Processes that stand for what others run: never killed, for they are what results are compared with.
pub(super) const STAND_INS: [&str; 2] = ["registry", "sandbox-bank"];

/// Addresses and a token.
#[derive(Debug, Clone)]
pub struct Places {
    /// Consent Management API.
    pub consents: Url,
    /// Query API.
    pub data: Url,
    /// The sandbox bank.
    pub bank: Url,
    /// The broker and the registry.
    pub broker: Broker,
    /// The operators' endpoint of each worker.
    pub ops: Vec<(String, Url)>,
    /// The tenant whose systems the tests play.
    pub tenant: String,
    /// Its bearer token.
    pub token: String,
    /// The institution that stands for the sandbox bank.
    pub institution: String,
    /// The database, where others than its system may look into it.
    pub database: Option<Url>,
}

impl Places {
    /// A client with the tenant's token.
    pub(super) fn client(&self, base: &Url) -> ApiClient {
        ApiClient::new(base.clone(), self.token.clone()).unwrap()
    }

    /// The API that a worker serves, if it serves one.
    pub(super) fn api(&self, worker: &str) -> &Url {
        if worker == "query-api" { &self.data } else { &self.consents }
    }

    /// Writes a configuration for the operators' tools; its path.
    pub(super) fn tools_config(&self, dir: &Path) -> String {
        let file = dir.join("tools.toml");
        std::fs::write(&file, format!("{}[role]\n", kafka_section(&self.broker, "tools"))).unwrap();
        file.to_str().unwrap().to_owned()
    }
}

/// The `[kafka]` section for one process.
pub(super) fn kafka_section(broker: &Broker, instance: &str) -> String {
    let Broker { servers, registry, prefix } = broker;
    format!(
        "[kafka]\nbootstrap_servers = \"{servers}\"\nregistry_url = \"{registry}\"\ntopic_prefix = \"{prefix}\"\n\
         group_prefix = \"{prefix}\"\ninstance = \"{prefix}{instance}\"\n"
    )
}

/// An address nobody listens on.
pub(super) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub(super) fn url(address: SocketAddr) -> Url {
    format!("http://{address}/").parse().unwrap()
}

/// Waits until a process answers with success.
pub(super) async fn answers(process: &mut Process, url: &Url, within: Duration) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    eventually(&format!("{} answers", process.name()), within, async || {
        process.must_run();
        match http.get(url.clone()).send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("{}: {}", answer.status(), answer.text().await.unwrap_or_default())),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
}

/// A variable of the environment.
#[expect(clippy::disallowed_methods, reason = "tests have no configuration to be told this by")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
