//! Links and callbacks that are not believed.

use jiff::SignedDuration;
use store::ConsentStatus;
use url::Url;

use super::browser::{Browser, Page};
use super::world::{World, asked, bank, link, with};

const APPROVED: &[(&str, &str)] = &[("code", "code-1")];

fn assert_refused(page: &Page, code: &str) {
    assert_eq!((page.status, page.code()), (400, Some(code)), "{}", page.html);
    assert!(!page.html.contains("Connected"));
}

#[tokio::test]
async fn a_callback_is_good_once() {
    let bank = bank().await;
    let world = World::new(&bank).await;
    let consent = world.created().await;
    let mut browser = Browser::new();
    let back = with(&world.set_out(&mut browser, &consent).await, APPROVED);
    assert_eq!(browser.open(&back).await.status, 200);
    let tokens_asked = asked(&bank, "POST", "/token").await;
    assert_refused(&browser.open(&back).await, "state_used");
    assert_eq!(asked(&bank, "POST", "/token").await, tokens_asked, "a replayed code was redeemed");
    assert_eq!(world.status(&consent).await, ConsentStatus::Active);
}

#[tokio::test]
async fn a_callback_in_another_browser_is_refused_and_uses_the_state_up() {
    let world = World::new(&bank().await).await;
    let consent = world.created().await;
    let mut browser = Browser::new();
    let back = with(&world.set_out(&mut browser, &consent).await, APPROVED);
    let mut visited = Browser::new();
    world.set_out(&mut visited, &world.created().await).await;
    assert_refused(&visited.open(&back).await, "other_browser");
    assert_refused(&browser.open(&back).await, "state_used");

    let back = with(&world.set_out(&mut browser, &consent).await, APPROVED);
    assert_refused(&Browser::new().open(&back).await, "other_browser");
    assert_eq!(world.status(&consent).await, ConsentStatus::AwaitingAuthorisation);
}

#[tokio::test]
async fn a_state_nobody_was_given_is_refused() {
    let world = World::new(&bank().await).await;
    let mut browser = Browser::new();
    world.set_out(&mut browser, &world.created().await).await;
    let made_up = world.base.join(&format!("callback?state={}&code=c", "A".repeat(43))).unwrap();
    assert_refused(&browser.open(&made_up).await, "state_unknown");
}

#[tokio::test]
async fn a_state_older_than_ten_minutes_is_refused() {
    let world = World::new(&bank().await).await;
    let consent = world.created().await;
    let mut browser = Browser::new();
    let back = with(&world.set_out(&mut browser, &consent).await, APPROVED);
    world.clock.advance(SignedDuration::from_mins(10));
    assert_refused(&browser.open(&back).await, "state_expired");
    assert_eq!(world.status(&consent).await, ConsentStatus::AwaitingAuthorisation);
}

#[tokio::test]
async fn an_answer_of_another_issuer_is_refused() {
    let bank = bank().await;
    let world = World::new(&bank).await;
    let consent = world.created().await;
    let mut browser = Browser::new();
    for issuer in ["https://evil.example".to_owned(), format!("{}/", bank.uri())] {
        let back = world.set_out(&mut browser, &consent).await;
        assert_refused(
            &browser.open(&with(&back, &[("code", "c"), ("iss", &issuer)])).await,
            "issuer_mismatch",
        );
    }
    assert_eq!(world.status(&consent).await, ConsentStatus::AwaitingAuthorisation);
}

#[tokio::test]
async fn an_answer_that_says_nothing_or_too_much_is_refused() {
    let world = World::new(&bank().await).await;
    let consent = world.created().await;
    let mut browser = Browser::new();
    for answer in [&[][..], &[("code", "c"), ("error", "access_denied")], &[("code", "c"), ("code", "d")]] {
        let back = world.set_out(&mut browser, &consent).await;
        assert_refused(&browser.open(&with(&back, answer)).await, "callback_malformed");
    }
    assert_refused(&browser.open(&world.base.join("callback").unwrap()).await, "callback_malformed");
    assert_eq!(world.status(&consent).await, ConsentStatus::AwaitingAuthorisation);
}

#[tokio::test]
async fn two_windows_of_one_browser_do_not_end_each_other() {
    let world = World::new(&bank().await).await;
    let (one, two) = (world.created().await, world.created().await);
    let mut browser = Browser::new();
    let first = world.set_out(&mut browser, &one).await;
    let second = world.set_out(&mut browser, &two).await;
    for back in [first, second] {
        assert_eq!(browser.open(&with(&back, APPROVED)).await.status, 200);
    }
}

#[tokio::test]
async fn a_link_with_another_key_opens_nothing_and_tells_nothing() {
    let world = World::new(&bank().await).await;
    let (one, two) = (world.created().await, world.created().await);
    let (one, two) = (link(&one), link(&two));
    let mut foreign = one.clone();
    foreign.set_query(two.query());
    let mut missing = one.clone();
    missing.set_query(None);
    let mut unknown = one.clone();
    unknown.set_path("/authorise/00000000-0000-7000-8000-000000000000");
    let mut nonsense = one.clone();
    nonsense.set_path("/authorise/nonsense");
    let mut pages = Vec::new();
    for url in [foreign, missing, unknown, nonsense] {
        let page = open(&url).await;
        assert_eq!((page.status, page.code()), (404, Some("link_invalid")));
        pages.push(page.html);
    }
    assert!(pages.iter().all(|page| *page == pages[0]));
}

#[tokio::test]
async fn a_link_is_closed_with_its_consent() {
    let world = World::new(&bank().await).await;
    let consent = world.created().await;
    world.clock.advance(SignedDuration::from_hours(24 * 90));
    let page = open(&link(&consent)).await;
    assert_eq!((page.status, page.code()), (410, Some("consent_ended")));

    let consent = world.created_until(world.in_days(1)).await;
    let mut browser = Browser::new();
    let back = with(&world.set_out(&mut browser, &consent).await, APPROVED);
    world.move_to(&consent, ConsentStatus::Revoked).await;
    assert_refused(&browser.open(&back).await, "state_unknown");
    assert_eq!(open(&link(&consent)).await.status, 410);
}

async fn open(url: &Url) -> Page {
    Browser::new().open(url).await
}
