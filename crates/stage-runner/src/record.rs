//! A record on its way in, and what may become of it.

use std::fmt;

use events::{Outbound, Topic};
use uuid::Uuid;

/// A decoded record.
#[derive(Debug, Clone)]
pub struct Inbound<T> {
    /// The value; none is a tombstone.
    pub value: Option<T>,
    /// The key, if it is a hyphenated UUID as ours are.
    pub key: Option<Uuid>,
    /// Where it stood.
    pub position: Position,
    /// The trace it belongs to.
    pub trace: Option<Trace>,
}

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The topic.
    pub topic: &'static Topic,
    /// The partition.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
}

/// A W3C `traceparent` (Trace Context §3.2), version 00.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Trace([u8; 55]);

impl Trace {
    /// Reads a header; what is not of version 00's shape is no trace.
    #[must_use]
    pub fn parse(header: &[u8]) -> Option<Self> {
        let bytes: [u8; 55] = header.try_into().ok()?;
        let shaped = bytes.iter().enumerate().all(|(at, byte)| match at {
            0 | 1 => *byte == b'0',
            2 | 35 | 52 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
        shaped.then_some(Self(bytes))
    }

    /// The header's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a stage makes of one record. There is no fourth way: a fault is no verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It becomes these messages.
    Emit(Vec<Outbound>),
    /// It becomes this message.
    EmitOne(Outbound),
    /// It becomes these messages, and parts of it were refused: one dead letter names them all. Doing the record again
    /// must give the same messages, since a dead letter that is replayed brings the whole record back.
    Partial {
        /// What came of the good parts.
        emit: Vec<Outbound>,
        /// Why the others were refused.
        rejected: Vec<Rejection>,
    },
    /// It is of no more use; counted under the reason.
    Drop {
        /// Why, in few words with underscores: it becomes a label of a metric.
        reason: &'static str,
    },
    /// It is wrong and goes to the dead letters.
    Reject(Rejection),
}

/// Why a record was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// For machines: with underscores, a label of a metric.
    pub code: &'static str,
    /// For people. It travels in a header and in logs: no name, account number or free text of a customer.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_traceparent_of_version_00_is_a_trace() {
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(Trace::parse(header.as_bytes()).unwrap().to_string(), header);
        for wrong in ["", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &header.to_uppercase()] {
            assert_eq!(Trace::parse(wrong.as_bytes()), None);
        }
    }
}
