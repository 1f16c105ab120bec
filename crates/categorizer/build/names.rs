//! Which names may be shown, and how.

use crate::text::{Text, canonical};

/// Whether the pattern begins some telling word of the name, or the other way round.
pub(crate) fn spells(letters: &str, name: &str) -> bool {
    let text = Text::new(name);
    let telling = text.tokens.iter().map(|t| text.word(t)).filter(|w| *w != "the" && w.len() >= 2);
    let squeezed = canonical(name);
    squeezed.starts_with(letters)
        || telling.take(2).any(|w| {
            let stem: String = w.chars().take(5).collect();
            letters.contains(&stem)
        })
}

/// A brand's name without the country it was noted under, where the pattern is the rest.
pub(crate) fn at_home(name: &str, phrase: &str) -> String {
    const COUNTRIES: [&str; 14] = [
        "USA",
        "US",
        "UK",
        "Canada",
        "Australia",
        "Ireland",
        "NYC",
        "Deutschland",
        "France",
        "España",
        "Italia",
        "Nederland",
        "India",
        "Brasil",
    ];
    let stripped = COUNTRIES.iter().find_map(|c| name.strip_suffix(c)).map(str::trim_end);
    let rest = stripped.filter(|rest| canonical(rest) == canonical(phrase));
    rest.unwrap_or(name).to_owned()
}
