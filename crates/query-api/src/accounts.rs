//! `GET /v1/users/{id}/accounts`

use axum::Json;
use axum::extract::State;
use events::{AccountStatus, Balance, HolderKind};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use service::http::Problem;
use store::StoredAccount;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::{Api, Subject, failed};
use crate::transactions::AmountView;

/// The schedule fetches several times a day; what is older than a day has missed all of its turns.
const STALE_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// All accounts of a customer.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountList {
    /// In no particular order.
    accounts: Vec<AccountView>,
}

/// One account.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountView {
    /// The same under every consent.
    id: Uuid,
    /// Where it is held.
    institution: String,
    /// The consents that cover it.
    consents: Vec<Uuid>,
    /// `current`, `savings`, `card`, `loan`, `mortgage`, `wallet`, `investment` or `other`; null until known.
    #[serde(rename = "type")]
    kind: Option<&'static str>,
    /// `personal`, `business` or `unknown`.
    #[schema(value_type = Option<String>)]
    holder: Option<HolderKind>,
    /// `open`, `closed`, `blocked`, `switched` or `unknown`.
    #[schema(value_type = Option<String>)]
    status: Option<AccountStatus>,
    /// A name to show.
    display_name: Option<String>,
    /// The number, all but its last four characters masked.
    masked_number: Option<String>,
    /// ISO 4217.
    currency: &'static str,
    /// Where the consent covers them.
    balances: Vec<BalanceView>,
    /// How old all of this is.
    freshness: FreshnessView,
}

/// One balance.
#[derive(Serialize, ToSchema)]
pub(crate) struct BalanceView {
    /// `booked`, `available`, `expected`, `opening`, `previous_close` or `other`.
    kind: &'static str,
    #[serde(flatten)]
    money: AmountView,
    /// When it held, by the bank.
    as_of: Timestamp,
    /// Whether a credit line is counted in.
    includes_credit_line: bool,
}

/// How old an answer is.
#[derive(Serialize, ToSchema)]
pub(crate) struct FreshnessView {
    /// When the institution last answered.
    fetched_at: Option<Timestamp>,
    /// When that was stored.
    landed_at: Option<Timestamp>,
    /// When the next fetch is planned.
    next_scheduled_at: Option<Timestamp>,
    /// Whether the institution last answered more than a day ago, or never.
    stale: bool,
}

/// A customer's accounts with balances and freshness.
#[utoipa::path(
    get,
    path = "/v1/users/{id}/accounts",
    operation_id = "listAccounts",
    params(("id" = String, Path, description = "The customer, as the tenant knows her")),
    responses(
        (status = 200, body = AccountList),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A field is not valid"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid token"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Try again"),
    ),
)]
pub(crate) async fn list(
    Subject { tenant, user }: Subject,
    State(api): State<Api>,
) -> Result<Json<AccountList>, Problem> {
    let now = api.clock.now();
    let accounts = api.store.queries().accounts(&tenant, &user, now).await.map_err(|error| failed(&error))?;
    Ok(Json(AccountList { accounts: accounts.into_iter().map(|account| view(account, now)).collect() }))
}

fn view(account: StoredAccount, now: Timestamp) -> AccountView {
    AccountView {
        id: account.account_key.uuid(),
        institution: account.institution_id.to_string(),
        consents: account.consent_ids.into_iter().map(events::ConsentId::uuid).collect(),
        kind: account.account_type.map(events::AccountType::name),
        holder: account.holder_kind,
        status: account.status,
        display_name: account.display_name,
        masked_number: account.masked_number,
        currency: account.currency.code(),
        balances: account.balances.into_iter().map(balance).collect(),
        freshness: FreshnessView {
            fetched_at: account.fetched_at,
            landed_at: account.landed_at,
            next_scheduled_at: account.next_scheduled_at,
            stale: account.fetched_at.is_none_or(|fetched| now.duration_since(fetched) > STALE_AFTER),
        },
    }
}

fn balance(balance: Balance) -> BalanceView {
    BalanceView {
        kind: balance.kind.name(),
        money: AmountView::new(balance.amount, balance.currency),
        as_of: balance.as_of,
        includes_credit_line: balance.includes_credit_line,
    }
}
