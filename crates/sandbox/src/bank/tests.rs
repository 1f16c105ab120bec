use std::sync::atomic::{AtomicI64, Ordering};

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, Response, redirect};
use serde_json::Value;

use super::*;

const VERIFIER: &str = "a-verifier-that-is-long-enough-to-be-one-of-the-real-ones";
const CALLBACK: &str = "https://app.example/back";
/// 2026-03-18T12:00:00Z.
const NOON: i64 = 1_773_835_200;

/// A bank and somebody who calls it as a client and as a browser.
struct World {
    http: Client,
    bank: Running,
    seconds: Arc<AtomicI64>,
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
        Self { http, bank, seconds, _guard: token.drop_guard() }
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

    /// Signs the first customer in and gets to the page where she decides.
    async fn at_the_decision(&self, consent: &str) -> (String, String) {
        let page = self.http.get(self.link(consent)).send().await.unwrap();
        let cookie = page.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let login = &self.bank.customers[0];
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
        let path = format!("/_sandbox/ledger?customer={}", self.bank.customers[0].username);
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

#[tokio::test]
async fn a_customer_approves_and_the_client_reads_what_the_ledger_holds() {
    let world = World::new().await;
    let consent = world.consent(&EVERYTHING).await;
    assert_eq!(world.consent_status(&consent).await, (200, json!("AWAU")));
    let back = world.decide(&consent, "approve", 9).await;
    assert_eq!(query_of(&back, "state"), "st");
    assert_eq!(query_of(&back, "iss"), world.bank.base_url.as_str().trim_end_matches('/'));
    let (_, tokens) = world.redeem(&query_of(&back, "code")).await;
    assert_eq!(text(&tokens["id_token"]).split('.').count(), 3);
    assert_eq!(world.consent_status(&consent).await, (200, json!("AUTH")));
    let grant =
        Grant { access: text(&tokens["access_token"]), refresh: text(&tokens["refresh_token"]), consent };

    for account in world.oracle().await["accounts"].as_array().unwrap() {
        let rows =
            world.walk(&format!("/accounts/{}/transactions", text(&account["account_id"])), &grant).await;
        let known = account["transactions"].as_array().unwrap();
        let served: Vec<_> =
            rows.iter().map(|row| (row["TransactionId"].clone(), row["Status"].clone())).collect();
        let expected: Vec<_> = known.iter().map(|row| (row["id"].clone(), row["status"].clone())).collect();
        assert_eq!(served, expected);
    }
    let served = world.oracle().await["accounts"][0].clone();
    assert_eq!(
        served["served"]["rows"].as_u64().unwrap(),
        served["transactions"].as_array().unwrap().len() as u64
    );
}

#[tokio::test]
async fn a_denial_goes_back_with_its_error_and_ends_the_consent() {
    let world = World::new().await;
    let consent = world.consent(&EVERYTHING).await;
    let back = world.decide(&consent, "deny", 9).await;
    assert_eq!(
        (query_of(&back, "error").as_str(), query_of(&back, "state").as_str()),
        ("access_denied", "st")
    );
    assert_eq!(world.consent_status(&consent).await, (200, json!("RJCT")));
    let again = world.http.get(world.link(&consent)).send().await.unwrap();
    assert!(again.headers()[LOCATION].to_str().unwrap().contains("error=invalid_request"));
}

#[tokio::test]
async fn only_the_chosen_accounts_are_open() {
    let world = World::new().await;
    let consent = world.consent(&EVERYTHING).await;
    let back = world.decide(&consent, "approve", 1).await;
    let access = text(&world.redeem(&query_of(&back, "code")).await.1["access_token"]);
    let accounts = world.get("/accounts", &access).await;
    assert_eq!(accounts["Data"]["Account"].as_array().unwrap().len(), 1);
    let other = text(&world.oracle().await["accounts"][1]["account_id"]);
    assert_eq!(
        world.aisp(Method::GET, &format!("/accounts/{other}/balances"), &access, None).await.status(),
        403
    );
    assert_eq!(world.aisp(Method::GET, "/accounts/nobody/balances", &access, None).await.status(), 400);
}

#[tokio::test]
async fn a_form_is_good_once_and_only_in_the_browser_it_was_shown_in() {
    let world = World::new().await;
    let consent = world.consent(&EVERYTHING).await;
    let (cookie, page) = world.at_the_decision(&consent).await;
    let csrf = hidden(&page);
    let deny = [("csrf", csrf.as_str()), ("decision", "deny")];
    assert_eq!(world.post("/authorize/decision", "sandbox_sign_in=other", &deny).await.status(), 400);
    let forged = [("csrf", "guess"), ("decision", "deny")];
    assert_eq!(world.post("/authorize/decision", &cookie, &forged).await.status(), 400);
    assert_eq!(world.post("/authorize/decision", &cookie, &deny).await.status(), 303);
    assert_eq!(world.post("/authorize/decision", &cookie, &deny).await.status(), 400);
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let world = World::new().await;
    let consent = world.consent(&EVERYTHING).await;
    let link = world.link(&consent).as_str().replace("app.example%2Fback", "app.example%2Fback%2F");
    let answer = world.http.get(link).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().get(LOCATION)), (400, None));
    let plain = world.link(&consent).as_str().replace("S256", "plain");
    let answer = world.http.get(plain).send().await.unwrap();
    assert!(
        answer.headers()[LOCATION]
            .to_str()
            .unwrap()
            .starts_with("https://app.example/back?error=invalid_request")
    );
}

#[tokio::test]
async fn a_code_is_redeemed_once_with_its_verifier_and_a_second_attempt_ends_the_grant() {
    let world = World::new().await;
    let consent = world.consent(&EVERYTHING).await;
    let code = query_of(&world.decide(&consent, "approve", 9).await, "code");
    let wrong = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", "wrong"),
    ];
    assert_eq!(world.token(&wrong).await, (400, json!({ "error": "invalid_grant" })));
    let (status, tokens) = world.redeem(&code).await;
    assert_eq!(status, 200);
    assert_eq!(world.redeem(&code).await.0, 400);
    let access = text(&tokens["access_token"]);
    assert_eq!(world.aisp(Method::GET, "/accounts", &access, None).await.status(), 401);
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_grant() {
    let world = World::new().await;
    let grant = world.granted(&EVERYTHING).await;
    let (status, fresh) = world.refresh(&grant.refresh).await;
    assert_eq!(status, 200);
    assert_ne!(text(&fresh["refresh_token"]), grant.refresh);
    assert_eq!(world.refresh(&grant.refresh).await, (400, json!({ "error": "invalid_grant" })));
    assert_eq!(world.refresh(&text(&fresh["refresh_token"])).await.0, 400);
    let access = text(&fresh["access_token"]);
    assert_eq!(world.aisp(Method::GET, "/accounts", &access, None).await.status(), 401);
}

#[tokio::test]
async fn an_access_token_lasts_five_minutes() {
    let world = World::new().await;
    let grant = world.granted(&EVERYTHING).await;
    world.seconds.fetch_add(301, Ordering::SeqCst);
    let answer = world.aisp(Method::GET, "/accounts", &grant.access, None).await;
    assert_eq!((answer.status().as_u16(), answer.content_length()), (401, Some(0)));
    assert_eq!(world.refresh(&grant.refresh).await.0, 200);
}

#[tokio::test]
async fn a_deleted_consent_is_gone_with_its_tokens() {
    let world = World::new().await;
    let grant = world.granted(&EVERYTHING).await;
    let path = format!("/account-access-consents/{}", grant.consent);
    let deleted = world.aisp(Method::DELETE, &path, &world.client_token().await, None).await;
    assert_eq!(deleted.status(), 204);
    assert_eq!(world.consent_status(&grant.consent).await.0, 400);
    assert_eq!(world.aisp(Method::GET, "/accounts", &grant.access, None).await.status(), 401);
    assert_eq!(world.refresh(&grant.refresh).await.0, 400);
}

#[tokio::test]
async fn an_expired_consent_says_so_and_opens_nothing() {
    let world = World::new().await;
    let body = json!({
        "Data": { "Permissions": EVERYTHING, "ExpirationDateTime": "2026-03-18T12:02:00+00:00" }, "Risk": {}
    });
    let answer =
        world.aisp(Method::POST, "/account-access-consents", &world.client_token().await, Some(body)).await;
    let consent = text(&answer.json::<Value>().await.unwrap()["Data"]["ConsentId"]);
    let back = world.decide(&consent, "approve", 9).await;
    let tokens = world.redeem(&query_of(&back, "code")).await.1;
    world.seconds.fetch_add(120, Ordering::SeqCst);
    assert_eq!(world.consent_status(&consent).await, (200, json!("EXPD")));
    assert_eq!(
        world.aisp(Method::GET, "/accounts", &text(&tokens["access_token"]), None).await.status(),
        401
    );
}

#[tokio::test]
async fn requests_for_consents_that_make_no_sense_are_refused() {
    let world = World::new().await;
    let token = world.client_token().await;
    for body in [
        json!({ "Data": { "Permissions": ["ReadBalances"] }, "Risk": {} }),
        json!({ "Data": { "Permissions": ["ReadAccountsBasic", "ReadTransactionsBasic"] }, "Risk": {} }),
        json!({ "Data": { "Permissions": ["ReadAccountsBasic", "ReadEverything"] }, "Risk": {} }),
        json!({ "Data": { "Permissions": EVERYTHING } }),
        json!({ "Data": { "Permissions": EVERYTHING, "ExpirationDateTime": "2020-01-01T00:00:00Z" }, "Risk": {} }),
    ] {
        let answer = world.aisp(Method::POST, "/account-access-consents", &token, Some(body.clone())).await;
        assert_eq!(answer.status(), 400, "{body}");
        let errors = answer.json::<Value>().await.unwrap();
        assert_eq!(text(&errors["Errors"][0]["ErrorCode"]).len(), 4);
    }
}

#[tokio::test]
async fn permissions_decide_what_is_shown() {
    let world = World::new().await;
    let grant =
        world.granted(&["ReadAccountsBasic", "ReadTransactionsBasic", "ReadTransactionsCredits"]).await;
    let path = world.transactions_path(&grant).await;
    let rows = world.walk(&path, &grant).await;
    assert!(rows.iter().all(|row| row["CreditDebitIndicator"] == "Credit"));
    assert!(rows.iter().all(|row| row["TransactionInformation"].is_null() && row["Balance"].is_null()));
    assert!(world.get("/accounts", &grant.access).await["Data"]["Account"][0]["Account"].is_null());
    let balances = path.replace("transactions", "balances");
    assert_eq!(world.aisp(Method::GET, &balances, &grant.access, None).await.status(), 403);
}

#[tokio::test]
async fn a_filter_keeps_whole_days_with_and_without_a_zone() {
    let world = World::new().await;
    let grant = world.granted(&EVERYTHING).await;
    let path = world.transactions_path(&grant).await;
    let filtered = |zone: &str| {
        format!(
            "{path}?fromBookingDateTime=2026-02-01T00:00:00{zone}&toBookingDateTime=2026-02-28T23:59:59{zone}"
        )
    };
    let rows = world.walk(&filtered(""), &grant).await;
    let all = world.walk(&path, &grant).await;
    let february: Vec<_> =
        all.into_iter().filter(|row| text(&row["BookingDateTime"]).starts_with("2026-02")).collect();
    assert!(!february.is_empty());
    assert_eq!(rows, february);
    assert_eq!(world.walk(&filtered("Z"), &grant).await, february);
}

#[tokio::test]
async fn a_pending_row_is_booked_later_under_the_same_id_unless_the_bank_gave_none() {
    let world = World::new().await;
    let before = world.oracle().await;
    world.seconds.fetch_add(4 * 86_400, Ordering::SeqCst);
    let after = world.oracle().await.to_string();
    let rows = before["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|account| account["transactions"].as_array().unwrap());
    let pending: Vec<_> = rows.filter(|row| row["status"] == "PDNG").collect();
    assert!(!pending.is_empty());
    assert!(pending.iter().all(|row| after.contains(&format!("{{\"amount\":{},", row["amount"]))
        || after.contains(&text(&row["id"]))));

    let student = data::customer(
        &data::Catalogue::load().unwrap(),
        7,
        2,
        data::history_start(Date::constant(2026, 3, 18)),
        Date::constant(2026, 3, 18),
    );
    assert!(!student.unwrap().pending_ids);
}

#[tokio::test]
async fn the_interaction_id_is_echoed_even_on_refusals() {
    let world = World::new().await;
    let request =
        world.http.get(world.url(&format!("{AISP}/accounts"))).header("x-fapi-interaction-id", "abc");
    let answer = request.send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-fapi-interaction-id"]),
        (401, &"abc".parse().unwrap())
    );
}

#[tokio::test]
async fn faults_happen_as_often_as_asked_and_no_more() {
    let world = World::new().await;
    let grant = world.granted(&EVERYTHING).await;
    let path = world.transactions_path(&grant).await;
    let get = || world.aisp(Method::GET, &path, &grant.access, None);

    world.fault(json!({ "kind": "status_503", "times": 2 })).await;
    assert_eq!([get().await.status().as_u16(), get().await.status().as_u16()], [503, 503]);
    world.fault(json!({ "kind": "too_many_requests", "times": 1, "retry_after": 7 })).await;
    let limited = get().await;
    assert_eq!((limited.status().as_u16(), &limited.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    world.fault(json!({ "kind": "truncated_body", "times": 1, "endpoint": "transactions" })).await;
    assert!(get().await.json::<Value>().await.is_err());
    world.fault(json!({ "kind": "unknown_currency", "times": 1 })).await;
    assert_eq!(
        get().await.json::<Value>().await.unwrap()["Data"]["Transaction"][0]["Amount"]["Currency"],
        "ZZZ"
    );
    world.fault(json!({ "kind": "next_to_other_host", "times": 1 })).await;
    assert!(
        text(&get().await.json::<Value>().await.unwrap()["Links"]["Next"])
            .starts_with("https://elsewhere.invalid")
    );
    world.fault(json!({ "kind": "next_cycle", "times": 1 })).await;
    let cycle = get().await.json::<Value>().await.unwrap();
    assert_eq!(cycle["Links"]["Next"], cycle["Links"]["Self"]);
    let clean = get().await.json::<Value>().await.unwrap();
    assert_ne!(clean["Links"]["Next"], clean["Links"]["Self"]);
}

#[tokio::test]
async fn a_row_can_be_made_to_stand_on_two_pages() {
    let world = World::new().await;
    let grant = world.granted(&EVERYTHING).await;
    let path = world.transactions_path(&grant).await;
    let clean = world.walk(&path, &grant).await;
    world.fault(json!({ "kind": "duplicate_row_on_two_pages", "times": 1 })).await;
    let doubled = world.walk(&path, &grant).await;
    assert_eq!(doubled.len(), clean.len() + 1);
    assert_eq!(doubled[49], doubled[50]);
}

#[tokio::test]
async fn faults_of_the_token_endpoint_and_of_one_customer_spare_the_rest() {
    let world = World::new().await;
    let grant = world.granted(&EVERYTHING).await;
    world
        .fault(json!({ "kind": "status_503", "times": 9, "customer": world.bank.customers[1].username }))
        .await;
    assert_eq!(world.aisp(Method::GET, "/accounts", &grant.access, None).await.status(), 200);
    world.fault(json!({ "kind": "token_endpoint_500", "times": 1 })).await;
    assert_eq!(world.refresh(&grant.refresh).await.0, 500);
    let (status, fresh) = world.refresh(&grant.refresh).await;
    assert_eq!(status, 200);
    world.fault(json!({ "kind": "token_answer_lost", "times": 1 })).await;
    let token = text(&fresh["refresh_token"]);
    assert_eq!([world.refresh(&token).await.0, world.refresh(&token).await.0], [500, 400]);
}

#[tokio::test]
async fn a_slow_answer_comes_complete() {
    let world = World::new().await;
    let grant = world.granted(&EVERYTHING).await;
    world.fault(json!({ "kind": "slow", "times": 1, "millis": 150 })).await;
    let started = std::time::Instant::now();
    assert_eq!(world.aisp(Method::GET, "/accounts", &grant.access, None).await.status(), 200);
    assert!(started.elapsed().as_millis() >= 150);
}

#[tokio::test]
async fn consents_and_grants_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bank.json");
    let world = World::with(|config| config.state = Some(file.clone())).await;
    let grant = world.granted(&EVERYTHING).await;
    drop(world);
    let world = World::with(|config| config.state = Some(file.clone())).await;
    assert_eq!(world.consent_status(&grant.consent).await, (200, json!("AUTH")));
    assert_eq!(world.refresh(&grant.refresh).await.0, 200);
}

#[tokio::test]
async fn a_client_that_is_approved_at_once_is_sent_back_with_a_code() {
    let world = World::with(|config| config.auto_approve_client = true).await;
    let consent = world.consent(&EVERYTHING).await;
    let mut link = world.link(&consent);
    link.query_pairs_mut().append_pair("login_hint", &world.bank.customers[1].username);
    let answer = world.http.get(link).send().await.unwrap();
    let back: Url = answer.headers()[LOCATION].to_str().unwrap().parse().unwrap();
    assert_eq!(world.redeem(&query_of(&back, "code")).await.0, 200);
}
