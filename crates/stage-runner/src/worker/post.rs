//! A producer for few messages, each of which is waited for.

use std::time::Duration;

use events::{Outbound, Topic};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Message, OwnedHeaders, ToBytes};
use rdkafka::producer::future_producer::{DeliveryFuture, FutureProducer, FutureRecord};
use uuid::Uuid;

use super::letters::{self, Letter};
use super::outlet::undeclared;
use crate::kafka::{clients, message};
use crate::{Fault, Kafka, Rejection, RunError};

/// How long a full queue may hold a message up.
const QUEUE: Duration = Duration::from_secs(10);

/// Sends single messages.
#[derive(Clone)]
pub(crate) struct Post {
    producer: FutureProducer,
    kafka: Kafka,
    name: &'static str,
    outputs: Option<&'static [&'static Topic]>,
    source: String,
}

impl Post {
    /// A producer for the given topics, or for all. What is not delivered within `timeout_ms` is a fault.
    pub(crate) fn open(
        kafka: &Kafka,
        name: &'static str,
        outputs: Option<&'static [&'static Topic]>,
        timeout_ms: u32,
    ) -> Result<Self, RunError> {
        let producer = clients::reporting_producer(&kafka.0.config, name, timeout_ms)?
            .create()
            .map_err(RunError::broker("creating a producer"))?;
        Ok(Self { producer, kafka: kafka.clone(), name, outputs, source: format!("/connector/{name}") })
    }

    /// The stage it sends for.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Sends a message and waits until the broker has it.
    pub(crate) async fn send(&self, message: &Outbound, trace: Option<&str>) -> Result<(), Fault> {
        self.enqueue(message, trace).await?.await
    }

    /// Puts a message in line; messages of one partition keep their order. What comes back waits for its delivery.
    pub(crate) async fn enqueue(
        &self,
        message: &Outbound,
        trace: Option<&str>,
    ) -> Result<impl Future<Output = Result<(), Fault>> + use<>, Fault> {
        let declared = self.outputs.is_none_or(|all| all.iter().any(|one| std::ptr::eq(*one, message.topic)));
        let target = self.kafka.0.target(message.topic).filter(|_| declared);
        let target = target.ok_or_else(|| undeclared(self.name, message.topic))?;
        let framed = message.payload.as_ref().map(|datum| events::avro::frame(target.schema_id, datum));
        let mut key = Uuid::encode_buffer();
        let key: &str = message.key.as_hyphenated().encode_lower(&mut key);
        let headers = message::headers(message, &self.source, trace);
        let record = FutureRecord {
            topic: &target.name,
            partition: Some(events::partition_of(message.partition_key, target.partitions)),
            payload: framed.as_deref(),
            key: Some(key),
            timestamp: None,
            headers: Some(headers),
        };
        self.line_up(record).await
    }

    /// Sends a dead letter and waits until the broker has it.
    pub(crate) async fn bury(
        &self,
        topic: &'static Topic,
        message: &impl Message,
        rejection: &Rejection,
    ) -> Result<(), Fault> {
        let letter = letters::address(&self.kafka, self.name, topic, message, rejection);
        let Letter { topic, partition, headers } = letter.ok_or_else(|| undeclared(self.name, topic))?;
        self.forward(&topic, partition, message, headers).await
    }

    /// Sends a message on as it is, under other headers, and waits until the broker has it.
    pub(crate) async fn forward(
        &self,
        topic: &str,
        partition: i32,
        message: &impl Message,
        headers: OwnedHeaders,
    ) -> Result<(), Fault> {
        let record = FutureRecord {
            topic,
            partition: Some(partition),
            payload: message.payload(),
            key: message.key(),
            timestamp: None,
            headers: Some(headers),
        };
        self.line_up(record).await?.await
    }

    async fn line_up<K: ToBytes + ?Sized>(
        &self,
        mut record: FutureRecord<'_, K, [u8]>,
    ) -> Result<impl Future<Output = Result<(), Fault>> + use<K>, Fault> {
        let begun = tokio::time::Instant::now();
        loop {
            match self.producer.send_result(record) {
                Ok(delivery) => return Ok(delivered(delivery)),
                Err((error, back)) => {
                    let full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
                    if !full || begun.elapsed() > QUEUE {
                        return Err(error.into());
                    }
                    record = back;
                }
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

async fn delivered(delivery: DeliveryFuture) -> Result<(), Fault> {
    match delivery.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err((error, _))) => Err(error.into()),
        Err(_) => Err(KafkaError::Canceled.into()),
    }
}
