//! `connector dev --demo`: plays the customer and shows what the bank's services would see.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use comfy_table::{Cell, CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::Value;

use super::Endpoints;
use super::client::{ApiClient, ConsentView, Decision, Login, authorise};
use crate::output::say;

const USER: &str = "demo-customer";
const PATIENCE: Duration = Duration::from_secs(60);

/// From a consent to a table of transactions, and back to nothing.
///
/// # Errors
/// When a step does not happen within a minute.
pub(super) async fn play(endpoints: &Endpoints, login: &Login, now: Timestamp) -> anyhow::Result<()> {
    let api = ApiClient::new(endpoints.api.clone(), endpoints.token.clone())?;
    let institution = endpoints.institutions.first().context("no institution is configured")?;
    let started = Instant::now();

    say(&format!("1. {USER} consents to share accounts, balances and transactions held at {institution}"));
    let consent = api.create_consent(USER, institution, now).await?;
    say(&format!("   consent {} is {}", consent.id, consent.status));
    say("2. signs in at the bank and approves");
    let link = consent.authorisation_url.as_ref().context("the consent has no authorisation link")?;
    let back = authorise(link, login, Decision::Approve).await?;
    if back.status != 200 {
        bail!("the bank sent the customer back to an error page ({})", back.status);
    }
    say("3. the connector fetches, puts into one structure, categorises and lands");
    let rows = watch(&api, &consent).await?;
    say(&format!(
        "   {} transactions landed {:.1?} after the consent was asked for",
        rows.len(),
        started.elapsed()
    ));
    say(&accounts_table(&api.accounts(USER).await?).to_string());
    say(&transactions_table(&rows).to_string());
    say(&spending_table(&rows)?.to_string());
    say("4. the customer stops sharing");
    api.revoke(&consent.id).await?;
    let left = api.transactions(USER).await?.len() + api.accounts(USER).await?.len();
    say(&format!("   accounts and transactions readable after the acknowledgement: {left}"));
    if left > 0 {
        bail!("data of a revoked consent is readable");
    }
    Ok(())
}

/// Waits until the first fetch is complete, showing how far it is.
async fn watch(api: &ApiClient, consent: &ConsentView) -> anyhow::Result<Vec<Value>> {
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::with_template("   {spinner} {msg}")?);
    bar.enable_steady_tick(Duration::from_millis(100));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let view: Value = api.expect(Method::GET, &format!("v1/consents/{}", consent.id), None).await?;
        let state = text(&view, "/fetch/state").to_owned();
        let count = |name: &str| view.pointer(name).and_then(Value::as_i64).unwrap_or(0);
        bar.set_message(format!(
            "fetch {state}: {} of {} windows landed, {} rows",
            count("/fetch/windows_landed"),
            count("/fetch/windows"),
            count("/fetch/rows")
        ));
        if state == "done" {
            bar.finish_and_clear();
            return api.transactions(USER).await;
        }
        if Instant::now() > deadline {
            bail!("the first fetch was not complete within a minute; it is {state}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn text<'v>(row: &'v Value, path: &str) -> &'v str {
    row.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header);
    table
}

fn right(text: impl ToString) -> Cell {
    Cell::new(text.to_string()).set_alignment(CellAlignment::Right)
}

fn accounts_table(accounts: &[Value]) -> Table {
    let mut table = table(&["account", "type", "balance", "", "fetched at"]);
    for account in accounts {
        let balance = account.pointer("/balances/0").cloned().unwrap_or_default();
        table.add_row(vec![
            Cell::new(text(account, "/display_name")),
            Cell::new(text(account, "/type")),
            right(text(&balance, "/amount")),
            Cell::new(text(&balance, "/currency")),
            Cell::new(text(account, "/freshness/fetched_at")),
        ]);
    }
    table
}

/// The latest transactions, as many as fit a screen.
fn transactions_table(rows: &[Value]) -> Table {
    let mut table = table(&["date", "what the bank printed", "shown as", "amount", "", "category", "why"]);
    for row in rows.iter().take(25) {
        table.add_row(vec![
            Cell::new(text(row, "/booking_date")),
            Cell::new(text(row, "/description")),
            Cell::new(text(row, "/clean_description")),
            right(text(row, "/amount")),
            Cell::new(text(row, "/currency")),
            Cell::new(format!("{}.{}", text(row, "/category/primary"), text(row, "/category/detailed"))),
            Cell::new(text(row, "/category/source")),
        ]);
    }
    table
}

/// What went out, by group of the taxonomy and currency; own transfers are not spending.
fn spending_table(rows: &[Value]) -> anyhow::Result<Table> {
    let mut groups: BTreeMap<(String, String), (Decimal, usize)> = BTreeMap::new();
    for row in rows {
        let amount: Decimal = text(row, "/amount").parse()?;
        let group = text(row, "/category/primary");
        if amount.is_sign_negative() && group != "TRANSFERS" {
            let sum = groups.entry((text(row, "/currency").to_owned(), group.to_owned())).or_default();
            *sum = (sum.0 - amount, sum.1 + 1);
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, (sum, _))| std::cmp::Reverse(*sum));
    let most = groups.first().map_or(Decimal::ONE, |(_, (sum, _))| *sum).max(Decimal::ONE);
    let mut table = table(&["spending by group", "transactions", "amount", "", ""]);
    for ((currency, group), (sum, count)) in groups {
        let width = usize::try_from((sum * Decimal::from(40) / most).round().mantissa()).unwrap_or(0);
        table.add_row(vec![
            Cell::new(group),
            right(count),
            right(sum),
            Cell::new(currency),
            Cell::new("█".repeat(width)),
        ]);
    }
    Ok(table)
}
