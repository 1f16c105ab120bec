//! `connector dev` on a directory of its own.

use std::path::Path;

use connector::dev::Endpoints;

use super::broker::Broker;
use super::places::Places;
use super::process::Process;
use super::wait::{eventually, seconds};

pub(super) async fn start(dir: &Path) -> (Process, Places) {
    let data = dir.join("data");
    let args = ["dev", "--data-dir", data.to_str().unwrap(), "--log", "info"];
    let mut process = Process::start(dir, "dev", &args);
    let places = ready(&mut process, dir).await;
    (process, places)
}

/// Starts it again on the same directory.
pub(super) async fn restart(process: &mut Process, dir: &Path) -> Places {
    // What the killed process wrote would be taken for the new one's.
    std::fs::remove_file(dir.join("data/endpoints.json")).unwrap();
    process.restart();
    ready(process, dir).await
}

async fn ready(process: &mut Process, dir: &Path) -> Places {
    let file = dir.join("data/endpoints.json");
    let endpoints: Endpoints = eventually("connector dev is ready", seconds(60), async || {
        process.must_run();
        let text = std::fs::read_to_string(&file).map_err(|error| format!("endpoints.json: {error}"))?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    })
    .await;
    Places {
        consents: endpoints.api.clone(),
        data: endpoints.api,
        bank: endpoints.sandbox,
        broker: Broker {
            servers: endpoints.bootstrap_servers,
            registry: endpoints.registry,
            prefix: String::new(),
        },
        ops: vec![("dev".to_owned(), endpoints.metrics)],
        tenant: "dev".to_owned(),
        token: endpoints.token,
        institution: endpoints.institutions[0].clone(),
        database: None,
    }
}
