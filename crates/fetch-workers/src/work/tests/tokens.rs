//! What happens to tokens.

use std::time::Duration;

use events::Basket;
use jiff::SignedDuration;
use secrecy::ExposeSecret;
use serde_json::json;
use stage_runner::Done;
use store::{ConsentStatus, JobState, Renewal};
use wiremock::matchers::{body_string_contains, header, path};
use wiremock::{Mock, ResponseTemplate};

use super::{ALL, Bench, Kept, accounts, fresh_tokens, ok};

#[tokio::test]
async fn a_rotated_token_is_kept_even_when_the_next_call_fails() {
    let bench = Bench::new(&ALL, "").await;
    bench.keep_tokens("old", SignedDuration::from_secs(10)).await;
    Mock::given(path("/token"))
        .and(body_string_contains("refresh_token=refresh-1"))
        .respond_with(fresh_tokens("refresh-2"))
        .expect(1)
        .mount(&bench.bank)
        .await;
    bench.on("/aisp/accounts", ResponseTemplate::new(503)).await;
    bench.attempt().await;
    assert_eq!(bench.reason().await, "institution_unavailable");
    let kept = bench.store.tokens().load(bench.consent.consent_id).await.unwrap().unwrap();
    assert_eq!(kept.access.expose_secret(), "fresh");
    assert_eq!(kept.refresh.unwrap().expose_secret(), "refresh-2");
    assert_eq!(kept.access_expires_at, bench.clock.now() + SignedDuration::from_mins(5));
}

#[tokio::test]
async fn a_token_that_is_refused_before_its_time_is_renewed_once() {
    let bench = Bench::new(&[Basket::Accounts], "").await;
    bench.on("/token", fresh_tokens("refresh-2")).await;
    Mock::given(header("authorization", "Bearer fresh"))
        .respond_with(accounts(&["a1"]))
        .mount(&bench.bank)
        .await;
    bench.on("/aisp/accounts", ResponseTemplate::new(401)).await;
    assert_eq!(bench.attempt().await.windows().len(), 1);
}

#[tokio::test]
async fn accounts_that_are_refused_together_share_one_renewal() {
    let bench = Bench::new(&[Basket::Balances], "").await;
    bench.on("/aisp/accounts", accounts(&["a1", "a2", "a3"])).await;
    Mock::given(path("/token")).respond_with(fresh_tokens("refresh-2")).expect(1).mount(&bench.bank).await;
    for account in ["a1", "a2", "a3"] {
        let balances = format!("/aisp/accounts/{account}/balances");
        Mock::given(path(balances.as_str()))
            .and(header("authorization", "Bearer fresh"))
            .respond_with(ok(&json!({"Data": {"Balance": [{}]}})))
            .mount(&bench.bank)
            .await;
        bench.on(&balances, ResponseTemplate::new(401)).await;
    }
    assert_eq!(bench.attempt().await.windows().len(), 6);
}

#[tokio::test]
async fn a_customer_whose_fresh_token_is_refused_is_asked_to_sign_in_again() {
    let bench = Bench::new(&ALL, "").await;
    bench.on("/token", fresh_tokens("refresh-2")).await;
    bench.on("/aisp/accounts", ResponseTemplate::new(401)).await;
    bench.attempt().await;
    assert_eq!(bench.status().await, ConsentStatus::NeedsReauthorisation);
    let failed = bench.progress().await;
    assert_eq!((failed.state, failed.reason.as_deref()), (JobState::Failed, Some("unauthorised")));
    assert_eq!((bench.requests("/token").await, bench.requests("/aisp/accounts").await), (1, 2));
}

#[tokio::test]
async fn a_customer_who_signs_in_while_an_old_job_fails_is_not_asked_again() {
    let bench = Bench::new(&ALL, "").await;
    bench.on("/token", ResponseTemplate::new(400).set_body_json(json!({"error": "invalid_grant"}))).await;
    let slow = ResponseTemplate::new(401).set_delay(Duration::from_millis(500));
    bench.on("/aisp/accounts", slow).await;
    let job = bench.issued().await.unwrap();
    let renewal =
        Renewal { expires_at: bench.consent.expires_at, actor: "user", now: bench.clock.now(), trace: None };
    let kept = Kept::default();
    let renewed = async {
        while bench.requests("/aisp/accounts").await == 0 {
            tokio::task::yield_now().await;
        }
        bench.store.consents().renew(bench.consent.consent_id, &renewal).await.unwrap();
    };
    let (done, ()) = tokio::join!(bench.worker.attend(&job, &kept), renewed);
    assert!(matches!(done.unwrap(), Done::Ok));
    assert_eq!(bench.status().await, ConsentStatus::Active);
}

#[tokio::test]
async fn a_refresh_with_an_uncertain_end_is_tried_once_more() {
    let bench = Bench::new(&ALL, "").await;
    bench.keep_tokens("old", SignedDuration::ZERO).await;
    let lost = ResponseTemplate::new(500);
    Mock::given(path("/token")).respond_with(lost).up_to_n_times(1).mount(&bench.bank).await;
    let used = ResponseTemplate::new(400).set_body_json(json!({"error": "invalid_grant"}));
    bench.on("/token", used).await;
    bench.attempt().await;
    assert_eq!(bench.requests("/token").await, 2);
    assert_eq!(bench.status().await, ConsentStatus::NeedsReauthorisation);
}

#[tokio::test]
async fn a_bank_that_is_away_costs_nobody_a_sign_in() {
    let bench = Bench::new(&ALL, "").await;
    bench.keep_tokens("old", SignedDuration::ZERO).await;
    bench.on("/token", ResponseTemplate::new(503)).await;
    for attempt in 1..=3 {
        bench.attempt().await;
        assert_eq!(bench.status().await, ConsentStatus::Active);
        assert_eq!(bench.progress().await.state, JobState::Waiting, "{attempt}");
        bench.clock.advance(SignedDuration::from_mins(10));
    }
}

#[tokio::test]
async fn a_token_that_another_worker_renews_is_waited_for() {
    let bench = Bench::new(&ALL, "").await;
    bench.keep_tokens("old", SignedDuration::ZERO).await;
    let lease = SignedDuration::from_secs(60);
    let tokens = bench.store.tokens();
    assert!(tokens.claim_refresh(bench.consent.consent_id, bench.clock.now(), lease).await.unwrap());
    bench.attempt().await;
    assert_eq!(bench.reason().await, "refresh_under_way");
    assert_eq!(bench.requests("/token").await, 0);
}
