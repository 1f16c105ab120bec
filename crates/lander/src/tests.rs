//! Sinks and eraser over a real store.

use std::time::Duration;

use events::{
    Account, BalanceSnapshot, ConsentEvent, ConsentEventType, EnrichedTransaction, Outbound, Record, Topic,
    TransactionId, topics,
};
use jiff::Timestamp;
use service::{Clock, Health, Shutdown};
use stage_runner::{Fault, Inbound, Position, Progress, Sink};
use store::testing::{TestStore, fresh};
use store::{ConsentStatus, LinkedAccount, Step, TransactionFilter, Transition};

use crate::{Eraser, LandingSink};

const GROUP: &str = "lander-transactions";

fn now() -> Timestamp {
    "2026-04-06T00:00:00Z".parse().unwrap()
}

/// An example as it comes off the wire.
fn example<T: Record>(json: &str) -> T {
    let record: T = serde_json::from_str(json).unwrap();
    events::avro::decode(&events::avro::encode(&record).unwrap(), T::codec()).unwrap()
}

fn enriched() -> EnrichedTransaction {
    example(include_str!("../../../schemas/examples/enriched_transaction.json"))
}

fn consent() -> ConsentEvent {
    example(include_str!("../../../schemas/examples/consent_event.json"))
}

/// The examples' customer, approved under the epoch that the examples carry.
async fn world() -> TestStore {
    let store = fresh().await;
    store.consents().create(&consent().consent, "user", now(), None).await.unwrap();
    to(&store, ConsentStatus::Active).await;
    let linked = LinkedAccount {
        account_key: enriched().transaction.account_key,
        source_account_id: "22289".to_owned(),
        currency: "GBP".parse().unwrap(),
    };
    store.accounts().link(consent().consent.consent_id, &[linked], now()).await.unwrap();
    let epoch = store.consents().find(consent().consent.consent_id).await.unwrap().consent.epoch;
    assert_eq!(epoch, enriched().transaction.provenance.epoch, "the examples' epoch");
    drain(&store).await;
    store
}

async fn to(store: &TestStore, to: ConsentStatus) {
    let transition = Transition { to, actor: "user", reason: None, now: now(), trace: None };
    store.consents().transition(consent().consent.consent_id, &transition).await.unwrap();
}

async fn readable(store: &TestStore) -> usize {
    let terms = consent().consent;
    let all = TransactionFilter {
        from: None,
        to: None,
        account: None,
        category: None,
        status: None,
        limit: 10_000,
        after: None,
    };
    store.queries().transactions(&terms.tenant_id, &terms.user_id, &all, now()).await.unwrap().len()
}

async fn drain(store: &TestStore) -> Vec<Outbound> {
    let rows = store.outbox().read(10_000).await.unwrap();
    store.outbox().delete(&rows.iter().map(|row| row.id).collect::<Vec<_>>()).await.unwrap();
    rows.into_iter().map(|row| row.message).collect()
}

fn inbound<T>(topic: &'static Topic, value: Option<T>) -> Inbound<T> {
    Inbound { value, key: None, position: Position { topic, partition: 2, offset: 0 }, trace: None }
}

/// Writes a batch that begins at `from`.
async fn write<T: crate::Lands>(
    store: &TestStore,
    topic: &'static Topic,
    values: Vec<Option<T>>,
    from: i64,
) -> Result<usize, Fault> {
    let next = from + i64::try_from(values.len()).unwrap();
    let batch: Vec<_> = values.into_iter().map(|value| inbound(topic, value)).collect();
    let progress = [Progress { topic: topic.name.to_owned(), partition: 2, from, next }];
    let sink = LandingSink::<T>::new(store, &Clock::manual(now()));
    sink.write(GROUP, &batch, &progress).await.map(|rejected| rejected.len())
}

async fn position(store: &TestStore, topic: &Topic) -> Vec<(i32, i64)> {
    let sink = LandingSink::<EnrichedTransaction>::new(store, &Clock::manual(now()));
    sink.positions(GROUP, topic.name, &[0, 2]).await.unwrap()
}

#[tokio::test]
async fn the_example_transaction_lands_and_a_replay_is_refused_as_a_whole() {
    let store = world().await;
    write(&store, &topics::TRANSACTIONS_ENRICHED, vec![Some(enriched())], 7).await.unwrap();
    assert_eq!(readable(&store).await, 1);
    assert_eq!(position(&store, &topics::TRANSACTIONS_ENRICHED).await, [(2, 8)]);
    let replayed = write(&store, &topics::TRANSACTIONS_ENRICHED, vec![Some(enriched())], 7).await;
    assert!(replayed.is_err(), "an older offset is another worker's");
}

#[tokio::test]
async fn a_tombstone_changes_no_row_and_moves_the_position() {
    let store = world().await;
    write(&store, &topics::TRANSACTIONS_ENRICHED, vec![Some(enriched())], 0).await.unwrap();
    write::<EnrichedTransaction>(&store, &topics::TRANSACTIONS_ENRICHED, vec![None, None], 1).await.unwrap();
    assert_eq!(readable(&store).await, 1);
    assert_eq!(position(&store, &topics::TRANSACTIONS_ENRICHED).await, [(2, 3)]);
}

#[tokio::test]
async fn the_example_account_and_its_balances_land() {
    let store = world().await;
    let account: Account = example(include_str!("../../../schemas/examples/account.json"));
    let balances: BalanceSnapshot = example(include_str!("../../../schemas/examples/balance_snapshot.json"));
    write(&store, &topics::ACCOUNTS, vec![Some(account)], 0).await.unwrap();
    write(&store, &topics::BALANCES, vec![Some(balances)], 0).await.unwrap();
    let terms = consent().consent;
    let stored = store.queries().accounts(&terms.tenant_id, &terms.user_id, now()).await.unwrap();
    assert_eq!(stored[0].masked_number.as_deref(), Some("**********3345"));
    assert_eq!(stored[0].balances.len(), 2);
}

#[tokio::test]
async fn a_record_that_comes_after_the_revoke_is_answered_with_a_tombstone() {
    let store = world().await;
    to(&store, ConsentStatus::Revoked).await;
    drain(&store).await;
    let rejected = write(&store, &topics::TRANSACTIONS_ENRICHED, vec![Some(enriched())], 0).await.unwrap();
    assert_eq!(rejected, 0, "nothing is wrong with the record itself");
    assert_eq!(readable(&store).await, 0);
    let messages = drain(&store).await;
    let key = enriched().transaction.transaction_id.uuid();
    assert!(messages.iter().any(|message| message.key == key && message.payload.is_none()), "{messages:?}");
}

/// Lands 2,500 transactions: more than the eraser takes in one step.
async fn land_many(store: &TestStore) {
    let rows = (0u32..2_500).map(|n| {
        let mut row = enriched();
        let day = row.transaction.booking_date.unwrap();
        row.transaction.transaction_id =
            TransactionId::mint(row.transaction.account_key, day, &n.to_be_bytes());
        Some(row)
    });
    write(store, &topics::TRANSACTIONS_ENRICHED, rows.collect(), 0).await.unwrap();
}

#[tokio::test]
async fn an_erasure_that_was_cut_off_is_finished_with_a_tombstone_for_every_row() {
    let store = world().await;
    land_many(&store).await;
    to(&store, ConsentStatus::Revoked).await;
    let cut_off = store.erasure().step(consent().consent.consent_id, 100, now()).await.unwrap();
    assert_eq!(cut_off, Step::More);

    let (shutdown, health) = (Shutdown::new(), Health::new());
    let component = health.component("eraser", Duration::from_secs(60));
    let eraser = Eraser::new(store.clone(), Clock::manual(now())).run(component, shutdown.clone());
    let finished = async {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while store.erasure().oldest_pending().await.unwrap().is_some() {
            assert!(tokio::time::Instant::now() < deadline, "the erasure is not finished");
            tokio::task::yield_now().await;
        }
        shutdown.trigger();
    };
    let (ended, ()) = tokio::join!(eraser, finished);
    ended.unwrap();

    let messages = drain(&store).await;
    let on = |topic: &Topic| {
        messages.iter().filter(|message| message.topic == topic && message.payload.is_none()).count()
    };
    assert_eq!(on(&topics::TRANSACTIONS_ENRICHED), 2_500);
    let deleted = messages.iter().filter(|message| message.topic == &topics::CONSENT_EVENTS).any(|message| {
        let datum = message.payload.as_deref().unwrap();
        let event: ConsentEvent = events::avro::decode(datum, ConsentEvent::codec()).unwrap();
        event.event_type == ConsentEventType::DataDeleted
    });
    assert!(deleted, "the end of the erasure is told");
    let record = store.consents().find(consent().consent.consent_id).await.unwrap();
    assert_eq!(record.deleted_rows, Some(2_500));
}
