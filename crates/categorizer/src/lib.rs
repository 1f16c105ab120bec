//! Enriching and categorising statement lines: pure, fast, and with a reason for every answer.
//!
//! Guarantees: the same record gives the same answer, alone or in a batch; every answer carries at
//! least one reason; money going out never gets an income category and money coming in never a
//! spending one; below the threshold the answer is `UNKNOWN.uncategorised`, never a guess; a
//! merchant is named only where a table row of the record's country names it without doubt.
//!
//! Never: does I/O for a record, learns from customers' text, changes the raw text, or logs it.

mod bytes;
mod calibration;
pub mod choices;
mod clean;
mod codes;
mod compose;
mod conditions;
mod direction;
mod engine;
mod entry;
pub mod eval;
mod evidence;
pub mod files;
mod filter;
mod knowledge;
mod matcher;
pub mod memory;
pub mod model;
mod odds;
pub mod record;
mod report;
mod rows;
pub mod rules;
mod spelling;
pub mod stage;
mod svg;
pub mod taxonomy;
pub mod text;
mod why;

pub use engine::{Engine, VERSION};
pub use knowledge::KnowledgeError;
pub use memory::Memory;
pub use record::{Category, Channel, Confidence, Enrichment, Input, Merchant, Source, Why};
pub use rows::FileError;
pub use stage::{CategorizerConfig, Deps, run};
