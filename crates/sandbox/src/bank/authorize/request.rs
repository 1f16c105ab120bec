//! What a client asks for, and whether it may be put to a customer.

use serde::Deserialize;
use url::Url;

use super::super::Shared;
use super::{End, back};

/// What the client's redirect asks for.
#[derive(Deserialize)]
pub(super) struct Asked {
    client_id: Option<String>,
    redirect_uri: Option<String>,
    response_type: Option<String>,
    scope: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    claims: Option<String>,
    pub(super) login_hint: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    id_token: IdTokenClaims,
}

#[derive(Deserialize)]
struct IdTokenClaims {
    openbanking_intent_id: Intent,
}

#[derive(Deserialize)]
struct Intent {
    value: String,
}

/// A request that may be put to a customer.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) redirect_uri: Url,
    pub(super) state: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) challenge: String,
    pub(super) consent: String,
}

/// Checks who asks before anything else: only a known address is ever redirected to.
pub(super) fn check(app: &Shared, asked: &Asked) -> Result<Request, End> {
    if asked.client_id.as_deref() != Some(app.config.client_id.as_str()) {
        return Err(End::Here("The application that sent you here is not registered with the bank."));
    }
    let known =
        app.config.redirect_uris.iter().find(|uri| asked.redirect_uri.as_deref() == Some(uri.as_str()));
    let redirect_uri =
        known.ok_or(End::Here("The application asked to send you to an address it has not registered."))?;
    let state = asked.state.as_deref();
    let refuse = |error| End::Back(back(app, redirect_uri, state, &[("error", error)]));
    if asked.response_type.as_deref() != Some("code") {
        return Err(refuse("unsupported_response_type"));
    }
    let scopes: Vec<&str> = asked.scope.as_deref().unwrap_or_default().split(' ').collect();
    if !scopes.contains(&"openid") || !scopes.contains(&"accounts") {
        return Err(refuse("invalid_scope"));
    }
    let challenge = asked.code_challenge.clone().filter(|challenge| challenge.len() == 43);
    let s256 = asked.code_challenge_method.as_deref() == Some("S256");
    let challenge = challenge.filter(|_| s256).ok_or_else(|| refuse("invalid_request"))?;
    let claims = asked.claims.as_deref().and_then(|text| serde_json::from_str::<Claims>(text).ok());
    let consent = claims.map(|claims| claims.id_token.openbanking_intent_id.value);
    let open = |id: &String| app.vault.consent(id).is_some_and(|consent| consent.may_be_approved(app.now()));
    let consent = consent.filter(open).ok_or_else(|| refuse("invalid_request"))?;
    let (state, nonce) = (asked.state.clone(), asked.nonce.clone());
    Ok(Request { redirect_uri: redirect_uri.clone(), state, nonce, challenge, consent })
}
