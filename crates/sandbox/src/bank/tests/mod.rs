use std::sync::atomic::{AtomicI64, Ordering};

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, Response, redirect};
use serde_json::Value;

use super::*;

mod faults;
mod reading;
mod sign_in;
mod tokens;

const VERIFIER: &str = "a-verifier-that-is-long-enough-to-be-one-of-the-real-ones";
const CALLBACK: &str = "https://app.example/back";
/// 2026-03-18T12:00:00Z.
const NOON: i64 = 1_773_835_200;

/// A bank and somebody who calls it as a client and as a browser.
struct World {
    http: Client,
    bank: Running,
    seconds: Arc<AtomicI64>,
    /// Who signs in, by number.
    who: usize,
    _guard: tokio_util::sync::DropGuard,
}

struct Grant {
    access: String,
    refresh: String,
    consent: String,
}

impl World {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(adjust: impl FnOnce(&mut Config)) -> Self {
        let seconds = Arc::new(AtomicI64::new(NOON));
        let shared = Arc::clone(&seconds);
        let mut config = Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: None,
            seed: 7,
            customers: 3,
            page_size: 50,
            clock: Arc::new(move || Timestamp::from_second(shared.load(Ordering::SeqCst)).unwrap()),
            client_id: "client".to_owned(),
            client_secret: "secret".to_owned(),
            redirect_uris: vec![CALLBACK.parse().unwrap()],
            auto_approve_client: false,
            state: None,
        };
        adjust(&mut config);
        let token = CancellationToken::new();
        let bank = Bank::start(config, token.clone()).await.unwrap();
        let http = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
        Self { http, bank, seconds, who: 0, _guard: token.drop_guard() }
    }

    fn url(&self, path: &str) -> Url {
        self.bank.base_url.join(path).unwrap()
    }

    async fn token(&self, form: &[(&str, &str)]) -> (u16, Value) {
        let request = self.http.post(self.url("/token")).basic_auth("client", Some("secret")).form(form);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    async fn client_token(&self) -> String {
        let form = [("grant_type", "client_credentials"), ("scope", "accounts")];
        text(&self.token(&form).await.1["access_token"])
    }

    async fn aisp(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> Response {
        let request = self.http.request(method, self.url(&format!("{AISP}{path}"))).bearer_auth(token);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        request.send().await.unwrap()
    }

    async fn get(&self, path: &str, token: &str) -> Value {
        self.aisp(Method::GET, path, token, None).await.json().await.unwrap()
    }

    async fn consent(&self, permissions: &[&str]) -> String {
        let body = json!({ "Data": { "Permissions": permissions }, "Risk": {} });
        let answer =
            self.aisp(Method::POST, "/account-access-consents", &self.client_token().await, Some(body)).await;
        assert_eq!(answer.status(), 201);
        text(&answer.json::<Value>().await.unwrap()["Data"]["ConsentId"])
    }

    async fn consent_status(&self, id: &str) -> (u16, Value) {
        let path = format!("/account-access-consents/{id}");
        let answer = self.aisp(Method::GET, &path, &self.client_token().await, None).await;
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap()["Data"]["Status"].clone())
    }

    fn link(&self, consent: &str) -> Url {
        let challenge = "GdrxnkWPSK_8H-gKJbkqBohqawSFHSzBYxd90Pelwhg";
        let claims =
            json!({ "id_token": { "openbanking_intent_id": { "value": consent, "essential": true } } });
        let mut url = self.url("/authorize");
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", "client"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid accounts"),
            ("state", "st"),
            ("nonce", "no"),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
            ("claims", &claims.to_string()),
        ]);
        url
    }

    /// Signs the customer in and gets to the page where she decides.
    async fn at_the_decision(&self, consent: &str) -> (String, String) {
        let page = self.http.get(self.link(consent)).send().await.unwrap();
        let cookie = page.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let login = &self.bank.customers[self.who];
        let csrf = hidden(&page.text().await.unwrap());
        let form = [("csrf", csrf.as_str()), ("username", &login.username), ("password", &login.password)];
        let page = self.post("/authorize/sign-in", &cookie, &form).await;
        assert_eq!(page.status(), 200);
        (cookie, page.text().await.unwrap())
    }

    async fn post(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> Response {
        self.http.post(self.url(path)).header(COOKIE, cookie).form(form).send().await.unwrap()
    }

    async fn decide(&self, consent: &str, decision: &str, accounts: usize) -> Url {
        let (cookie, page) = self.at_the_decision(consent).await;
        let csrf = hidden(&page);
        let mut form = vec![("csrf", csrf.as_str()), ("decision", decision)];
        let ids: Vec<&str> =
            page.split("name=\"account\" value=\"").skip(1).map(|rest| &rest[..36]).collect();
        form.extend(ids.iter().take(accounts).map(|id| ("account", *id)));
        let answer = self.post("/authorize/decision", &cookie, &form).await;
        assert_eq!(answer.status(), 303);
        answer.headers()[LOCATION].to_str().unwrap().parse().unwrap()
    }

    async fn redeem(&self, code: &str) -> (u16, Value) {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.token(&form).await
    }

    async fn refresh(&self, token: &str) -> (u16, Value) {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn granted(&self, permissions: &[&str]) -> Grant {
        let consent = self.consent(permissions).await;
        let back = self.decide(&consent, "approve", 9).await;
        let (status, tokens) = self.redeem(&query_of(&back, "code")).await;
        assert_eq!(status, 200);
        Grant { access: text(&tokens["access_token"]), refresh: text(&tokens["refresh_token"]), consent }
    }

    async fn fault(&self, fault: Value) {
        let answer = self.http.post(self.url("/_sandbox/faults")).json(&fault).send().await.unwrap();
        assert_eq!(answer.status(), 204);
    }

    async fn oracle(&self) -> Value {
        let path = format!("/_sandbox/ledger?customer={}", self.bank.customers[self.who].username);
        self.http.get(self.url(&path)).send().await.unwrap().json().await.unwrap()
    }

    /// The path of the first account's transactions.
    async fn transactions_path(&self, grant: &Grant) -> String {
        let accounts = self.get("/accounts", &grant.access).await;
        format!("/accounts/{}/transactions", text(&accounts["Data"]["Account"][0]["AccountId"]))
    }

    /// All rows of a path, following the links.
    async fn walk(&self, path: &str, grant: &Grant) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut next = Some(self.url(&format!("{AISP}{path}")));
        while let Some(url) = next {
            let page: Value =
                self.http.get(url).bearer_auth(&grant.access).send().await.unwrap().json().await.unwrap();
            rows.extend(page["Data"]["Transaction"].as_array().unwrap().iter().cloned());
            next = page["Links"]["Next"].as_str().map(|url| url.parse().unwrap());
        }
        rows
    }
}

const EVERYTHING: [&str; 5] = [
    "ReadAccountsDetail",
    "ReadBalances",
    "ReadTransactionsDetail",
    "ReadTransactionsCredits",
    "ReadTransactionsDebits",
];

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn hidden(page: &str) -> String {
    page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

fn query_of(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned()
}
