//! The token endpoint (RFC 6749 §4.1.3, §4.4, §6; PKCE: RFC 7636).

use std::collections::BTreeMap;

use aws_lc_rs::{digest, hmac};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Form, Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::basic::is_client;
use super::faults::{Endpoint, Fault, Kind};
use super::vault::{ACCESS_LIFETIME, Refusal, Tokens};
use super::{App, Shared};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/token", post(token))
}

/// Why no token is given (RFC 6749 §5.2).
enum Denial {
    Client,
    Request(&'static str),
    Broken,
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::InvalidGrant => Self::Request("invalid_grant"),
            Refusal::State(error) => error.into(),
        }
    }
}

impl From<crate::persist::FileError> for Denial {
    fn from(error: crate::persist::FileError) -> Self {
        tracing::error!(%error, "the bank cannot keep its state");
        Self::Broken
    }
}

impl IntoResponse for Denial {
    fn into_response(self) -> Response {
        match self {
            Self::Client => {
                let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"token\"")];
                (StatusCode::UNAUTHORIZED, challenge, Json(json!({ "error": "invalid_client" })))
                    .into_response()
            }
            Self::Request(error) => {
                (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response()
            }
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

async fn token(
    State(app): State<App>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Result<Response, Denial> {
    let fault = app.faults.take(Endpoint::Token, None, 1);
    if matches!(fault, Some(Fault { kind: Kind::TokenEndpoint500, .. })) {
        return Err(Denial::Broken);
    }
    if !is_client(&headers, &app.config.client_id, &app.config.client_secret) {
        return Err(Denial::Client);
    }
    let tokens = grant(&app, &form)?;
    if fault.is_some() {
        return Err(Denial::Broken);
    }
    let mut body = json!({
        "access_token": tokens.access,
        "token_type": "Bearer",
        "expires_in": ACCESS_LIFETIME.as_secs(),
        "scope": if tokens.refresh.is_some() { "openid accounts" } else { "accounts" },
    });
    if let Some(fields) = body.as_object_mut() {
        fields.extend(tokens.refresh.map(|token| ("refresh_token".to_owned(), token.into())));
        let identity = tokens.identity.map(|(consent, nonce)| id_token(&app, &consent, nonce.as_deref()));
        fields.extend(identity.map(|token| ("id_token".to_owned(), token.into())));
    }
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

fn grant(app: &Shared, form: &BTreeMap<String, String>) -> Result<Tokens, Denial> {
    let field = |name| form.get(name).map(String::as_str).ok_or(Denial::Request("invalid_request"));
    match field("grant_type")? {
        "client_credentials" if form.get("scope").is_some_and(|scope| scope != "accounts") => {
            Err(Denial::Request("invalid_scope"))
        }
        "client_credentials" => Ok(app.vault.client_token(app.now())?),
        "authorization_code" => {
            let challenge = challenge(field("code_verifier")?);
            Ok(app.vault.redeem(field("code")?, field("redirect_uri")?, &challenge, app.now())?)
        }
        "refresh_token" => Ok(app.vault.refresh(field("refresh_token")?, app.now())?),
        _ => Err(Denial::Request("unsupported_grant_type")),
    }
}

/// The S256 challenge of a verifier (RFC 7636 §4.2).
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

/// Says which consent was approved (`OpenID` Connect Core 1.0 §3.1.3.3), signed with the client's secret (HS256).
fn id_token(app: &Shared, consent: &str, nonce: Option<&str>) -> String {
    let now = app.now();
    let mut claims = json!({
        "iss": app.issuer(),
        "aud": app.config.client_id,
        "sub": consent,
        "openbanking_intent_id": consent,
        "iat": now.as_second(),
        "exp": (now + ACCESS_LIFETIME).as_second(),
    });
    if let Some(fields) = claims.as_object_mut() {
        fields.extend(nonce.map(|nonce| ("nonce".to_owned(), nonce.into())));
    }
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(json!({ "alg": "HS256", "typ": "JWT" })), part(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, app.config.client_secret.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
    format!("{signed}.{signature}")
}
