use super::*;
use events::Record;
use rust_decimal::Decimal;
use stage_runner::Position;

fn example() -> NormalizedTransaction {
    serde_json::from_str(include_str!("../../../../schemas/examples/normalized_transaction.json")).unwrap()
}

fn inbound(value: Option<NormalizedTransaction>) -> Inbound<NormalizedTransaction> {
    let position = Position { topic: &topics::TRANSACTIONS_NORMALIZED, partition: 0, offset: 0 };
    Inbound { value, key: None, position, trace: None }
}

async fn verdicts(batch: &[Inbound<NormalizedTransaction>]) -> Vec<Verdict> {
    Categorizer::new(Engine::embedded().unwrap()).process(batch).await.unwrap()
}

async fn enriched(transaction: NormalizedTransaction) -> (Outbound, EnrichedTransaction) {
    let Some(Verdict::EmitOne(message)) = verdicts(&[inbound(Some(transaction))]).await.pop() else {
        panic!("a transaction becomes one message");
    };
    let record =
        events::avro::decode(message.payload.as_deref().unwrap(), EnrichedTransaction::codec()).unwrap();
    (message, record)
}

#[tokio::test]
async fn the_example_transaction_is_enriched_and_keeps_what_the_bank_said() {
    let (message, record) = enriched(example()).await;
    assert_eq!(message.topic.name, "transactions.enriched");
    assert_eq!(message.key, example().transaction_id.uuid());
    assert_eq!(message.partition_key, example().account_key.uuid());
    assert_eq!(record.transaction, example());
    let found = record.enrichment;
    assert_eq!((found.category_primary.as_str(), found.category_detailed.as_str()), ("FOOD", "groceries"));
    assert_eq!(found.channel.as_deref(), Some("card_pos"), "the family without its domain is understood");
    assert!((900..=1000).contains(&found.confidence_permille));
    assert!(!found.why.is_empty());
}

#[tokio::test]
async fn what_nobody_can_know_is_uncategorised_with_a_reason() {
    let blank = NormalizedTransaction {
        description: String::new(),
        counterparty: None,
        merchant_name: None,
        mcc: None,
        bank_code: None,
        proprietary_code: None,
        purpose_code: None,
        amount: Decimal::new(-1, 2),
        ..example()
    };
    let (_, record) = enriched(blank).await;
    assert_eq!(record.enrichment.category_primary, "UNKNOWN");
    assert_eq!(
        (record.enrichment.category_detailed.as_str(), record.enrichment.source.as_str()),
        ("uncategorised", "none")
    );
    assert!(!record.enrichment.why.is_empty());
}

#[tokio::test]
async fn evidence_quotes_the_banks_own_words() {
    let (_, record) = enriched(NormalizedTransaction { mcc: None, ..example() }).await;
    for evidence in &record.enrichment.why {
        if let Some(matched) = &evidence.matched {
            assert!(record.transaction.description.contains(matched.as_str()), "{evidence:?}");
        }
    }
    assert!(record.enrichment.why.iter().any(|evidence| evidence.matched.is_some()), "{record:?}");
}

#[tokio::test]
async fn the_same_record_again_is_the_same_event_and_a_newer_answer_another() {
    let (first, _) = enriched(example()).await;
    assert_eq!(enriched(example()).await.0, first);
    let mut newer = example();
    newer.provenance.fetched_at += jiff::SignedDuration::from_mins(1);
    assert_ne!(enriched(newer).await.0.event_id, first.event_id);
}

#[tokio::test]
async fn a_tombstone_is_dropped_and_the_order_is_kept() {
    let verdicts = verdicts(&[inbound(None), inbound(Some(example()))]).await;
    assert_eq!(verdicts[0], Verdict::Drop { reason: "tombstone" });
    assert!(matches!(&verdicts[1], Verdict::EmitOne(_)));
}
