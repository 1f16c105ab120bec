//! An institution as data: one TOML file each.

mod check;
#[cfg(test)]
mod tests;

use std::num::{NonZeroU16, NonZeroU32};

use events::{Currency, InstitutionId};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::Deserialize;
use service::Secret;
use url::Url;

pub use check::ProfileError;

/// Everything the connector knows about one institution. Keys that are left out take the defaults documented here.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The institution's name in consents and events.
    pub id: InstitutionId,
    /// Its name for people.
    pub name: String,
    /// Where it is regulated (ISO 3166-1, two letters).
    pub country: String,
    /// What it speaks.
    pub standard: Standard,
    /// The address of its data resources, up to and including the version and family (`…/open-banking/v4.0/aisp`).
    pub base_url: Url,
    /// The time zone of its booking days (IANA name).
    #[serde(with = "jiff::fmt::serde::tz::required")]
    pub time_zone: TimeZone,
    /// The longest consent it grants, in days; 365 if left out.
    #[serde(default = "a_year")]
    pub max_consent_days: NonZeroU16,
    /// Allows plain HTTP and addresses inside private networks. For development only.
    #[serde(default)]
    pub allow_http: bool,
    /// How we are registered there.
    pub client: Client,
    /// When it may be asked without the customer.
    #[serde(default)]
    pub schedule: Schedule,
    /// How much of the past it gives.
    #[serde(default)]
    pub history: History,
    /// How hard it may be pressed.
    #[serde(default)]
    pub limits: Limits,
    /// Its habits within the standard.
    #[serde(default)]
    pub dialect: Dialect,
}

/// A standard and version that a connector exists for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Standard {
    /// UK Open Banking Read/Write 4.0, account information.
    #[serde(rename = "uk-ob-4.0")]
    UkOpenBanking4,
}

impl Standard {
    /// The name that travels with raw windows.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UkOpenBanking4 => "uk-ob-4.0",
        }
    }
}

/// Our registration at the institution's authorisation server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The server's issuer identifier, exactly as it writes it (RFC 8414 §2).
    pub issuer: String,
    /// Where browsers are sent; with `token_endpoint`, or left out to be discovered from the issuer.
    #[serde(default)]
    pub authorization_endpoint: Option<Url>,
    /// Where codes and refresh tokens are redeemed.
    #[serde(default)]
    pub token_endpoint: Option<Url>,
    /// Our client id.
    pub id: String,
    /// Our client secret, for `client_secret_basic`.
    pub secret: Secret,
}

/// When an institution is asked without the customer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// Times of day in the institution's zone at which all consents are brought up to date; none by default.
    pub batch_slots: Vec<Time>,
    /// Calls without the customer in 24 hours for each consent, account and endpoint; 4 (EU RTS 2018/389 art.
    /// 36(5)(b)).
    pub unattended_per_day: NonZeroU16,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { batch_slots: Vec::new(), unattended_per_day: nonzero16(4) }
    }
}

/// How much of the past an institution gives.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct History {
    /// Months before the first fetch; 24.
    pub months: NonZeroU16,
    /// Booking days asked for at once; 92.
    pub max_window_days: NonZeroU16,
}

impl Default for History {
    fn default() -> Self {
        Self { months: nonzero16(24), max_window_days: nonzero16(92) }
    }
}

/// How hard an institution may be pressed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests a second, of one process; 20.
    pub requests_per_second: NonZeroU32,
    /// Requests under way at once, of one process; 8.
    pub concurrent_requests: NonZeroU16,
    /// Fetch jobs under way at once, of one process, so that a slow institution does not hold up the others; 8.
    pub concurrent_jobs: NonZeroU16,
    /// Pages of one resource; 200.
    pub page_cap: NonZeroU32,
    /// Bytes of one answer, decompressed; 8 MiB.
    pub max_body_bytes: NonZeroU32,
    /// Seconds to connect; 5.
    pub connect_timeout_seconds: NonZeroU16,
    /// Seconds for a whole request; 30.
    pub request_timeout_seconds: NonZeroU16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: nonzero32(20),
            concurrent_requests: nonzero16(8),
            concurrent_jobs: nonzero16(8),
            page_cap: nonzero32(200),
            max_body_bytes: nonzero32(8 << 20),
            connect_timeout_seconds: nonzero16(5),
            request_timeout_seconds: nonzero16(30),
        }
    }
}

/// The institution's habits within the standard.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dialect {
    /// How dates are written in queries.
    pub query_dates: QueryDates,
    /// How the direction of an amount is told.
    pub sign: SignPolicy,
    /// Whether its transaction ids stay the same; true.
    pub trust_ids: bool,
    /// Whether it lists pending transactions; true.
    pub pending: bool,
    /// The currency of accounts that name none; without it such accounts are left out.
    pub currency: Option<Currency>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            query_dates: QueryDates::Local,
            sign: SignPolicy::Indicator,
            trust_ids: true,
            pending: true,
            currency: None,
        }
    }
}

/// How dates are written in queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueryDates {
    /// Without a zone, as the UK standard's text asks.
    Local,
    /// With a `Z`, as its OpenAPI file and strict validators ask.
    Zoned,
}

/// How the direction of an amount is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignPolicy {
    /// By an indicator beside an unsigned amount.
    Indicator,
    /// By an indicator that means the opposite of what the standard says.
    ReversedIndicator,
}

fn a_year() -> NonZeroU16 {
    nonzero16(365)
}

/// For the defaults above, none of which is zero.
fn nonzero16(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap_or(NonZeroU16::MIN)
}

fn nonzero32(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}
