//! The days of a customer's life, one after the other.

use jiff::ToSpan;
use jiff::civil::{Date, Time};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::calendar::day_number;
use super::catalogue::{Catalogue, Merchant, Persona};
use super::dice::Dice;
use super::identity::{Circle, invent};
use super::model::{Customer, Exchange, Kind, Party, Row};

/// A row before the bank has taken it in.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) amount: Decimal,
    pub(super) description: String,
    pub(super) kind: Kind,
    pub(super) category: String,
    pub(super) merchant: Option<String>,
    pub(super) mcc: Option<String>,
    pub(super) party: Option<Party>,
    pub(super) exchange: Option<Exchange>,
    /// Days until it is booked and the local time of booking; at once if nothing.
    pub(super) settles: Option<(i8, Time)>,
}

impl Draft {
    /// Something that is booked at once and has no more to it.
    pub(super) fn plain(kind: Kind, amount: Decimal, description: String, category: &str) -> Self {
        Self {
            amount,
            description,
            kind,
            category: category.to_owned(),
            merchant: None,
            mcc: None,
            party: None,
            exchange: None,
            settles: None,
        }
    }
}

/// A habit of the customer's: how often in thirty days, paid from which account, in which favourite shops.
#[derive(Clone)]
pub(super) struct Outing<'a> {
    pub(super) account: usize,
    pub(super) times: u32,
    pub(super) shops: Vec<Shop<'a>>,
}

/// A merchant with what stays the same each time this customer buys there.
#[derive(Clone)]
pub(super) struct Shop<'a> {
    pub(super) merchant: &'a Merchant,
    pub(super) store: String,
    pub(super) reference: String,
}

/// What fills the gaps in the texts of the tables.
pub(super) struct Blanks<'a> {
    pub(super) city: &'a str,
    pub(super) store: &'a str,
    pub(super) reference: &'a str,
    pub(super) person: &'a str,
}

impl Blanks<'_> {
    /// The text without gaps; an order code is new each time.
    pub(super) fn fill(&self, text: &str, dice: &mut Dice) -> String {
        let text = text.replace("{city}", self.city).replace("{store}", self.store);
        let text = text.replace("{ref}", self.reference).replace("{person}", &self.person.to_uppercase());
        if text.contains("{code}") { text.replace("{code}", &dice.code()) } else { text }
    }
}

/// A customer in the making.
pub(super) struct Simulation<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) persona: &'a Persona,
    pub(super) seed: u64,
    pub(super) index: u64,
    pub(super) customer: Customer,
    pub(super) circle: Circle,
    pub(super) outings: Vec<Outing<'a>>,
    /// What shops still have to give back: when, to which account, what.
    pub(super) refunds: Vec<(Date, usize, Draft)>,
    totals: Vec<Decimal>,
    /// Rows made on the current day, by account.
    made_today: Vec<u32>,
}

impl<'a> Simulation<'a> {
    /// A customer before the first day.
    pub(super) fn new(catalogue: &'a Catalogue, persona: &'a Persona, seed: u64, index: u64) -> Self {
        let (customer, circle) = invent(catalogue, persona, seed, index);
        let totals = customer.accounts.iter().map(|account| account.opening).collect();
        let made_today = vec![0; customer.accounts.len()];
        let refunds = Vec::new();
        let outings = Vec::new();
        let mut new =
            Self { catalogue, persona, seed, index, customer, circle, outings, refunds, totals, made_today };
        new.find_shops();
        new
    }

    /// Lives through the days and hands the customer over.
    pub(super) fn run(mut self, first: Date, last: Date) -> Customer {
        for day in first.series(1.day()).take_while(|day| *day <= last) {
            self.made_today.fill(0);
            self.take_refunds(day);
            self.pay_regulars(day);
            self.spend(day);
        }
        for account in &mut self.customer.accounts {
            account.rows.sort_by_key(|row| row.booked);
            account.add_up();
        }
        self.customer
    }

    /// The customer's own chance for a purpose.
    pub(super) fn dice(&self, purpose: u64, number: u64) -> Dice {
        Dice::new(self.seed, self.index, purpose, number)
    }

    /// The chance of a day for a purpose.
    pub(super) fn day_dice(&self, purpose: u64, day: Date) -> Dice {
        self.dice(purpose, day_number(day))
    }

    /// The account that the tables call `name` in this persona.
    pub(super) fn account(&self, name: &str) -> Option<usize> {
        let mut own = self.catalogue.accounts.iter().filter(|spec| spec.persona == self.persona.persona);
        own.position(|spec| spec.account == name)
    }

    /// What is on an account, pending rows counted.
    pub(super) fn total(&self, account: usize) -> Decimal {
        self.totals.get(account).copied().unwrap_or_default()
    }

    /// Writes a row on an account.
    pub(super) fn post(&mut self, account: usize, day: Date, draft: Draft) {
        let (Some(target), Some(total), Some(made)) = (
            self.customer.accounts.get_mut(account),
            self.totals.get_mut(account),
            self.made_today.get_mut(account),
        ) else {
            return;
        };
        *made += 1;
        *total += draft.amount;
        let (wait, at) = draft.settles.map_or((0, None), |(days, at)| (days, Some(at)));
        target.rows.push(Row {
            id: Uuid::new_v5(&target.id, format!("{day}/{made}").as_bytes()),
            made: day,
            booked: day.saturating_add(wait.days()),
            at,
            amount: draft.amount,
            description: draft.description,
            kind: draft.kind,
            merchant: draft.merchant,
            mcc: draft.mcc,
            party: draft.party,
            exchange: draft.exchange,
            category: draft.category,
            balance: Decimal::ZERO,
        });
    }

    fn take_refunds(&mut self, day: Date) {
        let (due, later) = std::mem::take(&mut self.refunds).into_iter().partition(|(when, ..)| *when == day);
        self.refunds = later;
        let due: Vec<(Date, usize, Draft)> = due;
        for (_, account, draft) in due {
            self.post(account, day, draft);
        }
    }
}
