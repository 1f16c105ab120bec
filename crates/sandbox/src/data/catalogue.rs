//! What the generator draws from: the tables under `data/`.

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Error as _};

use super::calendar::Due;

/// A table under `data/` that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the table {table} cannot be read: {source}; correct it and build again")]
pub struct TableError {
    table: &'static str,
    source: csv::Error,
}

/// All tables.
#[derive(Debug)]
pub struct Catalogue {
    pub(super) personas: Vec<Persona>,
    pub(super) accounts: Vec<AccountSpec>,
    pub(super) regulars: Vec<Regular>,
    pub(super) habits: Vec<Habit>,
    pub(super) markets: Vec<Market>,
    pub(super) merchants: Vec<Merchant>,
    pub(super) names: Vec<Name>,
}

impl Catalogue {
    /// Reads the tables.
    ///
    /// # Errors
    /// When one is not well formed.
    pub fn load() -> Result<Self, TableError> {
        Ok(Self {
            personas: table("personas.csv", include_str!("../../data/personas.csv"))?,
            accounts: table("accounts.csv", include_str!("../../data/accounts.csv"))?,
            regulars: table("regulars.csv", include_str!("../../data/regulars.csv"))?,
            habits: table("habits.csv", include_str!("../../data/habits.csv"))?,
            markets: table("markets.csv", include_str!("../../data/markets.csv"))?,
            merchants: table("merchants.csv", include_str!("../../data/merchants.csv"))?,
            names: table("names.csv", include_str!("../../data/names.csv"))?,
        })
    }
}

fn table<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<Vec<T>, TableError> {
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
    reader.deserialize().collect::<Result<_, _>>().map_err(|source| TableError { table, source })
}

#[derive(Debug, Deserialize)]
pub(super) struct Persona {
    pub(super) persona: String,
    pub(super) title: String,
    pub(super) market: String,
    #[serde(deserialize_with = "alternatives")]
    pub(super) cities: Vec<String>,
    #[serde(deserialize_with = "yes_or_no")]
    pub(super) pending_ids: bool,
    pub(super) trip_market: String,
    pub(super) trip_month: i8,
    pub(super) trip_days: i8,
}

/// What kind of account it is, by the codes of ISO 20022.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum AccountType {
    /// Current account.
    Cacc,
    /// Savings.
    Svgs,
    /// Credit card.
    Card,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct AccountSpec {
    pub(super) persona: String,
    pub(super) account: String,
    pub(super) r#type: AccountType,
    pub(super) nickname: String,
    #[serde(with = "rust_decimal::serde::str")]
    pub(super) opening: Decimal,
    #[serde(with = "rust_decimal::serde::str")]
    pub(super) limit: Decimal,
}

/// How a regular payment comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Means {
    BacsIn,
    FasterIn,
    DirectDebit,
    StandingOrder,
    Card,
    Fee,
    Interest,
    Overdraft,
    Transfer,
    Repay,
    Sweep,
}

#[derive(Debug, Deserialize)]
pub(super) struct Regular {
    pub(super) persona: String,
    pub(super) account: String,
    pub(super) how: Means,
    pub(super) due: Due,
    pub(super) description: String,
    pub(super) party: String,
    #[serde(with = "rust_decimal::serde::str")]
    pub(super) low: Decimal,
    #[serde(with = "rust_decimal::serde::str")]
    pub(super) high: Decimal,
    #[serde(deserialize_with = "yes_or_no")]
    pub(super) vary: bool,
    pub(super) category: String,
    pub(super) to: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Habit {
    pub(super) persona: String,
    pub(super) account: String,
    pub(super) category: String,
    pub(super) times: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct Market {
    pub(super) market: String,
    pub(super) currency: String,
    #[serde(with = "rust_decimal::serde::str")]
    pub(super) rate: Decimal,
    pub(super) city: String,
}

/// How a purchase is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Payment {
    Card,
    Cash,
    FasterIn,
    FasterOut,
    Cheque,
}

#[derive(Debug, Deserialize)]
pub(super) struct Merchant {
    pub(super) market: String,
    pub(super) how: Payment,
    pub(super) descriptor: String,
    pub(super) merchant: String,
    pub(super) mcc: String,
    pub(super) category: String,
    #[serde(with = "rust_decimal::serde::str")]
    pub(super) low: Decimal,
    #[serde(with = "rust_decimal::serde::str")]
    pub(super) high: Decimal,
}

#[derive(Debug, Deserialize)]
pub(super) struct Name {
    pub(super) given: String,
    pub(super) family: String,
}

fn alternatives<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(String::deserialize(from)?.split('|').map(str::to_owned).collect())
}

fn yes_or_no<'de, D: serde::Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    match String::deserialize(from)?.as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(D::Error::custom("expected yes or no")),
    }
}
