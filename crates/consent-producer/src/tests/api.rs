//! Consents asked for, shown and ended.

use std::num::NonZeroUsize;
use std::time::Duration;

use jiff::SignedDuration;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use service::telemetry::{Telemetry, TelemetryConfig};
use store::ConsentStatus;

use super::browser::Browser;
use super::world::{
    CONSENTS, OTHER_TOKEN, TOKEN, World, answer, asked, bank, eventually, link, on, wanted, with,
};
use crate::Limits;

#[tokio::test]
async fn a_new_consent_is_answered_with_its_terms_and_a_link_and_without_asking_the_institution() {
    let bank = bank().await;
    let world = World::new(&bank).await;
    let consent = world.created().await;
    assert_eq!(consent["status"], "awaiting_authorisation");
    assert_eq!(consent["user_id"], "customer-1");
    assert_eq!(consent["institution_id"], "bank");
    assert_eq!(consent["baskets"], json!(["accounts", "balances", "transactions"]));
    assert_eq!(consent["expires_at"], "2026-06-29T10:00:00Z");
    assert_eq!(consent["history_from"], "2025-01-01");
    let link = consent["authorisation_url"].as_str().unwrap();
    assert!(link.starts_with(&format!("{}authorise/{}?key=", world.base, consent["id"].as_str().unwrap())));
    assert_eq!(asked(&bank, "POST", CONSENTS).await, 0);

    let (status, shown) = world.call(Method::GET, &path(&consent), None).await;
    assert_eq!((status, &shown["id"], &shown["fetch"]), (200, &consent["id"], &Value::Null));
    let told = world.last_event().await;
    assert_eq!((told.consent.consent_id.to_string(), told.actor.as_str()), (id_text(&consent), "bank"));
}

#[tokio::test]
async fn each_thing_that_is_wrong_has_its_code() {
    let world = World::new(&bank().await).await;
    let cases = [
        ("user_id", json!(null), "missing"),
        ("user_id", json!("Jane Doe"), "invalid_user_id"),
        ("institution_id", json!(null), "missing"),
        ("institution_id", json!("no-such-bank"), "unknown_institution"),
        ("institution_id", json!("no such bank"), "unknown_institution"),
        ("baskets", json!(null), "missing"),
        ("baskets", json!([]), "missing"),
        ("baskets", json!(["accounts", "pensions"]), "unknown_basket"),
        ("expires_at", json!(null), "missing"),
        ("expires_at", json!("tomorrow"), "invalid_time"),
        ("expires_at", json!("2026-06-29"), "invalid_time"),
        ("expires_at", json!("2026-03-31T10:00:00Z"), "expiry_in_the_past"),
        ("expires_at", json!("2027-03-31T10:00:01Z"), "expiry_too_far"),
        ("history_from", json!("2025-02-30"), "invalid_date"),
        ("history_from", json!("2024-03-30"), "history_too_far"),
        ("history_from", json!("2026-04-01"), "history_in_the_future"),
    ];
    for (field, value, code) in cases {
        let mut body = wanted();
        body[field] = value;
        let (status, problem) = world.call(Method::POST, "v1/consents", Some(&body)).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_request")), "{problem}");
        let found = &problem["errors"];
        assert_eq!(found.as_array().unwrap().len(), 1, "{problem}");
        assert_eq!((&found[0]["field"], &found[0]["code"]), (&json!(field), &json!(code)), "{problem}");
    }
}

#[tokio::test]
async fn the_longest_terms_an_institution_grants_are_taken() {
    let world = World::new(&bank().await).await;
    let mut body = wanted();
    body["expires_at"] = json!("2027-03-31T12:00:00.123456789+02:00");
    assert_eq!(
        world.call(Method::POST, "v1/consents", Some(&body)).await.1["errors"][0]["code"],
        "expiry_too_far"
    );
    body["expires_at"] = json!("2027-03-31T11:59:59.123456789+02:00");
    body["history_from"] = json!("2024-03-31");
    let (status, consent) = world.call(Method::POST, "v1/consents", Some(&body)).await;
    assert_eq!((status, &consent["expires_at"]), (201, &json!("2027-03-31T09:59:59.123456Z")), "{consent}");
}

#[tokio::test]
async fn everything_that_is_wrong_is_reported_at_once() {
    let world = World::new(&bank().await).await;
    let body = json!({"institution_id": "bank", "baskets": ["x"], "expires_at": "2020-01-01T00:00:00Z", "history_from": "1990-01-01"});
    let (status, problem) = world.call(Method::POST, "v1/consents", Some(&body)).await;
    let mut codes: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(status, 400);
    assert_eq!(codes, ["expiry_in_the_past", "history_too_far", "missing", "unknown_basket"]);
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_refused_with_a_problem() {
    let world = World::new(&bank().await).await;
    let post = || world.request(Method::POST, "v1/consents").header(CONTENT_TYPE, "application/json");
    let mut unknown = wanted();
    unknown["colour"] = json!("blue");
    let cases = [
        (post().bearer_auth(TOKEN).body("{"), 400, "malformed_json"),
        (post().bearer_auth(TOKEN).body(unknown.to_string()), 400, "invalid_body"),
        (post().bearer_auth(TOKEN).body(format!("\"{}\"", "x".repeat(70_000))), 413, "invalid_body"),
        (world.request(Method::POST, "v1/consents").bearer_auth(TOKEN).body("x"), 415, "invalid_body"),
        (post().body(wanted().to_string()), 401, "missing_token"),
        (post().bearer_auth("token-of-nobody-at-all").body(wanted().to_string()), 401, "invalid_token"),
        (world.request(Method::PUT, "v1/consents").bearer_auth(TOKEN), 405, "method_not_allowed"),
        (world.request(Method::GET, "v1/nothing").bearer_auth(TOKEN), 404, "not_found"),
    ];
    for (request, expected, code) in cases {
        let (status, problem) = answer(request).await;
        assert_eq!((status, &problem["code"]), (expected, &json!(code)), "{problem}");
    }
}

#[tokio::test]
async fn a_caller_that_comes_while_too_much_is_under_way_is_told_to_come_back() {
    let bank = bank().await;
    let limits = Limits { concurrent_requests: NonZeroUsize::MIN, ..Limits::default() };
    let world = World::pressed(&bank, limits).await;
    let consent = world.created().await;
    let slow = super::world::consent(201, "AWAU").set_delay(Duration::from_millis(500));
    on(&bank, 1, "POST", CONSENTS, &slow).await;
    let second = async {
        eventually("the institution is asked", async || asked(&bank, "POST", CONSENTS).await == 1).await;
        answer(world.request(Method::GET, "v1/consents").bearer_auth(TOKEN)).await
    };
    let mut browser = Browser::new();
    let link = link(&consent);
    let (first, (status, problem)) = tokio::join!(browser.open(&link), second);
    assert_eq!((first.status, status, &problem["code"]), (303, 503, &json!("unavailable")));
    assert_eq!(
        (&problem["retryable"], world.call(Method::GET, "v1/consents", None).await.0),
        (&json!(true), 200)
    );
}

#[tokio::test]
async fn what_is_told_of_a_consent_carries_the_trace_of_the_request() {
    let log = TelemetryConfig { log: "consent_producer=info".to_owned(), json: false, otlp_traces: None };
    let _telemetry = Telemetry::start(&log, "consent-producer").unwrap();
    let world = World::new(&bank().await).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736";
    let post = world.request(Method::POST, "v1/consents").bearer_auth(TOKEN).json(&wanted());
    let (status, consent) = answer(post.header("traceparent", format!("{trace}-00f067aa0ba902b7-01"))).await;
    assert_eq!(status, 201);
    let mut browser = Browser::new();
    let back = world.set_out(&mut browser, &consent).await;
    assert_eq!(browser.open(&with(&back, &[("code", "code-1")])).await.status, 200);
    let rows = world.store.outbox().read(10).await.unwrap();
    let traces: Vec<_> = rows.iter().map(|row| row.trace.as_deref().unwrap()).collect();
    assert!(traces[0].starts_with(trace), "{traces:?}");
    assert!(traces[1].len() == traces[0].len() && !traces[1].starts_with(trace), "{traces:?}");
}

#[tokio::test]
async fn another_tenants_consent_is_not_there() {
    let world = World::new(&bank().await).await;
    let consent = world.created().await;
    for method in [Method::GET, Method::DELETE] {
        let (status, problem) = answer(world.request(method, &path(&consent)).bearer_auth(OTHER_TOKEN)).await;
        assert_eq!((status, &problem["code"]), (404, &json!("not_found")));
    }
    let list = world.request(Method::GET, "v1/consents").bearer_auth(OTHER_TOKEN);
    assert_eq!(answer(list).await.1["consents"], json!([]));
    assert_eq!(world.status(&consent).await, ConsentStatus::AwaitingAuthorisation);
    assert_eq!(world.call(Method::GET, "v1/consents/not-a-uuid", None).await.0, 404);
}

#[tokio::test]
async fn a_consent_is_revoked_once_however_often_it_is_asked_for() {
    let world = World::new(&bank().await).await;
    let consent = world.created().await;
    world.move_to(&consent, ConsentStatus::Active).await;
    for _ in 0..3 {
        let (status, revoked) = world.call(Method::DELETE, &path(&consent), None).await;
        assert_eq!((status, &revoked["status"]), (202, &json!("revoked")));
        assert_eq!(revoked["authorisation_url"], Value::Null);
        assert_eq!(revoked["erasure"]["completed_at"], Value::Null);
    }
    let told: Vec<_> = world.events().await.into_iter().map(|event| event.after).collect();
    assert_eq!(told, ["awaiting_authorisation", "active", "revoked"]);
}

#[tokio::test]
async fn a_consent_that_ended_otherwise_cannot_be_revoked() {
    let world = World::new(&bank().await).await;
    for end in [ConsentStatus::Denied, ConsentStatus::Failed, ConsentStatus::Expired] {
        let consent = world.created().await;
        world.move_to(&consent, end).await;
        let (status, problem) = world.call(Method::DELETE, &path(&consent), None).await;
        assert_eq!((status, &problem["code"]), (409, &json!("illegal_move")));
        assert_eq!(world.status(&consent).await, end);
    }
}

#[tokio::test]
async fn a_link_is_shown_only_while_there_is_something_to_approve() {
    let world = World::new(&bank().await).await;
    let consent = world.created().await;
    let shown = async || world.call(Method::GET, &path(&consent), None).await.1["authorisation_url"].clone();
    assert_eq!(shown().await, consent["authorisation_url"]);
    world.move_to(&consent, ConsentStatus::Active).await;
    assert!(shown().await.is_null());
    world.move_to(&consent, ConsentStatus::NeedsReauthorisation).await;
    assert!(!shown().await.is_null());
    world.clock.advance(SignedDuration::from_hours(24 * 90));
    assert!(shown().await.is_null());
}

#[tokio::test]
async fn the_description_names_every_route() {
    let world = World::new(&bank().await).await;
    let (status, description) = answer(world.request(Method::GET, "v1/openapi.json")).await;
    assert_eq!((status, description["openapi"].as_str().unwrap().starts_with("3.1")), (200, true));
    let paths: Vec<_> = description["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/authorise/{consent}", "/callback", "/v1/consents", "/v1/consents/{id}"]);
    let body = &description["components"]["schemas"]["NewConsent"];
    assert_eq!(body["required"], json!(["user_id", "institution_id", "baskets", "expires_at"]));
    assert_eq!(body["properties"]["baskets"]["type"], "array", "{body}");
    assert_eq!(body["properties"]["expires_at"]["format"], "date-time", "{body}");
}

fn path(consent: &Value) -> String {
    format!("v1/consents/{}", id_text(consent))
}

fn id_text(consent: &Value) -> String {
    consent["id"].as_str().unwrap().to_owned()
}
