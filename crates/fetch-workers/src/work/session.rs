//! An institution asked with a customer's token, which is renewed when it ends.

use std::time::Duration;

use backoff::{ExponentialBuilder, Retryable};
use events::FetchJob;
use institutions::{Access, Error, FetchedAccount, Institution, Page};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use service::Clock;
use store::{Store, StoreError, Tokens};
use url::Url;

use super::failure::Failure;
use super::plan::Days;
use crate::metrics;

/// A token that ends sooner than this is renewed first, so that none ends on its way.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// How long one worker may take to renew a token before another one tries.
const LEASE: Duration = Duration::from_secs(90);

/// What may be asked for, page by page.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ask<'a> {
    /// An account's balances.
    Balances(&'a str),
    /// An account's transactions of a span of days: the first page, or the one named.
    Transactions(&'a str, Days, Option<&'a Url>),
}

/// One job's conversation with an institution.
pub(crate) struct Session<'a> {
    store: &'a Store,
    clock: &'a Clock,
    institution: &'a Institution,
    job: &'a FetchJob,
    tokens: Tokens,
    /// Whether a token that should have been good was refused before; twice means the customer has to sign in.
    refused: bool,
}

impl<'a> Session<'a> {
    /// Begins with the tokens that are stored.
    pub(crate) async fn open(
        store: &'a Store,
        clock: &'a Clock,
        institution: &'a Institution,
        job: &'a FetchJob,
    ) -> Result<Self, Failure> {
        let tokens = stored(store, job).await?;
        Ok(Self { store, clock, institution, job, tokens, refused: false })
    }

    /// The accounts the customer shares.
    pub(crate) async fn accounts(&mut self) -> Result<Vec<FetchedAccount>, Failure> {
        loop {
            self.freshen().await?;
            let answer = self.institution.connector().accounts(&self.access()).await;
            if let Some(accounts) = self.judge(answer)? {
                return Ok(accounts);
            }
        }
    }

    /// One page.
    pub(crate) async fn page(&mut self, ask: Ask<'_>) -> Result<Page, Failure> {
        loop {
            self.freshen().await?;
            let (connector, access) = (self.institution.connector(), self.access());
            let answer = match ask {
                Ask::Balances(account) => connector.balances(&access, account).await,
                Ask::Transactions(account, days, next) => {
                    connector.transactions(&access, account, days, next).await
                }
            };
            if let Some(page) = self.judge(answer)? {
                metrics::page(&self.job.institution_id);
                return Ok(page);
            }
        }
    }

    fn access(&self) -> Access<'_> {
        Access { token: &self.tokens.access, psu: self.job.psu.as_ref() }
    }

    /// The answer, or none if the token was refused for the first time: it then counts as ended, to be renewed.
    fn judge<T>(&mut self, answer: Result<T, Error>) -> Result<Option<T>, Failure> {
        match answer {
            Err(Error::Unauthorised) if !self.refused => {
                self.refused = true;
                self.tokens.access_expires_at = Timestamp::MIN;
                Ok(None)
            }
            other => Ok(Some(other?)),
        }
    }

    /// Renews the token if it ends soon. One worker at a time: institutions take a refresh token that is used twice
    /// for stolen (RFC 9700 §4.14).
    async fn freshen(&mut self) -> Result<(), Failure> {
        let now = self.clock.now();
        if self.tokens.access_expires_at > now.saturating_add(MARGIN).unwrap_or(now) {
            return Ok(());
        }
        let lease = SignedDuration::try_from(LEASE).unwrap_or(SignedDuration::ZERO);
        if !self.store.tokens().claim_refresh(self.job.consent_id, now, lease).await? {
            return Err(Failure::Wait { after: Some(LEASE), reason: "refresh_under_way" });
        }
        let stored = stored(self.store, self.job).await?;
        let renewed_meanwhile = stored.access.expose_secret() != self.tokens.access.expose_secret();
        self.tokens = if renewed_meanwhile { stored } else { self.renewed(stored).await? };
        self.keep().await
    }

    /// What the institution gives for the refresh token.
    async fn renewed(&self, old: Tokens) -> Result<Tokens, Failure> {
        let refresh = old.refresh.ok_or(Failure::Reauthorise { reason: "no_refresh_token" })?;
        let new = match self.institution.connector().refresh(&refresh).await {
            // It may have rotated the token without our seeing the answer. Once more: if it did, it says so now.
            Err(error) if error.is_uncertain() => self.institution.connector().refresh(&refresh).await?,
            decided => decided?,
        };
        let now = self.clock.now();
        let good_for = SignedDuration::try_from(new.access_expires_in).unwrap_or(SignedDuration::MAX);
        Ok(Tokens {
            access: new.access,
            access_expires_at: now.saturating_add(good_for).unwrap_or(now),
            refresh: new.refresh.or(Some(refresh)),
            refresh_expires_at: old.refresh_expires_at,
        })
    }

    /// Stores the tokens before anything else is done with them; tries hard, because a rotated token that is lost
    /// costs the customer a sign-in.
    async fn keep(&self) -> Result<(), Failure> {
        let save =
            || async { self.store.tokens().save(self.job.consent_id, &self.tokens, self.clock.now()).await };
        Ok(save.retry(ExponentialBuilder::default().with_jitter()).when(StoreError::is_transient).await?)
    }
}

/// The tokens of the job's consent.
async fn stored(store: &Store, job: &FetchJob) -> Result<Tokens, Failure> {
    store.tokens().load(job.consent_id).await?.ok_or(Failure::Reauthorise { reason: "no_tokens" })
}
