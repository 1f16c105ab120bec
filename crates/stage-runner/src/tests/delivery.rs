//! Members come and go, brokers fail: nothing is lost.

use std::sync::Arc;
use std::time::Duration;

use events::topics;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::site::{Running, Site, numbers, until};
use super::stages::{SPEC, Sorter, start};
use crate::{Delivery, Kafka, StageSpec};

/// The numbers that the sorter passes on.
fn passed(numbers: std::ops::Range<i64>) -> Vec<i64> {
    numbers.filter(|n| n % 3 != 0 && n % 5 != 0).collect()
}

async fn all_arrive(site: &Site, upto: i64) {
    let wanted = passed(0..upto);
    let found = site.read("fetch.outcomes", |found| numbers(found).len() >= wanted.len()).await;
    assert_eq!(numbers(&found).into_keys().collect::<Vec<_>>(), wanted);
}

fn run(kafka: &Kafka, workers: usize) -> Running {
    start(kafka, StageSpec { workers, ..SPEC }, &Arc::new(Sorter::default()))
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_come_and_go_lose_nothing() {
    let site = Site::new(Delivery::AtLeastOnce).await;
    let first = run(&site.connect_as("first").await, 2);
    site.write_numbers(&topics::BALANCES, 0..300).await;
    let second = run(&site.connect_as("second").await, 1);
    site.write_numbers(&topics::BALANCES, 300..600).await;
    first.stop().await;
    site.write_numbers(&topics::BALANCES, 600..900).await;
    all_arrive(&site, 900).await;
    until("every offset is committed", || site.committed("sorter", &topics::BALANCES) == 900).await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_good_end_nothing_is_done_twice() {
    let site = Site::new(Delivery::AtLeastOnce).await;
    for round in 0..3 {
        let running = run(&site.connect().await, 1);
        site.write_numbers(&topics::BALANCES, round * 100..(round + 1) * 100).await;
        let wanted = passed(0..(round + 1) * 100).len();
        let found = site.read("fetch.outcomes", |found| numbers(found).len() >= wanted).await;
        assert_eq!(found.len(), wanted, "in round {round}");
        running.stop().await;
    }
}

/// Requests that fail while records flow.
async fn survives(api: RDKafkaApiKey, errors: &[RDKafkaRespErr]) {
    let site = Site::new(Delivery::ExactlyOnce).await;
    let running = run(&site.connect().await, 1);
    site.write_numbers(&topics::BALANCES, 0..30).await;
    all_arrive(&site, 30).await;
    site.cluster.request_errors(api, errors);
    site.write_numbers(&topics::BALANCES, 30..120).await;
    all_arrive(&site, 120).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_the_broker_refuses_loses_nothing() {
    survives(
        RDKafkaApiKey::EndTxn,
        &[
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_TXN_STATE,
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_that_the_broker_refuses_lose_nothing() {
    survives(
        RDKafkaApiKey::TxnOffsetCommit,
        &[
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_was_fenced_is_replaced_and_loses_nothing() {
    survives(RDKafkaApiKey::EndTxn, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_for_a_while_loses_nothing() {
    let site = Site::new(Delivery::AtLeastOnce).await;
    let running = run(&site.connect().await, 1);
    site.write_numbers(&topics::BALANCES, 0..30).await;
    all_arrive(&site, 30).await;
    site.cluster.broker_down(1).unwrap();
    // Time for the worker to run into it; whatever it is doing then, the end must be the same.
    tokio::time::sleep(Duration::from_millis(700)).await;
    site.cluster.broker_up(1).unwrap();
    site.write_numbers(&topics::BALANCES, 30..120).await;
    all_arrive(&site, 120).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_gone_before_they_were_read_do_not_stop_the_stage() {
    let mut site = Site::new(Delivery::AtLeastOnce).await;
    site.config.max_consecutive_rejections = usize::MAX;
    let running = run(&site.connect().await, 1);
    site.write_numbers(&topics::BALANCES, 0..12).await;
    all_arrive(&site, 12).await;
    until("the first are committed", || site.committed("sorter", &topics::BALANCES) == 12).await;
    running.stop().await;
    // The cluster in process keeps 5 MB of a partition.
    for _ in 0..70 {
        site.write("balances", 1, None, Some(&[1; 100_000])).await;
    }
    assert!(site.oldest(&topics::BALANCES, 1) > 2, "something is gone that the group has not read");
    let running = run(&site.connect().await, 1);
    site.write_numbers(&topics::BALANCES, 12..24).await;
    all_arrive(&site, 24).await;
    running.stop().await;
}
