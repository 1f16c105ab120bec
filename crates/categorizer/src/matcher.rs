//! Finding the tables' phrases in a statement line.

use crate::{
    entry::{Countries, Entry, Kind},
    knowledge::Knowledge,
    record::Channel,
    text::{Fingerprint, Text, is_passed_over},
};

/// Longest phrase looked for, in words and in letters.
const MAX_TOKENS: usize = 8;
const MAX_LETTERS: usize = 40;
/// A phrase of so many letters is taken as it stands, and the search goes on behind it.
const LONG: usize = 9;
/// After so many letters it is checked whether any phrase begins with them.
pub(crate) const CHECKED: [usize; 2] = [5, 9];
/// A phrase written with other spaces than the table's must be long enough not to be chance.
const MIN_GLUED: usize = 7;

/// How well a row's countries fit the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// The row is of another country.
    Foreign,
    /// The record's country is not known.
    Unknown,
    /// The row holds everywhere.
    Everywhere,
    /// The row names the record's country.
    Home,
}

/// A phrase found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    /// First word.
    pub(crate) first: usize,
    /// One past the last word.
    pub(crate) end: usize,
    /// Letters matched.
    pub(crate) letters: usize,
    /// The best row that speaks for a category.
    pub(crate) entry: Option<(Entry, Fit)>,
    /// The channel the phrase states.
    pub(crate) channel: Option<Channel>,
    /// How the phrase was found.
    pub(crate) how: How,
}

/// How literally a phrase was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// Letter for letter.
    Whole,
    /// The bank cut the line off inside the phrase.
    CutOff,
    /// A part of a compound word.
    Compound,
}

/// Every phrase in `text` that no longer phrase covers, in reading order.
pub(crate) fn hits(knowledge: &Knowledge, text: &Text, at: Countries, debit: bool) -> Vec<Hit> {
    let mut found: Vec<Hit> = Vec::with_capacity(text.tokens.len());
    let mut next = 0;
    for first in 0..text.tokens.len() {
        if first < next {
            continue;
        }
        let before = found.len();
        from(knowledge, text, first, at, debit, &mut found);
        // Hardly a phrase inside such a long one is longer still.
        let long = found.iter().skip(before).filter(|h| h.letters >= LONG);
        next = long.map(|h| h.end).max().unwrap_or(next);
    }
    // The longest wins; of two equally long the earlier.
    found.sort_by_key(|h| (std::cmp::Reverse(h.letters), h.first));
    let mut kept: Vec<Hit> = Vec::with_capacity(found.len());
    for hit in found {
        if kept.iter().all(|k| hit.end <= k.first || k.end <= hit.first) {
            kept.push(hit);
        }
    }
    kept.sort_by_key(|h| h.first);
    kept
}

/// All phrases that begin with word `first`.
fn from(knowledge: &Knowledge, text: &Text, first: usize, at: Countries, debit: bool, out: &mut Vec<Hit>) {
    let (mut phrase, mut words) = (Phrase::default(), 0);
    for (end, token) in text.tokens.iter().enumerate().skip(first).take(MAX_TOKENS) {
        let Some(whole) = phrase.with(text.word(token), knowledge) else {
            return;
        };
        let rows = knowledge.find(whole.print);
        if !rows.is_empty() {
            let span = Span { first, end: end + 1, letters: whole.letters, words: words + 1 };
            out.extend(best(rows, span, at, debit));
        }
        if end == first || !is_passed_over(token) {
            (phrase, words) = (whole, words + 1);
        }
    }
}

/// The letters of a phrase so far.
#[derive(Clone, Copy)]
struct Phrase {
    print: Fingerprint,
    letters: usize,
}

impl Default for Phrase {
    fn default() -> Self {
        Self { print: Fingerprint::EMPTY, letters: 0 }
    }
}

impl Phrase {
    /// With one more word; `None` where no phrase of the tables begins so.
    fn with(mut self, word: &str, knowledge: &Knowledge) -> Option<Self> {
        for byte in word.bytes() {
            self.print = self.print.with_byte(byte);
            self.letters += 1;
            let known = !CHECKED.contains(&self.letters) || knowledge.may_begin(self.print);
            if !known || self.letters > MAX_LETTERS {
                return None;
            }
        }
        Some(self)
    }
}

#[derive(Clone, Copy)]
struct Span {
    first: usize,
    end: usize,
    letters: usize,
    words: usize,
}

fn best(rows: &[Entry], span: Span, at: Countries, debit: bool) -> Option<Hit> {
    let fits = |e: &&Entry| span.letters >= MIN_GLUED || e.tokens == span.words;
    let channel = rows.iter().filter(fits).find_map(Entry::channel);
    let entry =
        rows.iter().filter(fits).filter_map(|e| choice(e, at)).max_by_key(|(e, fit)| rank(e, *fit, debit));
    let hit =
        Hit { first: span.first, end: span.end, letters: span.letters, entry, channel, how: How::Whole };
    (entry.is_some() || channel.is_some()).then_some(hit)
}

/// The row with its fit; foreign rows count only where the phrase is too long for chance.
pub(crate) fn choice(entry: &Entry, at: Countries) -> Option<(Entry, Fit)> {
    entry.leaf()?;
    let fit = fit(entry.countries, at);
    let long = entry.letters >= 10 && entry.tokens >= 2 || entry.letters >= 8;
    (fit != Fit::Foreign || (long && !entry.weak())).then_some((*entry, fit))
}

/// Which of the rows that own one phrase is meant.
pub(crate) fn rank(entry: &Entry, fit: Fit, debit: bool) -> (bool, bool, bool, Fit, bool) {
    let named = !matches!(entry.kind, Kind::Word | Kind::Other);
    (fit != Fit::Foreign, entry.holds_for(debit), !entry.weak(), fit, named)
}

fn fit(row: Countries, at: Countries) -> Fit {
    if row.everywhere() {
        Fit::Everywhere
    } else if at.is_empty() {
        Fit::Unknown
    } else if row.meets(at) {
        Fit::Home
    } else {
        Fit::Foreign
    }
}
