//! What of a statement line names the other party: processor prefixes, channel wordings, dates,
//! masks and numbers set aside, and a name fit to show made of the rest.

use crate::{
    entry::Countries,
    knowledge::{Knowledge, KnowledgeError},
    matcher::Hit,
    record::Processor,
    taxonomy::Leaf,
    text::Text,
};

/// Longest name shown.
pub(crate) const SHOWN: usize = 40;

/// Countries and states as statements end with them; those that are words too are left out.
const REGIONS: [&str; 86] = [
    "usa", "us", "gb", "gbr", "uk", "deu", "de", "fra", "fr", "esp", "es", "ita", "nld", "nl", "irl", "ie",
    "aus", "au", "can", "zaf", "za", "che", "ch", "aut", "bel", "lux", "prt", "pt", "swe", "nor", "dnk",
    "fin", "pol", "nzl", "nz", "al", "ak", "az", "ar", "ca", "ct", "dc", "fl", "ga", "ia", "il", "ks", "ky",
    "ma", "md", "mi", "mn", "mo", "ms", "mt", "nc", "nd", "ne", "nh", "nj", "nm", "nv", "ny", "oh", "ri",
    "sc", "sd", "tn", "tx", "ut", "va", "vt", "wa", "wi", "wv", "wy", "nsw", "vic", "qld", "tas", "on", "qc",
    "bc", "ab", "mb", "sk",
];

/// A prefix that a payment processor puts before the merchant's name.
struct Prefix {
    text: &'static str,
    processor: Processor,
    countries: Countries,
    /// What most of its merchants sell.
    usual: Option<Leaf>,
}

/// The prefix table, longest first.
pub(crate) struct Prefixes(Vec<Prefix>);

impl Prefixes {
    pub(crate) fn embedded(knowledge: &Knowledge) -> Result<Self, KnowledgeError> {
        let lines = include_str!("../knowledge/prefixes.csv").lines().zip(1..).skip(1);
        let rows: Result<Vec<Prefix>, _> =
            lines.map(|(line, number)| prefix(line, number, knowledge)).collect();
        let mut rows = rows?;
        rows.sort_by_key(|p| std::cmp::Reverse(p.text.len()));
        Ok(Self(rows))
    }

    /// The prefix `text` begins with.
    fn at_start(&self, text: &str, at: Countries) -> Option<&Prefix> {
        let first = text.bytes().next().map(|b| b.to_ascii_uppercase());
        let begins = |p: &&Prefix| {
            p.text.bytes().next() == first
                && text.get(..p.text.len()).is_some_and(|head| head.eq_ignore_ascii_case(p.text))
                && (p.countries.everywhere() || at.is_empty() || p.countries.meets(at))
        };
        self.0.iter().find(begins)
    }
}

fn prefix(line: &'static str, number: u64, knowledge: &Knowledge) -> Result<Prefix, KnowledgeError> {
    let wrong =
        |what: &str| KnowledgeError::Row { file: "prefixes.csv", line: number, what: what.to_owned() };
    let mut columns = line.split(',');
    let mut next = || columns.next().ok_or_else(|| wrong("the row has not five columns"));
    let (text, role, name, countries, usual) = (next()?, next()?, next()?, next()?, next()?);
    if text.len() < 3 {
        return Err(wrong("a prefix needs three characters"));
    }
    let usual = match usual {
        "" => None,
        code => Some(Leaf::parse(code).ok_or_else(|| wrong("the taxonomy has no such category"))?),
    };
    Ok(Prefix {
        text,
        processor: Processor { name, role },
        countries: knowledge.country_list(countries),
        usual,
    })
}

/// The words of a line that are neither prefix, channel wording nor number.
#[derive(Debug, Default)]
pub(crate) struct Core {
    /// Positions of the words that remain.
    pub(crate) words: Vec<usize>,
    /// First word after the prefix.
    pub(crate) after_prefix: usize,
    pub(crate) processor: Option<Processor>,
    /// What most of the processor's merchants sell.
    pub(crate) usual: Option<Leaf>,
}

/// Sets aside what does not name the other party.
pub(crate) fn core(raw: &str, text: &Text, hits: &[Hit], prefixes: &Prefixes, at: Countries) -> Core {
    let mut core = Core::default();
    let channel_at = |i: usize| hits.iter().find(|h| h.channel.is_some() && (h.first..h.end).contains(&i));
    let mut i = 0;
    while let Some(token) = text.tokens.get(i) {
        if core.words.is_empty() && core.processor.is_none() {
            let rest = raw.get(token.raw_start..).unwrap_or_default();
            if let Some(prefix) = prefixes.at_start(rest, at) {
                core.processor = Some(prefix.processor);
                core.usual = prefix.usual;
                let past = token.raw_start + prefix.text.len();
                i = text.tokens.iter().position(|t| t.raw_start >= past).unwrap_or(text.tokens.len());
                core.after_prefix = i;
                continue;
            }
        }
        if let Some(hit) = channel_at(i) {
            i = hit.end;
            continue;
        }
        if !token.number {
            core.words.push(i);
        }
        i += 1;
    }
    drop_region(text, &mut core);
    core
}

/// A state or a country in the last place says where, not who.
fn drop_region(text: &Text, core: &mut Core) {
    let last = core.words.last().and_then(|i| text.tokens.get(*i)).map(|t| text.word(t));
    if core.words.len() >= 3 && last.is_some_and(|word| REGIONS.contains(&word)) {
        core.words.pop();
    }
}

/// A name fit to show: the remaining words in title case, cut at a word's end.
pub(crate) fn display(raw: &str, text: &Text, core: &Core) -> String {
    let all: Vec<usize> = (0..text.tokens.len()).collect();
    let words = if core.words.is_empty() { &all } else { &core.words };
    let mut shown = String::with_capacity(SHOWN);
    for token in words.iter().filter_map(|i| text.tokens.get(*i)) {
        // Counted as it is shown: some letters become two when their case changes.
        let word = title(raw.get(token.raw_start..token.raw_end).unwrap_or_default());
        let needed = word.chars().count() + usize::from(!shown.is_empty());
        if shown.chars().count() + needed > SHOWN {
            break;
        }
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(&word);
    }
    if shown.is_empty() { raw.trim().chars().take(SHOWN).collect() } else { shown }
}

/// Capitals only at the start, unless the bank already wrote small and capital letters.
fn title(word: &str) -> String {
    let mixed = word.chars().any(char::is_lowercase) && word.chars().any(char::is_uppercase);
    if mixed || word.chars().count() <= 2 {
        return word.to_owned();
    }
    let mut chars = word.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars.flat_map(char::to_lowercase)).collect()
}

/// At most [`SHOWN`] characters of a name.
pub(crate) fn short(name: &str) -> String {
    name.chars().take(SHOWN).collect()
}
