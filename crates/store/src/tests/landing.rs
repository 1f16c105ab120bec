use events::{Basket, Consent, EnrichedTransaction, TransactionId, topics};
use jiff::{SignedDuration, ToSpan};
use sqlx::Row;

use super::world::{
    DAY, account, active, balances, consent, details, drain, in_hours, land, moved, now, on, poll_once,
    progress, readable, stored, transaction, transactions,
};
use crate::testing::{TestStore, fresh};
use crate::{ConsentStatus, Landed, Refusal, Store, StoreError};

/// Where every row lies and who last wrote it: any write at all changes it.
async fn physical(store: &Store) -> Vec<(String, String)> {
    sqlx::query(
        "SELECT ctid::text, xmin::text || '/' || xmax::text FROM transactions ORDER BY transaction_id",
    )
    .fetch_all(&store.pool)
    .await
    .unwrap()
    .iter()
    .map(|row| (row.get(0), row.get(1)))
    .collect()
}

async fn world() -> (TestStore, Consent) {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[account(1)]).await;
    drain(&store).await;
    (store, terms)
}

fn only(inserted: u64, updated: u64, unchanged: u64, stale: u64) -> Landed {
    Landed { inserted, updated, unchanged, stale, refused: Vec::new() }
}

#[tokio::test]
async fn a_replayed_window_changes_nothing_and_writes_nothing() {
    let (store, terms) = world().await;
    let rows = transactions(&terms, account(1), 500);
    assert_eq!(land(&store, &rows).await, only(500, 0, 0, 0));
    let before = physical(&store).await;
    assert_eq!(land(&store, &rows).await, only(0, 0, 500, 0));
    assert_eq!(physical(&store).await, before);
    assert!(drain(&store).await.is_empty());
}

#[tokio::test]
async fn a_replay_on_a_server_writes_no_wal_to_speak_of() {
    let (store, terms) = world().await;
    if !store.is_server() {
        return;
    }
    let rows = transactions(&terms, account(1), 5000);
    let wal = async || -> i64 {
        sqlx::query_scalar("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
            .fetch_one(&store.pool)
            .await
            .unwrap()
    };
    land(&store, &rows).await;
    let start = wal().await;
    land(&store, &rows).await;
    // Other databases of the server write too, so this is only an upper bound: 5,000 rows are 2.5 MB.
    assert!(wal().await - start < 500_000);
}

#[tokio::test]
async fn a_changed_row_is_replaced_and_an_older_answer_never_wins() {
    let (store, terms) = world().await;
    let old = transaction(&terms, account(1), 1);
    let mut new = old.clone();
    new.transaction.description = "CORRECTED".to_owned();
    new.transaction.provenance.fetched_at = in_hours(1);
    land(&store, std::slice::from_ref(&old)).await;
    assert_eq!(land(&store, std::slice::from_ref(&new)).await, only(0, 1, 0, 0));
    assert_eq!(land(&store, std::slice::from_ref(&old)).await, only(0, 0, 0, 1));
    let text: String =
        sqlx::query_scalar("SELECT description FROM transactions").fetch_one(&store.pool).await.unwrap();
    assert_eq!(text, "CORRECTED");
}

#[tokio::test]
async fn where_a_batch_holds_a_row_twice_the_newest_wins_and_of_equals_the_last() {
    let (store, terms) = world().await;
    let version = |text: &str, hours| {
        let mut row = transaction(&terms, account(1), 1);
        row.transaction.description = text.to_owned();
        row.transaction.provenance.fetched_at = in_hours(hours);
        row
    };
    let landed =
        land(&store, &[version("newest", 2), version("first", 1), version("last", 2), version("old", 0)])
            .await;
    assert_eq!(landed, only(1, 0, 3, 0));
    let text: String =
        sqlx::query_scalar("SELECT description FROM transactions").fetch_one(&store.pool).await.unwrap();
    assert_eq!(text, "last");
}

#[tokio::test]
async fn a_batch_from_behind_the_stored_position_is_refused_whole() {
    let (store, terms) = world().await;
    let rows = transactions(&terms, account(1), 2);
    let landing = store.landing();
    landing.transactions("lander", &rows[..1], &[progress(0, 10)], now()).await.unwrap();
    let refused = landing.transactions("lander", &rows[1..], &[progress(9, 20)], now()).await;
    assert!(matches!(refused, Err(StoreError::OlderOffset { partition: 3, stored: 10, from: 9 })));
    assert_eq!(stored(&store).await, 1);
    assert_eq!(landing.positions("lander", "transactions.enriched", &[3, 4]).await.unwrap(), [(3, 10)]);
    // A gap is the broker's business, and another group has its own positions.
    landing.transactions("lander", &rows[1..], &[progress(15, 20)], now()).await.unwrap();
    landing.transactions("other", &[], &[progress(0, 1)], now()).await.unwrap();
    assert_eq!(landing.positions("lander", "transactions.enriched", &[3]).await.unwrap(), [(3, 20)]);
}

#[tokio::test]
async fn late_rows_of_an_ended_consent_are_refused_and_answered_with_tombstones() {
    let (store, terms) = world().await;
    let rows = transactions(&terms, account(1), 3);
    land(&store, &rows[..1]).await;
    moved(&store, &terms, ConsentStatus::Revoked).await;
    drain(&store).await;
    let landed = land(&store, &rows).await;
    let reasons: Vec<_> = landed.refused.iter().map(|refused| (refused.index, refused.reason)).collect();
    assert_eq!(reasons, [0, 1, 2].map(|index| (index, Refusal::ConsentEnded)));
    assert_eq!(readable(&store).await, 0);
    let messages = drain(&store).await;
    let mut buried: Vec<_> = on(&topics::TRANSACTIONS_ENRICHED, &messages).iter().map(|m| m.key).collect();
    let mut expected: Vec<_> = rows.iter().map(|row| row.transaction.transaction_id.uuid()).collect();
    buried.sort_unstable();
    expected.sort_unstable();
    assert_eq!(buried, expected);
    assert!(messages.iter().all(|m| m.payload.is_none() && m.partition_key == account(1).uuid()));
}

#[tokio::test]
async fn a_refused_row_keeps_its_key_while_a_live_consent_covers_what_is_stored() {
    let (store, terms) = world().await;
    let other = active(&store, &consent(), &[account(1)]).await;
    let rows = transactions(&terms, account(1), 2);
    land(&store, &rows[..1]).await;
    moved(&store, &terms, ConsentStatus::Revoked).await;
    drain(&store).await;
    assert_eq!(land(&store, &rows).await.refused.len(), 2);
    let buried: Vec<_> = drain(&store).await.into_iter().map(|message| message.key).collect();
    assert_eq!(buried, [rows[1].transaction.transaction_id.uuid()]);
    moved(&store, &other, ConsentStatus::Revoked).await;
}

#[tokio::test]
async fn every_reason_to_refuse_is_told_apart() {
    let (store, terms) = world().await;
    let narrow = Consent { baskets: vec![Basket::Balances].into(), ..consent() };
    let narrow = active(&store, &narrow, &[account(1)]).await;
    let recent = Consent { history_from: Some(DAY.tomorrow().unwrap()), ..consent() };
    let recent = active(&store, &recent, &[account(1)]).await;
    let expired = active(&store, &Consent { expires_at: in_hours(1), ..consent() }, &[account(1)]).await;
    let mut other_epoch = transaction(&terms, account(1), 2);
    other_epoch.transaction.provenance.epoch = 0;
    let rows = [
        transaction(&consent(), account(1), 0),
        transaction(&expired, account(1), 1),
        other_epoch,
        transaction(&terms, account(2), 3),
        transaction(&narrow, account(1), 4),
        transaction(&recent, account(1), 5),
        transaction(&terms, account(1), 6),
    ];
    let landed = store.landing().transactions("lander", &rows, &[], in_hours(1)).await.unwrap();
    let reasons: Vec<_> = landed.refused.iter().map(|refused| refused.reason).collect();
    use Refusal as R;
    assert_eq!(
        reasons,
        [R::ConsentEnded, R::ConsentEnded, R::OtherEpoch, R::NotLinked, R::BasketMissing, R::BeforeHistory]
    );
    assert_eq!((landed.inserted, stored(&store).await), (1, 1));
}

#[tokio::test]
async fn accounts_and_balances_land_like_transactions() {
    let (store, terms) = world().await;
    let landing = store.landing();
    let account_row = details(&terms, account(1));
    let mut renamed = account_row.clone();
    renamed.display_name = Some("Holidays".to_owned());
    renamed.provenance.fetched_at = in_hours(1);
    let snapshot = balances(&terms, account(1));
    let mut newer = snapshot.clone();
    newer.balances.truncate(1);
    newer.provenance.fetched_at = in_hours(1);
    let accounts = async |row: &events::Account| {
        landing.accounts("l", std::slice::from_ref(row), &[], now()).await.unwrap()
    };
    let balances = async |row: &events::BalanceSnapshot| {
        landing.balances("l", std::slice::from_ref(row), &[], now()).await.unwrap()
    };
    for (landed, expected) in [
        (accounts(&account_row).await, only(1, 0, 0, 0)),
        (accounts(&account_row).await, only(0, 0, 1, 0)),
        (accounts(&renamed).await, only(0, 1, 0, 0)),
        (accounts(&account_row).await, only(0, 0, 0, 1)),
        (balances(&snapshot).await, only(1, 0, 0, 0)),
        (balances(&snapshot).await, only(0, 0, 1, 0)),
        (balances(&newer).await, only(0, 1, 0, 0)),
        (balances(&snapshot).await, only(0, 0, 0, 1)),
    ] {
        assert_eq!(landed, expected);
    }
    moved(&store, &terms, ConsentStatus::Revoked).await;
    drain(&store).await;
    assert_eq!(accounts(&renamed).await.refused.len() + balances(&newer).await.refused.len(), 2);
    let messages = drain(&store).await;
    assert_eq!((on(&topics::ACCOUNTS, &messages).len(), on(&topics::BALANCES, &messages).len()), (1, 1));
}

#[tokio::test]
async fn what_is_known_of_a_period_is_one_accounts_rows_and_some_days_around() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[account(1), account(2)]).await;
    let on_day = |account, days: i64| {
        let mut row: EnrichedTransaction = transaction(&terms, account, 1);
        let day = DAY.checked_add(days.days()).unwrap();
        row.transaction.transaction_id = TransactionId::mint(account, day, b"x");
        row.transaction.booking_date = Some(day);
        row
    };
    let days = [-32, -31, 0, 5, 36, 37];
    let rows: Vec<_> =
        days.iter().flat_map(|days| [on_day(account(1), *days), on_day(account(2), *days)]).collect();
    land(&store, &rows).await;
    let known = store.landing().known(account(1), DAY, DAY.checked_add(5.days()).unwrap()).await.unwrap();
    let found: Vec<_> = known.iter().map(|known| (known.booking_date.unwrap() - DAY).get_days()).collect();
    assert_eq!(found, [-31, 0, 5, 36]);
    assert_eq!(known[0].amount, rows[0].transaction.amount);
    assert_eq!(known[0].source_id.as_deref(), Some("source-1"));
}

/// Two tasks, whose order changes from round to round; on a server they run at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_row_survives_or_becomes_readable_when_revoking_races_landing() {
    let store = fresh().await;
    for round in 0..200u32 {
        let terms = active(&store, &consent(), &[account(1)]).await;
        let rows = transactions(&terms, account(1), 5 + round % 40);
        let (head, tail) = rows.split_at(rows.len() / 2);
        land(&store, head).await;
        let landing = async {
            stagger(round % 7).await;
            land(&store, tail).await;
        };
        let revoking = async {
            stagger(round / 7 % 7).await;
            moved(&store, &terms, ConsentStatus::Revoked).await;
            assert_eq!(
                readable(&store).await,
                0,
                "round {round}: readable after the revoke was acknowledged"
            );
        };
        tokio::join!(landing, revoking);
        super::world::erase(&store, terms.consent_id, 7).await.unwrap();
        land(&store, &rows).await;
        assert_eq!(stored(&store).await, 0, "round {round}");
    }
}

/// Gives the other task a number of turns.
async fn stagger(turns: u32) {
    for _ in 0..turns * 3 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_account_is_linked_only_to_its_owner_under_a_living_consent() {
    let (store, terms) = world().await;
    let link = |consent: Consent| {
        let store = &store;
        async move {
            let account = crate::LinkedAccount {
                account_key: account(1),
                source_account_id: "renamed".to_owned(),
                currency: "GBP".parse().unwrap(),
            };
            store.accounts().link(consent.consent_id, &[account.clone(), account], in_hours(1)).await
        }
    };
    link(terms.clone()).await.unwrap();
    let name: String = sqlx::query_scalar("SELECT source_account_id FROM consent_accounts")
        .fetch_one(&store.pool)
        .await
        .unwrap();
    assert_eq!(name, "renamed");
    let stranger = active(&store, &Consent { user_id: "stranger".parse().unwrap(), ..consent() }, &[]).await;
    assert!(matches!(link(stranger).await, Err(StoreError::Conflict { .. })));
    let over =
        active(&store, &Consent { expires_at: now() + SignedDuration::from_secs(1), ..consent() }, &[]).await;
    assert!(matches!(link(over).await, Err(StoreError::Conflict { .. })));
}

/// A caller may vanish at any point; the one connection of an embedded database has to survive it.
#[tokio::test]
async fn a_landing_that_is_cut_off_leaves_nothing_or_everything() {
    let (store, terms) = world().await;
    for polls in 0..40 {
        let from = stored(&store).await;
        let rows: Vec<_> = (0..20).map(|n| transaction(&terms, account(1), polls * 100 + n)).collect();
        {
            let mut landing = std::pin::pin!(land(&store, &rows));
            for _ in 0..polls {
                if poll_once(landing.as_mut()).await.is_some() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        let landed = stored(&store).await - from;
        assert!(landed == 0 || landed == 20, "{landed} rows after {polls} polls");
        assert_eq!(land(&store, &rows).await.refused, []);
        assert_eq!(stored(&store).await - from, 20);
    }
}
