//! Builds `knowledge/gazetteer.csv` from the npm package `name-suggestion-index` (BSD-3-Clause).
//!
//! `cargo run -p categorizer --example gazetteer -- PACKAGE_FOLDER`, where the folder is the
//! unpacked package of the pinned version. Naive use of the index does more harm than good, so a
//! brand is kept only if its tag has a category, it is bound to countries the brand tables know,
//! its name is written in Latin letters, is no everyday word and not already in the brand tables;
//! where one name stands for several kinds of shop, the first of the ranking below is kept.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    error::Error,
    fs,
    path::Path,
};

use categorizer::text::canonical;
use serde_json::Value;

/// The version this was written against; another one is refused.
const PINNED: &str = "8.0.20260918";
const KNOWLEDGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge");
/// Kinds of shop that win where a name has several: petrol stations also sell snacks, and
/// supermarkets also run cafes.
const RANKING: [&str; 4] = ["groceries", "fuel", "lodging", "pharmacy"];

type Anyhow<T> = Result<T, Box<dyn Error>>;

/// A brand to be written.
struct Brand {
    name: String,
    patterns: Vec<String>,
    detailed: String,
    countries: Vec<String>,
    website: String,
    logo: String,
}

fn main() -> Anyhow<()> {
    let folder = std::env::args().nth(1).ok_or("usage: gazetteer PACKAGE_FOLDER")?;
    let folder = Path::new(&folder);
    let package: Value = read(&folder.join("package.json"))?;
    if package.get("version").and_then(Value::as_str) != Some(PINNED) {
        return Err(format!("the package is not version {PINNED}").into());
    }
    let index: Value = read(&folder.join("dist/json/nsi.json"))?;
    let facts: Value = read(&folder.join("dist/wikidata/wikidata.json"))?;
    let tags: HashMap<String, String> = pairs("osm.csv")?.into_iter().collect();
    let gate = Gate::load()?;
    let mut brands = Vec::new();
    for (path, group) in index.get("nsi").and_then(Value::as_object).into_iter().flatten() {
        let Some(detailed) = path.strip_prefix("brands/").and_then(|tag| tags.get(tag)) else { continue };
        for item in group.get("items").and_then(Value::as_array).into_iter().flatten() {
            brands.extend(gate.brand(item, detailed, &facts));
        }
    }
    write(one_owner_each(brands))
}

struct Gate {
    countries: HashSet<String>,
    everyday: HashSet<String>,
    known: HashSet<String>,
}

impl Gate {
    fn load() -> Anyhow<Self> {
        let mut gate = Self { countries: HashSet::new(), everyday: HashSet::new(), known: HashSet::new() };
        for file in fs::read_dir(Path::new(KNOWLEDGE).join("brands"))? {
            let mut reader = csv::Reader::from_path(file?.path())?;
            for row in reader.deserialize::<HashMap<String, String>>() {
                let row = row?;
                gate.known.extend(row.get("patterns").into_iter().flat_map(|p| p.split('|')).map(canonical));
                let codes = row.get("countries").into_iter().flat_map(|c| c.split_whitespace());
                gate.countries.extend(codes.filter(|c| *c != "*").map(str::to_owned));
            }
        }
        gate.known.extend(pairs("lexicon.csv")?.iter().map(|(phrase, _)| canonical(phrase)));
        let words = fs::read_to_string(Path::new(KNOWLEDGE).join("common_words.txt"))?;
        gate.everyday = words
            .lines()
            .filter(|l| !l.starts_with('#'))
            .flat_map(str::split_whitespace)
            .map(str::to_owned)
            .collect();
        Ok(gate)
    }

    fn brand(&self, item: &Value, detailed: &str, facts: &Value) -> Option<Brand> {
        let name = item.get("displayName")?.as_str()?.to_owned();
        let countries = self.places(item.get("locationSet")?);
        let tags = item.get("tags")?;
        let also =
            item.get("matchNames").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let named = ["brand", "name"].iter().filter_map(|k| tags.get(*k)?.as_str());
        let mut patterns: Vec<String> =
            [name.as_str()].into_iter().chain(named).chain(also).map(plain).collect();
        patterns.retain(|p| self.passes(p));
        patterns.sort_by_key(|p| canonical(p));
        patterns.dedup_by_key(|p| canonical(p));
        let fact =
            tags.get("brand:wikidata").and_then(Value::as_str).and_then(|id| facts.get("wikidata")?.get(id));
        let website =
            fact.and_then(|f| f.get("officialWebsites")?.get(0)?.as_str()).map(host).unwrap_or_default();
        let logo =
            fact.and_then(|f| f.get("logos")?.get("wikidata")?.as_str()).and_then(file).unwrap_or_default();
        let kept = !countries.is_empty() && !name.contains(['"', ',', '|']) && !canonical(&name).is_empty();
        kept.then(|| Brand { name, patterns, detailed: detailed.to_owned(), countries, website, logo })
    }

    /// Country codes of the location set; `*` for the whole world; none where it is only a region.
    fn places(&self, set: &Value) -> Vec<String> {
        let listed =
            set.get("include").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let mut codes: Vec<String> = listed
            .filter_map(|place| match place {
                "001" => Some("*".to_owned()),
                "fx" => Some("fr".to_owned()),
                _ => place
                    .get(..2)
                    .filter(|_| place.len() == 2 || place.get(2..3) == Some("-"))
                    .map(str::to_owned),
            })
            .filter(|code| code == "*" || self.countries.contains(code))
            .collect();
        codes.sort();
        codes.dedup();
        if codes.iter().any(|c| c == "*") { vec!["*".to_owned()] } else { codes }
    }

    /// An everyday word, or the plural of one.
    fn is_everyday(&self, word: &str) -> bool {
        self.everyday.contains(word) || word.strip_suffix('s').is_some_and(|one| self.everyday.contains(one))
    }

    fn passes(&self, pattern: &str) -> bool {
        let letters = canonical(pattern);
        letters.len() >= 4
            && letters.is_ascii()
            && letters.bytes().any(|b| b.is_ascii_alphabetic())
            && !self.is_everyday(pattern)
            && !self.known.contains(&letters)
    }
}

/// One owner for each pattern and country.
fn one_owner_each(mut brands: Vec<Brand>) -> Vec<Brand> {
    let rank = |b: &Brand| RANKING.iter().position(|d| *d == b.detailed).unwrap_or(RANKING.len());
    brands.sort_by_key(|b| (rank(b), b.detailed == "convenience", b.name.clone()));
    let mut owned: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    for brand in &mut brands {
        let Brand { detailed, countries, patterns, .. } = brand;
        patterns.retain(|p| {
            let owner = owned.entry(canonical(p)).or_insert_with(|| (detailed.clone(), Vec::new()));
            let clash = owner.0 != *detailed;
            owner.1.extend(countries.iter().cloned());
            !clash
        });
    }
    brands.retain(|b| !b.patterns.is_empty() || !b.logo.is_empty());
    brands.sort_by(|a, b| (&a.name, &a.detailed).cmp(&(&b.name, &b.detailed)));
    brands
}

fn write(brands: Vec<Brand>) -> Anyhow<()> {
    let mut writer = csv::Writer::from_path(Path::new(KNOWLEDGE).join("gazetteer.csv"))?;
    writer.write_record(["name", "patterns", "detailed", "countries", "website", "logo"])?;
    for b in &brands {
        let (patterns, countries) = (b.patterns.join("|"), b.countries.join(" "));
        writer.write_record([&b.name, &patterns, &b.detailed, &countries, &b.website, &b.logo])?;
    }
    writer.flush()?;
    Ok(())
}

fn plain(name: &str) -> String {
    name.replace(['|', ',', '"'], " ").to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn host(url: &str) -> String {
    let rest = url.split("://").nth(1).unwrap_or(url);
    let host = rest.split('/').next().unwrap_or_default().trim_start_matches("www.");
    if host.contains(',') { String::new() } else { host.to_lowercase() }
}

/// The file name of a logo on Wikimedia Commons.
fn file(url: &str) -> Option<String> {
    let at_redirect = url.split("%2Ffile%2F").nth(1).and_then(|rest| rest.split('&').next());
    let file = at_redirect.or_else(|| url.split("Special:FilePath/").nth(1))?;
    Some(file.split('?').next()?.replace(' ', "%20").replace(',', "%2C").replace('"', "%22"))
}

fn read(path: &Path) -> Anyhow<Value> {
    Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
}

/// The first two columns of a table.
fn pairs(table: &str) -> Anyhow<Vec<(String, String)>> {
    let mut reader = csv::Reader::from_path(Path::new(KNOWLEDGE).join(table))?;
    let column = |row: &csv::StringRecord, i| row.get(i).unwrap_or_default().to_owned();
    reader.records().map(|row| row.map(|r| (column(&r, 0), column(&r, 1))).map_err(Into::into)).collect()
}
