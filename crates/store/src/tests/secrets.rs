use jiff::SignedDuration;
use secrecy::ExposeSecret;

use super::world::{active, consent, erase, in_hours, moved, now};
use crate::testing::fresh;
use crate::{ConsentStatus, NewAuthorisation, StoreError, Taken, Tokens};

fn tokens() -> Tokens {
    Tokens {
        access: "access-secret".to_owned().into(),
        access_expires_at: in_hours(1),
        refresh: Some("refresh-secret".to_owned().into()),
        refresh_expires_at: None,
    }
}

#[tokio::test]
async fn a_state_is_good_once_and_only_in_time() {
    let store = fresh().await;
    let terms = consent();
    store.consents().create(&terms, "user", now(), None).await.unwrap();
    let new = |state: u8| NewAuthorisation {
        consent_id: terms.consent_id,
        state_hash: [state; 32],
        browser_hash: [9; 32],
        secrets: b"verifier",
        expires_at: in_hours(1),
        now: now(),
    };
    store.authorisations().begin(&new(1)).await.unwrap();
    store.authorisations().begin(&new(2)).await.unwrap();
    assert!(matches!(store.authorisations().begin(&new(1)).await, Err(StoreError::Conflict { .. })));

    let taken = store.authorisations().take(&[1; 32], now()).await.unwrap();
    let Taken::Valid { consent_id, browser_hash, secrets } = taken else { panic!("the state is good") };
    assert_eq!((consent_id, browser_hash), (terms.consent_id, [9; 32]));
    assert_eq!(secrets.expose_secret(), b"verifier");
    assert!(matches!(store.authorisations().take(&[1; 32], now()).await.unwrap(), Taken::Used));
    assert!(matches!(store.authorisations().take(&[2; 32], in_hours(1)).await.unwrap(), Taken::Expired));
    assert!(matches!(store.authorisations().take(&[3; 32], now()).await.unwrap(), Taken::Unknown));
}

#[tokio::test]
async fn a_state_taken_by_two_at_once_is_valid_for_one() {
    let store = fresh().await;
    let terms = consent();
    store.consents().create(&terms, "user", now(), None).await.unwrap();
    let new = NewAuthorisation {
        consent_id: terms.consent_id,
        state_hash: [1; 32],
        browser_hash: [9; 32],
        secrets: b"",
        expires_at: in_hours(1),
        now: now(),
    };
    store.authorisations().begin(&new).await.unwrap();
    let authorisations = store.authorisations();
    let (one, two) = tokio::join!(authorisations.take(&[1; 32], now()), authorisations.take(&[1; 32], now()));
    let valid =
        [one.unwrap(), two.unwrap()].iter().filter(|taken| matches!(taken, Taken::Valid { .. })).count();
    assert_eq!(valid, 1);
}

#[tokio::test]
async fn tokens_are_sealed_at_rest_and_come_back() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[]).await;
    assert!(store.tokens().load(terms.consent_id).await.unwrap().is_none());
    store.tokens().save(terms.consent_id, &tokens(), now()).await.unwrap();
    let loaded = store.tokens().load(terms.consent_id).await.unwrap().unwrap();
    assert_eq!(loaded.access.expose_secret(), "access-secret");
    assert_eq!(loaded.refresh.unwrap().expose_secret(), "refresh-secret");
    assert_eq!(loaded.access_expires_at, in_hours(1));
    let sealed: Vec<u8> =
        sqlx::query_scalar("SELECT sealed FROM tokens").fetch_one(&store.pool).await.unwrap();
    assert!(!sealed.windows(6).any(|bytes| bytes == b"secret"));
    store.tokens().delete(terms.consent_id).await.unwrap();
    assert!(store.tokens().load(terms.consent_id).await.unwrap().is_none());
}

#[tokio::test]
async fn one_worker_refreshes_until_it_saves_or_its_lease_is_over() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[]).await;
    let claim = async |at| {
        store.tokens().claim_refresh(terms.consent_id, at, SignedDuration::from_hours(1)).await.unwrap()
    };
    assert!(!claim(now()).await, "there is nothing to refresh yet");
    store.tokens().save(terms.consent_id, &tokens(), now()).await.unwrap();
    assert!(claim(now()).await);
    assert!(!claim(now()).await);
    assert!(claim(in_hours(1)).await);
    store.tokens().save(terms.consent_id, &tokens(), now()).await.unwrap();
    assert!(claim(now()).await);
}

#[tokio::test]
async fn an_ended_consent_has_no_tokens_takes_none_and_its_key_is_destroyed() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[]).await;
    store.tokens().save(terms.consent_id, &tokens(), now()).await.unwrap();
    let sealed = store.vault().data_key(terms.consent_id).await.unwrap().seal(b"x", b"page").unwrap();
    moved(&store, &terms, ConsentStatus::Revoked).await;
    assert!(store.tokens().load(terms.consent_id).await.unwrap().is_none());
    let late = store.tokens().save(terms.consent_id, &tokens(), now()).await;
    assert!(matches!(late, Err(StoreError::Conflict { .. })));
    // Until the data is erased, stages can still open what they hold.
    assert_eq!(store.vault().data_key(terms.consent_id).await.unwrap().open(b"x", &sealed).unwrap(), b"page");

    erase(&store, terms.consent_id, 10).await.unwrap();
    assert!(matches!(store.vault().data_key(terms.consent_id).await, Err(StoreError::Shredded)));
    let late = store.tokens().save(terms.consent_id, &tokens(), now()).await;
    assert!(matches!(late, Err(StoreError::Shredded)));
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM data_keys WHERE wrapped IS NOT NULL")
        .fetch_one(&store.pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
}
