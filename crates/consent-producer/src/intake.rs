//! Consent events that bank systems publish have the effect of the same wish on the API.
//!
//! The connector's own events come by here too, and need not be told apart: they speak of what stands in the store
//! already, and asking for what is so changes nothing. That holds whatever an event says about its origin.

use events::{Consent, ConsentEvent, ConsentEventType};
use institutions::Institutions;
use service::Clock;
use stage_runner::{Fault, Inbound, Progress, Rejection, Sink};
use store::{ConsentRecord, ConsentStatus, Store, StoreError, Transition};

use crate::{BANK, FIRST_EPOCH, validate};

/// Reads consent events and brings about what they ask for.
pub(crate) struct Intake {
    pub(crate) store: Store,
    pub(crate) institutions: Institutions,
    pub(crate) clock: Clock,
}

impl Sink for Intake {
    type In = ConsentEvent;

    async fn positions(
        &self,
        group: &str,
        topic: &str,
        partitions: &[i32],
    ) -> Result<Vec<(i32, i64)>, Fault> {
        Ok(self.store.landing().positions(group, topic, partitions).await?)
    }

    /// Effects first, then the positions: what comes again finds its effect and changes nothing.
    async fn write(
        &self,
        group: &str,
        batch: &[Inbound<ConsentEvent>],
        progress: &[Progress],
    ) -> Result<Vec<(usize, Rejection)>, Fault> {
        let mut rejected = Vec::new();
        for (place, inbound) in batch.iter().enumerate() {
            let Some(event) = &inbound.value else { continue };
            let trace = inbound.trace.as_ref().map(ToString::to_string);
            if let Err(rejection) = self.apply(event, trace.as_deref()).await? {
                rejected.push((place, rejection));
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
        Ok(rejected)
    }
}

impl Intake {
    /// Brings about what one event asks for, or says why it cannot be.
    pub(crate) async fn apply(
        &self,
        event: &ConsentEvent,
        trace: Option<&str>,
    ) -> Result<Result<(), Rejection>, StoreError> {
        match event.event_type {
            ConsentEventType::Created => self.create(&event.consent, trace).await,
            ConsentEventType::Revoked => self.revoke(event, trace).await,
            // Only the connector moves a consent in other ways, and has done so before it tells.
            _ => Ok(Ok(())),
        }
    }

    async fn create(
        &self,
        wanted: &Consent,
        trace: Option<&str>,
    ) -> Result<Result<(), Rejection>, StoreError> {
        let (consents, now) = (self.store.consents(), self.clock.now());
        match consents.find(wanted.consent_id).await {
            Ok(known) => return Ok(compare(&known, wanted)),
            Err(StoreError::NotFound) => (),
            Err(error) => return Err(error),
        }
        let faults = validate::check(&wanted.into(), &self.institutions, now);
        if let Some(first) = faults.first() {
            let all: Vec<_> = faults.iter().map(|one| format!("{}: {}", one.field, one.code)).collect();
            return Ok(Err(Rejection { code: first.code, detail: all.join(", ") }));
        }
        let terms = Consent { epoch: FIRST_EPOCH, ..wanted.clone() };
        match consents.create(&terms, BANK, now, trace).await {
            Ok(_) => Ok(Ok(())),
            Err(StoreError::Conflict { .. }) => Ok(Err(other_terms())),
            Err(error) => Err(error),
        }
    }

    async fn revoke(
        &self,
        event: &ConsentEvent,
        trace: Option<&str>,
    ) -> Result<Result<(), Rejection>, StoreError> {
        let (consents, id) = (self.store.consents(), event.consent.consent_id);
        let revoked = Transition {
            to: ConsentStatus::Revoked,
            actor: BANK,
            reason: event.reason.as_deref().filter(|reason| is_code(reason)),
            now: self.clock.now(),
            trace,
        };
        let moved = match consents.get(&event.consent.tenant_id, id).await {
            Ok(_) => consents.transition(id, &revoked).await,
            Err(error) => Err(error),
        };
        match moved {
            Ok(_) => Ok(Ok(())),
            Err(StoreError::NotFound) => Ok(Err(rejection("not_found", "no such consent of this tenant"))),
            Err(error @ StoreError::Illegal { .. }) => Ok(Err(rejection("illegal_move", &error.to_string()))),
            Err(error) => Err(error),
        }
    }
}

/// What to make of a wish to create a consent that there is. After a renewal its first terms come by once more when
/// the topic is read again; they differ from today's in the end only.
fn compare(known: &ConsentRecord, wanted: &Consent) -> Result<(), Rejection> {
    let known = &known.consent;
    let was_renewed = known.epoch > FIRST_EPOCH;
    let expires_at = if was_renewed { known.expires_at } else { wanted.expires_at };
    if *known == (Consent { epoch: known.epoch, expires_at, ..wanted.clone() }) {
        Ok(())
    } else {
        Err(other_terms())
    }
}

fn other_terms() -> Rejection {
    rejection("consent_exists", "a consent of this id exists with other terms; choose another id")
}

fn rejection(code: &'static str, detail: &str) -> Rejection {
    Rejection { code, detail: detail.to_owned() }
}

/// A reason that is free text could hold anything, and is left out: the revocation counts, not its reason.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
