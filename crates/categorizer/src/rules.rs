//! Rules a bank or a user writes: TOML, checked when loaded, exchanged while running.
//!
//! ```toml
//! [[rule]]
//! id = "uk.council-tax"
//! category = "TAX_GOV.local_tax"
//! priority = 60
//! when = { any = ["council tax"], direction = "debit", country = ["gb"] }
//! ```
//!
//! A rule holds where every condition it states holds. Of the rules that hold the highest priority
//! decides, then the earlier one. Refused with the line: an unknown category or key, an id used
//! twice, a rule without conditions, an everyday word as its only condition unless `exact`, and a
//! rule that can never decide because an earlier one always does.

use std::{collections::HashSet, sync::Arc};

use arc_swap::ArcSwap;
use serde::Deserialize;
use toml::Spanned;

use crate::{
    conditions::When,
    record::{Confidence, Enrichment, Id, Input, Reason, Source},
    taxonomy::Leaf,
    text::{Text, canonical},
};

/// Why a rule file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rules line {line}: {what}")]
pub struct RuleError {
    /// Line of the file, from 1.
    pub line: usize,
    /// What is wrong and how to mend it.
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Spanned<RawRule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: String,
    category: String,
    #[serde(default = "usual_priority")]
    priority: u16,
    when: When,
}

#[derive(Debug, Clone)]
struct Rule {
    id: Arc<str>,
    leaf: Leaf,
    priority: u16,
    when: When,
}

/// A checked set of rules, the deciding ones first.
#[derive(Debug, Clone, Default)]
pub struct Rules(Vec<Rule>);

const fn usual_priority() -> u16 {
    60
}

impl Rules {
    /// Reads and checks a rule file.
    ///
    /// # Errors
    /// [`RuleError`] with the line of the first rule that is refused.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let line_at = |offset: usize| text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1;
        let file: File = toml::from_str(text).map_err(|e| RuleError {
            line: line_at(e.span().map_or(0, |s| s.start)),
            what: e.message().to_owned(),
        })?;
        let mut ids = HashSet::new();
        let mut rules: Vec<Rule> = Vec::new();
        for raw in file.rule {
            let refuse = |what: String| RuleError { line: line_at(raw.span().start), what };
            let rule = Rule::checked(raw.get_ref()).map_err(refuse)?;
            if !ids.insert(rule.id.clone()) {
                return Err(refuse(format!("the id \"{}\" is used twice", rule.id)));
            }
            if let Some(first) =
                rules.iter().find(|r| r.priority >= rule.priority && r.when.covers(&rule.when))
            {
                return Err(refuse(format!(
                    "the rule can never decide: \"{}\" always does before it",
                    first.id
                )));
            }
            rules.push(rule);
        }
        // Stable: of equal priorities the earlier stays first.
        rules.sort_by_key(|r| std::cmp::Reverse(r.priority));
        Ok(Self(rules))
    }

    /// The engine's answer, or the deciding rule's where one holds.
    pub fn apply(&self, input: &Input<'_>, answer: Enrichment) -> Enrichment {
        match self.deciding(input, &answer) {
            Some(rule) => rule.impose(answer),
            None => answer,
        }
    }

    fn deciding(&self, input: &Input<'_>, answer: &Enrichment) -> Option<&Rule> {
        if self.0.is_empty() {
            return None;
        }
        let text = Text::new(input.description);
        let words = text.joined(&text.tokens);
        self.0.iter().find(|rule| rule.when.holds(input, answer, &words))
    }
}

impl Rule {
    fn checked(raw: &RawRule) -> Result<Self, String> {
        let leaf = Leaf::parse(&raw.category).filter(|_| raw.category.contains('.'));
        let leaf = leaf.ok_or_else(|| format!("the taxonomy has no category \"{}\"", raw.category))?;
        let when = raw.when.folded();
        if when == When::nothing() {
            return Err("a rule without conditions would hold for everything".to_owned());
        }
        if let Some(short) =
            when.any.iter().find(|p| canonical(p).len() < 4 && !when.exact && when.is_only_text())
        {
            return Err(format!("\"{short}\" alone is too short; add a condition or exact = true"));
        }
        Ok(Self { id: raw.id.as_str().into(), leaf, priority: raw.priority, when })
    }

    fn impose(&self, answer: Enrichment) -> Enrichment {
        let mut why = answer.why;
        let id = Id::Rule(self.id.clone());
        why.0.insert(
            0,
            Reason {
                source: Source::Rule,
                id,
                leaf: self.leaf,
                span: None,
                weight: i32::from(self.priority),
            },
        );
        Enrichment {
            category: self.leaf.into(),
            confidence: Confidence::CERTAIN,
            source: Source::Rule,
            why,
            ..answer
        }
    }
}

/// Rules that can be exchanged while records flow: a record sees the old set or the new one whole.
#[derive(Debug, Default)]
pub struct LiveRules(ArcSwap<Rules>);

impl LiveRules {
    /// Starts with `rules`.
    pub fn new(rules: Rules) -> Self {
        Self(ArcSwap::from_pointee(rules))
    }

    /// Replaces the set if the new file is sound; otherwise the old one stays in force.
    ///
    /// # Errors
    /// As [`Rules::parse`].
    pub fn reload(&self, text: &str) -> Result<(), RuleError> {
        self.0.store(Arc::new(Rules::parse(text)?));
        Ok(())
    }

    /// The set in force now.
    pub fn current(&self) -> Arc<Rules> {
        self.0.load_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::Engine, record::Category};

    const COUNCIL: &str = "[[rule]]\nid = \"council\"\ncategory = \"TAX_GOV.local_tax\"\nwhen = { any = [\"Acme Town Hall\"], direction = \"debit\" }\n";

    fn decided(rules: &Rules, description: &str, amount: i64) -> Category {
        let engine = Engine::embedded().unwrap();
        let input = Input { description, amount: amount.into(), currency: "GBP", ..Input::default() };
        rules.apply(&input, engine.categorise(&input)).category
    }

    fn refusal(text: &str) -> String {
        Rules::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_rule_decides_where_all_its_conditions_hold() {
        let rules = Rules::parse(COUNCIL).unwrap();
        assert_eq!(decided(&rules, "DD ACME TOWN HALL 221", -90).to_string(), "TAX_GOV.local_tax");
        assert_ne!(decided(&rules, "DD ACME TOWN HALL 221", 90).to_string(), "TAX_GOV.local_tax");
    }

    #[test]
    fn a_wrong_file_is_refused_with_its_line() {
        assert!(
            refusal(&COUNCIL.replace("local_tax", "loco"))
                .starts_with("rules line 1: the taxonomy has no category")
        );
        assert!(
            refusal(&format!("{COUNCIL}{COUNCIL}"))
                .starts_with("rules line 5: the id \"council\" is used twice")
        );
        let late =
            COUNCIL.replace("\"council\"", "\"late\"").replace("Hall\"]", "Hall\"], country = [\"gb\"]");
        assert!(
            refusal(&format!("{COUNCIL}{late}")).contains("line 5: the rule can never decide: \"council\"")
        );
        assert!(
            refusal(&COUNCIL.replace("direction", "dirction")).starts_with("rules line 4: unknown field")
        );
    }

    #[test]
    fn a_broken_reload_leaves_the_old_rules_in_force() {
        let live = LiveRules::new(Rules::parse(COUNCIL).unwrap());
        assert!(live.reload("[[rule]]").is_err());
        assert_eq!(live.current().0.len(), 1);
        live.reload("").unwrap();
        assert_eq!(live.current().0.len(), 0);
    }
}
