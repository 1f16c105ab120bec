//! One institution, two tenants and the role between them.

use std::time::{Duration, Instant};

use events::{ConsentEvent, ConsentId, Record, avro};
use institutions::{Institutions, Profile};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use service::http::auth::TokenConfig;
use service::{Clock, Secret};
use store::testing::{TestStore, fresh};
use store::{ConsentRecord, ConsentStatus, Transition};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use url::Url;
use wiremock::matchers::{body_string_contains, method, path, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::browser::{Browser, parameter};
use crate::intake::Intake;
use crate::sweeper::Sweeper;
use crate::{Api, ConsentConfig, Limits, router};

pub(super) const NOW: &str = "2026-03-31T10:00:00Z";
pub(super) const TOKEN: &str = "token-of-the-bank-a";
pub(super) const OTHER_TOKEN: &str = "token-of-the-bank-b";
pub(super) const CONSENTS: &str = "/aisp/account-access-consents";

pub(super) struct World {
    pub(super) store: TestStore,
    pub(super) clock: Clock,
    pub(super) institutions: Institutions,
    pub(super) base: Url,
    http: Client,
    _served: JoinSet<()>,
}

impl World {
    /// The role in front of `bank`.
    pub(super) async fn new(bank: &MockServer) -> Self {
        Self::pressed(bank, Limits::default()).await
    }

    /// The same, which can only be pressed so hard.
    pub(super) async fn pressed(bank: &MockServer, limits: Limits) -> Self {
        let clock = Clock::manual(NOW.parse().unwrap());
        Self::at((&bank.uri(), "/aisp"), Self::listener().await, clock, limits).await
    }

    pub(super) async fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").await.unwrap()
    }

    pub(super) async fn at(
        (bank, aisp): (&str, &str),
        listener: TcpListener,
        clock: Clock,
        limits: Limits,
    ) -> Self {
        let store = fresh().await;
        let institutions = Institutions::from_profiles(vec![profile(bank, aisp)]).unwrap();
        let base: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let token = |tenant: &str, token: &str| TokenConfig {
            tenant: tenant.to_owned(),
            token: Secret::Value(token.to_owned().into()),
        };
        let tokens = vec![token("bank-a", TOKEN), token("bank-b", OTHER_TOKEN)];
        let config = ConsentConfig { limits, ..ConsentConfig::new(base.clone(), tokens) };
        let api = Api::new(&config, store.clone(), institutions.clone(), clock.clone()).unwrap();
        let mut served = JoinSet::new();
        served.spawn(async move { axum::serve(listener, router(api)).await.unwrap() });
        let http = Client::builder().no_proxy().build().unwrap();
        Self { store, clock, institutions, base, http, _served: served }
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.base.join(path).unwrap())
    }

    /// A call of tenant a's.
    pub(super) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let request = self.request(method, path).bearer_auth(TOKEN);
        answer(if let Some(body) = body { request.json(body) } else { request }).await
    }

    /// A consent of tenant a's, as the API answers.
    pub(super) async fn created(&self) -> Value {
        let (status, consent) = self.call(Method::POST, "v1/consents", Some(&wanted())).await;
        assert_eq!(status, 201, "{consent}");
        consent
    }

    /// The same with another end.
    pub(super) async fn created_until(&self, end: Timestamp) -> Value {
        let mut body = wanted();
        body["expires_at"] = json!(end.to_string());
        body["history_from"] = Value::Null;
        let (status, consent) = self.call(Method::POST, "v1/consents", Some(&body)).await;
        assert_eq!(status, 201, "{consent}");
        consent
    }

    pub(super) async fn stored(&self, consent: &Value) -> ConsentRecord {
        self.store.consents().find(id(consent)).await.unwrap()
    }

    pub(super) async fn status(&self, consent: &Value) -> ConsentStatus {
        self.stored(consent).await.status
    }

    pub(super) async fn move_to(&self, consent: &Value, to: ConsentStatus) {
        let step = Transition { to, actor: "test", reason: None, now: self.clock.now(), trace: None };
        self.store.consents().transition(id(consent), &step).await.unwrap();
    }

    /// Opens the consent's link in `browser`; where the institution would send it back to, without an answer yet.
    pub(super) async fn set_out(&self, browser: &mut Browser, consent: &Value) -> Url {
        let page = browser.open(&link(consent)).await;
        assert_eq!(page.status, 303, "{}", page.html);
        let institution = page.leads_to().unwrap();
        let mut back: Url = parameter(&institution, "redirect_uri").parse().unwrap();
        back.query_pairs_mut().append_pair("state", &parameter(&institution, "state"));
        back
    }

    /// Everything that was told about consents so far, in order.
    pub(super) async fn events(&self) -> Vec<ConsentEvent> {
        let rows = self.store.outbox().read(1_000).await.unwrap();
        let payloads = rows.into_iter().filter(|row| row.message.topic.record == ConsentEvent::NAME);
        payloads
            .map(|row| avro::decode(&row.message.payload.unwrap(), ConsentEvent::codec()).unwrap())
            .collect()
    }

    /// The last thing that was told.
    pub(super) async fn last_event(&self) -> ConsentEvent {
        self.events().await.pop().unwrap()
    }

    pub(super) fn intake(&self) -> Intake {
        let (store, institutions) = (self.store.clone(), self.institutions.clone());
        Intake { store, institutions, clock: self.clock.clone() }
    }

    pub(super) async fn sweep(&self) {
        let sweeper = Sweeper { store: self.store.clone(), clock: self.clock.clone() };
        while sweeper.round().await.unwrap() > 0 {}
    }

    pub(super) fn in_days(&self, days: i64) -> Timestamp {
        self.clock.now() + SignedDuration::from_hours(24 * days)
    }
}

/// The same with an answer of the institution.
pub(super) fn with(back: &Url, answer: &[(&str, &str)]) -> Url {
    let mut back = back.clone();
    back.query_pairs_mut().extend_pairs(answer);
    back
}

pub(super) fn wanted() -> Value {
    json!({
        "user_id": "customer-1",
        "institution_id": "bank",
        "baskets": ["balances", "transactions"],
        "expires_at": "2026-06-29T10:00:00Z",
        "history_from": "2025-01-01",
    })
}

pub(super) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

pub(super) fn id(consent: &Value) -> ConsentId {
    consent["id"].as_str().unwrap().parse().unwrap()
}

pub(super) fn link(consent: &Value) -> Url {
    consent["authorisation_url"].as_str().unwrap().parse().unwrap()
}

/// Waits until something is so.
pub(super) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what}: not within twenty seconds");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// An institution that takes every consent and redeems every code.
pub(super) async fn bank() -> MockServer {
    let bank = MockServer::start().await;
    let token = json!({"access_token": "own", "token_type": "Bearer", "expires_in": 300});
    on(&bank, 9, "POST", "/token", &ok(&token)).await;
    redeems(&bank, ok(&json!({
        "access_token": "access-1", "token_type": "Bearer", "expires_in": 300, "refresh_token": "refresh-1"
    })))
    .await;
    on(&bank, 9, "POST", CONSENTS, &consent(201, "AWAU")).await;
    stands(&bank, "AWAU").await;
    on(&bank, 9, "DELETE", &format!("{CONSENTS}/.*"), &ResponseTemplate::new(204)).await;
    bank
}

/// From now on a code is answered so.
pub(super) async fn redeems(bank: &MockServer, answer: ResponseTemplate) {
    let code = Mock::given(path("/token")).and(body_string_contains("authorization_code"));
    code.respond_with(answer).with_priority(5).mount(bank).await;
}

/// The consent stands so at the institution.
pub(super) async fn stands(bank: &MockServer, status: &str) {
    on(bank, 5, "GET", &format!("{CONSENTS}/.*"), &consent(200, status)).await;
}

pub(super) async fn on(bank: &MockServer, priority: u8, verb: &str, at: &str, answer: &ResponseTemplate) {
    let mock = Mock::given(method(verb)).and(path_regex(format!("^{at}$")));
    mock.respond_with(answer.clone()).with_priority(priority).mount(bank).await;
}

pub(super) fn consent(http: u16, status: &str) -> ResponseTemplate {
    ResponseTemplate::new(http).set_body_json(json!({"Data": {"ConsentId": "urn:bank:1", "Status": status}}))
}

pub(super) fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// How often the institution was asked this.
pub(super) async fn asked(bank: &MockServer, verb: &str, at: &str) -> usize {
    let requests = bank.received_requests().await.unwrap();
    requests
        .iter()
        .filter(|request| request.method.as_str() == verb && request.url.path().starts_with(at))
        .count()
}

fn profile(bank: &str, aisp: &str) -> Profile {
    let text = format!(
        "id = 'bank'\nname = 'Bank & Co'\ncountry = 'GB'\nstandard = 'uk-ob-4.0'\ntime_zone = 'Europe/London'\n\
         base_url = '{bank}{aisp}'\nallow_http = true\n[client]\nissuer = '{bank}'\nid = 'me'\nsecret = 'secret'\n\
         token_endpoint = '{bank}/token'\nauthorization_endpoint = '{bank}/authorize'\n"
    );
    Profile::parse(&text, "bank.toml".as_ref()).unwrap()
}
