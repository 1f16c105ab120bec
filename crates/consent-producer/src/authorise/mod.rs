//! The customer's way to her institution and back.
//!
//! She opens our link, which binds her browser by a cookie, and is sent to the institution with a state that is good
//! once, for ten minutes, for this consent and in this browser. What comes back is believed only if all of it fits.

mod attempt;
mod browser;
mod callback;
mod open;
mod page;

use std::sync::LazyLock;

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use events::ConsentId;
use store::ConsentStatus;

pub(crate) use callback::callback;
pub(crate) use open::open;
// The description's macros look for what they made beside the handlers.
pub(crate) use callback::__path_callback;
pub(crate) use open::__path_open;

use crate::metrics;

/// Whether there is something for the customer to approve.
pub(crate) fn awaits_customer(status: ConsentStatus) -> bool {
    matches!(status, ConsentStatus::AwaitingAuthorisation | ConsentStatus::NeedsReauthorisation)
}

/// Somebody came with what is not, or no longer, hers. The consent is named where it is certain.
fn security_event(code: &'static str, consent: Option<ConsentId>) {
    metrics::security_event(code);
    let consent = consent.map(tracing::field::display);
    tracing::warn!(target: "security", code, consent, "authorisation refused");
}

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// What pages may do: nothing but look like ours.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(attempt::sha256(page::STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// No script, nothing from elsewhere, in no frame, kept in no cache; and no other site is told the address.
pub(crate) async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (X_FRAME_OPTIONS, "DENY"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
        (PERMISSIONS_POLICY, "camera=(), geolocation=(), microphone=(), payment=()"),
        (OPENER_POLICY, "same-origin-allow-popups"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
