//! Consents: their terms, their lives, and what everybody is told about them.

mod create;
mod read;
mod record;
mod status;
mod tell;
mod transition;

use events::{ConsentId, InstitutionId, TenantId, UserId};
use jiff::Timestamp;

pub(crate) use read::locked;
pub use record::ConsentRecord;
pub use status::{ConsentStatus, UnknownStatus};
pub(crate) use tell::{Move, tell};

use crate::{Store, StoreError};

/// Consents and their lives.
pub struct Consents<'a>(pub(crate) &'a Store);

/// What became of a wish to create a consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is new.
    New(ConsentRecord),
    /// It existed with the same terms: a repeated request.
    Same(ConsentRecord),
}

/// One move of a consent.
#[derive(Debug, Clone, Copy)]
pub struct Transition<'a> {
    /// Where to.
    pub to: ConsentStatus,
    /// Who moves it: `user`, `bank`, `institution`, `clock` or an operator's name.
    pub actor: &'a str,
    /// Why, as a code.
    pub reason: Option<&'a str>,
    /// When.
    pub now: Timestamp,
    /// Trace context of the request, for the event.
    pub trace: Option<&'a str>,
}

/// A consent approved again before it ended.
#[derive(Debug, Clone, Copy)]
pub struct Renewal<'a> {
    /// The new end.
    pub expires_at: Timestamp,
    /// Who renewed it.
    pub actor: &'a str,
    /// When.
    pub now: Timestamp,
    /// Trace context of the request, for the event.
    pub trace: Option<&'a str>,
}

/// Which consents of a tenant to list; newest first.
#[derive(Debug, Clone)]
pub struct ConsentFilter {
    /// Only this customer's.
    pub user: Option<UserId>,
    /// Only at this institution.
    pub institution: Option<InstitutionId>,
    /// Only those that stand here.
    pub status: Option<ConsentStatus>,
    /// Only those that end before.
    pub expiring_before: Option<Timestamp>,
    /// Only those listed after this one: `created_at` and id of the last one of the page before.
    pub after: Option<(Timestamp, ConsentId)>,
    /// At most so many.
    pub limit: i64,
}

impl Consents<'_> {
    /// Creates a consent that awaits its authorisation, with its data key, and tells of it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id exists with other terms.
    pub async fn create(
        &self,
        consent: &events::Consent,
        actor: &str,
        now: Timestamp,
        trace: Option<&str>,
    ) -> Result<Created, StoreError> {
        self.0.within(create::create(self.0, consent, actor, now, trace)).await
    }

    /// A consent of this tenant.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] also when it is another tenant's.
    pub async fn get(&self, tenant: &TenantId, id: ConsentId) -> Result<ConsentRecord, StoreError> {
        self.0.within(read::get(self.0, Some(tenant), id)).await
    }

    /// A consent of any tenant: for workers, which act for all of them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&self, id: ConsentId) -> Result<ConsentRecord, StoreError> {
        self.0.within(read::get(self.0, None, id)).await
    }

    /// Consents of a tenant, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list(
        &self,
        tenant: &TenantId,
        filter: &ConsentFilter,
    ) -> Result<Vec<ConsentRecord>, StoreError> {
        self.0.within(read::list(self.0, tenant, filter)).await
    }

    /// Active consents whose present form nobody ever fetched, though it has stood since `before`: the event that told
    /// of it was lost on its way, with a broker's log for instance.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn never_fetched(
        &self,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<ConsentRecord>, StoreError> {
        self.0.within(read::never_fetched(self.0, before, limit)).await
    }

    /// Moves a consent, and in the same transaction: raises its epoch and closes its open jobs where older fetches
    /// must not land any more, drops its tokens and queues its erasure where it ends, and tells of the move. A move to
    /// where it stands changes nothing and gives the record.
    ///
    /// # Errors
    /// [`StoreError::Illegal`] for a move its life does not allow, [`StoreError::NotFound`].
    pub async fn transition(
        &self,
        id: ConsentId,
        transition: &Transition<'_>,
    ) -> Result<ConsentRecord, StoreError> {
        self.0.within(transition::transition(self.0, id, transition)).await
    }

    /// Prolongs a consent that has not ended: it is active again under a new epoch, with the same id, and everybody is
    /// told that it was renewed.
    ///
    /// # Errors
    /// [`StoreError::Illegal`] when it has ended, also by time alone; [`StoreError::NotFound`].
    pub async fn renew(&self, id: ConsentId, renewal: &Renewal<'_>) -> Result<ConsentRecord, StoreError> {
        self.0.within(transition::renew(self.0, id, renewal)).await
    }

    /// Remembers the institution's own id and status of a consent, with the time it was seen. What is not given stays.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_institution(
        &self,
        id: ConsentId,
        institution_consent_id: Option<&str>,
        institution_status: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.0
            .within(transition::set_institution(self.0, id, institution_consent_id, institution_status, now))
            .await
    }

    /// Consents whose time is over and that have not been moved to [`ConsentStatus::Expired`] yet.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn due_to_expire(&self, now: Timestamp, limit: i64) -> Result<Vec<ConsentId>, StoreError> {
        self.0.within(read::due_to_expire(self.0, now, limit)).await
    }

    /// Consents created before `before` that still await their authorisation.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn authorisation_overdue(
        &self,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<ConsentId>, StoreError> {
        self.0.within(read::authorisation_overdue(self.0, before, limit)).await
    }
}
