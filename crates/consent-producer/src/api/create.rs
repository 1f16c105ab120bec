//! `POST /v1/consents`

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use events::{Basket, Baskets, Consent, ConsentId, TenantId};
use jiff::Timestamp;
use serde::Deserialize;
use service::http::{FieldError, JsonBody, Problem};
use service::telemetry;
use store::Created;
use utoipa::ToSchema;

use super::fields::{Expected, Fields};
use super::view::ConsentView;
use super::{Api, Tenant, failed};
use crate::validate::{self, Terms};
use crate::{BANK, FIRST_EPOCH};

/// A consent to be asked of a customer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewConsent {
    /// The customer, by an id that says nothing about her: 1 to 64 letters, digits, `.`, `_` and `-`.
    #[schema(required = true, value_type = String, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    user_id: Option<String>,
    /// Where the data is held: the id of a configured institution.
    #[schema(required = true, value_type = String)]
    institution_id: Option<String>,
    /// What may be fetched. `accounts` is always in it.
    #[schema(required = true, value_type = Vec<String>, min_items = 1, example = json!(["accounts", "balances", "transactions"]))]
    baskets: Option<Vec<String>>,
    /// When it ends (RFC 3339), no later than the institution grants.
    #[schema(required = true, value_type = String, format = DateTime)]
    expires_at: Option<String>,
    /// No transaction booked before this day is fetched; without it, all the institution gives.
    #[schema(value_type = Option<String>, format = Date)]
    history_from: Option<String>,
}

const USER: Expected =
    Expected { code: "invalid_user_id", detail: "must be 1 to 64 letters, digits, '.', '_' and '-'" };
const INSTITUTION: Expected =
    Expected { code: "unknown_institution", detail: "is not the id of a configured institution" };
const BASKET: Expected = Expected {
    code: "unknown_basket",
    detail: "must be out of accounts, balances, transactions, identity, recurring and cards",
};
const TIME: Expected = Expected {
    code: "invalid_time",
    detail: "must be a time with its zone, such as 2027-03-31T00:00:00Z (RFC 3339)",
};
const DAY: Expected = Expected { code: "invalid_date", detail: "must be a day such as 2026-03-31" };

/// Asks for a consent. Nothing is fetched before the customer has approved it at `authorisation_url`.
#[utoipa::path(
    post,
    path = "/v1/consents",
    operation_id = "createConsent",
    request_body = NewConsent,
    responses(
        (status = 201, body = ConsentView, headers(("location" = String, description = "The consent"))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Fields are not valid: each is named with a code"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid token"),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "The body is too large"),
        (status = 415, body = Problem, content_type = "application/problem+json", description = "The body is not JSON"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Try again"),
    ),
)]
pub(crate) async fn create(
    Tenant(tenant): Tenant,
    State(api): State<Api>,
    JsonBody(wanted): JsonBody<NewConsent>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<ConsentView>), Problem> {
    let now = api.clock.now();
    let consent = terms(&api, tenant, &wanted, now).map_err(Problem::invalid)?;
    let trace = telemetry::current_traceparent();
    let created = api.store.consents().create(&consent, BANK, now, trace.as_deref()).await;
    let (Created::New(record) | Created::Same(record)) = created.map_err(|error| failed(&error))?;
    let location = [(header::LOCATION, format!("/v1/consents/{}", record.consent.consent_id))];
    Ok((StatusCode::CREATED, location, Json(ConsentView::new(&api, record))))
}

/// The terms that are asked for, if every one of them may be.
fn terms(
    api: &Api,
    tenant_id: TenantId,
    wanted: &NewConsent,
    now: Timestamp,
) -> Result<Consent, Vec<FieldError>> {
    let mut fields = Fields::default();
    let user = fields.require("user_id", wanted.user_id.as_deref(), USER, |text| text.parse().ok());
    let institution =
        fields.require("institution_id", wanted.institution_id.as_deref(), INSTITUTION, |text| {
            text.parse().ok()
        });
    let baskets = read_baskets(&mut fields, wanted.baskets.as_deref().unwrap_or_default());
    let expires_at = fields.require("expires_at", wanted.expires_at.as_deref(), TIME, whole_microseconds);
    let history_from =
        fields.read("history_from", wanted.history_from.as_deref(), DAY, |text| text.parse().ok());
    let terms = Terms { institution: institution.as_ref(), expires_at, history_from };
    fields.extend(validate::check(&terms, &api.institutions, now));
    let given = user.zip(institution).zip(baskets.zip(expires_at));
    fields.done(given.map(|((user_id, institution_id), (baskets, expires_at))| Consent {
        consent_id: ConsentId::new(now),
        epoch: FIRST_EPOCH,
        tenant_id,
        user_id,
        institution_id,
        baskets,
        expires_at,
        history_from,
    }))
}

fn read_baskets(fields: &mut Fields, names: &[String]) -> Option<Baskets> {
    if names.is_empty() {
        fields.missing("baskets");
        return None;
    }
    let baskets: Option<Vec<Basket>> = names.iter().map(|name| name.parse().ok()).collect();
    fields.read("baskets", Some(""), BASKET, |_| baskets.map(Baskets::from))
}

/// The store and the wire hold no finer times.
fn whole_microseconds(text: &str) -> Option<Timestamp> {
    let time: Timestamp = text.parse().ok()?;
    Timestamp::from_microsecond(time.as_microsecond()).ok()
}
