//! What can go wrong with an institution, and what that means for the caller.

use std::time::Duration;

/// An institution did not give what was asked for. Carries codes only: nothing that a bank or a customer wrote.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The token or code is not accepted.
    #[error("institution does not accept the token; refresh it, then ask the customer to sign in again")]
    Unauthorised,
    /// The consent is no longer served.
    #[error("institution no longer serves this consent; ask the customer to sign in again")]
    ConsentGone,
    /// This account or endpoint is not covered; others may be.
    #[error("institution does not serve this account or endpoint under the consent; leave it out")]
    Forbidden,
    /// Too many requests.
    #[error("institution limits requests; wait as long as it says")]
    RateLimited {
        /// How long it said to wait.
        retry_after: Option<Duration>,
    },
    /// It could not be reached, took too long or had a fault of its own.
    #[error("institution is not available ({what}); try again later")]
    Unavailable {
        /// What happened.
        what: &'static str,
    },
    /// The answer cannot be understood.
    #[error("institution's answer is malformed ({what}); try again, then report it to the institution")]
    Malformed {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A link to a next page leads away, in a circle or on for ever.
    #[error(
        "institution's link to the next page is not safe to follow ({what}); report it to the institution"
    )]
    HostilePagination {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The answer does something that no institution has reason to do.
    #[error("institution's answer is not safe to use ({what}); report it to the institution")]
    Hostile {
        /// What it does.
        what: &'static str,
    },
    /// The request was refused.
    #[error("institution refused the request with status {status} and code {}; check the profile and the registration there", code.as_deref().unwrap_or("none"))]
    Rejected {
        /// HTTP status.
        status: u16,
        /// The institution's code, if it is one: up to 64 letters, digits, `.`, `_` and `-`.
        code: Option<String>,
    },
}

/// What to do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The same may work in a while.
    Retry,
    /// The same may work after as long as the institution said, or after a while of our own choice.
    Later(Option<Duration>),
    /// Only the customer can help.
    Reauthorise,
    /// Repeating helps only after somebody has changed something.
    GiveUp,
}

impl Error {
    /// What to do.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Unavailable { .. } => Class::Retry,
            Self::RateLimited { retry_after } => Class::Later(*retry_after),
            Self::Unauthorised | Self::ConsentGone => Class::Reauthorise,
            Self::Forbidden
            | Self::Malformed { .. }
            | Self::HostilePagination { .. }
            | Self::Hostile { .. }
            | Self::Rejected { .. } => Class::GiveUp,
        }
    }

    /// The name used in the ledger and in metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthorised => "unauthorised",
            Self::ConsentGone => "consent_gone",
            Self::Forbidden => "forbidden",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable { .. } => "institution_unavailable",
            Self::Malformed { .. } => "malformed_answer",
            Self::HostilePagination { .. } => "hostile_pagination",
            Self::Hostile { .. } => "hostile_answer",
            Self::Rejected { .. } => "request_rejected",
        }
    }

    /// Whether the request may have had its effect without our seeing it: the answer never came or was cut off.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Malformed { .. })
    }
}
