//! The verdicts on a batch, sorted by what has to be done.

use events::{Outbound, Record};

use crate::worker::decode::Decoded;
use crate::{Rejection, Trace, Verdict, metrics};

/// The verdicts on a batch, sorted by what has to be done.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// What is sent, in the order of the records, with the trace of each.
    pub(super) emitted: Vec<(Option<Trace>, Outputs)>,
    /// Records that were refused, by their place in the batch and in its order.
    pub(super) rejected: Vec<(usize, Rejection)>,
    /// Records of which parts were refused: one letter each.
    pub(super) in_part: Vec<(usize, Rejection)>,
    dropped: Vec<&'static str>,
    codes: Vec<&'static str>,
}

/// One message or several, without a list for one.
#[derive(Debug)]
pub(super) enum Outputs {
    One(Outbound),
    Many(Vec<Outbound>),
}

impl Outputs {
    pub(super) fn as_slice(&self) -> &[Outbound] {
        match self {
            Self::One(message) => std::slice::from_ref(message),
            Self::Many(messages) => messages,
        }
    }
}

impl Tally {
    /// Sorts; what could not be read takes its place among the rejected.
    pub(super) fn sort<T: Record>(decoded: Decoded<T>, verdicts: Vec<Verdict>) -> Self {
        let mut tally = Self { rejected: decoded.refused, ..Self::default() };
        tally.emitted.reserve(verdicts.len());
        for ((record, at), verdict) in decoded.records.iter().zip(decoded.at).zip(verdicts) {
            match verdict {
                Verdict::EmitOne(message) => tally.emit(at, record.trace, Outputs::One(message)),
                Verdict::Emit(messages) => tally.emit(at, record.trace, Outputs::Many(messages)),
                Verdict::Partial { emit, rejected } => {
                    tally.emit(at, record.trace, Outputs::Many(emit));
                    tally.codes.extend(rejected.iter().map(|rejection| rejection.code));
                    tally.in_part.extend(together(&rejected).map(|rejection| (at, rejection)));
                }
                Verdict::Drop { reason } => tally.dropped.push(reason),
                Verdict::Reject(rejection) => tally.rejected.push((at, rejection)),
            }
        }
        tally.codes.extend(tally.rejected.iter().map(|(_, rejection)| rejection.code));
        tally.rejected.sort_unstable_by_key(|(at, _)| *at);
        tally
    }

    /// What the broker would never take rejects the record it comes of: trying again would change nothing.
    fn emit(&mut self, at: usize, trace: Option<Trace>, outputs: Outputs) {
        match outputs.as_slice().iter().find(|message| too_large(message)) {
            Some(message) => {
                let detail =
                    format!("a message to {} would be larger than the topic takes", message.topic.name);
                self.rejected.push((at, Rejection { code: "output_too_large", detail }));
            }
            None => self.emitted.push((trace, outputs)),
        }
    }

    /// Counts, once the batch is committed.
    pub(super) fn count(&self, stage: &'static str) {
        self.dropped.iter().for_each(|reason| metrics::dropped(stage, reason));
        self.codes.iter().for_each(|code| metrics::rejected(stage, code));
        for (_, rejection) in self.rejected.iter().chain(&self.in_part) {
            tracing::warn!(
                stage,
                code = rejection.code,
                detail = rejection.detail,
                "{stage} rejected a record"
            );
        }
    }
}

/// Without compression, which may not help, and with room for key and headers.
fn too_large(message: &Outbound) -> bool {
    let limit = usize::try_from(message.topic.max_message_bytes).unwrap_or_default();
    message.payload.as_ref().is_some_and(|payload| payload.len().saturating_add(4_096) > limit)
}

/// One rejection for several: the code of the first, the details of all.
fn together(rejected: &[Rejection]) -> Option<Rejection> {
    let first = rejected.first()?;
    let details: Vec<_> =
        rejected.iter().map(|rejection| format!("{}: {}", rejection.code, rejection.detail)).collect();
    Some(Rejection { code: first.code, detail: format!("{} parts; {}", rejected.len(), details.join("; ")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_rejections_of_one_record_become_one_that_names_them_all() {
        let rejection = |code, detail: &str| Rejection { code, detail: detail.to_owned() };
        let one = together(&[rejection("bad_date", "row 3"), rejection("bad_amount", "row 7")]).unwrap();
        assert_eq!(one, rejection("bad_date", "2 parts; bad_date: row 3; bad_amount: row 7"));
        assert_eq!(together(&[]), None);
    }
}
