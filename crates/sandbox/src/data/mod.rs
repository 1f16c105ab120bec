//! Customers and their histories, made from a seed.
//!
//! The same seed and the same day give the same bytes. A row depends on the customer and the day it was made, so a
//! later day adds rows and books pending ones, and changes nothing else: every history is lived from one fixed day on,
//! and only the window that is shown moves.

mod calendar;
mod catalogue;
mod dice;
mod identity;
mod model;
mod pages;
mod regulars;
mod simulation;
mod spending;

use jiff::civil::{Date, date};

pub use catalogue::{Catalogue, TableError};
pub use model::{Account, AccountType, Customer, Exchange, Kind, Party, Row, history_start};
pub use pages::{PageLine, pages};

use simulation::Simulation;

// What chance is asked for; each purpose has its own stream.
const IDENTITY: u64 = 1;
const DAY: u64 = 2;
const BRANCH: u64 = 3;
const FAVOURITE: u64 = 4;
const TRIP: u64 = 5;
const AMOUNT_OF_A_PAYMENT: u64 = 6;
const PARTY: u64 = 10_000;
const AMOUNT_OF_A_DAY: u64 = 20_000;

/// The first day of every life; a history of 24 months is full from two years later on.
const FIRST_DAY: Date = date(2022, 1, 1);

/// Customer `index` of the bank with what was booked from `since` on and is known by the end of `today`; nothing if
/// the tables know no persona.
#[must_use]
pub fn customer(
    catalogue: &Catalogue,
    seed: u64,
    index: usize,
    since: Date,
    today: Date,
) -> Option<Customer> {
    let persona = catalogue.personas.get(index.checked_rem(catalogue.personas.len())?)?;
    let index = u64::try_from(index).ok()?;
    let mut customer = Simulation::new(catalogue, persona, seed, index).run(FIRST_DAY, today);
    for account in &mut customer.accounts {
        account.forget_before(since);
    }
    Some(customer)
}

#[cfg(test)]
mod tests;
