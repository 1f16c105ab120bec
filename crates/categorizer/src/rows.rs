//! Statement files: CSV with the columns `description`, `amount`, `currency`, `direction`, `mcc`,
//! `country`, in any order, with any others beside them.

use std::io::Read;

use rust_decimal::Decimal;

use crate::record::Input;

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A column that must be there is not.
    #[error(
        "the file has no column \"{0}\"; its first line must name description, amount, currency, direction"
    )]
    Column(&'static str),
    /// A row cannot be understood.
    #[error("line {line}: {what}")]
    Row {
        /// Line of the file.
        line: u64,
        /// What is wrong and what would be right.
        what: &'static str,
    },
    /// The CSV itself is broken.
    #[error("the file is no valid csv")]
    Csv(#[from] csv::Error),
    /// Reading or writing failed.
    #[error("the file cannot be read or written")]
    Io(#[from] std::io::Error),
}

/// Positions of the columns the engine reads.
#[derive(Debug)]
struct Columns {
    description: usize,
    amount: usize,
    currency: usize,
    direction: usize,
    mcc: Option<usize>,
    country: Option<usize>,
    label: Option<usize>,
}

/// A statement file being read.
pub(crate) struct Rows<R> {
    reader: csv::Reader<R>,
    /// The first line as it stands.
    pub(crate) header: csv::StringRecord,
    columns: Columns,
}

/// One row: the record as it stands, and its amount signed from the holder's view.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) record: csv::StringRecord,
    amount: Decimal,
}

impl<R: Read> Rows<R> {
    pub(crate) fn new(reader: R) -> Result<Self, FileError> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
        let header = reader.headers()?.clone();
        let find = |name: &str| header.iter().position(|h| h.trim().trim_start_matches('\u{feff}') == name);
        let need = |name: &'static str| find(name).ok_or(FileError::Column(name));
        let columns = Columns {
            description: need("description")?,
            amount: need("amount")?,
            currency: need("currency")?,
            direction: need("direction")?,
            mcc: find("mcc"),
            country: find("country"),
            label: find("label"),
        };
        Ok(Self { reader, header, columns })
    }

    /// Whether the file states the true category of each row.
    pub(crate) const fn has_labels(&self) -> bool {
        self.columns.label.is_some()
    }

    pub(crate) fn next(&mut self) -> Option<Result<Row, FileError>> {
        let mut record = csv::StringRecord::new();
        match self.reader.read_record(&mut record) {
            Ok(false) => None,
            Ok(true) => Some(self.row(record)),
            Err(broken) => Some(Err(broken.into())),
        }
    }

    fn row(&self, record: csv::StringRecord) -> Result<Row, FileError> {
        let line = record.position().map_or(0, csv::Position::line);
        let size = record.get(self.columns.amount).and_then(amount);
        let size =
            size.ok_or(FileError::Row { line, what: "the amount is no decimal number such as -12.34" })?;
        let amount =
            match record.get(self.columns.direction).map(|d| d.trim().to_ascii_lowercase()).as_deref() {
                Some("debit") => -size.abs(),
                Some("credit") => size.abs(),
                _ => return Err(FileError::Row { line, what: "the direction is neither debit nor credit" }),
            };
        Ok(Row { record, amount })
    }

    /// The row as the engine's input.
    pub(crate) fn input<'a>(&self, row: &'a Row) -> Input<'a> {
        let get = |at: usize| row.record.get(at).map(str::trim).unwrap_or_default();
        let maybe = |at: Option<usize>| at.map(get).filter(|v| !v.is_empty());
        Input {
            description: get(self.columns.description),
            amount: row.amount,
            currency: get(self.columns.currency),
            mcc: maybe(self.columns.mcc),
            country: maybe(self.columns.country),
            ..Input::default()
        }
    }

    /// The row's true category, where the file states it.
    pub(crate) fn label<'a>(&self, row: &'a Row) -> Option<&'a str> {
        self.columns.label.and_then(|at| row.record.get(at)).map(str::trim).filter(|l| !l.is_empty())
    }
}

/// `1,234.50`, `1.234,50`, `-12` and `12.5-`; the last separator is the decimal one.
fn amount(text: &str) -> Option<Decimal> {
    let text: String = text.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-')).collect();
    let text = text.trim_matches('-');
    let point = text.rfind(['.', ',']).filter(|at| text.len() - at != 4 || !text.contains(','));
    let digits = |part: &str| part.chars().filter(char::is_ascii_digit).collect::<String>();
    let plain = match point {
        Some(at) => format!("{}.{}", digits(text.get(..at)?), digits(text.get(at + 1..)?)),
        None => digits(text),
    };
    plain.trim_end_matches('.').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_many_spellings_are_read_exactly() {
        for (text, value) in [
            ("-12.34", "12.34"),
            ("1,234.50", "1234.50"),
            ("1.234,50", "1234.50"),
            ("1,234", "1234"),
            ("7", "7"),
            ("0.125", "0.125"),
        ] {
            assert_eq!(amount(text), value.parse().ok(), "{text}");
        }
        assert_eq!(amount("none"), None);
    }

    #[test]
    fn the_direction_column_decides_the_sign() {
        let file = "direction,amount,description,currency,note\ncredit,-5.00,A,EUR,x\ndebit,5.00,B,EUR,y\n";
        let mut rows = Rows::new(file.as_bytes()).unwrap();
        let amounts: Vec<Decimal> = std::iter::from_fn(|| rows.next()).map(|r| r.unwrap().amount).collect();
        assert_eq!(amounts, ["5.00".parse().unwrap(), "-5.00".parse().unwrap()]);
    }

    #[test]
    fn a_wrong_direction_is_refused_with_its_line() {
        let file = "description,amount,currency,direction\nA,1,EUR,debit\nB,1,EUR,in\n";
        let mut rows = Rows::new(file.as_bytes()).unwrap();
        assert!(rows.next().unwrap().is_ok());
        assert_eq!(
            rows.next().unwrap().unwrap_err().to_string(),
            "line 3: the direction is neither debit nor credit"
        );
    }
}
