//! Consents as callers see them.

use events::Consent;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use store::{ConsentRecord, ConsentStatus, JobProgress, JobState};
use url::Url;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Api;

/// A consent with all its terms.
#[derive(Serialize, ToSchema)]
pub(super) struct ConsentView {
    /// Kept when the consent is renewed.
    id: Uuid,
    /// `awaiting_authorisation`, `active`, `denied`, `failed`, `needs_reauthorisation`, `expired`, `revoked` or
    /// `superseded`.
    status: &'static str,
    /// The customer, as the tenant knows her.
    user_id: String,
    /// Where the data is held.
    institution_id: String,
    /// What may be fetched; always with `accounts`.
    baskets: Vec<String>,
    /// When it ends.
    expires_at: Timestamp,
    /// No transaction booked before this day is fetched.
    history_from: Option<Date>,
    /// When it was asked for.
    created_at: Timestamp,
    /// When the customer first approved it.
    authorised_at: Option<Timestamp>,
    /// When the status last changed.
    status_changed_at: Timestamp,
    /// How the institution saw it when last asked: a word of its own, which decides nothing here.
    institution_status: Option<String>,
    /// Where to send the customer, while there is something for her to approve.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorisation_url: Option<Url>,
    /// What became of the data after the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    erasure: Option<ErasureView>,
}

/// The erasure of what an ended consent brought.
#[derive(Serialize, ToSchema)]
pub(super) struct ErasureView {
    /// When it was complete; null while it is under way. Nothing is readable in either case.
    completed_at: Option<Timestamp>,
    /// Transactions deleted.
    deleted_transactions: Option<i64>,
}

/// A consent with the progress of its latest fetch.
#[derive(Serialize, ToSchema)]
pub(super) struct ConsentDetail {
    #[serde(flatten)]
    consent: ConsentView,
    /// Null until something is fetched.
    fetch: Option<FetchView>,
}

/// How far a fetch is.
#[derive(Serialize, ToSchema)]
pub(super) struct FetchView {
    /// The job.
    job_id: Uuid,
    /// `waiting`, `issued`, `fetching`, `done`, `failed` or `cancelled`.
    state: &'static str,
    /// Why it waits or failed.
    reason: Option<String>,
    /// Answers of the institution that are fetched one by one.
    windows: i64,
    /// How many of them are stored.
    windows_landed: i64,
    /// Transactions stored.
    rows: i64,
}

impl ConsentView {
    pub(super) fn new(api: &Api, record: ConsentRecord) -> Self {
        let authorisation_url = is_open(api, &record).then(|| api.links.authorisation(&record.consent));
        let ended = matches!(record.status, ConsentStatus::Expired | ConsentStatus::Revoked);
        let erasure = ended.then_some(ErasureView {
            completed_at: record.erased_at,
            deleted_transactions: record.deleted_rows,
        });
        let Consent { consent_id, user_id, institution_id, baskets, expires_at, history_from, .. } =
            record.consent;
        Self {
            id: consent_id.uuid(),
            status: record.status.name(),
            user_id: user_id.to_string(),
            institution_id: institution_id.to_string(),
            baskets: baskets.names(),
            expires_at,
            history_from,
            created_at: record.created_at,
            authorised_at: record.authorised_at,
            status_changed_at: record.status_changed_at,
            institution_status: record.institution_status,
            authorisation_url,
            erasure,
        }
    }
}

impl ConsentDetail {
    pub(super) fn new(api: &Api, record: ConsentRecord, progress: Option<JobProgress>) -> Self {
        let fetch = progress.map(|progress| FetchView {
            job_id: progress.job_id.uuid(),
            state: state_name(progress.state),
            reason: progress.reason,
            windows: progress.windows,
            windows_landed: progress.landed,
            rows: progress.rows,
        });
        Self { consent: ConsentView::new(api, record), fetch }
    }
}

fn is_open(api: &Api, record: &ConsentRecord) -> bool {
    crate::authorise::awaits_customer(record.status) && record.consent.expires_at > api.clock.now()
}

fn state_name(state: JobState) -> &'static str {
    match state {
        JobState::Waiting => "waiting",
        JobState::Issued => "issued",
        JobState::Fetching => "fetching",
        JobState::Done => "done",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
    }
}
