//! What one user said about earlier records, and what follows for the next one.
//!
//! Nothing of the text is kept, only fingerprints of what records have in common: the whole line
//! with its amount, its words, its merchant, its first words, single words, and the category the
//! engine gave. Each kind of likeness learns from this user how far it can be trusted, and the
//! engine's own answers are judged the same way; the most trusted speaks.

use rustc_hash::FxHashMap;

use crate::{
    record::{Category, Confidence, Enrichment, Id, Input, Reason, Source},
    taxonomy::{Leaf, leaf},
    text::{Fingerprint, Text},
};

/// What two records can have in common, the closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Likeness {
    Line,
    Words,
    Merchant,
    ThreeWords,
    TwoWords,
    OneWord,
    AnyWord,
    Given,
}

impl Likeness {
    /// What to expect before the user taught better, in thousandths.
    const fn prior(self) -> usize {
        match self {
            Self::Line => 970,
            Self::Words => 950,
            Self::Merchant => 940,
            Self::ThreeWords => 900,
            Self::TwoWords => 850,
            Self::OneWord => 740,
            Self::AnyWord => 600,
            Self::Given => 550,
        }
    }

    const fn id(self) -> &'static str {
        match self {
            Self::Line => "same-line",
            Self::Words => "same-words",
            Self::Merchant => "same-merchant",
            Self::ThreeWords => "same-three-words",
            Self::TwoWords => "same-two-words",
            Self::OneWord => "same-first-word",
            Self::AnyWord => "same-word",
            Self::Given => "same-category-before",
        }
    }
}

/// How often something was right.
#[derive(Debug, Clone, Copy, Default)]
struct Record {
    right: usize,
    total: usize,
}

impl Record {
    /// Share right, drawn towards `prior` (thousandths) with the weight of `trials`.
    fn trust(self, prior: usize, trials: usize) -> usize {
        (prior * trials + self.right * 1000).checked_div(self.total + trials).unwrap_or(0)
    }

    fn note(&mut self, right: bool) {
        self.total += 1;
        self.right += usize::from(right);
    }
}

/// The labels seen with one fingerprint, the latest last.
type Votes = Vec<(Category, usize)>;

/// One user's memory. Start empty and [`Memory::learn`] every choice in the order it was made.
#[derive(Debug, Default)]
pub struct Memory {
    votes: FxHashMap<(Likeness, u64), Votes>,
    likeness: FxHashMap<Likeness, Record>,
    engine: FxHashMap<Category, Record>,
}

/// An answer from memory with its trust in thousandths.
struct Recall {
    category: Category,
    trust: usize,
    likeness: Likeness,
}

impl Memory {
    /// The engine's answer, or this user's own habit where that is more to be trusted.
    pub fn apply(&self, input: &Input<'_>, answer: Enrichment) -> Enrichment {
        let own = self.engine_trust(&answer);
        let Some(recall) = self.recalls(input, &answer).into_iter().max_by_key(|r| r.trust) else {
            return answer;
        };
        if recall.trust <= own {
            let confidence = if self.likeness.is_empty() { answer.confidence } else { confidence(own) };
            return Enrichment { confidence, ..answer };
        }
        remembered(recall, answer)
    }

    /// Takes in that the record belongs to `truth`; `answer` is what [`crate::Engine`] said.
    pub fn learn(&mut self, input: &Input<'_>, answer: &Enrichment, truth: Category) {
        for recall in self.recalls(input, answer) {
            self.likeness.entry(recall.likeness).or_default().note(same(recall.category, truth));
        }
        self.engine.entry(answer.category).or_default().note(same(answer.category, truth));
        for key in keys(input, answer) {
            let votes = self.votes.entry(key).or_default();
            let known = votes.iter().position(|(c, _)| *c == truth).map(|at| votes.remove(at).1);
            votes.push((truth, known.unwrap_or(0) + 1));
        }
    }

    fn engine_trust(&self, answer: &Enrichment) -> usize {
        let said = usize::from(answer.confidence.value());
        self.engine.get(&answer.category).copied().unwrap_or_default().trust(said, 6)
    }

    fn recalls(&self, input: &Input<'_>, answer: &Enrichment) -> Vec<Recall> {
        keys(input, answer).into_iter().filter_map(|key| self.recall(key)).collect()
    }

    fn recall(&self, key: (Likeness, u64)) -> Option<Recall> {
        let votes = self.votes.get(&key)?;
        // Of two labels equally frequent the later one counts: people change their minds.
        let (category, count) = votes.iter().max_by_key(|(_, n)| *n).copied()?;
        let total: usize = votes.iter().map(|(_, n)| n).sum();
        let likeness = key.0;
        let prior = self.likeness.get(&likeness).copied().unwrap_or_default().trust(likeness.prior(), 20);
        // One vote is worth the likeness; many equal ones more.
        let trust = Record { right: count - 1, total: total - 1 }.trust(prior, 2);
        Some(Recall { category, trust, likeness })
    }
}

fn remembered(recall: Recall, answer: Enrichment) -> Enrichment {
    // A user who named only the group does not contradict the engine's leaf within it.
    let finer = recall.category.detailed.is_none() && answer.category.primary == recall.category.primary;
    let category = if finer { answer.category } else { recall.category };
    let mut why = answer.why;
    let of = category.detailed.and_then(Leaf::parse).unwrap_or(leaf::UNCATEGORISED);
    let id = Id::Entry(recall.likeness.id());
    let weight = i32::try_from(recall.trust).unwrap_or(0);
    why.0.insert(0, Reason { source: Source::Memory, id, leaf: of, span: None, weight });
    Enrichment { category, confidence: confidence(recall.trust), source: Source::Memory, why, ..answer }
}

fn same(a: Category, b: Category) -> bool {
    a.primary == b.primary && (b.detailed.is_none() || a.detailed == b.detailed)
}

fn confidence(thousandths: usize) -> Confidence {
    Confidence::per_mille(u16::try_from(thousandths).unwrap_or(0))
}

/// The fingerprints of everything the record can have in common with another.
fn keys(input: &Input<'_>, answer: &Enrichment) -> Vec<(Likeness, u64)> {
    let text = Text::new(input.description);
    let direction = if input.amount.is_sign_negative() { "<" } else { ">" };
    let start = Fingerprint::EMPTY.with(direction);
    let words: Vec<&str> = text.tokens.iter().filter(|t| !t.number).map(|t| text.word(t)).collect();
    let first = |n: usize| words.get(..n).map(|w| joined(start, w));
    let mut keys = vec![(Likeness::Line, joined(start, &[input.description, &input.amount.to_string()]))];
    if !words.is_empty() {
        keys.push((Likeness::Words, joined(start, &words)));
    }
    keys.extend(answer.merchant.map(|m| (Likeness::Merchant, joined(start, &[m.id]))));
    keys.extend(first(3).map(|k| (Likeness::ThreeWords, k)));
    keys.extend(first(2).map(|k| (Likeness::TwoWords, k)));
    keys.extend(first(1).map(|k| (Likeness::OneWord, k)));
    let long = words.iter().filter(|w| w.len() >= 4);
    keys.extend(long.map(|w| (Likeness::AnyWord, joined(start, &[w]))));
    keys.push((
        Likeness::Given,
        joined(start, &[answer.category.primary, answer.category.detailed.unwrap_or("")]),
    ));
    keys
}

fn joined(start: Fingerprint, parts: &[&str]) -> u64 {
    parts.iter().fold(start, |f, part| f.with(part).with(" ")).key()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;

    fn input(description: &str) -> Input<'_> {
        Input { description, amount: (-5).into(), currency: "GBP", ..Input::default() }
    }

    #[test]
    fn one_correction_is_remembered_for_the_next_of_its_kind() {
        let (engine, mut memory) = (Engine::embedded().unwrap(), Memory::default());
        let (first, next) = (input("ZQ BLUE HERON 4411"), input("ZQ BLUE HERON 9020 LEEDS"));
        memory.learn(&first, &engine.categorise(&first), leaf::PETS.into());
        let answer = memory.apply(&next, engine.categorise(&next));
        assert_eq!((answer.category, answer.source), (leaf::PETS.into(), Source::Memory));
    }

    #[test]
    fn the_habit_of_one_merchant_does_not_spill_over() {
        let (engine, mut memory) = (Engine::embedded().unwrap(), Memory::default());
        let tesco = input("TESCO STORES 2345");
        memory.learn(&tesco, &engine.categorise(&tesco), leaf::PETS.into());
        let asda = input("ASDA SUPERSTORE LEEDS");
        assert_eq!(memory.apply(&asda, engine.categorise(&asda)).category, leaf::GROCERIES.into());
    }
}
