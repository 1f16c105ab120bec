//! What a stage refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use events::{BalanceSnapshot, topics};
use rdkafka::message::Message;

use super::site::{Running, Site, TRACE, header, number, numbers, pass_on};
use super::stages::{SPEC, start};
use crate::admin::dead_letters;
use crate::{Delivery, Fault, Inbound, Kafka, Rejection, RunError, Stage, StageSpec, Verdict};

/// Rejects everything until it is mended.
#[derive(Default)]
struct Broken {
    mended: AtomicBool,
}

impl Stage for Broken {
    type In = BalanceSnapshot;

    async fn process(&self, batch: &[Inbound<BalanceSnapshot>]) -> Result<Vec<Verdict>, Fault> {
        let mended = self.mended.load(Ordering::SeqCst);
        let verdict = |record: &Inbound<BalanceSnapshot>| match &record.value {
            Some(balance) if mended => Verdict::EmitOne(pass_on(&topics::FETCH_OUTCOMES, number(balance))),
            Some(balance) => {
                let rejection = |code| Rejection { code, detail: "too early".to_owned() };
                match number(balance) {
                    8 => Verdict::Partial {
                        emit: vec![pass_on(&topics::FETCH_OUTCOMES, 8)],
                        rejected: vec![rejection("one_part"), rejection("another_part")],
                    },
                    _ => Verdict::Reject(rejection("broken")),
                }
            }
            None => Verdict::Drop { reason: "tombstone" },
        };
        Ok(batch.iter().map(verdict).collect())
    }
}

fn run(kafka: &Kafka, stage: &Arc<Broken>) -> Running {
    start(kafka, StageSpec { name: "broken", ..SPEC }, stage)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_goes_to_the_dead_letters_as_it_was() {
    let site = Site::new(Delivery::AtLeastOnce).await;
    let running = run(&site.connect().await, &Arc::default());
    site.write("balances", 4, Some("any key"), Some(b"{\"json\":true}")).await;
    site.write("balances", 5, None, Some(&events::avro::frame(4711, b"x"))).await;
    let mut dead = site.read("balances.dead", |found| found.len() == 2).await;
    dead.sort_by_key(Message::partition);
    let [json, unknown] = dead.try_into().unwrap();
    assert_eq!(json.partition(), 4);
    assert_eq!(json.key().unwrap(), b"any key");
    assert_eq!(json.payload().unwrap(), b"{\"json\":true}");
    for (name, value) in [
        ("traceparent", TRACE),
        ("x-dead-topic", "balances"),
        ("x-dead-partition", "4"),
        ("x-dead-offset", "0"),
        ("x-dead-stage", "broken"),
        ("x-dead-code", "undecodable"),
        ("x-dead-attempts", "1"),
    ] {
        assert_eq!(header(&json, name).as_deref(), Some(value), "{name}");
    }
    assert!(header(&json, "x-dead-at").is_some() && header(&json, "x-dead-detail").is_some());
    assert_eq!(header(&unknown, "x-dead-code").unwrap(), "unknown_schema");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_can_be_looked_at_and_is_sent_back_once() {
    let site = Site::new(Delivery::AtLeastOnce).await;
    let (kafka, stage) = (site.connect().await, Arc::<Broken>::default());
    let running = run(&kafka, &stage);
    site.write_numbers(&topics::BALANCES, 7..9).await;
    site.read("balances.dead", |found| found.len() == 2).await;

    let letters = dead_letters::list(&site.config, Some("balances")).await.unwrap();
    let codes: Vec<_> = letters.iter().map(|letter| (letter.partition, letter.code.as_str())).collect();
    assert_eq!(codes, [(1, "broken"), (2, "one_part")]);
    assert!(letters[1].detail.contains("another_part"));
    let shown = dead_letters::show(&site.config, "balances", 1, 0).await.unwrap();
    assert_eq!((shown.stage.as_str(), shown.attempts, shown.trace.unwrap().as_str()), ("broken", 1, TRACE));
    let none = dead_letters::show(&site.config, "balances", 1, 9).await.unwrap_err();
    assert!(matches!(none, RunError::NoSuchLetter { .. }));

    assert_eq!(dead_letters::replay(&site.config, "balances", Some("broken")).await.unwrap(), 1);
    let again = site.read("balances.dead", |found| found.len() == 3).await;
    assert!(again.iter().any(|letter| header(letter, "x-dead-attempts").unwrap() == "2"));
    stage.mended.store(true, Ordering::SeqCst);
    assert_eq!(dead_letters::replay(&site.config, "balances", Some("broken")).await.unwrap(), 1);
    let emitted = site.read("fetch.outcomes", |found| found.len() >= 2).await;
    assert_eq!(numbers(&emitted).into_iter().collect::<Vec<_>>(), [(7, 1), (8, 1)]);
    assert_eq!(dead_letters::replay(&site.config, "balances", Some("broken")).await.unwrap(), 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_rejections_in_a_row_stop_the_worker_before_they_reach_the_dead_letters() {
    let mut site = Site::new(Delivery::AtLeastOnce).await;
    site.config.max_consecutive_rejections = 10;
    site.write_numbers(&topics::BALANCES, 9..40).await;
    let error = run(&site.connect().await, &Arc::default()).failure().await;
    assert!(matches!(error, RunError::TooManyRejections { count: 10, code: "broken", .. }), "{error}");
    let dead = dead_letters::list(&site.config, Some("balances")).await.unwrap();
    assert!(dead.len() < 10, "{}", dead.len());
    assert_eq!(site.committed("broken", &topics::BALANCES), i64::try_from(dead.len()).unwrap());
}
