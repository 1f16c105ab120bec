use events::{Outbound, topics};
use jiff::SignedDuration;
use uuid::Uuid;

use super::world::{in_hours, now};
use crate::testing::fresh;

fn message(n: u128) -> Outbound {
    Outbound::tombstone(&topics::ACCOUNTS, Uuid::from_u128(n), Uuid::from_u128(n + 1))
}

#[tokio::test]
async fn messages_come_out_in_the_order_they_went_in_until_they_are_deleted() {
    let store = fresh().await;
    let (first, then) = ([message(3), message(1)], [message(2)]);
    store.outbox().push(&first, Some("trace"), now()).await.unwrap();
    store.outbox().push(&then, None, now()).await.unwrap();
    store.outbox().push(&[], None, now()).await.unwrap();
    let rows = store.outbox().read(10).await.unwrap();
    let messages: Vec<_> = rows.iter().map(|row| row.message.clone()).collect();
    assert_eq!(messages, [message(3), message(1), message(2)]);
    assert_eq!((rows[0].trace.as_deref(), rows[2].trace.as_deref()), (Some("trace"), None));
    store.outbox().delete(&[rows[0].id]).await.unwrap();
    assert_eq!(store.outbox().read(1).await.unwrap()[0].message, message(1));
}

#[tokio::test]
async fn one_relay_holds_the_lease_until_its_time_is_over() {
    let store = fresh().await;
    let lease =
        async |holder, at| store.outbox().lease(holder, at, SignedDuration::from_hours(2)).await.unwrap();
    assert!(lease("one", now()).await);
    assert!(!lease("two", in_hours(1)).await);
    assert!(lease("one", in_hours(1)).await);
    assert!(!lease("two", in_hours(2)).await);
    assert!(lease("two", in_hours(3)).await);
    assert!(!lease("one", in_hours(4)).await);
}
