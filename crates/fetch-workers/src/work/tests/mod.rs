//! Jobs against a bank that misbehaves on request, with the real ledger.

mod sandbox;
mod tokens;
mod windows;

use std::sync::Mutex;

use events::{
    Basket, Consent, ConsentId, FetchJob, FetchReason, JobId, Outbound, RawWindow, Record, avro, pages,
    topics,
};
use institutions::{Institutions, Profile};
use jiff::SignedDuration;
use jiff::civil::date;
use serde_json::{Value, json};
use service::Clock;
use stage_runner::{Done, Fault};
use store::testing::{TestStore, fresh};
use store::{ConsentStatus, JobProgress, NewJob, Tokens, Transition};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

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
        let institutions = Institutions::from_profiles(vec![profile(&bank.uri(), "/aisp", more)]).unwrap();
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

/// A profile of the bank at `bank`, whose resources are below `aisp`.
fn profile(bank: &str, aisp: &str, more: &str) -> Profile {
    let text = format!(
        "id = 'bank'\nname = 'Bank'\ncountry = 'GB'\nstandard = 'uk-ob-4.0'\ntime_zone = 'Europe/London'\n\
         base_url = '{bank}{aisp}'\nallow_http = true\n{more}\n[client]\nissuer = '{bank}'\nid = 'me'\n\
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
