//! One configuration file per role: `[ops]`, `[kafka]`, `[database]` and `[role]`.

use std::path::PathBuf;

use anyhow::Context;
use serde::Deserialize;
use service::Secret;
use service::ops::OpsConfig;
use stage_runner::KafkaConfig;
use store::{MasterKeys, Store};

/// A role's file. What a role does not use may be left out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleConfig<R> {
    /// Logs, traces, metrics and health.
    #[serde(default)]
    pub(crate) ops: OpsConfig,
    /// The broker and the registry.
    pub(crate) kafka: Option<KafkaConfig>,
    /// The store.
    pub(crate) database: Option<DatabaseConfig>,
    /// The directory of institution profiles.
    pub(crate) institutions: Option<PathBuf>,
    /// What only this role has.
    pub(crate) role: R,
}

/// For tools that are no role.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoRole {}

/// How to reach the store and open what is sealed in it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DatabaseConfig {
    /// `postgres://user:password@host/database`.
    pub(crate) url: Secret,
    /// Connections this process may open.
    #[serde(default = "ten")]
    pub(crate) max_connections: u32,
    /// Seals data keys.
    pub(crate) master_key: MasterKeyConfig,
}

/// A master key; its id is written beside everything it seals, so that keys can be rotated.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MasterKeyConfig {
    /// Its name.
    pub(crate) id: String,
    /// 32 bytes in base64.
    pub(crate) key: Secret,
}

fn ten() -> u32 {
    10
}

impl<R> RoleConfig<R> {
    /// The broker's section.
    ///
    /// # Errors
    /// When it is missing.
    pub(crate) fn kafka(&self) -> anyhow::Result<KafkaConfig> {
        self.kafka.clone().context("the configuration has no [kafka] section")
    }

    /// Opens the store.
    ///
    /// # Errors
    /// When the section is missing or the store cannot be reached.
    pub(crate) async fn store(&self) -> anyhow::Result<Store> {
        let database = self.database.as_ref().context("the configuration has no [database] section")?;
        let keys = MasterKeys::from_base64(&database.master_key.id, &database.master_key.key.read()?)?;
        Store::connect(&database.url.read()?, database.max_connections, keys)
            .await
            .context("the store cannot be opened")
    }
}
