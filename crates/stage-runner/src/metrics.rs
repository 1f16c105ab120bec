//! What every stage counts; every name is here.

use std::sync::LazyLock;
use std::time::Duration;

use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter};
use opentelemetry::{KeyValue, global};

struct Instruments {
    consumed: Counter<u64>,
    emitted: Counter<u64>,
    dropped: Counter<u64>,
    rejected: Counter<u64>,
    batches: Counter<u64>,
    faults: Counter<u64>,
    rebuilds: Counter<u64>,
    offset_jumps: Counter<u64>,
    commit: Histogram<f64>,
    lag: Gauge<i64>,
}

static ALL: LazyLock<Instruments> = LazyLock::new(|| Instruments::new(&global::meter("stage-runner")));

impl Instruments {
    fn new(meter: &Meter) -> Self {
        let counter = |name, description| meter.u64_counter(name).with_description(description).build();
        Self {
            consumed: counter("connector_records_consumed", "Records that a stage has done with, by stage."),
            emitted: counter("connector_records_emitted", "Messages sent, by stage."),
            dropped: counter("connector_records_dropped", "Records of no more use, by stage and reason."),
            rejected: counter("connector_records_rejected", "Records refused, by stage and code."),
            batches: counter("connector_batches", "Batches committed, by stage."),
            faults: counter("connector_faults", "Times a stage had to wait for the world, by stage."),
            rebuilds: counter("connector_rebuilds", "Times a worker's clients were replaced, by stage."),
            offset_jumps: counter(
                "connector_offset_jumps",
                "Times records were gone from the broker before they were read, by stage and topic.",
            ),
            commit: meter
                .f64_histogram("connector_commit_duration")
                .with_description("From the last output to the end of the commit, by stage.")
                .with_unit("s")
                .with_boundaries(vec![0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0])
                .build(),
            lag: meter
                .i64_gauge("connector_lag")
                .with_description("Records not yet read, by stage, topic and partition.")
                .build(),
        }
    }
}

fn stage(name: &'static str) -> KeyValue {
    KeyValue::new("stage", name)
}

/// A batch of records is done and committed, with so many messages sent.
pub(crate) fn batch(name: &'static str, records: usize, messages: usize) {
    let attributes = [stage(name)];
    ALL.batches.add(1, &attributes);
    ALL.consumed.add(records as u64, &attributes);
    ALL.emitted.add(messages as u64, &attributes);
}

pub(crate) fn emitted(name: &'static str, messages: usize) {
    ALL.emitted.add(messages as u64, &[stage(name)]);
}

pub(crate) fn consumed(name: &'static str) {
    ALL.consumed.add(1, &[stage(name)]);
}

pub(crate) fn dropped(name: &'static str, reason: &'static str) {
    ALL.dropped.add(1, &[stage(name), KeyValue::new("reason", reason)]);
}

pub(crate) fn rejected(name: &'static str, code: &'static str) {
    ALL.rejected.add(1, &[stage(name), KeyValue::new("code", code)]);
}

pub(crate) fn fault(name: &'static str) {
    ALL.faults.add(1, &[stage(name)]);
}

pub(crate) fn rebuilt(name: &'static str) {
    ALL.rebuilds.add(1, &[stage(name)]);
}

pub(crate) fn jumped(name: &'static str, topic: &'static str) {
    ALL.offset_jumps.add(1, &[stage(name), KeyValue::new("topic", topic)]);
}

pub(crate) fn committed(name: &'static str, took: Duration) {
    ALL.commit.record(took.as_secs_f64(), &[stage(name)]);
}

pub(crate) fn lag(name: &'static str, topic: String, partition: i32, records: i64) {
    let place = [KeyValue::new("topic", topic), KeyValue::new("partition", i64::from(partition))];
    let [topic, partition] = place;
    ALL.lag.record(records, &[stage(name), topic, partition]);
}
