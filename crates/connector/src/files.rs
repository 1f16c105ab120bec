//! `connector enrich` and `connector eval`: the categoriser on files, without services.

use std::path::Path;

use anyhow::Context;
use categorizer::Engine;

use crate::cli::{EnrichArgs, EvalArgs};
use crate::output::say;

pub(crate) fn enrich(args: &EnrichArgs) -> anyhow::Result<()> {
    let engine = Engine::embedded()?;
    let summary = categorizer::files::enrich_file(&engine, &args.file, &args.output)
        .with_context(|| format!("{} cannot be enriched", args.file.display()))?;
    say(&summary.to_string());
    report(args.report.as_deref(), || summary.html())
}

pub(crate) fn eval(args: &EvalArgs) -> anyhow::Result<()> {
    let engine = Engine::embedded()?;
    let result = categorizer::eval::run_file(&engine, &args.file, args.learn)
        .with_context(|| format!("{} cannot be scored", args.file.display()))?;
    say(&result.to_string());
    report(args.report.as_deref(), || result.html())
}

/// Writes a page with pictures, where one is asked for.
fn report(to: Option<&Path>, html: impl FnOnce() -> String) -> anyhow::Result<()> {
    let Some(file) = to else { return Ok(()) };
    std::fs::write(file, html()).with_context(|| format!("cannot write {}", file.display()))?;
    say(&format!("report: {}", file.display()));
    Ok(())
}
