//! The client library's settings, all in one place.

use rdkafka::ClientConfig;
use secrecy::ExposeSecret;

use crate::{Delivery, GroupProtocol, KafkaConfig, RunError};

/// What one worker is called: in its group, in its transactions, in the broker's logs.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The consumer group, with its prefix.
    pub(crate) group: String,
    /// `<instance>-<stage>-<n>`: stable over restarts and unlike any other worker's.
    pub(crate) member: String,
}

/// A client that neither consumes nor produces.
pub(crate) fn plain(config: &KafkaConfig) -> Result<ClientConfig, RunError> {
    let mut client = ClientConfig::new();
    for (key, value) in &config.properties {
        let value = value.read().map_err(|error| RunError::Config { reason: error.to_string() })?;
        client.set(key, value.expose_secret());
    }
    client
        .set("bootstrap.servers", &config.bootstrap_servers)
        .set("client.id", &config.instance)
        // A broker that comes back is found within a second; the default waits up to ten.
        .set("reconnect.backoff.max.ms", "1000");
    Ok(client)
}

/// A member of a group. Positions are looked up and committed by the worker alone, and a position that the broker no
/// longer has is an error and not a silent jump.
pub(crate) fn consumer(
    config: &KafkaConfig,
    identity: &Identity,
    queue_kbytes: u32,
) -> Result<ClientConfig, RunError> {
    let mut client = plain(config)?;
    client
        .set("client.id", &identity.member)
        .set("group.id", &identity.group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        .set("max.poll.interval.ms", "60000")
        .set("fetch.wait.max.ms", "50")
        .set("fetch.message.max.bytes", "1048576")
        .set("queued.max.messages.kbytes", queue_kbytes.to_string())
        // A full queue is looked at again at once; the default waits a second.
        .set("fetch.queue.backoff.ms", "5")
        .set("statistics.interval.ms", "5000");
    match config.group_protocol {
        GroupProtocol::Classic => client
            .set("group.instance.id", &identity.member)
            .set("partition.assignment.strategy", "range")
            .set("session.timeout.ms", config.session_timeout_ms.to_string())
            .set("heartbeat.interval.ms", (config.session_timeout_ms / 10).to_string()),
        // The broker refuses a static member that comes back before its session has ended: members are dynamic here.
        GroupProtocol::Consumer => client.set("group.protocol", "consumer"),
    };
    Ok(client)
}

/// An idempotent producer, transactional if the installation wants exactly once.
pub(crate) fn stage_producer(config: &KafkaConfig, identity: &Identity) -> Result<ClientConfig, RunError> {
    let mut client = producer(config, &identity.member)?;
    // Without a callback for every delivery; failures still come.
    client.set("delivery.report.only.error", "true");
    match config.delivery {
        Delivery::ExactlyOnce => client
            .set("transactional.id", format!("{}{}", config.group_prefix, identity.member))
            .set("transaction.timeout.ms", config.transaction_timeout_ms.to_string()),
        Delivery::AtLeastOnce => client.set("message.timeout.ms", "20000"),
    };
    Ok(client)
}

/// An idempotent producer that reports every delivery; what is not delivered within `timeout_ms` is a failure.
pub(crate) fn reporting_producer(
    config: &KafkaConfig,
    name: &str,
    timeout_ms: u32,
) -> Result<ClientConfig, RunError> {
    let mut client = producer(config, &format!("{}-{name}", config.instance))?;
    client.set("message.timeout.ms", timeout_ms.to_string());
    Ok(client)
}

fn producer(config: &KafkaConfig, client_id: &str) -> Result<ClientConfig, RunError> {
    let mut client = plain(config)?;
    client
        .set("client.id", client_id)
        .set("enable.idempotence", "true")
        .set("linger.ms", "2")
        .set("batch.size", "1000000")
        .set("message.max.bytes", "6291456")
        .set("queue.buffering.max.kbytes", "16384")
        .set("queue.buffering.max.messages", "50000")
        // With the default of 100 ms a transaction that follows another at once waits that long.
        .set("retry.backoff.ms", "5")
        .set("retry.backoff.max.ms", "200")
        .set("compression.codec", "lz4");
    Ok(client)
}
