//! Measuring the engine on labelled files.
//!
//! An answer that is not given counts as wrong in accuracy and not at all in precision. A label
//! that names only a group is scored at the group alone.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

use crate::{
    engine::Engine,
    memory::Memory,
    record::{Category, Confidence, Source},
    rows::{FileError, Rows},
    taxonomy::{self, Leaf},
};

/// The true category of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) primary: &'static str,
    pub(crate) leaf: Option<Leaf>,
}

impl Label {
    fn parse(text: &str) -> Option<Self> {
        if let Some(leaf) = text.contains('.').then(|| Leaf::parse(text)).flatten() {
            return Some(Self { primary: leaf.primary(), leaf: Some(leaf) });
        }
        taxonomy::groups().find(|g| *g == text).map(|primary| Self { primary, leaf: None })
    }
}

/// One row answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) truth: Label,
    pub(crate) given: Category,
    pub(crate) confidence: Confidence,
    pub(crate) source: Source,
}

impl Answer {
    pub(crate) fn answered(&self) -> bool {
        self.given.primary != "UNKNOWN"
    }

    pub(crate) fn primary_right(&self) -> bool {
        self.given.primary == self.truth.primary
    }

    pub(crate) fn detailed_right(&self) -> bool {
        self.truth.leaf.is_some_and(|l| self.given == l.into())
    }

    /// Right at the level at which it was given.
    pub(crate) fn right(&self) -> bool {
        if self.given.detailed.is_some() && self.truth.leaf.is_some() {
            self.detailed_right()
        } else {
            self.primary_right()
        }
    }
}

/// The figures of one level.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Level {
    /// Rows that have a label at this level.
    pub labelled: usize,
    /// Of them, rows answered at this level.
    pub answered: usize,
    /// Of them, rows answered right.
    pub right: usize,
    /// Mean F1 over the classes that occur, in thousandths.
    pub macro_f1: u16,
}

impl Level {
    /// Right answers among all rows, in thousandths.
    pub fn accuracy(&self) -> u16 {
        share(self.right, self.labelled)
    }

    /// Right answers among the answered rows, in thousandths.
    pub fn precision(&self) -> u16 {
        share(self.right, self.answered)
    }

    /// Answered rows among all, in thousandths.
    pub fn coverage(&self) -> u16 {
        share(self.answered, self.labelled)
    }
}

/// One class at the level of groups.
#[derive(Debug, Clone, Copy, Default)]
pub struct Class {
    /// Rows with this label.
    pub rows: usize,
    /// Rows given this label.
    pub given: usize,
    /// Rows given it rightly.
    pub right: usize,
}

impl Class {
    /// Harmonic mean of precision and recall, in thousandths.
    pub fn f1(&self) -> u16 {
        share(2 * self.right, self.rows + self.given)
    }
}

/// A tenth of the scale of confidence.
#[derive(Debug, Clone, Copy, Default)]
pub struct Band {
    /// Rows answered with a confidence in this tenth.
    pub rows: usize,
    /// Of them right at the level given.
    pub right: usize,
    /// Sum of the confidences, in thousandths.
    pub said: usize,
}

/// Everything measured on one file.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Rows scored.
    pub rows: usize,
    /// Rows left out because their label is none of the taxonomy.
    pub unknown_labels: usize,
    /// At the level of groups.
    pub primary: Level,
    /// At the level of leaves.
    pub detailed: Level,
    /// Group precision of the most confident 60 % of the rows, in thousandths.
    pub top_sixty: u16,
    /// Mean gap between confidence and share right over ten bands, in thousandths.
    pub calibration_error: u16,
    /// The ten bands.
    pub bands: [Band; 10],
    /// By group.
    pub groups: BTreeMap<&'static str, Class>,
    /// By leaf.
    pub leaves: BTreeMap<&'static str, Class>,
    /// Rows by true group and given group, wrong ones only.
    pub confusion: BTreeMap<(&'static str, &'static str), usize>,
    /// Rows and right groups by the tier the answer rests on.
    pub sources: BTreeMap<Source, (usize, usize)>,
}

/// Evaluates a labelled file; with `learn` the engine is told each true label after it answered,
/// as a user's correction would.
///
/// # Errors
/// [`FileError`] where the file cannot be read or has no column `label`.
pub fn run_file(engine: &Engine, path: &Path, learn: bool) -> Result<Report, FileError> {
    run(engine, File::open(path)?, learn)
}

/// As [`run_file`], on anything that can be read.
///
/// # Errors
/// As [`run_file`].
pub fn run(engine: &Engine, reader: impl Read, learn: bool) -> Result<Report, FileError> {
    let mut rows = Rows::new(reader)?;
    if !rows.has_labels() {
        return Err(FileError::Column("label"));
    }
    let (mut answers, mut unknown_labels) = (Vec::new(), 0);
    let mut memory = Memory::default();
    while let Some(row) = rows.next() {
        let row = row?;
        let Some(truth) = rows.label(&row).and_then(Label::parse) else {
            unknown_labels += 1;
            continue;
        };
        let input = rows.input(&row);
        let own = engine.categorise(&input);
        let answer = if learn { memory.apply(&input, own.clone()) } else { own.clone() };
        answers.push(Answer {
            truth,
            given: answer.category,
            confidence: answer.confidence,
            source: answer.source,
        });
        if learn {
            memory.learn(
                &input,
                &own,
                Category { primary: truth.primary, detailed: truth.leaf.map(Leaf::detailed) },
            );
        }
    }
    Ok(Report { unknown_labels, ..summary(&mut answers) })
}

fn summary(answers: &mut [Answer]) -> Report {
    let mut report = Report { rows: answers.len(), ..Report::default() };
    for answer in answers.iter() {
        report.count(answer);
    }
    report.primary.macro_f1 = mean_f1(&report.groups);
    report.detailed.macro_f1 = mean_f1(&report.leaves);
    let gaps = report.bands.iter().map(|b| b.said.abs_diff(b.right * 1000)).sum::<usize>();
    report.calibration_error = ratio(gaps, report.bands.iter().map(|b| b.rows).sum());
    answers.sort_by_key(|a| std::cmp::Reverse(a.confidence));
    let top = answers.get(..answers.len() * 6 / 10).unwrap_or(&[]);
    report.top_sixty = share(top.iter().filter(|a| a.primary_right()).count(), top.len());
    report
}

impl Report {
    fn count(&mut self, answer: &Answer) {
        let (truth, given) = (answer.truth.primary, answer.given.primary);
        self.primary.labelled += 1;
        self.primary.answered += usize::from(answer.answered());
        self.primary.right += usize::from(answer.primary_right());
        tally(&mut self.groups, truth, answer.answered().then_some(given));
        if let Some(leaf) = answer.truth.leaf {
            self.detailed.labelled += 1;
            let detailed = answer.given.detailed.filter(|_| answer.answered());
            self.detailed.answered += usize::from(detailed.is_some());
            self.detailed.right += usize::from(answer.detailed_right());
            tally(&mut self.leaves, leaf.detailed(), detailed);
        }
        if !answer.primary_right() {
            *self.confusion.entry((truth, given)).or_default() += 1;
        }
        let tier = self.sources.entry(answer.source).or_default();
        tier.0 += 1;
        tier.1 += usize::from(answer.primary_right());
        if answer.answered() {
            self.band(answer);
        }
    }

    fn band(&mut self, answer: &Answer) {
        let tenth = usize::from(answer.confidence.value() / 100).min(9);
        if let Some(band) = self.bands.get_mut(tenth) {
            band.rows += 1;
            band.right += usize::from(answer.right());
            band.said += usize::from(answer.confidence.value());
        }
    }
}

fn tally(classes: &mut BTreeMap<&'static str, Class>, truth: &'static str, given: Option<&'static str>) {
    classes.entry(truth).or_default().rows += 1;
    if let Some(given) = given {
        classes.entry(given).or_default().given += 1;
        classes.entry(truth).or_default().right += usize::from(given == truth);
    }
}

/// Over the classes that occur as labels.
fn mean_f1(classes: &BTreeMap<&'static str, Class>) -> u16 {
    let occurring = classes.values().filter(|c| c.rows > 0);
    let (sum, count) = occurring.fold((0, 0), |(s, n), c| (s + usize::from(c.f1()), n + 1));
    ratio(sum, count)
}

fn share(part: usize, whole: usize) -> u16 {
    ratio(part * 1000, whole)
}

fn ratio(sum: usize, count: usize) -> u16 {
    sum.checked_div(count).and_then(|r| u16::try_from(r).ok()).unwrap_or(0)
}
