//! What becomes of a fetch job that was issued.

mod failure;
mod plan;
mod read;
mod session;
#[cfg(test)]
mod tests;
mod windows;

use std::collections::HashSet;
use std::time::Duration;

use events::{AccountKey, FetchJob};
use institutions::{FetchedAccount, Institution, Institutions};
use jiff::SignedDuration;
use secrecy::ExposeSecret;
use service::Clock;
use stage_runner::{Done, Emitter, Fault, Inbound, Work};
use store::{Begin, ConsentStatus, LinkedAccount, Store, StoreError, Transition};

use self::failure::{Failure, growing, wait};
use self::session::Session;
use self::windows::{Account, Outlet, Windows};
use crate::metrics;

/// How long a job waits here for a place at its institution before it is given back to the ledger: long enough for a
/// place to become free where answers are quick, and not so long that jobs of a slow institution fill the worker.
const QUEUE: Duration = Duration::from_secs(5);

/// Fetches what jobs ask for.
pub(crate) struct Worker {
    pub(crate) store: Store,
    pub(crate) institutions: Institutions,
    pub(crate) clock: Clock,
    /// How often a job is tried whose answers cannot be used.
    pub(crate) max_attempts: i32,
}

impl Work for Worker {
    type In = FetchJob;

    async fn handle(&self, message: &Inbound<FetchJob>, out: &Emitter) -> Result<Done, Fault> {
        match &message.value {
            Some(job) => self.attend(job, out).await,
            None => Ok(Done::Drop { reason: "tombstone" }),
        }
    }
}

impl Worker {
    /// Does a job, unless it is void.
    async fn attend(&self, job: &FetchJob, out: &impl Outlet) -> Result<Done, Fault> {
        let now = self.clock.now();
        if job.deadline < now {
            return Ok(Done::Drop { reason: "past_deadline" });
        }
        match self.store.jobs().begin(job.job_id, job.attempt, now).await {
            Ok(Begin::Go) => self.settle(job, self.fetch(job, out).await).await,
            Ok(Begin::Stale) | Err(StoreError::NotFound) => Ok(Done::Drop { reason: "stale" }),
            Ok(Begin::ConsentEnded) => Ok(Done::Drop { reason: "consent_ended" }),
            Err(error) => Err(error.into()),
        }
    }

    /// Everything, from the consent to the last window.
    async fn fetch(&self, job: &FetchJob, out: &impl Outlet) -> Result<(), Failure> {
        let Self { store, clock, institutions, .. } = self;
        let record = store.consents().find(job.consent_id).await?;
        let institution =
            institutions.get(&job.institution_id).ok_or(Failure::GiveUp { reason: "unknown_institution" })?;
        let _place = tokio::time::timeout(QUEUE, institution.places().acquire())
            .await
            .map_err(|_| Failure::Wait { after: Some(QUEUE), reason: "institution_busy" })?;
        let session = Session::open(store, clock, &institution, job).await?;
        let fetched = session.accounts().await?;
        let accounts = self.link(job, &institution, fetched).await?;
        let key = store.vault().data_key(job.consent_id).await?;
        let consent = &record.consent;
        let windows = Windows { store, clock, institution: &institution, job, consent, key, out };
        windows.send_all(&session, &accounts).await
    }

    /// Notes which accounts the consent covers; nothing of an account lands before. An account whose currency nobody
    /// knows is left out, and one that is listed twice counts once.
    async fn link(
        &self,
        job: &FetchJob,
        institution: &Institution,
        fetched: Vec<FetchedAccount>,
    ) -> Result<Vec<Account>, Failure> {
        let (mut accounts, mut links, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for account in fetched {
            let key = self.key(job, &account);
            let stated = account.currency.as_deref().and_then(|code| code.parse().ok());
            let Some(currency) = stated.or_else(|| institution.profile().dialect.currency) else {
                tracing::warn!(job = %job.job_id, account = %key, "account without a known currency is left out");
                continue;
            };
            if job.account_key.is_none_or(|wanted| wanted == key) && seen.insert(key) {
                let source_account_id = account.source_account_id.clone();
                links.push(LinkedAccount { account_key: key, source_account_id, currency });
                accounts.push(Account { key, fetched: account });
            }
        }
        self.store.accounts().link(job.consent_id, &links, self.clock.now()).await?;
        Ok(accounts)
    }

    fn key(&self, job: &FetchJob, account: &FetchedAccount) -> AccountKey {
        AccountKey::derive(
            self.store.pseudonym_secret(),
            (&job.tenant_id, &job.user_id),
            &job.institution_id,
            account.identification.expose_secret(),
        )
    }

    /// Writes into the ledger how the attempt ended. Only a fault of our own keeps the message.
    async fn settle(&self, job: &FetchJob, ended: Result<(), Failure>) -> Result<Done, Fault> {
        let attempts_left = job.attempt < self.max_attempts;
        let (reason, written) = match ended {
            Ok(()) => ("sent", Ok(())),
            Err(Failure::World(fault)) => return Err(fault),
            Err(Failure::Overtaken) => return Ok(Done::Drop { reason: "overtaken" }),
            Err(Failure::Wait { after, reason }) => (reason, self.postpone(job, wait(after), reason).await),
            Err(Failure::GiveUp { reason }) if !attempts_left => (reason, self.fail(job, reason).await),
            Err(Failure::Retry { reason } | Failure::GiveUp { reason }) => {
                (reason, self.postpone(job, growing(job.attempt), reason).await)
            }
            Err(Failure::Reauthorise { reason }) => (reason, self.ask_to_sign_in(job, reason).await),
        };
        metrics::job(&job.institution_id, reason);
        if reason != "sent" {
            let (id, institution, attempt) = (job.job_id, &job.institution_id, job.attempt);
            tracing::warn!(job = %id, %institution, attempt, reason, "job {id} did not get its data: {reason}");
        }
        match written.map_err(Failure::from) {
            Ok(()) => Ok(Done::Ok),
            Err(Failure::World(fault)) => Err(fault),
            Err(_) => Ok(Done::Drop { reason: "overtaken" }),
        }
    }

    async fn postpone(
        &self,
        job: &FetchJob,
        wait: SignedDuration,
        reason: &'static str,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let not_before = now.saturating_add(wait).unwrap_or(now);
        self.store.jobs().postpone(job.job_id, job.attempt, not_before, reason, now).await
    }

    async fn fail(&self, job: &FetchJob, reason: &'static str) -> Result<(), StoreError> {
        self.store.jobs().fail(job.job_id, job.attempt, reason, self.clock.now()).await
    }

    /// Stops fetching until the customer has signed in again; what is stored stays. Not if she has meanwhile, which
    /// makes the job void.
    async fn ask_to_sign_in(&self, job: &FetchJob, reason: &'static str) -> Result<(), StoreError> {
        let to = ConsentStatus::NeedsReauthorisation;
        let now = self.clock.now();
        if self.store.jobs().begin(job.job_id, job.attempt, now).await? != Begin::Go {
            return Ok(());
        }
        let trace = service::telemetry::current_traceparent();
        let step =
            Transition { to, actor: "institution", reason: Some(reason), now, trace: trace.as_deref() };
        self.store.consents().transition(job.consent_id, &step).await?;
        self.fail(job, reason).await
    }
}
