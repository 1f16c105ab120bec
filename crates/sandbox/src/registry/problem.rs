//! Refusals with the protocol's numbers.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::persist::FileError;

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    SubjectNotFound,
    VersionNotFound,
    SchemaNotFound,
    NoLevel,
    Incompatible(String),
    InvalidSchema(String),
    InvalidVersion,
    InvalidLevel,
    Storage,
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        tracing::error!(%error, "the registry cannot keep its schemas");
        Self::Storage
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::SubjectNotFound => (StatusCode::NOT_FOUND, 40401, "subject not found".to_owned()),
            Self::VersionNotFound => (StatusCode::NOT_FOUND, 40402, "version not found".to_owned()),
            Self::SchemaNotFound => (StatusCode::NOT_FOUND, 40403, "schema not found".to_owned()),
            Self::NoLevel => (StatusCode::NOT_FOUND, 40408, "the subject has no level of its own".to_owned()),
            Self::Incompatible(why) => {
                (StatusCode::CONFLICT, 409, format!("schema is incompatible with an earlier version: {why}"))
            }
            Self::InvalidSchema(why) => {
                (StatusCode::UNPROCESSABLE_ENTITY, 42201, format!("invalid Avro schema: {why}"))
            }
            Self::InvalidVersion => (
                StatusCode::UNPROCESSABLE_ENTITY,
                42202,
                "version must be a positive number or latest".to_owned(),
            ),
            Self::InvalidLevel => {
                (StatusCode::UNPROCESSABLE_ENTITY, 42203, "unknown compatibility level".to_owned())
            }
            Self::Storage => (StatusCode::INTERNAL_SERVER_ERROR, 50001, "cannot keep the schema".to_owned()),
        };
        (status, Json(json!({ "error_code": code, "message": message }))).into_response()
    }
}
