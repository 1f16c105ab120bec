//! Account-access consents: what a client asks for before a customer is asked.

use std::collections::BTreeSet;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::vault::{Consent, Holder, Status};
use super::{AISP, App, Shared, query};

/// What may be asked for.
const PERMISSIONS: [&str; 21] = [
    "ReadAccountsBasic",
    "ReadAccountsDetail",
    "ReadBalances",
    "ReadBeneficiariesBasic",
    "ReadBeneficiariesDetail",
    "ReadDirectDebits",
    "ReadOffers",
    "ReadPAN",
    "ReadParty",
    "ReadPartyPSU",
    "ReadProducts",
    "ReadScheduledPaymentsBasic",
    "ReadScheduledPaymentsDetail",
    "ReadStandingOrdersBasic",
    "ReadStandingOrdersDetail",
    "ReadStatementsBasic",
    "ReadStatementsDetail",
    "ReadTransactionsBasic",
    "ReadTransactionsCredits",
    "ReadTransactionsDebits",
    "ReadTransactionsDetail",
];

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/account-access-consents", post(create))
        .route("/account-access-consents/{id}", get(read).delete(remove))
}

/// A request with the client's own token.
struct ByClient;

impl FromRequestParts<App> for ByClient {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        match bearer(&parts.headers).and_then(|token| app.vault.holder(token, app.now())) {
            Some(Holder::Client) => Ok(Self),
            Some(Holder::Customer(_)) => Err(Problem::Forbidden("consents need the client's own token")),
            None => Err(Problem::Unauthorised),
        }
    }
}

/// The token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    data: Terms,
    /// Mandatory and empty.
    #[serde(rename = "Risk")]
    _risk: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Terms {
    permissions: BTreeSet<String>,
    expiration_date_time: Option<String>,
    transaction_from_date_time: Option<String>,
    transaction_to_date_time: Option<String>,
}

async fn create(
    _: ByClient,
    State(app): State<App>,
    request: Result<Json<Request>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(Request { data, .. }) = request.map_err(|error| Problem::invalid("Data", error.body_text()))?;
    check_permissions(&data.permissions)?;
    let now = app.now();
    let expires = optional("Data.ExpirationDateTime", data.expiration_date_time, query::moment)?;
    if expires.is_some_and(|end| end <= now) {
        return Err(Problem::invalid("Data.ExpirationDateTime", "lies in the past"));
    }
    let from = optional("Data.TransactionFromDateTime", data.transaction_from_date_time, query::local)?;
    let to = optional("Data.TransactionToDateTime", data.transaction_to_date_time, query::local)?;
    let consent = Consent {
        permissions: data.permissions,
        expires,
        from,
        to,
        created: now,
        updated: now,
        status: Status::Awau,
        customer: None,
        accounts: BTreeSet::new(),
    };
    let id = app.vault.create_consent(consent.clone())?;
    Ok((StatusCode::CREATED, Json(shown(&app, &id, &consent))).into_response())
}

async fn read(_: ByClient, State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let consent = app.vault.consent(&id).ok_or(Problem::Unknown("there is no such consent"))?;
    Ok(Json(shown(&app, &id, &consent)))
}

async fn remove(_: ByClient, State(app): State<App>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    if app.vault.delete_consent(&id)? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::Unknown("there is no such consent"))
    }
}

/// `OBReadConsentResponse1`.
fn shown(app: &Shared, id: &str, consent: &Consent) -> Value {
    let status = consent.status(app.now());
    let mut data = json!({
        "ConsentId": id,
        "Status": status,
        "CreationDateTime": consent.created.to_string(),
        "StatusUpdateDateTime": consent.updated.to_string(),
        "Permissions": consent.permissions,
    });
    let times = [
        ("ExpirationDateTime", consent.expires.map(|at| at.to_string())),
        ("TransactionFromDateTime", consent.from.map(|at| format!("{at}Z"))),
        ("TransactionToDateTime", consent.to.map(|at| format!("{at}Z"))),
    ];
    if let Some(fields) = data.as_object_mut() {
        fields.extend(times.into_iter().filter_map(|(name, at)| Some((name.to_owned(), at?.into()))));
        if status == Status::Expd {
            let reason =
                json!([{ "StatusReasonCode": "TKXP", "StatusReasonDescription": "the consent has expired" }]);
            fields.insert("StatusReason".to_owned(), reason);
        }
    }
    let this = app.url(&format!("{AISP}/account-access-consents/{id}"));
    json!({ "Data": data, "Risk": {}, "Links": { "Self": this }, "Meta": { "TotalPages": 1 } })
}

fn optional<T>(
    path: &'static str,
    text: Option<String>,
    parse: fn(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    text.map(|text| parse(&text).ok_or_else(|| Problem::invalid(path, "is no date-time"))).transpose()
}

/// The combinations that make sense (Account and Transaction API 4.0, "Permissions").
fn check_permissions(asked: &BTreeSet<String>) -> Result<(), Problem> {
    let has = |name: &str| asked.contains(name);
    let refuse = |message: &str| Err(Problem::invalid("Data.Permissions", message));
    if let Some(unknown) = asked.iter().find(|name| !PERMISSIONS.contains(&name.as_str())) {
        return refuse(&format!("{unknown} is not known"));
    }
    if !has("ReadAccountsBasic") && !has("ReadAccountsDetail") {
        return refuse("ReadAccountsBasic or ReadAccountsDetail is needed");
    }
    let depth = has("ReadTransactionsBasic") || has("ReadTransactionsDetail");
    let direction = has("ReadTransactionsCredits") || has("ReadTransactionsDebits");
    if depth != direction {
        return refuse("transactions need Basic or Detail, and Credits or Debits");
    }
    Ok(())
}
