//! UK Open Banking Read/Write 4.0, account information.

#[cfg(test)]
mod tests;
mod wire;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use events::{Basket, Baskets, PsuPresence};
use jiff::Timestamp;
use jiff::civil::Date;
use reqwest::header::{ACCEPT, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::Error;
use crate::connector::{
    Access, AuthorisationRequest, Connector, ConsentTerms, FetchedAccount, InstitutionConsent, Page,
    RemoteStatus, Tokens,
};
use crate::http::{Answer, Http};
use crate::oauth::AuthorisationServer;
use crate::pages::{self, Walk};
use crate::profile::{Profile, ProfileError, QueryDates};

const INTERACTION_ID: HeaderName = HeaderName::from_static("x-fapi-interaction-id");
const CUSTOMER_ADDRESS: HeaderName = HeaderName::from_static("x-fapi-customer-ip-address");
const CUSTOMER_AGENT: HeaderName = HeaderName::from_static("x-customer-user-agent");

/// The scope of account information.
const SCOPE: &str = "accounts";

/// One institution that speaks UK Open Banking.
pub(crate) struct UkOpenBanking {
    http: Arc<Http>,
    server: AuthorisationServer,
    base: Url,
    query_dates: QueryDates,
    page_cap: NonZeroU32,
}

impl UkOpenBanking {
    pub(crate) fn new(profile: &Profile) -> Result<Self, ProfileError> {
        let http = Arc::new(Http::new(profile)?);
        Ok(Self {
            server: AuthorisationServer::new(profile, Arc::clone(&http))?,
            http,
            base: profile.base_url.clone(),
            query_dates: profile.dialect.query_dates,
            page_cap: profile.limits.page_cap,
        })
    }

    /// The address of a resource. Ids come from the bank, so each is one path segment and nothing else.
    fn resource(&self, path: &[&str]) -> Result<Url, Error> {
        if path.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
            return Err(Error::Hostile { what: "an id that is not one" });
        }
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::Hostile { what: "an address without a path" })?
            .pop_if_empty()
            .extend(path);
        Ok(url)
    }

    /// A request about consents, with our own token; once more with a new one if that has ended before its time.
    async fn about_consents(
        &self,
        method: Method,
        url: Url,
        body: Option<&wire::ConsentRequest>,
    ) -> Result<Answer, Error> {
        let ask = async || {
            let token = self.server.own_token(SCOPE).await?;
            let request = self.http.client.request(method.clone(), url.clone());
            let request = signed(request, &token);
            let request = match body {
                Some(body) => request.json(body),
                None => request,
            };
            self.http.send(request).await
        };
        let answer = ask().await?;
        if answer.status.as_u16() != 401 {
            return Ok(answer);
        }
        self.server.forget_own_token().await;
        ask().await
    }

    /// Reads one page of a customer's data.
    async fn read<T>(
        &self,
        url: &Url,
        access: &Access<'_>,
        understand: impl Fn(&Answer) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let request = || {
            let request = signed(self.http.client.get(url.clone()), access.token);
            match access.psu {
                Some(psu) => attended(request, psu),
                None => request,
            }
        };
        self.http.get(request, |answer| understand(&answer)).await
    }

    fn day(&self, day: Date, time: &str) -> String {
        let zone = match self.query_dates {
            QueryDates::Local => "",
            QueryDates::Zoned => "Z",
        };
        format!("{day}T{time}{zone}")
    }
}

#[async_trait]
impl Connector for UkOpenBanking {
    async fn create_consent(&self, terms: &ConsentTerms<'_>) -> Result<InstitutionConsent, Error> {
        let body = wire::ConsentRequest::new(
            permissions(terms.baskets),
            rfc3339(terms.expires_at),
            terms.history_from.map(|day| format!("{day}T00:00:00Z")),
        );
        let url = self.resource(&[CONSENTS])?;
        let answer = ours(self.about_consents(Method::POST, url, Some(&body)).await?.accepted())?;
        let consent = answer.json::<wire::ConsentAnswer>()?.data;
        Ok(InstitutionConsent { id: consent.id, status: wire::status(&consent.status) })
    }

    async fn authorisation_url(&self, request: &AuthorisationRequest<'_>) -> Result<Url, Error> {
        let claims = wire::intent_claims(request.institution_consent_id);
        self.server.authorisation_url(request, "openid accounts", &claims).await
    }

    async fn exchange_code(
        &self,
        code: &str,
        verifier: &SecretString,
        redirect_uri: &Url,
    ) -> Result<Tokens, Error> {
        self.server.exchange(code, verifier, redirect_uri).await
    }

    fn issuer(&self) -> &str {
        &self.server.issuer
    }

    async fn refresh(&self, refresh: &SecretString) -> Result<Tokens, Error> {
        self.server.refresh(refresh).await
    }

    async fn consent_status(&self, id: &str) -> Result<RemoteStatus, Error> {
        let answer = self.about_consents(Method::GET, self.resource(&[CONSENTS, id])?, None).await?;
        // The standard answers 400 for a consent that was deleted (Account Access Consents, Delete).
        if matches!(answer.status.as_u16(), 400 | 404 | 410) {
            return Ok(RemoteStatus::Gone);
        }
        let answer = ours(answer.accepted())?;
        Ok(wire::status(&answer.json::<wire::ConsentAnswer>()?.data.status))
    }

    async fn revoke(&self, id: &str) -> Result<(), Error> {
        let answer = self.about_consents(Method::DELETE, self.resource(&[CONSENTS, id])?, None).await?;
        if matches!(answer.status.as_u16(), 400 | 404 | 410) {
            return Ok(());
        }
        ours(answer.accepted()).map(drop)
    }

    async fn accounts(&self, access: &Access<'_>) -> Result<Vec<FetchedAccount>, Error> {
        let resource = self.resource(&["accounts"])?;
        let mut walk = Walk::new(self.page_cap);
        let mut accounts = Vec::new();
        let mut next = Some(resource.clone());
        while let Some(url) = next.take() {
            let (listed, link) = self.read(&url, access, wire::accounts).await?;
            accounts.extend(listed);
            next = link.map(|link| pages::follow(&resource, &link)).transpose()?;
            next.as_ref().map_or(Ok(()), |next| walk.admit(next))?;
        }
        Ok(accounts)
    }

    async fn balances(&self, access: &Access<'_>, source_account_id: &str) -> Result<Page, Error> {
        let url = self.resource(&["accounts", source_account_id, "balances"])?;
        self.read(&url, access, |answer| wire::page(answer, &url)).await
    }

    async fn transactions(
        &self,
        access: &Access<'_>,
        source_account_id: &str,
        span: (Date, Date),
        next: Option<&Url>,
    ) -> Result<Page, Error> {
        let mut resource = self.resource(&["accounts", source_account_id, "transactions"])?;
        resource
            .query_pairs_mut()
            .append_pair("fromBookingDateTime", &self.day(span.0, "00:00:00"))
            .append_pair("toBookingDateTime", &self.day(span.1, "23:59:59"));
        self.read(next.unwrap_or(&resource), access, |answer| wire::page(answer, &resource)).await
    }
}

const CONSENTS: &str = "account-access-consents";

/// A refusal of our own token says nothing about the customer's.
fn ours(answer: Result<Answer, Error>) -> Result<Answer, Error> {
    answer.map_err(|error| match error {
        Error::Unauthorised => Error::Rejected { status: 401, code: None },
        Error::Forbidden | Error::ConsentGone => Error::Rejected { status: 403, code: None },
        other => other,
    })
}

/// The token and an id of the exchange, which the institution repeats in its answer.
fn signed(request: RequestBuilder, token: &SecretString) -> RequestBuilder {
    let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
    request
        .bearer_auth(token.expose_secret())
        .header(ACCEPT, "application/json")
        .header(INTERACTION_ID, id.to_string())
}

/// The customer's presence. What is not an address is left out: the call then counts as unattended.
fn attended(request: RequestBuilder, psu: &PsuPresence) -> RequestBuilder {
    let Ok(address) = psu.ip_address.parse::<IpAddr>() else { return request };
    let request = request.header(CUSTOMER_ADDRESS, address.to_string());
    match psu.user_agent.as_deref().map(HeaderValue::from_str) {
        Some(Ok(agent)) => request.header(CUSTOMER_AGENT, agent),
        _ => request,
    }
}

/// What each basket is called in the standard. Transactions are asked for in detail, because without it they come
/// without text.
fn permissions(baskets: &Baskets) -> Vec<&'static str> {
    let of = |basket| -> &'static [&'static str] {
        match basket {
            Basket::Accounts => &["ReadAccountsDetail"],
            Basket::Balances => &["ReadBalances"],
            Basket::Transactions => {
                &["ReadTransactionsDetail", "ReadTransactionsCredits", "ReadTransactionsDebits"]
            }
            Basket::Identity => &["ReadParty", "ReadPartyPSU"],
            Basket::Recurring => {
                &["ReadStandingOrdersDetail", "ReadDirectDebits", "ReadScheduledPaymentsDetail"]
            }
            Basket::Cards => &["ReadPAN"],
        }
    };
    baskets.iter().flat_map(of).copied().collect()
}

/// Whole seconds in UTC, rounded down: a consent never ends later than the customer was told.
fn rfc3339(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
