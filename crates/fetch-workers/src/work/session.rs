//! An institution asked with a customer's token, which is renewed when it ends.

use std::time::Duration;

use backoff::{ExponentialBuilder, Retryable};
use events::FetchJob;
use institutions::{Access, Error, FetchedAccount, Institution, Page};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use service::Clock;
use store::{Store, StoreError, Tokens};
use tokio::sync::Mutex;
use url::Url;

use super::failure::Failure;
use super::plan::Days;
use crate::metrics;

/// A token that ends sooner than this is renewed first, so that none ends on its way.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// How long one worker may take to renew a token before another one tries.
const LEASE: SignedDuration = SignedDuration::from_secs(90);

/// What may be asked for, page by page.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ask<'a> {
    /// An account's balances.
    Balances(&'a str),
    /// An account's transactions of a span of days: the first page, or the one named.
    Transactions(&'a str, Days, Option<&'a Url>),
}

/// One job's conversation with an institution.
///
/// Its calls are not to be cut off: a token that was rotated and not yet stored would be lost.
pub(crate) struct Session<'a> {
    store: &'a Store,
    clock: &'a Clock,
    institution: &'a Institution,
    job: &'a FetchJob,
    held: Mutex<Held>,
}

struct Held {
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
        let held = Held { tokens: stored(store, job).await?, refused: false };
        Ok(Self { store, clock, institution, job, held: Mutex::new(held) })
    }

    /// The accounts the customer shares.
    pub(crate) async fn accounts(&self) -> Result<Vec<FetchedAccount>, Failure> {
        loop {
            let token = self.token().await?;
            let answer = self.institution.connector().accounts(&self.access(&token)).await;
            if let Some(accounts) = self.judge(&token, answer).await? {
                return Ok(accounts);
            }
        }
    }

    /// One page.
    pub(crate) async fn page(&self, ask: Ask<'_>) -> Result<Page, Failure> {
        loop {
            let token = self.token().await?;
            let (connector, access) = (self.institution.connector(), self.access(&token));
            let answer = match ask {
                Ask::Balances(account) => connector.balances(&access, account).await,
                Ask::Transactions(account, days, next) => {
                    connector.transactions(&access, account, days, next).await
                }
            };
            if let Some(page) = self.judge(&token, answer).await? {
                metrics::page(&self.job.institution_id);
                return Ok(page);
            }
        }
    }

    fn access<'b>(&'b self, token: &'b SecretString) -> Access<'b> {
        Access { token, psu: self.job.psu.as_ref() }
    }

    /// The answer, or none if the token was refused and another one is to be tried: the one that was fetched
    /// meanwhile, or, once, a new one.
    async fn judge<T>(&self, token: &SecretString, answer: Result<T, Error>) -> Result<Option<T>, Failure> {
        if answer.as_ref().err() != Some(&Error::Unauthorised) {
            return Ok(Some(answer?));
        }
        let mut held = self.held.lock().await;
        if is_same(&held.tokens.access, token) {
            if held.refused {
                return Err(Error::Unauthorised.into());
            }
            held.refused = true;
            held.tokens.access_expires_at = Timestamp::MIN;
        }
        Ok(None)
    }

    /// An access token that is good for a while; renewed if it ends soon.
    async fn token(&self) -> Result<SecretString, Failure> {
        let mut held = self.held.lock().await;
        let now = self.clock.now();
        if held.tokens.access_expires_at <= now.saturating_add(MARGIN).unwrap_or(now) {
            held.tokens = self.renew(&held.tokens.access, now).await?;
        }
        Ok(held.tokens.access.clone())
    }

    /// Renews a token and stores what comes before anything else is done with it. One worker at a time: institutions
    /// take a refresh token that is used twice for stolen (RFC 9700 §4.14).
    async fn renew(&self, old: &SecretString, now: Timestamp) -> Result<Tokens, Failure> {
        if !self.store.tokens().claim_refresh(self.job.consent_id, now, LEASE).await? {
            let after = Duration::try_from(LEASE).ok();
            return Err(Failure::Wait { after, reason: "refresh_under_way" });
        }
        let stored = stored(self.store, self.job).await?;
        let tokens = if is_same(&stored.access, old) { self.redeem(stored).await? } else { stored };
        // Tries hard: a rotated token that is lost costs the customer a sign-in.
        let save =
            || async { self.store.tokens().save(self.job.consent_id, &tokens, self.clock.now()).await };
        save.retry(ExponentialBuilder::default().with_jitter()).when(StoreError::is_transient).await?;
        Ok(tokens)
    }

    /// What the institution gives for the refresh token.
    async fn redeem(&self, old: Tokens) -> Result<Tokens, Failure> {
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
            access_expires_at: now.saturating_add(good_for).unwrap_or(Timestamp::MAX),
            refresh: new.refresh.or(Some(refresh)),
            refresh_expires_at: old.refresh_expires_at,
        })
    }
}

fn is_same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

/// The tokens of the job's consent.
async fn stored(store: &Store, job: &FetchJob) -> Result<Tokens, Failure> {
    store.tokens().load(job.consent_id).await?.ok_or(Failure::Reauthorise { reason: "no_tokens" })
}
