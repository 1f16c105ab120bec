//! Banks that misbehave: what can be read lands, and what cannot is set aside where operators see it.

use connector::dev::Login;
use connector_tests::testkit::{Book, Fault, System, run_well, seconds};
use events::topics;

/// A job that failed once is tried again after half a minute to a minute.
const SECOND_TRY: u64 = 120;

#[tokio::test(flavor = "multi_thread")]
async fn a_misbehaving_bank_is_asked_again_and_everything_lands() {
    let system = System::start().await;
    let faults = [
        (Fault::TruncatedBody, "malformed_answer"),
        (Fault::TooManyRequests(3), "rate_limited"),
        (Fault::NextToOtherHost, "hostile_pagination"),
    ];
    let mut asked = Vec::new();
    for ((fault, reason), customer) in faults.into_iter().zip(system.bank.customers().await) {
        let user = format!("user-of-{reason}");
        system.bank.misbehave(&customer, fault, 1).await;
        let consent = system.connect(&user, &customer).await;
        let waiting = system.fetch_is(&consent.id, "waiting", seconds(30)).await;
        assert_eq!(waiting["fetch"]["reason"], reason);
        asked.push((user, customer, consent));
    }
    for (_, _, consent) in &asked {
        system.fetch_is(&consent.id, "done", seconds(SECOND_TRY)).await;
    }
    let users: Vec<_> = asked.iter().map(|(user, customer, _)| (user.as_str(), customer)).collect();
    system.agrees(&users).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_is_set_aside_and_the_others_land() {
    let system = System::start().await;
    let customer = system.bank.customers().await.remove(0);
    system.bank.misbehave(&customer, Fault::UnknownCurrency, 1).await;
    let consent = system.connect("user-0", &customer).await;
    system.fetch_is(&consent.id, "done", seconds(120)).await;
    one_row_is_missing(&system, &customer).await;

    let topic = &topics::RAW_WINDOWS;
    let dead = system.broker.read(&topic.dead_letters());
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].headers["x-dead-code"], "unknown_currency");

    let config = system.tools_config();
    let listed = run_well(&["dead-letters", "list", "--config", &config]);
    assert!(listed.contains(topic.name) && listed.contains("unknown_currency"), "{listed}");
    let (partition, offset) = (dead[0].partition.to_string(), dead[0].offset.to_string());
    let place = ["--partition", &partition, "--offset", &offset];
    let show = ["dead-letters", "show", "--config", &config, "--topic", topic.name];
    let shown = run_well(&[&show[..], &place].concat());
    assert!(shown.contains("x-dead-code") && shown.contains("traceparent"), "{shown}");

    // The window comes again as it was: what landed stays once, and the bad row is set aside once more.
    let before = system.broker.read(topic.name).len();
    run_well(&["dead-letters", "replay", "--config", &config, "--topic", topic.name]);
    assert_eq!(system.broker.read(topic.name).len(), before + 1);
    system.drain().await;
    one_row_is_missing(&system, &customer).await;
}

async fn one_row_is_missing(system: &System, customer: &Login) {
    let bank = system.bank.book(customer).await;
    let store = Book::of_api(&system.data.transactions("user-0").await.unwrap());
    assert_eq!(store.len(), bank.len() - 1);
}
