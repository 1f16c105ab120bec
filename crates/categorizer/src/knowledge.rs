//! The compiled tables, read in place.
//!
//! The build step (`build/`) has checked every row; reading can only fail where the artefact and
//! this reader disagree, and then the engine does not start.

use crate::{
    matcher::CHECKED,
    record::{Channel, Merchant},
    taxonomy::Leaf,
    text::Fingerprint,
};

static ARTEFACT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/knowledge.bin"));

/// Why the engine has no knowledge.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KnowledgeError {
    /// The artefact does not have the shape this reader expects.
    #[error("the compiled tables are damaged at byte {0}; build the crate again")]
    Damaged(usize),
    /// The model was trained for another taxonomy.
    #[error("the model does not fit the taxonomy; train it again (see the module `model`)")]
    Model,
    /// A table read at start has a wrong row.
    #[error("{file}:{line}: {what}")]
    Row {
        /// Which table.
        file: &'static str,
        /// Line in it.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
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
pub struct Countries(u128);

impl Countries {
    /// Whether the row holds everywhere.
    pub const fn everywhere(self) -> bool {
        self.0 == u128::MAX
    }

    /// Whether the sets meet.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// One row behind a pattern.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    owner: u32,
    /// Where the row holds.
    pub countries: Countries,
    value: u8,
    /// What it is about.
    pub kind: Kind,
    bits: u8,
    /// Number of words the pattern was written with.
    pub tokens: usize,
    /// Letters of the pattern.
    pub letters: usize,
}

impl Entry {
    /// The category; `None` for channel wordings.
    pub fn leaf(&self) -> Option<Leaf> {
        if self.kind == Kind::Channel { None } else { Leaf::from_index(self.value) }
    }

    /// The channel of a channel wording.
    pub fn channel(&self) -> Option<Channel> {
        if self.kind == Kind::Channel { Channel::ALL.get(usize::from(self.value)).copied() } else { None }
    }

    /// Whether the row holds for money going out (`true`) or coming in.
    pub const fn holds_for(&self, debit: bool) -> bool {
        self.bits & if debit { 1 } else { 2 } != 0
    }

    /// Needs a second piece of evidence.
    pub const fn weak(&self) -> bool {
        self.bits & 4 != 0
    }
}

impl Entry {
    /// Whether the name may be shown as a merchant's.
    pub const fn names_merchant(&self) -> bool {
        matches!(self.kind, Kind::Firm | Kind::Gazetteer) && self.bits & 0b1_0100 == 0
    }
}

/// Every table of the artefact.
pub struct Knowledge {
    countries: Vec<[u8; 2]>,
    owners: &'static [u8],
    entries: Box<[Entry]>,
    keys: Box<[u64]>,
    values: Box<[u32]>,
    sorted: &'static [u8],
    strings: &'static str,
    /// The phrases' beginnings, and the phrases themselves.
    beginnings: Filter,
    phrases: Filter,
}

/// A set that answers "surely not" or "perhaps", small enough to stay in the nearest memory.
#[derive(Default)]
struct Filter(Box<[u64]>);

/// Bits of a filter.
const BITS: u64 = 1 << 21;

impl Filter {
    fn of(letters: impl Iterator<Item = Fingerprint>) -> Self {
        let mut bits = vec![0; usize::try_from(BITS / 64).unwrap_or(0)];
        for (slot, bit) in letters.map(Self::place) {
            if let Some(word) = bits.get_mut(slot) {
                *word |= bit;
            }
        }
        Self(bits.into())
    }

    fn may_hold(&self, letters: Fingerprint) -> bool {
        let (slot, bit) = Self::place(letters);
        self.0.get(slot).is_some_and(|word| word & bit != 0)
    }

    fn place(letters: Fingerprint) -> (usize, u64) {
        let bit = (letters.key() >> 20) % BITS;
        (usize::try_from(bit / 64).unwrap_or(0), 1 << (bit % 64))
    }
}

impl Knowledge {
    /// Reads the embedded artefact.
    ///
    /// # Errors
    /// [`KnowledgeError::Damaged`] where it is not whole.
    pub fn embedded() -> Result<Self, KnowledgeError> {
        let mut reader = Reader { bytes: ARTEFACT, at: 0 };
        let countries = reader.section(2)?.chunks_exact(2).map(|c| [byte(c, 0), byte(c, 1)]).collect();
        let sets: Vec<u128> = reader.section(16)?.chunks_exact(16).map(u128_at).collect();
        let owners = reader.section(24)?;
        let entries = reader.section(12)?.chunks_exact(12).map(|c| entry(c, &sets)).collect();
        let keys = reader.section(8)?.chunks_exact(8).map(u64_at).collect();
        let values = reader.section(4)?.chunks_exact(4).map(|c| u32_at(c, 0)).collect();
        let sorted = reader.section(10)?;
        let damaged = KnowledgeError::Damaged(reader.at);
        let strings = std::str::from_utf8(reader.section(1)?).map_err(|_| damaged)?;
        let (beginnings, phrases) = (Filter::default(), Filter::default());
        let mut knowledge = Self { countries, owners, entries, keys, values, sorted, strings, beginnings, phrases };
        let all = || (0..knowledge.sorted.len() / 10).map(|i| knowledge.phrase(i));
        let parts = all().flat_map(|phrase| CHECKED.iter().filter_map(|letters| phrase.get(..*letters)));
        let filters = [Filter::of(parts.map(|p| Fingerprint::EMPTY.with(p))), Filter::of(all().map(|p| Fingerprint::EMPTY.with(p)))];
        [knowledge.beginnings, knowledge.phrases] = filters;
        Ok(knowledge)
    }

    /// Whether a phrase may begin with these letters; asked only at the lengths in
    /// [`CHECKED`](crate::matcher::CHECKED).
    pub fn may_begin(&self, letters: Fingerprint) -> bool {
        self.beginnings.may_hold(letters)
    }

    /// The set holding the country `code` (ISO 3166 alpha-2, any case); empty where no table
    /// mentions it.
    pub fn country(&self, code: &str) -> Countries {
        let code = code.trim();
        let known = self.countries.iter().position(|c| code.as_bytes().eq_ignore_ascii_case(c));
        Countries(known.map_or(0, |bit| 1 << bit))
    }

    /// The set of all countries of a list such as `"gb ie"`; `*` is everywhere.
    pub fn country_list(&self, codes: &str) -> Countries {
        let everywhere = codes.trim() == "*";
        let listed = codes.split_whitespace().fold(0, |set, c| set | self.country(c).0);
        Countries(if everywhere { u128::MAX } else { listed })
    }

    /// Every row owning the phrase.
    pub fn find(&self, phrase: Fingerprint) -> &[Entry] {
        if !self.phrases.may_hold(phrase) {
            return &[];
        }
        let key = phrase.key();
        let mask = self.keys.len().wrapping_sub(1);
        let mut slot = usize::try_from(key >> 32).unwrap_or(0) & mask;
        while let Some(found) = self.keys.get(slot).filter(|k| **k != 0) {
            if *found == key {
                return self.values.get(slot).map_or(&[], |first| self.rows(*first));
            }
            slot = (slot + 1) & mask;
        }
        &[]
    }

    fn rows(&self, first: u32) -> &[Entry] {
        let tail = usize::try_from(first).ok().and_then(|f| self.entries.get(f..)).unwrap_or(&[]);
        let last = tail.iter().position(|e| e.bits & 8 != 0).map_or(0, |i| i + 1);
        tail.get(..last).unwrap_or(&[])
    }

    /// The rows of every phrase that begins with `letters`, at most `limit` phrases; empty where
    /// more begin so: then the letters say nothing.
    pub fn beginning_with(&self, letters: &str, limit: usize) -> Vec<&[Entry]> {
        let (mut low, mut high) = (0, self.sorted.len() / 10);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.phrase(middle) < letters { low = middle + 1 } else { high = middle }
        }
        let begin = (low..).take_while(|i| self.phrase(*i).starts_with(letters)).take(limit + 1);
        let found: Vec<&[Entry]> = begin.map(|i| self.rows(u32_at(self.row(i), 6))).collect();
        if found.len() > limit { Vec::new() } else { found }
    }

    fn row(&self, index: usize) -> &'static [u8] {
        self.sorted.get(index * 10..index * 10 + 10).unwrap_or(&[])
    }

    fn phrase(&self, index: usize) -> &'static str {
        self.string(self.row(index))
    }

    /// The row's name, as it may be shown.
    pub fn name(&self, entry: &Entry) -> &'static str {
        self.string(self.owner(entry))
    }

    /// The row's stable id.
    pub fn id(&self, entry: &Entry) -> &'static str {
        self.string(self.owner(entry).get(6..).unwrap_or(&[]))
    }

    /// The row's merchant.
    pub fn merchant(&self, entry: &Entry) -> Merchant {
        let fact = |at: usize| {
            let text = self.string(self.owner(entry).get(at..).unwrap_or(&[]));
            (!text.is_empty()).then_some(text)
        };
        Merchant { id: self.id(entry), name: self.name(entry), website: fact(12), logo_url: fact(18) }
    }

    fn owner(&self, entry: &Entry) -> &'static [u8] {
        let at = usize::try_from(entry.owner).unwrap_or(usize::MAX).saturating_mul(24);
        self.owners.get(at..at.saturating_add(24)).unwrap_or(&[])
    }

    fn string(&self, place: &[u8]) -> &'static str {
        let offset = usize::try_from(u32_at(place, 0)).unwrap_or(usize::MAX);
        let length = usize::from(u16::from_le_bytes([byte(place, 4), byte(place, 5)]));
        self.strings.get(offset..offset.saturating_add(length)).unwrap_or_default()
    }
}

fn entry(c: &[u8], sets: &[u128]) -> Entry {
    let set = usize::from(u16::from_le_bytes([byte(c, 4), byte(c, 5)]));
    Entry {
        owner: u32_at(c, 0),
        countries: Countries(sets.get(set).copied().unwrap_or(0)),
        value: byte(c, 6),
        kind: Kind::from_code(byte(c, 7)),
        bits: byte(c, 8),
        tokens: usize::from(byte(c, 9)),
        letters: usize::from(byte(c, 10)),
    }
}

struct Reader {
    bytes: &'static [u8],
    at: usize,
}

impl Reader {
    /// The next section: a count, then as many items of `size` bytes.
    fn section(&mut self, size: usize) -> Result<&'static [u8], KnowledgeError> {
        let damaged = KnowledgeError::Damaged(self.at);
        let head = self.bytes.get(self.at..self.at + 4).ok_or_else(|| KnowledgeError::Damaged(self.at))?;
        let count = usize::try_from(u32_at(head, 0)).unwrap_or(usize::MAX);
        let start = self.at + 4;
        self.at = start.saturating_add(count.saturating_mul(size));
        self.bytes.get(start..self.at).ok_or(damaged)
    }
}

fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([byte(bytes, at), byte(bytes, at + 1), byte(bytes, at + 2), byte(bytes, at + 3)])
}

fn u64_at(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

fn u128_at(bytes: &[u8]) -> u128 {
    bytes.try_into().map_or(0, u128::from_le_bytes)
}
