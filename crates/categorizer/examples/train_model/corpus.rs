//! Labelled lines made from the knowledge tables: what the model learns from.
//!
//! A line is a brand, or a made-up firm named after what it sells, or a person, between wordings
//! of a bank and the litter of real statements. One brand in ten, by its fingerprint, never comes
//! up in training; neither do the bank wordings held out the same way.

use std::{collections::HashMap, error::Error, fs, path::Path};

use categorizer::{
    taxonomy::{Leaf, leaf},
    text::{Fingerprint, canonical},
};
use rand::{RngExt as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

const KNOWLEDGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge");
const NAMES: &str = include_str!("names.txt");

/// How often a category turns up on statements, roughly, where it is not 2.
const FREQUENT: [(Leaf, usize); 26] = [
    (leaf::RESTAURANT, 12),
    (leaf::GROCERIES, 10),
    (leaf::FAST_FOOD, 9),
    (leaf::COFFEE, 5),
    (leaf::BARS, 5),
    (leaf::SPECIALIST_FOOD, 4),
    (leaf::CONVENIENCE, 3),
    (leaf::FUEL, 5),
    (leaf::PUBLIC_TRANSPORT, 3),
    (leaf::PARKING, 3),
    (leaf::CLOTHING, 5),
    (leaf::OTHER_TRANSFER, 5),
    (leaf::P2P_OUT, 6),
    (leaf::P2P_IN, 4),
    (leaf::SALARY, 4),
    (leaf::LODGING, 4),
    (leaf::DOCTOR, 4),
    (leaf::HOME_IMPROVEMENT, 4),
    (leaf::OTHER_SHOPPING, 3),
    (leaf::DIGITAL_GOODS, 4),
    (leaf::CINEMA_EVENTS, 3),
    (leaf::EDUCATION, 3),
    (leaf::HAIR_BEAUTY, 3),
    (leaf::ELECTRONICS, 3),
    (leaf::CAR_SERVICE, 3),
    (leaf::PROFESSIONAL, 3),
];

/// A labelled line.
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) leaf: Leaf,
}

/// Material to make lines from.
pub(crate) struct Corpus {
    brands: Vec<Vec<String>>,
    held_out: Vec<Vec<String>>,
    words: Vec<Vec<String>>,
    channels: HashMap<String, Vec<String>>,
    names: HashMap<&'static str, Vec<&'static str>>,
    /// Leaves repeated as often as they turn up.
    urn: Vec<Leaf>,
}

impl Corpus {
    pub(crate) fn load() -> Result<Self, Box<dyn Error>> {
        let mut corpus = Self {
            brands: vec![Vec::new(); Leaf::COUNT],
            held_out: vec![Vec::new(); Leaf::COUNT],
            words: vec![Vec::new(); Leaf::COUNT],
            channels: HashMap::new(),
            names: NAMES
                .lines()
                .filter_map(|l| l.split_once(' '))
                .map(|(k, v)| (k, v.split(' ').collect()))
                .collect(),
            urn: Vec::new(),
        };
        for row in table("lexicon.csv")? {
            corpus.words[leaf_of(&row)?.index()].push(row["phrase"].clone());
        }
        for row in table("channels.csv")?.into_iter().filter(|r| !is_held_out(&r["phrase"])) {
            corpus.channels.entry(row["channel"].clone()).or_default().push(row["phrase"].clone());
        }
        let mut rows = table("gazetteer.csv")?;
        for file in fs::read_dir(Path::new(KNOWLEDGE).join("brands"))? {
            rows.extend(table(&format!("brands/{}", file?.file_name().to_string_lossy()))?);
        }
        for row in rows {
            let group = if is_held_out(&row["name"]) { &mut corpus.held_out } else { &mut corpus.brands };
            group[leaf_of(&row)?.index()]
                .extend(row["patterns"].split('|').filter(|p| !p.is_empty()).map(str::to_owned));
        }
        corpus.urn =
            Leaf::all().filter(|l| *l != leaf::UNCATEGORISED).flat_map(|l| vec![l; frequency(l)]).collect();
        Ok(corpus)
    }

    /// A line to learn from.
    pub(crate) fn line(&self, rng: &mut ChaCha8Rng) -> Line {
        let leaf = *self.urn.choose(rng).unwrap();
        let (brands, words) = (&self.brands[leaf.index()], &self.words[leaf.index()]);
        let person = matches!(leaf, leaf::P2P_IN | leaf::P2P_OUT) && rng.random_bool(0.7);
        let core = if person {
            self.person(rng)
        } else if is_eatery(leaf) && rng.random_bool(0.3) {
            self.eatery(leaf, rng)
        } else if !brands.is_empty() && (words.is_empty() || rng.random_bool(0.6)) {
            brands.choose(rng).unwrap().clone()
        } else {
            self.firm(words, leaf, rng)
        };
        Line { text: self.littered(&core, leaf, rng), leaf }
    }

    /// A line of a brand that is never learnt from.
    pub(crate) fn unseen(&self, rng: &mut ChaCha8Rng) -> Line {
        loop {
            let leaf = *self.urn.choose(rng).unwrap();
            if let Some(core) = self.held_out[leaf.index()].choose(rng) {
                return Line { text: self.littered(core, leaf, rng), leaf };
            }
        }
    }

    fn person(&self, rng: &mut ChaCha8Rng) -> String {
        let (first, last) = (self.name("first", rng), self.name("last", rng));
        match rng.random_range(0..4) {
            0 => format!("{} {last}", &first[..1]),
            1 => format!("{last} {first}"),
            2 => first.to_owned(),
            _ => format!("{first} {last}"),
        }
    }

    /// A place to eat or drink whose name says nothing about it, as so many do.
    fn eatery(&self, leaf: Leaf, rng: &mut ChaCha8Rng) -> String {
        let [one, two, area, first] = ["noun", "noun", "area", "first"].map(|kind| self.name(kind, rng));
        let pub_like = leaf == leaf::BARS;
        match rng.random_range(0..10) {
            0 if pub_like => format!("the {one} arms"),
            1 if pub_like => format!("{one} head"),
            2 if pub_like => format!("{one} inn"),
            0 => format!("chez {first}"),
            1 => format!("le petit {one}"),
            2 => format!("casa {first}"),
            3 => format!("the {area} {one}"),
            4 => format!("{one} and {two}"),
            5 => format!("the {one} and {two}"),
            6 => format!("{first}s"),
            7 => format!("{one} house"),
            8 => format!("{area} {one}"),
            _ => format!("{} {one}", ["la", "el", "il", "zum", "de", "au"].choose(rng).unwrap()),
        }
    }

    /// A firm called after its owner or its street and what it sells, or just what it sells.
    fn firm(&self, words: &[String], leaf: Leaf, rng: &mut ChaCha8Rng) -> String {
        let word = words.choose(rng).unwrap();
        let bank_made =
            matches!(leaf.primary(), "FEES" | "INCOME" | "TRANSFERS" | "DEBT" | "TAX_GOV" | "SAVINGS");
        match rng.random_range(0..if bank_made { 12 } else { 6 }) {
            0 => format!("{} {word}", self.name("first", rng)),
            1 => format!("{} {word}", self.name("last", rng)),
            2 => format!("{word} {}", self.name("area", rng)),
            3 | 4 => format!("{} {word}", self.name("area", rng)),
            5 => format!("{word} {}", self.name("last", rng)),
            _ => word.clone(),
        }
    }

    fn littered(&self, core: &str, leaf: Leaf, rng: &mut ChaCha8Rng) -> String {
        let mut parts = Vec::new();
        if rng.random_bool(0.45) {
            parts.extend(self.channels.get(channel(leaf, rng)).and_then(|c| c.choose(rng)).cloned());
        }
        parts.push(core.to_owned());
        if rng.random_bool(0.3) {
            parts.push(self.name("city", rng).to_owned());
        }
        if rng.random_bool(0.15) {
            parts.push(
                ["ltd", "llc", "inc", "gmbh", "sarl", "sl", "bv", "pty", "srl", "co"]
                    .choose(rng)
                    .unwrap()
                    .to_string(),
            );
        }
        let mut text = parts.join(" ");
        if rng.random_bool(0.15) {
            let width = rng.random_range(16..=24);
            text = text.chars().take(width.max(core.len().min(12))).collect();
        }
        text
    }

    fn name(&self, kind: &str, rng: &mut ChaCha8Rng) -> &'static str {
        self.names[kind].choose(rng).unwrap()
    }
}

fn is_eatery(leaf: Leaf) -> bool {
    matches!(leaf, leaf::RESTAURANT | leaf::BARS | leaf::COFFEE | leaf::FAST_FOOD)
}

/// One in ten, by fingerprint.
fn is_held_out(name: &str) -> bool {
    Fingerprint::EMPTY.with(&canonical(name)).key() >> 32 & 0xffff < 6554
}

fn frequency(leaf: Leaf) -> usize {
    FREQUENT.iter().find(|(l, _)| *l == leaf).map_or(2, |(_, n)| *n)
}

fn channel(leaf: Leaf, rng: &mut ChaCha8Rng) -> &'static str {
    let usual: &[&str] = match leaf.primary() {
        "INCOME" | "TRANSFERS" | "SAVINGS" => &["transfer"],
        "HOUSING" | "UTILITIES" | "INSURANCE" | "DEBT" | "TAX_GOV" => {
            &["direct_debit", "transfer", "standing_order", "card_pos"]
        }
        "FEES" => &["fee"],
        "LEISURE" => &["card_online", "card_pos", "direct_debit"],
        _ => &["card_pos", "card_pos", "card_online"],
    };
    usual.choose(rng).unwrap()
}

type Row = HashMap<String, String>;

fn leaf_of(row: &Row) -> Result<Leaf, Box<dyn Error>> {
    Leaf::parse(&row["detailed"]).ok_or_else(|| format!("no category {}", row["detailed"]).into())
}

fn table(name: &str) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut reader = csv::Reader::from_path(Path::new(KNOWLEDGE).join(name))?;
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}
