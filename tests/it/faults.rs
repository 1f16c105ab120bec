//! Banks that misbehave: what can be read lands, and what cannot is set aside where operators see it.

use connector::dev::Login;
use connector_tests::testkit::{Book, Fault, System, eventually, run_well, seconds};
use events::topics;

/// A job that failed once is tried again after half a minute to a minute.
const SECOND_TRY: u64 = 120;

/// Enough that some have rows: the oldest window of an account is empty.
const FAULTY_PAGES: u32 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn a_misbehaving_bank_is_asked_again_and_everything_lands() {
    let system = System::start().await;
    // A blip is asked over three times at once; what waits in the ledger lasted longer.
    let faults = [
        (Fault::TruncatedBody, 4, "malformed_answer"),
        (Fault::TooManyRequests(3), 1, "rate_limited"),
        (Fault::NextToOtherHost, 1, "hostile_pagination"),
    ];
    let mut asked = Vec::new();
    for ((fault, times, reason), customer) in faults.into_iter().zip(system.bank.customers().await) {
        let user = format!("user-of-{reason}");
        system.bank.misbehave(&customer, fault, times).await;
        let consent = system.connect(&user, &customer).await;
        eventually(&format!("the fetch waits: {reason}"), seconds(30), async || {
            let fetch = system.consent(&consent.id).await["fetch"].take();
            if fetch["reason"] == reason { Ok(()) } else { Err(format!("it is {fetch}")) }
        })
        .await;
        asked.push((user, customer, consent));
    }
    for (_, _, consent) in &asked {
        system.fetch_is(&consent.id, "done", seconds(SECOND_TRY)).await;
    }
    let users: Vec<_> = asked.iter().map(|(user, customer, _)| (user.as_str(), customer)).collect();
    system.agrees(&users).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_read_are_set_aside_and_the_others_land() {
    let system = System::start().await;
    let customer = system.bank.customers().await.remove(0);
    system.bank.misbehave(&customer, Fault::UnknownCurrency, FAULTY_PAGES).await;
    let consent = system.connect("user-0", &customer).await;
    system.fetch_is(&consent.id, "done", seconds(120)).await;

    let topic = &topics::RAW_WINDOWS;
    let dead = system.broker.read(&topic.dead_letters());
    assert!(
        !dead.is_empty() && dead.iter().all(|letter| letter.headers["x-dead-code"] == "unknown_currency")
    );
    let missing = missing_rows(&system, &customer).await;
    assert!(missing >= dead.len(), "{missing} rows are missing and {} windows set aside", dead.len());

    let config = system.tools_config();
    let listed = run_well(&["dead-letters", "list", "--config", &config]);
    assert!(listed.contains(topic.name) && listed.contains("unknown_currency"), "{listed}");
    let (partition, offset) = (dead[0].partition.to_string(), dead[0].offset.to_string());
    let place = ["--partition", &partition, "--offset", &offset];
    let show = ["dead-letters", "show", "--config", &config, "--topic", topic.name];
    let shown = run_well(&[&show[..], &place].concat());
    assert!(shown.contains("unknown_currency") && shown.contains("trace"), "{shown}");

    // The windows come again as they were: what landed stays once, and the bad rows are set aside once more.
    let before = system.broker.read(topic.name).len();
    run_well(&["dead-letters", "replay", "--config", &config, "--topic", topic.name]);
    assert_eq!(system.broker.read(topic.name).len(), before + dead.len());
    system.drain().await;
    assert_eq!(missing_rows(&system, &customer).await, missing);
}

/// Rows that the bank has and the store does not.
async fn missing_rows(system: &System, customer: &Login) -> usize {
    let bank = system.bank.book(customer).await;
    bank.len() - Book::of_api(&system.data.transactions("user-0").await.unwrap()).len()
}
