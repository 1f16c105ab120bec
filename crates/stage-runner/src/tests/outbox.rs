//! Store to topic.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use events::topics;
use rdkafka::message::{Message, OwnedMessage};

use super::site::{Running, Site, TRACE, header, numbers, pass_on, until};
use crate::outbox::{RelaySpec, Row, Source, run_relay};
use crate::{Delivery, Fault, Kafka};

/// An outbox in memory.
#[derive(Default)]
struct Table {
    rows: Mutex<BTreeMap<i64, Row>>,
    leased_to_another: AtomicBool,
    asked: AtomicUsize,
    failing_deletes: AtomicUsize,
}

#[derive(Clone, Default)]
struct Handle(Arc<Table>);

impl Source for Handle {
    async fn lease(&self, holder: &str) -> Result<bool, Fault> {
        assert_eq!(holder, "here");
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        Ok(!self.0.leased_to_another.load(Ordering::SeqCst))
    }

    async fn read(&self, limit: i64) -> Result<Vec<Row>, Fault> {
        let rows = self.0.rows.lock().unwrap();
        Ok(rows.values().take(usize::try_from(limit).unwrap()).cloned().collect())
    }

    async fn delete(&self, ids: &[i64]) -> Result<(), Fault> {
        let failing = &self.0.failing_deletes;
        if failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(Fault::new("the store is away"));
        }
        self.0.rows.lock().unwrap().retain(|id, _| !ids.contains(id));
        Ok(())
    }
}

impl Handle {
    /// Rows of three keys in turn, each with its number as payload.
    fn put(&self, numbers: std::ops::Range<i64>) {
        let mut rows = self.0.rows.lock().unwrap();
        for id in numbers {
            let message =
                events::Outbound { key: super::site::key(id % 3), ..pass_on(&topics::FETCH_OUTCOMES, id) };
            let message = message.clone().partitioned_by(message.key);
            rows.insert(id, Row { id, message, trace: Some(TRACE.to_owned()) });
        }
    }

    fn is_empty(&self) -> bool {
        self.0.rows.lock().unwrap().is_empty()
    }
}

fn start(kafka: &Kafka, source: &Handle) -> Running {
    let (kafka, source) = (kafka.clone(), source.clone());
    let spec = RelaySpec { holder: "here".to_owned(), idle_poll: Duration::from_millis(20) };
    Running::start(|shutdown| Box::pin(async move { run_relay(&kafka, source, spec, shutdown).await }))
}

/// The numbers of each key, in the order of the topic.
fn by_key(messages: &[OwnedMessage]) -> BTreeMap<Vec<u8>, Vec<i64>> {
    let mut keys: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for message in messages {
        let number = numbers(std::slice::from_ref(message)).into_keys().next().unwrap();
        keys.entry(message.key().unwrap().to_vec()).or_default().push(number);
    }
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_published_in_the_order_of_their_key_and_deleted() {
    let (site, source) = (Site::new(Delivery::AtLeastOnce).await, Handle::default());
    source.put(0..1_200);
    let running = start(&site.connect().await, &source);
    let found = site.read("fetch.outcomes", |found| found.len() >= 1_200).await;
    for numbers in by_key(&found).values() {
        assert!(numbers.is_sorted());
    }
    assert_eq!(header(&found[0], "traceparent").unwrap(), TRACE);
    assert_eq!(header(&found[0], "ce_source").unwrap(), "/connector/outbox");
    until("the outbox is empty", || source.is_empty()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_could_not_be_deleted_come_again_under_the_same_id() {
    let (site, source) = (Site::new(Delivery::AtLeastOnce).await, Handle::default());
    source.0.failing_deletes.store(1, Ordering::SeqCst);
    source.put(0..3);
    let running = start(&site.connect().await, &source);
    let found = site.read("fetch.outcomes", |found| found.len() >= 6).await;
    for (key, mut numbers) in by_key(&found) {
        numbers.dedup();
        assert_eq!(numbers.len(), 1, "{key:?}");
    }
    let ids: std::collections::BTreeSet<_> = found.iter().map(|message| header(message, "ce_id")).collect();
    assert_eq!(ids.len(), 3);
    until("the outbox is empty", || source.is_empty()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_did_not_take_stays_and_comes_later() {
    let (site, source) = (Site::new(Delivery::AtLeastOnce).await, Handle::default());
    let running = start(&site.connect().await, &source);
    source.put(0..3);
    until("the outbox is empty", || source.is_empty()).await;
    site.cluster.broker_down(1).unwrap();
    source.put(3..9);
    let asked = source.0.asked.load(Ordering::SeqCst);
    until("the relay has given up once", || source.0.asked.load(Ordering::SeqCst) > asked + 1).await;
    assert!(!source.is_empty());
    site.cluster.broker_up(1).unwrap();
    until("the outbox is empty", || source.is_empty()).await;
    let found = site.read("fetch.outcomes", |found| numbers(found).len() >= 9).await;
    for numbers in by_key(&found).values() {
        assert_eq!(numbers.iter().max(), numbers.last(), "the latest is the last");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_the_lease_publishes_nothing() {
    let (site, source) = (Site::new(Delivery::AtLeastOnce).await, Handle::default());
    source.0.leased_to_another.store(true, Ordering::SeqCst);
    source.put(0..3);
    let running = start(&site.connect().await, &source);
    until("it has asked twice", || source.0.asked.load(Ordering::SeqCst) >= 2).await;
    assert!(!source.is_empty());
    source.0.leased_to_another.store(false, Ordering::SeqCst);
    until("the outbox is empty", || source.is_empty()).await;
    running.stop().await;
}
