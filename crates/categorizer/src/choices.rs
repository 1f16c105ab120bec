//! What people decided: this record, this merchant, everything alike, from a day on.
//!
//! A person's choice always wins, a bank's list comes next, and neither is touched by a new engine
//! version. Pure: the stage reads the choices and hands them in.

use jiff::civil::Date;

use crate::{
    record::{Category, Confidence, Enrichment, Id, Input, Reason, Source},
    taxonomy::{Leaf, leaf},
    text::{Fingerprint, Text},
};

/// Who made a choice; the order is the precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The bank, for all its users.
    Bank,
    /// The user.
    User,
}

/// Which records a choice is for; the order is the precedence within a scope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// All records of a merchant, by its stable id.
    Merchant(String),
    /// All records whose text is alike, by [`likeness`].
    Alike(u64),
    /// One record, by its transaction id.
    Record(String),
}

/// A choice in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Stable id, shown in `why`.
    pub id: std::sync::Arc<str>,
    /// Who made it.
    pub scope: Scope,
    /// What it is for.
    pub target: Target,
    /// The category chosen.
    pub category: Category,
    /// First booking day it holds for; `None` for the past as well.
    pub from: Option<Date>,
}

/// The record a choice is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its transaction id.
    pub id: &'a str,
    /// Its booking day.
    pub booked: Date,
}

/// Fingerprint of a record's words and direction; equal for records that differ in numbers alone.
pub fn likeness(input: &Input<'_>) -> u64 {
    let text = Text::new(input.description);
    let direction = if input.amount.is_sign_negative() { "<" } else { ">" };
    let words = text.tokens.iter().filter(|t| !t.number).map(|t| text.word(t));
    words.fold(Fingerprint::EMPTY.with(direction), |print, word| print.with(word).with(" ")).key()
}

/// The answer with the choice that is in force for it, if any: the user's before the bank's, the
/// record's own before that of its likes, that before its merchant's, the latest of equals.
pub fn apply(choices: &[Choice], subject: Subject<'_>, input: &Input<'_>, answer: Enrichment) -> Enrichment {
    let like = likeness(input);
    let holds = |choice: &&Choice| {
        let meant = match &choice.target {
            Target::Record(id) => id == subject.id,
            Target::Alike(print) => *print == like,
            Target::Merchant(id) => answer.merchant.is_some_and(|m| m.id == id),
        };
        meant && choice.from.is_none_or(|from| subject.booked >= from)
    };
    match choices.iter().filter(holds).max_by(|a, b| (a.scope, &a.target).cmp(&(b.scope, &b.target))) {
        Some(choice) => impose(choice, answer),
        None => answer,
    }
}

fn impose(choice: &Choice, answer: Enrichment) -> Enrichment {
    let source = match choice.scope {
        Scope::User => Source::Override,
        Scope::Bank => Source::Rule,
    };
    let chosen = choice.category.detailed.and_then(Leaf::parse).unwrap_or(leaf::UNCATEGORISED);
    let mut why = answer.why;
    why.0.insert(0, Reason { source, id: Id::Rule(choice.id.clone()), leaf: chosen, span: None, weight: 0 });
    Enrichment { category: choice.category, confidence: Confidence::CERTAIN, source, why, ..answer }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;

    fn choice(id: &str, scope: Scope, target: Target, chosen: Leaf) -> Choice {
        Choice { id: id.into(), scope, target, category: chosen.into(), from: None }
    }

    fn decided(choices: &[Choice], record: &str, day: &str) -> (Category, Source) {
        let engine = Engine::embedded().unwrap();
        let input = Input {
            description: "TESCO STORES 2345",
            amount: (-5).into(),
            currency: "GBP",
            ..Input::default()
        };
        let subject = Subject { id: record, booked: day.parse().unwrap() };
        let answer = apply(choices, subject, &input, engine.categorise(&input));
        (answer.category, answer.source)
    }

    #[test]
    fn the_users_own_record_beats_merchant_and_bank() {
        let choices = [
            choice("u1", Scope::User, Target::Record("t-1".to_owned()), leaf::PETS),
            choice("u2", Scope::User, Target::Merchant("tesco".to_owned()), leaf::CLOTHING),
            choice("b1", Scope::Bank, Target::Merchant("tesco".to_owned()), leaf::FUEL),
        ];
        assert_eq!(decided(&choices, "t-1", "2025-01-01"), (leaf::PETS.into(), Source::Override));
        assert_eq!(decided(&choices, "t-2", "2025-01-01"), (leaf::CLOTHING.into(), Source::Override));
        assert_eq!(decided(&choices[2..], "t-2", "2025-01-01"), (leaf::FUEL.into(), Source::Rule));
    }

    #[test]
    fn a_choice_from_now_on_leaves_the_past_alone() {
        let mut from_march = choice("u3", Scope::User, Target::Merchant("tesco".to_owned()), leaf::PETS);
        from_march.from = Some("2025-03-01".parse().unwrap());
        assert_eq!(decided(&[from_march.clone()], "t", "2025-02-28").0, leaf::GROCERIES.into());
        assert_eq!(decided(&[from_march], "t", "2025-03-01").0, leaf::PETS.into());
    }

    #[test]
    fn records_that_differ_in_numbers_alone_are_alike() {
        let print = |description| likeness(&Input { description, amount: (-1).into(), ..Input::default() });
        assert_eq!(print("TESCO STORES 2345"), print("Tesco Stores 9"));
        assert_ne!(print("TESCO STORES"), print("TESCO PFS"));
    }
}
