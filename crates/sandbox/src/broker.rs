//! A broker in this process: the mock cluster inside librdkafka.
//!
//! It serves idempotent and transactional producers and consumer groups, and forgets everything when dropped. It keeps
//! some megabytes a partition and drops what is older without a word, knows no admin requests and does not hide
//! aborted transactions: nothing about exactly-once can be shown on it.

use std::sync::mpsc;
use std::thread;

use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::mocking::MockCluster;

/// A running broker; it stops when dropped.
#[derive(Debug)]
pub struct Broker {
    bootstrap_servers: String,
    /// Dropping it lets the thread that owns the cluster end: the cluster cannot move between threads.
    stop: Option<mpsc::Sender<()>>,
    owner: Option<thread::JoinHandle<()>>,
}

impl Broker {
    /// Starts one node with these topics and their numbers of partitions.
    ///
    /// # Errors
    /// When librdkafka cannot open its sockets or a topic is not well formed.
    pub fn start(topics: &[(&str, i32)]) -> KafkaResult<Self> {
        let topics: Vec<_> =
            topics.iter().map(|(name, partitions)| ((*name).to_owned(), *partitions)).collect();
        let (started, outcome) = mpsc::channel();
        let (stop, stopped) = mpsc::channel();
        let owner = thread::spawn(move || match cluster(&topics) {
            Ok(cluster) => {
                drop(started.send(Ok(cluster.bootstrap_servers())));
                // Nothing is ever sent: this waits until the broker is dropped.
                let (Ok(()) | Err(mpsc::RecvError)) = stopped.recv();
            }
            Err(error) => drop(started.send(Err(error))),
        });
        let bootstrap_servers = outcome.recv().unwrap_or(Err(KafkaError::Canceled))?;
        Ok(Self { bootstrap_servers, stop: Some(stop), owner: Some(owner) })
    }

    /// Where clients connect.
    #[must_use]
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(owner) = self.owner.take() {
            drop(owner.join());
        }
    }
}

fn cluster(
    topics: &[(String, i32)],
) -> KafkaResult<MockCluster<'static, rdkafka::producer::DefaultProducerContext>> {
    let cluster = MockCluster::new(1)?;
    for (name, partitions) in topics {
        cluster.create_topic(name, *partitions, 1)?;
    }
    Ok(cluster)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rdkafka::consumer::{Consumer, StreamConsumer};
    use rdkafka::producer::{FutureProducer, FutureRecord};
    use rdkafka::{ClientConfig, Message};

    use super::*;

    #[tokio::test]
    async fn what_is_produced_can_be_consumed() {
        let broker = Broker::start(&[("things", 3)]).unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", broker.bootstrap_servers());
        let producer: FutureProducer = config.create().unwrap();
        let record = FutureRecord::to("things").key("a").payload("b");
        producer.send(record, Duration::from_secs(10)).await.unwrap();
        config.set("group.id", "g").set("group.protocol", "consumer").set("auto.offset.reset", "earliest");
        let consumer: StreamConsumer = config.create().unwrap();
        consumer.subscribe(&["things"]).unwrap();
        let message = tokio::time::timeout(Duration::from_secs(20), consumer.recv()).await.unwrap().unwrap();
        assert_eq!((message.key(), message.payload()), (Some(&b"a"[..]), Some(&b"b"[..])));
    }
}
