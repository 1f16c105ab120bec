//! What is asked for, what is sent, and how a job ends otherwise.

use events::{Basket, FetchJob, FetchOutcome, RawKind, RawWindow, topics};
use institutions::Institutions;
use jiff::SignedDuration;
use jiff::civil::{Date, date};
use serde_json::json;
use stage_runner::Done;
use store::{ConsentStatus, JobState};
use wiremock::matchers::path;
use wiremock::{Mock, Request, ResponseTemplate};

use super::{ALL, Bench, Kept, accounts, ok, transactions};

#[tokio::test]
async fn a_job_sends_every_window_the_baskets_cover_the_empty_ones_as_well() {
    let bench = Bench::new(&ALL, "[history]\nmax_window_days = 20").await;
    bench.on("/aisp/accounts", accounts(&["a1", "a2"])).await;
    for account in ["a1", "a2"] {
        let balances = ok(&json!({"Data": {"Balance": [{}, {}]}}));
        bench.on(&format!("/aisp/accounts/{account}/balances"), balances).await;
    }
    let pages = |request: &Request| match request.url.query() {
        Some("page=2") => transactions(1, None),
        Some(first) if first.contains("2026-03-01") => transactions(0, None),
        _ => transactions(2, Some("?page=2")),
    };
    Mock::given(path("/aisp/accounts/a1/transactions")).respond_with(pages).mount(&bench.bank).await;
    bench.on("/aisp/accounts/a2/transactions", transactions(0, None)).await;

    let windows = bench.attempt().await.windows();
    let of = |kind| windows.iter().filter(|window| window.kind == kind).collect::<Vec<_>>();
    assert_eq!((of(RawKind::Account).len(), of(RawKind::Balances).len()), (2, 2));
    let transactions = of(RawKind::Transactions);
    assert_eq!(transactions.len(), 4);
    let latest =
        |window: &&&RawWindow| window.from == Some(date(2026, 3, 21)) && window.source_account_id == "a1";
    let window = transactions.iter().find(latest).unwrap();
    assert_eq!(window.to, Some(date(2026, 4, 7)));
    assert!(transactions.iter().all(|window| window.complete && window.standard == "uk-ob-4.0"));
    assert_eq!(bench.opened(window).await.len(), 2);
    assert_eq!(bench.opened(of(RawKind::Account)[0]).await, [r#"{"AccountId":"a1","Currency":"GBP"}"#]);
    let progress = bench.progress().await;
    assert_eq!((progress.state, progress.windows, progress.landed), (JobState::Fetching, 8, 0));
}

#[tokio::test]
async fn a_job_that_runs_twice_sends_the_same_windows_under_the_same_event_ids() {
    let bench = Bench::new(&ALL, "").await;
    bench.with_account().await;
    bench.on("/aisp/accounts/a1/balances", ok(&json!({"Data": {"Balance": [{}]}}))).await;
    bench.on("/aisp/accounts/a1/transactions", transactions(1, None)).await;
    let job = bench.issued().await.unwrap();
    let ids = async || {
        let kept = Kept::default();
        bench.worker.attend(&job, &kept).await.unwrap();
        let kept = kept.0.into_inner().unwrap();
        kept.into_iter().map(|message| (message.key, message.event_id)).collect::<Vec<_>>()
    };
    let first = ids().await;
    assert_eq!(first.len(), 3);
    assert_eq!(ids().await, first);
}

#[tokio::test]
async fn only_granted_baskets_are_asked_for() {
    let bench = Bench::new(&[Basket::Balances], "").await;
    bench.with_account().await;
    bench.on("/aisp/accounts/a1/balances", ok(&json!({"Data": {"Balance": [{}]}}))).await;
    let windows = bench.attempt().await.windows();
    assert_eq!(
        windows.iter().map(|window| window.kind).collect::<Vec<_>>(),
        [RawKind::Account, RawKind::Balances]
    );
    assert_eq!(bench.requests("/aisp/accounts/a1/transactions").await, 0);
}

#[tokio::test]
async fn nothing_is_asked_for_before_the_first_day_of_the_consent() {
    let bench = Bench::new(&[Basket::Transactions], "[history]\nmax_window_days = 7").await;
    bench.with_account().await;
    bench.on("/aisp/accounts/a1/transactions", transactions(1, None)).await;
    let first_day = |window: &RawWindow| window.from;
    let days: Vec<Option<Date>> = bench.attempt().await.windows().iter().map(first_day).collect();
    assert_eq!(days.iter().flatten().min(), Some(&date(2026, 3, 1)));
    assert_eq!(days.len(), 7);
}

#[tokio::test]
async fn a_limit_is_honoured_in_the_ledger() {
    let bench = Bench::new(&ALL, "").await;
    bench.on("/aisp/accounts", ResponseTemplate::new(429).insert_header("retry-after", "120")).await;
    bench.attempt().await;
    assert_eq!(bench.reason().await, "rate_limited");
    assert_eq!(bench.requests("/aisp/accounts").await, 1);
    bench.clock.advance(SignedDuration::from_secs(119));
    assert_eq!(bench.issued().await, None);
    bench.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(bench.issued().await.unwrap().attempt, 2);
}

#[tokio::test]
async fn a_truncated_answer_is_read_again_and_given_up_in_the_end() {
    let bench = Bench::new(&ALL, "").await;
    let truncated = ResponseTemplate::new(200).set_body_raw(r#"{"Data": {"Account": ["#, "application/json");
    bench.on("/aisp/accounts", truncated).await;
    bench.attempt().await;
    assert_eq!(bench.requests("/aisp/accounts").await, 4);
    let waiting = bench.progress().await;
    assert_eq!((waiting.state, waiting.reason.as_deref()), (JobState::Waiting, Some("malformed_answer")));
    bench.clock.advance(SignedDuration::from_mins(2));
    bench.attempt().await;
    let failed = bench.progress().await;
    assert_eq!((failed.state, failed.reason.as_deref()), (JobState::Failed, Some("malformed_answer")));
}

#[tokio::test]
async fn a_window_whose_pages_lead_away_or_in_a_circle_is_not_sent() {
    for (next, requests) in [("http://evil.example/aisp/accounts/a1/transactions", 1), ("?page=2", 2)] {
        let bench = Bench::new(&[Basket::Transactions], "").await;
        bench.with_account().await;
        bench.on("/aisp/accounts/a1/transactions", transactions(1, Some(next))).await;
        let sent = bench.attempt().await.windows();
        assert_eq!(sent.iter().map(|window| window.kind).collect::<Vec<_>>(), [RawKind::Account], "{next}");
        assert_eq!(bench.reason().await, "hostile_pagination");
        assert_eq!(bench.requests("/aisp/accounts/a1/transactions").await, requests);
    }
}

#[tokio::test]
async fn a_revoked_consents_job_is_dropped_and_the_bank_is_not_asked() {
    let bench = Bench::new(&ALL, "").await;
    let job = bench.issued().await.unwrap();
    bench.become_(ConsentStatus::Revoked).await;
    let kept = Kept::default();
    let done = bench.worker.attend(&job, &kept).await.unwrap();
    assert!(matches!(done, Done::Drop { reason: "consent_ended" }));
    assert!(kept.0.lock().unwrap().is_empty());
    assert!(bench.bank.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_attempt_that_was_issued_again_is_dropped() {
    let bench = Bench::new(&ALL, "").await;
    let job = bench.issued().await.unwrap();
    let old = FetchJob { attempt: 0, ..job.clone() };
    let done = bench.worker.attend(&old, &Kept::default()).await.unwrap();
    assert!(matches!(done, Done::Drop { reason: "stale" }));
    bench.clock.advance(SignedDuration::from_hours(1));
    let done = bench.worker.attend(&job, &Kept::default()).await.unwrap();
    assert!(matches!(done, Done::Drop { reason: "past_deadline" }));
}

#[tokio::test]
async fn an_account_the_customer_took_away_is_left_out_and_the_others_go_on() {
    let bench = Bench::new(&[Basket::Balances], "").await;
    bench.on("/aisp/accounts", accounts(&["a1", "a2"])).await;
    bench.on("/aisp/accounts/a1/balances", ResponseTemplate::new(403)).await;
    bench.on("/aisp/accounts/a2/balances", ok(&json!({"Data": {"Balance": [{}]}}))).await;
    let kept = bench.attempt().await;
    assert_eq!(kept.windows().len(), 3);
    let outcomes: Vec<FetchOutcome> = kept.records(topics::FETCH_OUTCOMES.name);
    assert_eq!(outcomes[0].reason.as_deref(), Some("forbidden_balances"));
    assert_eq!(bench.progress().await.landed, 1);
}

#[tokio::test]
async fn a_window_too_large_for_its_topic_is_sent_in_parts_that_cover_the_same_days() {
    let bench = Bench::new(&[Basket::Transactions], "").await;
    bench.with_account().await;
    let noise: String =
        (0..7_000_000).map(|n| char::from(b'A' + noise(n) % 58)).filter(|c| *c != '\\').collect();
    let answer = move |request: &Request| {
        let days = request.url.query().unwrap_or_default();
        let is_whole = days.contains("2026-03-01") && days.contains("2026-04-07");
        let text = if is_whole { noise.as_str() } else { "" };
        ok(&json!({"Data": {"Transaction": [{"TransactionInformation": text}]}}))
    };
    Mock::given(path("/aisp/accounts/a1/transactions")).respond_with(answer).mount(&bench.bank).await;
    let mut days: Vec<_> = bench.attempt().await.windows().iter().map(|one| (one.from, one.to)).collect();
    days.sort();
    let span = |from, to| (Some(from), Some(to));
    assert_eq!(
        days,
        [(None, None), span(date(2026, 3, 1), date(2026, 3, 19)), span(date(2026, 3, 20), date(2026, 4, 7)),]
    );
}

/// A byte that does not compress.
fn noise(n: u64) -> u8 {
    let mixed = (n ^ 0x9e37_79b9).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((mixed ^ (mixed >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 56).to_le_bytes()[0]
}

#[tokio::test]
async fn a_job_for_an_institution_that_is_not_configured_waits_before_it_fails() {
    let mut bench = Bench::new(&ALL, "").await;
    bench.worker.institutions = Institutions::from_profiles(Vec::new()).unwrap();
    bench.attempt().await;
    assert_eq!(bench.progress().await.state, JobState::Waiting);
    assert_eq!(bench.reason().await, "unknown_institution");
}

#[tokio::test]
async fn a_job_gives_up_its_turn_when_its_institution_has_no_place_for_it() {
    let bench = Bench::new(&ALL, "[limits]\nconcurrent_jobs = 1").await;
    let institution = bench.worker.institutions.get(&bench.consent.institution_id).unwrap();
    let _taken = institution.places().acquire().await.unwrap();
    bench.attempt().await;
    assert_eq!(bench.reason().await, "institution_busy");
    assert!(bench.bank.received_requests().await.unwrap().is_empty());
}
