//! Whatever is killed, the books agree in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use connector_tests::testkit::{Fault, Kind, System, eventually, seconds};
use events::{EnrichedTransaction, Provenance, WindowId, topics};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How long a worker may need from its start until it has committed something again. Two seconds are the aim; the rest
/// is for unoptimised builds on small machines.
const BACK_AT_WORK: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_loses_nothing_and_doubles_nothing() {
    let mut dice = StdRng::seed_from_u64(20_261_128);
    let mut system = System::start().await;
    let mut workers = system.workers();
    if system.kind == Kind::Embedded {
        workers = vec!["dev".to_owned(); 3];
    }
    let mut customers = system.bank.customers().await.into_iter();
    let mut connected = Vec::new();
    for worker in workers {
        for customer in customers.by_ref().take(each(system.kind)) {
            let user = format!("user-{}", connected.len());
            let consent = system.connect(&user, &customer).await;
            connected.push((user, customer, consent));
        }
        // The moment is what is random here; nothing is waited for.
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..1500))).await;
        let before = system.progress(&worker);
        let started = system.kill_and_restart(&worker).await;
        let what = format!("{worker} is back at work");
        eventually(&what, seconds(60), async || system.is_back(&worker, before).await).await;
        let back = started.elapsed();
        println!("{worker} was back at work {back:.2?} after its restart");
        assert!(system.kind == Kind::Embedded || back < BACK_AT_WORK, "{worker} took {back:?}");
    }
    for (_, _, consent) in &connected {
        system.fetch_is(&consent.id, "done", seconds(240)).await;
    }
    let users: Vec<_> = connected.iter().map(|(user, customer, _)| (user.as_str(), customer)).collect();
    system.agrees(&users).await;
    if system.kind == Kind::Real {
        nothing_was_published_twice(&system).await;
    }
}

/// On a broker with transactions a killed stage leaves no trace: each fetch of a window is published once, record by
/// record and without a gap. (A window that was fetched again has another time of fetch.)
async fn nothing_was_published_twice(system: &System) {
    let mut windows: BTreeMap<(WindowId, Timestamp), Vec<Provenance>> = BTreeMap::new();
    for (_, record) in system.broker.records::<EnrichedTransaction>(&topics::TRANSACTIONS_ENRICHED).await {
        let provenance = record.transaction.provenance;
        windows.entry((provenance.window_id, provenance.fetched_at)).or_default().push(provenance);
    }
    for (window, records) in windows {
        let sequences: Vec<i32> = records.iter().map(|one| one.sequence).collect();
        let expected: Vec<i32> = (0..records[0].length).collect();
        assert_eq!(sequences, expected, "of {window:?}");
    }
}

/// Customers whose fetches are under way when a worker is killed.
fn each(kind: Kind) -> usize {
    match kind {
        Kind::Embedded => 1,
        Kind::Real => 3,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_signal_ends_every_worker_with_success() {
    let mut system = System::start().await;
    let customer = system.bank.customers().await.remove(0);
    system.bank.misbehave(&customer, Fault::Slow(300), 1000).await;
    let consent = system.connect("user-0", &customer).await;
    system.fetch_is(&consent.id, "fetching", seconds(60)).await;
    for worker in system.workers() {
        system.process(&worker).terminate();
        let code =
            eventually(&format!("{worker} ends"), seconds(12), async || system.process(&worker).ended())
                .await;
        assert_eq!(code, Some(0), "{worker}:\n{}", system.process(&worker).log_tail());
    }
}
