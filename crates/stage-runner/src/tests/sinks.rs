//! Topic to store.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use events::{BalanceSnapshot, topics};
use tokio::sync::Semaphore;

use super::site::{Running, Site, header, number, numbers, until};
use crate::{Delivery, Fault, Inbound, Kafka, Progress, Rejection, Sink, SinkSpec, run_sink};

/// A store in memory that keeps rows and positions together.
#[derive(Default)]
struct Memory {
    state: Mutex<State>,
    /// So many writes fail, and
    lost_answers: AtomicUsize,
    /// so often it was asked for positions.
    asked: AtomicUsize,
    /// Writes wait for a permit, if there is a gate.
    gate: Option<Semaphore>,
}

#[derive(Default)]
struct State {
    rows: Vec<i64>,
    positions: HashMap<i32, i64>,
}

impl Sink for Memory {
    type In = BalanceSnapshot;

    async fn positions(&self, _: &str, topic: &str, partitions: &[i32]) -> Result<Vec<(i32, i64)>, Fault> {
        assert_eq!(topic, "balances");
        self.asked.fetch_add(1, Ordering::SeqCst);
        let state = self.state.lock().unwrap();
        Ok(partitions.iter().filter_map(|one| Some((*one, *state.positions.get(one)?))).collect())
    }

    async fn write(
        &self,
        _: &str,
        batch: &[Inbound<BalanceSnapshot>],
        progress: &[Progress],
    ) -> Result<Vec<(usize, Rejection)>, Fault> {
        if let Some(gate) = &self.gate {
            gate.acquire().await?.forget();
        }
        let mut state = self.state.lock().unwrap();
        for step in progress {
            if state.positions.get(&step.partition).is_some_and(|stored| *stored > step.from) {
                return Err(Fault::new("older than what is stored"));
            }
        }
        state.positions.extend(progress.iter().map(|step| (step.partition, step.next)));
        let numbers: Vec<_> = batch.iter().map(|record| number(record.value.as_ref().unwrap())).collect();
        state.rows.extend(numbers.iter().filter(|n| *n % 5 != 0));
        if self
            .lost_answers
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok()
        {
            return Err(Fault::new("the connection broke after the commit"));
        }
        let refused = numbers.iter().enumerate().filter(|(_, n)| *n % 5 == 0);
        Ok(refused.map(|(at, _)| (at, Rejection { code: "fifth", detail: String::new() })).collect())
    }
}

impl Memory {
    fn rows(&self) -> Vec<i64> {
        let mut rows = self.state.lock().unwrap().rows.clone();
        rows.sort_unstable();
        rows
    }
}

const SPEC: SinkSpec =
    SinkSpec { name: "memory", inputs: &[&topics::BALANCES], workers: 1, max_batch: 1_000 };

fn start(kafka: &Kafka, sink: &Arc<Memory>) -> Running {
    let (kafka, sink) = (kafka.clone(), Arc::clone(sink));
    Running::start(|shutdown| Box::pin(async move { run_sink(&kafka, SPEC, sink, shutdown).await }))
}

fn landing(upto: i64) -> Vec<i64> {
    (0..upto).filter(|n| n % 5 != 0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_land_once_over_restarts_and_the_group_is_told() {
    let (site, sink) = (Site::new(Delivery::ExactlyOnce).await, Arc::<Memory>::default());
    for round in 1..=2 {
        let running = start(&site.connect().await, &sink);
        site.write_numbers(&topics::BALANCES, (round - 1) * 60..round * 60).await;
        until("all rows have landed", || sink.rows().len() >= landing(round * 60).len()).await;
        assert_eq!(sink.rows(), landing(round * 60));
        until("the group knows", || site.committed("memory", &topics::BALANCES) == round * 60).await;
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stores_positions_count_and_not_the_groups() {
    let (site, sink) = (Site::new(Delivery::AtLeastOnce).await, Arc::<Memory>::default());
    sink.state.lock().unwrap().positions.extend([(1, 5), (2, 10)]);
    site.write_numbers(&topics::BALANCES, 0..60).await;
    let running = start(&site.connect().await, &sink);
    // Partition 1 holds 1, 7, 13, …; the first five are stored already, and of partition 2 everything is.
    let expected: Vec<_> =
        landing(60).into_iter().filter(|n| n % 6 != 2 && (n % 6 != 1 || n / 6 >= 5)).collect();
    until("the others have landed", || sink.rows().len() >= expected.len()).await;
    assert_eq!(sink.rows(), expected);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_was_lost_writes_nothing_twice() {
    let (site, sink) =
        (Site::new(Delivery::AtLeastOnce).await, Memory { lost_answers: 2.into(), ..Memory::default() });
    let sink = Arc::new(sink);
    let running = start(&site.connect().await, &sink);
    site.write_numbers(&topics::BALANCES, 0..60).await;
    until("all rows have landed", || sink.rows().len() >= landing(60).len()).await;
    site.write_numbers(&topics::BALANCES, 60..90).await;
    until("the others have landed", || sink.rows().len() >= landing(90).len()).await;
    assert_eq!(sink.rows(), landing(90));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_sink_refuses_is_in_the_dead_letters_once() {
    let (site, sink) = (Site::new(Delivery::AtLeastOnce).await, Arc::<Memory>::default());
    let running = start(&site.connect().await, &sink);
    site.write("balances", 0, None, Some(b"not a record")).await;
    site.write_numbers(&topics::BALANCES, 1..12).await;
    let dead = site.read("balances.dead", |found| found.len() >= 3).await;
    let (fifth, other): (Vec<_>, Vec<_>) =
        dead.into_iter().partition(|letter| header(letter, "x-dead-code").unwrap() == "fifth");
    assert_eq!(numbers(&fifth).into_iter().collect::<Vec<_>>(), [(5, 1), (10, 1)]);
    assert_eq!(other.len(), 1);
    until("the others have landed", || sink.rows().len() == 9).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_stalls_keeps_its_place_and_misses_nothing() {
    let (site, sink) = (
        Site::new(Delivery::AtLeastOnce).await,
        Memory { gate: Some(Semaphore::new(0)), ..Memory::default() },
    );
    let sink = Arc::new(sink);
    let running = start(&site.connect().await, &sink);
    site.write_numbers(&topics::BALANCES, 0..30).await;
    // Longer than two of the worker's ticks, so that its partitions have been paused and resumed.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    site.write_numbers(&topics::BALANCES, 30..60).await;
    sink.gate.as_ref().unwrap().add_permits(1_000);
    until("all rows have landed", || sink.rows().len() >= landing(60).len()).await;
    assert_eq!(sink.rows(), landing(60));
    assert_eq!(sink.asked.load(Ordering::SeqCst), 1, "the partitions were assigned once");
    running.stop().await;
}
