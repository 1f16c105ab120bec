//! Topics as a client of another house sees them: librdkafka, the registry over HTTP, and committed records only.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use events::avro::{self, Codec};
use events::{Record, Topic};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde::Deserialize;
use url::Url;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(20);

/// The broker and its registry.
#[derive(Debug, Clone)]
pub struct Broker {
    /// Bootstrap servers.
    pub servers: String,
    /// The schema registry.
    pub registry: Url,
    /// What stands before the names of topics and groups.
    pub prefix: String,
}

/// A message as it lies on a topic.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The key.
    pub key: Uuid,
    /// The framed value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// The headers.
    pub headers: BTreeMap<String, String>,
}

impl Broker {
    /// Everything committed on a topic from its beginning to its present end, in the order of each partition.
    pub fn read(&self, topic: &str) -> Vec<Seen> {
        let consumer = self.consumer("reader");
        let mut everything = TopicPartitionList::new();
        let partitions = self.partitions(&consumer, topic);
        for &partition in &partitions {
            everything.add_partition_offset(&self.named(topic), partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&everything).unwrap();
        let mut seen = Vec::new();
        let mut open = partitions.len();
        while open > 0 {
            match consumer.poll(PATIENCE) {
                Some(Ok(message)) => seen.push(Seen::from(&message)),
                Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
                Some(Err(error)) => panic!("{topic} cannot be read: {error}"),
                None => panic!("{topic} does not come to its end"),
            }
        }
        seen
    }

    /// What a consumer that keeps the last value of each key holds at the end of a topic; `None` is a tombstone.
    pub async fn last_values<T: Record>(&self, topic: &Topic) -> BTreeMap<Uuid, Option<T>> {
        let last: BTreeMap<Uuid, Seen> =
            self.read(topic.name).into_iter().map(|seen| (seen.key, seen)).collect();
        let mut values = BTreeMap::new();
        let mut schemas = Schemas::default();
        for (key, seen) in last {
            values.insert(key, schemas.decode(self, &seen).await);
        }
        values
    }

    /// Every record of a topic, decoded; tombstones are left out.
    pub async fn records<T: Record>(&self, topic: &Topic) -> Vec<(Seen, T)> {
        let mut records = Vec::new();
        let mut schemas = Schemas::default();
        for seen in self.read(topic.name) {
            if let Some(value) = schemas.decode(self, &seen).await {
                records.push((seen, value));
            }
        }
        records
    }

    /// Publishes as another system would, and waits for the broker's acknowledgement.
    pub async fn publish<T: Record>(&self, topic: &Topic, key: Uuid, record: &T) {
        #[derive(Deserialize)]
        struct Registered {
            id: u32,
        }
        let path = format!("subjects/{}/versions/latest", self.named(&topic.subject()));
        let registered: Registered = self.ask_registry(&path).await;
        self.publish_bytes(topic, key, &avro::frame(registered.id, &avro::encode(record).unwrap()));
    }

    /// Publishes a value as it is.
    pub fn publish_bytes(&self, topic: &Topic, key: Uuid, value: &[u8]) {
        // Kafka's own choice of partition, which librdkafka does not make by itself.
        let mut client = self.client();
        client.set("partitioner", "murmur2_random");
        let producer: ThreadedProducer<DefaultProducerContext> = client.create().unwrap();
        let (name, key) = (self.named(topic.name), key.to_string());
        producer.send(BaseRecord::to(&name).key(&key).payload(value)).map_err(|(error, _)| error).unwrap();
        producer.flush(PATIENCE).unwrap();
    }

    /// The next offset a group will read, by partition; what it never read is missing.
    pub fn committed(&self, group: &str, topic: &str) -> BTreeMap<i32, i64> {
        let consumer = self.consumer(&format!("{}{group}", self.prefix));
        let mut asked = TopicPartitionList::new();
        for partition in self.partitions(&consumer, topic) {
            asked.add_partition(&self.named(topic), partition);
        }
        let committed = consumer.committed_offsets(asked, PATIENCE).unwrap();
        let elements = committed.elements();
        elements
            .iter()
            .filter_map(|one| Some((one.partition(), one.offset().to_raw().filter(|&raw| raw >= 0)?)))
            .collect()
    }

    /// How much was ever published on a topic.
    pub fn end(&self, topic: &str) -> i64 {
        let consumer = self.consumer("reader");
        let partitions = self.partitions(&consumer, topic).into_iter();
        partitions.map(|one| consumer.fetch_watermarks(&self.named(topic), one, PATIENCE).unwrap().1).sum()
    }

    fn partitions(&self, consumer: &BaseConsumer, topic: &str) -> Vec<i32> {
        let metadata = consumer.fetch_metadata(Some(&self.named(topic)), PATIENCE).unwrap();
        metadata.topics()[0].partitions().iter().map(|partition| partition.id()).collect()
    }

    fn named(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers);
        config
    }

    fn consumer(&self, group: &str) -> BaseConsumer {
        let mut config = self.client();
        config.set("group.id", group).set("isolation.level", "read_committed");
        config.set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        // The end of a topic is told by an answer without records; the broker may not hold it back.
        config.set("fetch.wait.max.ms", "20");
        config.create().unwrap()
    }

    async fn ask_registry<T: for<'de> Deserialize<'de>>(&self, path: &str) -> T {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = http.get(self.registry.join(path).unwrap()).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }
}

impl Seen {
    fn from(message: &impl Message) -> Self {
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            partition: message.partition(),
            offset: message.offset(),
            key: Uuid::parse_str(std::str::from_utf8(message.key().unwrap()).unwrap()).unwrap(),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.map(|one| (one.key.to_owned(), text(one.value.unwrap_or_default()))).collect(),
        }
    }
}

/// Writers' schemas by id, asked for once.
#[derive(Default)]
struct Schemas(BTreeMap<u32, Codec>);

impl Schemas {
    async fn decode<T: Record>(&mut self, broker: &Broker, seen: &Seen) -> Option<T> {
        #[derive(Deserialize)]
        struct Written {
            schema: String,
        }
        let (id, datum) = avro::unframe(seen.value.as_ref()?).unwrap();
        let codec = match self.0.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let written: Written = broker.ask_registry(&format!("schemas/ids/{id}")).await;
                new.insert(Codec::parse(&written.schema).unwrap())
            }
        };
        Some(avro::decode(datum, codec).unwrap())
    }
}
