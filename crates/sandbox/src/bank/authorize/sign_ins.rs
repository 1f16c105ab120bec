//! Browsers on their way through the pages.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};

use super::super::Shared;
use super::End;
use super::request::Request;

/// How long a customer may take.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);
pub(super) const COOKIE: &str = "sandbox_sign_in";

/// One browser on its way through the pages.
#[derive(Debug, Clone)]
pub(super) struct SignIn {
    pub(super) request: Request,
    /// Goes with each form and must come back with it.
    pub(super) csrf: String,
    pub(super) customer: Option<String>,
    pub(super) started: Timestamp,
}

/// Who is on the way, by the value of the cookie.
#[derive(Default)]
pub(in super::super) struct SignIns(Mutex<BTreeMap<String, SignIn>>);

impl SignIns {
    pub(super) fn put(&self, cookie: String, sign_in: SignIn) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, other| other.started + PATIENCE > sign_in.started);
        all.insert(cookie, sign_in);
    }

    /// Takes the sign-in out, so that a form is good for one answer.
    fn take(&self, cookie: &str, csrf: Option<&str>, now: Timestamp) -> Option<SignIn> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |found: &SignIn| Some(found.csrf.as_str()) == csrf && found.started + PATIENCE > now;
        all.get(cookie).is_some_and(fits).then(|| all.remove(cookie)).flatten()
    }
}

/// A form as it was sent; names may repeat.
pub(super) type Fields = Vec<(String, String)>;

/// The first value of a field.
pub(super) fn field<'a>(form: &'a Fields, name: &str) -> Option<&'a str> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The sign-in that this form belongs to, with its cookie.
pub(super) fn resume(app: &Shared, headers: &HeaderMap, form: &Fields) -> Result<(String, SignIn), End> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split("; ")).filter_map(|pair| pair.split_once('='));
    let cookie =
        pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned()).unwrap_or_default();
    let sign_in = app.sign_ins.take(&cookie, field(form, "csrf"), app.now());
    let sign_in = sign_in.ok_or(End::Here(
        "This page is too old or was opened elsewhere. Start again from the application.",
    ))?;
    Ok((cookie, sign_in))
}
