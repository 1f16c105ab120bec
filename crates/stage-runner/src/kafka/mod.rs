//! The installation: its topics as they really are, and the schemas they carry.

pub(crate) mod clients;
pub(crate) mod message;
pub(crate) mod registry;
pub(crate) mod schemas;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use events::{Topic, topics};
use rdkafka::consumer::{BaseConsumer, Consumer};
use service::{Clock, Health};

use crate::{KafkaConfig, RunError};
use registry::Registry;
use schemas::Schemas;

/// How long the broker may take to answer at start.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A checked installation, ready for stages to run on. Clones share it.
#[derive(Debug, Clone)]
pub struct Kafka(pub(crate) Arc<Installation>);

#[derive(Debug)]
pub(crate) struct Installation {
    pub(crate) config: KafkaConfig,
    pub(crate) health: Health,
    pub(crate) clock: Clock,
    pub(crate) schemas: Schemas,
    targets: Vec<Target>,
}

/// A topic as this installation has it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) topic: &'static Topic,
    pub(crate) name: String,
    pub(crate) dead: String,
    pub(crate) partitions: i32,
    pub(crate) schema_id: u32,
}

impl Kafka {
    /// Connects: every topic must be there with its partitions and every schema of ours in the registry. Nothing is
    /// created and nothing registered.
    ///
    /// # Errors
    /// [`RunError`] says what is missing and which command brings it.
    pub async fn connect(config: KafkaConfig, health: &Health) -> Result<Self, RunError> {
        config.check()?;
        let partitions = partitions(&config).await?;
        let registry = Registry::new(&config.registry_url)?;
        let mut targets = Vec::with_capacity(topics::ALL.len());
        for (topic, partitions) in check(&config, &partitions)? {
            let name = topic_name(&config, topic);
            let schema_id = registry.look_up(&subject(&config, topic), topic.schema).await?;
            targets.push(Target { topic, dead: dead_name(&config, topic), name, partitions, schema_id });
        }
        let (health, clock, schemas) = (health.clone(), Clock::system(), Schemas::new(registry));
        Ok(Self(Arc::new(Installation { config, health, clock, schemas, targets })))
    }

    /// The registry's id of the schema of a topic's records.
    #[must_use]
    pub fn schema_id(&self, topic: &Topic) -> Option<u32> {
        self.0.target(topic).map(|target| target.schema_id)
    }
}

impl Installation {
    /// A topic as it is here; none for a topic that is not in `events::topics::ALL`.
    pub(crate) fn target(&self, topic: &Topic) -> Option<&Target> {
        self.targets.iter().find(|target| std::ptr::eq(target.topic, topic))
    }

    /// The full name of a consumer group.
    pub(crate) fn group(&self, name: &str) -> String {
        format!("{}{name}", self.config.group_prefix)
    }
}

pub(crate) fn topic_name(config: &KafkaConfig, topic: &Topic) -> String {
    format!("{}{}", config.topic_prefix, topic.name)
}

pub(crate) fn dead_name(config: &KafkaConfig, topic: &Topic) -> String {
    format!("{}{}", config.topic_prefix, topic.dead_letters())
}

pub(crate) fn subject(config: &KafkaConfig, topic: &Topic) -> String {
    format!("{}{}", config.topic_prefix, topic.subject())
}

/// The broker's topics and how many partitions they have.
pub(crate) async fn partitions(config: &KafkaConfig) -> Result<HashMap<String, usize>, RunError> {
    let client = clients::plain(config)?;
    blocking(move || {
        let consumer: BaseConsumer = client.create().map_err(RunError::broker("creating a client"))?;
        let metadata =
            consumer.fetch_metadata(None, PATIENCE).map_err(RunError::broker("asking for the topics"))?;
        Ok(metadata
            .topics()
            .iter()
            .map(|topic| (topic.name().to_owned(), topic.partitions().len()))
            .collect())
    })
    .await
}

/// Runs one of librdkafka's blocking calls where it blocks nobody else.
pub(crate) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, RunError> + Send + 'static,
) -> Result<T, RunError> {
    tokio::task::spawn_blocking(call).await.unwrap_or(Err(RunError::Panicked("a client call")))
}

/// Every topic with its partitions, or what is missing.
fn check(
    config: &KafkaConfig,
    there: &HashMap<String, usize>,
) -> Result<Vec<(&'static Topic, i32)>, RunError> {
    let names = |topic: &Topic| [topic_name(config, topic), dead_name(config, topic)];
    let missing: Vec<_> =
        topics::ALL.iter().flat_map(|topic| names(topic)).filter(|name| !there.contains_key(name)).collect();
    if !missing.is_empty() {
        return Err(RunError::MissingTopics(missing));
    }
    let mut found = Vec::with_capacity(topics::ALL.len());
    for topic in topics::ALL {
        let [live, dead] = names(topic);
        let count = |name: &str| there.get(name).copied().unwrap_or_default();
        let (has, wants) = (count(&live), usize::try_from(topic.partitions).unwrap_or_default());
        for (topic, has, wants) in [(&live, has, wants), (&dead, count(&dead), has)] {
            if has < wants {
                return Err(RunError::Partitions { topic: topic.clone(), has, wants });
            }
        }
        found.push((topic, i32::try_from(has).unwrap_or(i32::MAX)));
    }
    Ok(found)
}
