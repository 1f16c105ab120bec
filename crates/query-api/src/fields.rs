//! Reading query parameters one by one, so that an answer names every one that is wrong.

use std::str::FromStr;

use service::http::FieldError;

/// Collects what is wrong with a request.
#[derive(Default)]
pub(crate) struct Fields(Vec<FieldError>);

impl Fields {
    /// The parameter's value; what cannot be read is noted under `code`.
    pub(crate) fn read<T: FromStr>(
        &mut self,
        field: &'static str,
        text: Option<&str>,
        code: &'static str,
        expected: &'static str,
    ) -> Option<T> {
        self.read_with(field, text, code, expected, |text| text.parse().ok())
    }

    /// The same with a reader of one's own.
    pub(crate) fn read_with<T>(
        &mut self,
        field: &'static str,
        text: Option<&str>,
        code: &'static str,
        expected: &'static str,
        reader: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = reader(text?);
        self.check(value.is_some(), field, code, expected);
        value
    }

    /// Notes the field as wrong unless `holds`.
    pub(crate) fn check(
        &mut self,
        holds: bool,
        field: &'static str,
        code: &'static str,
        expected: &'static str,
    ) {
        if !holds {
            self.0.push(FieldError { field: field.to_owned(), code, detail: format!("must be {expected}") });
        }
    }

    /// The value, or everything that was wrong.
    pub(crate) fn done<T>(self, value: T) -> Result<T, Vec<FieldError>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}
