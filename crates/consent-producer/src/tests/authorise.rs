//! From the link to the institution and back.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::ConsentEventType;
use secrecy::ExposeSecret;
use serde_json::json;
use store::ConsentStatus;
use wiremock::matchers::{body_string_contains, path};
use wiremock::{Match, Mock, MockServer, ResponseTemplate};

use super::browser::{Browser, parameter};
use super::world::{CONSENTS, World, asked, bank, eventually, id, link, ok, on, redeems, stands, with};

/// The next request of this kind is answered so.
async fn once(bank: &MockServer, request: impl Match + 'static, answer: ResponseTemplate) {
    let mock = Mock::given(request).respond_with(answer);
    mock.up_to_n_times(1).with_priority(1).mount(bank).await;
}

/// Redeeming a code takes long enough for something to happen meanwhile.
async fn redeems_slowly(bank: &MockServer) {
    let tokens = ok(&json!({"access_token": "a", "token_type": "Bearer", "expires_in": 300}));
    once(bank, body_string_contains("authorization_code"), tokens.set_delay(Duration::from_millis(500)))
        .await;
}

#[tokio::test]
async fn an_approved_consent_is_active_and_its_tokens_are_stored() {
    let bank = bank().await;
    let world = World::new(&bank).await;
    let consent = world.created().await;
    let mut browser = Browser::new();
    let back = world.set_out(&mut browser, &consent).await;
    assert_eq!(world.status(&consent).await, ConsentStatus::AwaitingAuthorisation);

    let page = browser.open(&with(&back, &[("code", "code-1"), ("iss", &bank.uri())])).await;
    assert_eq!((page.status, page.code()), (200, None), "{}", page.html);
    assert!(page.html.contains("Bank &#38; Co has confirmed"), "{}", page.html);
    let record = world.stored(&consent).await;
    assert_eq!(record.status, ConsentStatus::Active);
    assert_eq!(record.institution_consent_id.as_deref(), Some("urn:bank:1"));
    assert_eq!(record.institution_status.as_deref(), Some("authorised"));
    let tokens = world.store.tokens().load(id(&consent)).await.unwrap().unwrap();
    assert_eq!(tokens.access.expose_secret(), "access-1");
    assert_eq!(tokens.refresh.unwrap().expose_secret(), "refresh-1");
    let told = world.last_event().await;
    assert_eq!((told.event_type, told.actor.as_str()), (ConsentEventType::Authorised, "user"));

    let again = browser.open(&link(&consent)).await;
    assert_eq!((again.status, again.html.contains("Already connected")), (200, true));
}

#[tokio::test]
async fn the_institution_is_asked_with_a_challenge_that_only_the_code_s_redeemer_can_answer() {
    let bank = bank().await;
    let world = World::new(&bank).await;
    let consent = world.created().await;
    let mut browser = Browser::new();
    let institution = browser.open(&link(&consent)).await.leads_to().unwrap();
    assert_eq!(institution.path(), "/authorize");
    let sent = |name| parameter(&institution, name);
    assert_eq!(
        (sent("response_type"), sent("code_challenge_method")),
        ("code".to_owned(), "S256".to_owned())
    );
    assert_eq!(sent("redirect_uri"), format!("{}callback", world.base));
    assert!(sent("claims").contains("urn:bank:1"));
    assert_eq!([sent("state"), sent("nonce"), sent("code_challenge")].map(|text| text.len()), [43; 3]);

    let answer = [("state", sent("state")), ("code", "code-1".to_owned())];
    let mut back = world.base.join("callback").unwrap();
    back.query_pairs_mut().extend_pairs(answer);
    assert_eq!(browser.open(&back).await.status, 200);
    let requests = bank.received_requests().await.unwrap();
    let redeemed = requests.iter().rfind(|request| request.url.path() == "/token").unwrap();
    let form = url::form_urlencoded::parse(&redeemed.body).into_owned().collect::<Vec<_>>();
    let verifier = &form.iter().find(|(name, _)| name == "code_verifier").unwrap().1;
    assert_eq!(URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())), sent("code_challenge"));
}

#[tokio::test]
async fn a_page_runs_no_script_and_is_neither_framed_nor_kept() {
    let world = World::new(&bank().await).await;
    let consent = world.created().await;
    let mut browser = Browser::new();
    for url in [link(&consent), world.base.join("callback?state=x").unwrap()] {
        let page = browser.open(&url).await;
        let header = |name| page.headers.get(name).unwrap().to_str().unwrap();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
        assert_eq!((header("cache-control"), header("referrer-policy")), ("no-store", "same-origin"));
        assert_eq!((header("x-frame-options"), header("x-content-type-options")), ("DENY", "nosniff"));
        assert!(!page.html.contains("<script") && !page.html.contains("style=\""));
    }
}

#[tokio::test]
async fn a_denial_is_recorded_with_its_reason_and_nothing_is_stored() {
    let world = World::new(&bank().await).await;
    let consent = world.created().await;
    let mut browser = Browser::new();
    let back = world.set_out(&mut browser, &consent).await;
    let page =
        browser.open(&with(&back, &[("error", "access_denied"), ("error_description", "<b>no</b>")])).await;
    assert_eq!((page.status, page.code()), (200, Some("access_denied")));
    assert!(!page.html.contains("<b>"));
    assert_eq!(world.status(&consent).await, ConsentStatus::Denied);
    let told = world.last_event().await;
    assert_eq!(told.event_type, ConsentEventType::Denied);
    assert_eq!((told.actor.as_str(), told.reason.as_deref()), ("user", Some("access_denied")));
    assert!(world.store.tokens().load(id(&consent)).await.unwrap().is_none());
    assert_eq!(browser.open(&link(&consent)).await.status, 410);
}

#[tokio::test]
async fn an_institution_that_is_away_leaves_the_link_good() {
    let bank = bank().await;
    let world = World::new(&bank).await;
    let consent = world.created().await;
    let mut browser = Browser::new();
    once(&bank, path(CONSENTS), ResponseTemplate::new(503)).await;
    let page = browser.open(&link(&consent)).await;
    assert_eq!((page.status, page.code()), (502, Some("institution_unavailable")), "{}", page.html);
    assert!(page.html.contains(&link(&consent).as_str().replace('&', "&#38;")), "no link to try again");
    assert_eq!(world.status(&consent).await, ConsentStatus::AwaitingAuthorisation);

    let back = world.set_out(&mut browser, &consent).await;
    assert_eq!(browser.open(&with(&back, &[("code", "code-1")])).await.status, 200);
}

#[tokio::test]
async fn a_code_that_could_not_be_redeemed_may_be_tried_again() {
    let bank = bank().await;
    let world = World::new(&bank).await;
    let consent = world.created().await;
    let mut browser = Browser::new();
    let grant = json!({"error": "invalid_grant"});
    let cases = [
        (ResponseTemplate::new(500), "institution_unavailable"),
        (ResponseTemplate::new(400).set_body_json(grant), "unauthorised"),
    ];
    for (answer, code) in cases {
        let back = world.set_out(&mut browser, &consent).await;
        once(&bank, body_string_contains("authorization_code"), answer).await;
        let page = browser.open(&with(&back, &[("code", "code-1")])).await;
        assert_eq!((page.status, page.code()), (502, Some(code)), "{}", page.html);
        assert_eq!(world.status(&consent).await, ConsentStatus::AwaitingAuthorisation);
    }
    assert_eq!(asked(&bank, "POST", CONSENTS).await, 1, "the institution's consent was not used again");
    let back = world.set_out(&mut browser, &consent).await;
    assert_eq!(browser.open(&with(&back, &[("code", "code-2")])).await.status, 200);
    assert_eq!(world.status(&consent).await, ConsentStatus::Active);
}

#[tokio::test]
async fn an_authorisation_that_cannot_succeed_fails_with_its_reason() {
    let bank = bank().await;
    let world = World::new(&bank).await;
    bank.reset().await;
    on(&bank, 5, "POST", CONSENTS, &super::world::consent(201, "AWAU")).await;
    let token = json!({"access_token": "own", "token_type": "Bearer", "expires_in": 300});
    redeems(&bank, ResponseTemplate::new(400).set_body_json(json!({"error": "invalid_client"}))).await;
    on(&bank, 9, "POST", "/token", &ok(&token)).await;

    for answer in [("code", "code-1"), ("error", "unauthorized_client")] {
        let consent = world.created().await;
        let mut browser = Browser::new();
        let back = world.set_out(&mut browser, &consent).await;
        let page = browser.open(&with(&back, &[answer])).await;
        assert_eq!((page.status, page.code()), (502, Some("request_rejected")), "{}", page.html);
        assert_eq!(world.status(&consent).await, ConsentStatus::Failed);
        let told = world.last_event().await;
        assert_eq!((told.actor.as_str(), told.reason.as_deref()), ("institution", Some("request_rejected")));
    }
}

#[tokio::test]
async fn a_former_attempt_that_the_institution_ended_is_followed_by_a_new_consent_there() {
    let bank = bank().await;
    let world = World::new(&bank).await;
    let consent = world.created().await;
    let mut browser = Browser::new();
    world.set_out(&mut browser, &consent).await;
    bank.reset().await;
    let token = json!({"access_token": "own", "token_type": "Bearer", "expires_in": 300});
    on(&bank, 9, "POST", "/token", &ok(&token)).await;
    stands(&bank, "RJCT").await;
    let second = json!({"Data": {"ConsentId": "urn:bank:2", "Status": "AWAU"}});
    on(&bank, 5, "POST", CONSENTS, &ResponseTemplate::new(201).set_body_json(second)).await;
    world.set_out(&mut browser, &consent).await;
    assert_eq!(world.stored(&consent).await.institution_consent_id.as_deref(), Some("urn:bank:2"));
}

#[tokio::test]
async fn signing_in_again_uses_the_same_consent_and_abandoning_it_changes_nothing() {
    let bank = bank().await;
    let world = World::new(&bank).await;
    let consent = world.created().await;
    let mut browser = Browser::new();
    let back = world.set_out(&mut browser, &consent).await;
    browser.open(&with(&back, &[("code", "code-1")])).await;
    world.move_to(&consent, ConsentStatus::NeedsReauthorisation).await;
    bank.reset().await;
    let token = json!({"access_token": "new", "token_type": "Bearer", "expires_in": 300});
    on(&bank, 9, "POST", "/token", &ok(&token)).await;
    stands(&bank, "AUTH").await;

    let back = world.set_out(&mut browser, &consent).await;
    let page = browser.open(&with(&back, &[("error", "access_denied")])).await;
    assert_eq!((page.status, world.status(&consent).await), (200, ConsentStatus::NeedsReauthorisation));

    let back = world.set_out(&mut browser, &consent).await;
    assert_eq!(browser.open(&with(&back, &[("code", "code-2")])).await.status, 200);
    assert_eq!(world.status(&consent).await, ConsentStatus::Active);
    assert_eq!(world.last_event().await.event_type, ConsentEventType::Renewed);
    assert_eq!(asked(&bank, "POST", CONSENTS).await, 0);
}

#[tokio::test]
async fn tokens_are_kept_when_the_browser_leaves_while_the_code_is_redeemed() {
    let bank = bank().await;
    let world = World::new(&bank).await;
    let consent = world.created().await;
    let mut browser = Browser::new();
    let back = with(&world.set_out(&mut browser, &consent).await, &[("code", "code-1")]);
    redeems_slowly(&bank).await;
    let tokens_asked = asked(&bank, "POST", "/token").await;
    tokio::select! {
        page = browser.open(&back) => panic!("the bank was not slow: {}", page.status),
        () = eventually("code is being redeemed", async || asked(&bank, "POST", "/token").await > tokens_asked) => (),
    }
    eventually("consent is active", async || world.status(&consent).await == ConsentStatus::Active).await;
}

#[tokio::test]
async fn a_consent_revoked_while_its_code_is_redeemed_is_given_back() {
    let bank = bank().await;
    let world = World::new(&bank).await;
    let consent = world.created().await;
    let mut browser = Browser::new();
    let back = with(&world.set_out(&mut browser, &consent).await, &[("code", "code-1")]);
    redeems_slowly(&bank).await;
    let tokens_asked = asked(&bank, "POST", "/token").await;
    let revoke = async {
        eventually("code is being redeemed", async || asked(&bank, "POST", "/token").await > tokens_asked)
            .await;
        world.move_to(&consent, ConsentStatus::Revoked).await;
    };
    let (page, ()) = tokio::join!(browser.open(&back), revoke);
    assert_eq!((page.status, page.code()), (410, Some("consent_ended")), "{}", page.html);
    assert_eq!(world.status(&consent).await, ConsentStatus::Revoked);
    assert!(world.store.tokens().load(id(&consent)).await.is_ok_and(|tokens| tokens.is_none()));
    assert_eq!(asked(&bank, "DELETE", CONSENTS).await, 1);
}
