//! Writing the compact table that `src/knowledge.rs` reads.
//!
//! All numbers are little-endian. Sections in order: country codes, country sets, owners, entries,
//! the phrase table (open addressing, linear probing), phrases in alphabetical order, strings.

use std::{collections::BTreeMap, collections::HashMap, fmt::Write as _};

use crate::{
    tables::{Leaf, Pattern, Tables},
    text::{Fingerprint, Text},
};

/// The source of the leaf constants.
pub(crate) fn taxonomy_source(taxonomy: &[Leaf]) -> String {
    let mut groups: Vec<&str> = taxonomy.iter().map(|l| l.primary.as_str()).collect();
    groups.dedup();
    let mut table = String::from("const TABLE: &[(&str, &str, &str)] = &[\n");
    let mut group_of = String::from("const GROUP: [u8; TABLE.len()] = [");
    let mut constants =
        String::from("/// One constant for each leaf.\npub mod leaf {\n    use super::Leaf;\n");
    for (index, leaf) in taxonomy.iter().enumerate() {
        let Leaf { primary, detailed, definition } = leaf;
        let group = groups.iter().position(|g| g == primary).unwrap_or(0);
        writeln!(table, "    ({primary:?}, {detailed:?}, {definition:?}),").unwrap_or(());
        write!(group_of, "{group}, ").unwrap_or(());
        let name = detailed.to_uppercase();
        writeln!(constants, "    /// {definition}\n    pub const {name}: Leaf = Leaf({index});")
            .unwrap_or(());
    }
    format!("{table}];\n\n{group_of}];\n\n{constants}}}\n")
}

/// The whole artefact.
pub(crate) fn knowledge(tables: &Tables) -> Result<Vec<u8>, String> {
    let mut build = Build::default();
    let mut phrases: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for pattern in &tables.patterns {
        let entry = build.entry(pattern)?;
        let owned = phrases.entry(pattern.letters.clone()).or_default();
        if !owned.contains(&entry) {
            owned.push(entry);
        }
    }
    spell_without_e(&mut phrases);
    build.finish(tables, &phrases)
}

/// Banks write `ü` as `ue` or as `u`; the tables mostly say `ue`. The other spelling is added where
/// nobody owns it.
fn spell_without_e(phrases: &mut BTreeMap<String, Vec<Entry>>) {
    let mut added = Vec::new();
    for (letters, entries) in phrases.iter() {
        let other = letters.replace("ue", "u").replace("oe", "o").replace("ae", "a");
        if other != *letters && other.len() >= 5 && !phrases.contains_key(&other) {
            added.push((other, entries.clone()));
        }
    }
    phrases.extend(added);
}

/// Where logos are linked to; they are never copied.
const COMMONS: &str = "https://commons.wikimedia.org/wiki/Special:FilePath/";

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    owner: u32,
    set: u16,
    value: u8,
    kind: u8,
    bits: u8,
    tokens: u8,
    letters: u8,
}

#[derive(Default)]
struct Build {
    strings: Strings,
    owners: Vec<u8>,
    owner_ids: HashMap<[String; 3], u32>,
    sets: Vec<u128>,
}

impl Build {
    fn entry(&mut self, p: &Pattern) -> Result<Entry, String> {
        let small = |n: usize| u8::try_from(n).map_err(|e| e.to_string());
        Ok(Entry {
            owner: self.owner(&p.name, &p.website, &p.logo)?,
            set: self.set(p.countries)?,
            value: small(p.value)?,
            kind: small(p.kind)?,
            bits: p.directions | (u8::from(p.weak) << 2) | (u8::from(p.generic) << 4),
            tokens: small(p.tokens)?,
            letters: small(p.letters.len())?,
        })
    }

    fn owner(&mut self, name: &str, website: &str, logo: &str) -> Result<u32, String> {
        let key = [name.to_owned(), website.to_owned(), logo.to_owned()];
        if let Some(id) = self.owner_ids.get(&key) {
            return Ok(*id);
        }
        let id = to_u32(self.owner_ids.len())?;
        let logo = if logo.is_empty() { String::new() } else { format!("{COMMONS}{logo}?width=150") };
        for part in [name, slug(name).as_str(), website, logo.as_str()] {
            let (offset, length) = self.strings.place(part)?;
            self.owners.extend(offset.to_le_bytes());
            self.owners.extend(length.to_le_bytes());
        }
        self.owner_ids.insert(key, id);
        Ok(id)
    }

    fn set(&mut self, countries: u128) -> Result<u16, String> {
        let known = self.sets.iter().position(|s| *s == countries);
        let index = known.unwrap_or_else(|| {
            self.sets.push(countries);
            self.sets.len() - 1
        });
        u16::try_from(index).map_err(|e| e.to_string())
    }

    fn finish(mut self, tables: &Tables, phrases: &BTreeMap<String, Vec<Entry>>) -> Result<Vec<u8>, String> {
        let slots = (phrases.len() * 3 / 2).next_power_of_two();
        let (mut keys, mut values) = (vec![0_u64; slots], vec![0_u32; slots]);
        let (mut entries, mut sorted) = (Vec::new(), Vec::new());
        for (letters, owned) in phrases {
            let first = to_u32(entries.len() / 12)?;
            write_entries(&mut entries, owned);
            place(&mut keys, &mut values, Fingerprint::EMPTY.with(letters).key(), first)?;
            let (offset, length) = self.strings.place(letters)?;
            sorted.extend(offset.to_le_bytes());
            sorted.extend(length.to_le_bytes());
            sorted.extend(first.to_le_bytes());
        }
        let mut out = Vec::new();
        let codes: Vec<u8> = tables.countries.iter().flat_map(|c| c.bytes()).collect();
        section(&mut out, tables.countries.len(), &codes)?;
        section(
            &mut out,
            self.sets.len(),
            &self.sets.iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<_>>(),
        )?;
        section(&mut out, self.owner_ids.len(), &self.owners)?;
        section(&mut out, entries.len() / 12, &entries)?;
        section(&mut out, slots, &keys.iter().flat_map(|k| k.to_le_bytes()).collect::<Vec<_>>())?;
        section(&mut out, slots, &values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>())?;
        section(&mut out, phrases.len(), &sorted)?;
        section(&mut out, self.strings.bytes.len(), self.strings.bytes.as_bytes())?;
        Ok(out)
    }
}

fn section(out: &mut Vec<u8>, count: usize, bytes: &[u8]) -> Result<(), String> {
    out.extend(to_u32(count)?.to_le_bytes());
    out.extend(bytes);
    Ok(())
}

fn write_entries(out: &mut Vec<u8>, owned: &[Entry]) {
    for (i, e) in owned.iter().enumerate() {
        let last = u8::from(i + 1 == owned.len()) << 3;
        out.extend(e.owner.to_le_bytes());
        out.extend(e.set.to_le_bytes());
        out.extend([e.value, e.kind, e.bits | last, e.tokens, e.letters, 0]);
    }
}

fn place(keys: &mut [u64], values: &mut [u32], key: u64, value: u32) -> Result<(), String> {
    let mask = keys.len() - 1;
    let mut slot = usize::try_from(key >> 32).map_err(|e| e.to_string())? & mask;
    loop {
        let (Some(k), Some(v)) = (keys.get_mut(slot), values.get_mut(slot)) else {
            return Err("the phrase table has no slots".to_owned());
        };
        if *k == key {
            return Err("two phrases have one fingerprint; change the basis of the hash".to_owned());
        }
        if *k == 0 {
            (*k, *v) = (key, value);
            return Ok(());
        }
        slot = (slot + 1) & mask;
    }
}

#[derive(Default)]
struct Strings {
    bytes: String,
    known: HashMap<String, u32>,
}

impl Strings {
    fn place(&mut self, text: &str) -> Result<(u32, u16), String> {
        let length = u16::try_from(text.len()).map_err(|e| e.to_string())?;
        if let Some(offset) = self.known.get(text) {
            return Ok((*offset, length));
        }
        let offset = to_u32(self.bytes.len())?;
        self.bytes.push_str(text);
        self.known.insert(text.to_owned(), offset);
        Ok((offset, length))
    }
}

fn slug(name: &str) -> String {
    let text = Text::new(name);
    text.joined(&text.tokens).replace(' ', "-")
}

fn to_u32(n: usize) -> Result<u32, String> {
    u32::try_from(n).map_err(|e| e.to_string())
}
