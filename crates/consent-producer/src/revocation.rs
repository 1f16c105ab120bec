//! Ends consents at their institutions after they were revoked here. Data is unreadable and erased without it: this
//! only tells the institution, as well as it can, and records how that went.

use std::time::Duration;

use backoff::{ExponentialBuilder, Retryable};
use events::{ConsentEvent, ConsentEventType, ConsentId};
use institutions::{Class, Error, Institutions};
use service::Clock;
use stage_runner::{Done, Emitter, Fault, Inbound, Work};
use store::{ConsentRecord, Store, StoreError};

use crate::metrics;

/// What is recorded as the institution's status.
const REVOKED: &str = "revoked";
const FAILED: &str = "revocation_failed";

/// Reads consent events and revokes at institutions.
pub(crate) struct Revocations {
    pub(crate) store: Store,
    pub(crate) institutions: Institutions,
    pub(crate) clock: Clock,
    pub(crate) patience: Patience,
}

/// How long an institution that does not answer is asked again.
pub(crate) struct Patience {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
    pub(crate) times: usize,
}

impl Default for Patience {
    /// About ten minutes. An institution that is away for longer learns of it by the consent's own end.
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(60), times: 15 }
    }
}

impl Work for Revocations {
    type In = ConsentEvent;

    async fn handle(&self, message: &Inbound<ConsentEvent>, _out: &Emitter) -> Result<Done, Fault> {
        if let Some(event) = &message.value
            && event.event_type == ConsentEventType::Revoked
        {
            self.revoke(event.consent.consent_id).await?;
        }
        Ok(Done::Ok)
    }
}

impl Revocations {
    /// Tells the institution, unless it knows already or never knew of the consent.
    pub(crate) async fn revoke(&self, id: ConsentId) -> Result<(), StoreError> {
        let record = match self.store.consents().find(id).await {
            Err(StoreError::NotFound) => return Ok(()),
            record => record?,
        };
        let Some(institution_consent) = &record.institution_consent_id else { return Ok(()) };
        if record.institution_status.as_deref() == Some(REVOKED) {
            return Ok(());
        }
        let ending = self.ask(&record, institution_consent).await;
        metrics::revocation(&record.consent.institution_id, ending);
        self.store.consents().set_institution(id, None, Some(ending), self.clock.now()).await
    }

    async fn ask(&self, record: &ConsentRecord, institution_consent: &str) -> &'static str {
        let consent = &record.consent;
        let Some(institution) = self.institutions.get(&consent.institution_id) else {
            tracing::warn!(consent = %consent.consent_id, "institution of a revoked consent is not configured");
            return FAILED;
        };
        let backoff = ExponentialBuilder::new()
            .with_min_delay(self.patience.first)
            .with_max_delay(self.patience.longest)
            .with_max_times(self.patience.times)
            .with_jitter();
        let revoked = (|| institution.connector().revoke(institution_consent))
            .retry(backoff)
            .when(|error: &Error| matches!(error.class(), Class::Retry | Class::Later(_)))
            .await;
        match revoked {
            Ok(()) => REVOKED,
            Err(error) => {
                tracing::warn!(consent = %consent.consent_id, code = error.code(), "institution could not be told of a revocation");
                FAILED
            }
        }
    }
}
