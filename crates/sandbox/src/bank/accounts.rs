//! Accounts, balances and transactions, as far as the customer's consent reaches.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use url::form_urlencoded::Serializer;
use uuid::Uuid;

use super::consents::bearer;
use super::faults::{Endpoint, Fault, Kind};
use super::problem::Problem;
use super::vault::{Consent, Holder};
use super::{AISP, App, Shared, query};
use crate::data::{Account, Customer, Row};
use crate::wire::{self, Answer, Links, Meta, Transaction, Transactions, View};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/accounts", get(accounts))
        .route("/accounts/{id}", get(account))
        .route("/accounts/{id}/balances", get(balances))
        .route("/accounts/{id}/transactions", get(transactions))
}

/// A request with a customer's token.
struct ByCustomer {
    consent: Consent,
    customer: Arc<Customer>,
    today: Date,
}

impl FromRequestParts<App> for ByCustomer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let consent = match bearer(&parts.headers).and_then(|token| app.vault.holder(token, app.now())) {
            Some(Holder::Customer(consent)) => consent,
            Some(Holder::Client) => return Err(Problem::Forbidden("accounts need a customer's token")),
            None => return Err(Problem::Unauthorised),
        };
        let username = consent.customer.as_deref().ok_or(Problem::Unauthorised)?;
        let today = app.today();
        let customer = app.customer(username, today).await.ok_or(Problem::Internal)?;
        Ok(Self { consent, customer, today })
    }
}

impl ByCustomer {
    /// Refuses what was not granted.
    fn needs(&self, one_of: &[&str]) -> Result<(), Problem> {
        let granted = one_of.iter().any(|name| self.has(name));
        granted.then_some(()).ok_or(Problem::Forbidden("the consent does not hold the permission for this"))
    }

    fn has(&self, permission: &str) -> bool {
        self.consent.permissions.contains(permission)
    }

    /// The account, if it is the customer's and was chosen for this consent.
    fn account(&self, id: &str) -> Result<&Account, Problem> {
        let id: Option<Uuid> = id.parse().ok();
        let account = self.customer.accounts.iter().find(|account| Some(account.id) == id);
        let account = account.ok_or(Problem::Unknown("there is no such account"))?;
        let chosen = self.consent.accounts.contains(&account.id);
        chosen.then_some(account).ok_or(Problem::Forbidden("the consent does not cover this account"))
    }

    async fn fault(&self, app: &Shared, endpoint: Endpoint, page: usize) -> Result<Option<Fault>, Problem> {
        let fault = app.faults.take(endpoint, Some(&self.customer.username), page);
        if let Some(fault) = &fault {
            fault.strike().await?;
        }
        Ok(fault)
    }
}

async fn accounts(State(app): State<App>, by: ByCustomer) -> Result<Response, Problem> {
    let fault = by.fault(&app, Endpoint::Accounts, 1).await?;
    let chosen = by.customer.accounts.iter().filter(|account| by.consent.accounts.contains(&account.id));
    let detail = by.has("ReadAccountsDetail");
    let data =
        wire::Accounts { account: chosen.map(|account| wire::Account::new(account, detail)).collect() };
    single(&app, "/accounts", data, fault.as_ref())
}

async fn account(
    State(app): State<App>,
    by: ByCustomer,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let account = by.account(&id)?;
    let fault = by.fault(&app, Endpoint::Accounts, 1).await?;
    let data = wire::Accounts { account: vec![wire::Account::new(account, by.has("ReadAccountsDetail"))] };
    single(&app, &format!("/accounts/{id}"), data, fault.as_ref())
}

async fn balances(
    State(app): State<App>,
    by: ByCustomer,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    by.needs(&["ReadBalances"])?;
    let account = by.account(&id)?;
    let fault = by.fault(&app, Endpoint::Balances, 1).await?;
    app.ledger.count(account, |served| served.balances += 1);
    let data = wire::Balances::new(account, by.today, &app.now().to_string());
    single(&app, &format!("/accounts/{id}/balances"), data, fault.as_ref())
}

fn single<T: Serialize>(
    app: &Shared,
    path: &str,
    data: T,
    fault: Option<&Fault>,
) -> Result<Response, Problem> {
    let links = Links { this: app.url(&format!("{AISP}{path}")), ..Links::default() };
    send(&Answer { data, links, meta: Meta { total_pages: 1, ..Meta::default() } }, fault)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    from_booking_date_time: Option<String>,
    to_booking_date_time: Option<String>,
    page: Option<usize>,
}

async fn transactions(
    State(app): State<App>,
    by: ByCustomer,
    Path(id): Path<String>,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    by.needs(&["ReadTransactionsBasic", "ReadTransactionsDetail"])?;
    let account = by.account(&id)?;
    let (number, size) = (filter.page.unwrap_or(1), app.config.page_size);
    let rows = matching(&by, account, &filter)?;
    let (page, pages) =
        query::page(&rows, size, number).ok_or_else(|| Problem::invalid("page", "there is no such page"))?;
    let fault = by.fault(&app, Endpoint::Transactions, number).await?;
    let kind = fault.as_ref().map(|fault| fault.kind);
    let mut page = page.to_vec();
    if kind == Some(Kind::DuplicateRowOnTwoPages) {
        let before = query::page(&rows, size, number - 1);
        page.splice(0..0, before.and_then(|(rows, _)| rows.last().copied()));
    }
    let answer = Answer {
        data: shown(&app, &by, account, &page, kind),
        links: links(&app, account, &filter, (number, pages), kind),
        meta: Meta {
            total_pages: pages,
            first_available_date_time: rows.last().map(|row| available(&app, row, by.today)),
            last_available_date_time: rows.first().map(|row| available(&app, row, by.today)),
        },
    };
    send(&answer, fault.as_ref())
}

/// The rows as the consent lets them be seen; counted as served.
fn shown(
    app: &Shared,
    by: &ByCustomer,
    account: &Account,
    page: &[&Row],
    fault: Option<Kind>,
) -> Transactions {
    let view = View {
        zone: &app.zone,
        today: by.today,
        detail: by.has("ReadTransactionsDetail"),
        pending_ids: by.customer.pending_ids,
    };
    let mut transaction: Vec<_> = page.iter().map(|row| Transaction::new(account, row, view)).collect();
    if let Some(first) = transaction.first_mut().filter(|_| fault == Some(Kind::UnknownCurrency)) {
        first.spoil_currency();
    }
    app.ledger.count(account, |served| {
        served.pages += 1;
        served.rows += page.len() as u64;
    });
    Transactions { transaction }
}

/// The rows that the caller asks for and the consent reaches, newest first.
fn matching<'a>(by: &ByCustomer, account: &'a Account, filter: &Filter) -> Result<Vec<&'a Row>, Problem> {
    let from = bound("fromBookingDateTime", filter.from_booking_date_time.as_deref())?;
    let to = bound("toBookingDateTime", filter.to_booking_date_time.as_deref())?;
    let from = from.max(by.consent.from);
    let to = [to, by.consent.to].into_iter().flatten().min();
    let (credits, debits) = (by.has("ReadTransactionsCredits"), by.has("ReadTransactionsDebits"));
    let mut rows = account.newest_first(by.today);
    rows.retain(|row| {
        let at = wire::shown_at(row, by.today);
        let direction = if row.amount < Decimal::ZERO { debits } else { credits };
        direction && from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to)
    });
    Ok(rows)
}

fn bound(path: &'static str, text: Option<&str>) -> Result<Option<DateTime>, Problem> {
    text.map(|text| query::local(text).ok_or_else(|| Problem::invalid(path, "is no date-time"))).transpose()
}

fn available(app: &Shared, row: &Row, today: Date) -> String {
    let at = wire::shown_at(row, today);
    wire::stamp(at.date(), at.time(), &app.zone)
}

fn links(
    app: &Shared,
    account: &Account,
    filter: &Filter,
    (number, pages): (usize, usize),
    fault: Option<Kind>,
) -> Links {
    let url = |page: usize| {
        let mut text = Serializer::new(String::new());
        let bounds = [
            ("fromBookingDateTime", &filter.from_booking_date_time),
            ("toBookingDateTime", &filter.to_booking_date_time),
        ];
        text.extend_pairs(bounds.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))));
        let text = text.append_pair("page", &page.to_string()).finish();
        app.url(&format!("{AISP}/accounts/{}/transactions?{text}", account.id))
    };
    let next = match fault {
        Some(Kind::NextToOtherHost) => Some("https://elsewhere.invalid/transactions?page=2".to_owned()),
        Some(Kind::NextCycle) => Some(url(number)),
        _ => (number < pages).then(|| url(number + 1)),
    };
    let prev = (number > 1).then(|| url(number - 1));
    Links { this: url(number), first: Some(url(1)), prev, next, last: Some(url(pages)) }
}

/// The answer as JSON; only half of it if that is the fault.
fn send<T: Serialize>(answer: &T, fault: Option<&Fault>) -> Result<Response, Problem> {
    let mut body = serde_json::to_vec(answer).map_err(|_| Problem::Internal)?;
    if fault.is_some_and(|fault| fault.kind == Kind::TruncatedBody) {
        body.truncate(body.len() / 2);
    }
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], Body::from(body)).into_response())
}
