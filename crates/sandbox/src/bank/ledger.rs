//! The oracle: what the bank knows, for those who check what became of it. No bank offers this.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::records::Served;
use super::{App, CustomerLogin};
use crate::data::{Account, Row};
use crate::wire::type_code;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/_sandbox/ledger", get(ledger)).route("/_sandbox/customers", get(customers))
}

#[derive(Deserialize)]
struct Whose {
    customer: String,
}

#[derive(Serialize)]
struct Oracle {
    customer: String,
    today: Date,
    accounts: Vec<OracleAccount>,
}

#[derive(Serialize)]
struct OracleAccount {
    account_id: String,
    r#type: &'static str,
    currency: String,
    booked_balance: String,
    served: Served,
    transactions: Vec<OracleRow>,
}

#[derive(Serialize)]
struct OracleRow {
    id: String,
    status: &'static str,
    booking_date: Date,
    amount: String,
    currency: String,
    description: String,
    category: String,
}

async fn customers(State(app): State<App>) -> Json<Vec<CustomerLogin>> {
    Json(app.ledger.logins())
}

async fn ledger(State(app): State<App>, Query(whose): Query<Whose>) -> Result<Json<Oracle>, StatusCode> {
    let today = app.today();
    let customer = app.customer(&whose.customer, today).await.ok_or(StatusCode::NOT_FOUND)?;
    let accounts = customer.accounts.iter().map(|account| OracleAccount {
        account_id: account.id.to_string(),
        r#type: type_code(account.kind),
        currency: account.currency.clone(),
        booked_balance: format!("{:.2}", account.booked_balance(today)),
        served: app.ledger.served(account),
        transactions: account.newest_first(today).into_iter().map(|row| known(account, row, today)).collect(),
    });
    Ok(Json(Oracle { customer: customer.username.clone(), today, accounts: accounts.collect() }))
}

fn known(account: &Account, row: &Row, today: Date) -> OracleRow {
    OracleRow {
        id: row.id.simple().to_string(),
        status: if row.is_booked(today) { "BOOK" } else { "PDNG" },
        booking_date: row.shown_on(today),
        amount: format!("{:.2}", row.amount),
        currency: account.currency.clone(),
        description: row.description.clone(),
        category: row.category.clone(),
    }
}
