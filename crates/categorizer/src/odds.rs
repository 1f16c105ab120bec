//! Adding up evidence: every reason adds its weight to the logarithm of its category's odds.

use crate::{
    direction,
    record::Confidence,
    taxonomy::{Leaf, leaf},
};

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
    #[expect(clippy::float_arithmetic, reason = "probabilities; no money")]
    pub(crate) fn verdict(&self, debit: bool) -> Verdict {
        let allowed = |l: &Leaf| *l != leaf::UNCATEGORISED && direction::allows(debit, *l);
        let score = |l: Leaf| self.scores.get(l.index()).copied().unwrap_or(i32::MIN);
        let best = Leaf::all().filter(allowed).max_by_key(|l| score(*l)).unwrap_or(leaf::UNCATEGORISED);
        let mut groups = [0_f64; 17];
        let mut total = 0.0;
        for one in Leaf::all().filter(allowed) {
            let share = (f64::from(score(one).saturating_sub(score(best)).max(-60_000)) / 1000.0).exp();
            total += share;
            if let Some(group) = groups.get_mut(one.group()) {
                *group += share;
            }
        }
        let top = groups.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i);
        let in_group = Leaf::all().filter(allowed).filter(|l| l.group() == top).max_by_key(|l| score(*l));
        let of_group = groups.get(top).copied().unwrap_or(0.0);
        Verdict {
            leaf: best,
            of_leaf: per_mille(1.0 / total),
            in_group: in_group.unwrap_or(best),
            of_group: per_mille(of_group / total),
        }
    }
}

#[expect(clippy::float_arithmetic, reason = "a probability; no money")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1000 first")]
fn per_mille(probability: f64) -> Confidence {
    Confidence::per_mille((probability * 1000.0).round().clamp(0.0, 1000.0) as u16)
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
