//! Puts what is due on its topic, and what did not land in time back into the queue.

use std::sync::Arc;
use std::time::Duration;

use events::JobId;
use jiff::{SignedDuration, Timestamp};
use service::health::Component;
use service::{Clock, Shutdown};
use store::{Store, StoreError};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::FetchConfig;
use crate::consents::first_fetch;

/// A planner that has not come round for so long is stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How soon to look again: when something was issued, when nothing was, and when the store is away.
const BUSY: Duration = Duration::from_millis(50);
const IDLE: Duration = Duration::from_millis(200);
const AWAY: Duration = Duration::from_secs(1);

/// How often overdue jobs and consents without a job are looked for.
const OVERDUE_EVERY: Duration = Duration::from_secs(1);

/// A consent that has stood so long without a job will not get one by its event any more.
const EVENT_PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// Claims jobs in the ledger; any number may run at once.
pub(crate) struct Planner {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) config: FetchConfig,
    /// Told when a job was written that need not wait for the next look.
    pub(crate) wake: Arc<Notify>,
}

impl Planner {
    /// Plans until shutdown.
    pub(crate) async fn run(self, component: Component, shutdown: Shutdown) -> Result<(), StoreError> {
        let mut overdue_at = Instant::now();
        while !shutdown.is_triggered() {
            let look_for_overdue = Instant::now() >= overdue_at;
            if look_for_overdue {
                overdue_at = Instant::now() + OVERDUE_EVERY;
            }
            let pause = match self.round(look_for_overdue).await {
                Ok(issued) => {
                    component.ready(true);
                    if issued > 0 { BUSY } else { IDLE }
                }
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "planner waits for the store");
                    component.ready(false);
                    AWAY
                }
                Err(error) => return Err(error),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => (),
                () = self.wake.notified() => (),
                () = shutdown.triggered() => (),
            }
        }
        component.ended();
        Ok(())
    }

    /// One look at the ledger; how many jobs were issued.
    async fn round(&self, look_for_overdue: bool) -> Result<usize, StoreError> {
        let (jobs, now) = (self.store.jobs(), self.clock.now());
        let limit = i64::from(self.config.issue_batch.get());
        if look_for_overdue {
            let overdue = jobs.reissue_overdue(now, self.config.max_attempts, limit).await?;
            if overdue.again + overdue.failed > 0 {
                tracing::warn!(again = overdue.again, failed = overdue.failed, "jobs did not land in time");
            }
            self.adopt(now, limit).await?;
        }
        jobs.issue_due(now, self.config.max_open_windows, limit).await
    }

    /// Gives consents their first fetch whose event was lost with a broker's log.
    async fn adopt(&self, now: Timestamp, limit: i64) -> Result<(), StoreError> {
        let before = now.saturating_sub(EVENT_PATIENCE).unwrap_or(now);
        for record in self.store.consents().never_fetched(before, limit).await? {
            let consent = &record.consent;
            tracing::warn!(consent_id = %consent.consent_id, "active consent without a fetch; planning one");
            let job = first_fetch(JobId::new(now), consent, None, now, self.config.landing());
            self.store.jobs().enqueue(&job).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use events::{Basket, Consent, ConsentId, FetchJob, FetchReason, Record, avro, topics};
    use service::Health;
    use store::testing::fresh;
    use store::{ConsentStatus, NewJob, Transition};

    use super::*;

    /// Waits for the attempts that were put on the topic to be these.
    async fn issued(store: &Store, attempts: &[i32]) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let rows = store.outbox().read(100).await.unwrap();
            let jobs = rows.iter().filter(|row| row.message.topic.name == topics::FETCH_JOBS_FIRST.name);
            let payloads = jobs.filter_map(|row| row.message.payload.as_ref());
            let seen: Vec<_> = payloads
                .map(|payload| avro::decode::<FetchJob>(payload, FetchJob::codec()).unwrap().attempt)
                .collect();
            if seen == attempts {
                return;
            }
            assert!(Instant::now() < deadline, "issued are {seen:?}, not {attempts:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn active_consent(store: &Store, now: Timestamp) -> Consent {
        let consent = Consent {
            consent_id: ConsentId::new(now),
            epoch: 0,
            tenant_id: "tenant".parse().unwrap(),
            user_id: "user".parse().unwrap(),
            institution_id: "bank".parse().unwrap(),
            baskets: vec![Basket::Transactions].into(),
            expires_at: "2026-12-31T00:00:00Z".parse().unwrap(),
            history_from: None,
        };
        store.consents().create(&consent, "bank", now, None).await.unwrap();
        let to = ConsentStatus::Active;
        let step = Transition { to, actor: "user", reason: None, now, trace: None };
        store.consents().transition(consent.consent_id, &step).await.unwrap().consent
    }

    #[tokio::test]
    async fn a_due_job_is_issued_and_issued_again_when_it_does_not_land() {
        let (store, clock) = (fresh().await, Clock::manual("2026-03-31T10:00:00Z".parse().unwrap()));
        let now = clock.now();
        let consent = active_consent(&store, now).await;
        let job = NewJob {
            job_id: JobId::new(now),
            consent: &consent,
            reason: FetchReason::First,
            from: None,
            psu: None,
            not_before: now,
            deadline: now + SignedDuration::from_mins(10),
            trace: None,
        };
        store.jobs().enqueue(&job).await.unwrap();

        let (health, shutdown) = (Health::new(), Shutdown::new());
        let planner = Planner {
            store: store.clone(),
            clock: clock.clone(),
            config: FetchConfig::default(),
            wake: Arc::default(),
        };
        let running = planner.run(health.component("planner", PATIENCE), shutdown.clone());
        let watching = async {
            issued(&store, &[1]).await;
            assert!(health.waiting().is_empty());
            clock.advance(SignedDuration::from_mins(11));
            issued(&store, &[1, 2]).await;
            shutdown.trigger();
        };
        let (ended, ()) = tokio::join!(running, watching);
        ended.unwrap();
        assert!(health.dead().is_empty());
    }

    #[tokio::test]
    async fn a_consent_whose_event_was_lost_is_fetched_all_the_same() {
        let (store, clock) = (fresh().await, Clock::manual("2026-03-31T10:00:00Z".parse().unwrap()));
        let consent = active_consent(&store, clock.now()).await;
        let planner = Planner {
            store: store.clone(),
            clock: clock.clone(),
            config: FetchConfig::default(),
            wake: Arc::default(),
        };
        assert_eq!(planner.round(true).await.unwrap(), 0, "its event may still come");
        clock.advance(EVENT_PATIENCE);
        assert_eq!(planner.round(true).await.unwrap(), 1);
        assert_eq!(planner.round(true).await.unwrap(), 0, "once is enough");
        issued(&store, &[1]).await;
        assert_eq!(store.consents().find(consent.consent_id).await.unwrap().status, ConsentStatus::Active);
    }
}
