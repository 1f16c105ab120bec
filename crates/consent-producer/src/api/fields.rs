//! Reading what callers send field by field, so that an answer names every one that is wrong.

use service::http::FieldError;

use crate::validate::fault;

/// Collects what is wrong with a request.
#[derive(Default)]
pub(super) struct Fields(Vec<FieldError>);

/// What is reported for a field that cannot be read.
#[derive(Clone, Copy)]
pub(super) struct Expected {
    pub(super) code: &'static str,
    pub(super) detail: &'static str,
}

impl Fields {
    /// The value of a field that may be left out.
    pub(super) fn read<T>(
        &mut self,
        field: &str,
        text: Option<&str>,
        expected: Expected,
        reader: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = reader(text?);
        if value.is_none() {
            self.0.push(fault(field, expected.code, expected.detail));
        }
        value
    }

    /// The value of a field that has to be there.
    pub(super) fn require<T>(
        &mut self,
        field: &str,
        text: Option<&str>,
        expected: Expected,
        reader: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        if text.is_none() {
            self.missing(field);
        }
        self.read(field, text, expected, reader)
    }

    /// Notes that a field has to be there.
    pub(super) fn missing(&mut self, field: &str) {
        self.0.push(fault(field, "missing", "has to be given"));
    }

    /// Notes what others found.
    pub(super) fn extend(&mut self, faults: Vec<FieldError>) {
        self.0.extend(faults);
    }

    /// The value, if it is there and nothing was wrong.
    pub(super) fn done<T>(self, value: Option<T>) -> Result<T, Vec<FieldError>> {
        value.filter(|_| self.0.is_empty()).ok_or(self.0)
    }
}
