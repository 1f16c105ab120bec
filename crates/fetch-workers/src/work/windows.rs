//! A job's windows: planned in the ledger, read page by page, sealed, sent.

use events::{
    AccountKey, Basket, Consent, FetchJob, FetchOutcome, Outbound, OutcomeKind, RawKind, RawWindow, WindowId,
    topics,
};
use futures_util::future::join_all;
use institutions::{FetchedAccount, Institution};
use service::Clock;
use stage_runner::{Emitter, Fault};
use store::{DataKey, Store, WindowPlan};
use uuid::Uuid;

use super::failure::Failure;
use super::plan::{self, Days};
use super::read::Read;
use super::session::{Ask, Session};

/// Where windows go: to their topic.
pub(crate) trait Outlet: Sync {
    /// Sends one message and waits until it is delivered.
    fn send(&self, message: Outbound) -> impl Future<Output = Result<(), Fault>> + Send;
}

impl Outlet for Emitter {
    async fn send(&self, message: Outbound) -> Result<(), Fault> {
        Self::send(self, message).await
    }
}

/// What the windows of one job have in common.
pub(crate) struct Windows<'a, O> {
    pub(crate) store: &'a Store,
    pub(crate) clock: &'a Clock,
    pub(crate) institution: &'a Institution,
    pub(crate) job: &'a FetchJob,
    pub(crate) consent: &'a Consent,
    pub(crate) key: DataKey,
    pub(crate) out: &'a O,
}

/// One account of the job.
pub(crate) struct Account {
    pub(crate) key: AccountKey,
    pub(crate) fetched: FetchedAccount,
}

impl<O: Outlet> Windows<'_, O> {
    /// Plans and sends everything the consent's baskets cover, all accounts at once and each one's windows in turn.
    pub(crate) async fn send_all(&self, session: &Session<'_>, accounts: &[Account]) -> Result<(), Failure> {
        let today = self.clock.now().to_zoned(self.institution.profile().time_zone.clone()).date();
        let wanted = self.job.from.max(self.consent.history_from);
        let spans = plan::spans(self.institution.profile(), wanted, today);
        let plans: Vec<_> = accounts.iter().map(|account| self.plan(account.key, &spans)).collect();
        self.note(&plans.concat()).await?;
        let sent =
            accounts.iter().zip(&plans).map(|(account, plans)| self.send_account(session, account, plans));
        // Each goes on to its end: one that fails must not cut off another that is renewing the token.
        join_all(sent).await.into_iter().collect::<Result<(), _>>()?;
        Ok(self.store.jobs().all_sent(self.job.job_id, self.job.attempt, self.clock.now()).await?)
    }

    async fn send_account(
        &self,
        session: &Session<'_>,
        account: &Account,
        plans: &[WindowPlan],
    ) -> Result<(), Failure> {
        for window in plans {
            match self.send(session, account, window).await {
                Err(Failure::GiveUp { reason: FORBIDDEN }) => self.leave_out(window).await?,
                other => other?,
            }
        }
        Ok(())
    }

    fn plan(&self, account: AccountKey, spans: &[Days]) -> Vec<WindowPlan> {
        let has = |basket| self.consent.baskets.contains(basket);
        let mut plans = vec![self.window(account, RawKind::Account, None)];
        if has(Basket::Balances) {
            plans.push(self.window(account, RawKind::Balances, None));
        }
        if has(Basket::Transactions) {
            let days = spans.iter().map(|days| self.window(account, RawKind::Transactions, Some(*days)));
            plans.extend(days);
        }
        plans
    }

    fn window(&self, account_key: AccountKey, kind: RawKind, days: Option<Days>) -> WindowPlan {
        let (from, to) = days.unzip();
        let window_id = WindowId::derive(self.job.job_id, account_key, kind.name(), from);
        WindowPlan { window_id, account_key, kind, from, to }
    }

    async fn note(&self, plans: &[WindowPlan]) -> Result<(), Failure> {
        Ok(self.store.jobs().plan(self.job.job_id, self.job.attempt, plans, self.clock.now()).await?)
    }

    /// Reads one window and publishes it, in two if it is too large for one. An empty one goes as well: that nothing is
    /// there ends what was pending there.
    async fn send(
        &self,
        session: &Session<'_>,
        account: &Account,
        window: &WindowPlan,
    ) -> Result<(), Failure> {
        let mut left = vec![window.clone()];
        while let Some(window) = left.pop() {
            let Some(read) = self.read(session, account, &window).await? else {
                left.extend(self.halve(&window).await?);
                continue;
            };
            if !self.publish(account, &window, read).await? {
                left.extend(self.halve(&window).await?);
            }
        }
        Ok(())
    }

    /// All pages of a window, or none if they are too many.
    async fn read(
        &self,
        session: &Session<'_>,
        account: &Account,
        window: &WindowPlan,
    ) -> Result<Option<Read>, Failure> {
        let id = account.fetched.source_account_id.as_str();
        let days = match (window.kind, window.from, window.to) {
            (RawKind::Account, ..) => return Ok(Some(Read::account(&account.fetched))),
            (RawKind::Transactions, Some(from), Some(to)) => (from, to),
            _ => return Ok(Some(Read::default().with(session.page(Ask::Balances(id)).await?).0)),
        };
        let (mut walk, mut next, mut read) = (self.institution.walk(), None, Read::default());
        loop {
            let page = session.page(Ask::Transactions(id, days, next.as_ref())).await?;
            (read, next) = read.with(page);
            if read.is_too_large() {
                return Ok(None);
            }
            match &next {
                Some(next) => walk.admit(next)?,
                None => return Ok(Some(read)),
            }
        }
    }

    /// Seals and sends a window; not if it is too large for the topic.
    async fn publish(&self, account: &Account, window: &WindowPlan, read: Read) -> Result<bool, Failure> {
        let fetched_at = self.clock.now();
        let interaction_id = read.interaction_id.clone();
        let Some(payload) = read.sealed(self.key.clone(), window.window_id).await? else {
            return Ok(false);
        };
        let job = self.job;
        let raw = RawWindow {
            window_id: window.window_id,
            job_id: job.job_id,
            attempt: job.attempt,
            kind: window.kind,
            standard: self.institution.profile().standard.name().to_owned(),
            consent_id: job.consent_id,
            epoch: job.epoch,
            tenant_id: job.tenant_id.clone(),
            user_id: job.user_id.clone(),
            institution_id: job.institution_id.clone(),
            account_key: account.key,
            source_account_id: account.fetched.source_account_id.clone(),
            from: window.from,
            to: window.to,
            complete: true,
            fetched_at,
            interaction_id,
            payload,
        };
        let message = Outbound::record(&topics::RAW_WINDOWS, account.key.uuid(), self.event(window), &raw);
        self.out.send(message.map_err(Fault::from)?).await?;
        Ok(true)
    }

    /// Plans the two halves of a window that is too large. The older half keeps the window's id, which is made of its
    /// first day.
    async fn halve(&self, window: &WindowPlan) -> Result<[WindowPlan; 2], Failure> {
        let halves = window.from.zip(window.to).and_then(plan::halves);
        let halves = halves.ok_or(Failure::GiveUp { reason: "window_too_large" })?;
        let plans = halves.map(|days| self.window(window.account_key, window.kind, Some(days)));
        self.note(&plans).await?;
        Ok(plans)
    }

    /// Nothing will come of a window.
    async fn close(&self, window: &WindowPlan) -> Result<(), Failure> {
        let (job, now) = (self.job, self.clock.now());
        Ok(self.store.jobs().close_empty(job.job_id, job.attempt, &[window.window_id], now).await?)
    }

    /// The institution does not serve this under the consent: others go on, and whoever waits is told.
    async fn leave_out(&self, window: &WindowPlan) -> Result<(), Failure> {
        self.close(window).await?;
        let job = self.job;
        let outcome = FetchOutcome {
            job_id: job.job_id,
            consent_id: job.consent_id,
            tenant_id: job.tenant_id.clone(),
            user_id: job.user_id.clone(),
            account_key: Some(window.account_key),
            outcome: OutcomeKind::Skipped,
            reason: Some(format!("{FORBIDDEN}_{}", window.kind.name())),
            rows: 0,
            occurred_at: self.clock.now(),
        };
        let consent = job.consent_id.uuid();
        let message = Outbound::record(&topics::FETCH_OUTCOMES, consent, self.event(window), &outcome);
        Ok(self.out.send(message.map_err(Fault::from)?).await?)
    }

    /// Duplicates of what one attempt tells about a window carry the same event id.
    fn event(&self, window: &WindowPlan) -> Uuid {
        Uuid::new_v5(&window.window_id.uuid(), &self.job.attempt.to_be_bytes())
    }
}

/// The reason of [`institutions::Error::Forbidden`].
const FORBIDDEN: &str = "forbidden";
