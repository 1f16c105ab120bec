//! Records a second on one core: a stream that repeats itself as real ones do, and one in which no
//! two lines are alike.
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at a broken file")]

use std::hint::black_box;

use categorizer::{Engine, Input};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rust_decimal::Decimal;

struct Line {
    text: String,
    amount: Decimal,
    country: String,
}

/// The golden lines; with `distinct` every line gets a made-up word and number of its own.
fn lines(count: usize, distinct: bool) -> Vec<Line> {
    let mut reader =
        csv::Reader::from_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let line = |i: usize| {
        let row = rows.get(i % rows.len()).unwrap();
        let [text, amount, _, direction, _, country] = [0, 1, 2, 3, 4, 5].map(|c| row.get(c).unwrap());
        let sign = if direction == "debit" { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
        let text = if distinct { format!("{text} {} {i}", syllables(i)) } else { text.to_owned() };
        Line { text, amount: amount.parse::<Decimal>().unwrap() * sign, country: country.to_owned() }
    };
    (0..count).map(line).collect()
}

fn syllables(mut n: usize) -> String {
    let mut word = String::new();
    for _ in 0..3 {
        word.push_str(["ka", "lo", "mi", "nu", "re", "sa", "ti", "vo"].get(n % 8).unwrap());
        n /= 8;
    }
    word
}

fn throughput(c: &mut Criterion) {
    let engine = Engine::embedded().unwrap();
    let mut group = c.benchmark_group("categorise");
    for (name, distinct) in [("repetitive", false), ("distinct", true)] {
        let lines = lines(10_000, distinct);
        group.throughput(Throughput::Elements(10_000));
        group.bench_function(name, |b| {
            b.iter(|| {
                for line in &lines {
                    let country = Some(line.country.as_str());
                    black_box(engine.categorise(&Input {
                        description: &line.text,
                        amount: line.amount,
                        country,
                        ..Input::default()
                    }));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, throughput);
criterion_main!(benches);
