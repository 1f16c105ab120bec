//! Jobs against a bank that misbehaves on request, with the real ledger.

use std::sync::Mutex;

use events::{
    Basket, Consent, ConsentId, FetchJob, FetchOutcome, FetchReason, JobId, Outbound, RawKind, RawWindow,
    Record, avro, pages, topics,
};
use institutions::{Institutions, Profile};
use jiff::SignedDuration;
use jiff::civil::{Date, date};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use service::Clock;
use stage_runner::{Done, Fault};
use store::testing::{TestStore, fresh};
use store::{ConsentStatus, JobProgress, JobState, NewJob, Tokens, Transition};
use wiremock::matchers::{body_string_contains, header, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::Worker;
use super::windows::Outlet;

const NOW: &str = "2026-03-31T10:00:00Z";
const ALL: [Basket; 3] = [Basket::Accounts, Basket::Balances, Basket::Transactions];

/// A worker, its bank and a consent with a job to do.
struct Bench {
    store: TestStore,
    bank: MockServer,
    clock: Clock,
    worker: Worker,
    consent: Consent,
}

/// Keeps what would go to topics.
#[derive(Default)]
struct Kept(Mutex<Vec<Outbound>>);

impl Outlet for Kept {
    async fn send(&self, message: Outbound) -> Result<(), Fault> {
        self.0.lock().unwrap().push(message);
        Ok(())
    }
}

impl Kept {
    fn records<T: Record>(&self, topic: &str) -> Vec<T> {
        let kept = self.0.lock().unwrap();
        let payloads =
            kept.iter().filter(|one| one.topic.name == topic).filter_map(|one| one.payload.as_ref());
        payloads.map(|payload| avro::decode(payload, T::codec()).unwrap()).collect()
    }

    fn windows(&self) -> Vec<RawWindow> {
        self.records(topics::RAW_WINDOWS.name)
    }
}

impl Bench {
    async fn new(baskets: &[Basket], more: &str) -> Self {
        let (store, bank) = (fresh().await, MockServer::start().await);
        let clock = Clock::manual(NOW.parse().unwrap());
        let institutions = Institutions::from_profiles(vec![profile(&bank.uri(), more)]).unwrap();
        let consent = Consent {
            consent_id: ConsentId::new(clock.now()),
            epoch: 0,
            tenant_id: "tenant".parse().unwrap(),
            user_id: "user".parse().unwrap(),
            institution_id: "bank".parse().unwrap(),
            baskets: baskets.to_vec().into(),
            expires_at: "2026-12-31T00:00:00Z".parse().unwrap(),
            history_from: Some(date(2026, 3, 1)),
        };
        store.consents().create(&consent, "bank", clock.now(), None).await.unwrap();
        let worker = Worker { store: store.clone(), institutions, clock: clock.clone(), max_attempts: 2 };
        let bench = Self { store, bank, clock, worker, consent };
        bench.become_(ConsentStatus::Active).await;
        bench.keep_tokens("access", SignedDuration::from_hours(1)).await;
        bench.enqueue().await;
        bench
    }

    async fn become_(&self, to: ConsentStatus) {
        let step = Transition { to, actor: "user", reason: None, now: self.clock.now(), trace: None };
        self.store.consents().transition(self.consent.consent_id, &step).await.unwrap();
    }

    async fn keep_tokens(&self, access: &str, good_for: SignedDuration) {
        let tokens = Tokens {
            access: access.to_owned().into(),
            access_expires_at: self.clock.now() + good_for,
            refresh: Some("refresh-1".to_owned().into()),
            refresh_expires_at: None,
        };
        self.store.tokens().save(self.consent.consent_id, &tokens, self.clock.now()).await.unwrap();
    }

    async fn enqueue(&self) {
        let now = self.clock.now();
        let consent = self.store.consents().find(self.consent.consent_id).await.unwrap().consent;
        let job = NewJob {
            job_id: JobId::new(now),
            consent: &consent,
            reason: FetchReason::First,
            from: None,
            psu: None,
            not_before: now,
            deadline: now + SignedDuration::from_mins(10),
            trace: None,
        };
        self.store.jobs().enqueue(&job).await.unwrap();
    }

    /// The job as the planner puts it on its topic now, if it is due.
    async fn issued(&self) -> Option<FetchJob> {
        let stored = self.store.outbox().read(1_000).await.unwrap();
        self.store.outbox().delete(&stored.iter().map(|row| row.id).collect::<Vec<_>>()).await.unwrap();
        self.store.jobs().issue_due(self.clock.now(), 1_000, 10).await.unwrap();
        let issued = self.store.outbox().read(1_000).await.unwrap();
        let job = issued.into_iter().find(|row| row.message.topic.name == topics::FETCH_JOBS_FIRST.name)?;
        Some(avro::decode(&job.message.payload.unwrap(), FetchJob::codec()).unwrap())
    }

    /// One attempt at the job; what was sent.
    async fn attempt(&self) -> Kept {
        let kept = Kept::default();
        let job = self.issued().await.expect("the job is due");
        assert!(matches!(self.worker.attend(&job, &kept).await.unwrap(), Done::Ok));
        kept
    }

    async fn progress(&self) -> JobProgress {
        self.store.jobs().progress(&self.consent.tenant_id, self.consent.consent_id).await.unwrap()
    }

    async fn reason(&self) -> String {
        self.progress().await.reason.unwrap()
    }

    async fn status(&self) -> ConsentStatus {
        self.store.consents().find(self.consent.consent_id).await.unwrap().status
    }

    async fn on(&self, at: &str, answer: ResponseTemplate) {
        Mock::given(path(at)).respond_with(answer).mount(&self.bank).await;
    }

    async fn requests(&self, at: &str) -> usize {
        let all = self.bank.received_requests().await.unwrap();
        all.iter().filter(|request| request.url.path() == at).count()
    }

    /// An account `a1` in pounds.
    async fn with_account(&self) {
        self.on("/aisp/accounts", accounts(&["a1"])).await;
    }

    async fn opened(&self, window: &RawWindow) -> Vec<String> {
        let key = self.store.vault().data_key(self.consent.consent_id).await.unwrap();
        let sealed = key.open(window.window_id.uuid().as_bytes(), &window.payload).unwrap();
        let packed = zstd::decode_all(sealed.as_slice()).unwrap();
        let pages = pages::unpack(&packed).unwrap();
        pages.into_iter().map(|page| String::from_utf8(page.to_vec()).unwrap()).collect()
    }
}

fn profile(bank: &str, more: &str) -> Profile {
    let text = format!(
        "id = 'bank'\nname = 'Bank'\ncountry = 'GB'\nstandard = 'uk-ob-4.0'\ntime_zone = 'Europe/London'\n\
         base_url = '{bank}/aisp'\nallow_http = true\n{more}\n[client]\nissuer = '{bank}'\nid = 'me'\n\
         secret = 'secret'\ntoken_endpoint = '{bank}/token'\nauthorization_endpoint = '{bank}/authorize'\n"
    );
    Profile::parse(&text, "bank.toml".as_ref()).unwrap()
}

fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn accounts(ids: &[&str]) -> ResponseTemplate {
    let account = |id: &&str| json!({"AccountId": id, "Currency": "GBP"});
    ok(&json!({"Data": {"Account": ids.iter().map(account).collect::<Vec<_>>()}}))
}

fn transactions(rows: usize, next: Option<&str>) -> ResponseTemplate {
    ok(&json!({"Data": {"Transaction": vec![json!({}); rows]}, "Links": {"Next": next}}))
}

fn fresh_tokens(refresh: &str) -> ResponseTemplate {
    ok(&json!({"access_token": "fresh", "token_type": "Bearer", "expires_in": 300, "refresh_token": refresh}))
}

#[tokio::test]
async fn a_job_sends_every_window_the_baskets_cover_and_closes_the_empty_ones() {
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
    let [window] = of(RawKind::Transactions)[..] else { panic!("one window with transactions") };
    assert_eq!((window.from, window.to), (Some(date(2026, 3, 21)), Some(date(2026, 4, 7))));
    assert!(window.complete && window.standard == "uk-ob-4.0" && window.source_account_id == "a1");
    assert_eq!(bench.opened(window).await.len(), 2);
    assert_eq!(bench.opened(of(RawKind::Account)[0]).await, [r#"{"AccountId":"a1","Currency":"GBP"}"#]);
    let progress = bench.progress().await;
    assert_eq!((progress.state, progress.windows, progress.landed), (JobState::Fetching, 8, 3));
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
