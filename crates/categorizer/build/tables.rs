//! Reading and checking the knowledge tables.
//!
//! Refused, with file and line: an unknown category, kind, direction or country code; a pattern
//! without letters; a pattern owned twice with different categories where countries and directions
//! meet; an everyday word as a strong pattern of a brand.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

mod names;
mod rows;

use crate::text::{Text, canonical};
use names::{at_home, spells};
use rows::{Row, brand_files, everyday, field, index_of, rows};

/// What a row is about; the order is the code in the artefact (`src/knowledge.rs` reads it).
pub(crate) const KINDS: [&str; 24] = [
    "word",
    "channel",
    "other",
    "merchant",
    "online",
    "marketplace",
    "subscription",
    "transport",
    "utility",
    "telecom",
    "insurer",
    "lender",
    "bank",
    "wallet",
    "processor",
    "health",
    "education",
    "membership",
    "charity",
    "government",
    "payroll",
    "pension",
    "benefits",
    "gazetteer",
];

/// Channels in the order of `record::Channel`.
pub(crate) const CHANNELS: [&str; 11] = [
    "unknown",
    "card_pos",
    "card_online",
    "atm",
    "transfer",
    "direct_debit",
    "standing_order",
    "fee",
    "cash",
    "cheque",
    "wallet",
];

/// One row of the taxonomy.
pub(crate) struct Leaf {
    pub(crate) primary: String,
    pub(crate) detailed: String,
    pub(crate) definition: String,
}

/// One pattern with everything the engine must know when it matches.
pub(crate) struct Pattern {
    /// Letters the pattern is found by.
    pub(crate) letters: String,
    /// Number of tokens it was written with.
    pub(crate) tokens: usize,
    pub(crate) name: String,
    pub(crate) website: String,
    /// File name on Wikimedia Commons.
    pub(crate) logo: String,
    pub(crate) kind: usize,
    /// Leaf, or channel for rows of that kind.
    pub(crate) value: usize,
    /// Bit 0: debit, bit 1: credit.
    pub(crate) directions: u8,
    pub(crate) countries: u128,
    pub(crate) weak: bool,
    /// The name must not be shown as a merchant's: it is made of everyday and category words, or the
    /// pattern does not spell it, so that it may as well be a parent's or a neighbour's.
    pub(crate) generic: bool,
    place: String,
}

#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) taxonomy: Vec<Leaf>,
    /// Country codes; the position is the bit.
    pub(crate) countries: Vec<String>,
    pub(crate) patterns: Vec<Pattern>,
    everyday: HashSet<String>,
}

impl Tables {
    /// Loads and checks every table under `root`.
    pub(crate) fn load(root: &Path) -> Result<Self, String> {
        let mut tables = Self::default();
        for (_, row) in rows(&root.join("taxonomy.csv"))? {
            tables.taxonomy.push(Leaf {
                primary: field(&row, "primary"),
                detailed: field(&row, "detailed"),
                definition: field(&row, "definition"),
            });
        }
        tables.everyday = everyday(&root.join("common_words.txt"))?;
        for (place, row) in rows(&root.join("channels.csv"))? {
            tables.channel(place, &row)?;
        }
        for (place, row) in rows(&root.join("lexicon.csv"))? {
            tables.word(place, &row)?;
        }
        for file in brand_files(&root.join("brands"))? {
            for (place, row) in rows(&file)? {
                tables.brand(&place, &row)?;
            }
        }
        let gazetteer = rows(&root.join("gazetteer.csv"))?;
        for (place, row) in &gazetteer {
            tables.brand(place, row)?;
        }
        tables.borrow_facts(&gazetteer)?;
        tables.mark_generic();
        tables.refuse_two_owners()?;
        Ok(tables)
    }

    /// A name without a site, made of words that anybody's shop could bear.
    fn mark_generic(&mut self) {
        let words: HashSet<&str> =
            self.patterns.iter().filter(|p| p.kind == 0).map(|p| p.letters.as_str()).collect();
        let common = |name: &str| {
            let text = Text::new(name);
            text.tokens.iter().map(|t| text.word(t)).all(|w| words.contains(w) || self.everyday.contains(w))
        };
        let hidden = |p: &Pattern| {
            p.generic || (p.website.is_empty() && common(&p.name)) || !spells(&p.letters, &p.name)
        };
        let generic: Vec<bool> = self.patterns.iter().map(hidden).collect();
        for (pattern, generic) in self.patterns.iter_mut().zip(generic) {
            pattern.generic = generic;
        }
    }

    /// Gives the brands of the other tables the site and logo the gazetteer has under their name.
    fn borrow_facts(&mut self, gazetteer: &[(String, Row)]) -> Result<(), String> {
        let mut facts: HashMap<String, Vec<(u128, &Row)>> = HashMap::new();
        for (place, row) in gazetteer {
            let countries = self.country_set(place, &field(row, "countries"))?;
            facts.entry(canonical(&field(row, "name"))).or_default().push((countries, row));
        }
        for pattern in self.patterns.iter_mut().filter(|p| p.kind > 2 && p.logo.is_empty()) {
            let named = facts.get(&canonical(&pattern.name)).into_iter().flatten();
            if let Some((_, row)) = named.into_iter().find(|(c, _)| c & pattern.countries != 0) {
                pattern.logo = field(row, "logo");
                pattern.website = Some(field(row, "website"))
                    .filter(|w| !w.is_empty())
                    .unwrap_or_else(|| pattern.website.clone());
            }
        }
        Ok(())
    }

    fn channel(&mut self, place: String, row: &Row) -> Result<(), String> {
        let name = field(row, "channel");
        let value =
            index_of(&CHANNELS, &name).ok_or_else(|| format!("{place}: unknown channel \"{name}\""))?;
        self.add(
            &field(row, "phrase"),
            Pattern {
                letters: String::new(),
                tokens: 0,
                name,
                website: String::new(),
                logo: String::new(),
                kind: 1,
                value,
                directions: 3,
                countries: u128::MAX,
                weak: false,
                generic: true,
                place,
            },
        )
    }

    fn word(&mut self, place: String, row: &Row) -> Result<(), String> {
        let phrase = field(row, "phrase");
        let value = self.leaf(&place, row)?;
        self.add(
            &phrase.clone(),
            Pattern {
                letters: String::new(),
                tokens: 0,
                name: phrase,
                website: String::new(),
                logo: String::new(),
                kind: 0,
                value,
                directions: 3,
                countries: u128::MAX,
                weak: field(row, "weak") == "1",
                generic: true,
                place,
            },
        )
    }

    fn brand(&mut self, place: &str, row: &Row) -> Result<(), String> {
        // The gazetteer has neither kind nor direction: every row is a shop.
        let kind = row.get("kind").map_or("gazetteer", String::as_str);
        let kind = index_of(&KINDS, kind).ok_or_else(|| format!("{place}: unknown kind \"{kind}\""))?;
        let value = self.leaf(place, row)?;
        let directions = match row.get("direction").map_or("debit", String::as_str) {
            "debit" => 1,
            "credit" => 2,
            "any" => 3,
            other => return Err(format!("{place}: direction \"{other}\" is none of debit, credit, any")),
        };
        let countries = self.country_set(place, &field(row, "countries"))?;
        let weak = field(row, "weak") == "1";
        let name = field(row, "name");
        for phrase in field(row, "patterns").split('|').filter(|p| !p.is_empty()) {
            if !weak && !is_wording(kind) && self.is_everyday(phrase) {
                return Err(format!(
                    "{place}: \"{phrase}\" is an everyday word; give it a weak row of its own"
                ));
            }
            self.add(
                phrase,
                Pattern {
                    letters: String::new(),
                    tokens: 0,
                    name: at_home(&name, phrase),
                    website: field(row, "website"),
                    logo: field(row, "logo"),
                    kind,
                    value,
                    directions,
                    countries,
                    weak,
                    generic: false,
                    place: place.to_owned(),
                },
            )?;
        }
        Ok(())
    }

    /// An everyday word, or the plural of one.
    fn is_everyday(&self, word: &str) -> bool {
        self.everyday.contains(word) || word.strip_suffix('s').is_some_and(|one| self.everyday.contains(one))
    }

    fn add(&mut self, phrase: &str, mut pattern: Pattern) -> Result<(), String> {
        pattern.letters = canonical(phrase);
        pattern.tokens = Text::new(phrase).tokens.len();
        if pattern.letters.is_empty() {
            return Err(format!("{}: \"{phrase}\" has no letter or digit", pattern.place));
        }
        self.patterns.push(pattern);
        Ok(())
    }

    fn leaf(&self, place: &str, row: &Row) -> Result<usize, String> {
        let code = field(row, "detailed");
        let found = self.taxonomy.iter().position(|l| l.detailed == code);
        found.ok_or_else(|| format!("{place}: the taxonomy has no category \"{code}\""))
    }

    fn country_set(&mut self, place: &str, codes: &str) -> Result<u128, String> {
        let mut set = 0;
        for code in codes.split_whitespace() {
            if code == "*" {
                return Ok(u128::MAX);
            }
            if code.len() != 2 || !code.bytes().all(|b| b.is_ascii_lowercase()) {
                return Err(format!("{place}: \"{code}\" is no ISO 3166 country code in lower case"));
            }
            let known = self.countries.iter().position(|c| c == code).unwrap_or_else(|| {
                self.countries.push(code.to_owned());
                self.countries.len() - 1
            });
            if known >= 127 {
                return Err(format!("{place}: more than 127 countries"));
            }
            set |= 1 << known;
        }
        if set == 0 { Err(format!("{place}: no country; write * for everywhere")) } else { Ok(set) }
    }

    /// Two brands may share a pattern only where their countries or directions part them, or where
    /// one of them is the fallback for everywhere.
    fn refuse_two_owners(&self) -> Result<(), String> {
        let mut owners: HashMap<&str, Vec<&Pattern>> = HashMap::new();
        let mut refused = Vec::new();
        for pattern in self.patterns.iter().filter(|p| p.kind > 1) {
            let others = owners.entry(&pattern.letters).or_default();
            let clash = others.iter().find(|o| {
                o.value != pattern.value
                    && o.directions & pattern.directions != 0
                    && ((o.countries == u128::MAX) == (pattern.countries == u128::MAX))
                    && o.countries & pattern.countries != 0
            });
            if let Some(other) = clash {
                refused.push(format!(
                    "{}: \"{}\" has another category at {}",
                    pattern.place, pattern.letters, other.place
                ));
            }
            others.push(pattern);
        }
        if refused.is_empty() { Ok(()) } else { Err(refused.join("\n")) }
    }
}

/// Rows that hold a statement's own wordings, for which everyday words are just right.
fn is_wording(kind: usize) -> bool {
    KINDS.get(kind).is_some_and(|k| matches!(*k, "other" | "payroll" | "pension" | "benefits"))
}
