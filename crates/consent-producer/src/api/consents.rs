//! Consents listed, shown and ended.
#![expect(
    unused_qualifications,
    reason = "what the description's macro writes for the parameters of a query"
)]

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use events::InvalidId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::http::{FieldError, Problem, QueryParams};
use service::telemetry;
use store::{ConsentFilter, ConsentStatus, StoreError, Transition};
use utoipa::{IntoParams, ToSchema};

use super::fields::{Expected, Fields};
use super::view::{ConsentDetail, ConsentView};
use super::{Api, Tenant, cursor, failed};
use crate::BANK;

/// Which consents to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only this customer's.
    user_id: Option<String>,
    /// Only at this institution.
    institution_id: Option<String>,
    /// Only those of this status.
    status: Option<String>,
    /// Only those that end before (RFC 3339).
    expiring_before: Option<String>,
    /// At most so many, 1 to 500; 50 if left out.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// One page of consents, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConsentPage {
    consents: Vec<ConsentView>,
    /// Gets the next page; null on the last one.
    next_cursor: Option<String>,
}

const ID: &str = "must be 1 to 64 letters, digits, '.', '_' and '-'";
const USER: Expected = Expected { code: "invalid_user_id", detail: ID };
const INSTITUTION: Expected = Expected { code: "invalid_institution_id", detail: ID };
const STATUS: Expected = Expected { code: "unknown_status", detail: "must be the name of a status" };
const TIME: Expected = Expected {
    code: "invalid_time",
    detail: "must be a time with its zone, such as 2027-03-31T00:00:00Z (RFC 3339)",
};
const LIMIT: Expected = Expected { code: "invalid_limit", detail: "must be a number from 1 to 500" };
const CURSOR: Expected = Expected { code: "invalid_cursor", detail: "must be the next_cursor of a page" };

const PAGE: i64 = 50;
const LONGEST_PAGE: i64 = 500;

/// The tenant's consents, newest first.
#[utoipa::path(
    get,
    path = "/v1/consents",
    operation_id = "listConsents",
    params(ListQuery),
    responses(
        (status = 200, body = ConsentPage),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is not valid"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid token"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Try again"),
    ),
)]
pub(crate) async fn list(
    Tenant(tenant): Tenant,
    State(api): State<Api>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Json<ConsentPage>, Problem> {
    let mut filter = filter(&query).map_err(Problem::invalid)?;
    let limit = filter.limit;
    filter.limit += 1;
    let mut records = api.store.consents().list(&tenant, &filter).await.map_err(|error| failed(&error))?;
    let is_last = records.len() <= usize::try_from(limit).unwrap_or(usize::MAX);
    if !is_last {
        records.pop();
    }
    let next_cursor = records.last().filter(|_| !is_last).map(cursor::after);
    let consents = records.into_iter().map(|record| ConsentView::new(&api, record)).collect();
    Ok(Json(ConsentPage { consents, next_cursor }))
}

fn filter(query: &ListQuery) -> Result<ConsentFilter, Vec<FieldError>> {
    let mut fields = Fields::default();
    let filter = ConsentFilter {
        user: fields.read("user_id", query.user_id.as_deref(), USER, |text| text.parse().ok()),
        institution: fields
            .read("institution_id", query.institution_id.as_deref(), INSTITUTION, |text| text.parse().ok()),
        status: fields.read("status", query.status.as_deref(), STATUS, |text| text.parse().ok()),
        expiring_before: fields.read("expiring_before", query.expiring_before.as_deref(), TIME, time),
        after: fields.read("cursor", query.cursor.as_deref(), CURSOR, cursor::read),
        limit: fields.read("limit", query.limit.as_deref(), LIMIT, limit).unwrap_or(PAGE),
    };
    fields.done(Some(filter))
}

fn limit(text: &str) -> Option<i64> {
    text.parse().ok().filter(|limit| (1..=LONGEST_PAGE).contains(limit))
}

/// No consent ends before 1970, and PostgreSQL's times do not reach as far back as the text may.
fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().map(|time: Timestamp| time.max(Timestamp::UNIX_EPOCH))
}

/// A consent and the progress of its latest fetch.
#[utoipa::path(
    get,
    path = "/v1/consents/{id}",
    operation_id = "getConsent",
    params(("id" = String, Path, description = "The consent")),
    responses(
        (status = 200, body = ConsentDetail),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid token"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "This tenant has no such consent"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Try again"),
    ),
)]
pub(crate) async fn show(
    Tenant(tenant): Tenant,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<ConsentDetail>, Problem> {
    let id = id.parse().map_err(unknown)?;
    let record = api.store.consents().get(&tenant, id).await.map_err(|error| failed(&error))?;
    let progress = match api.store.jobs().progress(&tenant, id).await {
        Err(StoreError::NotFound) => None,
        progress => Some(progress.map_err(|error| failed(&error))?),
    };
    Ok(Json(ConsentDetail::new(&api, record, progress)))
}

/// Ends a consent. From the answer on nothing of it is readable; its data is erased behind that, and the institution
/// told. Ending it again is harmless.
#[utoipa::path(
    delete,
    path = "/v1/consents/{id}",
    operation_id = "revokeConsent",
    params(("id" = String, Path, description = "The consent")),
    responses(
        (status = 202, body = ConsentView, description = "It is revoked"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid token"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "This tenant has no such consent"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It has ended otherwise"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Try again"),
    ),
)]
pub(crate) async fn end(
    Tenant(tenant): Tenant,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<ConsentView>), Problem> {
    let id = id.parse().map_err(unknown)?;
    let consents = api.store.consents();
    consents.get(&tenant, id).await.map_err(|error| failed(&error))?;
    let trace = telemetry::current_traceparent();
    let revoked = Transition {
        to: ConsentStatus::Revoked,
        actor: BANK,
        reason: None,
        now: api.clock.now(),
        trace: trace.as_deref(),
    };
    let record = consents.transition(id, &revoked).await.map_err(|error| failed(&error))?;
    Ok((StatusCode::ACCEPTED, Json(ConsentView::new(&api, record))))
}

/// What cannot be an id names no consent.
fn unknown(_: InvalidId) -> Problem {
    Problem::not_found("consent")
}
