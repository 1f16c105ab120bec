//! How much a phrase found in a line weighs.
//!
//! Weights are thousandths of a nat. Length, country, position in the line and the kind of row
//! decide; a weak row alone never reaches a verdict against the model.

use std::ops::Range;

use crate::{
    clean::Core,
    direction,
    entry::Kind,
    knowledge::Knowledge,
    matcher::{Fit, Hit, How},
    record::{Channel, Id, Reason, Source},
    taxonomy::{Leaf, leaf},
    text::Text,
};

/// What "it is a transfer" weighs.
const BARE_TRANSFER: i32 = 2_500;

/// The reason a hit gives, if its category can be had in this direction.
pub(crate) fn reason(
    knowledge: &Knowledge,
    text: &Text,
    core: &Core,
    hit: &Hit,
    debit: bool,
) -> Option<Reason> {
    let (entry, fit) = hit.entry?;
    let leaf = direction::seen_from(debit, entry.leaf()?)?;
    let word = matches!(entry.kind, Kind::Word | Kind::Other);
    let mut weight = by_length(hit.letters) + i32::from(entry.tokens >= 2) * 700;
    weight += match fit {
        Fit::Home => 500,
        Fit::Everywhere => 0,
        Fit::Unknown => -500,
        Fit::Foreign => -3_000,
    };
    if word {
        weight = weight.min(if entry.tokens >= 2 { 6_800 } else { 5_600 });
    } else {
        weight += place(core, hit);
    }
    if !entry.holds_for(debit) {
        weight -= 800;
    }
    if word && is_structural(leaf) && entry.tokens >= 2 {
        weight += 1_200;
    }
    weight = match hit.how {
        How::Whole => weight,
        How::CutOff => weight.min(5_000),
        How::Compound => weight.min(4_200),
    };
    if entry.weak() {
        weight = weight.min(if fit == Fit::Home { 3_000 } else { 2_200 });
        weight += i32::from(second_evidence(text, core, hit)) * 2_800;
    }
    if leaf == leaf::OTHER_SHOPPING && matches!(entry.kind, Kind::Intermediary | Kind::Other) {
        weight = weight.min(1_500);
    }
    if leaf == leaf::REFUND && entry.leaf() != Some(leaf::REFUND) {
        weight = weight.min(5_200);
    }
    let source = if word { Source::Lexicon } else { Source::Brand };
    Some(Reason { source, id: Id::Entry(knowledge.id(&entry)), leaf, span: span(text, hit), weight })
}

/// A weak word is confirmed where it is all that is left of the line, or leads it and a branch
/// number follows.
fn second_evidence(text: &Text, core: &Core, hit: &Hit) -> bool {
    let leads = core.words.first() == Some(&hit.first);
    let alone = core.words.iter().all(|w| (hit.first..hit.end).contains(w));
    let numbered = text.tokens.get(hit.end).is_some_and(|t| t.number && t.letters() >= 2);
    leads && (alone || numbered)
}

/// Weighs the reasons against each other: what only says how money moved yields to what says what
/// for, and a transfer that says nothing more is a transfer.
pub(crate) fn settle(reasons: &mut Vec<Reason>, channel: Channel, debit: bool) {
    // Several wordings for "transfer" say no more than one.
    let strongest = reasons.iter().filter(|r| r.leaf == leaf::OTHER_TRANSFER).map(|r| r.weight).max();
    let mut kept = false;
    reasons.retain(|r| {
        r.leaf != leaf::OTHER_TRANSFER || (Some(r.weight) == strongest && !std::mem::replace(&mut kept, true))
    });
    for reason in
        reasons.iter_mut().filter(|r| r.leaf == leaf::OTHER_TRANSFER && r.source != Source::Structure)
    {
        reason.weight = reason.weight.min(BARE_TRANSFER);
    }
    yield_to_purpose(reasons);
    let for_what = reasons.iter().any(|r| !is_rail(r.leaf) && r.weight >= 3_000);
    if for_what {
        for reason in reasons.iter_mut().filter(|r| is_rail(r.leaf) && r.source != Source::Structure) {
            reason.weight /= 2;
        }
    } else if let Some((id, leaf)) =
        of_channel(channel, debit).filter(|(_, l)| reasons.iter().all(|r| r.leaf != *l))
    {
        reasons.push(Reason {
            source: Source::Structure,
            id: Id::Entry(id),
            leaf,
            span: None,
            weight: BARE_TRANSFER,
        });
    }
}

/// A town is the payee of rates, but of parking and water too; a membership is one of a gym, if a
/// gym is named.
fn yield_to_purpose(reasons: &mut [Reason]) {
    for vague in [leaf::LOCAL_TAX, leaf::MEMBERSHIP] {
        let other = reasons.iter().any(|r| r.leaf != vague && !is_rail(r.leaf) && r.weight >= 2_000);
        let yielding = |r: &&mut Reason| other && r.leaf == vague && r.source != Source::Structure;
        reasons.iter_mut().filter(yielding).for_each(|r| r.weight /= 3);
    }
}

/// How far the reasons decide by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// One is strong and none of another group comes near.
    Yes,
    /// Strong, but not alone.
    Half,
    /// Only weak ones, or none.
    No,
}

/// Whether the strongest reason needs the model's opinion.
pub(crate) fn settledness(reasons: &[Reason]) -> Settled {
    let Some(top) = reasons.iter().max_by_key(|r| r.weight) else { return Settled::No };
    let rival =
        reasons.iter().filter(|r| r.leaf.group() != top.leaf.group()).map(|r| r.weight).max().unwrap_or(0);
    match top.weight {
        5_000.. if !is_rail(top.leaf) && top.weight - rival >= 2_500 => Settled::Yes,
        4_500.. => Settled::Half,
        _ => Settled::No,
    }
}

/// Leaves that name the rails rather than the purpose.
fn is_rail(leaf: Leaf) -> bool {
    matches!(
        leaf,
        leaf::P2P_IN
            | leaf::P2P_OUT
            | leaf::OTHER_TRANSFER
            | leaf::WALLET
            | leaf::CHEQUE
            | leaf::OTHER_INCOME
    )
}

fn of_channel(channel: Channel, debit: bool) -> Option<(&'static str, Leaf)> {
    match channel {
        Channel::Transfer | Channel::StandingOrder => Some(("transfer", leaf::OTHER_TRANSFER)),
        Channel::Wallet if debit => Some(("wallet", leaf::P2P_OUT)),
        Channel::Wallet => Some(("wallet", leaf::P2P_IN)),
        Channel::Atm if debit => Some(("atm", leaf::CASH_WITHDRAWAL)),
        Channel::Cheque => Some(("cheque", leaf::CHEQUE)),
        Channel::Fee if debit => Some(("fee", leaf::ACCOUNT_FEE)),
        _ => None,
    }
}

/// What most merchants of a processor sell: enough to tip the scale, more for those that serve one
/// trade only.
pub(crate) fn of_processor(core: &Core, debit: bool) -> Option<Reason> {
    let (processor, usual) = (core.processor?, core.usual?);
    let leaf = direction::seen_from(debit, usual)?;
    let weight = if matches!(processor.role, "vending" | "aggregator") { 4_500 } else { 2_300 };
    Some(Reason { source: Source::Structure, id: Id::Entry(processor.name), leaf, span: None, weight })
}

const fn by_length(letters: usize) -> i32 {
    match letters {
        0..=2 => 3_200,
        3 => 4_400,
        4 => 5_400,
        5 => 6_000,
        6 => 6_600,
        7 => 7_000,
        8..=11 => 7_500,
        _ => 8_000,
    }
}

/// A brand stands first; the further back, the likelier it is a place or a person's name.
fn place(core: &Core, hit: &Hit) -> i32 {
    let leads = core.words.first().is_none_or(|first| hit.first <= *first);
    match (leads, hit.end - hit.first) {
        (true, _) => 0,
        (false, 1) => -1_800,
        (false, _) => -500,
    }
}

/// Groups that the bank's own wording names: they outrank a brand beside them.
fn is_structural(leaf: Leaf) -> bool {
    matches!(leaf.primary(), "FEES" | "INCOME" | "DEBT" | "TRANSFERS" | "TAX_GOV" | "INSURANCE" | "SAVINGS")
}

fn span(text: &Text, hit: &Hit) -> Option<Range<usize>> {
    let first = text.tokens.get(hit.first)?;
    let last = text.tokens.get(hit.end.checked_sub(1)?)?;
    Some(first.raw_start..last.raw_end)
}
