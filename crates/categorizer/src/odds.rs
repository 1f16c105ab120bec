//! Adding up evidence: every reason adds its weight to the logarithm of its category's odds.
//!
//! All in whole numbers, so that every machine says the same.

use crate::{
    direction::ALLOWED,
    record::Confidence,
    taxonomy::{Leaf, leaf},
};

/// Groups of the taxonomy, `UNKNOWN` included.
const GROUPS: usize = 17;
/// A share of one.
const ONE: u64 = 1 << 32;
/// Steps into which a halving is divided.
const STEPS: usize = 1024;
/// Steps for a thousandth of a nat, in 65536ths: 1024 / (1000 ln 2).
const PER_WEIGHT: u64 = 96_817;

/// `2^(-step / STEPS)`, by repeated multiplication with the 1024th root of one half.
static HALVING: [u64; STEPS] = halving();

const fn halving() -> [u64; STEPS] {
    // 2^64 * 2^(-1/1024)
    const ROOT: u128 = 18_434_261_669_329_232_139;
    let mut table = [0; STEPS];
    let mut value: u128 = (ONE as u128) << 32;
    let mut step = 0;
    while step < STEPS {
        #[expect(clippy::cast_possible_truncation, reason = "at most 2^32")]
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            table[step] = (value >> 32) as u64;
        }
        value = (value * ROOT) >> 64;
        step += 1;
    }
    table
}

/// Weights of all leaves, in thousandths of a nat.
pub(crate) struct Odds {
    scores: [i32; Leaf::COUNT],
}

/// The most likely leaf and group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdict {
    pub(crate) leaf: Leaf,
    pub(crate) of_leaf: Confidence,
    /// The best leaf of the most likely group, which need not be `leaf`'s.
    pub(crate) in_group: Leaf,
    pub(crate) of_group: Confidence,
}

/// A group's part of the whole, and the score and index of its best leaf.
#[derive(Clone, Copy)]
struct Group {
    share: u64,
    best: (i32, u8),
}

impl Odds {
    /// Starts from `prior`, one weight for each leaf.
    pub(crate) const fn new(prior: [i32; Leaf::COUNT]) -> Self {
        Self { scores: prior }
    }

    pub(crate) fn add(&mut self, leaf: Leaf, weight: i32) {
        if let Some(score) = self.scores.get_mut(leaf.index()) {
            *score = score.saturating_add(weight);
        }
    }

    /// The verdict among the leaves that `debit` allows.
    pub(crate) fn verdict(mut self, debit: bool) -> Verdict {
        let allowed = ALLOWED.get(usize::from(debit)).unwrap_or(&[false; Leaf::COUNT]);
        for (score, allowed) in self.scores.iter_mut().zip(allowed) {
            *score = if *allowed { *score } else { i32::MIN };
        }
        let top = self.scores.iter().copied().max().unwrap_or(0);
        let groups = self.groups(top);
        let total = groups.iter().map(|g| g.share).sum();
        let leaf_of = |group: &Group| Leaf::from_index(group.best.1).unwrap_or(leaf::UNCATEGORISED);
        let likeliest = groups.iter().max_by_key(|g| g.share);
        let highest = groups.iter().max_by_key(|g| g.best);
        Verdict {
            leaf: highest.map_or(leaf::UNCATEGORISED, leaf_of),
            of_leaf: per_mille(ONE, total),
            in_group: likeliest.map_or(leaf::UNCATEGORISED, leaf_of),
            of_group: per_mille(likeliest.map_or(0, |g| g.share), total),
        }
    }

    /// Leaves of a group stand side by side in the taxonomy.
    fn groups(&self, top: i32) -> [Group; GROUPS] {
        let none = Group { share: 0, best: (i32::MIN, 0) };
        let (mut groups, mut open, mut at) = ([none; GROUPS], none, 0);
        for (index, score) in (0_u8..).zip(self.scores) {
            let group = Leaf::from_index(index).map_or(0, Leaf::group);
            if group != at {
                groups.iter_mut().skip(at).take(1).for_each(|g| *g = open);
                (open, at) = (none, group);
            }
            open.share += share(top, score);
            open.best = open.best.max((score, index));
        }
        groups.iter_mut().skip(at).take(1).for_each(|g| *g = open);
        groups
    }
}

/// `e^((score - top) / 1000)` as a part of [`ONE`].
fn share(top: i32, score: i32) -> u64 {
    let steps = (u64::from(top.abs_diff(score)) * PER_WEIGHT) >> 16;
    let [halvings, step] = [steps / 1024, steps % 1024];
    let value = usize::try_from(step).ok().and_then(|s| HALVING.get(s)).copied().unwrap_or(0);
    if halvings < 32 { value >> halvings } else { 0 }
}

fn per_mille(part: u64, whole: u64) -> Confidence {
    let thousandths = (part * 1000 + whole / 2).checked_div(whole);
    Confidence::per_mille(thousandths.and_then(|t| u16::try_from(t).ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_adds_up_and_the_direction_is_a_wall() {
        let mut odds = Odds::new([0; Leaf::COUNT]);
        odds.add(leaf::SALARY, 50_000);
        odds.add(leaf::GROCERIES, 6_000);
        odds.add(leaf::CONVENIENCE, 6_000);
        let verdict = odds.verdict(true);
        assert_eq!(verdict.in_group.primary(), "FOOD");
        assert!(verdict.of_leaf.value() < 500 && verdict.of_group.value() > 800);
    }

    #[test]
    fn shares_are_the_exponential_to_six_digits() {
        for (below, exact) in [(0, 1_000_000), (693, 500_074), (1_000, 367_879), (5_000, 6_738), (30_000, 0)]
        {
            let found = share(0, -below) * 1_000_000 / ONE;
            assert!(found.abs_diff(exact) <= exact / 700 + 1, "{below}: {found}");
        }
    }
}
