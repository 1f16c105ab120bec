//! Bank systems that publish consent events instead of calling the API.

use connector::dev::ConsentView;
use connector_tests::testkit::{System, eventually, now, seconds};
use events::{Basket, Baskets, Consent, ConsentEvent, ConsentEventType, ConsentId, EventId, topics};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_published_consent_has_the_same_effect_as_one_asked_for_by_api() {
    let system = System::start().await;
    let customer = system.bank.customers().await.remove(0);
    let created = asking(&system, "user-0");
    let id = created.consent.consent_id;
    publish(&system, &created).await;
    let consent = known(&system, id).await;
    assert_eq!(consent["status"], "awaiting_authorisation");

    publish(&system, &created).await;
    system.approve(&view(&consent), &customer).await;
    system.fetch_is(&id.to_string(), "done", seconds(120)).await;
    system.agrees(&[("user-0", &customer)]).await;
    let all = system.consents.call(Method::GET, "v1/consents?user_id=user-0", None).await.unwrap().1;
    assert_eq!(all["consents"].as_array().unwrap().len(), 1, "a repeated event made a second consent");

    let revoked = ConsentEvent {
        event_id: EventId::new(now()),
        event_type: ConsentEventType::Revoked,
        after: "revoked".to_owned(),
        ..created
    };
    publish(&system, &revoked).await;
    eventually("the consent is revoked", seconds(20), async || {
        let status = system.consent(&id.to_string()).await["status"].clone();
        if status == "revoked" { Ok(()) } else { Err(format!("it is {status}")) }
    })
    .await;
    assert!(system.data.transactions("user-0").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_consent_event_is_set_aside_with_its_code_and_the_next_one_is_taken() {
    let system = System::start().await;
    let mut unknown = asking(&system, "user-0");
    unknown.consent.institution_id = "no-such-bank".parse().unwrap();
    let mut past = asking(&system, "user-1");
    past.consent.expires_at = now() - SignedDuration::from_hours(1);
    for (event, code) in [(&unknown, "unknown_institution"), (&past, "expiry_in_the_past")] {
        publish(&system, event).await;
        let key = event.consent.consent_id.uuid();
        let dead = eventually("the event is set aside", seconds(20), async || {
            let dead = system.broker.read(&topics::CONSENT_EVENTS.dead_letters());
            let found = dead.into_iter().find(|seen| seen.key == key);
            found.ok_or_else(|| "it is not among the dead letters".to_owned())
        })
        .await;
        assert_eq!(dead.headers["x-dead-code"], code);
    }
    let good = asking(&system, "user-2");
    publish(&system, &good).await;
    known(&system, good.consent.consent_id).await;
}

/// A bank system's wish for a consent over everything that the API's clients ask for here.
pub(crate) fn asking(system: &System, user: &str) -> ConsentEvent {
    ConsentEvent {
        event_id: EventId::new(now()),
        event_type: ConsentEventType::Created,
        occurred_at: now(),
        actor: "bank".to_owned(),
        reason: None,
        before: None,
        after: "awaiting_authorisation".to_owned(),
        consent: Consent {
            consent_id: ConsentId::new(now()),
            epoch: 1,
            tenant_id: system.places.tenant.parse().unwrap(),
            user_id: user.parse().unwrap(),
            institution_id: system.institution.parse().unwrap(),
            baskets: Baskets::from(vec![Basket::Balances, Basket::Transactions]),
            expires_at: now() + SignedDuration::from_hours(24 * 30),
            history_from: None,
        },
    }
}

/// Publishes a consent event as a bank system does.
pub(crate) async fn publish(system: &System, event: &ConsentEvent) {
    system.broker.publish(&topics::CONSENT_EVENTS, event.consent.consent_id.uuid(), event).await;
}

/// Waits until the API knows the consent.
pub(crate) async fn known(system: &System, id: ConsentId) -> Value {
    eventually("the consent is known", seconds(20), async || {
        let (status, body) =
            system.consents.call(Method::GET, &format!("v1/consents/{id}"), None).await.unwrap();
        if status.is_success() { Ok(body) } else { Err(format!("the API answers {status}")) }
    })
    .await
}

/// The consent as its creator would have been told of it.
pub(crate) fn view(consent: &Value) -> ConsentView {
    serde_json::from_value(consent.clone()).unwrap()
}
