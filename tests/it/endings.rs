//! Consents that end, or never begin: consent is law.

use std::collections::BTreeSet;
use std::time::Duration;

use connector::dev::{Decision, authorise};
use connector_tests::testkit::{Kind, System, eventually, now, seconds};
use events::{ConsentEvent, ConsentEventType, EnrichedTransaction, topics};
use jiff::SignedDuration;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::bank_systems::{asking, known, publish, view};

#[tokio::test(flavor = "multi_thread")]
async fn after_a_revoke_is_acknowledged_nothing_is_readable_and_nothing_appears() {
    let mut dice = StdRng::seed_from_u64(20_261_129);
    let system = System::start().await;
    let rounds = match system.kind {
        Kind::Embedded => 5,
        Kind::Real => 20,
    };
    let mut revoked = Vec::new();
    for (n, customer) in system.bank.customers().await.into_iter().cycle().take(rounds).enumerate() {
        let user = format!("user-{n}");
        let consent = system.connect(&user, &customer).await;
        // The moment is what is random here; nothing is waited for.
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..2_500))).await;
        system.consents.revoke(&consent.id).await.unwrap();
        nothing_is_readable(&system, &user).await;
        revoked.push((user, consent.id));
    }
    let consents: BTreeSet<String> = revoked.iter().map(|(_, consent)| consent.clone()).collect();
    eventually("everything is erased", seconds(120), async || {
        is_erased(&system, &consents).await?;
        system.is_drained().await
    })
    .await;
    // Whatever was still on its way has arrived by now.
    is_erased(&system, &consents).await.unwrap();
    for (user, consent) in &revoked {
        nothing_is_readable(&system, user).await;
        assert!(matches!(system.rows_at_rest(consent).await, None | Some(0)), "rows of {consent} are kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_expires_ends_like_one_that_is_revoked() {
    let system = System::start().await;
    let customer = system.bank.customers().await.remove(0);
    let mut asked = asking(&system, "user-0");
    asked.consent.expires_at = now() + SignedDuration::from_secs(6);
    let id = asked.consent.consent_id;
    publish(&system, &asked).await;
    system.approve(&view(&known(&system, id).await), &customer).await;
    eventually("the consent is expired", seconds(60), async || {
        let status = system.consent(&id.to_string()).await["status"].clone();
        if status == "expired" { Ok(()) } else { Err(format!("it is {status}")) }
    })
    .await;
    nothing_is_readable(&system, "user-0").await;
    let consents = BTreeSet::from([id.to_string()]);
    eventually("everything is erased", seconds(60), async || is_erased(&system, &consents).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_consent_after_a_revoke_brings_everything_back_under_the_same_ids() {
    let system = System::start().await;
    let customer = system.bank.customers().await.remove(0);
    let mut seen = Vec::new();
    for _ in 0..2 {
        let consent = system.connect("user-0", &customer).await;
        system.fetch_is(&consent.id, "done", seconds(120)).await;
        system.agrees(&[("user-0", &customer)]).await;
        seen.push(ids(&system, "user-0").await);
        system.consents.revoke(&consent.id).await.unwrap();
        nothing_is_readable(&system, "user-0").await;
        let consents = BTreeSet::from([consent.id]);
        eventually("everything is erased", seconds(60), async || is_erased(&system, &consents).await).await;
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_consent_covers_stays_when_one_is_revoked() {
    let system = System::start().await;
    let customer = system.bank.customers().await.remove(0);
    let mut consents = Vec::new();
    for _ in 0..2 {
        let consent = system.connect("user-0", &customer).await;
        system.fetch_is(&consent.id, "done", seconds(120)).await;
        consents.push(consent.id);
    }
    let before = ids(&system, "user-0").await;
    system.consents.revoke(&consents[0]).await.unwrap();
    eventually("the first consent is erased", seconds(60), async || {
        let deleted = deleted(&system).await;
        if deleted.contains(&consents[0]) { Ok(()) } else { Err(format!("erased are {deleted:?}")) }
    })
    .await;
    assert_eq!(ids(&system, "user-0").await, before);
    system.agrees(&[("user-0", &customer)]).await;
}

/// Ids of a user's accounts and transactions.
async fn ids(system: &System, user: &str) -> BTreeSet<String> {
    let (accounts, transactions) = (system.data.accounts(user).await, system.data.transactions(user).await);
    let all = accounts.unwrap().into_iter().chain(transactions.unwrap());
    all.map(|value| value["id"].as_str().unwrap().to_owned()).collect()
}

async fn nothing_is_readable(system: &System, user: &str) {
    assert!(system.data.transactions(user).await.unwrap().is_empty(), "transactions of {user} are readable");
    assert!(system.data.accounts(user).await.unwrap().is_empty(), "accounts of {user} are readable");
}

/// Whether each of these consents said that its data is deleted, and no consumer of the topic holds a value of it.
async fn is_erased(system: &System, consents: &BTreeSet<String>) -> Result<(), String> {
    let waiting = consents.difference(&deleted(system).await).count();
    if waiting > 0 {
        return Err(format!("{waiting} of {} consents are not erased yet", consents.len()));
    }
    let held = system.broker.last_values::<EnrichedTransaction>(&topics::TRANSACTIONS_ENRICHED).await;
    let held = held.values().flatten().map(|value| value.transaction.provenance.consent_id.to_string());
    match held.filter(|consent| consents.contains(consent)).count() {
        0 => Ok(()),
        held => Err(format!("{held} keys of erased consents have no tombstone yet")),
    }
}

/// Consents of which it was announced that their data is deleted.
async fn deleted(system: &System) -> BTreeSet<String> {
    let events = system.broker.records::<ConsentEvent>(&topics::CONSENT_EVENTS).await;
    let deleted = events.iter().filter(|(_, event)| event.event_type == ConsentEventType::DataDeleted);
    deleted.map(|(_, event)| event.consent.consent_id.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_is_recorded_and_nothing_is_fetched() {
    let system = System::start().await;
    let customer = system.bank.customers().await.remove(0);
    let consent = system.consents.create_consent("user-0", &system.institution, now()).await.unwrap();
    let page =
        authorise(consent.authorisation_url.as_ref().unwrap(), &customer, Decision::Deny).await.unwrap();
    assert!(!page.html.is_empty());
    let consent = system.consent(&consent.id).await;
    assert_eq!(consent["status"], "denied");
    assert!(consent["fetch"].is_null(), "{consent}");
    eventually("the denial is published", seconds(20), async || {
        let events = system.broker.records::<ConsentEvent>(&topics::CONSENT_EVENTS).await;
        let types: Vec<_> = events.iter().map(|(_, event)| event.event_type).collect();
        if types.contains(&ConsentEventType::Denied) {
            Ok(())
        } else {
            Err(format!("events so far: {types:?}"))
        }
    })
    .await;
    system.drain().await;
    assert_eq!(system.bank.served(&customer).await, 0);
    assert!(system.broker.read(topics::FETCH_JOBS_FIRST.name).is_empty(), "a job was issued");
}
