//! `connector enrich` and `connector eval`: the categoriser on files, without services.

use anyhow::Context;
use categorizer::Engine;

use crate::cli::{EnrichArgs, EvalArgs};
use crate::output::say;

pub(crate) fn enrich(args: &EnrichArgs) -> anyhow::Result<()> {
    let engine = Engine::embedded()?;
    let summary = categorizer::files::enrich_file(&engine, &args.file, &args.output)
        .with_context(|| format!("{} cannot be enriched", args.file.display()))?;
    say(&summary.to_string());
    Ok(())
}

pub(crate) fn eval(args: &EvalArgs) -> anyhow::Result<()> {
    let engine = Engine::embedded()?;
    let report = categorizer::eval::run_file(&engine, &args.file, args.learn)
        .with_context(|| format!("{} cannot be scored", args.file.display()))?;
    say(&report.to_string());
    Ok(())
}
