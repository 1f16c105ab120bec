//! `GET /authorise/{consent}`: from our link to the institution.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use axum_extra::extract::CookieJar;
use institutions::{AuthorisationRequest, ConsentTerms, Error, Institution, RemoteStatus};
use jiff::SignedDuration;
use secrecy::ExposeSecret;
use serde::Deserialize;
use store::{ConsentRecord, ConsentStatus, NewAuthorisation, StoreError};

use super::attempt::{Attempt, sha256};
use super::browser::Browser;
use super::page::Notice;
use super::{awaits_customer, security_event};
use crate::api::Api;
use crate::metrics;

/// How long the customer may take at her institution.
const STATE_LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// The link's key.
#[derive(Deserialize)]
pub(crate) struct LinkQuery {
    key: String,
}

/// Takes a customer's browser to her institution, where she approves or denies the consent. For browsers; the address
/// is `authorisation_url` of the consent.
#[utoipa::path(
    get,
    path = "/authorise/{consent}",
    operation_id = "authorise",
    params(
        ("consent" = String, Path, description = "The consent"),
        ("key" = String, Query, description = "The link's key"),
    ),
    responses(
        (status = 303, description = "To the institution"),
        (status = 200, body = String, content_type = "text/html", description = "It is approved already"),
        (status = 400, body = String, content_type = "text/html", description = "The address is not complete"),
        (status = 404, body = String, content_type = "text/html", description = "The link opens nothing"),
        (status = 410, body = String, content_type = "text/html", description = "There is nothing to approve any more"),
        (status = 502, body = String, content_type = "text/html", description = "The institution does not answer"),
        (status = 503, body = String, content_type = "text/html", description = "Try again"),
    ),
    security(()),
)]
pub(crate) async fn open(
    State(api): State<Api>,
    Path(consent): Path<String>,
    query: Result<Query<LinkQuery>, QueryRejection>,
    jar: CookieJar,
) -> Result<(CookieJar, Redirect), Notice> {
    let Ok(Query(LinkQuery { key })) = query else { return Err(Notice::no_such_link()) };
    let record = opened(&api, &consent, &key).await?;
    let institution =
        api.institutions.get(&record.consent.institution_id).ok_or_else(Notice::no_institution)?;
    let is_https = api.links.is_https();
    let browser = Browser::known_or_new(&jar, is_https).map_err(|error| Notice::internal(&error))?;
    let outset = Outset { api: &api, record: &record, institution: &institution };
    let address = outset.begin(&browser).await?;
    Ok((jar.add(browser.cookie(is_https)), Redirect::to(&address)))
}

/// The consent that the link opens. Whoever made a link up is not told whether there is such a consent.
async fn opened(api: &Api, consent: &str, key: &str) -> Result<ConsentRecord, Notice> {
    let found = match consent.parse() {
        Ok(id) => api.store.consents().find(id).await,
        Err(_) => Err(StoreError::NotFound),
    };
    let record = match found {
        Ok(record) if api.links.opens(&record.consent, key) => record,
        Ok(_) | Err(StoreError::NotFound) => {
            security_event("link_invalid", None);
            return Err(Notice::no_such_link());
        }
        Err(error) => return Err(error.into()),
    };
    let has_ended = record.consent.expires_at <= api.clock.now();
    match record.status {
        status if has_ended && status.is_readable() => Err(Notice::closed(ConsentStatus::Expired)),
        status if awaits_customer(status) && !has_ended => Ok(record),
        status => Err(Notice::closed(status)),
    }
}

/// What a customer sets out with.
struct Outset<'a> {
    api: &'a Api,
    record: &'a ConsentRecord,
    institution: &'a Institution,
}

impl Outset<'_> {
    /// Where her browser is to go.
    async fn begin(&self, browser: &Browser) -> Result<String, Notice> {
        let (api, consent) = (self.api, &self.record.consent);
        let institution_consent = self.institution_consent().await?;
        let attempt = Attempt::new().map_err(|error| Notice::internal(&error))?;
        let secrets = attempt.keep(&institution_consent).map_err(|error| Notice::internal(&error))?;
        let now = api.clock.now();
        let begun = NewAuthorisation {
            consent_id: consent.consent_id,
            state_hash: sha256(attempt.state.expose_secret()),
            browser_hash: browser.hash(),
            secrets: &secrets,
            expires_at: now.saturating_add(STATE_LIFETIME).unwrap_or(now),
            now,
        };
        api.store.authorisations().begin(&begun).await?;
        let request = AuthorisationRequest {
            institution_consent_id: &institution_consent,
            state: attempt.state.expose_secret(),
            nonce: &attempt.nonce(),
            code_challenge: &attempt.code_challenge(),
            redirect_uri: &api.links.callback(),
        };
        let address = self.institution.connector().authorisation_url(&request).await;
        address.map(String::from).map_err(|error| self.failed(&error))
    }

    /// The institution's consent that she is to approve: the one of a former attempt while it can be, or a new one.
    async fn institution_consent(&self) -> Result<String, Notice> {
        let connector = self.institution.connector();
        if let Some(id) = &self.record.institution_consent_id {
            let seen = connector.consent_status(id).await.map_err(|error| self.failed(&error))?;
            if can_be_approved(self.record.status, seen) {
                return Ok(id.clone());
            }
        }
        let consent = &self.record.consent;
        let terms = ConsentTerms {
            baskets: &consent.baskets,
            expires_at: consent.expires_at,
            history_from: consent.history_from,
        };
        let made = connector.create_consent(&terms).await.map_err(|error| self.failed(&error))?;
        // Signing in again does not touch what is remembered before it has succeeded.
        if self.record.status == ConsentStatus::AwaitingAuthorisation {
            let (id, status) = (Some(made.id.as_str()), Some(made.status.name()));
            let now = self.api.clock.now();
            self.api.store.consents().set_institution(consent.consent_id, id, status, now).await?;
        }
        Ok(made.id)
    }

    fn failed(&self, error: &Error) -> Notice {
        let consent = &self.record.consent;
        tracing::warn!(consent = %consent.consent_id, %error, "institution does not take the consent");
        metrics::authorisation(&consent.institution_id, error.code());
        Notice::try_again(self.institution.profile(), error.code(), self.api.links.authorisation(consent))
    }
}

/// A consent that was approved once can be approved again when the customer has to sign in again; one that awaits its
/// first approval must not have been: that approval went elsewhere.
fn can_be_approved(ours: ConsentStatus, institutions: RemoteStatus) -> bool {
    match institutions {
        RemoteStatus::AwaitingAuthorisation => true,
        RemoteStatus::Authorised | RemoteStatus::Cancelled => ours == ConsentStatus::NeedsReauthorisation,
        RemoteStatus::Rejected | RemoteStatus::Expired | RemoteStatus::Gone | RemoteStatus::Unknown => false,
    }
}
