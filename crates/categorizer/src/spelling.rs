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
const MIN_LEFT: usize = 6;
const MAX_AHEAD: usize = 40;

/// Hits inside words that no phrase covers: `stadtbaeckerei`, `sweetmariacoffee`.
pub(crate) fn compounds(
    knowledge: &Knowledge,
    text: &Text,
    core: &Core,
    hits: &[Hit],
    at: Countries,
) -> Vec<Hit> {
    let free = |i: &&usize| hits.iter().all(|h| !(h.first..h.end).contains(i));
    core.words.iter().filter(free).filter_map(|i| compound(knowledge, text, *i, at)).collect()
}

/// The head of a compound stands last in Germanic languages and in run-together English; its other
/// end is tried only where the last part says nothing. A brand counts after a channel wording.
fn compound(knowledge: &Knowledge, text: &Text, index: usize, at: Countries) -> Option<Hit> {
    let word = text.word(text.tokens.get(index)?);
    if word.len() < MIN_COMPOUND || !word.is_ascii() {
        return None;
    }
    let rows = |from: usize, to: usize| {
        let part = word.get(from..to).unwrap_or_default();
        knowledge.find(Fingerprint::EMPTY.with(part)).iter()
    };
    let told = |from: usize| rows(0, from).any(|e| e.channel().is_some());
    let last = (2..=word.len() - MIN_PART).find_map(|from| {
        let meant = |e: &&Entry| names_a_thing(e) || (from >= MIN_PART && !e.weak() && told(from));
        let entry = rows(from, word.len()).filter(meant).find_map(|e| choice(e, at));
        entry.map(|entry| (entry, word.len() - from))
    });
    let first = || {
        (MIN_PART..word.len() - 1).rev().find_map(|to| {
            let entry = rows(0, to).filter(|e| names_a_thing(e)).find_map(|e| choice(e, at));
            entry.map(|entry| (entry, to))
        })
    };
    let (entry, letters) = last.or_else(first).filter(|((_, fit), _)| *fit != Fit::Foreign)?;
    Some(Hit { first: index, end: index + 1, letters, entry: Some(entry), channel: None, how: How::Compound })
}

fn names_a_thing(entry: &Entry) -> bool {
    entry.kind == Kind::Word && !entry.weak() && entry.tokens == 1
}

/// The phrase that the name, up to the end of the line, begins, if all phrases that begin so mean the same.
pub(crate) fn cut_off(
    knowledge: &Knowledge,
    text: &Text,
    core: &Core,
    at: Countries,
    debit: bool,
) -> Option<Hit> {
    let end = text.tokens.len();
    let first = *core.words.first()?;
    let letters: String = text.tokens.get(first..end)?.iter().map(|t| text.word(t)).collect();
    if letters.len() < MIN_LEFT {
        return None;
    }
    let phrases = knowledge.beginning_with(&letters, MAX_AHEAD);
    let owners = phrases.iter().filter_map(|rows| {
        let near = rows.iter().filter_map(|e| choice(e, at)).filter(|(_, fit)| *fit > Fit::Unknown);
        near.max_by_key(|(e, fit)| rank(e, *fit, debit))
    });
    let owners: Vec<(Entry, Fit)> = owners.collect();
    let home = owners.iter().copied().filter(|(_, fit)| *fit == Fit::Home);
    let entry = agreed(home).or_else(|| agreed(owners.iter().copied()))?;
    Some(Hit { first, end, letters: letters.len(), entry: Some(entry), channel: None, how: How::CutOff })
}

/// The first of the rows, if they all say the same.
fn agreed(mut rows: impl Iterator<Item = (Entry, Fit)>) -> Option<(Entry, Fit)> {
    let first = rows.next()?;
    let leaf: Option<Leaf> = first.0.leaf();
    rows.all(|(e, _)| e.leaf() == leaf).then_some(first)
}
