//! Asking a set of phrases without touching the memory it lies in.

use crate::text::Fingerprint;

/// A set that answers "surely not" or "perhaps", small enough to stay in the nearest memory.
#[derive(Default)]
pub(crate) struct Filter(Box<[u64]>);

/// Bits of a filter.
const BITS: u64 = 1 << 21;

impl Filter {
    /// A filter of all these.
    pub(crate) fn of(letters: impl Iterator<Item = Fingerprint>) -> Self {
        let mut bits = vec![0; usize::try_from(BITS / 64).unwrap_or(0)];
        for (slot, bit) in letters.map(Self::place) {
            if let Some(word) = bits.get_mut(slot) {
                *word |= bit;
            }
        }
        Self(bits.into())
    }

    /// Whether the letters may be among them.
    pub(crate) fn may_hold(&self, letters: Fingerprint) -> bool {
        let (slot, bit) = Self::place(letters);
        self.0.get(slot).is_some_and(|word| word & bit != 0)
    }

    fn place(letters: Fingerprint) -> (usize, u64) {
        let bit = (letters.key() >> 20) % BITS;
        (usize::try_from(bit / 64).unwrap_or(0), 1 << (bit % 64))
    }
}
