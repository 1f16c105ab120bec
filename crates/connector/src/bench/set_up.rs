//! A site of its own for every measurement: topics under a new prefix, a migrated database, a registry, and the roles as
//! processes.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use events::topics;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use secrecy::SecretString;
use service::{Clock, Health};
use stage_runner::{Kafka, KafkaConfig, admin};
use store::{MasterKeys, Store};
use tempfile::TempDir;
use url::Url;

use super::{BenchArgs, cpu};

const MASTER_KEY: &str = "YmVuY2htYXJrcyBzZWFsIG5vdGhpbmcgb2Ygd29ydGg=";

/// Where everything is.
pub(super) struct Site {
    pub(super) bootstrap: String,
    pub(super) prefix: String,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) raw_schema: u32,
    registry: Url,
    database: String,
    dir: TempDir,
    #[cfg(feature = "sandbox")]
    _registry: Option<crate::stand_ins::OwnRegistry>,
}

impl Site {
    /// Makes topics, schemas and tables.
    pub(super) async fn prepare(args: &BenchArgs) -> anyhow::Result<Self> {
        let clock = Clock::system();
        let prefix = format!("bench-{}-", clock.now().as_second());
        #[cfg(feature = "sandbox")]
        let (registry, own) = match &args.registry {
            Some(registry) => (registry.clone(), None),
            None => {
                let own = crate::stand_ins::OwnRegistry::start().await?;
                (own.url.clone(), Some(own))
            }
        };
        #[cfg(not(feature = "sandbox"))]
        let registry =
            args.registry.clone().context("this build has no registry of its own; give --registry URL")?;
        let keys = MasterKeys::from_base64("bench", &SecretString::from(MASTER_KEY.to_owned()))?;
        let store = Store::connect(&SecretString::from(args.database.clone()), 4, keys).await?;
        store.migrate().await?;
        let kafka = kafka_config(&args.kafka, &registry, &prefix, "bench")?;
        admin::apply_topics(&kafka).await?;
        admin::register_schemas(&kafka).await?;
        let connected = Kafka::connect(kafka, &Health::new()).await?;
        let raw_schema = connected.schema_id(&topics::RAW_WINDOWS).context("raw.windows has no schema")?;
        Ok(Self {
            bootstrap: args.kafka.clone(),
            prefix,
            store,
            clock,
            raw_schema,
            registry,
            database: args.database.clone(),
            dir: tempfile::tempdir()?,
            #[cfg(feature = "sandbox")]
            _registry: own,
        })
    }

    /// A topic of six partitions that belongs to no stage.
    pub(super) async fn plain_topic(&self, name: &str) -> anyhow::Result<String> {
        let name = format!("{}{name}", self.prefix);
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.bootstrap).create()?;
        let topic = NewTopic::new(&name, 6, TopicReplication::Fixed(1));
        for made in admin.create_topics([&topic], &AdminOptions::new()).await? {
            made.map_err(|(topic, error)| anyhow::anyhow!("{topic} cannot be made: {error}"))?;
        }
        Ok(name)
    }

    /// The name of a topic at this site.
    pub(super) fn topic(&self, topic: &events::Topic) -> String {
        format!("{}{}", self.prefix, topic.name)
    }

    /// Starts a role as its own process and waits until it is ready.
    pub(super) async fn role(&self, name: &'static str, port: u16) -> anyhow::Result<Role> {
        let file = self.dir.path().join(format!("{name}.toml"));
        std::fs::write(&file, self.config(name, port)?)?;
        let log = std::fs::File::create(self.dir.path().join(format!("{name}.log")))?;
        let child = Command::new(std::env::current_exe()?)
            .args([name, "--config"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        let role = Role { name, child, log: self.dir.path().join(format!("{name}.log")) };
        role.ready(port).await?;
        Ok(role)
    }

    fn config(&self, name: &str, port: u16) -> anyhow::Result<String> {
        let kafka = kafka_config(&self.bootstrap, &self.registry, &self.prefix, &format!("bench-{name}"))?;
        Ok(format!(
            "[ops]\nlisten = \"127.0.0.1:{port}\"\n[ops.telemetry]\nlog = \"warn\"\n\
             [kafka]\nbootstrap_servers = {:?}\nregistry_url = {:?}\ntopic_prefix = {:?}\ngroup_prefix = {:?}\ninstance = {:?}\n\
             [database]\nurl = {:?}\n[database.master_key]\nid = \"bench\"\nkey = {MASTER_KEY:?}\n[role]\n",
            kafka.bootstrap_servers,
            self.registry.as_str(),
            self.prefix,
            self.prefix,
            kafka.instance,
            self.database,
        ))
    }

    /// The process that started our database's backends, when it runs on this machine.
    pub(super) fn postmaster(&self) -> Option<u32> {
        cpu::parent_of(|command| command.starts_with("postgres:") && command.contains(self.database_name()))
    }

    fn database_name(&self) -> &str {
        let path = self.database.split('?').next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }
}

fn kafka_config(
    bootstrap: &str,
    registry: &Url,
    prefix: &str,
    instance: &str,
) -> anyhow::Result<KafkaConfig> {
    let text = format!(
        "bootstrap_servers = {bootstrap:?}\nregistry_url = {:?}\ntopic_prefix = {prefix:?}\ngroup_prefix = {prefix:?}\ninstance = {instance:?}\n",
        registry.as_str()
    );
    Ok(toml::from_str(&text)?)
}

/// A role that runs.
pub(super) struct Role {
    pub(super) name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Role {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Fails with the end of the role's log when it has ended.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(5).collect();
            bail!(
                "{} ended with {status}: {}",
                self.name,
                tail.into_iter().rev().collect::<Vec<_>>().join("\n")
            );
        }
        Ok(())
    }

    async fn ready(&self, port: u16) -> anyhow::Result<()> {
        let url = format!("http://127.0.0.1:{port}/readyz");
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        bail!("{} was not ready within a minute:\n{log}", self.name)
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            // Reaps it; there is nothing left to learn from how it ended.
            drop(self.child.wait());
        }
    }
}
