//! What operators see of a running system.

use std::collections::{BTreeMap, BTreeSet};

use connector_tests::testkit::{Fault, Seen, System, eventually, seconds};
use events::topics;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn every_worker_tells_whether_it_is_alive_and_ready_and_what_it_counts() {
    let system = System::start().await;
    assert_eq!(system.places.ops.len(), system.workers().len());
    for (worker, base) in &system.places.ops {
        for path in ["livez", "readyz", "metrics"] {
            eventually(&format!("{path} of {worker}"), seconds(30), async || {
                let answer = system.anonymous(Method::GET, base, path).send().await.unwrap();
                let (status, text) = (answer.status(), answer.text().await.unwrap());
                if status.is_success() { Ok(text) } else { Err(format!("{status}: {text}")) }
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_approval_to_the_published_row() {
    const ASKED: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let system = System::start().await;
    let customer = system.bank.customers().await.remove(0);
    let body = json!({
        "user_id": "user-0",
        "institution_id": system.institution,
        "baskets": ["accounts", "balances", "transactions"],
        "expires_at": (connector_tests::testkit::now() + jiff::SignedDuration::from_hours(24 * 30)).to_string(),
    });
    let asked = system.request(Method::POST, &system.places.consents, "v1/consents").json(&body);
    let answer = asked.header("traceparent", format!("00-{ASKED}-00f067aa0ba902b7-01")).send().await.unwrap();
    let consent = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    system.approve(&consent, &customer).await;
    system.fetch_is(&consent.id, "done", seconds(120)).await;

    let events = system.broker.read(topics::CONSENT_EVENTS.name);
    assert_eq!(trace(&events[0]), Some(ASKED), "the created event is not in the caller's trace");
    let way = [
        &topics::FETCH_JOBS_FIRST,
        &topics::RAW_WINDOWS,
        &topics::TRANSACTIONS_NORMALIZED,
        &topics::TRANSACTIONS_ENRICHED,
    ];
    let traces: BTreeMap<&str, BTreeSet<String>> =
        way.into_iter().map(|topic| (topic.name, traces(&system, topic))).collect();
    let expected = BTreeSet::from([trace(&events[1]).unwrap().to_owned()]);
    for (topic, found) in traces {
        assert_eq!(found, expected, "{topic} is not in the trace of the approval");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_and_headers_hold_nothing_that_a_customer_or_a_bank_wrote() {
    let system = System::start().await;
    let customer = system.bank.customers().await.remove(0);
    for (fault, times) in [(Fault::UnknownCurrency, 12), (Fault::TruncatedBody, 2)] {
        system.bank.misbehave(&customer, fault, times).await;
    }
    let consent = system.connect("user-0", &customer).await;
    system.fetch_is(&consent.id, "done", seconds(120)).await;

    let rows = system.data.transactions("user-0").await.unwrap();
    let written = |value: &Value| value.as_str().filter(|text| text.len() > 6).map(str::to_owned);
    let texts = rows
        .iter()
        .flat_map(|row| [&row["description"], &row["counterparty"]["name"], &row["counterparty"]["account"]]);
    let texts: BTreeSet<String> = texts.filter_map(written).collect();
    assert!(texts.len() > 50, "too few texts to look for: {texts:?}");
    let mut told = system.logs();
    for topic in topics::ALL {
        let dead = topic.dead_letters();
        let seen = [topic.name, &dead].map(|name| system.broker.read(name)).into_iter().flatten();
        told.extend(seen.flat_map(|one| one.headers.into_values()));
    }
    for text in texts {
        assert!(!told.iter().any(|line| line.contains(&text)), "{text:?} is told");
    }
}

fn traces(system: &System, topic: &events::Topic) -> BTreeSet<String> {
    system.broker.read(topic.name).iter().map(|seen| trace(seen).unwrap_or("none").to_owned()).collect()
}

/// The trace id in the W3C header `traceparent`.
fn trace(seen: &Seen) -> Option<&str> {
    seen.headers.get("traceparent")?.split('-').nth(1)
}
