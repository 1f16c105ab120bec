//! Making the answer of what was found: names, flags, and a category only as fine as it is sure.

use crate::{
    calibration::calibrated,
    clean, direction,
    engine::{Reading, VERSION},
    entry::{Entry, Kind},
    knowledge::Knowledge,
    matcher::{Fit, Hit, How},
    odds::Verdict,
    record::{
        Category, Channel, Confidence, Counterparty, Enrichment, Flags, Id, Input, Merchant, Processor,
        Reason, Role, Source, Why,
    },
    taxonomy::{self, Leaf, leaf},
    text::Text,
};

/// Below these, in thousandths, the group or the leaf is not said.
const SAY_GROUP: u16 = 230;
const SAY_LEAF: u16 = 340;
/// Reasons kept on a record.
const REASONS: usize = 4;

/// Everything found about one record.
pub(crate) struct Found<'a> {
    pub(crate) text: &'a Text,
    pub(crate) reading: &'a Reading,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) channel: Channel,
    pub(crate) verdict: Verdict,
    pub(crate) debit: bool,
}

/// The answer.
pub(crate) fn enrichment(knowledge: &Knowledge, input: &Input<'_>, found: Found<'_>) -> Enrichment {
    let (category, raw, leaf) = say(found.verdict);
    let source = source(&found.reasons, leaf);
    let merchant = merchant(knowledge, &found, leaf);
    let clean_description = match merchant {
        Some(merchant) => clean::short(merchant.name),
        None => clean::display(input.description, found.text, &found.reading.core),
    };
    Enrichment {
        clean_description,
        merchant,
        processor: processor(knowledge, &found),
        counterparty: counterparty(input, &found, merchant, leaf),
        channel: found.channel,
        flags: flags(&found, leaf),
        category,
        confidence: calibrated(source, raw),
        source,
        why: why(found.reasons, leaf),
        external_category: input.external_category.map(str::to_owned),
        taxonomy_version: taxonomy::VERSION,
        engine_version: VERSION,
    }
}

/// The category as fine as it is sure.
fn say(verdict: Verdict) -> (Category, Confidence, Leaf) {
    if verdict.of_leaf.value() >= SAY_LEAF && verdict.leaf.group() == verdict.in_group.group() {
        return (verdict.leaf.into(), verdict.of_leaf, verdict.leaf);
    }
    if verdict.of_group.value() >= SAY_GROUP {
        let category = Category { primary: verdict.in_group.primary(), detailed: None };
        return (category, verdict.of_group, verdict.in_group);
    }
    (leaf::UNCATEGORISED.into(), Confidence::default(), leaf::UNCATEGORISED)
}

/// The strongest reason's tier among those that speak for the answer.
fn source(reasons: &[Reason], said: Leaf) -> Source {
    let speaks = reasons.iter().filter(|r| r.leaf.group() == said.group());
    speaks.max_by_key(|r| r.weight).map_or(Source::None, |r| r.source)
}

fn why(mut reasons: Vec<Reason>, said: Leaf) -> Why {
    reasons.sort_by_key(|r| (r.leaf.group() != said.group(), std::cmp::Reverse(r.weight)));
    reasons.truncate(REASONS);
    if reasons.is_empty() {
        let id = Id::Entry("no-evidence");
        reasons.push(Reason { source: Source::None, id, leaf: said, span: None, weight: 0 });
    }
    Why(reasons)
}

/// The merchant, if one row names it beyond doubt: a firm of this country or of everywhere, strong,
/// matched whole at the start of the name, and of the kind of thing the record was found to be.
fn merchant(knowledge: &Knowledge, found: &Found<'_>, said: Leaf) -> Option<Merchant> {
    let start = found.reading.core.words.first().copied().unwrap_or(0);
    let sure = |hit: &&Hit| {
        hit.entry.is_some_and(|(entry, fit)| {
            entry.names_merchant()
                && fit >= Fit::Everywhere
                && hit.how == How::Whole
                && hit.letters >= 3
                && (hit.first <= start || (hit.end - hit.first >= 2 && hit.letters >= 8))
                && agrees(&entry, found.debit, said)
        })
    };
    let best = found.reading.hits.iter().filter(sure).max_by_key(|h| h.letters)?;
    let merchant = knowledge.merchant(&best.entry?.0);
    let wording = merchant.name.contains('(') || merchant.name.contains(" / ");
    (!wording).then_some(merchant)
}

fn agrees(entry: &Entry, debit: bool, said: Leaf) -> bool {
    entry.leaf().and_then(|l| direction::seen_from(debit, l)).is_some_and(|l| l.group() == said.group())
}

/// Named by the line's prefix, or by a row for one where another name follows.
fn processor(knowledge: &Knowledge, found: &Found<'_>) -> Option<Processor> {
    let listed = found.reading.core.processor;
    listed.or_else(|| {
        let row = found.reading.hits.iter().filter_map(|h| h.entry).map(|(e, _)| e);
        let row = row.into_iter().find(|e| e.kind == Kind::Intermediary && !e.weak())?;
        Some(Processor { name: knowledge.name(&row), role: "processor" })
    })
}

fn counterparty(
    input: &Input<'_>,
    found: &Found<'_>,
    merchant: Option<Merchant>,
    said: Leaf,
) -> Option<Counterparty> {
    let stated = input.merchant_name.or(input.counterparty).map(str::trim).filter(|n| !n.is_empty());
    let name = stated.map(clean::short).or_else(|| merchant.map(|m| clean::short(m.name)));
    let name = name.or_else(|| {
        let named = found.channel == Channel::Transfer && !found.reading.core.words.is_empty();
        named.then(|| clean::display(input.description, found.text, &found.reading.core))
    })?;
    Some(Counterparty { name, role: role(merchant, said) })
}

fn role(merchant: Option<Merchant>, said: Leaf) -> Role {
    match said {
        leaf::OWN_ACCOUNT => Role::Own,
        leaf::P2P_IN | leaf::P2P_OUT => Role::Person,
        _ => match said.primary() {
            "INCOME" if said != leaf::REFUND => Role::Payer,
            "FEES" | "TAX_GOV" | "DEBT" => Role::Institution,
            _ if merchant.is_some() => Role::Merchant,
            _ => Role::Unknown,
        },
    }
}

fn flags(found: &Found<'_>, said: Leaf) -> Flags {
    let subscription = matches!(
        said,
        leaf::VIDEO_STREAMING
            | leaf::MUSIC_AUDIO
            | leaf::FITNESS
            | leaf::MOBILE
            | leaf::INTERNET_TV
            | leaf::MEMBERSHIP
    );
    let repeats = matches!(found.channel, Channel::StandingOrder | Channel::DirectDebit);
    Flags {
        recurring: found.debit && (repeats || subscription),
        subscription: found.debit && subscription,
        refund: said == leaf::REFUND,
        own_transfer: said == leaf::OWN_ACCOUNT,
        fee: said.primary() == "FEES",
        income: matches!(said, leaf::SALARY | leaf::PENSION | leaf::BENEFITS),
        essential: is_essential(said),
    }
}

fn is_essential(said: Leaf) -> bool {
    matches!(said.primary(), "HOUSING" | "UTILITIES" | "INSURANCE" | "DEBT" | "TAX_GOV")
        || matches!(said, leaf::GROCERIES | leaf::PHARMACY | leaf::DOCTOR | leaf::DENTIST | leaf::CHILDCARE)
        || matches!(said, leaf::FUEL | leaf::PUBLIC_TRANSPORT)
}
