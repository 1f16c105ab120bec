//! Consent events of bank systems.

use events::{Basket, Consent, ConsentEvent, ConsentEventType, ConsentId, EventId};
use jiff::SignedDuration;
use jiff::civil::date;
use store::{ConsentStatus, Renewal};

use super::browser::Browser;
use super::world::{World, bank, with};

fn asking(world: &World) -> ConsentEvent {
    let now = world.clock.now();
    ConsentEvent {
        event_id: EventId::new(now),
        event_type: ConsentEventType::Created,
        occurred_at: now,
        actor: "bank".to_owned(),
        reason: None,
        before: None,
        after: "awaiting_authorisation".to_owned(),
        consent: Consent {
            consent_id: ConsentId::new(now),
            epoch: 0,
            tenant_id: "bank-a".parse().unwrap(),
            user_id: "customer-1".parse().unwrap(),
            institution_id: "bank".parse().unwrap(),
            baskets: vec![Basket::Transactions].into(),
            expires_at: world.in_days(90),
            history_from: None,
        },
    }
}

async fn apply(world: &World, event: &ConsentEvent) -> Result<(), &'static str> {
    world.intake().apply(event, None).await.unwrap().map_err(|rejection| rejection.code)
}

async fn status(world: &World, event: &ConsentEvent) -> ConsentStatus {
    world.store.consents().find(event.consent.consent_id).await.unwrap().status
}

#[tokio::test]
async fn an_event_has_the_effect_of_the_api_and_its_duplicates_have_none() {
    let world = World::new(&bank().await).await;
    let created = asking(&world);
    for _ in 0..3 {
        apply(&world, &created).await.unwrap();
    }
    let (_, shown) =
        world.call(reqwest::Method::GET, &format!("v1/consents/{}", created.consent.consent_id), None).await;
    assert_eq!(shown["status"], "awaiting_authorisation");
    let mut browser = Browser::new();
    let back = world.set_out(&mut browser, &shown).await;
    assert_eq!(browser.open(&with(&back, &[("code", "code-1")])).await.status, 200);

    let revoked = ConsentEvent {
        event_type: ConsentEventType::Revoked,
        reason: Some("Jane asked for it".to_owned()),
        ..created.clone()
    };
    for _ in 0..3 {
        apply(&world, &revoked).await.unwrap();
        apply(&world, &created).await.unwrap();
    }
    assert_eq!(status(&world, &created).await, ConsentStatus::Revoked);
    let told = world.events().await;
    let states: Vec<_> = told.iter().map(|event| event.after.as_str()).collect();
    assert_eq!(states, ["awaiting_authorisation", "active", "revoked"]);
    assert_eq!(told[2].reason, None, "free text was passed on");
}

#[tokio::test]
async fn an_event_that_asks_for_too_much_is_refused_with_the_codes_of_the_api() {
    let world = World::new(&bank().await).await;
    let asked = |change: &dyn Fn(&mut Consent)| {
        let mut event = asking(&world);
        change(&mut event.consent);
        event
    };
    let (past, far) = (world.clock.now(), world.in_days(366));
    let cases = [
        (asked(&|consent| consent.institution_id = "no-such-bank".parse().unwrap()), "unknown_institution"),
        (asked(&|consent| consent.expires_at = past), "expiry_in_the_past"),
        (asked(&|consent| consent.expires_at = far), "expiry_too_far"),
        (asked(&|consent| consent.history_from = Some(date(1990, 1, 1))), "history_too_far"),
        (asked(&|consent| consent.history_from = Some(date(2026, 4, 1))), "history_in_the_future"),
    ];
    for (event, code) in cases {
        assert_eq!(apply(&world, &event).await, Err(code));
    }
    assert!(world.events().await.is_empty());

    let several = asked(&|consent| {
        consent.expires_at = past;
        consent.history_from = Some(date(1990, 1, 1));
    });
    let rejection = world.intake().apply(&several, None).await.unwrap().unwrap_err();
    assert_eq!(rejection.detail, "expires_at: expiry_in_the_past, history_from: history_too_far");
}

#[tokio::test]
async fn an_id_is_not_taken_twice_for_different_terms() {
    let world = World::new(&bank().await).await;
    let created = asking(&world);
    apply(&world, &created).await.unwrap();
    let changed = |change: &dyn Fn(&mut Consent)| {
        let mut event = created.clone();
        change(&mut event.consent);
        event
    };
    let end = world.in_days(30);
    for event in [
        changed(&|consent| consent.expires_at = end),
        changed(&|consent| consent.tenant_id = "bank-b".parse().unwrap()),
        changed(&|consent| consent.user_id = "customer-2".parse().unwrap()),
        changed(&|consent| consent.baskets = vec![Basket::Identity].into()),
    ] {
        assert_eq!(apply(&world, &event).await, Err("consent_exists"));
    }
}

#[tokio::test]
async fn only_its_own_tenant_and_only_a_consent_that_lives_can_be_revoked_by_event() {
    let world = World::new(&bank().await).await;
    let created = asking(&world);
    let revoked = ConsentEvent { event_type: ConsentEventType::Revoked, ..created.clone() };
    assert_eq!(apply(&world, &revoked).await, Err("not_found"));
    apply(&world, &created).await.unwrap();
    let mut foreign = revoked.clone();
    foreign.consent.tenant_id = "bank-b".parse().unwrap();
    assert_eq!(apply(&world, &foreign).await, Err("not_found"));
    assert_eq!(status(&world, &created).await, ConsentStatus::AwaitingAuthorisation);
    world.clock.advance(SignedDuration::from_hours(25));
    world.sweep().await;
    assert_eq!(apply(&world, &revoked).await, Err("illegal_move"));
}

#[tokio::test]
async fn nobody_but_the_connector_moves_a_consent_otherwise() {
    let world = World::new(&bank().await).await;
    let created = asking(&world);
    apply(&world, &created).await.unwrap();
    for event_type in [ConsentEventType::Authorised, ConsentEventType::Expired, ConsentEventType::DataDeleted]
    {
        apply(&world, &ConsentEvent { event_type, ..created.clone() }).await.unwrap();
    }
    assert_eq!(status(&world, &created).await, ConsentStatus::AwaitingAuthorisation);
}

#[tokio::test]
async fn the_connectors_own_events_change_nothing_whenever_they_are_read_again() {
    let world = World::new(&bank().await).await;
    let (renewed, ended, denied) = (world.created().await, world.created().await, world.created().await);
    for consent in [&renewed, &ended] {
        let mut browser = Browser::new();
        let back = world.set_out(&mut browser, consent).await;
        browser.open(&with(&back, &[("code", "code-1")])).await;
    }
    let later =
        Renewal { expires_at: world.in_days(300), actor: "user", now: world.clock.now(), trace: None };
    world.store.consents().renew(super::world::id(&renewed), &later).await.unwrap();
    world.move_to(&ended, ConsentStatus::Revoked).await;
    world.move_to(&denied, ConsentStatus::Denied).await;
    // Long after the first terms have run out.
    world.clock.advance(SignedDuration::from_hours(24 * 200));

    let told = world.events().await;
    assert_eq!(told.len(), 8);
    for event in told.iter().chain(told.iter().rev()) {
        apply(&world, event).await.unwrap();
    }
    assert_eq!(world.events().await, told);
}
