//! `GET /v1/users/{id}/transactions`

mod view;

use axum::Json;
use axum::extract::State;
use events::TransactionStatus;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use service::http::{FieldError, Problem, QueryParams};
use store::TransactionFilter;
use utoipa::ToSchema;

use crate::api::{Api, Subject, failed};
use crate::cursor;
use crate::fields::Fields;
pub(crate) use view::AmountView;
use view::TransactionView;

const DEFAULT_LIMIT: i64 = 100;
const MAX_LIMIT: i64 = 500;

/// Which transactions to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// First day, such as `2026-04-01`.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<String>,
    /// Last day.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<String>,
    /// Only of this account.
    #[param(value_type = Option<String>, format = Uuid)]
    account: Option<String>,
    /// Only of this category: a group (`FOOD`), a leaf (`groceries`) or both (`FOOD.groceries`).
    category: Option<String>,
    /// Only those that are `pending`, `booked`, `informational`, `rejected` or `retracted`.
    status: Option<String>,
    /// At most so many, 1 to 500; 100 if not given.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// One page.
#[derive(Serialize, ToSchema)]
pub(crate) struct TransactionPage {
    /// Newest day first.
    transactions: Vec<TransactionView>,
    /// For the next page; null on the last one.
    next_cursor: Option<String>,
}

/// A customer's transactions, newest first.
///
/// Retracted ones are listed too, so that a service that keeps a copy hears of them.
#[utoipa::path(
    get,
    path = "/v1/users/{id}/transactions",
    operation_id = "listTransactions",
    params(("id" = String, Path, description = "The customer, as the tenant knows her"), Wanted),
    responses(
        (status = 200, body = TransactionPage),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A field is not valid"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid token"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Try again"),
    ),
)]
pub(crate) async fn list(
    Subject { tenant, user }: Subject,
    State(api): State<Api>,
    QueryParams(wanted): QueryParams<Wanted>,
) -> Result<Json<TransactionPage>, Problem> {
    let filter = filter(&wanted).map_err(Problem::invalid)?;
    // One more than asked for tells whether there is a next page.
    let one_more = TransactionFilter { limit: filter.limit + 1, ..filter };
    let rows = api.store.queries().transactions(&tenant, &user, &one_more, api.clock.now()).await;
    let mut rows = rows.map_err(|error| failed(&error))?;
    let limit = usize::try_from(one_more.limit - 1).unwrap_or(usize::MAX);
    let is_last = rows.len() <= limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| !is_last);
    let next_cursor = last.map(|row| cursor::after(row.day, row.transaction_id));
    Ok(Json(TransactionPage { transactions: rows.into_iter().map(Into::into).collect(), next_cursor }))
}

fn filter(wanted: &Wanted) -> Result<TransactionFilter, Vec<FieldError>> {
    const DAY: &str = "a day of the calendar, such as 2026-04-01";
    let mut fields = Fields::default();
    let from: Option<Date> = fields.read("from", wanted.from.as_deref(), "invalid_date", DAY);
    let to: Option<Date> = fields.read("to", wanted.to.as_deref(), "invalid_date", DAY);
    let in_order = from.zip(to).is_none_or(|(from, to)| from <= to);
    fields.check(in_order, "to", "before_from", "on or after `from`");
    let limit: Option<i64> =
        fields.read("limit", wanted.limit.as_deref(), "invalid_limit", "a whole number from 1 to 500");
    let in_range = limit.is_none_or(|limit| (1..=MAX_LIMIT).contains(&limit));
    fields.check(in_range, "limit", "invalid_limit", "a whole number from 1 to 500");
    let filter = TransactionFilter {
        from,
        to,
        account: fields.read("account", wanted.account.as_deref(), "invalid_account", "a UUID"),
        category: fields.read_with(
            "category",
            wanted.category.as_deref(),
            "invalid_category",
            "a group (FOOD), a leaf (groceries) or both (FOOD.groceries)",
            category,
        ),
        status: fields.read_with(
            "status",
            wanted.status.as_deref(),
            "unknown_status",
            "pending, booked, informational, rejected or retracted",
            status,
        ),
        limit: limit.unwrap_or(DEFAULT_LIMIT),
        after: fields.read_with(
            "cursor",
            wanted.cursor.as_deref(),
            "invalid_cursor",
            "`next_cursor` of an answer of this API",
            cursor::read,
        ),
    };
    fields.done(filter)
}

/// Leaves are unique, so the leaf stands for `GROUP.leaf`.
fn category(text: &str) -> Option<String> {
    let code = text.rsplit_once('.').map_or(text, |(_, leaf)| leaf);
    let is_code =
        (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_code.then(|| code.to_owned())
}

fn status(text: &str) -> Option<TransactionStatus> {
    use TransactionStatus::{Booked, Informational, Pending, Rejected, Retracted};
    [Pending, Booked, Informational, Rejected, Retracted].into_iter().find(|status| status.name() == text)
}
