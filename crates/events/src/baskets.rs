//! Information baskets: what a consent lets the connector fetch, in the customer's terms.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A name that is none of the baskets.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown basket; the baskets are accounts, balances, transactions, identity, recurring and cards")]
pub struct UnknownBasket;

/// One group of data a customer can share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basket {
    /// Account names, numbers and types. Every consent holds it: no standard serves anything without it.
    Accounts,
    /// Balances.
    Balances,
    /// Transactions with their details.
    Transactions,
    /// The holder's name and contact details.
    Identity,
    /// Standing orders, direct debits and scheduled payments.
    Recurring,
    /// Card accounts.
    Cards,
}

impl Basket {
    /// All baskets, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::Accounts, Self::Balances, Self::Transactions, Self::Identity, Self::Recurring, Self::Cards];

    /// The name used in APIs, events and the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Balances => "balances",
            Self::Transactions => "transactions",
            Self::Identity => "identity",
            Self::Recurring => "recurring",
            Self::Cards => "cards",
        }
    }
}

impl fmt::Display for Basket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Basket {
    type Err = UnknownBasket;

    fn from_str(text: &str) -> Result<Self, UnknownBasket> {
        Self::ALL.into_iter().find(|basket| basket.name() == text).ok_or(UnknownBasket)
    }
}

/// The baskets of one consent: sorted, without repeats, always with [`Basket::Accounts`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Basket>", into = "Vec<Basket>")]
pub struct Baskets(Vec<Basket>);

impl Baskets {
    /// Whether the consent covers this basket.
    #[must_use]
    pub fn contains(&self, basket: Basket) -> bool {
        self.0.contains(&basket)
    }

    /// The baskets in order.
    pub fn iter(&self) -> impl Iterator<Item = Basket> + '_ {
        self.0.iter().copied()
    }

    /// The names in order, for the store and for APIs.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.iter().map(|basket| basket.name().to_owned()).collect()
    }
}

impl From<Baskets> for Vec<Basket> {
    fn from(baskets: Baskets) -> Self {
        baskets.0
    }
}

impl From<Vec<Basket>> for Baskets {
    fn from(mut baskets: Vec<Basket>) -> Self {
        baskets.push(Basket::Accounts);
        baskets.sort_unstable();
        baskets.dedup();
        Self(baskets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_consent_holds_accounts_once() {
        let baskets = Baskets::from(vec![Basket::Transactions, Basket::Accounts, Basket::Transactions]);
        assert_eq!(baskets.names(), ["accounts", "transactions"]);
    }

    #[test]
    fn an_unknown_name_is_refused() {
        assert_eq!("pensions".parse::<Basket>(), Err(UnknownBasket));
    }
}
