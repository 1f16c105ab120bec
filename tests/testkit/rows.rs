//! Books of three keepers - the bank, the store and a consumer of the topic - in one form, so that they can be compared.

use std::collections::BTreeMap;
use std::fmt::Write;

use events::EnrichedTransaction;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

/// A transaction as far as all keepers know it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// Booking day.
    pub day: Date,
    /// Signed from the holder's view.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: String,
    /// `pending` or `booked`.
    pub status: String,
    /// The bank's text.
    pub description: String,
}

/// One user's rows, account by account, whatever the accounts are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book(Vec<Vec<Row>>);

impl Book {
    /// The bank's ledger.
    pub(super) fn of_bank(accounts: &[Value]) -> Self {
        Self::sorted(accounts.iter().enumerate().flat_map(|(account, value)| {
            let rows = value["transactions"].as_array().unwrap().iter();
            rows.map(move |value| (account, row(value)))
        }))
    }

    /// What the query API answers.
    ///
    /// # Panics
    /// When a row says nothing about its category.
    #[must_use]
    pub fn of_api(transactions: &[Value]) -> Self {
        for value in transactions {
            let category = &value["category"];
            let words = ["primary", "detailed", "confidence", "source"].map(|field| category[field].as_str());
            assert!(
                words.iter().all(|word| word.is_some_and(|word| !word.is_empty())),
                "not categorised: {value}"
            );
            assert!(
                category["why"].as_array().is_some_and(|why| !why.is_empty()),
                "does not say why: {value}"
            );
        }
        Self::sorted(
            transactions.iter().map(|value| (value["account"].as_str().unwrap().to_owned(), row(value))),
        )
    }

    /// The last values of the enriched topic, as far as they are this user's.
    #[must_use]
    pub fn of_topic(values: &BTreeMap<Uuid, Option<EnrichedTransaction>>, user: &str) -> Self {
        let values = values.values().flatten();
        let mine = values.filter(|value| value.transaction.provenance.user_id.as_str() == user);
        Self::sorted(mine.map(|value| {
            assert!(!value.enrichment.why.is_empty() && !value.enrichment.source.is_empty());
            let transaction = &value.transaction;
            let row = Row {
                day: transaction.booking_date.unwrap(),
                amount: transaction.amount.normalize(),
                currency: transaction.currency.to_string(),
                status: transaction.status.name().to_owned(),
                description: transaction.description.clone(),
            };
            (transaction.account_key, row)
        }))
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows of all accounts.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.0.iter().flatten()
    }

    fn sorted<K: Ord>(rows: impl Iterator<Item = (K, Row)>) -> Self {
        let mut accounts: BTreeMap<K, Vec<Row>> = BTreeMap::new();
        for (account, row) in rows {
            accounts.entry(account).or_default().push(row);
        }
        let mut accounts: Vec<Vec<Row>> = accounts.into_values().collect();
        accounts.iter_mut().for_each(|rows| rows.sort());
        accounts.sort();
        Self(accounts)
    }
}

fn row(value: &Value) -> Row {
    let text = |field: &str| value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"));
    Row {
        day: text("booking_date").parse().unwrap(),
        amount: text("amount").parse::<Decimal>().unwrap().normalize(),
        currency: text("currency").to_owned(),
        status: status(text("status")),
        description: text("description").to_owned(),
    }
}

/// The connector's word; the bank's are codes of ISO 20022.
fn status(word: &str) -> String {
    match word {
        "BOOK" => "booked".to_owned(),
        "PDNG" => "pending".to_owned(),
        own => own.to_owned(),
    }
}

/// Asserts that two keepers hold the same, no row lost and none doubled, and names the first that differ if not.
///
/// # Panics
/// When they do not.
pub fn assert_same(what: &str, expected: &Book, found: &Book) {
    if expected == found {
        return;
    }
    let mut counts: BTreeMap<&Row, i64> = BTreeMap::new();
    expected.rows().for_each(|row| *counts.entry(row).or_default() -= 1);
    found.rows().for_each(|row| *counts.entry(row).or_default() += 1);
    counts.retain(|_, count| *count != 0);
    let mut report = format!(
        "{what} differ: {} rows in {} accounts, then {} rows in {}; {} differ",
        expected.len(),
        expected.0.len(),
        found.len(),
        found.0.len(),
        counts.len()
    );
    for (row, count) in counts.iter().take(8) {
        write!(report, "\n  {count:+} {row:?}").unwrap();
    }
    panic!("{report}");
}
