//! One pooled HTTP client per institution, and the judgement of its answers.

use std::time::Duration;

use backoff::{ExponentialBuilder, Retryable};
use bytes::{Bytes, BytesMut};
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode, redirect};
use serde::Deserialize;

use crate::profile::{Profile, ProfileError};
use crate::resolver::PublicOnly;
use crate::throttle::Throttle;
use crate::{Error, Limits};

/// Sends requests to one institution.
pub(crate) struct Http {
    pub(crate) client: reqwest::Client,
    throttle: Throttle,
    max_body: usize,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Http {
    pub(crate) fn new(profile: &Profile) -> Result<Self, ProfileError> {
        let limits = &profile.limits;
        let builder = reqwest::Client::builder()
            .user_agent(concat!("cloud-data-connector/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .https_only(!profile.allow_http)
            .connect_timeout(seconds(limits.connect_timeout_seconds.get()))
            .timeout(seconds(limits.request_timeout_seconds.get()));
        let builder = if profile.allow_http { builder } else { builder.dns_resolver(PublicOnly) };
        let client =
            builder.build().map_err(|source| ProfileError::Tls { profile: profile.id.clone(), source })?;
        Ok(Self { client, throttle: Throttle::new(limits), max_body: max_body(limits) })
    }

    /// Sends once, in its turn, and reads the answer up to the cap.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, Error> {
        let _turn = self.throttle.turn().await;
        let mut response = request.send().await.map_err(transport)?;
        if response.status().is_redirection() {
            return Err(Error::Hostile { what: "redirect" });
        }
        let body = self.read(&mut response).await?;
        Ok(Answer { status: response.status(), headers: std::mem::take(response.headers_mut()), body })
    }

    async fn read(&self, response: &mut Response) -> Result<Bytes, Error> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            if body.len() + chunk.len() > self.max_body {
                return Err(Error::Hostile { what: "body above the cap" });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// Reads a resource, which may be repeated: at most three times more, within seconds, when the network or the
    /// institution fails for a moment or the answer is cut off.
    pub(crate) async fn get<T>(
        &self,
        request: impl Fn() -> RequestBuilder,
        understand: impl Fn(Answer) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let policy = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(2))
            .with_max_times(3)
            .with_jitter();
        let attempt = async || understand(self.send(request()).await?.accepted()?);
        attempt.retry(policy).when(Error::is_uncertain).await
    }
}

impl Answer {
    /// The answer, if it is a success.
    pub(crate) fn accepted(self) -> Result<Self, Error> {
        if self.status.is_success() { Ok(self) } else { Err(self.refusal()) }
    }

    /// The body as JSON of a known shape.
    pub(crate) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        if self.body.is_empty() {
            return Err(Error::Malformed { what: "empty body" });
        }
        let media = self.header(&CONTENT_TYPE).unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/json") {
            return Err(Error::Malformed { what: "not application/json" });
        }
        serde_json::from_slice(&self.body).map_err(|_| Error::Malformed { what: "not the JSON expected" })
    }

    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What a status other than success means for a resource.
    fn refusal(&self) -> Error {
        let code = self.code();
        match self.status.as_u16() {
            401 => Error::Unauthorised,
            403 if code.as_deref().is_some_and(|code| REAUTHENTICATE.contains(&code)) => Error::ConsentGone,
            403 => Error::Forbidden,
            408 => Error::Unavailable { what: "status 408" },
            429 => Error::RateLimited { retry_after: self.retry_after() },
            500..=599 => Error::Unavailable { what: "status 5xx" },
            status => Error::Rejected { status, code },
        }
    }

    /// The institution's error code, if it looks like one.
    pub(crate) fn code(&self) -> Option<String> {
        let refusal: Refusal = serde_json::from_slice(&self.body).ok()?;
        let listed = refusal.errors.into_iter().next().and_then(|error| error.code);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        listed
            .or(refusal.code)
            .or(refusal.error)
            .filter(|code| (1..=64).contains(&code.len()) && code.chars().all(plain))
    }

    /// Seconds, or a date as seen from the answer's own (RFC 9110 §10.2.3).
    fn retry_after(&self) -> Option<Duration> {
        let value = self.header(&RETRY_AFTER)?.trim();
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = |text| DateTimeParser::new().parse_timestamp(text).ok();
        let wait = date(value)?.duration_since(date(self.header(&DATE)?)?);
        Some(wait.try_into().unwrap_or_default())
    }
}

/// UK Open Banking's codes for "the customer has to sign in again", of version 4 and 3.
const REAUTHENTICATE: [&str; 2] = ["U028", "UK.OBIE.Reauthenticate"];

/// The error bodies of UK Open Banking and of OAuth (RFC 6749 §5.2), as far as they hold codes.
#[derive(Deserialize)]
struct Refusal {
    #[serde(default, rename = "Errors")]
    errors: Vec<RefusalDetail>,
    #[serde(default, rename = "Code")]
    code: Option<String>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
struct RefusalDetail {
    #[serde(default, rename = "ErrorCode")]
    code: Option<String>,
}

/// What a failure below HTTP means.
fn transport(error: reqwest::Error) -> Error {
    let error = error.without_url();
    tracing::debug!(?error, "request to an institution failed");
    if error.is_timeout() {
        Error::Unavailable { what: "time-out" }
    } else if error.is_connect() {
        Error::Unavailable { what: "no connection" }
    } else if error.is_body() || error.is_decode() {
        Error::Malformed { what: "body ends early" }
    } else {
        Error::Unavailable { what: "connection lost" }
    }
}

fn seconds(count: u16) -> Duration {
    Duration::from_secs(count.into())
}

fn max_body(limits: &Limits) -> usize {
    usize::try_from(limits.max_body_bytes.get()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    fn answer(status: u16, headers: &[(HeaderName, &str)], body: &'static str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    #[test]
    fn every_status_means_one_thing() {
        let rejected = |status, code: Option<&str>| Error::Rejected { status, code: code.map(str::to_owned) };
        let cases = [
            (401, "", Error::Unauthorised),
            (403, "", Error::Forbidden),
            (403, r#"{"Errors":[{"ErrorCode":"U028"}]}"#, Error::ConsentGone),
            (403, r#"{"Errors":[{"ErrorCode":"UK.OBIE.Reauthenticate"}]}"#, Error::ConsentGone),
            (408, "", Error::Unavailable { what: "status 408" }),
            (429, "", Error::RateLimited { retry_after: None }),
            (503, "<html>", Error::Unavailable { what: "status 5xx" }),
            (400, r#"{"Errors":[{"ErrorCode":"U015"}]}"#, rejected(400, Some("U015"))),
            (400, r#"{"error":"invalid_grant"}"#, rejected(400, Some("invalid_grant"))),
            (400, r#"{"Errors":[{"ErrorCode":"Jane Doe, GB12"}]}"#, rejected(400, None)),
        ];
        for (status, body, expected) in cases {
            assert_eq!(answer(status, &[], body).accepted().err(), Some(expected), "{status} {body}");
        }
    }

    #[test]
    fn retry_after_is_understood_as_seconds_and_as_a_date() {
        let after = |value: &str| {
            let date = (DATE, "Wed, 21 Oct 2026 07:28:00 GMT");
            answer(429, &[(RETRY_AFTER, value), date], "").retry_after()
        };
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        assert_eq!(after("Wed, 21 Oct 2026 07:30:00 GMT"), Some(Duration::from_secs(120)));
        assert_eq!(after("Wed, 21 Oct 2026 07:20:00 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn an_answer_that_is_not_json_or_empty_is_malformed() {
        let json = (CONTENT_TYPE, "application/json; charset=utf-8");
        let read = |headers: &[_], body| answer(200, headers, body).json::<Vec<u8>>();
        assert_eq!(read(from_ref(&json), "[1]"), Ok(vec![1]));
        assert_eq!(read(from_ref(&json), ""), Err(Error::Malformed { what: "empty body" }));
        assert_eq!(read(&[json], "[1"), Err(Error::Malformed { what: "not the JSON expected" }));
        assert_eq!(
            read(&[(CONTENT_TYPE, "text/html")], "[1]"),
            Err(Error::Malformed { what: "not application/json" })
        );
    }
}
