use super::*;
use events::{
    ConsentEvent, EnrichedTransaction, NormalizedTransaction, Outbound, Record, TransactionStatus, topics,
};
use jiff::Timestamp;
use stage_runner::Position;
use store::testing::{TestStore, fresh};
use store::{ConsentStatus, LinkedAccount, Transition};

fn example<T: Record>(json: &str) -> T {
    serde_json::from_str(json).unwrap()
}

/// The example's window; its payload is the page as the bank sent it, still to be packed and sealed.
fn raw_window() -> RawWindow {
    example(include_str!("../../../../schemas/examples/raw_window.json"))
}

fn page() -> String {
    String::from_utf8(raw_window().payload).unwrap()
}

fn now() -> Timestamp {
    "2026-04-05T09:13:00Z".parse().unwrap()
}

struct World {
    store: TestStore,
    stage: Normalizer,
}

/// The examples' customer with an active consent.
async fn world() -> World {
    let store = fresh().await;
    let event: ConsentEvent = example(include_str!("../../../../schemas/examples/consent_event.json"));
    store.consents().create(&event.consent, "user", now(), None).await.unwrap();
    to(&store, ConsentStatus::Active).await;
    let linked = LinkedAccount {
        account_key: raw_window().account_key,
        source_account_id: "22289".to_owned(),
        currency: "GBP".parse().unwrap(),
    };
    store.accounts().link(event.consent.consent_id, &[linked], now()).await.unwrap();
    let stage = Normalizer::new(store.clone(), Clock::manual(now()));
    World { store, stage }
}

async fn to(store: &Store, to: ConsentStatus) {
    let transition = Transition { to, actor: "user", reason: None, now: now(), trace: None };
    store.consents().transition(raw_window().consent_id, &transition).await.unwrap();
}

impl World {
    async fn seal(&self, window: RawWindow, pages: &[&str]) -> RawWindow {
        let key = self.store.vault().data_key(window.consent_id).await.unwrap();
        let compressed = zstd::encode_all(pages::pack(pages).as_slice(), 3).unwrap();
        let payload = key.seal(window.window_id.uuid().as_bytes(), &compressed).unwrap();
        RawWindow { payload, ..window }
    }

    async fn process(&self, window: RawWindow) -> Verdict {
        let position = Position { topic: &topics::RAW_WINDOWS, partition: 0, offset: 0 };
        let inbound = Inbound { value: Some(window), key: None, position, trace: None };
        self.stage.process(&[inbound]).await.unwrap().pop().unwrap()
    }

    async fn normalise(&self, window: RawWindow, pages: &[&str]) -> Verdict {
        self.process(self.seal(window, pages).await).await
    }

    async fn land(&self, transaction: NormalizedTransaction) {
        let mut row: EnrichedTransaction =
            example(include_str!("../../../../schemas/examples/enriched_transaction.json"));
        row.transaction = transaction;
        row.transaction.provenance.epoch =
            self.store.consents().find(raw_window().consent_id).await.unwrap().consent.epoch;
        let landed = self.store.landing().transactions("lander", &[row], &[], now()).await.unwrap();
        assert!(landed.refused.is_empty(), "{landed:?}");
    }
}

fn emitted(verdict: Verdict) -> Vec<Outbound> {
    match verdict {
        Verdict::Emit(messages) => messages,
        other => panic!("{other:?}"),
    }
}

fn decoded<T: Record>(message: &Outbound) -> T {
    events::avro::decode(message.payload.as_deref().unwrap(), T::codec()).unwrap()
}

fn code(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Reject(rejection) => rejection.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_example_window_becomes_the_example_transaction() {
    let messages = emitted(world().await.normalise(raw_window(), &[&page()]).await);
    assert_eq!(messages.len(), 1);
    assert_eq!(
        (messages[0].topic.name, messages[0].key),
        ("transactions.normalized", raw_window().account_key.uuid())
    );
    let expected: NormalizedTransaction =
        example(include_str!("../../../../schemas/examples/normalized_transaction.json"));
    assert_eq!(decoded::<NormalizedTransaction>(&messages[0]), expected);
}

#[tokio::test]
async fn the_same_window_again_gives_the_same_messages_before_and_after_landing() {
    let world = world().await;
    let window = world.seal(raw_window(), &[&page()]).await;
    let first = emitted(world.process(window.clone()).await);
    assert_eq!(emitted(world.process(window.clone()).await), first);
    world.land(decoded(&first[0])).await;
    assert_eq!(emitted(world.process(window).await), first);
}

#[tokio::test]
async fn a_landed_pending_transaction_keeps_its_id_when_it_is_booked_on_another_day() {
    let world = world().await;
    let pending = page().replace("BOOK", "PDNG").replace("2026-04-01", "2026-04-03");
    let first: NormalizedTransaction = decoded(&emitted(world.normalise(raw_window(), &[&pending]).await)[0]);
    world.land(first.clone()).await;
    let booked: NormalizedTransaction = decoded(&emitted(world.normalise(raw_window(), &[&page()]).await)[0]);
    assert_eq!((booked.transaction_id, booked.status), (first.transaction_id, TransactionStatus::Booked));
}

#[tokio::test]
async fn a_pending_transaction_that_is_gone_is_retracted() {
    let world = world().await;
    let pending = page().replace("BOOK", "PDNG");
    let first: NormalizedTransaction = decoded(&emitted(world.normalise(raw_window(), &[&pending]).await)[0]);
    world.land(first.clone()).await;
    let incomplete = RawWindow { complete: false, ..raw_window() };
    let silent = world.normalise(incomplete, &[r#"{"Data":{"Transaction":[]}}"#]).await;
    assert_eq!(silent, Verdict::Drop { reason: "empty_window" });
    let messages = emitted(world.normalise(raw_window(), &[r#"{"Data":{"Transaction":[]}}"#]).await);
    let gone: NormalizedTransaction = decoded(&messages[0]);
    assert_eq!((gone.transaction_id, gone.status), (first.transaction_id, TransactionStatus::Retracted));
    assert_eq!((gone.provenance.sequence, gone.provenance.length), (0, 1));
}

#[tokio::test]
async fn a_bad_row_is_reported_and_the_others_are_counted_without_it() {
    let rows = page().replace(r#""Transaction": ["#, r#""Transaction": [{"Status":"BOOK"},"#);
    match world().await.normalise(raw_window(), &[&page().replace("0042", "0041"), &rows]).await {
        Verdict::Partial { emit, rejected } => {
            assert_eq!(
                rejected.iter().map(|rejection| rejection.code).collect::<Vec<_>>(),
                ["missing_amount"]
            );
            assert!(rejected[0].detail.starts_with("row 1:"), "{rejected:?}");
            let places: Vec<_> = emit
                .iter()
                .map(|message| decoded::<NormalizedTransaction>(message).provenance)
                .map(|provenance| (provenance.sequence, provenance.length))
                .collect();
            assert_eq!(places, [(0, 2), (1, 2)]);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn balances_and_details_go_to_their_own_topics() {
    let world = world().await;
    let balance = r#"{"Data":{"Balance":[{"AccountId":"22289","CreditDebitIndicator":"Credit","Type":"ITAV",
        "DateTime":"2026-04-05T09:12:44Z","Amount":{"Amount":"1.00","Currency":"GBP"}}]}}"#;
    let window = RawWindow { kind: RawKind::Balances, ..raw_window() };
    let messages = emitted(world.normalise(window, &[balance]).await);
    assert_eq!((messages.len(), messages[0].topic.name), (1, "balances"));
    let account = r#"{"AccountId":"22289","Currency":"GBP","AccountTypeCode":"SVGS"}"#;
    let window = RawWindow { kind: RawKind::Account, ..raw_window() };
    let messages = emitted(world.normalise(window, &[account]).await);
    assert_eq!((messages.len(), messages[0].topic.name), (1, "accounts"));
}

#[tokio::test]
async fn what_cannot_be_read_whole_is_rejected_with_its_code() {
    let world = world().await;
    let torn = &page()[..page().len() - 20];
    assert_eq!(code(&world.normalise(raw_window(), &[&page(), torn]).await), "bad_page");
    let other = RawWindow { standard: "fdx-6.3".to_owned(), ..raw_window() };
    assert_eq!(code(&world.normalise(other, &[&page()]).await), "unknown_standard");
    let mut moved = world.seal(raw_window(), &[&page()]).await;
    moved.window_id = events::WindowId::from_uuid(uuid::Uuid::from_u128(9));
    assert_eq!(code(&world.process(moved).await), "payload_sealed");
    let key = world.store.vault().data_key(raw_window().consent_id).await.unwrap();
    let aad = raw_window().window_id.uuid();
    let payload = key.seal(aad.as_bytes(), b"not compressed").unwrap();
    assert_eq!(code(&world.process(RawWindow { payload, ..raw_window() }).await), "payload_compression");
    let payload = key.seal(aad.as_bytes(), &zstd::encode_all(&b"\x09\0\0\0torn"[..], 3).unwrap()).unwrap();
    assert_eq!(code(&world.process(RawWindow { payload, ..raw_window() }).await), "payload_torn");
}

#[tokio::test]
async fn a_payload_that_unpacks_without_end_is_rejected() {
    let world = world().await;
    let bomb = "x".repeat(70 * 1024 * 1024);
    assert_eq!(code(&world.normalise(raw_window(), &[&bomb]).await), "payload_too_large");
}

#[tokio::test]
async fn a_window_of_an_erased_consent_is_dropped_and_one_of_an_unknown_consent_rejected() {
    let world = world().await;
    let window = world.seal(raw_window(), &[&page()]).await;
    let unknown =
        RawWindow { consent_id: events::ConsentId::from_uuid(uuid::Uuid::from_u128(9)), ..window.clone() };
    assert_eq!(code(&world.process(unknown).await), "unknown_consent");
    to(&world.store, ConsentStatus::Revoked).await;
    while matches!(world.store.erasure().step(window.consent_id, 100, now()).await, Ok(store::Step::More)) {}
    assert_eq!(world.process(window).await, Verdict::Drop { reason: "consent_erased" });
}
