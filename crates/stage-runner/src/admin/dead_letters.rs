//! Records that a stage refused: look at them, and send them back once the reason is gone.

use std::time::{Duration, Instant};

use events::{Topic, topics};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, Message};
use rdkafka::{Offset, TopicPartitionList};
use service::Health;
use tokio::runtime::Handle;

use crate::kafka::message::{header, trace};
use crate::kafka::{PATIENCE, blocking, clients, dead_name};
use crate::worker::letters::{ATTEMPTS, CODE, attempts, own_headers};
use crate::worker::post::Post;
use crate::{Kafka, KafkaConfig, RunError, Trace};

/// A refused record as operators see it: everything but what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The topic it came from, before the prefix.
    pub topic: &'static str,
    /// The partition, of the topic and of the dead letters alike.
    pub partition: i32,
    /// Its offset among the dead letters.
    pub offset: i64,
    /// Its offset in the topic.
    pub source_offset: String,
    /// The stage that refused it.
    pub stage: String,
    /// Why, for machines.
    pub code: String,
    /// Why, for people.
    pub detail: String,
    /// How often it has been refused.
    pub attempts: u32,
    /// When.
    pub at: String,
    /// The trace that it belongs to.
    pub trace: Option<Trace>,
    /// Its key, as text.
    pub key: String,
    /// The size of its value; none for a tombstone.
    pub bytes: Option<usize>,
}

/// The dead letters of one topic or of all, by topic and partition, oldest first.
///
/// # Errors
/// [`RunError`] when the topic does not exist or the broker does not answer.
pub async fn list(config: &KafkaConfig, topic: Option<&str>) -> Result<Vec<DeadLetter>, RunError> {
    config.check()?;
    let mut letters = Vec::new();
    for topic in
        topic.map_or_else(|| Ok(topics::ALL.to_vec()), |name| named(name).map(|topic| vec![topic]))?
    {
        let config = config.clone();
        letters.append(
            &mut blocking(move || {
                let mut found = Vec::new();
                Reader::open(&config, topic, LOOKING)?.each(Offset::Beginning, |message| {
                    found.push(DeadLetter::of(topic, message));
                    Ok(())
                })?;
                found.sort_by_key(|letter| (letter.partition, letter.offset));
                Ok(found)
            })
            .await?,
        );
    }
    Ok(letters)
}

/// One dead letter.
///
/// # Errors
/// [`RunError::NoSuchLetter`] when there is none.
pub async fn show(
    config: &KafkaConfig,
    topic: &str,
    partition: i32,
    offset: i64,
) -> Result<DeadLetter, RunError> {
    let letters = list(config, Some(topic)).await?;
    letters
        .into_iter()
        .find(|letter| (letter.partition, letter.offset) == (partition, offset))
        .ok_or_else(|| RunError::NoSuchLetter { topic: topic.to_owned(), partition, offset })
}

/// Sends dead letters back to their topic and returns how many.
///
/// They go into their old partition, with key, headers and the count of refusals. With a `code` only those refused for
/// it. What was sent back once under the same choice is not sent again.
///
/// # Errors
/// [`RunError`] when the topic does not exist or the broker does not answer; what was not delivered stays to be sent.
pub async fn replay(config: &KafkaConfig, topic: &str, code: Option<&str>) -> Result<usize, RunError> {
    let topic = named(topic)?;
    let kafka = Kafka::connect(config.clone(), &Health::new()).await?;
    let code = code.map(str::to_owned);
    let group =
        code.as_ref().map_or_else(|| "dead-letters".to_owned(), |code| format!("dead-letters.{code}"));
    let post = Post::open(&kafka, "dead-letters", None, 20_000)?;
    let runtime = Handle::current();
    blocking(move || {
        let reader = Reader::open(&kafka.0.config, topic, &group)?;
        let Some(target) = kafka.0.target(topic) else {
            return Err(RunError::NoSuchTopic(topic.name.to_owned()));
        };
        let mut sent = 0;
        reader.each(Offset::Invalid, |message| {
            if code.as_ref().is_none_or(|code| text(message, CODE) == *code) {
                let count = attempts(message).to_string();
                let headers = own_headers(message).insert(Header { key: ATTEMPTS, value: Some(&count) });
                let sending = post.forward(&target.name, message.partition(), message, headers);
                runtime.block_on(sending).map_err(|fault| RunError::NotDelivered(fault.to_string()))?;
                sent += 1;
            }
            Ok(())
        })?;
        reader.remember()?;
        Ok(sent)
    })
    .await
}

/// The group of those who only look; it never commits.
const LOOKING: &str = "dead-letters.looking";

fn named(name: &str) -> Result<&'static Topic, RunError> {
    topics::by_name(name).ok_or_else(|| RunError::NoSuchTopic(name.to_owned()))
}

fn text(message: &BorrowedMessage<'_>, name: &str) -> String {
    header(message, name).map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}

impl DeadLetter {
    fn of(topic: &'static Topic, message: &BorrowedMessage<'_>) -> Self {
        Self {
            topic: topic.name,
            partition: message.partition(),
            offset: message.offset(),
            source_offset: text(message, "x-dead-offset"),
            stage: text(message, "x-dead-stage"),
            code: text(message, CODE),
            detail: text(message, "x-dead-detail"),
            attempts: attempts(message),
            at: text(message, "x-dead-at"),
            trace: trace(message),
            key: String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned(),
            bytes: message.payload().map(<[u8]>::len),
        }
    }
}

/// Reads a topic's dead letters to their end.
struct Reader {
    consumer: BaseConsumer,
    name: String,
    partitions: Vec<i32>,
}

impl Reader {
    fn open(config: &KafkaConfig, topic: &'static Topic, group: &str) -> Result<Self, RunError> {
        let name = dead_name(config, topic);
        let consumer: BaseConsumer = clients::plain(config)?
            .set("group.id", format!("{}{group}", config.group_prefix))
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .create()
            .map_err(RunError::broker("creating a client"))?;
        let metadata =
            consumer.fetch_metadata(Some(&name), PATIENCE).map_err(RunError::broker("asking for a topic"))?;
        let partitions: Vec<_> =
            metadata.topics().iter().flat_map(|topic| topic.partitions()).map(|one| one.id()).collect();
        if partitions.is_empty() {
            return Err(RunError::MissingTopics(vec![name]));
        }
        Ok(Self { consumer, name, partitions })
    }

    /// Shows every letter from `start` to the end.
    fn each(
        &self,
        start: Offset,
        mut visit: impl FnMut(&BorrowedMessage<'_>) -> Result<(), RunError>,
    ) -> Result<(), RunError> {
        let mut list = TopicPartitionList::new();
        for partition in &self.partitions {
            list.add_partition_offset(&self.name, *partition, start)
                .map_err(RunError::broker("choosing partitions"))?;
        }
        self.consumer.assign(&list).map_err(RunError::broker("choosing partitions"))?;
        let (mut open, mut heard) = (self.partitions.clone(), Instant::now());
        while !open.is_empty() {
            match self.consumer.poll(Duration::from_millis(500)) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    visit(&message)?;
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => open.retain(|one| *one != partition),
                Some(Err(source)) if heard.elapsed() > PATIENCE => {
                    return Err(RunError::Broker { doing: "reading dead letters", source });
                }
                None if heard.elapsed() > PATIENCE => {
                    return Err(RunError::Broker {
                        doing: "reading dead letters",
                        source: KafkaError::NoMessageReceived,
                    });
                }
                _ => (),
            }
        }
        Ok(())
    }

    /// Notes that everything up to here has been sent back.
    fn remember(&self) -> Result<(), RunError> {
        let mut done = TopicPartitionList::new();
        let position = self.consumer.position().map_err(RunError::broker("asking for positions"))?;
        for element in position.elements() {
            if let offset @ Offset::Offset(_) = element.offset() {
                done.add_partition_offset(element.topic(), element.partition(), offset)
                    .map_err(RunError::broker("committing positions"))?;
            }
        }
        if done.count() == 0 {
            return Ok(());
        }
        self.consumer.commit(&done, CommitMode::Sync).map_err(RunError::broker("committing positions"))
    }
}
