//! Feeds topics as fast as the broker takes it; not part of what is measured.

use std::time::Duration;

use anyhow::bail;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

pub(super) struct Feed(ThreadedProducer<DefaultProducerContext>);

impl Feed {
    pub(super) fn connect(bootstrap: &str) -> anyhow::Result<Self> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("enable.idempotence", "true")
            .set("linger.ms", "2")
            .set("message.max.bytes", "5242880")
            .set("compression.codec", "none")
            .create()?;
        Ok(Self(producer))
    }

    /// Hands a message over, waiting while the queue is full.
    pub(super) async fn send(
        &self,
        topic: &str,
        partition: i32,
        key: &str,
        payload: &[u8],
    ) -> anyhow::Result<()> {
        let mut record = BaseRecord::to(topic).partition(partition).key(key).payload(payload);
        loop {
            match self.0.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }

    /// Waits until the broker has everything.
    pub(super) async fn drain(&self) -> anyhow::Result<()> {
        for _ in 0..120_000 {
            if self.0.in_flight_count() == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        bail!("the broker has not taken everything within two minutes")
    }
}
