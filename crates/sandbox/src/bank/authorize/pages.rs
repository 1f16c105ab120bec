//! The pages: plain forms that work without scripts.

use std::collections::BTreeSet;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use url::Url;

use super::super::App;
use super::End;
use super::sign_ins::SignIn;
use crate::wire::BANK_NAME;

#[derive(Template)]
#[template(path = "sign_in.html")]
pub(super) struct SignInPage<'a> {
    pub(super) bank: &'a str,
    pub(super) client: &'a str,
    pub(super) csrf: &'a str,
    pub(super) username: &'a str,
    pub(super) problem: Option<&'a str>,
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
pub(super) struct RefusalPage<'a> {
    pub(super) bank: &'a str,
    pub(super) message: &'a str,
}

/// The page where a customer who has signed in decides.
pub(super) async fn decision_page(
    app: &App,
    sign_in: &SignIn,
    problem: Option<&str>,
) -> Result<Response, End> {
    let username = sign_in.customer.as_deref().unwrap_or_default();
    let customer = app.customer(username, app.today()).await.ok_or(End::Broken)?;
    let consent = app.vault.consent(&sign_in.request.consent);
    let consent = consent.ok_or(End::Here("The application has withdrawn its request."))?;
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
fn in_words(permissions: &BTreeSet<String>) -> Vec<&'static str> {
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

/// A page that runs nothing, is framed nowhere and is kept nowhere; its forms may only lead on to the client.
pub(super) fn show(page: &impl Template, leads_to: Option<&Url>) -> Response {
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

pub(super) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../../templates/style.css"))
}
