//! How to reach the broker and the registry, and how much to take at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use service::Secret;
use url::Url;

use crate::RunError;

/// The `[kafka]` section of a role.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// `host:port` of some brokers, separated by commas.
    pub bootstrap_servers: String,
    /// A schema registry that speaks Confluent's API.
    pub registry_url: Url,
    /// Put before every topic's name; empty by default.
    #[serde(default)]
    pub topic_prefix: String,
    /// Put before every consumer group's name; empty by default.
    #[serde(default)]
    pub group_prefix: String,
    /// Names this process among its like and stays the same over restarts (host name, pod ordinal): a worker that
    /// comes back under its name takes its place in the group at once, and ends what it left unfinished.
    pub instance: String,
    /// What a crash may lead to; `exactly_once` by default.
    #[serde(default)]
    pub delivery: Delivery,
    /// How the members of a group share the partitions; `classic` by default.
    #[serde(default)]
    pub group_protocol: GroupProtocol,
    /// Further properties of librdkafka, for security and network only; a value may be `{ file = "…" }`.
    #[serde(default)]
    pub properties: BTreeMap<String, Secret>,
    /// Records are gathered for at most this long before they are committed (milliseconds); 100 by default.
    #[serde(default = "defaults::commit_interval_ms")]
    pub commit_interval_ms: u64,
    /// Records in one batch; 5,000 by default.
    #[serde(default = "defaults::max_batch")]
    pub max_batch: usize,
    /// Bytes in one batch; 4 MiB by default. A single larger record is a batch of its own.
    #[serde(default = "defaults::max_batch_bytes")]
    pub max_batch_bytes: usize,
    /// So many rejections in a row stop a worker; 100 by default.
    #[serde(default = "defaults::max_consecutive_rejections")]
    pub max_consecutive_rejections: usize,
    /// After this silence (milliseconds) a worker's partitions go to others; 10,000 by default. With
    /// `group_protocol = "consumer"` the broker decides.
    #[serde(default = "defaults::session_timeout_ms")]
    pub session_timeout_ms: u64,
    /// A transaction older than this (milliseconds) is ended by the broker; 15,000 by default.
    #[serde(default = "defaults::transaction_timeout_ms")]
    pub transaction_timeout_ms: u64,
}

mod defaults {
    pub(super) fn commit_interval_ms() -> u64 {
        100
    }

    pub(super) fn max_batch() -> usize {
        5_000
    }

    pub(super) fn max_batch_bytes() -> usize {
        4 << 20
    }

    pub(super) fn max_consecutive_rejections() -> usize {
        100
    }

    pub(super) fn session_timeout_ms() -> u64 {
        10_000
    }

    pub(super) fn transaction_timeout_ms() -> u64 {
        15_000
    }
}

/// What a crash in the middle may lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Nothing: outputs and input offsets are committed in one Kafka transaction.
    #[default]
    ExactlyOnce,
    /// Repeats: outputs are delivered before input offsets are committed. For brokers without transactions.
    AtLeastOnce,
}

/// How the members of a consumer group share the partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupProtocol {
    /// Static members with range assignment: a restart moves no partition.
    #[default]
    Classic,
    /// KIP-848, where the broker assigns.
    Consumer,
}

/// Property prefixes that an installation may set; the others belong to the guarantees of this crate.
const OPEN: [&str; 8] = [
    "security.protocol",
    "sasl.",
    "ssl.",
    "socket.",
    "broker.address.",
    "client.rack",
    "reconnect.backoff.",
    "topic.metadata.",
];

impl KafkaConfig {
    /// A configuration with every default.
    #[must_use]
    pub fn new(bootstrap_servers: String, registry_url: Url, instance: String) -> Self {
        Self {
            bootstrap_servers,
            registry_url,
            topic_prefix: String::new(),
            group_prefix: String::new(),
            instance,
            delivery: Delivery::default(),
            group_protocol: GroupProtocol::default(),
            properties: BTreeMap::new(),
            commit_interval_ms: defaults::commit_interval_ms(),
            max_batch: defaults::max_batch(),
            max_batch_bytes: defaults::max_batch_bytes(),
            max_consecutive_rejections: defaults::max_consecutive_rejections(),
            session_timeout_ms: defaults::session_timeout_ms(),
            transaction_timeout_ms: defaults::transaction_timeout_ms(),
        }
    }

    /// Refuses what cannot work before anything is connected.
    pub(crate) fn check(&self) -> Result<(), RunError> {
        let refuse = |reason: String| Err(RunError::Config { reason });
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if self.instance.is_empty() || !self.instance.chars().all(plain) {
            return refuse("instance must be made of letters, digits, '.', '_' and '-'".to_owned());
        }
        for (name, value) in [("topic_prefix", &self.topic_prefix), ("group_prefix", &self.group_prefix)] {
            if !value.chars().all(plain) {
                return refuse(format!("{name} may hold only letters, digits, '.', '_' and '-'"));
            }
        }
        if let Some(key) = self.properties.keys().find(|key| !OPEN.iter().any(|open| key.starts_with(open))) {
            return refuse(format!(
                "property {key} is not open to configuration; open are {}",
                OPEN.join(", ")
            ));
        }
        let positive = [
            ("commit_interval_ms", self.commit_interval_ms > 0),
            ("max_batch", self.max_batch > 0),
            ("max_batch_bytes", self.max_batch_bytes > 0),
            ("max_consecutive_rejections", self.max_consecutive_rejections > 0),
        ];
        if let Some((name, _)) = positive.into_iter().find(|(_, good)| !good) {
            return refuse(format!("{name} must be more than 0"));
        }
        if self.transaction_timeout_ms <= self.commit_interval_ms * 10 {
            return refuse(
                "transaction_timeout_ms must be more than ten times commit_interval_ms".to_owned(),
            );
        }
        if !(1_000..=60_000).contains(&self.session_timeout_ms) {
            return refuse("session_timeout_ms must be between 1000 and 60000".to_owned());
        }
        Ok(())
    }

    pub(crate) fn commit_interval(&self) -> Duration {
        Duration::from_millis(self.commit_interval_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> KafkaConfig {
        KafkaConfig::new("b:9092".to_owned(), "http://r:8081".parse().unwrap(), "host-0".to_owned())
    }

    #[test]
    fn properties_that_carry_the_guarantees_cannot_be_set() {
        let mut config = config();
        config.properties.insert("sasl.mechanism".to_owned(), Secret::Value("PLAIN".to_owned().into()));
        config.check().unwrap();
        config.properties.insert("enable.auto.commit".to_owned(), Secret::Value("true".to_owned().into()));
        assert!(config.check().unwrap_err().to_string().contains("enable.auto.commit"));
    }

    #[test]
    fn an_instance_must_be_a_plain_name() {
        let mut config = config();
        config.instance = "a b".to_owned();
        assert!(config.check().unwrap_err().to_string().contains("instance"));
    }

    #[test]
    fn a_password_is_never_printed() {
        let mut config = config();
        config.properties.insert("sasl.password".to_owned(), Secret::Value("hunter2".to_owned().into()));
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
