//! Consents that were just approved become first fetches.

use events::{ConsentEvent, ConsentEventType, FetchReason, JobId, PsuPresence};
use jiff::SignedDuration;
use service::Clock;
use stage_runner::{Fault, Inbound, Progress, Rejection, Sink};
use store::{NewJob, Store};

/// Reads consent events and writes jobs.
pub(crate) struct Consents {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    /// From being due to having landed.
    pub(crate) landing: SignedDuration,
}

impl Sink for Consents {
    type In = ConsentEvent;

    async fn positions(
        &self,
        group: &str,
        topic: &str,
        partitions: &[i32],
    ) -> Result<Vec<(i32, i64)>, Fault> {
        Ok(self.store.landing().positions(group, topic, partitions).await?)
    }

    /// Jobs first, then the positions: what comes again is known by its job id, which is the event's.
    async fn write(
        &self,
        group: &str,
        batch: &[Inbound<ConsentEvent>],
        progress: &[Progress],
    ) -> Result<Vec<(usize, Rejection)>, Fault> {
        for inbound in batch {
            if let Some(event) = inbound.value.as_ref().filter(|event| opens_access(event.event_type)) {
                let trace = inbound.trace.as_ref().map(ToString::to_string);
                self.store.jobs().enqueue(&self.first_fetch(event, trace)).await?;
            }
        }
        let progress: Vec<_> = progress
            .iter()
            .map(|one| store::Progress {
                topic: &one.topic,
                partition: one.partition,
                from: one.from,
                next: one.next,
            })
            .collect();
        // No rows: the positions alone.
        self.store.landing().transactions(group, &[], &progress, self.clock.now()).await?;
        Ok(Vec::new())
    }
}

impl Consents {
    fn first_fetch<'a>(&self, event: &'a ConsentEvent, trace: Option<String>) -> NewJob<'a> {
        let now = self.clock.now();
        NewJob {
            job_id: JobId::from_uuid(event.event_id.uuid()),
            consent: &event.consent,
            reason: FetchReason::First,
            from: event.consent.history_from,
            psu: None::<PsuPresence>,
            not_before: now,
            deadline: now.saturating_add(self.landing).unwrap_or(now),
            trace,
        }
    }
}

/// Whether there is something to fetch from now on.
fn opens_access(event: ConsentEventType) -> bool {
    matches!(event, ConsentEventType::Authorised | ConsentEventType::Renewed)
}
