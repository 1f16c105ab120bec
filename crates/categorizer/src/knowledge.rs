//! The compiled tables, read in place.
//!
//! The build step (`build/`) has checked every row; reading can only fail where the artefact and
//! this reader disagree, and then the engine does not start.

use crate::{
    bytes::{byte, u16_at, u32_at, u64_at, u128_at},
    entry::{Countries, Entry},
    filter::Filter,
    matcher::CHECKED,
    record::Merchant,
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

/// Every table of the artefact.
pub(crate) struct Knowledge {
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

impl Knowledge {
    /// Reads the embedded artefact.
    ///
    /// # Errors
    /// [`KnowledgeError::Damaged`] where it is not whole.
    pub(crate) fn embedded() -> Result<Self, KnowledgeError> {
        let mut reader = Reader { bytes: ARTEFACT, at: 0 };
        let countries = reader.section(2)?.chunks_exact(2).map(|c| [byte(c, 0), byte(c, 1)]).collect();
        let sets = reader.section(16)?.chunks_exact(16).map(|s| Countries::from_bits(u128_at(s)));
        let sets: Vec<Countries> = sets.collect();
        let owners = reader.section(24)?;
        let entries = reader.section(12)?.chunks_exact(12).map(|c| Entry::read(c, &sets)).collect();
        let keys = reader.section(8)?.chunks_exact(8).map(u64_at).collect();
        let values = reader.section(4)?.chunks_exact(4).map(|c| u32_at(c, 0)).collect();
        let sorted = reader.section(10)?;
        let damaged = KnowledgeError::Damaged(reader.at);
        let strings = std::str::from_utf8(reader.section(1)?).map_err(|_| damaged)?;
        let (beginnings, phrases) = (Filter::default(), Filter::default());
        let mut knowledge =
            Self { countries, owners, entries, keys, values, sorted, strings, beginnings, phrases };
        let all = || (0..knowledge.sorted.len() / 10).map(|i| knowledge.phrase(i));
        let parts = all().flat_map(|phrase| CHECKED.iter().filter_map(|letters| phrase.get(..*letters)));
        let filters = [
            Filter::of(parts.map(|p| Fingerprint::EMPTY.with(p))),
            Filter::of(all().map(|p| Fingerprint::EMPTY.with(p))),
        ];
        [knowledge.beginnings, knowledge.phrases] = filters;
        Ok(knowledge)
    }

    /// Whether a phrase may begin with these letters; asked only at the lengths in
    /// [`CHECKED`].
    pub(crate) fn may_begin(&self, letters: Fingerprint) -> bool {
        self.beginnings.may_hold(letters)
    }

    /// The set holding the country `code` (ISO 3166 alpha-2, any case); empty where no table
    /// mentions it.
    pub(crate) fn country(&self, code: &str) -> Countries {
        let code = code.trim();
        let known = self.countries.iter().position(|c| code.as_bytes().eq_ignore_ascii_case(c));
        known.map_or(Countries::NONE, |bit| Countries::from_bits(1 << bit))
    }

    /// The set of all countries of a list such as `"gb ie"`; `*` is everywhere.
    pub(crate) fn country_list(&self, codes: &str) -> Countries {
        if codes.trim() == "*" {
            return Countries::EVERYWHERE;
        }
        codes.split_whitespace().fold(Countries::NONE, |set, code| set.with(self.country(code)))
    }

    /// Every row owning the phrase.
    pub(crate) fn find(&self, phrase: Fingerprint) -> &[Entry] {
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
        let last = tail.iter().position(Entry::last).map_or(0, |i| i + 1);
        tail.get(..last).unwrap_or(&[])
    }

    /// The rows of every phrase that begins with `letters`, at most `limit` phrases; empty where
    /// more begin so: then the letters say nothing.
    pub(crate) fn beginning_with(&self, letters: &str, limit: usize) -> Vec<&[Entry]> {
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
    pub(crate) fn name(&self, entry: &Entry) -> &'static str {
        self.string(self.owner(entry))
    }

    /// The row's stable id.
    pub(crate) fn id(&self, entry: &Entry) -> &'static str {
        self.string(self.owner(entry).get(6..).unwrap_or(&[]))
    }

    /// The row's merchant.
    pub(crate) fn merchant(&self, entry: &Entry) -> Merchant {
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
        let length = usize::from(u16_at(place, 4));
        self.strings.get(offset..offset.saturating_add(length)).unwrap_or_default()
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
        let head = self.bytes.get(self.at..self.at + 4).ok_or(KnowledgeError::Damaged(self.at))?;
        let count = usize::try_from(u32_at(head, 0)).unwrap_or(usize::MAX);
        let start = self.at + 4;
        self.at = start.saturating_add(count.saturating_mul(size));
        self.bytes.get(start..self.at).ok_or(damaged)
    }
}
