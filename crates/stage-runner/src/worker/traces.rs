//! Traces through a batch: one span for each, not for each record.

use std::collections::HashMap;

use service::telemetry::{continue_trace, traceparent_of};
use tracing::{Span, info_span};

use crate::{Inbound, Trace};

/// The spans of a batch. They last as long as this does.
#[derive(Debug, Default)]
pub(crate) struct Traces(HashMap<Trace, (Span, Option<Trace>)>);

impl Traces {
    /// Opens a span for every trace in the batch.
    pub(crate) fn open<T>(stage: &'static str, records: &[Inbound<T>]) -> Self {
        let (mut spans, mut last) = (HashMap::new(), None);
        for trace in records.iter().filter_map(|record| record.trace) {
            // The records of a window follow each other.
            if last.replace(trace) != Some(trace) {
                spans.entry(trace).or_insert_with(|| span(stage, trace));
            }
        }
        Self(spans)
    }

    /// What the messages that come of a record of that trace carry on.
    pub(crate) fn onward(&self, trace: Option<Trace>) -> Option<Trace> {
        let trace = trace?;
        self.0.get(&trace).and_then(|(_, onward)| *onward).or(Some(trace))
    }
}

/// A span that continues a trace, and the context that leads on from it.
pub(crate) fn span(stage: &'static str, trace: Trace) -> (Span, Option<Trace>) {
    let span = info_span!("stage", otel.name = stage);
    continue_trace(&span, trace.as_str());
    let onward = traceparent_of(&span).and_then(|header| Trace::parse(header.as_bytes()));
    (span, onward)
}
