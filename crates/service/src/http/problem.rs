//! Errors as RFC 9457 problem details, with a code for machines, whether to try again, and who must act.

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Who can do something about a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The calling system: the request has to change.
    Client,
    /// The customer.
    User,
    /// The institution that holds the data.
    Institution,
    /// Whoever runs the connector.
    Operator,
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// The field's name in the request.
    pub field: String,
    /// For machines.
    pub code: &'static str,
    /// For people.
    pub detail: String,
}

/// A problem+json answer (RFC 9457 §3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// `urn:connector:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status.
    pub status: u16,
    /// What the status means.
    pub title: &'static str,
    /// For machines; stable.
    pub code: &'static str,
    /// What happened and what to do next.
    pub detail: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Who must act.
    pub actor: Actor,
    /// Field by field, where the request was not valid.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Seconds after which to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Problem {
    /// A problem of the calling system's making that it must mend.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:connector:problem:{code}"),
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or("Error"),
            code,
            detail: detail.into(),
            retryable: false,
            actor: Actor::Client,
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// The request has fields that are not valid.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = "the request has fields that are not valid; see errors".to_owned();
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail) }
    }

    /// Nothing of that name is there for this caller.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("no such {what}"))
    }

    /// Something the service needs does not answer; the same request may succeed later.
    #[must_use]
    pub fn unavailable(what: &str) -> Self {
        Self {
            retryable: true,
            actor: Actor::Operator,
            retry_after: Some(2),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                format!("{what} does not answer; try again"),
            )
        }
    }

    /// A fault of the program; the log knows more.
    #[must_use]
    pub fn internal() -> Self {
        Self {
            actor: Actor::Operator,
            ..Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "an error that was logged; report the trace id",
            )
        }
    }

    /// The same with another actor.
    #[must_use]
    pub fn acted_on_by(self, actor: Actor) -> Self {
        Self { actor, ..self }
    }

    /// The same, to be tried again after so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retryable: true, retry_after: Some(seconds), ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, axum::Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A JSON body whose refusal is a problem+json too.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(JsonRejection::JsonDataError(error)) => Err(malformed("invalid_body", error.body_text())),
            Err(JsonRejection::JsonSyntaxError(error)) => Err(malformed("malformed_json", error.body_text())),
            Err(other) => Err(Problem::new(other.status(), "invalid_body", other.body_text())),
        }
    }
}

/// Query parameters whose refusal is a problem+json too.
#[derive(Debug)]
pub struct QueryParams<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        axum::extract::Query::<T>::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|error: QueryRejection| malformed("invalid_query", error.body_text()))
    }
}

fn malformed(code: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, detail)
}
