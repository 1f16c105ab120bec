//! The stage on normalized transactions: between the wire and the engine.

use std::borrow::Cow;
use std::sync::Arc;

use events::avro::AvroError;
use events::{EnrichedTransaction, Evidence, NormalizedTransaction, Outbound, topics};
use serde::Deserialize;
use service::{Health, Shutdown};
use stage_runner::{Fault, Inbound, Kafka, Stage, StageSpec, Verdict};
use uuid::Uuid;

use crate::record::{Category, Channel, Reason, Source};
use crate::{Engine, Enrichment, Input, VERSION};

/// How the role runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CategorizerConfig {
    /// Worker threads of this process; more than there are partitions are idle.
    pub workers: usize,
}

impl Default for CategorizerConfig {
    fn default() -> Self {
        Self { workers: 1 }
    }
}

/// What the role works with.
pub struct Deps {
    /// Topics.
    pub kafka: Kafka,
    /// Where the role reports that it lives.
    pub health: Health,
}

/// Categorises until shutdown.
///
/// # Errors
/// When the knowledge cannot be loaded, the broker refuses, or too many records in a row are rejected.
pub async fn run(config: CategorizerConfig, deps: Deps, shutdown: Shutdown) -> anyhow::Result<()> {
    let spec = StageSpec {
        name: "categorizer",
        inputs: const { &[&topics::TRANSACTIONS_NORMALIZED] },
        outputs: const { &[&topics::TRANSACTIONS_ENRICHED] },
        workers: config.workers,
    };
    let stage = Arc::new(Categorizer::new(Engine::embedded()?));
    stage_runner::run_stage(&deps.kafka, spec, stage, shutdown).await?;
    Ok(())
}

/// Every transaction becomes one enriched transaction.
pub struct Categorizer {
    engine: Engine,
}

impl Categorizer {
    /// A stage around an engine.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }

    fn enriched(&self, transaction: &NormalizedTransaction) -> Result<Outbound, AvroError> {
        let answer = self.engine.categorise(&input(transaction, bank_code(transaction).as_deref()));
        let (id, account) = (transaction.transaction_id.uuid(), transaction.account_key.uuid());
        let event = event_id(transaction);
        let enrichment = on_the_wire(answer, &transaction.description);
        let record = EnrichedTransaction { transaction: transaction.clone(), enrichment };
        Ok(Outbound::record(&topics::TRANSACTIONS_ENRICHED, id, event, &record)?.partitioned_by(account))
    }
}

impl Stage for Categorizer {
    type In = NormalizedTransaction;

    async fn process(&self, batch: &[Inbound<NormalizedTransaction>]) -> Result<Vec<Verdict>, Fault> {
        let verdict = |inbound: &Inbound<NormalizedTransaction>| match &inbound.value {
            Some(transaction) => Ok(Verdict::EmitOne(self.enriched(transaction)?)),
            None => Ok(Verdict::Drop { reason: "tombstone" }),
        };
        batch.iter().map(verdict).collect()
    }
}

fn input<'a>(transaction: &'a NormalizedTransaction, bank_code: Option<&'a str>) -> Input<'a> {
    Input {
        description: &transaction.description,
        amount: transaction.amount,
        currency: transaction.currency.code(),
        mcc: transaction.mcc.as_deref(),
        bank_code,
        purpose: transaction.purpose_code.as_deref(),
        counterparty: transaction.counterparty.as_ref().and_then(|party| party.name.as_deref()),
        merchant_name: transaction.merchant_name.as_deref(),
        ..Input::default()
    }
}

/// The engine knows codes by their domain. Banks that leave it out mean payments (`PMNT`): the families they give,
/// such as `RCDT` and `CCRD`, are of that domain. Without an ISO code the bank's own is the next best.
fn bank_code(transaction: &NormalizedTransaction) -> Option<Cow<'_, str>> {
    match transaction.bank_code.as_deref() {
        Some(code) if code.starts_with('-') => Some(Cow::Owned(format!("PMNT{code}"))),
        Some(code) => Some(Cow::Borrowed(code)),
        None => transaction.proprietary_code.as_deref().map(Cow::Borrowed),
    }
}

/// The same for the same answer of the bank under the same engine, and for nothing else.
fn event_id(transaction: &NormalizedTransaction) -> Uuid {
    let from = &transaction.provenance;
    let answered = from.fetched_at.as_microsecond().to_be_bytes();
    let name = [from.window_id.uuid().as_bytes(), answered.as_slice(), VERSION.as_bytes()].concat();
    Uuid::new_v5(&transaction.transaction_id.uuid(), &name)
}

fn on_the_wire(answer: Enrichment, description: &str) -> events::Enrichment {
    let Category { primary, detailed } = answer.category;
    events::Enrichment {
        clean_description: answer.clean_description,
        merchant: answer.merchant.map(|merchant| events::Merchant {
            id: merchant.id.to_owned(),
            name: merchant.name.to_owned(),
            website: merchant.website.map(str::to_owned),
            logo_url: merchant.logo_url.map(str::to_owned),
        }),
        processor: answer.processor.map(|processor| processor.name.to_owned()),
        channel: (answer.channel != Channel::Unknown).then(|| answer.channel.code().to_owned()),
        flags: events::Flags {
            recurring: answer.flags.recurring,
            subscription: answer.flags.subscription,
            refund: answer.flags.refund,
            own_transfer: answer.flags.own_transfer,
        },
        category_primary: primary.to_owned(),
        category_detailed: detailed.unwrap_or("uncategorised").to_owned(),
        confidence_permille: answer.confidence.value().into(),
        source: source(answer.source).to_owned(),
        why: answer.why.0.iter().map(|reason| evidence(reason, description)).collect(),
        taxonomy_version: answer.taxonomy_version.to_owned(),
        engine_version: answer.engine_version.to_owned(),
    }
}

/// The step that decided, in the words of the public contract.
fn source(source: Source) -> &'static str {
    match source {
        Source::Override => "override",
        Source::Rule => "bank_rule",
        Source::Mcc | Source::Structure => "structural",
        Source::Memory => "memory",
        Source::Lexicon => "rule",
        Source::Brand => "gazetteer",
        Source::Model => "model",
        Source::None => "none",
    }
}

fn evidence(reason: &Reason, description: &str) -> Evidence {
    Evidence {
        rule: [reason.source.code(), reason.id.as_str()].join(":"),
        matched: reason.span.clone().and_then(|span| description.get(span)).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests;
