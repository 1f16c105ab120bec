//! The connector against a bank that misbehaves on request.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use events::{Basket, Baskets, PsuPresence};
use jiff::civil::{Date, date};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;
use wiremock::matchers::{
    basic_auth, body_partial_json, body_string_contains, header, method, path, query_param,
};
use wiremock::{Match, Mock, MockServer, Request, ResponseTemplate};

use crate::{
    Access, AuthorisationRequest, Class, ConsentTerms, Error, Institution, Institutions, Profile,
    RemoteStatus,
};

const SPAN: (Date, Date) = (date(2026, 1, 1), date(2026, 1, 31));
const TRANSACTIONS: &str = "/aisp/accounts/a1/transactions";

fn profile(server: &MockServer) -> Profile {
    let text = format!(
        "id = 'bank'\nname = 'Bank'\ncountry = 'GB'\nstandard = 'uk-ob-4.0'\ntime_zone = 'Europe/London'\n\
         base_url = '{0}/aisp'\nallow_http = true\n[limits]\nrequests_per_second = 1000\nmax_body_bytes = 4096\n\
         [client]\nissuer = '{0}'\nid = 'me'\nsecret = 's&cret'\n\
         token_endpoint = '{0}/token'\nauthorization_endpoint = '{0}/authorize'\n",
        server.uri()
    );
    Profile::parse(&text, "bank.toml".as_ref()).unwrap()
}

fn institution(profile: Profile) -> std::sync::Arc<Institution> {
    Institutions::from_profiles(vec![profile]).unwrap().get(&"bank".parse().unwrap()).unwrap()
}

fn token() -> SecretString {
    "customer-token".to_owned().into()
}

/// A page of transactions with a link to `next`.
fn page(next: &str) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(json!({"Data": {"Transaction": [{}, {}]}, "Links": {"Next": next}}))
}

async fn on_token(server: &MockServer, answer: ResponseTemplate) {
    Mock::given(method("POST")).and(path("/token")).respond_with(answer).mount(server).await;
}

fn bearer(token: &str) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(json!({"access_token": token, "token_type": "Bearer", "expires_in": 300}))
}

/// Reads the first page of transactions.
async fn read(server: &MockServer) -> Result<crate::Page, Error> {
    let token = token();
    let access = Access { token: &token, psu: None };
    institution(profile(server)).connector().transactions(&access, "a1", SPAN, None).await
}

#[tokio::test]
async fn a_consent_asks_for_what_the_baskets_say_and_no_more() {
    let server = MockServer::start().await;
    on_token(&server, bearer("own")).await;
    Mock::given(method("POST"))
        .and(path("/aisp/account-access-consents"))
        .and(header("authorization", "Bearer own"))
        .and(body_partial_json(json!({
            "Data": {
                "Permissions": ["ReadAccountsDetail", "ReadBalances"],
                "ExpirationDateTime": "2026-12-31T23:59:59Z",
                "TransactionFromDateTime": "2025-01-01T00:00:00Z",
            },
            "Risk": {},
        })))
        .respond_with(
            ResponseTemplate::new(201).set_body_json(json!({"Data": {"ConsentId": "c1", "Status": "AWAU"}})),
        )
        .mount(&server)
        .await;
    let baskets = Baskets::from(vec![Basket::Balances]);
    let terms = ConsentTerms {
        baskets: &baskets,
        expires_at: "2026-12-31T23:59:59.9Z".parse().unwrap(),
        history_from: Some(date(2025, 1, 1)),
    };
    let consent = institution(profile(&server)).connector().create_consent(&terms).await.unwrap();
    assert_eq!((consent.id.as_str(), consent.status), ("c1", RemoteStatus::AwaitingAuthorisation));
}

#[tokio::test]
async fn our_own_token_is_kept_and_replaced_once_when_it_is_refused() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/token"))
        .and(basic_auth("me", "s%26cret"))
        .respond_with(bearer("old"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on_token(&server, bearer("new")).await;
    Mock::given(header("authorization", "Bearer old"))
        .respond_with(ResponseTemplate::new(401))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(header("authorization", "Bearer new"))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({"Data": {"ConsentId": "c1", "Status": "AUTH"}})),
        )
        .expect(2)
        .mount(&server)
        .await;
    let bank = institution(profile(&server));
    assert_eq!(bank.connector().consent_status("c1").await, Ok(RemoteStatus::Authorised));
    assert_eq!(bank.connector().consent_status("c1").await, Ok(RemoteStatus::Authorised));
}

#[tokio::test]
async fn a_refusal_of_our_own_client_is_not_taken_for_the_customers() {
    let server = MockServer::start().await;
    on_token(&server, ResponseTemplate::new(401).set_body_json(json!({"error": "invalid_client"}))).await;
    let bank = institution(profile(&server));
    let refused = bank.connector().refresh(&token()).await.unwrap_err();
    assert_eq!(refused, Error::Rejected { status: 401, code: Some("invalid_client".to_owned()) });
    assert_eq!(refused.class(), Class::GiveUp);
}

#[tokio::test]
async fn a_token_request_is_never_repeated_in_place() {
    let server = MockServer::start().await;
    Mock::given(path("/token")).respond_with(ResponseTemplate::new(503)).expect(1).mount(&server).await;
    let refused = institution(profile(&server)).connector().refresh(&token()).await.unwrap_err();
    assert_eq!(refused.class(), Class::Retry);
}

#[tokio::test]
async fn a_code_is_redeemed_with_its_verifier_and_a_refused_one_means_signing_in_again() {
    let server = MockServer::start().await;
    Mock::given(path("/token"))
        .and(body_string_contains("grant_type=authorization_code"))
        .and(body_string_contains("code_verifier=v1"))
        .and(body_string_contains("code=good"))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            json!({"access_token": "a", "token_type": "bearer", "expires_in": 300, "refresh_token": "r"}),
        ))
        .mount(&server)
        .await;
    on_token(&server, ResponseTemplate::new(400).set_body_json(json!({"error": "invalid_grant"}))).await;
    let bank = institution(profile(&server));
    let (verifier, back) = ("v1".to_owned().into(), "https://us.example/callback".parse().unwrap());
    let tokens = bank.connector().exchange_code("good", &verifier, &back).await.unwrap();
    assert_eq!(tokens.access.expose_secret(), "a");
    assert_eq!(tokens.refresh.unwrap().expose_secret(), "r");
    assert_eq!(tokens.access_expires_in, Duration::from_secs(300));
    let refused = bank.connector().exchange_code("bad", &verifier, &back).await.unwrap_err();
    assert_eq!(refused, Error::Unauthorised);
}

#[tokio::test]
async fn the_browser_is_sent_with_pkce_and_the_intent() {
    let server = MockServer::start().await;
    let back: Url = "https://us.example/callback".parse().unwrap();
    let request = AuthorisationRequest {
        institution_consent_id: "c\"1",
        state: "s",
        nonce: "n",
        code_challenge: "x",
        redirect_uri: &back,
    };
    let bank = institution(profile(&server));
    let url = bank.connector().authorisation_url(&request).await.unwrap();
    let of = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert_eq!(of("code_challenge_method").as_deref(), Some("S256"));
    assert_eq!(of("redirect_uri").as_deref(), Some("https://us.example/callback"));
    assert_eq!(
        of("claims").as_deref(),
        Some(r#"{"id_token":{"openbanking_intent_id":{"value":"c\"1","essential":true}}}"#)
    );
    assert_eq!(bank.connector().issuer(), server.uri());
}

#[tokio::test]
async fn endpoints_are_discovered_and_those_of_another_server_refused() {
    let server = MockServer::start().await;
    let metadata = |issuer: String, token: &str| {
        ResponseTemplate::new(200).set_body_json(json!({
            "issuer": issuer, "authorization_endpoint": format!("{}/a", server.uri()), "token_endpoint": token,
        }))
    };
    let discovery = || Mock::given(path("/.well-known/openid-configuration"));
    for hostile in [
        metadata("https://other.example".to_owned(), &format!("{}/token", server.uri())),
        metadata(server.uri(), "http://other.example/token"),
    ] {
        discovery().respond_with(hostile).up_to_n_times(1).mount(&server).await;
    }
    discovery().respond_with(metadata(server.uri(), &format!("{}/token", server.uri()))).mount(&server).await;
    on_token(&server, bearer("fresh")).await;
    let mut profile = profile(&server);
    (profile.client.token_endpoint, profile.client.authorization_endpoint) = (None, None);
    let bank = institution(profile);
    for _ in 0..2 {
        assert!(matches!(bank.connector().refresh(&token()).await, Err(Error::Hostile { .. })));
    }
    assert!(bank.connector().refresh(&token()).await.is_ok());
}

#[tokio::test]
async fn a_consent_that_is_gone_counts_as_revoked() {
    let server = MockServer::start().await;
    on_token(&server, bearer("own")).await;
    for (id, status) in [("c1", 204), ("c2", 400), ("c3", 404), ("c4", 500)] {
        Mock::given(method("DELETE"))
            .and(path(format!("/aisp/account-access-consents/{id}")))
            .respond_with(ResponseTemplate::new(status))
            .mount(&server)
            .await;
    }
    let bank = institution(profile(&server));
    for gone in ["c1", "c2", "c3"] {
        assert_eq!(bank.connector().revoke(gone).await, Ok(()), "{gone}");
    }
    assert_eq!(bank.connector().revoke("c4").await.unwrap_err().class(), Class::Retry);
}

#[tokio::test]
async fn accounts_are_told_apart_by_their_most_lasting_number() {
    let server = MockServer::start().await;
    let (one, two) = (
        json!({"AccountId": "a1", "Currency": "GBP", "Account": [
            {"SchemeName": "UK.OBIE.PAN", "Identification": "4000 xxxx"},
            {"SchemeName": "UK.OBIE.SortCodeAccountNumber", "Identification": "112233 12345678", "Name": "J"},
        ]}),
        json!({"AccountId": "a2"}),
    );
    let list = |account, links| {
        ResponseTemplate::new(200).set_body_json(json!({"Data": {"Account": [account]}, "Links": links}))
    };
    let accounts = || Mock::given(path("/aisp/accounts"));
    accounts().and(query_param("page", "2")).respond_with(list(&two, json!({}))).mount(&server).await;
    accounts().respond_with(list(&one, json!({"Next": "/aisp/accounts?page=2"}))).mount(&server).await;
    let token = token();
    let access = Access { token: &token, psu: None };
    let found = institution(profile(&server)).connector().accounts(&access).await.unwrap();
    let names: Vec<_> = found.iter().map(|account| account.identification.expose_secret()).collect();
    assert_eq!(names, ["UK.OBIE.SortCodeAccountNumber|11223312345678||GBP", "AccountId|a2||"]);
    assert_eq!(found[0].raw, one.to_string());
    assert_eq!(format!("{:?}", found[0]), "FetchedAccount(..)");
}

#[tokio::test]
async fn transactions_are_asked_for_by_local_days_and_as_attended_only_with_a_real_address() {
    let server = MockServer::start().await;
    Mock::given(path(TRANSACTIONS))
        .and(query_param("fromBookingDateTime", "2026-01-01T00:00:00"))
        .and(query_param("toBookingDateTime", "2026-01-31T23:59:59"))
        .respond_with(page("?page=2").insert_header("x-fapi-interaction-id", "i-1"))
        .mount(&server)
        .await;
    let bank = institution(profile(&server));
    let token = token();
    for (address, sent) in [("203.0.113.9", true), ("Jane's phone", false)] {
        let psu = PsuPresence { ip_address: address.to_owned(), user_agent: Some("Firefox".to_owned()) };
        let access = Access { token: &token, psu: Some(&psu) };
        let page = bank.connector().transactions(&access, "a1", SPAN, None).await.unwrap();
        assert_eq!((page.rows, page.interaction_id.as_deref()), (2, Some("i-1")));
        assert_eq!(page.next.unwrap().query(), Some("page=2"));
        let last = server.received_requests().await.unwrap().pop().unwrap();
        assert_eq!(last.headers.contains_key("x-fapi-customer-ip-address"), sent);
        assert!(last.headers.contains_key("x-fapi-interaction-id"));
    }
}

#[tokio::test]
async fn a_link_to_another_host_is_refused() {
    let server = MockServer::start().await;
    Mock::given(path(TRANSACTIONS)).respond_with(page("http://evil.example/")).mount(&server).await;
    assert_eq!(read(&server).await.unwrap_err(), Error::HostilePagination { what: "another host" });
}

#[tokio::test]
async fn a_blip_is_passed_over_in_place() {
    let server = MockServer::start().await;
    let blips = AtomicUsize::new(0);
    let answers = move |_: &Request| match blips.fetch_add(1, Ordering::SeqCst) {
        0 => ResponseTemplate::new(503),
        1 => ResponseTemplate::new(200).set_body_raw(r#"{"Data": {"Transaction": [{"#, "application/json"),
        2 => ResponseTemplate::new(200).set_body_raw("", "application/json"),
        _ => page("?page=2"),
    };
    Mock::given(path(TRANSACTIONS)).respond_with(answers).expect(4).mount(&server).await;
    assert_eq!(read(&server).await.unwrap().rows, 2);
}

#[tokio::test]
async fn what_repeating_cannot_cure_is_not_repeated() {
    let cases = [
        (ResponseTemplate::new(401), Error::Unauthorised),
        (ResponseTemplate::new(403), Error::Forbidden),
        (
            ResponseTemplate::new(429).insert_header("retry-after", "7"),
            Error::RateLimited { retry_after: Some(Duration::from_secs(7)) },
        ),
        (
            ResponseTemplate::new(302).insert_header("location", "/aisp/accounts"),
            Error::Hostile { what: "redirect" },
        ),
        (
            ResponseTemplate::new(200).set_body_raw(vec![b' '; 5000], "application/json"),
            Error::Hostile { what: "body above the cap" },
        ),
    ];
    for (answer, expected) in cases {
        let server = MockServer::start().await;
        Mock::given(path(TRANSACTIONS)).respond_with(answer).expect(1).mount(&server).await;
        assert_eq!(read(&server).await.unwrap_err(), expected);
    }
}

/// A path that is taken literally.
struct RawPath(&'static str);

impl Match for RawPath {
    fn matches(&self, request: &Request) -> bool {
        request.url.path() == self.0
    }
}

#[tokio::test]
async fn an_id_of_the_banks_stays_one_segment_of_the_path() {
    let server = MockServer::start().await;
    let balances = ResponseTemplate::new(200).set_body_json(json!({"Data": {"Balance": [{}]}}));
    Mock::given(RawPath("/aisp/accounts/..%2Fa%3F/balances")).respond_with(balances).mount(&server).await;
    let token = token();
    let access = Access { token: &token, psu: None };
    let bank = institution(profile(&server));
    assert_eq!(bank.connector().balances(&access, "../a?").await.unwrap().rows, 1);
    assert!(matches!(bank.connector().balances(&access, "..").await, Err(Error::Hostile { .. })));
}
