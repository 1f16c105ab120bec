//! The routes, their description, and what all answers share.

use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts, MatchedPath, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use events::{TenantId, UserId};
use service::http::{Caller, FieldError, Problem, Tokens};
use service::{Clock, telemetry};
use store::{Store, StoreError};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{accounts, transactions};

/// The store's own time-out is shorter; this one only guards against what is not foreseen.
const PATIENCE: Duration = Duration::from_secs(40);

#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) store: Store,
    pub(crate) tokens: Tokens,
    pub(crate) clock: Clock,
}

impl FromRef<Api> for Tokens {
    fn from_ref(api: &Api) -> Self {
        api.tokens.clone()
    }
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Query API",
        description = "Transactions and accounts that customers shared, enriched and with their origin.",
    ),
    modifiers(&Bearer),
    security(("bearer" = [])),
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        openapi.components.get_or_insert_default().add_security_scheme("bearer", scheme);
    }
}

/// What can be read, without a fallback of its own, so that another service's router may take it in.
pub fn router(store: Store, tokens: Tokens, clock: Clock) -> Router {
    let (routes, _) = described().split_for_parts();
    routes
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, PATIENCE))
        .layer(CatchPanicLayer::custom(|_| Problem::internal().into_response()))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .with_state(Api { store, tokens, clock })
}

/// The same as a service that stands alone. Its description is served at `/v1/openapi.json`, without a token.
pub(crate) fn service(store: Store, tokens: Tokens, clock: Clock) -> Router {
    router(store, tokens, clock)
        .route("/v1/openapi.json", get(async || Json(document())))
        .fallback(async || Problem::not_found("resource"))
        .method_not_allowed_fallback(async || {
            let code = "method_not_allowed";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, code, "this can only be read; use GET")
        })
}

/// One span a request, in the caller's trace if it names one. The address is left out: it names a customer.
fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
    let span = tracing::info_span!("request", method = %request.method(), route);
    if let Some(parent) = request.headers().get("traceparent").and_then(|value| value.to_str().ok()) {
        telemetry::continue_trace(&span, parent);
    }
    span
}

/// The description as it is served.
#[must_use]
pub fn document() -> OpenApi {
    described().into_openapi()
}

fn described() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(transactions::list))
        .routes(routes!(accounts::list))
}

/// Whose data is asked for: the caller's tenant and the customer in the path.
pub(crate) struct Subject {
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
}

impl FromRequestParts<Api> for Subject {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, api).await?;
        let tenant = TenantId::try_from(caller.tenant).map_err(|error| {
            tracing::error!(%error, "a token is configured for a tenant that cannot be one");
            Problem::internal()
        })?;
        let Path(user) = Path::<UserId>::from_request_parts(parts, api).await.map_err(|_| {
            let field = "id".to_owned();
            let detail = "must be 1 to 64 characters out of letters, digits, '.', '_' and '-'".to_owned();
            Problem::invalid(vec![FieldError { field, code: "invalid_user_id", detail }])
        })?;
        Ok(Self { tenant, user })
    }
}

/// What a failed read is to the caller.
pub(crate) fn failed(error: &StoreError) -> Problem {
    if error.is_transient() {
        tracing::warn!(%error, "the store does not answer");
        return Problem::unavailable("the store");
    }
    tracing::error!(%error, "a read failed");
    Problem::internal()
}
