//! `GET /callback`: from the institution back to us.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum_extra::extract::CookieJar;
use events::ConsentId;
use institutions::{Class, Error, Institution, Profile};
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use service::telemetry;
use store::{ConsentRecord, ConsentStatus, StoreError, Taken, Tokens, Transition};
use tracing::{Instrument, Span};

use super::attempt::{Kept, sha256};
use super::browser::Browser;
use super::page::Notice;
use super::{awaits_customer, security_event};
use crate::api::Api;
use crate::metrics;

/// What the institution sends back (RFC 6749 §4.1.2, RFC 9207 §2). What else it sends is passed over.
#[derive(Deserialize)]
pub(crate) struct Answer {
    state: String,
    code: Option<SecretString>,
    error: Option<String>,
    iss: Option<String>,
}

/// Takes a customer's browser back from her institution and records what she decided. For browsers; `<public_url>` with
/// this path is the redirect URI to register at institutions.
#[utoipa::path(
    get,
    path = "/callback",
    operation_id = "callback",
    params(
        ("state" = String, Query, description = "As it was sent to the institution"),
        ("code" = Option<String>, Query, description = "To be redeemed for tokens"),
        ("error" = Option<String>, Query, description = "Why there is no code"),
        ("iss" = Option<String>, Query, description = "Who answers"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "Connected, or not by the customer's choice"),
        (status = 400, body = String, content_type = "text/html", description = "State, browser or issuer do not fit"),
        (status = 410, body = String, content_type = "text/html", description = "The consent has ended meanwhile"),
        (status = 502, body = String, content_type = "text/html", description = "The institution did not finish"),
        (status = 503, body = String, content_type = "text/html", description = "Try again"),
    ),
    security(()),
)]
pub(crate) async fn callback(
    State(api): State<Api>,
    answer: Result<Query<Answer>, QueryRejection>,
    jar: CookieJar,
) -> Result<Notice, Notice> {
    let Ok(Query(answer)) = answer else {
        security_event("callback_malformed", None);
        return Err(Notice::refused("callback_malformed"));
    };
    let browser = Browser::known(&jar, api.links.is_https());
    // A code is good once: when the browser leaves while it is redeemed, the tokens must be kept all the same.
    let work = {
        let api = api.clone();
        async move { Return::of(&api, &answer, browser).await?.finish(&answer).await }
    };
    match api.background.spawn(work.instrument(Span::current())).await {
        Ok(finished) => finished,
        Err(error) => Err(Notice::internal(&error)),
    }
}

/// A customer who has come back, and is believed.
struct Return<'a> {
    api: &'a Api,
    record: ConsentRecord,
    institution: Arc<Institution>,
    kept: Kept,
}

impl<'a> Return<'a> {
    /// Believes her only if state, browser and issuer fit. The state is used up by it either way.
    async fn of(api: &'a Api, answer: &Answer, browser: Option<Browser>) -> Result<Self, Notice> {
        let taken = api.store.authorisations().take(&sha256(&answer.state), api.clock.now()).await?;
        let (consent, browser_hash, secrets) = match taken {
            Taken::Valid { consent_id, browser_hash, secrets } => (consent_id, browser_hash, secrets),
            Taken::Used => return Err(refused("state_used", None)),
            Taken::Expired => return Err(refused("state_expired", None)),
            Taken::Unknown => return Err(refused("state_unknown", None)),
        };
        if !browser.is_some_and(|browser| browser.is(&browser_hash)) {
            return Err(refused("other_browser", Some(consent)));
        }
        let record = api.store.consents().find(consent).await?;
        let institution =
            api.institutions.get(&record.consent.institution_id).ok_or_else(Notice::no_institution)?;
        if answer.iss.as_deref().is_some_and(|issuer| issuer != institution.connector().issuer()) {
            return Err(refused("issuer_mismatch", Some(consent)));
        }
        let kept = Kept::read(&secrets).map_err(|error| Notice::internal(&error))?;
        Ok(Self { api, record, institution, kept })
    }

    /// Records what she decided.
    async fn finish(self, answer: &Answer) -> Result<Notice, Notice> {
        let has_ended = self.record.consent.expires_at <= self.api.clock.now();
        if has_ended || !awaits_customer(self.record.status) {
            return Err(Notice::closed(if has_ended { ConsentStatus::Expired } else { self.record.status }));
        }
        match (&answer.code, answer.error.as_deref()) {
            (Some(code), None) => self.redeem(code).await,
            (None, Some(error)) => self.not_approved(error).await,
            _ => Err(refused("callback_malformed", Some(self.id()))),
        }
    }

    async fn redeem(&self, code: &SecretString) -> Result<Notice, Notice> {
        let redirect_uri = self.api.links.callback();
        let connector = self.institution.connector();
        let redeemed =
            connector.exchange_code(code.expose_secret(), &self.kept.verifier, &redirect_uri).await;
        let tokens = match redeemed {
            Ok(tokens) => tokens,
            Err(error) => return Err(self.not_redeemed(&error).await?),
        };
        match self.activate(tokens).await {
            Ok(()) => Ok(Notice::connected(self.profile())),
            Err(error) => {
                self.give_back(&error).await;
                Err(error.into())
            }
        }
    }

    /// The tokens are stored before anything else is done with them.
    async fn activate(&self, tokens: institutions::Tokens) -> Result<(), StoreError> {
        let (store, now) = (&self.api.store, self.api.clock.now());
        let good_for = SignedDuration::try_from(tokens.access_expires_in).unwrap_or(SignedDuration::MAX);
        let tokens = Tokens {
            access: tokens.access,
            access_expires_at: now.saturating_add(good_for).unwrap_or(now),
            refresh: tokens.refresh,
            refresh_expires_at: None,
        };
        store.tokens().save(self.id(), &tokens, now).await?;
        let institution_consent = Some(self.kept.institution_consent.as_str());
        store.consents().set_institution(self.id(), institution_consent, Some("authorised"), now).await?;
        self.become_(ConsentStatus::Active, "user", None).await?;
        metrics::authorisation(&self.record.consent.institution_id, "authorised");
        Ok(())
    }

    /// A consent that has ended in the meantime is not left open at the institution.
    async fn give_back(&self, error: &StoreError) {
        if error.is_transient() {
            return;
        }
        let revoked = self.institution.connector().revoke(&self.kept.institution_consent).await;
        let revoked = revoked.map_or_else(|error| error.code(), |()| "revoked");
        tracing::warn!(consent = %self.id(), revoked, "consent ended while it was approved");
    }

    /// The code could not be redeemed: whoever only has to begin again may, else the consent has failed.
    async fn not_redeemed(&self, error: &Error) -> Result<Notice, Notice> {
        tracing::warn!(consent = %self.id(), %error, "code was not redeemed");
        match error.class() {
            Class::Retry | Class::Later(_) | Class::Reauthorise => Ok(self.try_again(error.code())),
            Class::GiveUp => self.failed(error.code()).await,
        }
    }

    /// The institution sent no code (RFC 6749 §4.1.2.1; `OpenID` Connect Core §3.1.2.6).
    async fn not_approved(&self, error: &str) -> Result<Notice, Notice> {
        match error {
            "access_denied" | "consent_required" => self.denied().await,
            "temporarily_unavailable" | "server_error" => Ok(self.try_again("institution_unavailable")),
            "login_required" | "interaction_required" => Ok(self.try_again("authorisation_not_finished")),
            _ => {
                tracing::warn!(consent = %self.id(), "institution refused the authorisation request");
                self.failed("request_rejected").await
            }
        }
    }

    async fn denied(&self) -> Result<Notice, Notice> {
        self.end(ConsentStatus::Denied, "user", "access_denied").await?;
        Ok(Notice::denied(self.profile()))
    }

    async fn failed(&self, code: &'static str) -> Result<Notice, Notice> {
        self.end(ConsentStatus::Failed, "institution", code).await?;
        Ok(Notice::failed(self.profile(), code))
    }

    /// Ends a consent that was never approved. One that only had to be approved again goes on as it was.
    async fn end(&self, to: ConsentStatus, actor: &str, reason: &'static str) -> Result<(), StoreError> {
        metrics::authorisation(&self.record.consent.institution_id, reason);
        if self.record.status == ConsentStatus::AwaitingAuthorisation {
            self.become_(to, actor, Some(reason)).await?;
        }
        Ok(())
    }

    fn try_again(&self, code: &'static str) -> Notice {
        metrics::authorisation(&self.record.consent.institution_id, code);
        Notice::try_again(self.profile(), code, self.api.links.authorisation(&self.record.consent))
    }

    async fn become_(
        &self,
        to: ConsentStatus,
        actor: &str,
        reason: Option<&str>,
    ) -> Result<ConsentRecord, StoreError> {
        let trace = telemetry::current_traceparent();
        let step = Transition { to, actor, reason, now: self.api.clock.now(), trace: trace.as_deref() };
        self.api.store.consents().transition(self.id(), &step).await
    }

    fn id(&self) -> ConsentId {
        self.record.consent.consent_id
    }

    fn profile(&self) -> &Profile {
        self.institution.profile()
    }
}

fn refused(code: &'static str, consent: Option<ConsentId>) -> Notice {
    security_event(code, consent);
    Notice::refused(code)
}
