//! What the role counts; every name is here.

use std::sync::LazyLock;

use jiff::SignedDuration;
use opentelemetry::metrics::{Counter, Gauge, Meter};
use opentelemetry::{KeyValue, global};
use store::{Landed, Refusal};

struct Instruments {
    landed: Counter<u64>,
    refused: Counter<u64>,
    erased: Counter<u64>,
    pending: Gauge<u64>,
    age: Gauge<u64>,
}

static ALL: LazyLock<Instruments> = LazyLock::new(|| Instruments::new(&global::meter("lander")));

impl Instruments {
    fn new(meter: &Meter) -> Self {
        let counter = |name, description| meter.u64_counter(name).with_description(description).build();
        let gauge = |name, description| meter.u64_gauge(name).with_description(description).build();
        Self {
            landed: counter(
                "connector_landed_rows",
                "Records that came to the store, by record and what they changed.",
            ),
            refused: counter(
                "connector_refused_rows",
                "Records the store may not keep, by record and reason.",
            ),
            erased: counter("connector_erased_rows", "Rows deleted because their consent ended, by record."),
            pending: gauge(
                "connector_deletions_pending",
                "1 while the data of an ended consent is to be deleted.",
            ),
            age: gauge(
                "connector_deletions_pending_age_seconds",
                "How long the oldest of these deletions waits.",
            ),
        }
    }
}

/// What became of a batch.
pub(crate) fn landed(record: &'static str, landed: &Landed) {
    let changes = [
        ("inserted", landed.inserted),
        ("updated", landed.updated),
        ("unchanged", landed.unchanged),
        ("stale", landed.stale),
    ];
    for (change, rows) in changes.into_iter().filter(|(_, rows)| *rows > 0) {
        ALL.landed.add(rows, &[KeyValue::new("record", record), KeyValue::new("change", change)]);
    }
    for refused in &landed.refused {
        ALL.refused.add(1, &[KeyValue::new("record", record), KeyValue::new("reason", code(refused.reason))]);
    }
}

/// An erasure is complete.
pub(crate) fn erased(transactions: i64, accounts: i64) {
    for (record, rows) in [("enriched_transaction", transactions), ("account", accounts)] {
        ALL.erased.add(u64::try_from(rows).unwrap_or(0), &[KeyValue::new("record", record)]);
    }
}

/// How long the oldest unfinished erasure waits, if there is one.
pub(crate) fn pending(age: Option<SignedDuration>) {
    ALL.pending.record(age.is_some().into(), &[]);
    ALL.age.record(age.and_then(|age| u64::try_from(age.as_secs()).ok()).unwrap_or(0), &[]);
}

fn code(reason: Refusal) -> &'static str {
    match reason {
        Refusal::ConsentEnded => "consent_ended",
        Refusal::OtherEpoch => "other_epoch",
        Refusal::NotLinked => "not_linked",
        Refusal::BasketMissing => "basket_missing",
        Refusal::BeforeHistory => "before_history",
    }
}
