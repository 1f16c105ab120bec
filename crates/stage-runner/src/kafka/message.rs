//! Headers, on every message that leaves.

use events::Outbound;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use uuid::Uuid;

use crate::Trace;

/// Name of the header that carries the trace (W3C Trace Context §3.2).
pub(crate) const TRACEPARENT: &str = "traceparent";

/// CloudEvents attributes in Kafka's binary mode (CloudEvents Kafka Protocol Binding §3.2), the trace first: who reads
/// it need not look at the others.
pub(crate) fn headers(message: &Outbound, source: &str, trace: Option<&str>) -> OwnedHeaders {
    let mut id = Uuid::encode_buffer();
    let id: &str = message.event_id.as_hyphenated().encode_lower(&mut id);
    let headers = OwnedHeaders::new_with_capacity(6);
    let headers = match trace {
        Some(trace) => headers.insert(Header { key: TRACEPARENT, value: Some(trace) }),
        None => headers,
    };
    [
        ("ce_specversion", "1.0"),
        ("ce_id", id),
        ("ce_type", message.topic.record),
        ("ce_source", source),
        ("content-type", "application/vnd.confluent.avro"),
    ]
    .into_iter()
    .fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
}

/// The trace of a message.
pub(crate) fn trace<M: Message>(message: &M) -> Option<Trace> {
    header(message, TRACEPARENT).and_then(Trace::parse)
}

/// The value of a header.
pub(crate) fn header<'m, M: Message>(message: &'m M, name: &str) -> Option<&'m [u8]> {
    message.headers()?.iter().find(|header| header.key == name)?.value
}
