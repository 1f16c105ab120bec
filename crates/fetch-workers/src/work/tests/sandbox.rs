//! A whole job against the sandbox bank, which knows what it holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use events::{Basket, Baskets, RawKind};
use institutions::{AuthorisationRequest, ConsentTerms, Institution, Institutions};
use jiff::SignedDuration;
use sandbox::bank::{AISP, Bank, Config, Running};
use serde::Deserialize;
use store::Tokens;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use super::{ALL, Bench, profile};

/// The example pair of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[derive(Deserialize)]
struct Ledger {
    accounts: Vec<LedgerAccount>,
}

#[derive(Deserialize)]
struct LedgerAccount {
    account_id: String,
    transactions: Vec<LedgerRow>,
}

#[derive(Deserialize)]
struct LedgerRow {
    id: String,
    booking_date: jiff::civil::Date,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SentPage {
    data: SentRows,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SentRows {
    #[serde(default)]
    transaction: Vec<SentRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SentRow {
    #[serde(default)]
    transaction_id: Option<String>,
}

async fn bank(bench: &Bench) -> (Running, DropGuard) {
    let (shutdown, clock) = (CancellationToken::new(), bench.clock.clone());
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        public_url: None,
        seed: 7,
        customers: 1,
        page_size: 10,
        clock: Arc::new(move || clock.now()),
        client_id: "me".to_owned(),
        client_secret: "secret".to_owned(),
        redirect_uris: vec![back()],
        auto_approve_client: true,
        state: None,
    };
    (Bank::start(config, shutdown.clone()).await.unwrap(), shutdown.drop_guard())
}

fn back() -> Url {
    "https://connector.example/callback".parse().unwrap()
}

/// Lodges a consent, lets the bank approve it, and redeems the code.
async fn approve(bench: &Bench, institution: &Institution) -> Tokens {
    let connector = institution.connector();
    let baskets = Baskets::from(ALL.to_vec());
    let (expires_at, history_from) = (bench.consent.expires_at, bench.consent.history_from);
    let consent = connector
        .create_consent(&ConsentTerms { baskets: &baskets, expires_at, history_from })
        .await
        .unwrap();
    let request = AuthorisationRequest {
        institution_consent_id: &consent.id,
        state: "state",
        nonce: "nonce",
        code_challenge: CHALLENGE,
        redirect_uri: &back(),
    };
    let url = connector.authorisation_url(&request).await.unwrap();
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = browser.get(url).send().await.unwrap();
    let location: Url = answer.headers()["location"].to_str().unwrap().parse().unwrap();
    let code = location.query_pairs().find(|(key, _)| key == "code").unwrap().1.into_owned();
    let tokens = connector.exchange_code(&code, &VERIFIER.to_owned().into(), &back()).await.unwrap();
    let good_for = SignedDuration::try_from(tokens.access_expires_in).unwrap();
    Tokens {
        access: tokens.access,
        access_expires_at: bench.clock.now() + good_for,
        refresh: tokens.refresh,
        refresh_expires_at: None,
    }
}

#[tokio::test]
async fn every_row_the_bank_has_since_the_first_day_is_sent_once() {
    let mut bench = Bench::new(&ALL, "").await;
    let (bank, _guard) = bank(&bench).await;
    let base = bank.base_url.as_str().trim_end_matches('/').to_owned();
    let profile = profile(&base, AISP, "[history]\nmax_window_days = 9");
    bench.worker.institutions = Institutions::from_profiles(vec![profile]).unwrap();
    let institution = bench.worker.institutions.get(&bench.consent.institution_id).unwrap();
    let tokens = approve(&bench, &institution).await;
    bench.store.tokens().save(bench.consent.consent_id, &tokens, bench.clock.now()).await.unwrap();

    let windows = bench.attempt().await.windows();
    let ledger = format!("{base}/_sandbox/ledger?customer={}", bank.customers[0].username);
    let ledger: Ledger = reqwest::get(ledger).await.unwrap().json().await.unwrap();
    assert!(ledger.accounts.len() > 1 && bench.consent.baskets.contains(Basket::Transactions));
    for account in &ledger.accounts {
        let of = |kind| {
            let mut all = windows.iter().filter(|window| window.source_account_id == account.account_id);
            std::iter::from_fn(move || all.find(|window| window.kind == kind))
        };
        assert_eq!((of(RawKind::Account).count(), of(RawKind::Balances).count()), (1, 1));
        let mut sent = Vec::new();
        for window in of(RawKind::Transactions) {
            for page in bench.opened(window).await {
                let page: SentPage = serde_json::from_str(&page).unwrap();
                sent.extend(page.data.transaction);
            }
        }
        let first_day = bench.consent.history_from.unwrap();
        let held = || account.transactions.iter().filter(|row| row.booking_date >= first_day);
        assert_eq!(sent.len(), held().count(), "{}", account.account_id);
        let ids: BTreeSet<_> = sent.iter().filter_map(|row| row.transaction_id.as_deref()).collect();
        assert!(ids.is_subset(&held().map(|row| row.id.as_str()).collect()));
    }
}
