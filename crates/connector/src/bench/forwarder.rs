//! The reference: consume, send, commit in transactions every 100 ms, and nothing in between.

use std::time::{Duration, Instant};

use anyhow::bail;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use super::cpu;
use super::producer::Feed;
use super::set_up::Site;

/// The size of an encoded transaction between the stages.
const BYTES: usize = 350;
const COMMIT_EVERY: Duration = Duration::from_millis(100);

/// What the reference costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forwarder {
    pub(super) records: usize,
    pub(super) cpu: Duration,
}

pub(super) async fn measure(site: &Site, records: usize) -> anyhow::Result<Forwarder> {
    let (from, to) = (site.plain_topic("forward-in").await?, site.plain_topic("forward-out").await?);
    let feed = Feed::connect(&site.bootstrap)?;
    let payload = vec![7_u8; BYTES];
    for n in 0..records {
        let partition = i32::try_from(n % 6)?;
        feed.send(&from, partition, "3f2504e0-4f89-41d3-9a0c-0305e82c3301", &payload).await?;
    }
    feed.drain().await?;
    drop(feed);
    let bootstrap = site.bootstrap.clone();
    tokio::task::spawn_blocking(move || forward(&bootstrap, &from, &to, records)).await?
}

fn forward(bootstrap: &str, from: &str, to: &str, records: usize) -> anyhow::Result<Forwarder> {
    let consumer: BaseConsumer = client(bootstrap)
        .set("group.id", from)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        .set("partition.assignment.strategy", "range")
        .set("queued.max.messages.kbytes", "16384")
        .set("fetch.queue.backoff.ms", "5")
        .create()?;
    let producer: ThreadedProducer<DefaultProducerContext> = client(bootstrap)
        .set("transactional.id", from)
        .set("linger.ms", "2")
        .set("batch.size", "1000000")
        .set("queue.buffering.max.kbytes", "16384")
        .set("retry.backoff.ms", "5")
        .set("compression.codec", "lz4")
        .set("delivery.report.only.error", "true")
        .create()?;
    producer.init_transactions(Duration::from_secs(30))?;
    consumer.subscribe(&[from])?;
    let mut run = Run { consumer, producer, to, done: 0 };
    // The join is not what is measured: the clock starts with the first record.
    run.first(Duration::from_secs(30))?;
    let cpu = cpu::of(std::process::id())?;
    while run.done < records {
        run.transaction(records)?;
    }
    Ok(Forwarder { records, cpu: cpu::of(std::process::id())? - cpu })
}

struct Run<'t> {
    consumer: BaseConsumer,
    producer: ThreadedProducer<DefaultProducerContext>,
    to: &'t str,
    done: usize,
}

impl Run<'_> {
    fn first(&mut self, patience: Duration) -> anyhow::Result<()> {
        let begun = Instant::now();
        // A poll also returns, empty-handed, when the group has changed.
        let message = loop {
            if let Some(message) = self.consumer.poll(Duration::from_secs(1)).transpose()? {
                break message;
            }
            if begun.elapsed() > patience {
                bail!("no record within {patience:?}");
            }
        };
        self.producer.begin_transaction()?;
        send(&self.producer, self.to, &message)?;
        drop(message);
        self.done += 1;
        self.commit()
    }

    fn transaction(&mut self, records: usize) -> anyhow::Result<()> {
        self.producer.begin_transaction()?;
        let begun = Instant::now();
        while begun.elapsed() < COMMIT_EVERY && self.done < records {
            if let Some(message) = self.consumer.poll(Duration::from_millis(10)).transpose()? {
                send(&self.producer, self.to, &message)?;
                self.done += 1;
            }
        }
        self.commit()
    }

    #[expect(clippy::disallowed_methods, reason = "this thread belongs to the forwarder alone")]
    fn commit(&self) -> anyhow::Result<()> {
        let group = self.consumer.group_metadata().ok_or_else(|| anyhow::anyhow!("no group"))?;
        self.producer.send_offsets_to_transaction(
            &self.consumer.position()?,
            &group,
            Duration::from_secs(30),
        )?;
        while self.producer.in_flight_count() > 0 {
            std::thread::sleep(Duration::from_micros(500));
        }
        Ok(self.producer.commit_transaction(Duration::from_secs(30))?)
    }
}

#[expect(clippy::disallowed_methods, reason = "this thread belongs to the forwarder alone")]
fn send(
    producer: &ThreadedProducer<DefaultProducerContext>,
    to: &str,
    message: &impl Message,
) -> anyhow::Result<()> {
    let key = message.key().unwrap_or_default();
    let mut record = BaseRecord::to(to)
        .partition(message.partition())
        .key(key)
        .payload(message.payload().unwrap_or_default());
    while let Err((error, back)) = producer.send(record) {
        if error.rdkafka_error_code() != Some(rdkafka::error::RDKafkaErrorCode::QueueFull) {
            return Err(error.into());
        }
        record = back;
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}
