//! Adding up evidence: every reason adds its weight to the logarithm of its category's odds.

use crate::{
    direction::ALLOWED,
    record::Confidence,
    taxonomy::{Leaf, leaf},
};

/// Groups of the taxonomy, `UNKNOWN` included.
const GROUPS: usize = 17;

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
    pub(crate) fn verdict(&self, debit: bool) -> Verdict {
        let allowed = ALLOWED.get(usize::from(debit)).unwrap_or(&[false; Leaf::COUNT]);
        let open = || Leaf::all().zip(self.scores).zip(allowed).filter(|(_, allowed)| **allowed).map(|(pair, _)| pair);
        let (best, top) = open().max_by_key(|(_, score)| *score).unwrap_or((leaf::UNCATEGORISED, 0));
        let (mut groups, mut total) = ([0_f64; GROUPS], 0.0);
        let mut last = (top, 1.0);
        for (one, score) in open() {
            // Neighbours often weigh the same; the exponential is the costly part.
            if score != last.0 {
                last = (score, share(score.saturating_sub(top)));
            }
            add(&mut total, last.1);
            if let Some(group) = groups.get_mut(one.group()) {
                add(group, last.1);
            }
        }
        let group = groups.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i);
        let in_group = open().filter(|(l, _)| l.group() == group).max_by_key(|(_, score)| *score);
        Verdict {
            leaf: best,
            of_leaf: per_mille(1.0, total),
            in_group: in_group.map_or(best, |(l, _)| l),
            of_group: per_mille(groups.get(group).copied().unwrap_or(0.0), total),
        }
    }
}

#[expect(clippy::float_arithmetic, reason = "a share of odds; no money")]
fn share(below_top: i32) -> f64 {
    if below_top < -16_000 { 0.0 } else { (f64::from(below_top) / 1000.0).exp() }
}

#[expect(clippy::float_arithmetic, reason = "shares of odds; no money")]
fn add(sum: &mut f64, share: f64) {
    *sum += share;
}

#[expect(clippy::float_arithmetic, reason = "a probability; no money")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1000 first")]
fn per_mille(part: f64, whole: f64) -> Confidence {
    Confidence::per_mille((part / whole * 1000.0).round().clamp(0.0, 1000.0) as u16)
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
}
