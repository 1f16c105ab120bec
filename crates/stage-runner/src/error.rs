//! What can go wrong: with the world, for a while, or with the run, for good.

use std::error::Error;
use std::fmt;

use rdkafka::error::KafkaError;

/// The world is at fault and not the record: nothing of the batch is committed, and it is done again after a pause.
pub struct Fault(Box<dyn Error + Send + Sync>);

impl Fault {
    /// A fault from whatever is an error without implementing the trait: a text, an `anyhow::Error`.
    #[must_use]
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for Fault {
    /// The whole chain of causes: a fault is shown once, where it is handled.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let more = error.to_string();
            // Some libraries repeat the cause in their own text.
            if !text.ends_with(&more) {
                text = format!("{text}: {more}");
            }
            cause = error.source();
        }
        f.write_str(&text)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A run cannot begin or cannot go on; the process should end with it.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration cannot work.
    #[error("[kafka] is not usable: {reason}")]
    Config {
        /// What to change.
        reason: String,
    },
    /// The broker cannot be used.
    #[error("broker: {doing}: {source}")]
    Broker {
        /// What was being done.
        doing: &'static str,
        /// What the client library says.
        source: KafkaError,
    },
    /// Topics are missing; librdkafka would wait for them without a word.
    #[error("topics are missing: {}; create them with `connector topics apply`", .0.join(", "))]
    MissingTopics(Vec<String>),
    /// A topic has too few partitions.
    #[error(
        "topic {topic} has {has} partitions instead of {wants}; create what is missing with `connector topics apply`"
    )]
    Partitions {
        /// The topic.
        topic: String,
        /// Partitions there are.
        has: usize,
        /// Partitions there should be.
        wants: usize,
    },
    /// The registry cannot be used.
    #[error("schema registry: {0}")]
    Registry(String),
    /// A schema of ours is not in the registry.
    #[error("the registry has no such version of {subject}; register it with `connector schemas register`")]
    NotRegistered {
        /// The registry's name for it.
        subject: String,
    },
    /// A new schema would break readers of the old one.
    #[error("the registry refuses the schema of {subject}: {reason}; change it compatibly")]
    Incompatible {
        /// The registry's name for it.
        subject: String,
        /// What the registry says.
        reason: String,
    },
    /// Too many records in a row were rejected: the program is more likely at fault than all of them.
    #[error(
        "{stage} rejected {count} records in a row, the last one for {code}, and stops at {topic} partition {partition} offset {offset}; mend it, or raise max_consecutive_rejections if the records are wrong"
    )]
    TooManyRejections {
        /// The stage.
        stage: &'static str,
        /// How many.
        count: usize,
        /// Why the last one was.
        code: &'static str,
        /// Where the last one is.
        topic: &'static str,
        /// Where the last one is.
        partition: i32,
        /// Where the last one is.
        offset: i64,
    },
    /// Clients were replaced too often in a minute.
    #[error(
        "{stage} had to rebuild its clients {count} times within a minute, the last time because of: {reason}"
    )]
    Unstable {
        /// The stage.
        stage: &'static str,
        /// How often.
        count: usize,
        /// Why, the last time.
        reason: String,
    },
    /// A worker's thread panicked.
    #[error("a worker of {0} panicked")]
    Panicked(&'static str),
    /// The operating system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// The dead letter does not exist.
    #[error("no dead letter at {topic} partition {partition} offset {offset}")]
    NoSuchLetter {
        /// The source topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset in the dead-letter topic.
        offset: i64,
    },
    /// The broker did not take a message.
    #[error("a message was not delivered: {0}; run the command again")]
    NotDelivered(String),
    /// No topic of that name.
    #[error("there is no topic {0}")]
    NoSuchTopic(String),
}

impl RunError {
    /// For `map_err`: what was being done when the client library objected.
    pub(crate) fn broker(doing: &'static str) -> impl Fn(KafkaError) -> Self {
        move |source| Self::Broker { doing, source }
    }
}
