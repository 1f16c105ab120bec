//! The institution's authorisation server: OAuth 2 with PKCE and `client_secret_basic`.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use crate::Error;
use crate::connector::{AuthorisationRequest, Tokens};
use crate::http::Http;
use crate::profile::{Profile, ProfileError};

/// Gets tokens from one institution.
pub(crate) struct AuthorisationServer {
    http: Arc<Http>,
    pub(crate) issuer: String,
    client_id: String,
    client_secret: SecretString,
    endpoints: OnceCell<Endpoints>,
    own: Mutex<Option<OwnToken>>,
}

/// Where browsers go and where codes are redeemed.
#[derive(Debug, Clone)]
struct Endpoints {
    authorization: Url,
    token: Url,
}

/// The token that opens consents rather than customers' data.
struct OwnToken {
    access: SecretString,
    good_until: Instant,
}

/// Tokens are renewed a little before they end, so that none ends on its way.
const MARGIN: Duration = Duration::from_secs(10);

impl AuthorisationServer {
    pub(crate) fn new(profile: &Profile, http: Arc<Http>) -> Result<Self, ProfileError> {
        let client = &profile.client;
        let secret = client
            .secret
            .read()
            .map_err(|source| ProfileError::Secret { profile: profile.id.clone(), source })?;
        let configured = client.authorization_endpoint.clone().zip(client.token_endpoint.clone());
        let configured = configured.map(|(authorization, token)| Endpoints { authorization, token });
        Ok(Self {
            http,
            issuer: client.issuer.clone(),
            client_id: client.id.clone(),
            client_secret: secret,
            endpoints: OnceCell::new_with(configured),
            own: Mutex::new(None),
        })
    }

    /// The authorisation endpoint with a request for this consent (`OpenID` Connect Core §3.1.2.1), to which the
    /// standard adds its own `scope` and `claims`.
    pub(crate) async fn authorisation_url(
        &self,
        request: &AuthorisationRequest<'_>,
        scope: &str,
        claims: &str,
    ) -> Result<Url, Error> {
        let mut url = self.endpoints().await?.authorization.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", request.redirect_uri.as_str())
            .append_pair("scope", scope)
            .append_pair("state", request.state)
            .append_pair("nonce", request.nonce)
            .append_pair("code_challenge", request.code_challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("claims", claims);
        Ok(url)
    }

    /// Redeems a code.
    pub(crate) async fn exchange(
        &self,
        code: &str,
        verifier: &SecretString,
        redirect_uri: &Url,
    ) -> Result<Tokens, Error> {
        self.redeem(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri.as_str()),
            ("code_verifier", verifier.expose_secret()),
        ])
        .await
    }

    /// Redeems a refresh token.
    pub(crate) async fn refresh(&self, refresh: &SecretString) -> Result<Tokens, Error> {
        self.redeem(&[("grant_type", "refresh_token"), ("refresh_token", refresh.expose_secret())]).await
    }

    /// Our own token for `scope`, fetched once and kept while it is good.
    pub(crate) async fn own_token(&self, scope: &str) -> Result<SecretString, Error> {
        let mut own = self.own.lock().await;
        if let Some(token) = own.as_ref().filter(|token| token.good_until > Instant::now()) {
            return Ok(token.access.clone());
        }
        let fresh = self.redeem(&[("grant_type", "client_credentials"), ("scope", scope)]).await?;
        let good_for = fresh.access_expires_in.saturating_sub(MARGIN);
        *own = Some(OwnToken { access: fresh.access.clone(), good_until: Instant::now() + good_for });
        Ok(fresh.access)
    }

    /// Makes the next call of [`Self::own_token`] fetch a new one.
    pub(crate) async fn forget_own_token(&self) {
        *self.own.lock().await = None;
    }

    /// One request to the token endpoint, sent once: whether it had an effect cannot be known after a failure.
    async fn redeem(&self, form: &[(&str, &str)]) -> Result<Tokens, Error> {
        let request = self
            .http
            .client
            .post(self.endpoints().await?.token.clone())
            .basic_auth(encoded(&self.client_id), Some(encoded(self.client_secret.expose_secret())))
            .header(reqwest::header::ACCEPT, "application/json")
            .form(form);
        let answer = self.http.send(request).await?;
        // A refused client (401) is our registration's fault, not the customer's.
        match (answer.status.as_u16(), answer.code()) {
            (200, _) => answer.json::<TokenAnswer>()?.try_into(),
            (400, Some(code)) if code == "invalid_grant" => Err(Error::Unauthorised),
            (status @ 400..=403, code) => Err(Error::Rejected { status, code }),
            _ => Err(answer.accepted().err().unwrap_or(Error::Malformed { what: "token status" })),
        }
    }

    async fn endpoints(&self) -> Result<&Endpoints, Error> {
        self.endpoints.get_or_try_init(|| self.discover()).await
    }

    /// Reads the server's metadata (`OpenID` Connect Discovery §4) and trusts only what stays at the
    /// issuer's host.
    async fn discover(&self) -> Result<Endpoints, Error> {
        let invalid = |_| Error::Malformed { what: "issuer" };
        let issuer: Url = self.issuer.parse().map_err(invalid)?;
        let well_known = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let address: Url = well_known.parse().map_err(invalid)?;
        let metadata = self
            .http
            .get(|| self.http.client.get(address.clone()), |answer| answer.json::<Metadata>())
            .await?;
        let home = |url: &Url| url.host() == issuer.host() && url.scheme() == issuer.scheme();
        if metadata.issuer != self.issuer
            || !home(&metadata.authorization_endpoint)
            || !home(&metadata.token_endpoint)
        {
            return Err(Error::Hostile { what: "metadata of another server" });
        }
        Ok(Endpoints { authorization: metadata.authorization_endpoint, token: metadata.token_endpoint })
    }
}

/// RFC 6749 §2.3.1 asks for form encoding before the base64.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
}

/// RFC 6749 §5.1.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    token_type: String,
    #[serde(default = "a_minute")]
    expires_in: u64,
    #[serde(default)]
    refresh_token: Option<SecretString>,
}

/// A server that does not say how long its token lasts is asked again soon.
fn a_minute() -> u64 {
    60
}

impl TryFrom<TokenAnswer> for Tokens {
    type Error = Error;

    fn try_from(answer: TokenAnswer) -> Result<Self, Error> {
        if !answer.token_type.eq_ignore_ascii_case("bearer") {
            return Err(Error::Malformed { what: "token type" });
        }
        Ok(Self {
            access: answer.access_token,
            access_expires_in: Duration::from_secs(answer.expires_in),
            refresh: answer.refresh_token,
        })
    }
}
