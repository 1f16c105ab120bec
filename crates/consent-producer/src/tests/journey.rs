//! The whole way with a bank that has customers, pages and an authorisation server of its own.

use std::sync::Arc;

use sandbox::bank::{AISP, Bank, Config, Running};
use secrecy::ExposeSecret;
use service::{Clock, Shutdown};
use store::ConsentStatus;

use super::browser::{Browser, Page};
use super::world::{NOW, World, id, link};
use crate::Limits;
use crate::revocation::{Patience, Revocations};

struct Journey {
    world: World,
    bank: Running,
    shutdown: Shutdown,
}

impl Drop for Journey {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}

impl Journey {
    async fn new() -> Self {
        let (listener, shutdown) = (World::listener().await, Shutdown::new());
        let clock = Clock::manual(NOW.parse().unwrap());
        let time = clock.clone();
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            public_url: None,
            seed: 7,
            customers: 1,
            page_size: 50,
            clock: Arc::new(move || time.now()),
            client_id: "me".to_owned(),
            client_secret: "secret".to_owned(),
            redirect_uris: vec![
                format!("http://{}/callback", listener.local_addr().unwrap()).parse().unwrap(),
            ],
            auto_approve_client: false,
            state: None,
        };
        let bank = Bank::start(config, shutdown.token()).await.unwrap();
        let address = bank.base_url.as_str().trim_end_matches('/').to_owned();
        let world = World::at((&address, AISP), listener, clock, Limits::default()).await;
        Self { world, bank, shutdown }
    }

    /// The customer signs in and decides.
    async fn decide(&self, browser: &mut Browser, consent: &serde_json::Value, decision: &str) -> Page {
        let customer = &self.bank.customers[0];
        let sign_in = browser.follow(&link(consent)).await;
        let login = [("username", customer.username.as_str()), ("password", customer.password.as_str())];
        let choose = browser.submit(&sign_in, &login).await;
        browser.submit(&choose, &[("decision", decision)]).await
    }
}

#[tokio::test]
async fn a_customer_signs_in_approves_and_comes_back_connected() {
    let journey = Journey::new().await;
    let (world, mut browser) = (&journey.world, Browser::new());
    let consent = world.created().await;
    let page = journey.decide(&mut browser, &consent, "approve").await;
    assert_eq!((page.status, page.url.path()), (200, "/callback"), "{}", page.html);
    assert!(page.html.contains("Connected"));
    let tokens = world.store.tokens().load(id(&consent)).await.unwrap().unwrap();
    assert!(tokens.access_expires_at > world.clock.now() && tokens.refresh.is_some());

    let institution = world.institutions.get(&"bank".parse().unwrap()).unwrap();
    let access = institutions::Access { token: &tokens.access, psu: None };
    assert!(!institution.connector().accounts(&access).await.unwrap().is_empty());
    assert!(!page.html.contains(tokens.access.expose_secret()));

    world.move_to(&consent, ConsentStatus::Revoked).await;
    let (store, clock) = (world.store.clone(), world.clock.clone());
    let institutions = world.institutions.clone();
    let revocations = Revocations { store, institutions, clock, patience: Patience::default() };
    revocations.revoke(id(&consent)).await.unwrap();
    let gone = world.stored(&consent).await.institution_consent_id.unwrap();
    let status = institution.connector().consent_status(&gone).await.unwrap();
    assert_eq!(status, institutions::RemoteStatus::Gone);
}

#[tokio::test]
async fn a_customer_who_denies_comes_back_to_a_page_that_says_so() {
    let journey = Journey::new().await;
    let consent = journey.world.created().await;
    let page = journey.decide(&mut Browser::new(), &consent, "deny").await;
    assert_eq!((page.status, page.code()), (200, Some("access_denied")), "{}", page.html);
    assert_eq!(journey.world.status(&consent).await, ConsentStatus::Denied);
}
