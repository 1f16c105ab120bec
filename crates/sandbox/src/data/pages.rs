//! Pages of transactions without a server: what benchmarks read.

use jiff::civil::{Date, date};

use super::{Account, Catalogue, Customer, customer, history_start};
use crate::wire::{Answer, Links, Meta, Transaction, Transactions, View, zone};

/// Rows on a page.
const PAGE: usize = 100;
/// The day the histories end.
const LAST_DAY: Date = date(2026, 7, 1);

/// One page of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageLine {
    /// The bank's account id.
    pub account: String,
    /// The customer's user name.
    pub user: String,
    /// A UK Open Banking 4.0 answer (`OBReadTransaction6`).
    pub page: String,
}

/// All pages of so many customers, as the bank would send them with all permissions.
///
/// They hold 24 months up to a fixed day, so that a benchmark reads the same bytes whenever it runs. If a built-in
/// table is damaged, which the tests rule out, there are none, and the log says why.
pub fn pages(seed: u64, customers: usize) -> impl Iterator<Item = PageLine> {
    let catalogue = Catalogue::load().inspect_err(|error| tracing::error!(%error, "no pages")).ok();
    let people = catalogue.into_iter().flat_map(move |catalogue| {
        (0..customers)
            .filter_map(move |index| customer(&catalogue, seed, index, history_start(LAST_DAY), LAST_DAY))
    });
    people.flat_map(|customer| pages_of(&customer, LAST_DAY))
}

fn pages_of(customer: &Customer, today: Date) -> Vec<PageLine> {
    let zone = zone();
    let view = View { zone: &zone, today, detail: true, pending_ids: customer.pending_ids };
    let pages_of_account = |account: &Account| {
        let rows = account.newest_first(today);
        let total = rows.len().div_ceil(PAGE);
        let numbered = (1..).zip(rows.chunks(PAGE));
        numbered
            .map(|(number, rows)| line(customer, account, rows, view, (number, total)))
            .collect::<Vec<_>>()
    };
    customer.accounts.iter().flat_map(pages_of_account).collect()
}

fn line(
    customer: &Customer,
    account: &Account,
    rows: &[&super::Row],
    view: View<'_>,
    (number, total): (usize, usize),
) -> PageLine {
    let url = |page| format!("https://bank.example/accounts/{}/transactions?page={page}", account.id);
    let answer = Answer {
        data: Transactions {
            transaction: rows.iter().map(|row| Transaction::new(account, row, view)).collect(),
        },
        links: Links {
            this: url(number),
            next: (number < total).then(|| url(number + 1)),
            ..Links::default()
        },
        meta: Meta { total_pages: total, ..Meta::default() },
    };
    PageLine {
        account: account.id.to_string(),
        user: customer.username.clone(),
        page: serde_json::to_string(&answer).unwrap_or_default(),
    }
}
