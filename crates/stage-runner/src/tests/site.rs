//! An installation in process: a cluster, a registry that knows our schemas, and somebody to write and read records.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use events::{Balance, BalanceKind, BalanceSnapshot, Outbound, Provenance, Record, Topic, avro, topics};
use rdkafka::ClientConfig;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message, OwnedMessage};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rust_decimal::Decimal;
use service::Health;
use uuid::Uuid;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{Delivery, GroupProtocol, Kafka, KafkaConfig, RunError, admin};

pub(super) const DEADLINE: Duration = Duration::from_secs(40);

pub(super) struct Site {
    pub(super) cluster: MockCluster<'static, DefaultProducerContext>,
    pub(super) registry: MockServer,
    pub(super) config: KafkaConfig,
    producer: FutureProducer,
}

/// A trace that a record may carry.
pub(super) const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

impl Site {
    /// Everything there, and a way of committing.
    pub(super) async fn new(delivery: Delivery) -> Self {
        let cluster = MockCluster::new(1).unwrap();
        let registry = MockServer::start().await;
        let mut config = KafkaConfig::new(
            cluster.bootstrap_servers(),
            registry.uri().parse().unwrap(),
            format!("test-{}", Uuid::now_v7().simple()),
        );
        config.delivery = delivery;
        config.commit_interval_ms = 20;
        // Longer than the three seconds that a join takes here, and as short as that allows: the cluster keeps the place
        // of a static member that comes back until its session is over.
        config.session_timeout_ms = 5_000;
        // The classic protocol of the cluster in process waits three seconds before it assigns anything, but only it
        // takes offsets in transactions.
        if delivery == Delivery::AtLeastOnce {
            config.group_protocol = GroupProtocol::Consumer;
        }
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &config.bootstrap_servers)
            .set("linger.ms", "1")
            .create()
            .unwrap();
        let site = Self { cluster, registry, config, producer };
        for topic in admin::wanted_topics(&site.config) {
            site.cluster.create_topic(&topic.name, topic.partitions, 1).unwrap();
        }
        site.register(&topics::ALL).await;
        site
    }

    /// Lets the registry know the schemas of these topics.
    async fn register(&self, known: &[&'static Topic]) {
        for topic in known {
            Mock::given(method("POST"))
                .and(path(format!("/subjects/{}", topic.subject())))
                .respond_with(
                    ResponseTemplate::new(200).set_body_json(serde_json::json!({ "id": id(topic) })),
                )
                .mount(&self.registry)
                .await;
        }
    }

    pub(super) async fn connect(&self) -> Kafka {
        self.try_connect().await.unwrap()
    }

    pub(super) async fn try_connect(&self) -> Result<Kafka, RunError> {
        Kafka::connect(self.config.clone(), &Health::new()).await
    }

    /// The same installation seen by another process.
    pub(super) async fn connect_as(&self, instance: &str) -> Kafka {
        let config = KafkaConfig { instance: instance.to_owned(), ..self.config.clone() };
        Kafka::connect(config, &Health::new()).await.unwrap()
    }

    /// Writes raw bytes.
    pub(super) async fn write(&self, topic: &str, partition: i32, key: Option<&str>, value: Option<&[u8]>) {
        let trace = rdkafka::message::Header { key: "traceparent", value: Some(TRACE) };
        let headers = rdkafka::message::OwnedHeaders::new().insert(trace);
        let record = FutureRecord {
            topic,
            partition: Some(partition),
            payload: value,
            key,
            timestamp: None,
            headers: Some(headers),
        };
        self.producer.send(record, DEADLINE).await.unwrap();
    }

    /// Writes numbered balances, one after the other over the partitions.
    pub(super) async fn write_numbers(&self, topic: &'static Topic, numbers: impl Iterator<Item = i64>) {
        for number in numbers {
            let value = avro::frame(id(topic), &datum(number));
            let partition = i32::try_from(number).unwrap() % topic.partitions;
            self.write(topic.name, partition, Some(&key(number).to_string()), Some(&value)).await;
        }
    }

    /// Reads a topic until `enough` says so; panics with what was read at the deadline.
    pub(super) async fn read(
        &self,
        topic: &str,
        enough: impl Fn(&[OwnedMessage]) -> bool,
    ) -> Vec<OwnedMessage> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.config.bootstrap_servers)
            .set("group.id", "reader")
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        for partition in 0..topics::BALANCES.partitions {
            list.add_partition_offset(topic, partition, rdkafka::Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let (mut found, until) = (Vec::new(), Instant::now() + DEADLINE);
        while !enough(&found) {
            assert!(
                Instant::now() < until,
                "{topic} has only {} records: {:?}",
                found.len(),
                numbers(&found)
            );
            match consumer.poll(Duration::from_millis(20)) {
                Some(message) => found.push(message.unwrap().detach()),
                None => tokio::task::yield_now().await,
            }
        }
        found
    }

    /// The oldest offset that the cluster still has.
    pub(super) fn oldest(&self, topic: &'static Topic, partition: i32) -> i64 {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.config.bootstrap_servers).create().unwrap();
        consumer.fetch_watermarks(topic.name, partition, DEADLINE).unwrap().0
    }

    /// The sum of the offsets that a group has committed in a topic.
    pub(super) fn committed(&self, group: &str, topic: &'static Topic) -> i64 {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.config.bootstrap_servers)
            .set("group.id", group)
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic.name, 0, topic.partitions - 1);
        let committed = consumer.committed_offsets(list, DEADLINE).unwrap();
        committed
            .elements()
            .iter()
            .filter_map(|element| element.offset().to_raw())
            .filter(|raw| *raw >= 0)
            .sum()
    }
}

/// Waits until something holds.
pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < until, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A run beside the test, which ends when the test wants it to.
pub(super) struct Running {
    shutdown: service::Shutdown,
    task: tokio::task::JoinHandle<Result<(), RunError>>,
}

type Run = Pin<Box<dyn Future<Output = Result<(), RunError>> + Send>>;

impl Running {
    pub(super) fn start(run: impl FnOnce(service::Shutdown) -> Run) -> Self {
        let shutdown = service::Shutdown::new();
        Self { task: tokio::runtime::Handle::current().spawn(run(shutdown.clone())), shutdown }
    }

    /// Ends it in good order, in the time that operators are promised.
    pub(super) async fn stop(self) {
        self.shutdown.trigger();
        tokio::time::timeout(Duration::from_secs(10), self.task)
            .await
            .expect("ends in time")
            .unwrap()
            .unwrap();
    }

    /// Waits for its failure.
    pub(super) async fn failure(self) -> RunError {
        tokio::time::timeout(DEADLINE, self.task).await.expect("fails in time").unwrap().unwrap_err()
    }
}

/// The registry's id of a topic's schema.
pub(super) fn id(topic: &Topic) -> u32 {
    u32::try_from(topics::ALL.iter().position(|one| one.name == topic.name).unwrap()).unwrap() + 100
}

pub(super) fn key(number: i64) -> Uuid {
    Uuid::from_u128(u128::try_from(number).unwrap() + 1)
}

/// An encoded balance of that amount.
pub(super) fn datum(number: i64) -> Vec<u8> {
    avro::encode(&balance(number)).unwrap()
}

fn balance(number: i64) -> BalanceSnapshot {
    let id = Uuid::from_u128(7).to_string();
    BalanceSnapshot {
        account_key: id.parse().unwrap(),
        provenance: Provenance {
            tenant_id: "bank".parse().unwrap(),
            user_id: "user".parse().unwrap(),
            institution_id: "sandbox".parse().unwrap(),
            consent_id: id.parse().unwrap(),
            epoch: 1,
            job_id: id.parse().unwrap(),
            window_id: id.parse().unwrap(),
            attempt: 1,
            sequence: 0,
            length: 1,
            fetched_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        },
        balances: vec![Balance {
            kind: BalanceKind::Booked,
            amount: Decimal::from(number),
            currency: "GBP".parse().unwrap(),
            as_of: "2026-01-01T00:00:00Z".parse().unwrap(),
            includes_credit_line: false,
        }],
    }
}

/// The number that a balance carries.
pub(super) fn number(balance: &BalanceSnapshot) -> i64 {
    i64::try_from(balance.balances[0].amount).unwrap()
}

/// The message that passes a number on.
pub(super) fn pass_on(topic: &'static Topic, number: i64) -> Outbound {
    Outbound {
        topic,
        key: key(number),
        partition_key: key(number),
        event_id: key(number),
        payload: Some(datum(number)),
    }
}

/// How often each number is among messages that were passed on.
pub(super) fn numbers(messages: &[OwnedMessage]) -> BTreeMap<i64, usize> {
    let mut counts = BTreeMap::new();
    for message in messages {
        let (_, datum) = avro::unframe(message.payload().unwrap()).unwrap();
        *counts.entry(number(&avro::decode(datum, BalanceSnapshot::codec()).unwrap())).or_default() += 1;
    }
    counts
}

/// A header's text.
pub(super) fn header(message: &OwnedMessage, name: &str) -> Option<String> {
    let header = message.headers()?.iter().find(|header| header.key == name)?;
    header.value.map(|value| String::from_utf8(value.to_vec()).unwrap())
}
