//! What the role counts; every name is here.

use std::sync::LazyLock;

use events::InstitutionId;
use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};

static AUTHORISATIONS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    counter("connector_authorisations", "Authorisations that came to an end, by institution and ending.")
});
static REFUSED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    counter("connector_security_events", "Authorisation links and callbacks that were refused, by code.")
});
static REVOCATIONS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    counter("connector_institution_revocations", "Revocations at institutions, by institution and ending.")
});

fn counter(name: &'static str, description: &'static str) -> Counter<u64> {
    global::meter("consent-producer").u64_counter(name).with_description(description).build()
}

/// An authorisation came to an end: `authorised`, `denied`, or the code of what went wrong.
pub(crate) fn authorisation(institution: &InstitutionId, ending: &'static str) {
    AUTHORISATIONS.add(1, &[at(institution), KeyValue::new("ending", ending)]);
}

/// Somebody came with what is not, or no longer, hers.
pub(crate) fn security_event(code: &'static str) {
    REFUSED.add(1, &[KeyValue::new("code", code)]);
}

/// A revocation at an institution came to an end: `revoked` or `revocation_failed`.
pub(crate) fn revocation(institution: &InstitutionId, ending: &'static str) {
    REVOCATIONS.add(1, &[at(institution), KeyValue::new("ending", ending)]);
}

fn at(institution: &InstitutionId) -> KeyValue {
    KeyValue::new("institution", institution.to_string())
}
