//! What the build step refuses, always with file and line.
#![expect(clippy::unwrap_used, reason = "helpers of tests panic")]

use std::{fs, path::Path};

#[path = "../build/tables.rs"]
#[expect(dead_code, reason = "the artefact's fields are of no interest here")]
mod tables;

mod text {
    pub(crate) use categorizer::text::{Text, canonical};
}

const HEAD: &str = "name,patterns,detailed,direction,countries,kind,website,weak\n";

/// Loads tables of which only the brand rows are given.
fn load(brands: &str) -> Result<tables::Tables, String> {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    fs::create_dir(folder.path().join("brands")).unwrap();
    put("taxonomy.csv", "primary,detailed,definition\nFOOD,groceries,x\nTRANSPORT,fuel,x\n");
    put("common_words.txt", "# words\ntarget next\n");
    put("channels.csv", "phrase,channel\npos purchase,card_pos\n");
    put("lexicon.csv", "phrase,detailed,weak\nsupermarket,groceries,0\n");
    put("gazetteer.csv", "name,patterns,detailed,countries,website,logo\n");
    put("brands/gb.csv", &format!("{HEAD}{brands}"));
    tables::Tables::load(folder.path())
}

fn refusal(brands: &str) -> String {
    load(brands).err().unwrap()
}

#[test]
fn a_row_of_unknown_words_is_refused() {
    assert!(
        refusal("A,aaaa,shoes,debit,gb,merchant,,0\n")
            .contains("gb.csv:2: the taxonomy has no category \"shoes\"")
    );
    assert!(refusal("A,aaaa,fuel,debit,gb,shop,,0\n").contains("gb.csv:2: unknown kind \"shop\""));
    assert!(refusal("A,aaaa,fuel,out,gb,merchant,,0\n").contains("gb.csv:2: direction \"out\""));
    assert!(refusal("A,aaaa,fuel,debit,GBR,merchant,,0\n").contains("gb.csv:2: \"GBR\" is no ISO 3166"));
    assert!(refusal("A,--,fuel,debit,gb,merchant,,0\n").contains("gb.csv:2: \"--\" has no letter"));
}

#[test]
fn an_everyday_word_needs_a_guard() {
    assert!(
        refusal("Target,target,groceries,debit,us,merchant,,0\n").contains("\"target\" is an everyday word")
    );
    assert!(load("Target,target,groceries,debit,us,merchant,,1\n").is_ok());
}

#[test]
fn a_pattern_has_one_owner_where_countries_and_directions_meet() {
    let shell = "Shell,shell gas,fuel,debit,gb,merchant,,0\n";
    let other = |place: &str, direction: &str| {
        format!("{shell}Kiosk,SHELL-GAS,groceries,{direction},{place},merchant,,0\n")
    };
    assert!(refusal(&other("gb ie", "any")).contains("gb.csv:3: \"shellgas\" has another category at"));
    assert!(load(&other("ie", "debit")).is_ok());
    assert!(load(&other("gb", "credit")).is_ok());
    assert!(load(&other("*", "debit")).is_ok());
}

#[test]
fn the_projects_own_tables_pass() {
    assert!(tables::Tables::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("knowledge")).is_ok());
}
