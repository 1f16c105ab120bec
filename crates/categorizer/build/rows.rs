//! Reading the files.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

/// A row by column.
pub(crate) type Row = HashMap<String, String>;

/// Every row of a CSV file with its `file:line`.
pub(crate) fn rows(path: &Path) -> Result<Vec<(String, Row)>, String> {
    let fail = |e: csv::Error| format!("{}: {e}", path.display());
    let mut reader = csv::Reader::from_path(path).map_err(fail)?;
    let header = reader.headers().map_err(fail)?.clone();
    let mut out = Vec::new();
    for record in reader.records() {
        let record = record.map_err(fail)?;
        let line = record.position().map_or(0, csv::Position::line);
        let row =
            header.iter().zip(record.iter()).map(|(h, v)| (h.to_owned(), v.trim().to_owned())).collect();
        out.push((format!("{}:{line}", path.display()), row));
    }
    Ok(out)
}

pub(crate) fn field(row: &Row, name: &str) -> String {
    row.get(name).cloned().unwrap_or_default()
}

pub(crate) fn index_of(names: &[&str], name: &str) -> Option<usize> {
    names.iter().position(|n| *n == name)
}

pub(crate) fn everyday(path: &Path) -> Result<HashSet<String>, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    Ok(lines.flat_map(str::split_whitespace).map(str::to_owned).collect())
}

pub(crate) fn brand_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let fail = |e: std::io::Error| format!("{}: {e}", folder.display());
    let entries = fs::read_dir(folder).map_err(fail)?;
    let mut files: Vec<PathBuf> =
        entries.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>().map_err(fail)?;
    files.sort();
    Ok(files)
}
