//! Where the pages come from: a file, or the sandbox's generator.

use std::io::{BufRead, BufReader};

use anyhow::Context;
use serde::Deserialize;

use super::BenchArgs;

/// One page of one account's transactions, as a UK Open Banking 4.0 bank answers.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct PageLine {
    pub(super) account: String,
    pub(super) user: String,
    pub(super) page: String,
}

impl PageLine {
    /// How many transactions the page holds, by the field every one of them has.
    pub(super) fn rows(&self) -> usize {
        self.page
            .matches("\"CreditDebitIndicator\"")
            .count()
            .min(self.page.matches("\"BookingDateTime\"").count())
    }
}

pub(super) fn read(args: &BenchArgs) -> anyhow::Result<Box<dyn Iterator<Item = anyhow::Result<PageLine>>>> {
    match &args.pages {
        Some(file) => {
            let file =
                std::fs::File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
            let lines = BufReader::new(file).lines().enumerate();
            Ok(Box::new(lines.map(|(at, line)| {
                serde_json::from_str(&line?).with_context(|| format!("line {} is no page", at + 1))
            })))
        }
        None => generated(args),
    }
}

#[cfg(feature = "sandbox")]
fn generated(args: &BenchArgs) -> anyhow::Result<Box<dyn Iterator<Item = anyhow::Result<PageLine>>>> {
    // A customer has some 2,000 transactions; more than enough customers for the records asked for.
    let customers = args.records / 1_000 + 1;
    let pages = sandbox::data::pages(7, customers);
    Ok(Box::new(pages.map(|line| Ok(PageLine { account: line.account, user: line.user, page: line.page }))))
}

#[cfg(not(feature = "sandbox"))]
fn generated(_: &BenchArgs) -> anyhow::Result<Box<dyn Iterator<Item = anyhow::Result<PageLine>>>> {
    anyhow::bail!("this build has no generator of its own; give --pages FILE")
}
