//! Signing in and deciding: what a customer sees (`OpenID` Connect Core 1.0 §3.1.2; RFC 9207 for `iss`).

mod pages;
mod request;
mod sign_ins;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use url::Url;

use super::vault::{Code, secret};
use super::{App, Shared};
use crate::wire::BANK_NAME;
use pages::{RefusalPage, SignInPage, decision_page, show, style};
use request::{Asked, Request, check};
use sign_ins::{COOKIE, Fields, SignIn, field, resume};

pub(super) use sign_ins::SignIns;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/authorize", get(begin))
        .route("/authorize/sign-in", post(sign_in))
        .route("/authorize/decision", post(decide))
        .route("/authorize/style.css", get(style))
}

/// Why the way ends: the customer cannot be sent back, or goes back with an error.
enum End {
    Here(&'static str),
    Back(Redirect),
    Broken,
}

impl IntoResponse for End {
    fn into_response(self) -> Response {
        match self {
            Self::Here(message) => {
                let page = RefusalPage { bank: BANK_NAME, message };
                (StatusCode::BAD_REQUEST, show(&page, None)).into_response()
            }
            Self::Back(redirect) => redirect.into_response(),
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

impl From<crate::persist::FileError> for End {
    fn from(error: crate::persist::FileError) -> Self {
        tracing::error!(%error, "the bank cannot keep its state");
        Self::Broken
    }
}

async fn begin(State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, End> {
    let request = check(&app, &asked)?;
    if app.config.auto_approve_client {
        return auto_approve(&app, &request, asked.login_hint.as_deref()).await;
    }
    let (cookie, csrf) = (secret(), secret());
    let page = SignInPage {
        bank: BANK_NAME,
        client: &app.config.client_id,
        csrf: &csrf,
        username: asked.login_hint.as_deref().unwrap_or_default(),
        problem: None,
    };
    let response = show(&page, Some(&request.redirect_uri));
    app.sign_ins.put(cookie.clone(), SignIn { request, csrf, customer: None, started: app.now() });
    let secure = if app.base_url.scheme() == "https" { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={cookie}; Path=/authorize; HttpOnly; SameSite=Lax{secure}");
    Ok(([(header::SET_COOKIE, cookie)], response).into_response())
}

async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    Form(form): Form<Fields>,
) -> Result<Response, End> {
    let (cookie, mut sign_in) = resume(&app, &headers, &form)?;
    sign_in.csrf = secret();
    let username = field(&form, "username").unwrap_or_default();
    let password = field(&form, "password");
    let logins = app.ledger.logins();
    let known =
        logins.iter().find(|login| login.username == username && Some(login.password.as_str()) == password);
    let response = if let Some(login) = known {
        sign_in.customer = Some(login.username.clone());
        decision_page(&app, &sign_in, None).await?
    } else {
        let page = SignInPage {
            bank: BANK_NAME,
            client: &app.config.client_id,
            csrf: &sign_in.csrf,
            username,
            problem: Some("The user name or the password is not right."),
        };
        (StatusCode::UNAUTHORIZED, show(&page, Some(&sign_in.request.redirect_uri))).into_response()
    };
    app.sign_ins.put(cookie, sign_in);
    Ok(response)
}

async fn decide(
    State(app): State<App>,
    headers: HeaderMap,
    Form(form): Form<Fields>,
) -> Result<Response, End> {
    let (cookie, mut sign_in) = resume(&app, &headers, &form)?;
    let customer = sign_in.customer.clone().ok_or(End::Here("Sign in first."))?;
    let request = &sign_in.request;
    if field(&form, "decision") != Some("approve") {
        app.vault.reject(&request.consent, app.now())?;
        let error = [("error", "access_denied")];
        return Ok(back(&app, &request.redirect_uri, request.state.as_deref(), &error).into_response());
    }
    let chosen: Vec<&str> =
        form.iter().filter(|(name, _)| name == "account").map(|(_, id)| id.as_str()).collect();
    if chosen.is_empty() {
        sign_in.csrf = secret();
        let response =
            decision_page(&app, &sign_in, Some("Choose at least one account, or deny access.")).await?;
        app.sign_ins.put(cookie, sign_in);
        return Ok(response);
    }
    approve(&app, request, &customer, |id| chosen.contains(&id)).await
}

async fn auto_approve(app: &App, request: &Request, login_hint: Option<&str>) -> Result<Response, End> {
    let logins = app.ledger.logins();
    let customer = match login_hint {
        Some(name) => logins.iter().find(|login| login.username == name),
        None => logins.first(),
    };
    let customer = customer.ok_or(End::Here("There is no such customer."))?;
    approve(app, request, &customer.username, |_| true).await
}

/// Issues a code for the chosen ones of the customer's own accounts, and sends the browser back with it.
async fn approve(
    app: &App,
    request: &Request,
    username: &str,
    chosen: impl Fn(&str) -> bool,
) -> Result<Response, End> {
    let customer = app.customer(username, app.today()).await.ok_or(End::Broken)?;
    let accounts = customer.accounts.iter().map(|account| account.id).filter(|id| chosen(&id.to_string()));
    let code = Code {
        consent: request.consent.clone(),
        challenge: request.challenge.clone(),
        redirect_uri: request.redirect_uri.to_string(),
        nonce: request.nonce.clone(),
        issued: app.now(),
        grant: None,
    };
    let code = app.vault.approve(code, username, accounts.collect())?;
    let outcome = code.as_deref().map_or(("error", "access_denied"), |code| ("code", code));
    Ok(back(app, &request.redirect_uri, request.state.as_deref(), &[outcome]).into_response())
}

/// Back to the client, saying who sends (RFC 9207 §2).
fn back(app: &Shared, redirect_uri: &Url, state: Option<&str>, outcome: &[(&str, &str)]) -> Redirect {
    let mut url = redirect_uri.clone();
    let state = state.map(|state| ("state", state));
    url.query_pairs_mut().extend_pairs(outcome).extend_pairs(state).append_pair("iss", app.issuer());
    Redirect::to(url.as_str())
}
