//! Requests that cannot be served: each is answered with its own code.

use connector_tests::testkit::{System, now};
use jiff::SignedDuration;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::bank_systems::{asking, known, publish};

/// A request, the status of its answer, and the code: of the field that is wrong, or of the whole.
type Case = (&'static str, RequestBuilder, u16, &'static str);

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_cannot_be_served_is_refused_with_its_code() {
    let system = System::start().await;
    let cases = consents_asked_for_wrongly(&system)
        .into_iter()
        .chain(calls_without_right(&system))
        .chain(questions(&system));
    for (what, request, status, code) in cases {
        check(what, request, status, code).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_consent_is_not_there() {
    let system = System::start().await;
    let mut theirs = asking(&system, "user-0");
    theirs.consent.tenant_id = "another-bank".parse().unwrap();
    publish(&system, &theirs).await;
    // In the same partition behind it, so that theirs has been taken when ours is known.
    let mut ours = asking(&system, "user-0");
    while events::partition_of(ours.consent.consent_id.uuid(), 6)
        != events::partition_of(theirs.consent.consent_id.uuid(), 6)
    {
        ours = asking(&system, "user-0");
    }
    publish(&system, &ours).await;
    known(&system, ours.consent.consent_id).await;
    let path = format!("v1/consents/{}", theirs.consent.consent_id);
    for method in [Method::GET, Method::DELETE] {
        check(
            "another tenant's consent",
            system.request(method, &system.places.consents, &path),
            404,
            "not_found",
        )
        .await;
    }
    let all = system.consents.call(Method::GET, "v1/consents?user_id=user-0", None).await.unwrap().1;
    assert_eq!(all["consents"].as_array().unwrap().len(), 1, "{all}");
}

fn consents_asked_for_wrongly(system: &System) -> Vec<Case> {
    let ask = |changed: Value| {
        let mut body = json!({
            "user_id": "user-0",
            "institution_id": system.institution,
            "baskets": ["transactions"],
            "expires_at": (now() + SignedDuration::from_hours(24)).to_string(),
        });
        body.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        post(system).json(&body)
    };
    vec![
        ("unknown institution", ask(json!({"institution_id": "no-such-bank"})), 400, "unknown_institution"),
        ("unknown basket", ask(json!({"baskets": ["pensions"]})), 400, "unknown_basket"),
        ("past expiry", ask(json!({"expires_at": "2020-01-01T00:00:00Z"})), 400, "expiry_in_the_past"),
        ("expiry that is no time", ask(json!({"expires_at": "tomorrow"})), 400, "invalid_time"),
        ("unknown field", ask(json!({"colour": "blue"})), 400, "invalid_body"),
        (
            "malformed JSON",
            post(system).header("content-type", "application/json").body("{"),
            400,
            "malformed_json",
        ),
        ("no JSON at all", post(system).body("user"), 415, "invalid_body"),
    ]
}

fn calls_without_right(system: &System) -> Vec<Case> {
    let (consents, data) = (&system.places.consents, &system.places.data);
    let list = "v1/users/user-0/transactions";
    vec![
        ("no token", system.anonymous(Method::POST, consents, "v1/consents"), 401, "missing_token"),
        ("no token to read", system.anonymous(Method::GET, data, list), 401, "missing_token"),
        (
            "wrong token",
            system.anonymous(Method::GET, consents, "v1/consents").bearer_auth("not-a-token"),
            401,
            "invalid_token",
        ),
        (
            "wrong token to read",
            system.anonymous(Method::GET, data, list).bearer_auth("not-a-token"),
            401,
            "invalid_token",
        ),
    ]
}

fn questions(system: &System) -> Vec<Case> {
    let data = |query: &str| {
        system.request(Method::GET, &system.places.data, &format!("v1/users/user-0/transactions?{query}"))
    };
    let consents = |path: &str| system.request(Method::GET, &system.places.consents, path);
    vec![
        ("bad cursor", data("cursor=nonsense"), 400, "invalid_cursor"),
        ("bad date", data("from=2026-02-30"), 400, "invalid_date"),
        ("span that ends before it begins", data("from=2026-02-02&to=2026-02-01"), 400, "before_from"),
        ("too many at once", data("limit=5000"), 400, "invalid_limit"),
        ("unknown parameter", data("colour=blue"), 400, "invalid_query"),
        ("bad cursor of consents", consents("v1/consents?cursor=nonsense"), 400, "invalid_cursor"),
        (
            "consent that is not there",
            consents("v1/consents/00000000-0000-7000-8000-000000000000"),
            404,
            "not_found",
        ),
    ]
}

fn post(system: &System) -> RequestBuilder {
    system.request(Method::POST, &system.places.consents, "v1/consents")
}

async fn check(what: &str, request: RequestBuilder, status: u16, code: &str) {
    let answer = request.send().await.unwrap();
    let found = answer.status();
    let kind = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    let text = answer.text().await.unwrap();
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    let fields = problem["errors"].as_array().into_iter().flatten().map(|error| &error["code"]);
    assert_eq!(found, status, "{what}: {text}");
    assert_eq!(kind.as_deref(), Some("application/problem+json"), "{what}: {text}");
    assert!(fields.chain([&problem["code"]]).any(|known| known == code), "{what}: {code} is not in {text}");
}
