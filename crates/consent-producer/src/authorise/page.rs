//! What the customer reads.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use institutions::Profile;
use store::{ConsentStatus, StoreError};
use url::Url;

/// What the pages look like; a part of each, which the policy of [`super::guarded`] lets in by its hash.
pub(super) const STYLE: &str = include_str!("../../templates/notice.css");

/// A page that says how it went and what she can do now.
#[derive(Template)]
#[template(path = "notice.html")]
pub(crate) struct Notice {
    status: StatusCode,
    heading: &'static str,
    text: String,
    /// For her to quote; none where all is well.
    code: Option<&'static str>,
    /// Where she can try again.
    retry: Option<Url>,
}

impl IntoResponse for Notice {
    fn into_response(self) -> Response {
        match self.render() {
            Ok(page) => (self.status, Html(page)).into_response(),
            Err(error) => {
                tracing::error!(%error, "page cannot be written");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

impl Notice {
    fn new(status: StatusCode, heading: &'static str, text: impl Into<String>) -> Self {
        Self { status, heading, text: text.into(), code: None, retry: None }
    }

    fn coded(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// The institution has confirmed.
    pub(super) fn connected(institution: &Profile) -> Self {
        let text = format!(
            "{} has confirmed. We are fetching your information; this can take a few minutes. You can close this page.",
            institution.name
        );
        Self::new(StatusCode::OK, "Connected", text)
    }

    /// She said no.
    pub(super) fn denied(institution: &Profile) -> Self {
        let text = format!(
            "You chose not to share. Nothing was taken from {}. You can close this page.",
            institution.name
        );
        Self::new(StatusCode::OK, "Not connected", text).coded("access_denied")
    }

    /// It did not work, and may if she tries again.
    pub(super) fn try_again(institution: &Profile, code: &'static str, link: Url) -> Self {
        let text =
            format!("{} could not finish. Nothing is lost: please try again in a moment.", institution.name);
        Self {
            retry: Some(link),
            ..Self::new(StatusCode::BAD_GATEWAY, "That did not work", text).coded(code)
        }
    }

    /// It did not work, and will not.
    pub(super) fn failed(institution: &Profile, code: &'static str) -> Self {
        let text = format!(
            "{} could not be connected. Please go back to where you came from; your bank can see what went wrong.",
            institution.name
        );
        Self::new(StatusCode::BAD_GATEWAY, "Not connected", text).coded(code)
    }

    /// The link opens nothing.
    pub(super) fn no_such_link() -> Self {
        let text = "This link is not complete or no longer valid. Please go back to where you came from and start again.";
        Self::new(StatusCode::NOT_FOUND, "This link cannot be used", text).coded("link_invalid")
    }

    /// There is nothing to approve any more.
    pub(super) fn closed(status: ConsentStatus) -> Self {
        match status {
            ConsentStatus::Active => {
                let text = "You have approved this already. You can close this page.";
                Self::new(StatusCode::OK, "Already connected", text)
            }
            _ => {
                let text =
                    "This request has ended. Please go back to where you came from to start a new one.";
                Self::new(StatusCode::GONE, "This request has ended", text).coded("consent_ended")
            }
        }
    }

    /// What came back is not believed.
    pub(super) fn refused(code: &'static str) -> Self {
        let text = match code {
            "state_used" => {
                "This page was opened before. If you were not told that you are connected, please start again."
            }
            "state_expired" => "This took more than ten minutes. Please start again.",
            "other_browser" => {
                "You came back in another browser or window than you left in. Please start again and stay in one."
            }
            _ => "What came back from your institution does not fit what we asked. Please start again.",
        };
        Self::new(StatusCode::BAD_REQUEST, "We cannot continue", text).coded(code)
    }

    /// The institution is not, or no longer, configured.
    pub(super) fn no_institution() -> Self {
        let text = "Your institution cannot be reached through us at the moment. Please try again later.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Not available", text).coded("institution_unavailable")
    }

    /// A fault of the program; the log knows more.
    pub(super) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "authorisation failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", "Please try again later.")
            .coded("internal")
    }
}

impl From<StoreError> for Notice {
    fn from(error: StoreError) -> Self {
        match error {
            // Only a consent that has ended meanwhile refuses what is asked of the store here.
            StoreError::NotFound | StoreError::Conflict { .. } | StoreError::Shredded => {
                Self::closed(ConsentStatus::Revoked)
            }
            StoreError::Illegal { from, .. } => Self::closed(from),
            error if error.is_transient() => {
                tracing::warn!(%error, "the store does not answer");
                let text = "We cannot continue at the moment. Please try again.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "Please try again", text).coded("unavailable")
            }
            error => Self::internal(&error),
        }
    }
}
