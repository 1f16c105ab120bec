//! From the odds to a probability that holds outside this repository.
//!
//! The odds are drawn down tier by tier: on statements labelled by other hands the tables are right
//! less often than on our own lines, and a word is right less often than a brand. Each row lists
//! said probabilities (thousandths) at odds of 0, 0.5, 0.9, 0.97 and 1.

use crate::record::{Confidence, Source};

const KNOTS: [u32; 5] = [0, 500, 900, 970, 1000];

/// The calibrated confidence of an answer that rests on `source` most.
pub(crate) fn calibrated(source: Source, raw: Confidence) -> Confidence {
    let said = row(source);
    let value = u32::from(raw.value());
    let knots = KNOTS.iter().zip(KNOTS.iter().skip(1));
    let steps = said.iter().zip(said.iter().skip(1));
    let step = knots.zip(steps).find(|((low, high), _)| (**low..=**high).contains(&value));
    let drawn = step.map_or(0, |((low, high), (from, to))| from + (to - from) * (value - low) / (high - low));
    Confidence::per_mille(u16::try_from(drawn).unwrap_or(0))
}

const fn row(source: Source) -> [u32; 5] {
    match source {
        Source::Override | Source::Rule | Source::Memory => [0, 500, 900, 970, 1000],
        Source::Structure | Source::Mcc => [0, 480, 880, 930, 970],
        Source::Brand => [0, 480, 880, 945, 985],
        Source::Lexicon => [0, 460, 840, 895, 950],
        Source::Model | Source::None => [0, 450, 720, 780, 830],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_odds_never_mean_less_confidence() {
        for source in [Source::Mcc, Source::Brand, Source::Lexicon, Source::Model] {
            let said: Vec<_> = (0..=1000).map(|v| calibrated(source, Confidence::per_mille(v))).collect();
            assert!(said.is_sorted());
            assert!(said[0].value() == 0 && said[1000].value() <= 985);
        }
    }
}
