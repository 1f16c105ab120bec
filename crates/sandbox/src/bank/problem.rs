//! Refusals in the standard's form (`OBErrorResponse1`), and the id that every answer echoes.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use uuid::Uuid;

use crate::persist::FileError;

/// Why a request is refused; codes are from the external code sets of ISO 20022 and, with U, of the standard.
#[derive(Debug)]
pub(super) enum Problem {
    /// No token, or one that opens nothing any more: 401 without a body.
    Unauthorised,
    /// The token is good but does not reach this far.
    Forbidden(&'static str),
    /// Something in the request cannot be.
    Invalid { path: &'static str, message: String },
    /// There is no such account or consent; the standard asks for 400, not 404.
    Unknown(&'static str),
    /// The bank has no such resource.
    NotImplemented,
    /// Ask again later, after so many seconds.
    TooMany(u64),
    /// The bank is down.
    Unavailable,
    /// The bank failed.
    Internal,
}

impl Problem {
    pub(super) fn invalid(path: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { path, message: message.into() }
    }
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        tracing::error!(%error, "the bank cannot keep its state");
        Self::Internal
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self {
            Self::Unauthorised => {
                (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response()
            }
            Self::Forbidden(message) => body(StatusCode::FORBIDDEN, "AG01", message, None),
            Self::Invalid { path, message } => body(StatusCode::BAD_REQUEST, "U003", &message, Some(path)),
            Self::Unknown(message) => body(StatusCode::BAD_REQUEST, "AC01", message, None),
            Self::NotImplemented => StatusCode::NOT_FOUND.into_response(),
            Self::TooMany(seconds) => {
                (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())]).into_response()
            }
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Self::Internal => {
                body(StatusCode::INTERNAL_SERVER_ERROR, "MS03", "the bank failed; try again", None)
            }
        }
    }
}

fn body(status: StatusCode, code: &str, message: &str, path: Option<&str>) -> Response {
    let mut error = json!({ "ErrorCode": code, "Message": message });
    if let (Some(path), Some(fields)) = (path, error.as_object_mut()) {
        fields.insert("Path".to_owned(), path.into());
    }
    (status, Json(json!({ "Id": Uuid::now_v7().to_string(), "Errors": [error] }))).into_response()
}

/// What is not served: optional resources of the standard.
pub(super) async fn not_implemented() -> Problem {
    Problem::NotImplemented
}

/// Every answer carries the caller's interaction id, or a new one.
pub(super) async fn echo_interaction_id(request: Request, next: Next) -> Response {
    let name = HeaderName::from_static("x-fapi-interaction-id");
    let given = request.headers().get(&name).cloned();
    let mut response = next.run(request).await;
    let id = given.or_else(|| HeaderValue::try_from(Uuid::now_v7().to_string()).ok());
    if let Some(id) = id {
        response.headers_mut().insert(name, id);
    }
    response
}
