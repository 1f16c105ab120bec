//! The engine: from one record to everything that can be said about it.

use crate::{
    clean::{self, Core, Prefixes},
    codes::Codes,
    compose::{self, Found},
    entry::Countries,
    evidence::{self, Settled},
    knowledge::{Knowledge, KnowledgeError},
    matcher::{self, Hit},
    model::Model,
    odds::{Odds, Verdict},
    record::{Channel, Enrichment, Id, Input, Reason, Source},
    spelling,
    taxonomy::{Leaf, leaf},
    text::Text,
};

/// Version of the engine and its knowledge, on every record.
pub const VERSION: &str = concat!("engine-", env!("CARGO_PKG_VERSION"));

/// What it is worth that nothing speaks against a strong reason.
const UNOPPOSED: i32 = 1_500;
const OWN_ACCOUNT: i32 = 14_000;

/// Immutable once built; share it in an `Arc`.
pub struct Engine {
    knowledge: Knowledge,
    codes: Codes,
    prefixes: Prefixes,
    model: Model,
}

/// What one pass over the text found.
pub(crate) struct Reading {
    pub(crate) core: Core,
    pub(crate) hits: Vec<Hit>,
    pub(crate) channel: Channel,
}

impl Engine {
    /// Loads the compiled knowledge.
    ///
    /// # Errors
    /// [`KnowledgeError`] where the build step and this reader disagree.
    pub fn embedded() -> Result<Self, KnowledgeError> {
        let knowledge = Knowledge::embedded()?;
        let prefixes = Prefixes::embedded(&knowledge)?;
        let model = Model::embedded().ok_or(KnowledgeError::Model)?;
        Ok(Self { codes: Codes::embedded()?, prefixes, model, knowledge })
    }

    /// Enriches one record. Pure: the same input gives the same answer, alone or in a batch.
    pub fn categorise(&self, input: &Input<'_>) -> Enrichment {
        let debit = !input.amount.is_sign_positive() || input.amount.is_zero();
        let at = self.place(input);
        let text = Text::new(input.description);
        let reading = self.read(input.description, &text, at, debit);
        let mut reasons = Vec::with_capacity(4);
        let fixed = self.codes.reasons(input, &mut reasons);
        let channel = if fixed == Channel::Unknown { reading.channel } else { fixed };
        if input.own_account {
            reasons.push(structure("own-account", leaf::OWN_ACCOUNT, OWN_ACCOUNT));
        }
        reasons.extend(evidence::of_processor(&reading.core, debit));
        let by_text = reading.hits.iter();
        let by_text =
            by_text.filter_map(|h| evidence::reason(&self.knowledge, &text, &reading.core, h, debit));
        reasons.extend(by_text);
        evidence::settle(&mut reasons, channel, debit);
        let verdict = self.decide(&text, &mut reasons, debit);
        let found = Found { text: &text, reading: &reading, reasons, channel, verdict, debit };
        compose::enrichment(&self.knowledge, input, found)
    }

    /// The verdict of all reasons, with the model's opinion beneath them: whole where they are weak,
    /// half where they are strong but disagree, not asked where they settle the matter. Where the
    /// model alone decides it is a reason like any other.
    fn decide(&self, text: &Text, reasons: &mut Vec<Reason>, debit: bool) -> Verdict {
        let settled = evidence::settledness(reasons);
        let mut odds = Odds::new(match settled {
            Settled::Yes => [0; Leaf::COUNT],
            Settled::Half => self.model.weights(text).map(|w| w / 2),
            Settled::No => self.model.weights(text),
        });
        for reason in reasons.iter() {
            odds.add(reason.leaf, reason.weight);
        }
        if let Some(top) = reasons.iter().max_by_key(|r| r.weight).filter(|_| settled == Settled::Yes) {
            odds.add(top.leaf, UNOPPOSED);
        }
        let verdict = odds.verdict(debit);
        if reasons.iter().all(|r| r.leaf.group() != verdict.in_group.group()) {
            let id = Id::Entry("linear-model");
            let weight = i32::from(verdict.of_group.value());
            reasons.push(Reason { source: Source::Model, id, leaf: verdict.in_group, span: None, weight });
        }
        verdict
    }

    fn place(&self, input: &Input<'_>) -> Countries {
        match input.country.filter(|c| !c.trim().is_empty()) {
            Some(country) => self.knowledge.country(country),
            None => self.knowledge.country_list(currency_countries(input.currency)),
        }
    }

    fn read(&self, raw: &str, text: &Text, at: Countries, debit: bool) -> Reading {
        let mut hits = matcher::hits(&self.knowledge, text, at, debit);
        let core = clean::core(raw, text, &hits, &self.prefixes, at);
        // A processor is the subject only where nothing that follows it is known.
        if hits.iter().any(|h| h.first >= core.after_prefix && h.entry.is_some()) {
            hits.retain(|h| h.first >= core.after_prefix);
        }
        hits.extend(spelling::compounds(&self.knowledge, text, &core, &hits, at));
        if hits.iter().all(|h| h.entry.is_none_or(|(e, _)| e.weak())) {
            hits.extend(spelling::cut_off(&self.knowledge, text, &core, at, debit));
        }
        let channel =
            hits.iter().filter_map(|h| h.channel).find(|c| *c != Channel::Unknown).unwrap_or_default();
        Reading { core, hits, channel }
    }
}

fn structure(id: &'static str, leaf: Leaf, weight: i32) -> Reason {
    Reason { source: Source::Structure, id: Id::Entry(id), leaf, span: None, weight }
}

/// Countries whose accounts are held in a currency; where the currency says nothing the tables'
/// world-wide rows alone speak at full weight.
fn currency_countries(currency: &str) -> &'static str {
    match currency {
        "GBP" => "gb",
        "USD" => "us",
        "ZAR" => "za",
        "CAD" => "ca",
        "AUD" => "au",
        "NZD" => "nz",
        "CHF" => "ch",
        "SEK" => "se",
        "NOK" => "no",
        "DKK" => "dk",
        "PLN" => "pl",
        "INR" => "in",
        "BRL" => "br",
        "ILS" => "il",
        "EUR" => "de fr es it nl be at ie pt lu fi gr",
        _ => "",
    }
}
