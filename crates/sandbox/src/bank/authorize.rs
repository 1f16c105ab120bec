//! Signing in and deciding: what a customer sees (OpenID Connect Core 1.0 §3.1.2; RFC 9207 for `iss`).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use url::Url;

use super::vault::{Code, Status, secret};
use super::{App, Shared};
use crate::wire::BANK_NAME;

/// How long a customer may take.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);
const COOKIE: &str = "sandbox_sign_in";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/authorize", get(begin))
        .route("/authorize/sign-in", post(sign_in))
        .route("/authorize/decision", post(decide))
        .route("/authorize/style.css", get(style))
}

/// What the client's redirect asks for.
#[derive(Deserialize)]
struct Asked {
    client_id: Option<String>,
    redirect_uri: Option<String>,
    response_type: Option<String>,
    scope: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    claims: Option<String>,
    login_hint: Option<String>,
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
struct Request {
    redirect_uri: Url,
    state: Option<String>,
    nonce: Option<String>,
    challenge: String,
    consent: String,
}

/// One browser on its way through the pages.
#[derive(Debug, Clone)]
struct SignIn {
    request: Request,
    /// Goes with each form and must come back with it.
    csrf: String,
    customer: Option<String>,
    started: Timestamp,
}

/// Who is on the way, by the value of the cookie.
#[derive(Default)]
pub(super) struct SignIns(Mutex<BTreeMap<String, SignIn>>);

impl SignIns {
    fn put(&self, cookie: String, sign_in: SignIn) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, other| other.started + PATIENCE > sign_in.started);
        all.insert(cookie, sign_in);
    }

    /// Takes the sign-in out, so that a form is good for one answer.
    fn take(&self, cookie: &str, csrf: Option<&str>, now: Timestamp) -> Option<SignIn> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |found: &SignIn| Some(found.csrf.as_str()) == csrf && found.started + PATIENCE > now;
        all.get(cookie).is_some_and(fits).then(|| all.remove(cookie)).flatten()
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    bank: &'a str,
    client: &'a str,
    csrf: &'a str,
    username: &'a str,
    problem: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "decision.html")]
struct DecisionPage<'a> {
    bank: &'a str,
    client: &'a str,
    csrf: &'a str,
    name: &'a str,
    asked: Vec<&'static str>,
    until: Option<String>,
    accounts: Vec<Choice>,
    problem: Option<&'a str>,
}

struct Choice {
    id: String,
    label: String,
}

#[derive(Template)]
#[template(path = "refusal.html")]
struct RefusalPage<'a> {
    bank: &'a str,
    message: &'a str,
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
        return auto_approve(&app, &request, asked.login_hint.as_deref());
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

/// Checks who asks before anything else: only a known address is ever redirected to.
fn check(app: &Shared, asked: &Asked) -> Result<Request, End> {
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
    let open = |id: &String| {
        let status = app.vault.consent(id).map(|consent| consent.status(app.now()));
        matches!(status, Some(Status::Awau | Status::Auth))
    };
    let consent = consent.filter(open).ok_or_else(|| refuse("invalid_request"))?;
    let (state, nonce) = (asked.state.clone(), asked.nonce.clone());
    Ok(Request { redirect_uri: redirect_uri.clone(), state, nonce, challenge, consent })
}

type Fields = Vec<(String, String)>;

fn field<'a>(form: &'a Fields, name: &str) -> Option<&'a str> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The sign-in that this form belongs to, with its cookie.
fn resume(app: &Shared, headers: &HeaderMap, form: &Fields) -> Result<(String, SignIn), End> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split("; ")).filter_map(|pair| pair.split_once('='));
    let cookie =
        pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned()).unwrap_or_default();
    let sign_in = app.sign_ins.take(&cookie, field(form, "csrf"), app.now());
    let sign_in = sign_in.ok_or(End::Here(
        "This page is too old or was opened elsewhere. Start again from the application.",
    ))?;
    Ok((cookie, sign_in))
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
        decision_page(&app, &sign_in, None)?
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

fn decision_page(app: &Shared, sign_in: &SignIn, problem: Option<&str>) -> Result<Response, End> {
    let customer = sign_in.customer.as_deref().and_then(|name| app.ledger.customer(name, app.today()));
    let (Some(customer), Some(consent)) = (customer, app.vault.consent(&sign_in.request.consent)) else {
        return Err(End::Here("The application has withdrawn its request."));
    };
    let accounts = customer.accounts.iter().map(|account| Choice {
        id: account.id.to_string(),
        label: format!("{} ({}, ending {})", account.nickname, account.currency, account.last_four()),
    });
    let page = DecisionPage {
        bank: BANK_NAME,
        client: &app.config.client_id,
        csrf: &sign_in.csrf,
        name: &customer.name,
        asked: in_words(&consent.permissions),
        until: consent.expires.map(|end| end.to_zoned(app.zone.clone()).strftime("%-d %B %Y").to_string()),
        accounts: accounts.collect(),
        problem,
    };
    Ok(show(&page, Some(&sign_in.request.redirect_uri)))
}

/// What is asked for, as a customer would say it.
fn in_words(permissions: &std::collections::BTreeSet<String>) -> Vec<&'static str> {
    let groups = [
        ("ReadAccounts", "Your account names and numbers"),
        ("ReadBalances", "Your balances"),
        ("ReadTransactions", "Your transactions"),
        ("ReadBeneficiaries", "Your saved payees"),
        ("ReadDirectDebits", "Your direct debits"),
        ("ReadStandingOrders", "Your standing orders"),
        ("ReadScheduledPayments", "Your scheduled payments"),
        ("ReadStatements", "Your statements"),
        ("ReadParty", "Your name and address"),
        ("ReadProducts", "The products you hold"),
        ("ReadOffers", "Offers made to you"),
        ("ReadPAN", "Your full card numbers"),
    ];
    let asked = |prefix: &str| permissions.iter().any(|name| name.starts_with(prefix));
    groups.into_iter().filter(|(prefix, _)| asked(prefix)).map(|(_, words)| words).collect()
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
    let chosen =
        form.iter().filter(|(name, _)| name == "account").map(|(_, id)| id.as_str()).collect::<Vec<_>>();
    if chosen.is_empty() {
        sign_in.csrf = secret();
        let response = decision_page(&app, &sign_in, Some("Choose at least one account, or deny access."))?;
        app.sign_ins.put(cookie, sign_in);
        return Ok(response);
    }
    approve(&app, request, &customer, |id| chosen.contains(&id))
}

fn auto_approve(app: &Shared, request: &Request, login_hint: Option<&str>) -> Result<Response, End> {
    let logins = app.ledger.logins();
    let customer = match login_hint {
        Some(name) => logins.iter().find(|login| login.username == name),
        None => logins.first(),
    };
    let customer = customer.ok_or(End::Here("There is no such customer."))?;
    approve(app, request, &customer.username, |_| true)
}

/// Issues a code for the chosen ones of the customer's own accounts, and sends the browser back with it.
fn approve(
    app: &Shared,
    request: &Request,
    username: &str,
    chosen: impl Fn(&str) -> bool,
) -> Result<Response, End> {
    let customer = app.ledger.customer(username, app.today()).ok_or(End::Broken)?;
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
    Ok(back(app, &request.redirect_uri, request.state.as_deref(), &[("code", &code)]).into_response())
}

/// Back to the client, saying who sends (RFC 9207 §2).
fn back(app: &Shared, redirect_uri: &Url, state: Option<&str>, outcome: &[(&str, &str)]) -> Redirect {
    let mut url = redirect_uri.clone();
    let state = state.map(|state| ("state", state));
    url.query_pairs_mut().extend_pairs(outcome).extend_pairs(state).append_pair("iss", app.issuer());
    Redirect::to(url.as_str())
}

/// A page that runs nothing, is framed nowhere and is kept nowhere; its forms may only lead on to the client.
fn show(page: &impl Template, leads_to: Option<&Url>) -> Response {
    let origin = leads_to.map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' {origin}"
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    match page.render() {
        Ok(html) => (headers, Html(html)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../templates/style.css"))
}
