//! The ledger of fetch jobs: what waits, what is under way, what has landed. Retries, schedules and back-pressure are
//! all rows here with a time before which they are not issued.

mod attempt;
mod close;
mod enqueue;
mod issue;
mod progress;

use events::{AccountKey, Consent, ConsentId, FetchReason, JobId, PsuPresence, RawKind, TenantId, WindowId};
use jiff::Timestamp;
use jiff::civil::Date;

pub(crate) use close::{cancel_all, finish_done};

use crate::{Store, StoreError};

/// The ledger of fetch jobs and their windows.
pub struct Jobs<'a>(pub(crate) &'a Store);

/// A job to be done.
#[derive(Debug, Clone)]
pub struct NewJob<'a> {
    /// Its id; enqueuing the same id again changes nothing.
    pub job_id: JobId,
    /// Under which consent; the job is void once the consent has another epoch.
    pub consent: &'a Consent,
    /// Why.
    pub reason: FetchReason,
    /// First booking day wanted; none for all that may be had.
    pub from: Option<Date>,
    /// Evidence that the customer is present; sealed.
    pub psu: Option<PsuPresence>,
    /// Not to be issued before.
    pub not_before: Timestamp,
    /// When an attempt issued at `not_before` has to have landed. A later attempt is given the same span.
    pub deadline: Timestamp,
    /// Trace context of what brought it about.
    pub trace: Option<String>,
}

/// What became of a wish to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// It will be done.
    New(JobId),
    /// One is open for the consent; it was made more urgent if it was still waiting.
    Joined(JobId),
    /// Nothing will be fetched: the consent is not active or has another epoch by now.
    Ended,
}

/// What became of overdue jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reissued {
    /// Waiting for another attempt.
    pub again: usize,
    /// Given up.
    pub failed: usize,
}

/// Whether an issued job is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Yes.
    Go,
    /// No: it was done, given up, or issued again meanwhile, or went with the data of its consent.
    Stale,
    /// No: the consent is not active or has another epoch.
    ConsentEnded,
}

/// One window a job will fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowPlan {
    /// Its id.
    pub window_id: WindowId,
    /// Which account.
    pub account_key: AccountKey,
    /// Which of the institution's answers.
    pub kind: RawKind,
    /// First booking day.
    pub from: Option<Date>,
    /// Last booking day.
    pub to: Option<Date>,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Not issued yet, or to be issued again.
    Waiting,
    /// On its topic.
    Issued,
    /// A worker is at it.
    Fetching,
    /// Everything has landed.
    Done,
    /// Given up.
    Failed,
    /// Void, because its consent changed.
    Cancelled,
}

/// How far a consent's latest job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobProgress {
    /// The job.
    pub job_id: JobId,
    /// Where it stands.
    pub state: JobState,
    /// Why it waits, failed or was cancelled, as a code.
    pub reason: Option<String>,
    /// Windows of the current attempt.
    pub windows: i64,
    /// Those that have landed.
    pub landed: i64,
    /// Transactions landed so far.
    pub rows: i64,
}

impl Jobs<'_> {
    /// Queues a job, unless one is open for the consent.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn enqueue(&self, job: &NewJob<'_>) -> Result<Enqueued, StoreError> {
        self.0.within(enqueue::enqueue(self.0, job)).await
    }

    /// Puts due jobs on their topics, the perishable first; none while more than `max_open_windows` windows are under
    /// way. Any number of planners may do so at once. Returns how many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn issue_due(
        &self,
        now: Timestamp,
        max_open_windows: i64,
        limit: i64,
    ) -> Result<usize, StoreError> {
        self.0.within(issue::issue_due(self.0, now, max_open_windows, limit)).await
    }

    /// Lets jobs that did not land in time wait for another attempt, or gives them up as `not_landed_in_time` after
    /// `max_attempts`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn reissue_overdue(
        &self,
        now: Timestamp,
        max_attempts: i32,
        limit: i64,
    ) -> Result<Reissued, StoreError> {
        self.0.within(issue::reissue_overdue(self.0, now, max_attempts, limit)).await
    }

    /// Lets every job under way wait for another attempt at once, without counting it as missed: the broker's log is
    /// known to be lost. Returns how many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn issue_again(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.0.within(issue::issue_again(self.0, now)).await
    }

    /// Asks whether an issued job is still to be done, and marks it as begun.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn begin(&self, job: JobId, attempt: i32, now: Timestamp) -> Result<Begin, StoreError> {
        self.0.within(attempt::begin(self.0, job, attempt, now)).await
    }

    /// Notes the windows that will be published. Again with the same attempt: nothing happens.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the attempt is not the job's current one.
    pub async fn plan(
        &self,
        job: JobId,
        attempt: i32,
        windows: &[WindowPlan],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.0.within(attempt::plan(self.0, job, attempt, windows, now)).await
    }

    /// Closes windows in which the institution had nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn close_empty(
        &self,
        job: JobId,
        attempt: i32,
        windows: &[WindowId],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.0.within(attempt::close_empty(self.0, job, attempt, windows, now)).await
    }

    /// Notes that every window is published; the job is done with its last window.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn all_sent(&self, job: JobId, attempt: i32, now: Timestamp) -> Result<(), StoreError> {
        self.0.within(attempt::all_sent(self.0, job, attempt, now)).await
    }

    /// Lets a job wait until `not_before`, or be issued at once if that is past.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn postpone(
        &self,
        job: JobId,
        attempt: i32,
        not_before: Timestamp,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.0.within(attempt::postpone(self.0, job, attempt, not_before.max(now), reason)).await
    }

    /// Gives a job up.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn fail(
        &self,
        job: JobId,
        attempt: i32,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.0.within(attempt::fail(self.0, job, attempt, reason, now)).await
    }

    /// Windows under way, of all jobs.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn open_windows(&self) -> Result<i64, StoreError> {
        self.0.within(progress::open_windows(self.0)).await
    }

    /// How far the consent's open job is, or its latest.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none, or the consent is another tenant's.
    pub async fn progress(&self, tenant: &TenantId, consent: ConsentId) -> Result<JobProgress, StoreError> {
        self.0.within(progress::progress(self.0, tenant, consent)).await
    }
}
