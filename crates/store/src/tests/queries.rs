use events::{Basket, Consent, Counterparty, ForeignExchange, Merchant, TransactionStatus};
use jiff::ToSpan;
use rust_decimal::Decimal;

use super::world::{
    DAY, account, active, balances, consent, details, in_hours, land, moved, now, readable, tenant,
    transaction, transactions, user,
};
use crate::testing::fresh;
use crate::{ConsentStatus, Store, StoredTransaction, TransactionFilter};

fn everything() -> TransactionFilter {
    TransactionFilter {
        from: None,
        to: None,
        account: None,
        category: None,
        status: None,
        limit: 1000,
        after: None,
    }
}

async fn read(store: &Store, filter: &TransactionFilter) -> Vec<StoredTransaction> {
    store.queries().transactions(&tenant(), &user(), filter, now()).await.unwrap()
}

#[tokio::test]
async fn a_transaction_comes_back_as_it_went_in() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[account(1)]).await;
    let mut row = transaction(&terms, account(1), 1);
    let inner = &mut row.transaction;
    inner.booked_at = Some(in_hours(-3));
    inner.value_date = Some(DAY.tomorrow().unwrap());
    inner.description = "Café\u{0}Ω".to_owned();
    inner.counterparty = Some(Counterparty { name: Some("Jane".to_owned()), account: None });
    inner.foreign_exchange = Some(ForeignExchange {
        amount: "1000000.00001".parse().unwrap(),
        currency: "USD".parse().unwrap(),
        rate: Some("1.25".to_owned()),
    });
    inner.balance_after = Some(Decimal::new(0, 2));
    row.enrichment.merchant = Some(Merchant {
        id: "m1".to_owned(),
        name: "Shop".to_owned(),
        website: Some("https://shop.example".to_owned()),
        logo_url: None,
    });
    row.enrichment.flags.recurring = true;
    land(&store, std::slice::from_ref(&row)).await;
    let back = read(&store, &everything()).await.remove(0);
    assert_eq!(back.description, "CaféΩ");
    assert_eq!((back.amount, back.currency), (row.transaction.amount, row.transaction.currency));
    assert_eq!(back.foreign_exchange, row.transaction.foreign_exchange);
    assert_eq!(back.balance_after, row.transaction.balance_after);
    assert_eq!(back.booked_at, row.transaction.booked_at);
    assert_eq!((back.day, back.value_date), (DAY, row.transaction.value_date));
    assert_eq!(back.counterparty_name.as_deref(), Some("Jane"));
    assert_eq!(back.enrichment, row.enrichment);
    assert_eq!((back.fetched_at, back.landed_at), (now(), now()));
    assert_eq!(back.window_id, row.transaction.provenance.window_id);
}

#[tokio::test]
async fn amounts_of_every_size_and_scale_survive_the_copy() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[account(1)]).await;
    let amounts =
        ["0", "0.00", "-0.01", "1", "10000", "99999999.9999", "-123456789012345.12345", "0.00001", "700.50"];
    let rows: Vec<_> = (0..)
        .zip(amounts)
        .map(|(n, amount)| {
            let mut row = transaction(&terms, account(1), n);
            row.transaction.amount = amount.parse().unwrap();
            row
        })
        .collect();
    land(&store, &rows).await;
    let back = read(&store, &everything()).await;
    for row in rows {
        let found = back.iter().find(|found| found.transaction_id == row.transaction.transaction_id).unwrap();
        assert_eq!(found.amount, row.transaction.amount);
    }
    let texts: Vec<String> = sqlx::query_scalar("SELECT amount::text FROM transactions ORDER BY description")
        .fetch_all(&store.pool)
        .await
        .unwrap();
    assert_eq!(texts, amounts);
}

#[tokio::test]
async fn filters_and_pages_give_each_row_once_newest_first() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[account(1), account(2)]).await;
    let mut rows = [transactions(&terms, account(1), 6), transactions(&terms, account(2), 5)].concat();
    for (n, row) in (0i64..).zip(&mut rows) {
        row.transaction.booking_date = Some(DAY.checked_sub((n % 4).days()).unwrap());
        row.transaction.status =
            if n % 2 == 0 { TransactionStatus::Booked } else { TransactionStatus::Pending };
    }
    land(&store, &rows).await;
    let whole = read(&store, &everything()).await;
    assert_eq!(whole.len(), 11);
    assert!(whole.is_sorted_by(|a, b| (a.day, a.transaction_id) > (b.day, b.transaction_id)));
    let mut paged = Vec::new();
    loop {
        let after = paged.last().map(|last: &StoredTransaction| (last.day, last.transaction_id));
        let page = read(&store, &TransactionFilter { after, limit: 4, ..everything() }).await;
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, whole);
    let count = async |filter| read(&store, &filter).await.len();
    assert_eq!(count(TransactionFilter { account: Some(account(2)), ..everything() }).await, 5);
    assert_eq!(
        count(TransactionFilter { status: Some(TransactionStatus::Pending), ..everything() }).await,
        5
    );
    assert_eq!(count(TransactionFilter { from: Some(DAY), to: Some(DAY), ..everything() }).await, 3);
    assert_eq!(count(TransactionFilter { category: Some("FOOD".to_owned()), ..everything() }).await, 11);
    assert_eq!(count(TransactionFilter { category: Some("rent".to_owned()), ..everything() }).await, 0);
}

#[tokio::test]
async fn rows_are_readable_exactly_while_the_consent_is() {
    let store = fresh().await;
    let short = Consent { expires_at: in_hours(1), ..consent() };
    let terms = active(&store, &short, &[account(1)]).await;
    land(&store, &transactions(&terms, account(1), 3)).await;
    assert_eq!(readable(&store).await, 3);
    let seen = async |user: &str, at| {
        let user = user.parse().unwrap();
        store.queries().transactions(&tenant(), &user, &everything(), at).await.unwrap().len()
    };
    assert_eq!(seen("customer", in_hours(1)).await, 0, "expiry needs nobody to move the consent");
    assert_eq!(seen("stranger", now()).await, 0);
    let other = "other".parse().unwrap();
    assert!(store.queries().transactions(&other, &user(), &everything(), now()).await.unwrap().is_empty());
    moved(&store, &terms, ConsentStatus::NeedsReauthorisation).await;
    assert_eq!(readable(&store).await, 3);
    moved(&store, &terms, ConsentStatus::Superseded).await;
    assert_eq!(readable(&store).await, 0);
    assert!(store.queries().accounts(&tenant(), &user(), now()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_narrower_consent_shows_no_row_of_an_earlier_day() {
    let store = fresh().await;
    let wide = active(&store, &consent(), &[account(1)]).await;
    let mut rows = transactions(&wide, account(1), 2);
    rows[1].transaction.booking_date = Some(DAY.checked_sub(10.days()).unwrap());
    land(&store, &rows).await;
    active(&store, &Consent { history_from: Some(DAY), ..consent() }, &[account(1)]).await;
    assert_eq!(readable(&store).await, 2);
    moved(&store, &wide, ConsentStatus::Revoked).await;
    assert_eq!(readable(&store).await, 1);
}

#[tokio::test]
async fn an_account_shows_balances_only_where_they_are_granted_and_says_how_fresh_it_is() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[account(1)]).await;
    let before = store.queries().accounts(&tenant(), &user(), now()).await.unwrap().remove(0);
    assert_eq!((before.account_type, before.fetched_at, before.balances.len()), (None, None, 0));
    store.landing().accounts("lander", &[details(&terms, account(1))], &[], now()).await.unwrap();
    store.landing().balances("lander", &[balances(&terms, account(1))], &[], now()).await.unwrap();
    let after = store.queries().accounts(&tenant(), &user(), now()).await.unwrap().remove(0);
    assert_eq!(after.balances, balances(&terms, account(1)).balances);
    assert_eq!(after.display_name.as_deref(), Some("Everyday"));
    assert_eq!(after.consent_ids, [terms.consent_id]);

    let narrow = Consent { baskets: vec![Basket::Transactions].into(), ..consent() };
    active(&store, &narrow, &[account(1)]).await;
    moved(&store, &terms, ConsentStatus::Revoked).await;
    let narrowed = store.queries().accounts(&tenant(), &user(), now()).await.unwrap().remove(0);
    assert!(narrowed.balances.is_empty());
}
