//! Phrases a bank bent: words run together, and lines cut off at a fixed width.

use crate::{
    clean::Core,
    entry::{Countries, Entry, Kind},
    knowledge::Knowledge,
    matcher::{Fit, Hit, How, choice, rank},
    taxonomy::Leaf,
    text::{Fingerprint, Text},
};

/// A part of a compound shorter than this is chance.
const MIN_PART: usize = 5;
/// A word shorter than this is no compound.
const MIN_COMPOUND: usize = 8;
/// Letters that must be left of a phrase that was cut off, and how many phrases may go on from them.
const MIN_LEFT: usize = 7;
const MAX_AHEAD: usize = 12;

/// Hits inside words that no phrase covers: `stadtbaeckerei`, `sweetmariacoffee`.
pub(crate) fn compounds(knowledge: &Knowledge, text: &Text, core: &Core, hits: &[Hit], at: Countries) -> Vec<Hit> {
    let free = |i: &&usize| hits.iter().all(|h| !(h.first..h.end).contains(i));
    core.words.iter().filter(free).filter_map(|i| compound(knowledge, text, *i, at)).collect()
}

/// The head of a compound stands last in Germanic languages and in run-together English; its other
/// end is tried only where the last part says nothing.
fn compound(knowledge: &Knowledge, text: &Text, index: usize, at: Countries) -> Option<Hit> {
    let word = text.word(text.tokens.get(index)?);
    if word.len() < MIN_COMPOUND || !word.is_ascii() {
        return None;
    }
    let parts = |from: usize, to: usize| word.get(from..to).map(|part| (part.len(), Fingerprint::EMPTY.with(part)));
    let last = (2..=word.len() - MIN_PART).filter_map(|from| parts(from, word.len()));
    let first = (MIN_PART..word.len() - 1).rev().filter_map(|to| parts(0, to));
    last.chain(first).find_map(|(letters, part)| {
        let entry = knowledge.find(part).iter().filter(|e| names_a_thing(e)).find_map(|e| choice(e, at))?;
        let hit = Hit { first: index, end: index + 1, letters, entry: Some(entry), channel: None, how: How::Compound };
        (entry.1 != Fit::Foreign).then_some(hit)
    })
}

fn names_a_thing(entry: &Entry) -> bool {
    entry.kind == Kind::Word && !entry.weak() && entry.tokens == 1
}

/// The phrase the end of the line begins, if all phrases that begin so mean the same.
pub(crate) fn cut_off(knowledge: &Knowledge, text: &Text, core: &Core, at: Countries, debit: bool) -> Option<Hit> {
    let end = text.tokens.len();
    core.words.iter().find_map(|first| {
        let letters: String = text.tokens.get(*first..end)?.iter().map(|t| text.word(t)).collect();
        if letters.len() < MIN_LEFT {
            return None;
        }
        let phrases = knowledge.beginning_with(&letters, MAX_AHEAD);
        let owners = phrases.iter().filter_map(|rows| {
            let home = rows.iter().filter_map(|e| choice(e, at)).filter(|(_, fit)| *fit > Fit::Unknown);
            home.max_by_key(|(e, fit)| rank(e, *fit, debit))
        });
        let entry = agreed(owners)?;
        Some(Hit { first: *first, end, letters: letters.len(), entry: Some(entry), channel: None, how: How::CutOff })
    })
}

/// The first of the rows, if they all say the same.
fn agreed(mut rows: impl Iterator<Item = (Entry, Fit)>) -> Option<(Entry, Fit)> {
    let first = rows.next()?;
    let leaf: Option<Leaf> = first.0.leaf();
    rows.all(|(e, _)| e.leaf() == leaf).then_some(first)
}
