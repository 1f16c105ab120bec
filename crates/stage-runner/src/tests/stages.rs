//! Topic to topic.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use events::{BalanceSnapshot, topics};
use rdkafka::message::Message;

use super::site::{Running, Site, TRACE, header, number, numbers, pass_on, until};
use crate::{Delivery, Fault, Inbound, Rejection, RunError, Stage, StageSpec, Verdict, run_stage};

/// Passes numbers on, drops every third and rejects every fifth.
#[derive(Default)]
pub(super) struct Sorter {
    /// So many calls fail first.
    pub(super) faults: AtomicUsize,
    pub(super) calls: AtomicUsize,
}

impl Stage for Sorter {
    type In = BalanceSnapshot;

    async fn process(&self, batch: &[Inbound<BalanceSnapshot>]) -> Result<Vec<Verdict>, Fault> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.faults.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(Fault::new("the world is wrong"));
        }
        Ok(batch.iter().map(verdict).collect())
    }
}

fn verdict(record: &Inbound<BalanceSnapshot>) -> Verdict {
    match record.value.as_ref().map(number) {
        None => Verdict::Drop { reason: "tombstone" },
        Some(number) if number % 3 == 0 => Verdict::Drop { reason: "third" },
        Some(number) if number % 5 == 0 => {
            Verdict::Reject(Rejection { code: "fifth", detail: format!("{number} is a multiple of five") })
        }
        Some(number) => Verdict::EmitOne(pass_on(&topics::FETCH_OUTCOMES, number)),
    }
}

pub(super) const SPEC: StageSpec = StageSpec {
    name: "sorter",
    inputs: &[&topics::BALANCES],
    outputs: &[&topics::FETCH_OUTCOMES],
    workers: 1,
};

pub(super) fn start<S: Stage>(kafka: &crate::Kafka, spec: StageSpec, stage: &Arc<S>) -> Running {
    let (kafka, stage) = (kafka.clone(), Arc::clone(stage));
    Running::start(|shutdown| Box::pin(async move { run_stage(&kafka, spec, stage, shutdown).await }))
}

fn sorted(upto: i64) -> (BTreeSet<i64>, BTreeSet<i64>) {
    let passed = (0..upto).filter(|n| n % 3 != 0 && n % 5 != 0).collect();
    (passed, (0..upto).filter(|n| n % 3 != 0 && n % 5 == 0).collect())
}

async fn every_record_is_emitted_dropped_or_rejected(delivery: Delivery) {
    let site = Site::new(delivery).await;
    let running = start(&site.connect().await, SPEC, &Arc::new(Sorter::default()));
    site.write_numbers(&topics::BALANCES, 0..90).await;
    let (passed, rejected) = sorted(90);
    let emitted = site.read("fetch.outcomes", |found| found.len() >= passed.len()).await;
    let dead = site.read("balances.dead", |found| found.len() >= rejected.len()).await;
    assert_eq!(numbers(&emitted).into_keys().collect::<BTreeSet<_>>(), passed);
    assert_eq!(numbers(&dead).into_keys().collect::<BTreeSet<_>>(), rejected);
    assert_eq!((emitted.len(), dead.len()), (passed.len(), rejected.len()));
    // The cluster in process forgets offsets that come in a transaction.
    if delivery == Delivery::AtLeastOnce {
        until("every offset is committed", || site.committed("sorter", &topics::BALANCES) == 90).await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_is_emitted_dropped_or_rejected_in_transactions() {
    every_record_is_emitted_dropped_or_rejected(Delivery::ExactlyOnce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_is_emitted_dropped_or_rejected_at_least_once() {
    every_record_is_emitted_dropped_or_rejected(Delivery::AtLeastOnce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_carries_its_schema_its_attributes_and_the_trace_of_its_record() {
    let site = Site::new(Delivery::AtLeastOnce).await;
    let running = start(&site.connect().await, SPEC, &Arc::new(Sorter::default()));
    site.write_numbers(&topics::BALANCES, 7..8).await;
    let message = &site.read("fetch.outcomes", |found| !found.is_empty()).await[0];
    let id = super::site::id(&topics::FETCH_OUTCOMES);
    assert_eq!(events::avro::unframe(message.payload().unwrap()).unwrap().0, id);
    let key = super::site::key(7);
    assert_eq!(message.key().unwrap(), key.to_string().as_bytes());
    assert_eq!(message.partition(), events::partition_of(key, 6));
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("ce_id", &key.to_string()),
        ("ce_type", "fetch_outcome"),
        ("ce_source", "/connector/sorter"),
        ("content-type", "application/vnd.confluent.avro"),
        ("traceparent", TRACE),
    ] {
        assert_eq!(header(message, name).as_deref(), Some(value), "{name}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_commits_nothing_and_the_batch_is_done_again() {
    let site = Site::new(Delivery::AtLeastOnce).await;
    let stage = Arc::new(Sorter { faults: 3.into(), ..Sorter::default() });
    let running = start(&site.connect().await, SPEC, &stage);
    site.write_numbers(&topics::BALANCES, 1..3).await;
    until("the stage has failed twice", || stage.calls.load(Ordering::SeqCst) >= 2).await;
    assert_eq!(site.committed("sorter", &topics::BALANCES), 0);
    let emitted = site.read("fetch.outcomes", |found| found.len() >= 2).await;
    assert_eq!(numbers(&emitted).into_keys().collect::<Vec<_>>(), [1, 2]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_missing_topic_or_schema_needs_is_said_at_start() {
    let mut site = Site::new(Delivery::AtLeastOnce).await;
    site.registry.reset().await;
    let error = site.try_connect().await.unwrap_err();
    assert!(error.to_string().contains("connector schemas register"), "{error}");
    site.config.topic_prefix = "other.".to_owned();
    let error = site.try_connect().await.unwrap_err();
    assert!(matches!(&error, RunError::MissingTopics(missing) if missing.len() == 20), "{error}");
    assert!(error.to_string().contains("connector topics apply"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_may_write_only_what_it_declared() {
    let site = Site::new(Delivery::AtLeastOnce).await;
    const OTHER: StageSpec = StageSpec { outputs: &[&topics::ACCOUNTS], ..SPEC };
    let running = start(&site.connect().await, OTHER, &Arc::new(Sorter::default()));
    site.write_numbers(&topics::BALANCES, 1..2).await;
    assert!(running.failure().await.to_string().contains("fetch.outcomes"));
}
