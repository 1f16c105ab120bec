//! The routes, their description, and what all answers share.

mod consents;
mod create;
mod cursor;
mod fields;
mod view;

use std::sync::Arc;

use axum::error_handling::HandleErrorLayer;
use axum::extract::{DefaultBodyLimit, FromRef, FromRequestParts, MatchedPath, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{BoxError, Json, Router, middleware};
use events::TenantId;
use institutions::Institutions;
use service::http::{Caller, Problem, Tokens};
use service::{Clock, telemetry};
use store::{Store, StoreError};
use tokio_util::task::TaskTracker;
use tower::ServiceBuilder;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authorise;
use crate::config::{ConfigFault, ConsentConfig, Limits};
use crate::link::Links;

/// The largest body.
const BODY_BYTES: usize = 64 * 1024;

/// What all requests share. Clones are the same.
#[derive(Clone)]
pub struct Api {
    pub(crate) store: Store,
    pub(crate) institutions: Institutions,
    pub(crate) clock: Clock,
    pub(crate) links: Links,
    /// Work that goes on when its caller has left.
    pub(crate) background: TaskTracker,
    tokens: Tokens,
    limits: Arc<Limits>,
}

impl Api {
    /// The API over a store and institutions.
    ///
    /// # Errors
    /// [`ConfigFault`] says what cannot be used.
    pub fn new(
        config: &ConsentConfig,
        store: Store,
        institutions: Institutions,
        clock: Clock,
    ) -> Result<Self, ConfigFault> {
        config.check()?;
        Ok(Self {
            links: Links::new(config.public_url.clone(), store.pseudonym_secret()),
            tokens: Tokens::read(&config.tokens)?,
            limits: Arc::new(config.limits.clone()),
            background: TaskTracker::new(),
            store,
            institutions,
            clock,
        })
    }
}

impl FromRef<Api> for Tokens {
    fn from_ref(api: &Api) -> Self {
        api.tokens.clone()
    }
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Consent Management API",
        description = "Consents of a bank's customers to share what they hold at other institutions, and the pages at which customers authorise them.",
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

/// All routes. The description is served at `/v1/openapi.json`, without a token.
pub fn router(api: Api) -> Router {
    let (routes, openapi) = described().split_for_parts();
    let pressure = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(async |_: BoxError| Problem::unavailable("the service")))
        .layer(LoadShedLayer::new())
        .layer(GlobalConcurrencyLimitLayer::new(api.limits.concurrent_requests.get()));
    routes
        .route("/v1/openapi.json", get(async move || Json(openapi)))
        .fallback(async || Problem::not_found("resource"))
        .method_not_allowed_fallback(async || {
            let code = "method_not_allowed";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, code, "use a method that the description names")
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, api.limits.request_timeout()))
        .layer(pressure)
        .layer(CatchPanicLayer::custom(|_| Problem::internal().into_response()))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .with_state(api)
}

/// The description as it is served.
#[must_use]
pub fn document() -> OpenApi {
    described().into_openapi()
}

fn described() -> OpenApiRouter<Api> {
    let pages = OpenApiRouter::new()
        .routes(routes!(authorise::open))
        .routes(routes!(authorise::callback))
        .layer(middleware::map_response(authorise::guarded));
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(create::create, consents::list))
        .routes(routes!(consents::show, consents::end))
        .merge(pages)
}

/// One span a request, in the caller's trace if it names one. The address itself is left out: it may hold a link's key
/// or an institution's code.
fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
    let span = tracing::info_span!("request", method = %request.method(), route);
    if let Some(parent) = request.headers().get("traceparent").and_then(|value| value.to_str().ok()) {
        telemetry::continue_trace(&span, parent);
    }
    span
}

/// Whose consents are asked for: the tenant that the request's token stands for.
struct Tenant(TenantId);

impl FromRequestParts<Api> for Tenant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, api).await?;
        TenantId::try_from(caller.tenant).map(Self).map_err(|error| {
            tracing::error!(%error, "a token stands for a tenant that cannot be one");
            Problem::internal()
        })
    }
}

/// What a failed call to the store is to the caller.
fn failed(error: &StoreError) -> Problem {
    match error {
        StoreError::NotFound => Problem::not_found("consent"),
        StoreError::Illegal { .. } => Problem::new(StatusCode::CONFLICT, "illegal_move", error.to_string()),
        error if error.is_transient() => {
            tracing::warn!(%error, "the store does not answer");
            Problem::unavailable("the store")
        }
        error => {
            tracing::error!(%error, "a call to the store failed");
            Problem::internal()
        }
    }
}
