//! Consents listed.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use store::ConsentStatus;

use super::world::{World, bank, wanted};

async fn list(world: &World, query: &str) -> (Vec<String>, Option<String>) {
    let (status, page) = world.call(Method::GET, &format!("v1/consents?{query}"), None).await;
    assert_eq!(status, 200, "{page}");
    let ids = page["consents"].as_array().unwrap().iter().map(|consent| text(&consent["id"])).collect();
    (ids, page["next_cursor"].as_str().map(str::to_owned))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_walk_meets_every_consent_once_newest_first_whatever_is_created_meanwhile() {
    let world = World::new(&bank().await).await;
    let mut created = Vec::new();
    for n in 0..7 {
        created.push(text(&world.created().await["id"]));
        // Two of them at a time are of the same moment.
        world.clock.advance(SignedDuration::from_secs(n % 2));
    }
    let (mut seen, mut cursor) = list(&world, "limit=2").await;
    while let Some(at) = cursor {
        world.created().await;
        let (more, next) = list(&world, &format!("limit=2&cursor={at}")).await;
        assert!(!more.is_empty());
        seen.extend(more);
        cursor = next;
    }
    let mut all = seen.clone();
    all.sort_unstable();
    created.sort_unstable();
    assert_eq!(all, created);
    assert_eq!(seen[6], created[0]);
}

#[tokio::test]
async fn filters_leave_what_they_name() {
    let world = World::new(&bank().await).await;
    let mut body = wanted();
    body["user_id"] = json!("customer-2");
    body["expires_at"] = json!("2026-04-30T00:00:00Z");
    let other = world.call(Method::POST, "v1/consents", Some(&body)).await.1;
    let one = world.created().await;
    world.move_to(&one, ConsentStatus::Active).await;
    let (one, other) = (text(&one["id"]), text(&other["id"]));
    let cases = [
        ("user_id=customer-1", vec![&one]),
        ("user_id=nobody", vec![]),
        ("institution_id=bank", vec![&one, &other]),
        ("institution_id=another", vec![]),
        ("status=active", vec![&one]),
        ("status=awaiting_authorisation", vec![&other]),
        ("expiring_before=2026-05-01T00:00:00Z", vec![&other]),
        ("expiring_before=-009999-12-31T00:00:00Z", vec![]),
        ("user_id=customer-2&status=active", vec![]),
    ];
    for (query, expected) in cases {
        let mut found = list(&world, query).await.0;
        found.sort_unstable();
        let mut expected: Vec<_> = expected.into_iter().cloned().collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "{query}");
    }
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_has_its_code() {
    let world = World::new(&bank().await).await;
    let cases = [
        ("user_id=Jane%20Doe", "invalid_user_id"),
        ("institution_id=a%20b", "invalid_institution_id"),
        ("status=sleeping", "unknown_status"),
        ("expiring_before=soon", "invalid_time"),
        ("limit=0", "invalid_limit"),
        ("limit=501", "invalid_limit"),
        ("limit=many", "invalid_limit"),
        ("cursor=nonsense", "invalid_cursor"),
    ];
    for (query, code) in cases {
        let (status, problem) = world.call(Method::GET, &format!("v1/consents?{query}"), None).await;
        assert_eq!((status, &problem["errors"][0]["code"]), (400, &json!(code)), "{query}: {problem}");
    }
    let (status, problem) = world.call(Method::GET, "v1/consents?colour=blue", None).await;
    assert_eq!((status, &problem["code"]), (400, &json!("invalid_query")));
}
