use events::{Basket, Consent, ConsentEventType, topics};
use jiff::ToSpan;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::world::{
    DAY, account, active, balances, consent, details, drain, erase, land, moved, moves, now, on, poll_once,
    readable, stored, transactions,
};
use crate::testing::fresh;
use crate::{ConsentStatus, Step, Store, StoreError};

async fn land_everything(store: &Store, terms: &Consent, n: u8, rows: u32) {
    land(store, &transactions(terms, account(n), rows)).await;
    store.landing().accounts("lander", &[details(terms, account(n))], &[], now()).await.unwrap();
    store.landing().balances("lander", &[balances(terms, account(n))], &[], now()).await.unwrap();
}

#[tokio::test]
async fn an_erasure_deletes_everything_leaves_tombstones_and_says_how_much_it_was() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[account(1), account(2)]).await;
    land_everything(&store, &terms, 1, 25).await;
    land_everything(&store, &terms, 2, 5).await;
    assert_eq!(store.erasure().next(now()).await.unwrap(), None);
    moved(&store, &terms, ConsentStatus::Revoked).await;
    drain(&store).await;
    assert_eq!(store.erasure().next(now()).await.unwrap().unwrap().consent_id, terms.consent_id);
    assert_eq!(store.erasure().oldest_pending().await.unwrap(), Some(now()));

    assert_eq!(erase(&store, terms.consent_id, 10).await.unwrap(), (4, 30, 2));
    let messages = drain(&store).await;
    assert_eq!(on(&topics::TRANSACTIONS_ENRICHED, &messages).len(), 30);
    assert_eq!((on(&topics::ACCOUNTS, &messages).len(), on(&topics::BALANCES, &messages).len()), (2, 2));
    assert_eq!(moves(&messages).pop().unwrap().event_type, ConsentEventType::DataDeleted);
    for table in ["transactions", "accounts", "balances", "consent_accounts", "fetch_jobs", "tokens"] {
        let statement = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        assert_eq!(
            sqlx::query_scalar::<_, i64>(statement).fetch_one(&store.pool).await.unwrap(),
            0,
            "{table}"
        );
    }
    let record = store.consents().find(terms.consent_id).await.unwrap();
    assert_eq!((record.erased_at, record.deleted_rows), (Some(now()), Some(30)));
    assert_eq!(store.erasure().oldest_pending().await.unwrap(), None);
    // A step too many tells the same again and writes nothing.
    let again = store.erasure().step(terms.consent_id, 10, now()).await.unwrap();
    assert_eq!(again, Step::Done { transactions: 30, accounts: 2 });
    assert!(drain(&store).await.is_empty());
}

#[tokio::test]
async fn an_erasure_that_is_cut_off_goes_on_where_it_was() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[account(1)]).await;
    land(&store, &transactions(&terms, account(1), 30)).await;
    moved(&store, &terms, ConsentStatus::Expired).await;
    drain(&store).await;
    assert_eq!(store.erasure().step(terms.consent_id, 10, now()).await.unwrap(), Step::More);
    {
        // A step whose caller vanishes in the middle of it.
        let erasure = store.erasure();
        let mut step = std::pin::pin!(erasure.step(terms.consent_id, 10, now()));
        for _ in 0..3 {
            poll_once(step.as_mut()).await;
        }
    }
    let (_, transactions, _) = erase(&store, terms.consent_id, 10).await.unwrap();
    assert_eq!((transactions, stored(&store).await), (30, 0));
    assert_eq!(on(&topics::TRANSACTIONS_ENRICHED, &drain(&store).await).len(), 30);
}

#[tokio::test]
async fn nothing_is_erased_that_was_not_ended() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[account(1)]).await;
    assert!(matches!(store.erasure().step(terms.consent_id, 10, now()).await, Err(StoreError::NotFound)));
    moved(&store, &terms, ConsentStatus::Superseded).await;
    assert!(matches!(store.erasure().step(terms.consent_id, 10, now()).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn a_narrower_consent_spares_only_the_days_and_the_baskets_it_covers() {
    let store = fresh().await;
    let wide = active(&store, &consent(), &[account(1)]).await;
    let narrow = Consent { history_from: Some(DAY), baskets: vec![Basket::Transactions].into(), ..consent() };
    active(&store, &narrow, &[account(1)]).await;
    let mut rows = transactions(&wide, account(1), 10);
    for row in &mut rows[..4] {
        row.transaction.booking_date = Some(DAY.checked_sub(1.day()).unwrap());
    }
    land(&store, &rows).await;
    store.landing().balances("lander", &[balances(&wide, account(1))], &[], now()).await.unwrap();
    moved(&store, &wide, ConsentStatus::Revoked).await;
    assert_eq!(erase(&store, wide.consent_id, 3).await.unwrap(), (2, 4, 0));
    assert_eq!(readable(&store).await, 6);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM balances").fetch_one(&store.pool).await.unwrap();
    assert_eq!(left, 0);
}

/// Any overlap of consents over accounts, some of them revoked in any order: exactly the rows of accounts a living one
/// covers stay.
#[test]
fn a_shared_account_survives_exactly_while_a_living_consent_covers_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(fresh());
    let consents = prop::collection::vec((prop::collection::btree_set(0u8..4, 1..4), any::<bool>()), 1..5);
    TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() })
        .run(&consents, |consents| {
            let (left, expected) = runtime.block_on(overlap(&store, &consents));
            prop_assert_eq!(left, expected);
            Ok(())
        })
        .unwrap();
    runtime.block_on(async { drop(store) });
}

async fn overlap(store: &Store, consents: &[(std::collections::BTreeSet<u8>, bool)]) -> (Vec<u8>, Vec<u8>) {
    let mut all = Vec::new();
    for (accounts, revoked) in consents {
        let keys: Vec<_> = accounts.iter().map(|n| account(*n)).collect();
        let terms = active(store, &consent(), &keys).await;
        for n in accounts {
            land(store, &transactions(&terms, account(*n), 3)).await;
        }
        all.push((terms, *revoked));
    }
    for (terms, _) in all.iter().filter(|(_, revoked)| *revoked) {
        moved(store, terms, ConsentStatus::Revoked).await;
        erase(store, terms.consent_id, 2).await.unwrap();
    }
    let rows: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT account_key FROM transactions").fetch_all(&store.pool).await.unwrap();
    let left = (0..4).filter(|n| rows.contains(&account(*n).uuid())).collect();
    let expected = (0..4)
        .filter(|n| consents.iter().any(|(accounts, revoked)| !revoked && accounts.contains(n)))
        .collect();
    for (terms, _) in all.iter().filter(|(_, revoked)| !revoked) {
        moved(store, terms, ConsentStatus::Revoked).await;
        erase(store, terms.consent_id, 100).await.unwrap();
    }
    assert_eq!(stored(store).await, 0);
    (left, expected)
}
