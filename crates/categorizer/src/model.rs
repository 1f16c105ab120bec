//! The linear model of last resort: words and letter groups of a line, summed up.
//!
//! Two small tables of 8-bit numbers: one row for each feature bucket, one for each category. The
//! mean of a line's feature rows times a category's row is that category's weight. All arithmetic
//! is in whole numbers, so that every machine gives the same answer. The tables are trained by
//! `cargo run -p categorizer --example train_model` from the knowledge tables and generated
//! statement lines, never from customers' text.

use crate::{
    taxonomy::Leaf,
    text::{Fingerprint, Text},
};

/// Number of feature buckets.
pub const BUCKETS: usize = 1 << 16;
/// Numbers in a row.
pub const WIDTH: usize = 32;
/// Hidden values are kept in 64ths.
pub const HIDDEN_UNIT: i32 = 64;
/// The multiplier counts in 2^-24.
pub const SCALE_BITS: u32 = 24;
/// Letters of the groups a word is cut into.
const SHORTEST: usize = 3;
const LONGEST: usize = 5;
const HEADER: usize = 8;

static TRAINED: &[u8] = include_bytes!("../knowledge/model.bin");

/// The trained tables.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    multiplier: i64,
    features: &'static [u8],
    categories: &'static [u8],
    biases: &'static [u8],
}

impl Model {
    /// The embedded model; `None` where the file does not fit the taxonomy and the sizes here.
    pub fn embedded() -> Option<Self> {
        let multiplier = i64::from_le_bytes(TRAINED.get(..HEADER)?.try_into().ok()?);
        let (features, rest) = TRAINED.get(HEADER..)?.split_at_checked(BUCKETS * WIDTH)?;
        let (categories, biases) = rest.split_at_checked(Leaf::COUNT * WIDTH)?;
        (biases.len() == Leaf::COUNT * 2).then_some(Self { multiplier, features, categories, biases })
    }

    /// The weight of every category for the line, in thousandths of a nat; all alike where the line
    /// has no words.
    pub fn weights(&self, text: &Text) -> [i32; Leaf::COUNT] {
        let mut sums = [0_i32; WIDTH];
        let mut count = 0;
        each_feature(text, |bucket| {
            count += 1;
            let row = self.features.get(bucket * WIDTH..(bucket + 1) * WIDTH).unwrap_or(&[]);
            for (sum, byte) in sums.iter_mut().zip(row) {
                *sum += i32::from(byte.cast_signed());
            }
        });
        if count == 0 {
            return [0; Leaf::COUNT];
        }
        let hidden = sums.map(|sum| sum * HIDDEN_UNIT / count);
        let mut weights = [0; Leaf::COUNT];
        let rows = self.categories.chunks_exact(WIDTH).zip(self.biases.chunks_exact(2));
        for (weight, (row, bias)) in weights.iter_mut().zip(rows) {
            let product: i32 = row.iter().zip(&hidden).map(|(b, h)| i32::from(b.cast_signed()) * h).sum();
            let scaled = (i64::from(product) * self.multiplier) >> SCALE_BITS;
            let bias = bias.try_into().map_or(0, i16::from_le_bytes);
            *weight = i32::try_from(scaled).unwrap_or(0) + i32::from(bias);
        }
        weights
    }
}

/// Calls `take` with the bucket of every feature of the line: its words, pairs of neighbours, and
/// groups of letters of the words with their borders marked. Numbers are no features.
pub fn each_feature(text: &Text, mut take: impl FnMut(usize)) {
    let mut before: Option<Fingerprint> = None;
    for token in text.tokens.iter().filter(|t| !t.number) {
        let word = text.word(token);
        let whole = Fingerprint::EMPTY.with("=").with(word);
        take(bucket(whole));
        if let Some(before) = before {
            take(bucket(before.with("+").with(word)));
        }
        before = Some(whole);
        letter_groups(word, &mut take);
    }
}

fn letter_groups(word: &str, take: &mut impl FnMut(usize)) {
    let letters = word.as_bytes();
    let border = |at: usize| match at {
        0 => b'<',
        _ => letters.get(at - 1).copied().unwrap_or(b'>'),
    };
    for start in 0..letters.len() {
        let mut group = Fingerprint::EMPTY;
        for size in 1..=LONGEST.min(letters.len() + 2 - start) {
            group = group.with_byte(border(start + size - 1));
            if size >= SHORTEST {
                take(bucket(group));
            }
        }
    }
}

fn bucket(feature: Fingerprint) -> usize {
    usize::try_from(feature.key() >> 40).unwrap_or(0) % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::leaf;

    #[test]
    fn a_shop_nobody_listed_is_known_by_its_words() {
        let model = Model::embedded().unwrap();
        let weights = model.weights(&Text::new("ROSALITAS MEXICAN GRILL & CANTINA"));
        assert!(weights[leaf::RESTAURANT.index()] > weights[leaf::ENERGY.index()]);
    }
}
