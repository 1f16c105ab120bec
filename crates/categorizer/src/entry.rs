//! The rows behind the phrases, and where they hold.

use crate::{
    bytes::{byte, u16_at, u32_at},
    record::Channel,
    taxonomy::Leaf,
};

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Words that name the thing bought: no merchant.
    Word,
    /// A wording of the bank about how the money moved.
    Channel,
    /// A language's generic wording kept among the brands: no merchant.
    Other,
    /// A firm that sells something.
    Firm,
    /// A bank: a counterparty, never the merchant of a purchase.
    Bank,
    /// Stands between holder and merchant where another name follows.
    Intermediary,
    /// A public body or an employer's payroll wording.
    Public,
    /// From the name-suggestion-index.
    Gazetteer,
}

impl Kind {
    /// In the order of the build step's list of kinds.
    const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Word,
            1 => Self::Channel,
            2 => Self::Other,
            12 => Self::Bank,
            13 | 14 => Self::Intermediary,
            19..=22 => Self::Public,
            23 => Self::Gazetteer,
            _ => Self::Firm,
        }
    }
}

/// A set of countries, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Countries(u128);

impl Countries {
    /// No country known.
    pub(crate) const NONE: Self = Self(0);
    /// Every country.
    pub(crate) const EVERYWHERE: Self = Self(u128::MAX);

    /// The countries whose bits are set.
    pub(crate) const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// Both sets together.
    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the row holds everywhere.
    pub(crate) const fn everywhere(self) -> bool {
        self.0 == u128::MAX
    }

    /// Whether the sets meet.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the set is empty.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// One row behind a pattern.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// Position of its name, id, site and logo.
    pub(crate) owner: u32,
    /// Where the row holds.
    pub(crate) countries: Countries,
    value: u8,
    /// What it is about.
    pub(crate) kind: Kind,
    bits: u8,
    /// Number of words the pattern was written with.
    pub(crate) tokens: usize,
    /// Letters of the pattern.
    pub(crate) letters: usize,
}

impl Entry {
    /// Reads the twelve bytes the build step wrote.
    pub(crate) fn read(bytes: &[u8], sets: &[Countries]) -> Self {
        let set = usize::from(u16_at(bytes, 4));
        Self {
            owner: u32_at(bytes, 0),
            countries: sets.get(set).copied().unwrap_or(Countries::NONE),
            value: byte(bytes, 6),
            kind: Kind::from_code(byte(bytes, 7)),
            bits: byte(bytes, 8),
            tokens: usize::from(byte(bytes, 9)),
            letters: usize::from(byte(bytes, 10)),
        }
    }

    /// The category; `None` for channel wordings.
    pub(crate) fn leaf(&self) -> Option<Leaf> {
        if self.kind == Kind::Channel { None } else { Leaf::from_index(self.value) }
    }

    /// The channel of a channel wording.
    pub(crate) fn channel(&self) -> Option<Channel> {
        if self.kind == Kind::Channel { Channel::ALL.get(usize::from(self.value)).copied() } else { None }
    }

    /// Whether the row holds for money going out (`true`) or coming in.
    pub(crate) const fn holds_for(&self, debit: bool) -> bool {
        self.bits & if debit { 1 } else { 2 } != 0
    }

    /// Needs a second piece of evidence.
    pub(crate) const fn weak(&self) -> bool {
        self.bits & 4 != 0
    }

    /// Whether this is the last row of its phrase.
    pub(crate) const fn last(&self) -> bool {
        self.bits & 8 != 0
    }

    /// Whether the name may be shown as a merchant's.
    pub(crate) const fn names_merchant(&self) -> bool {
        matches!(self.kind, Kind::Firm | Kind::Gazetteer) && self.bits & 0b1_0100 == 0
    }
}
