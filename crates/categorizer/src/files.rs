//! Enriching statement files: rows in, the same rows with their enrichment out, in the same order.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, BufWriter, Read, Write},
    path::Path,
};

use crate::{
    engine::Engine,
    record::{Enrichment, Level},
    rows::{FileError, Rows},
};

/// Columns added to every row.
const ADDED: [&str; 6] = ["category", "confidence", "merchant", "clean_description", "source", "why"];

/// What was enriched.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Rows written.
    pub rows: usize,
    /// Rows with a category.
    pub categorised: usize,
    /// Rows with a merchant.
    pub merchants: usize,
    /// Rows by group.
    pub groups: BTreeMap<&'static str, usize>,
    /// Rows by the tier their category rests on.
    pub sources: BTreeMap<&'static str, usize>,
    /// Rows by band of confidence: very high, high, medium, low, none.
    pub levels: [usize; 5],
}

/// Enriches the file `input` into the file `output`.
///
/// # Errors
/// [`FileError`] where a file cannot be opened, a column is missing or a row is wrong.
pub fn enrich_file(engine: &Engine, input: &Path, output: &Path) -> Result<Summary, FileError> {
    enrich(engine, BufReader::new(File::open(input)?), BufWriter::new(File::create(output)?))
}

/// As [`enrich_file`], on anything that can be read and written.
///
/// # Errors
/// As [`enrich_file`].
pub fn enrich(engine: &Engine, reader: impl Read, writer: impl Write) -> Result<Summary, FileError> {
    let mut rows = Rows::new(reader)?;
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(writer);
    writer.write_record(rows.header.iter().chain(ADDED))?;
    let mut summary = Summary::default();
    while let Some(row) = rows.next() {
        let row = row?;
        let answer = engine.categorise(&rows.input(&row));
        summary.count(&answer);
        let [category, confidence, why] =
            [answer.category.to_string(), answer.confidence.to_string(), answer.why.to_string()];
        let merchant = answer.merchant.map_or("", |m| m.name);
        let added = [&category, &confidence, merchant, &answer.clean_description, answer.source.code(), &why];
        writer.write_record(row.record.iter().chain(added))?;
    }
    writer.flush()?;
    Ok(summary)
}

impl Summary {
    fn count(&mut self, answer: &Enrichment) {
        self.rows += 1;
        self.categorised += usize::from(answer.category.primary != "UNKNOWN");
        self.merchants += usize::from(answer.merchant.is_some());
        *self.groups.entry(answer.category.primary).or_default() += 1;
        *self.sources.entry(answer.source.code()).or_default() += 1;
        let level = match answer.confidence.level() {
            Level::VeryHigh => 0,
            Level::High => 1,
            Level::Medium => 2,
            Level::Low => 3,
            Level::Unknown => 4,
        };
        if let Some(rows) = self.levels.get_mut(level) {
            *rows += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_columns_pass_through_and_the_order_is_kept() {
        let engine = Engine::embedded().unwrap();
        let file = "id,description,amount,currency,direction,mcc,country\n\
                    7,TESCO STORES 2345,12.30,GBP,debit,,GB\n8,qqzz,1,GBP,debit,,GB\n";
        let mut out = Vec::new();
        let summary = enrich(&engine, file.as_bytes(), &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines[0].ends_with("country,category,confidence,merchant,clean_description,source,why"));
        assert!(lines[1].starts_with("7,TESCO STORES 2345,12.30,GBP,debit,,GB,FOOD.groceries,0."));
        assert!(lines[2].starts_with("8,qqzz"));
        assert_eq!((summary.rows, summary.merchants), (2, 1));
    }
}
