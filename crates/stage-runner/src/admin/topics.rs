//! The topics as `events::topics` wants them, on the broker.

use std::collections::HashMap;

use events::topics::{self, Cleanup, DEAD_LETTER_HOURS};
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use crate::kafka::{clients, dead_name, partitions, topic_name};
use crate::{KafkaConfig, RunError};

/// A topic that an installation needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedTopic {
    /// Its full name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// Its settings, whole: what is left out would be the broker's default.
    pub settings: Vec<(&'static str, String)>,
}

const HOUR: u64 = 3_600_000;
/// A dead letter is larger than its record by the headers that say why.
const REASON: i32 = 64 * 1024;

/// Every topic of an installation with its settings, the dead letters' included.
#[must_use]
pub fn wanted_topics(config: &KafkaConfig) -> Vec<WantedTopic> {
    topics::ALL
        .into_iter()
        .flat_map(|topic| {
            let (partitions, bytes) = (topic.partitions, topic.max_message_bytes);
            let dead = Cleanup::Delete { hours: DEAD_LETTER_HOURS };
            [
                (topic_name(config, topic), topic.cleanup, bytes),
                (dead_name(config, topic), dead, bytes + REASON),
            ]
            .map(|(name, cleanup, bytes)| WantedTopic {
                name,
                partitions,
                settings: settings(cleanup, bytes),
            })
        })
        .collect()
}

fn settings(cleanup: Cleanup, max_message_bytes: i32) -> Vec<(&'static str, String)> {
    let (policy, retention, segment, lag) = match cleanup {
        Cleanup::Delete { hours } => {
            let retention = u64::from(hours) * HOUR;
            ("delete", retention.to_string(), retention.min(24 * HOUR) / 4, i64::MAX.to_string())
        }
        // An erased value must be gone from the log within a day: the segment is closed after 6 hours and cleaned
        // within 12 of its oldest record.
        Cleanup::Compact => ("compact", "-1".to_owned(), 6 * HOUR, (12 * HOUR).to_string()),
    };
    vec![
        ("cleanup.policy", policy.to_owned()),
        ("retention.ms", retention),
        ("retention.bytes", "-1".to_owned()),
        ("segment.ms", segment.to_string()),
        ("max.compaction.lag.ms", lag),
        ("delete.retention.ms", (24 * HOUR).to_string()),
        ("max.message.bytes", max_message_bytes.to_string()),
        ("compression.type", "producer".to_owned()),
        ("message.timestamp.type", "CreateTime".to_owned()),
    ]
}

/// Creates what is missing, topics and partitions, and returns the names of topics that were made or grew. Nothing is
/// ever deleted or made smaller, and a topic that is there keeps its settings.
///
/// # Errors
/// [`RunError::Broker`] when the broker refuses.
pub async fn apply_topics(config: &KafkaConfig) -> Result<Vec<String>, RunError> {
    config.check()?;
    let (there, wanted) = (partitions(config).await?, wanted_topics(config));
    let admin: AdminClient<DefaultClientContext> =
        clients::plain(config)?.create().map_err(RunError::broker("creating a client"))?;
    let mut changed = create(&admin, &there, &wanted).await?;
    changed.append(&mut grow(&admin, &there, &wanted).await?);
    Ok(changed)
}

async fn create(
    admin: &AdminClient<DefaultClientContext>,
    there: &HashMap<String, usize>,
    wanted: &[WantedTopic],
) -> Result<Vec<String>, RunError> {
    let missing: Vec<_> = wanted
        .iter()
        .filter(|topic| !there.contains_key(&topic.name))
        .map(|topic| {
            // -1: the broker's default, which an installation sets once for all of its topics.
            let new = NewTopic::new(&topic.name, topic.partitions, TopicReplication::Fixed(-1));
            topic.settings.iter().fold(new, |new, (key, value)| new.set(key, value))
        })
        .collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let made = admin.create_topics(&missing, &AdminOptions::new()).await;
    succeeded(made.map_err(RunError::broker("creating topics"))?, "creating a topic")
}

async fn grow(
    admin: &AdminClient<DefaultClientContext>,
    there: &HashMap<String, usize>,
    wanted: &[WantedTopic],
) -> Result<Vec<String>, RunError> {
    let small: Vec<_> = wanted
        .iter()
        .filter_map(|topic| {
            let count = usize::try_from(topic.partitions).ok()?;
            let has = *there.get(&topic.name)?;
            (has < count).then(|| NewPartitions::new(&topic.name, count))
        })
        .collect();
    if small.is_empty() {
        return Ok(Vec::new());
    }
    let made = admin.create_partitions(&small, &AdminOptions::new()).await;
    succeeded(made.map_err(RunError::broker("adding partitions"))?, "adding partitions")
}

fn succeeded(
    results: Vec<rdkafka::admin::TopicResult>,
    doing: &'static str,
) -> Result<Vec<String>, RunError> {
    results
        .into_iter()
        .map(|result| {
            result.map_err(|(topic, code)| {
                tracing::error!(topic, %code, "{doing} failed: {topic}");
                RunError::Broker { doing, source: rdkafka::error::KafkaError::AdminOp(code) }
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_dead_letters_with_as_many_partitions() {
        let mut config = KafkaConfig::new("b".to_owned(), "http://r".parse().unwrap(), "i".to_owned());
        config.topic_prefix = "test.".to_owned();
        let wanted = wanted_topics(&config);
        assert_eq!(wanted.len(), 2 * topics::ALL.len());
        let enriched = wanted.iter().find(|topic| topic.name == "test.transactions.enriched").unwrap();
        assert!(enriched.settings.contains(&("cleanup.policy", "compact".to_owned())));
        let dead = wanted.iter().find(|topic| topic.name == "test.transactions.enriched.dead").unwrap();
        assert!(dead.settings.contains(&("cleanup.policy", "delete".to_owned())));
        assert_eq!(dead.partitions, enriched.partitions);
    }
}
