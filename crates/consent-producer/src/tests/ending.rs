//! Consents that end by time, and institutions that are told of a revocation.

use std::time::Duration;

use events::ConsentEventType;
use jiff::SignedDuration;
use reqwest::Method;
use store::{ConsentStatus, Step};
use wiremock::ResponseTemplate;

use super::browser::Browser;
use super::world::{CONSENTS, World, asked, bank, id, on, with};
use crate::revocation::{Patience, Revocations};

#[tokio::test]
async fn expiry_ends_a_consent_exactly_as_a_revocation_does() {
    let world = World::new(&bank().await).await;
    let (revoked, expired) = (world.created().await, world.created().await);
    for consent in [&revoked, &expired] {
        let mut browser = Browser::new();
        let back = world.set_out(&mut browser, consent).await;
        browser.open(&with(&back, &[("code", "code-1")])).await;
    }
    world.call(Method::DELETE, &format!("v1/consents/{}", id(&revoked)), None).await;
    world.sweep().await;
    assert_eq!(world.status(&expired).await, ConsentStatus::Active);
    world.clock.advance(SignedDuration::from_hours(24 * 90));
    world.sweep().await;

    let told = world.last_event().await;
    assert_eq!((told.event_type, told.actor.as_str()), (ConsentEventType::Expired, "clock"));
    let (one, two) = (world.stored(&revoked).await, world.stored(&expired).await);
    assert_eq!((one.status, two.status), (ConsentStatus::Revoked, ConsentStatus::Expired));
    assert_eq!((one.consent.epoch, two.consent.epoch), (2, 2));
    for consent in [&revoked, &expired] {
        assert!(world.store.tokens().load(id(consent)).await.unwrap().is_none());
        while world.store.erasure().step(id(consent), 100, world.clock.now()).await.unwrap() == Step::More {}
        assert!(world.stored(consent).await.erased_at.is_some());
    }
}

#[tokio::test]
async fn an_authorisation_that_is_never_finished_fails_after_a_day() {
    let world = World::new(&bank().await).await;
    let consent = world.created().await;
    world.clock.advance(SignedDuration::from_hours(24));
    world.sweep().await;
    assert_eq!(world.status(&consent).await, ConsentStatus::AwaitingAuthorisation);
    world.clock.advance(SignedDuration::from_secs(1));
    world.sweep().await;
    assert_eq!(world.status(&consent).await, ConsentStatus::Failed);
    let told = world.last_event().await;
    assert_eq!((told.actor.as_str(), told.reason.as_deref()), ("clock", Some("authorisation_not_finished")));
}

fn revocations(world: &World) -> Revocations {
    let at_once = Duration::from_millis(1);
    Revocations {
        store: world.store.clone(),
        institutions: world.institutions.clone(),
        clock: world.clock.clone(),
        patience: Patience { first: at_once, longest: at_once, times: 3 },
    }
}

#[tokio::test]
async fn an_institution_is_told_of_a_revocation_once_it_answers_and_then_no_more() {
    let bank = bank().await;
    let world = World::new(&bank).await;
    let consent = world.created().await;
    world.set_out(&mut Browser::new(), &consent).await;
    world.move_to(&consent, ConsentStatus::Revoked).await;
    let away = wiremock::Mock::given(wiremock::matchers::method("DELETE"));
    away.respond_with(ResponseTemplate::new(503)).up_to_n_times(2).with_priority(1).mount(&bank).await;
    revocations(&world).revoke(id(&consent)).await.unwrap();
    assert_eq!(world.stored(&consent).await.institution_status.as_deref(), Some("revoked"));
    assert_eq!(asked(&bank, "DELETE", CONSENTS).await, 3);
    revocations(&world).revoke(id(&consent)).await.unwrap();
    assert_eq!(asked(&bank, "DELETE", CONSENTS).await, 3);
}

#[tokio::test]
async fn an_institution_that_cannot_be_told_is_recorded() {
    let bank = bank().await;
    let world = World::new(&bank).await;
    let consent = world.created().await;
    world.set_out(&mut Browser::new(), &consent).await;
    world.move_to(&consent, ConsentStatus::Revoked).await;
    on(&bank, 1, "DELETE", &format!("{CONSENTS}/.*"), &ResponseTemplate::new(500)).await;
    revocations(&world).revoke(id(&consent)).await.unwrap();
    assert_eq!(world.stored(&consent).await.institution_status.as_deref(), Some("revocation_failed"));
    assert_eq!(world.status(&consent).await, ConsentStatus::Revoked);
}

#[tokio::test]
async fn an_institution_that_never_knew_of_the_consent_is_not_told() {
    let bank = bank().await;
    let world = World::new(&bank).await;
    let consent = world.created().await;
    world.move_to(&consent, ConsentStatus::Revoked).await;
    revocations(&world).revoke(id(&consent)).await.unwrap();
    assert_eq!(asked(&bank, "DELETE", CONSENTS).await, 0);
}
