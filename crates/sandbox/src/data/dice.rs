//! Chance that repeats: the same key gives the same draws, on every machine.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// A stream of draws for one key.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of a seed, a customer, a purpose and a day (or another number within the purpose).
    pub(super) fn new(seed: u64, customer: u64, purpose: u64, day: u64) -> Self {
        let mut key = [0; 32];
        for (bytes, word) in key.chunks_exact_mut(8).zip([seed, customer, purpose, day]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Whether something happens that happens `times` out of `of`.
    pub(super) fn chance(&mut self, times: u32, of: u32) -> bool {
        self.0.random_range(0..of) < times
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        self.0.random_range(low..=high)
    }

    /// One of them, or nothing if there is none.
    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let last = u32::try_from(from.len()).ok()?.checked_sub(1)?;
        from.get(usize::try_from(self.between(0, last)).ok()?)
    }

    /// An amount in whole cents; small ones are likelier, as on real statements.
    pub(super) fn amount(&mut self, low: Decimal, high: Decimal) -> Decimal {
        let (low, high) = (cents(low), cents(high));
        let spread = (high - low).max(0);
        let drawn = self.0.random_range(0..=spread).min(self.0.random_range(0..=spread));
        Decimal::new(low + drawn, 2)
    }

    /// Decimal digits.
    pub(super) fn digits(&mut self, count: usize) -> String {
        self.letters(count, b"0123456789")
    }

    /// An order code as web shops print them.
    pub(super) fn code(&mut self) -> String {
        self.letters(7, b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZ")
    }

    fn letters(&mut self, count: usize, alphabet: &[u8]) -> String {
        (0..count).filter_map(|_| self.pick(alphabet)).map(|letter| char::from(*letter)).collect()
    }
}

fn cents(amount: Decimal) -> i64 {
    (amount * Decimal::ONE_HUNDRED).to_i64().unwrap_or_default()
}
