//! Many records under way at once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use events::{BalanceSnapshot, topics};
use tokio::sync::Notify;

use super::site::{Running, Site, TRACE, header, number, numbers, pass_on, until};
use crate::{Delivery, Done, Emitter, Fault, Inbound, Kafka, Rejection, Work, WorkSpec, run_work};

/// Passes numbers on; number 0 waits until it is let go, number 6 fails at first, and 5 is rejected.
#[derive(Default)]
struct Slow {
    let_go: Notify,
    failed: AtomicUsize,
    at_once: AtomicUsize,
    most: AtomicUsize,
    done: Mutex<HashSet<i64>>,
}

impl Work for Slow {
    type In = BalanceSnapshot;

    async fn handle(&self, message: &Inbound<BalanceSnapshot>, out: &Emitter) -> Result<Done, Fault> {
        let Some(number) = message.value.as_ref().map(number) else {
            return Ok(Done::Drop { reason: "tombstone" });
        };
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let done = self.attend(number, out).await;
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        self.done.lock().unwrap().insert(number);
        done
    }
}

impl Slow {
    async fn attend(&self, number: i64, out: &Emitter) -> Result<Done, Fault> {
        match number {
            0 => self.let_go.notified().await,
            5 => return Ok(Done::Reject(Rejection { code: "five", detail: String::new() })),
            6 if self.failed.fetch_add(1, Ordering::SeqCst) == 0 => return Err(Fault::new("at first")),
            _ => (),
        }
        out.send(pass_on(&topics::FETCH_OUTCOMES, number)).await?;
        Ok(Done::Ok)
    }
}

const SPEC: WorkSpec = WorkSpec {
    name: "slow",
    inputs: &[&topics::BALANCES],
    outputs: &[&topics::FETCH_OUTCOMES],
    concurrency: 4,
};

fn start(kafka: &Kafka, work: &Arc<Slow>) -> Running {
    let (kafka, work) = (kafka.clone(), Arc::clone(work));
    Running::start(|shutdown| Box::pin(async move { run_work(&kafka, SPEC, work, shutdown).await }))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_done_without_a_gap_is_committed() {
    let (site, work) = (Site::new(Delivery::AtLeastOnce).await, Arc::<Slow>::default());
    let running = start(&site.connect().await, &work);
    site.write_numbers(&topics::BALANCES, 0..36).await;
    until("all but one are done", || work.done.lock().unwrap().len() == 35).await;
    // Of the first partition nothing: its first record is still under way.
    until("the other partitions are committed", || site.committed("slow", &topics::BALANCES) == 30).await;
    work.let_go.notify_one();
    until("everything is committed", || site.committed("slow", &topics::BALANCES) == 36).await;
    let emitted = site.read("fetch.outcomes", |found| found.len() >= 35).await;
    assert!(numbers(&emitted).values().all(|times| *times == 1));
    assert!(emitted.iter().all(|message| header(message, "traceparent").unwrap() == TRACE));
    let dead = site.read("balances.dead", |found| !found.is_empty()).await;
    assert_eq!(numbers(&dead).into_keys().collect::<Vec<_>>(), [5]);
    assert!(work.most.load(Ordering::SeqCst) <= 4);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_when_a_worker_ended_is_done_by_the_next() {
    let (site, work) = (Site::new(Delivery::AtLeastOnce).await, Arc::<Slow>::default());
    let running = start(&site.connect().await, &work);
    site.write_numbers(&topics::BALANCES, 0..12).await;
    until("all but one are done", || work.done.lock().unwrap().len() == 11).await;
    running.stop().await;
    assert_eq!(site.committed("slow", &topics::BALANCES), 10);
    let next = Arc::<Slow>::default();
    let running = start(&site.connect().await, &next);
    next.let_go.notify_one();
    until("everything is committed", || site.committed("slow", &topics::BALANCES) == 12).await;
    assert_eq!(*next.done.lock().unwrap(), HashSet::from([0, 6]));
    running.stop().await;
}
