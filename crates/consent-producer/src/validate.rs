//! What a consent may ask for: one set of rules for the API and for consent events.

use events::{Consent, InstitutionId};
use institutions::{Institution, Institutions};
use jiff::civil::Date;
use jiff::{SignedDuration, Span, Timestamp};
use service::http::FieldError;

/// The terms that rules look at. One that could not be read is left out: it is somebody else's to report.
pub(crate) struct Terms<'a> {
    pub(crate) institution: Option<&'a InstitutionId>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) history_from: Option<Date>,
}

impl<'a> From<&'a Consent> for Terms<'a> {
    fn from(consent: &'a Consent) -> Self {
        Self {
            institution: Some(&consent.institution_id),
            expires_at: Some(consent.expires_at),
            history_from: consent.history_from,
        }
    }
}

/// Everything that is wrong with a consent asked for at `now`; nothing if it may be created.
pub(crate) fn check(terms: &Terms<'_>, institutions: &Institutions, now: Timestamp) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let institution = terms.institution.and_then(|id| institutions.get(id));
    if terms.institution.is_some() && institution.is_none() {
        faults.push(fault(
            "institution_id",
            "unknown_institution",
            "is not the id of a configured institution",
        ));
    }
    faults.extend(terms.expires_at.and_then(|end| check_expiry(end, institution.as_deref(), now)));
    if let Some((day, institution)) = terms.history_from.zip(institution) {
        faults.extend(check_history(day, &institution, now));
    }
    faults
}

fn check_expiry(end: Timestamp, institution: Option<&Institution>, now: Timestamp) -> Option<FieldError> {
    if end <= now {
        return Some(fault("expires_at", "expiry_in_the_past", "must lie in the future"));
    }
    let days = institution?.profile().max_consent_days.get();
    let longest = SignedDuration::from_hours(24 * i64::from(days));
    (end.duration_since(now) > longest).then(|| {
        fault(
            "expires_at",
            "expiry_too_far",
            &format!("must lie within {days} days, which is all this institution grants"),
        )
    })
}

/// Days are the institution's own.
fn check_history(day: Date, institution: &Institution, now: Timestamp) -> Option<FieldError> {
    let profile = institution.profile();
    let today = now.to_zoned(profile.time_zone.clone()).date();
    if day > today {
        return Some(fault("history_from", "history_in_the_future", "must not lie in the future"));
    }
    let months = profile.history.months.get();
    let oldest = today.saturating_sub(Span::new().months(months));
    (day < oldest).then(|| {
        fault(
            "history_from",
            "history_too_far",
            &format!("must lie within {months} months, which is all this institution gives"),
        )
    })
}

/// One thing that is wrong. `detail` never quotes what was sent.
pub(crate) fn fault(field: &str, code: &'static str, detail: &str) -> FieldError {
    FieldError { field: field.to_owned(), code, detail: detail.to_owned() }
}
