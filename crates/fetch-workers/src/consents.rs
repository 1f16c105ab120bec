//! Consents that were just approved become first fetches.

use std::sync::Arc;

use events::{Consent, ConsentEvent, ConsentEventType, FetchReason, JobId, PsuPresence};
use jiff::{SignedDuration, Timestamp};
use service::Clock;
use stage_runner::{Fault, Inbound, Progress, Rejection, Sink};
use store::{NewJob, Store};
use tokio::sync::Notify;

/// Reads consent events and writes jobs.
pub(crate) struct Consents {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    /// From being due to having landed.
    pub(crate) landing: SignedDuration,
    /// Wakes the planner: the customer is waiting, and some institutions give full history only for minutes.
    pub(crate) wake: Arc<Notify>,
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
                let (id, now) = (JobId::from_uuid(event.event_id.uuid()), self.clock.now());
                self.store.jobs().enqueue(&first_fetch(id, &event.consent, trace, now, self.landing)).await?;
                self.wake.notify_one();
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

/// The job that fetches everything a consent opens.
pub(crate) fn first_fetch(
    job_id: JobId,
    consent: &Consent,
    trace: Option<String>,
    now: Timestamp,
    landing: SignedDuration,
) -> NewJob<'_> {
    NewJob {
        job_id,
        consent,
        reason: FetchReason::First,
        from: consent.history_from,
        psu: None::<PsuPresence>,
        not_before: now,
        deadline: now.saturating_add(landing).unwrap_or(now),
        trace,
    }
}

/// Whether there is something to fetch from now on.
fn opens_access(event: ConsentEventType) -> bool {
    matches!(event, ConsentEventType::Authorised | ConsentEventType::Renewed)
}

#[cfg(test)]
mod tests {
    use events::{Basket, ConsentId, EventId, topics};
    use jiff::civil::date;
    use stage_runner::Position;
    use store::testing::{TestStore, fresh};
    use store::{ConsentStatus, JobProgress, JobState, StoreError, Transition};

    use super::*;

    struct Bench {
        store: TestStore,
        sink: Consents,
        consent: Consent,
    }

    impl Bench {
        /// An active consent without a job.
        async fn new() -> Self {
            let store = fresh().await;
            let clock = Clock::manual("2026-03-31T10:00:00Z".parse().unwrap());
            let consent = Consent {
                consent_id: ConsentId::new(clock.now()),
                epoch: 0,
                tenant_id: "tenant".parse().unwrap(),
                user_id: "user".parse().unwrap(),
                institution_id: "bank".parse().unwrap(),
                baskets: vec![Basket::Transactions].into(),
                expires_at: "2026-12-31T00:00:00Z".parse().unwrap(),
                history_from: Some(date(2026, 1, 1)),
            };
            store.consents().create(&consent, "bank", clock.now(), None).await.unwrap();
            let to = ConsentStatus::Active;
            let step = Transition { to, actor: "user", reason: None, now: clock.now(), trace: None };
            let consent = store.consents().transition(consent.consent_id, &step).await.unwrap().consent;
            let sink = Consents {
                store: store.clone(),
                clock,
                landing: SignedDuration::from_mins(10),
                wake: Arc::default(),
            };
            Self { store, sink, consent }
        }

        fn event(&self, event_type: ConsentEventType) -> ConsentEvent {
            ConsentEvent {
                event_id: EventId::new(self.sink.clock.now()),
                event_type,
                occurred_at: self.sink.clock.now(),
                actor: "user".to_owned(),
                reason: None,
                before: None,
                after: String::new(),
                consent: self.consent.clone(),
            }
        }

        /// Lands events at consecutive offsets from `from`.
        async fn land(&self, from: i64, events: &[ConsentEvent]) {
            let topic = &topics::CONSENT_EVENTS;
            let at = |(offset, event): (i64, &ConsentEvent)| Inbound {
                value: Some(event.clone()),
                key: None,
                position: Position { topic, partition: 0, offset },
                trace: None,
            };
            let batch: Vec<_> = (from..).zip(events).map(at).collect();
            let next = from + i64::try_from(events.len()).unwrap();
            let progress = Progress { topic: topic.name.to_owned(), partition: 0, from, next };
            assert!(self.sink.write("fetch-planner", &batch, &[progress]).await.unwrap().is_empty());
        }

        async fn progress(&self) -> Result<JobProgress, StoreError> {
            self.store.jobs().progress(&self.consent.tenant_id, self.consent.consent_id).await
        }
    }

    #[tokio::test]
    async fn an_approved_consent_is_fetched_once_however_often_it_is_told() {
        let bench = Bench::new().await;
        let event = bench.event(ConsentEventType::Authorised);
        bench.land(0, &[event.clone(), event.clone()]).await;
        bench.land(2, std::slice::from_ref(&event)).await;
        let job = bench.progress().await.unwrap();
        assert_eq!((job.job_id.uuid(), job.state), (event.event_id.uuid(), JobState::Waiting));
        let now = bench.sink.clock.now();
        assert_eq!(bench.store.jobs().issue_due(now, 100, 10).await.unwrap(), 1);
        assert_eq!(bench.store.jobs().issue_due(now, 100, 10).await.unwrap(), 0);
        let positions = bench.sink.positions("fetch-planner", topics::CONSENT_EVENTS.name, &[0]).await;
        assert_eq!(positions.unwrap(), [(0, 3)]);
    }

    #[tokio::test]
    async fn other_moves_of_a_consent_fetch_nothing() {
        let bench = Bench::new().await;
        let others = [
            ConsentEventType::Created,
            ConsentEventType::Denied,
            ConsentEventType::NeedsReauthorisation,
            ConsentEventType::Expiring,
            ConsentEventType::Revoked,
            ConsentEventType::DataDeleted,
        ];
        bench.land(0, &others.map(|event_type| bench.event(event_type))).await;
        assert!(matches!(bench.progress().await, Err(StoreError::NotFound)));
    }

    #[tokio::test]
    async fn an_approval_of_an_epoch_that_has_passed_fetches_nothing() {
        let bench = Bench::new().await;
        let mut event = bench.event(ConsentEventType::Authorised);
        event.consent.epoch -= 1;
        bench.land(0, &[event]).await;
        assert!(matches!(bench.progress().await, Err(StoreError::NotFound)));
    }
}
