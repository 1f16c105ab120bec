//! The API over a real store, asked as a consuming service asks it.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use events::{
    AccountKey, BalanceSnapshot, ConsentEvent, EnrichedTransaction, FetchReason, Provenance, RawKind,
    TransactionId,
};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use service::http::Tokens;
use service::http::auth::TokenConfig;
use service::{Clock, Secret};
use store::testing::{TestStore, fresh};
use store::{Begin, ConsentStatus, LinkedAccount, NewJob, Transition, WindowPlan};
use tower::ServiceExt;

use crate::api::service;

const TOKEN: &str = "0123456789abcdef";
const OTHERS: &str = "fedcba9876543210";

struct World {
    store: TestStore,
    routes: Router,
    event: ConsentEvent,
    account: AccountKey,
}

fn now() -> Timestamp {
    "2026-04-06T00:00:00Z".parse().unwrap()
}

/// An example as it comes off the wire.
fn example<T: events::Record>(json: &str) -> T {
    let record: T = serde_json::from_str(json).unwrap();
    events::avro::decode(&events::avro::encode(&record).unwrap(), T::codec()).unwrap()
}

fn enriched() -> EnrichedTransaction {
    example(include_str!("../../../schemas/examples/enriched_transaction.json"))
}

/// The examples' customer with an active consent and a linked account.
async fn world() -> World {
    let store = fresh().await;
    let event: ConsentEvent = example(include_str!("../../../schemas/examples/consent_event.json"));
    let account = enriched().transaction.account_key;
    store.consents().create(&event.consent, "user", now(), None).await.unwrap();
    let to = Transition { to: ConsentStatus::Active, actor: "user", reason: None, now: now(), trace: None };
    store.consents().transition(event.consent.consent_id, &to).await.unwrap();
    let linked = LinkedAccount {
        account_key: account,
        source_account_id: "22289".to_owned(),
        currency: "GBP".parse().unwrap(),
    };
    store.accounts().link(event.consent.consent_id, &[linked], now()).await.unwrap();
    let token = |tenant: &str, token: &str| TokenConfig {
        tenant: tenant.to_owned(),
        token: Secret::Value(token.to_owned().into()),
    };
    let tokens = Tokens::read(&[token("demo-bank", TOKEN), token("other-bank", OTHERS)]).unwrap();
    let routes = service(store.clone(), tokens, Clock::manual(now()));
    World { store, routes, event, account }
}

impl World {
    async fn ask_as(&self, token: &str, path: &str) -> (StatusCode, Value) {
        let request = Request::get(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (status, kind) = (response.status(), response.headers().get(header::CONTENT_TYPE).cloned());
        let expected = if status.is_success() { "application/json" } else { "application/problem+json" };
        assert_eq!(kind.unwrap(), expected, "{path}");
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn ask(&self, path: &str) -> Value {
        let (status, body) = self.ask_as(TOKEN, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    async fn codes(&self, query: &str) -> Vec<String> {
        let (status, body) = self.ask_as(TOKEN, &format!("/v1/users/customer-1/transactions?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|error| format!("{} {}", error["field"].as_str().unwrap(), error["code"].as_str().unwrap()))
            .collect()
    }

    /// A job is under way that is to bring the account's details.
    async fn fetching(&self, from: &Provenance) {
        let consent = self.store.consents().find(from.consent_id).await.unwrap().consent;
        let job = NewJob {
            job_id: from.job_id,
            consent: &consent,
            reason: FetchReason::First,
            from: None,
            psu: None,
            not_before: now(),
            deadline: now() + SignedDuration::from_mins(10),
            trace: None,
        };
        let jobs = self.store.jobs();
        jobs.enqueue(&job).await.unwrap();
        assert_eq!(jobs.issue_due(now(), 10, 10).await.unwrap(), 1);
        assert_eq!(jobs.begin(from.job_id, from.attempt, now()).await.unwrap(), Begin::Go);
        let window = WindowPlan {
            window_id: from.window_id,
            account_key: self.account,
            kind: RawKind::Account,
            from: None,
            to: None,
        };
        jobs.plan(from.job_id, from.attempt, &[window], now()).await.unwrap();
    }

    /// Lands `count` transactions, three a day.
    async fn land(&self, count: u32) {
        let epoch = self.store.consents().find(self.event.consent.consent_id).await.unwrap().consent.epoch;
        let rows: Vec<_> = (0..count)
            .map(|n| {
                let mut row = enriched();
                let day = date(2026, 3, 1) + jiff::Span::new().days(n / 3);
                row.transaction.transaction_id = TransactionId::mint(self.account, day, &n.to_be_bytes());
                row.transaction.booking_date = Some(day);
                row.transaction.provenance.epoch = epoch;
                row
            })
            .collect();
        let landed = self.store.landing().transactions("lander", &rows, &[], now()).await.unwrap();
        assert_eq!(landed.inserted, u64::from(count), "{landed:?}");
    }
}

#[tokio::test]
async fn a_transaction_is_shown_with_exact_money_and_why_it_was_categorised_so() {
    let world = world().await;
    world.land(1).await;
    let body = world.ask("/v1/users/customer-1/transactions").await;
    assert_eq!(body["next_cursor"], Value::Null);
    let row = &body["transactions"][0];
    assert_eq!((&row["amount"], &row["currency"]), (&"-4.50".into(), &"GBP".into()));
    assert_eq!((&row["booking_date"], &row["status"]), (&"2026-03-01".into(), &"booked".into()));
    assert_eq!(
        (&row["category"]["primary"], &row["category"]["confidence"]),
        (&"FOOD".into(), &"0.99".into())
    );
    assert!(!row["category"]["why"].as_array().unwrap().is_empty());
    assert_eq!((&row["merchant"]["name"], &row["channel"]), (&"Tesco".into(), &"card_pos".into()));
    assert_eq!(
        (&row["foreign_exchange"]["amount"], &row["balance_after"]),
        (&"5.21".into(), &"230.00".into())
    );
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat_even_when_rows_arrive_between() {
    let world = world().await;
    world.land(10).await;
    let (mut seen, mut query) = (Vec::new(), "limit=4".to_owned());
    loop {
        let body = world.ask(&format!("/v1/users/customer-1/transactions?{query}")).await;
        let ids =
            body["transactions"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned());
        seen.extend(ids);
        let Some(cursor) = body["next_cursor"].as_str() else { break };
        query = format!("limit=4&cursor={cursor}");
        if seen.len() == 4 {
            // A newer one, which belongs on the page that was read already.
            let mut late = enriched();
            late.transaction.booking_date = Some(date(2026, 4, 5));
            late.transaction.transaction_id = TransactionId::mint(world.account, date(2026, 4, 5), b"late");
            world.store.landing().transactions("lander", &[late], &[], now()).await.unwrap();
        }
    }
    assert_eq!(seen.len(), 10);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 10);
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let world = world().await;
    world.land(6).await;
    let count = async |query: &str| {
        let body = world.ask(&format!("/v1/users/customer-1/transactions?{query}")).await;
        body["transactions"].as_array().unwrap().len()
    };
    assert_eq!(count("from=2026-03-02").await, 3);
    assert_eq!(count("to=2026-03-01").await, 3);
    assert_eq!(count("category=FOOD").await, 6);
    assert_eq!(count("category=FOOD.groceries").await, 6);
    assert_eq!(count("category=rent").await, 0);
    assert_eq!(count("status=pending").await, 0);
    assert_eq!(count(&format!("account={}", world.account)).await, 6);
    assert_eq!(count("account=00000000-0000-8000-8000-000000000000").await, 0);
}

#[tokio::test]
async fn another_tenant_and_an_unknown_user_see_an_empty_list() {
    let world = world().await;
    world.land(1).await;
    for (token, user) in [(OTHERS, "customer-1"), (TOKEN, "nobody")] {
        for what in ["transactions", "accounts"] {
            let (status, body) = world.ask_as(token, &format!("/v1/users/{user}/{what}")).await;
            assert_eq!(
                (status, body[what].as_array().map(Vec::len)),
                (StatusCode::OK, Some(0)),
                "{user} {what}"
            );
        }
    }
}

#[tokio::test]
async fn after_a_revoke_nothing_is_shown() {
    let world = world().await;
    world.land(1).await;
    let to = Transition { to: ConsentStatus::Revoked, actor: "user", reason: None, now: now(), trace: None };
    world.store.consents().transition(world.event.consent.consent_id, &to).await.unwrap();
    assert_eq!(world.ask("/v1/users/customer-1/transactions").await["transactions"], Value::Array(vec![]));
    assert_eq!(world.ask("/v1/users/customer-1/accounts").await["accounts"], Value::Array(vec![]));
}

#[tokio::test]
async fn bad_input_is_answered_field_by_field() {
    let world = world().await;
    assert_eq!(world.codes("from=yesterday&limit=0").await, ["from invalid_date", "limit invalid_limit"]);
    assert_eq!(world.codes("from=2026-02-30").await, ["from invalid_date"]);
    assert_eq!(world.codes("from=2026-03-02&to=2026-03-01").await, ["to before_from"]);
    assert_eq!(world.codes("limit=501").await, ["limit invalid_limit"]);
    assert_eq!(world.codes("limit=many").await, ["limit invalid_limit"]);
    assert_eq!(world.codes("account=1").await, ["account invalid_account"]);
    assert_eq!(
        world.codes("status=lost&category=a%20b").await,
        ["category invalid_category", "status unknown_status"]
    );
    assert_eq!(world.codes("cursor=abc").await, ["cursor invalid_cursor"]);
    assert!(world.codes("form=2026-03-02").await.is_empty(), "an unknown parameter is refused as such");
    let (status, body) = world.ask_as(TOKEN, "/v1/users/Jane%20Doe/transactions").await;
    assert_eq!((status, &body["errors"][0]["code"]), (StatusCode::BAD_REQUEST, &"invalid_user_id".into()));
}

#[tokio::test]
async fn no_token_no_answer_and_no_such_thing_no_surprise() {
    let world = world().await;
    let (status, body) = world.ask_as("guessed-token-here", "/v1/users/customer-1/accounts").await;
    assert_eq!((status, &body["code"]), (StatusCode::UNAUTHORIZED, &"invalid_token".into()));
    assert_eq!(world.ask_as(TOKEN, "/v1/nothing").await.0, StatusCode::NOT_FOUND);
    let request = Request::post("/v1/users/customer-1/accounts").body(Body::empty()).unwrap();
    assert_eq!(world.routes.clone().oneshot(request).await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn an_account_is_shown_with_its_balances_and_how_fresh_they_are() {
    let world = world().await;
    let epoch = world.store.consents().find(world.event.consent.consent_id).await.unwrap().consent.epoch;
    let mut account: events::Account = example(include_str!("../../../schemas/examples/account.json"));
    let mut balances: BalanceSnapshot =
        example(include_str!("../../../schemas/examples/balance_snapshot.json"));
    (account.provenance.epoch, balances.provenance.epoch) = (epoch, epoch);
    world.fetching(&account.provenance).await;
    world.store.landing().accounts("lander", &[account], &[], now()).await.unwrap();
    world.store.landing().balances("lander", &[balances], &[], now()).await.unwrap();
    let body = world.ask("/v1/users/customer-1/accounts").await;
    let account = &body["accounts"][0];
    assert_eq!((&account["type"], &account["holder"]), (&"current".into(), &"personal".into()));
    assert_eq!(account["masked_number"], "**********3345");
    assert_eq!(
        (&account["balances"][1]["amount"], &account["balances"][1]["kind"]),
        (&"1230.00".into(), &"available".into())
    );
    assert_eq!(account["freshness"]["fetched_at"], "2026-04-05T09:12:44Z");
    assert_eq!(account["freshness"]["stale"], false);
}

#[tokio::test]
async fn the_description_names_every_route_and_is_open_to_all() {
    let world = world().await;
    let request = Request::get("/v1/openapi.json").body(Body::empty()).unwrap();
    let response = world.routes.clone().oneshot(request).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let document: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/v1/users/{id}/accounts", "/v1/users/{id}/transactions"]);
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}
