//! What the bank knows of its customers, today.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use serde::Serialize;
use uuid::Uuid;

use super::CustomerLogin;
use crate::data::{Account, Catalogue, Customer, TableError, customer, history_start};

/// How often an account was read.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Served {
    pub(super) balances: u64,
    pub(super) pages: u64,
    pub(super) rows: u64,
}

/// Customers, made when first asked for and again when the day changes.
pub(super) struct Ledger {
    catalogue: Catalogue,
    seed: u64,
    /// The first day that is shown; it stays while the bank runs.
    since: Date,
    logins: Vec<CustomerLogin>,
    made: Mutex<BTreeMap<usize, (Date, Arc<Customer>)>>,
    served: Mutex<BTreeMap<Uuid, Served>>,
}

impl Ledger {
    pub(super) fn open(seed: u64, customers: usize, today: Date) -> Result<Self, TableError> {
        let catalogue = Catalogue::load()?;
        // A life of no days is enough to know who somebody is.
        let people =
            (0..customers).filter_map(|index| customer(&catalogue, seed, index, Date::MIN, Date::MIN));
        let logins = people
            .map(|who| CustomerLogin { username: who.username, password: who.password, persona: who.persona })
            .collect();
        let (made, served) = (Mutex::default(), Mutex::default());
        Ok(Self { catalogue, seed, since: history_start(today), logins, made, served })
    }

    pub(super) fn logins(&self) -> Vec<CustomerLogin> {
        self.logins.clone()
    }

    /// The customer with everything up to the end of `today`.
    pub(super) fn customer(&self, username: &str, today: Date) -> Option<Arc<Customer>> {
        let index = self.logins.iter().position(|login| login.username == username)?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, customer)) = made.get(&index).filter(|(day, _)| *day == today) {
            return Some(Arc::clone(customer));
        }
        let fresh = Arc::new(customer(&self.catalogue, self.seed, index, self.since, today)?);
        made.insert(index, (today, Arc::clone(&fresh)));
        Some(fresh)
    }

    /// Counts what was read of an account.
    pub(super) fn count(&self, account: &Account, read: impl FnOnce(&mut Served)) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        read(served.entry(account.id).or_default());
    }

    pub(super) fn served(&self, account: &Account) -> Served {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.get(&account.id).copied().unwrap_or_default()
    }
}
