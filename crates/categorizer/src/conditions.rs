//! The conditions of a rule.

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::{
    record::{Enrichment, Input},
    text::Text,
};

/// What a rule asks of a record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct When {
    /// One of these phrases stands in the text.
    #[serde(default)]
    pub(crate) any: Vec<String>,
    /// The phrase is the whole text, numbers aside.
    #[serde(default)]
    pub(crate) exact: bool,
    /// Id of the merchant, one of these.
    #[serde(default)]
    merchant: Vec<String>,
    /// `debit` or `credit`.
    direction: Option<Direction>,
    /// ISO 3166 codes in lower case.
    #[serde(default)]
    country: Vec<String>,
    /// Merchant category codes.
    #[serde(default)]
    mcc: Vec<String>,
    /// Smallest and largest amount, without sign.
    at_least: Option<Decimal>,
    at_most: Option<Decimal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Debit,
    Credit,
}

impl When {
    /// No condition at all.
    pub(crate) const fn nothing() -> Self {
        Self {
            any: Vec::new(),
            exact: false,
            merchant: Vec::new(),
            direction: None,
            country: Vec::new(),
            mcc: Vec::new(),
            at_least: None,
            at_most: None,
        }
    }

    /// With its phrases folded as the records' texts are.
    pub(crate) fn folded(&self) -> Self {
        let fold = |phrase: &String| {
            let text = Text::new(phrase);
            text.joined(&text.tokens)
        };
        Self { any: self.any.iter().map(fold).collect(), ..self.clone() }
    }

    /// Whether words are all it asks for.
    pub(crate) fn is_only_text(&self) -> bool {
        let text = self.any.clone();
        Self { any: Vec::new(), exact: false, ..self.clone() } == Self::nothing() && !text.is_empty()
    }

    /// Whether the record, whose folded text is `words`, fulfils every condition.
    pub(crate) fn holds(&self, input: &Input<'_>, answer: &Enrichment, words: &str) -> bool {
        let size = input.amount.abs();
        let debit = !input.amount.is_sign_positive() || input.amount.is_zero();
        let one_of = |list: &[String], value: Option<&str>| {
            list.is_empty() || value.is_some_and(|v| list.iter().any(|l| l.eq_ignore_ascii_case(v)))
        };
        (self.any.is_empty() || self.any.iter().any(|p| self.stands_in(p, words)))
            && one_of(&self.merchant, answer.merchant.map(|m| m.id))
            && one_of(&self.country, input.country)
            && one_of(&self.mcc, input.mcc)
            && self.direction.is_none_or(|d| (d == Direction::Debit) == debit)
            && self.at_least.is_none_or(|least| size >= least)
            && self.at_most.is_none_or(|most| size <= most)
    }

    fn stands_in(&self, phrase: &str, words: &str) -> bool {
        if self.exact { words == phrase } else { format!(" {words} ").contains(&format!(" {phrase} ")) }
    }

    /// Whether this holds wherever `other` does.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let wider =
            |a: &[String], b: &[String]| a.is_empty() || (!b.is_empty() && b.iter().all(|x| a.contains(x)));
        wider(&self.any, &other.any)
            && (!self.exact || other.exact)
            && wider(&self.merchant, &other.merchant)
            && wider(&self.country, &other.country)
            && wider(&self.mcc, &other.mcc)
            && (self.direction.is_none() || self.direction == other.direction)
            && self.at_least.is_none_or(|mine| other.at_least.is_some_and(|its| its >= mine))
            && self.at_most.is_none_or(|mine| other.at_most.is_some_and(|its| its <= mine))
    }
}
