//! What the role counts; every name is here.

use std::sync::LazyLock;

use events::InstitutionId;
use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};

static JOBS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    global::meter("fetch-workers")
        .u64_counter("connector_fetch_jobs")
        .with_description("Fetch jobs that came to an end here, by institution and ending.")
        .build()
});

static PAGES: LazyLock<Counter<u64>> = LazyLock::new(|| {
    global::meter("fetch-workers")
        .u64_counter("connector_fetch_pages")
        .with_description("Pages read, by institution.")
        .build()
});

/// A job ended: `sent`, or the reason why not.
pub(crate) fn job(institution: &InstitutionId, ending: &'static str) {
    JOBS.add(1, &[at(institution), KeyValue::new("ending", ending)]);
}

/// A page was read.
pub(crate) fn page(institution: &InstitutionId) {
    PAGES.add(1, &[at(institution)]);
}

fn at(institution: &InstitutionId) -> KeyValue {
    KeyValue::new("institution", institution.to_string())
}
