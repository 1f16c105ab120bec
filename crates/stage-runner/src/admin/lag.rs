//! How far each consumer group is behind.

use events::topics;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use crate::kafka::{PATIENCE, blocking, clients, partitions, topic_name};
use crate::{KafkaConfig, RunError};

/// How far a group is in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// The group, before the prefix.
    pub group: String,
    /// The topic, before the prefix.
    pub topic: &'static str,
    /// The partition.
    pub partition: i32,
    /// The next offset to be read.
    pub position: i64,
    /// The offset that the next record will have.
    pub end: i64,
    /// Offsets between the two: transactions' own markers count too.
    pub lag: i64,
}

/// The lag of groups in every partition that they have committed a position for.
///
/// # Errors
/// [`RunError::Broker`] when the broker does not answer.
pub async fn lag(config: &KafkaConfig, groups: &[&str]) -> Result<Vec<Lag>, RunError> {
    config.check()?;
    let there = partitions(config).await?;
    let mut all = Vec::new();
    for group in groups {
        let mut client = clients::plain(config)?;
        client.set("group.id", format!("{}{group}", config.group_prefix));
        let (group, there, config) = ((*group).to_owned(), there.clone(), config.clone());
        all.append(
            &mut blocking(move || {
                let consumer: BaseConsumer =
                    client.create().map_err(RunError::broker("creating a client"))?;
                of_group(&consumer, &group, &config, &there)
            })
            .await?,
        );
    }
    Ok(all)
}

fn of_group(
    consumer: &BaseConsumer,
    group: &str,
    config: &KafkaConfig,
    there: &std::collections::HashMap<String, usize>,
) -> Result<Vec<Lag>, RunError> {
    let mut asked = TopicPartitionList::new();
    let names: Vec<_> =
        topics::ALL.into_iter().map(|topic| (topic_name(config, topic), topic.name)).collect();
    for (name, _) in &names {
        let count = there.get(name).and_then(|count| i32::try_from(*count).ok()).unwrap_or_default();
        (0..count).for_each(|partition| {
            asked.add_partition(name, partition);
        });
    }
    let committed =
        consumer.committed_offsets(asked, PATIENCE).map_err(RunError::broker("asking for positions"))?;
    let mut lags = Vec::new();
    for (name, topic) in &names {
        for element in committed.elements_for_topic(name) {
            let (Offset::Offset(position), partition) = (element.offset(), element.partition()) else {
                continue;
            };
            let (_, end) = consumer
                .fetch_watermarks(name, partition, PATIENCE)
                .map_err(RunError::broker("asking for the end of a partition"))?;
            let lag = (end - position).max(0);
            lags.push(Lag { group: group.to_owned(), topic, partition, position, end, lag });
        }
    }
    Ok(lags)
}
