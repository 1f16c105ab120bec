//! Turns `knowledge/` into one compact table that is compiled in.
//!
//! Everything is checked here, so that a wrong row is a failed build with file and line and never
//! a wrong category: see `tables` for what is refused.

use std::{error::Error, fs, path::Path};

#[path = "../src/text.rs"]
pub mod text;

mod artefact;
// The path makes its parts lie beside it, for the build and for the tests alike.
#[path = "tables.rs"]
mod tables;

#[expect(clippy::print_stdout, reason = "how a build script speaks to cargo")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=knowledge");
    println!("cargo::rerun-if-changed=src/text.rs");
    println!("cargo::rerun-if-changed=build");
    let out = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR for build scripts")?;
    let out = Path::new(&out);
    let tables = tables::Tables::load(Path::new("knowledge"))?;
    fs::write(out.join("taxonomy.rs"), artefact::taxonomy_source(&tables.taxonomy))?;
    fs::write(out.join("knowledge.bin"), artefact::knowledge(&tables)?)?;
    Ok(())
}
