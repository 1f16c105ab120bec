//! Trains the model of last resort and writes `knowledge/model.bin`.
//!
//! `cargo run --release -p categorizer --example train_model`. Everything is seeded: the same
//! tables give the same file. Prints how the model does on brands it never saw.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    reason = "a command for developers: it may stop at a wrong table, and it reckons with weights, not money"
)]

mod corpus;

use std::{error::Error, fs};

use categorizer::{
    model::{BUCKETS, HIDDEN_UNIT, SCALE_BITS, WIDTH, each_feature},
    taxonomy::{Leaf, leaf},
    text::Text,
};
use corpus::{Corpus, Line};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const STEPS: usize = 4_000_000;
const RATE: f64 = 0.25;
/// Real lines are stranger than generated ones: beyond what unseen brands ask for, the weights are
/// flattened by this much.
const HUMBLE: f64 = 0.9;

struct Weights {
    features: Vec<f64>,
    categories: Vec<f64>,
    biases: Vec<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let corpus = Corpus::load()?;
    let mut rng = ChaCha8Rng::seed_from_u64(20_260_101);
    let mut weights = Weights {
        features: (0..BUCKETS * WIDTH).map(|_| rng.random_range(-0.03..0.03)).collect(),
        categories: vec![0.0; Leaf::COUNT * WIDTH],
        biases: vec![0.0; Leaf::COUNT],
    };
    for step in 0..STEPS {
        let rate = RATE * (1.0 - step as f64 / STEPS as f64);
        weights.learn(&corpus.line(&mut rng), rate, &mut rng);
        if step % 500_000 == 0 {
            println!("{step} lines: {}", report(&weights, &corpus));
        }
    }
    println!("unseen brands: {}", report(&weights, &corpus));
    write_held_out(&corpus)?;
    fs::write(
        concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge/model.bin"),
        weights.quantised(weights.coolest(&corpus) * HUMBLE),
    )?;
    Ok(())
}

/// Lines of unseen brands for the test that gates the model.
fn write_held_out(corpus: &Corpus) -> Result<(), Box<dyn Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    let mut writer = csv::Writer::from_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/held_out.csv"))?;
    writer.write_record(["description", "label"])?;
    for _ in 0..1500 {
        let line = corpus.unseen(&mut rng);
        writer.write_record([line.text, line.leaf.to_string()])?;
    }
    Ok(writer.flush()?)
}

impl Weights {
    fn hidden(&self, buckets: &[usize]) -> [f64; WIDTH] {
        let mut hidden = [0.0; WIDTH];
        for bucket in buckets {
            let row = &self.features[bucket * WIDTH..(bucket + 1) * WIDTH];
            hidden.iter_mut().zip(row).for_each(|(h, f)| *h += f);
        }
        hidden.map(|h| h / buckets.len().max(1) as f64)
    }

    fn shares(&self, hidden: &[f64; WIDTH]) -> Vec<f64> {
        let rows = self.categories.chunks_exact(WIDTH).zip(&self.biases);
        let scores: Vec<f64> =
            rows.map(|(row, b)| b + row.iter().zip(hidden).map(|(r, h)| r * h).sum::<f64>()).collect();
        let top = scores.iter().copied().fold(f64::MIN, f64::max);
        let shares: Vec<f64> = scores.iter().map(|s| (s - top).exp()).collect();
        let total: f64 = shares.iter().sum();
        shares.into_iter().map(|s| s / total).collect()
    }

    /// The flattening under which unseen brands surprise the model least.
    fn coolest(&self, corpus: &Corpus) -> f64 {
        let surprise = |flat: f64| -> f64 {
            let mut rng = ChaCha8Rng::seed_from_u64(11);
            let one = |line: Line| {
                let shares = self.shares(&self.hidden(&buckets(&line.text)));
                let total: f64 = shares.iter().map(|s| s.powf(flat)).sum();
                -(shares[line.leaf.index()].powf(flat) / total).max(1e-12).ln()
            };
            (0..2000).map(|_| one(corpus.unseen(&mut rng))).sum()
        };
        let tried = (2..=20).map(|tenth| f64::from(tenth) / 20.0);
        let best = tried.min_by(|a, b| surprise(*a).total_cmp(&surprise(*b))).unwrap_or(1.0);
        println!("flattened by {best}");
        best
    }

    /// One step of gradient descent; half of the features is left out each time, so that letters
    /// learn to speak where words are unknown.
    fn learn(&mut self, line: &Line, rate: f64, rng: &mut ChaCha8Rng) {
        let mut buckets = buckets(&line.text);
        buckets.retain(|_| rng.random_bool(0.5));
        if buckets.is_empty() {
            return;
        }
        let hidden = self.hidden(&buckets);
        let shares = self.shares(&hidden);
        let mut back = [0.0; WIDTH];
        for (category, share) in shares.iter().enumerate() {
            let error = rate * (f64::from(u8::from(category == line.leaf.index())) - share);
            self.biases[category] += error * 0.1;
            let row = &mut self.categories[category * WIDTH..(category + 1) * WIDTH];
            for ((b, r), h) in back.iter_mut().zip(row).zip(&hidden) {
                *b += error * *r;
                *r += error * h;
            }
        }
        for bucket in buckets {
            let row = &mut self.features[bucket * WIDTH..(bucket + 1) * WIDTH];
            row.iter_mut().zip(&back).for_each(|(f, b)| *f += b);
        }
    }

    /// The file: multiplier, feature rows, category rows, biases. Each column of the feature rows is
    /// scaled to eight bits; its scale moves into the category rows.
    fn quantised(&self, flat: f64) -> Vec<u8> {
        let mut largest = [1e-9_f64; WIDTH];
        for row in self.features.chunks_exact(WIDTH) {
            largest.iter_mut().zip(row).for_each(|(l, f)| *l = l.max(f.abs()));
        }
        let scaled: Vec<f64> =
            self.categories.iter().enumerate().map(|(i, c)| c * largest[i % WIDTH] / 127.0).collect();
        let top = scaled.iter().fold(1e-12_f64, |t, s| t.max(s.abs())) / 127.0;
        let multiplier = top * 1000.0 * flat / f64::from(HIDDEN_UNIT) * f64::from(1_u32 << SCALE_BITS);
        let mut file = (multiplier.round() as i64).to_le_bytes().to_vec();
        file.extend(self.features.iter().enumerate().map(|(i, f)| byte(f * 127.0 / largest[i % WIDTH])));
        file.extend(scaled.iter().map(|s| byte(s / top)));
        file.extend(self.biases.iter().flat_map(|b| ((b * 1000.0 * flat).round() as i16).to_le_bytes()));
        file
    }
}

fn byte(value: f64) -> u8 {
    (value.round().clamp(-127.0, 127.0) as i8).cast_unsigned()
}

fn buckets(text: &str) -> Vec<usize> {
    let mut out = Vec::new();
    each_feature(&Text::new(text), |bucket| out.push(bucket));
    out
}

/// Shares right on lines of unseen brands.
fn report(weights: &Weights, corpus: &Corpus) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let (mut group, mut exact, rows) = (0, 0, 3000);
    for _ in 0..rows {
        let line = corpus.unseen(&mut rng);
        let shares = weights.shares(&weights.hidden(&buckets(&line.text)));
        let best = Leaf::all()
            .max_by(|a, b| shares[a.index()].total_cmp(&shares[b.index()]))
            .unwrap_or(leaf::UNCATEGORISED);
        group += usize::from(best.group() == line.leaf.group());
        exact += usize::from(best == line.leaf);
    }
    format!("group {} %, leaf {} %", group * 100 / rows, exact * 100 / rows)
}
