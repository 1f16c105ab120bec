//! Customers, their accounts and what happened on them.

use jiff::ToSpan;
use jiff::civil::{Date, Time};
use rust_decimal::Decimal;
use uuid::Uuid;

pub use super::catalogue::AccountType;

/// A customer of the bank: invented from the ground up.
#[derive(Debug, Clone)]
pub struct Customer {
    /// Name to sign in with.
    pub username: String,
    /// Password to sign in with.
    pub password: String,
    /// Full name.
    pub name: String,
    /// Key of the persona in `personas.csv`.
    pub persona: String,
    /// The persona in words.
    pub title: String,
    /// Whether a pending row already has the `TransactionId` that it keeps when booked.
    pub pending_ids: bool,
    /// Current account first.
    pub accounts: Vec<Account>,
}

/// An account with everything that happened on it.
#[derive(Debug, Clone)]
pub struct Account {
    /// The bank's immutable id.
    pub id: Uuid,
    /// Current, savings or card.
    pub kind: AccountType,
    /// What the customer calls it.
    pub nickname: String,
    /// ISO 4217.
    pub currency: String,
    /// How `identification` is to be read (`UK.OBIE.…`).
    pub scheme: &'static str,
    /// Sort code and account number, IBAN or masked card number.
    pub identification: String,
    /// The holder.
    pub holder: String,
    /// Overdraft or credit line; zero if there is none.
    pub limit: Decimal,
    /// The booked balance before the first row.
    pub opening: Decimal,
    /// In the order of booking; what is not booked yet comes last.
    pub rows: Vec<Row>,
}

/// One transaction as the bank knows it.
#[derive(Debug, Clone)]
pub struct Row {
    /// The bank's id, the same from the first day on.
    pub id: Uuid,
    /// The day it was made.
    pub made: Date,
    /// The day it is booked, which may be to come.
    pub booked: Date,
    /// The local time of booking, if the bank keeps one for this kind.
    pub at: Option<Time>,
    /// From the holder's view: what leaves is negative.
    pub amount: Decimal,
    /// As the statement prints it.
    pub description: String,
    /// What kind of movement it is.
    pub kind: Kind,
    /// The merchant's name, where the card scheme told it.
    pub merchant: Option<String>,
    /// ISO 18245, where the card scheme told it.
    pub mcc: Option<String>,
    /// Who is on the other side.
    pub party: Option<Party>,
    /// What it was in the currency it was made in.
    pub exchange: Option<Exchange>,
    /// What it really was: `PRIMARY.detailed`. Only the ledger tells.
    pub category: String,
    /// The booked balance after it; meaningless while it is pending.
    pub balance: Decimal,
}

/// The other side of a transfer.
#[derive(Debug, Clone)]
pub struct Party {
    /// Name.
    pub name: String,
    /// Scheme and number, if the payment carried one.
    pub account: Option<(&'static str, String)>,
}

/// A payment in a foreign currency.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The currency it was made in.
    pub currency: String,
    /// The amount in that currency, unsigned.
    pub amount: Decimal,
    /// Units of that currency for one unit of the account's.
    pub rate: Decimal,
}

/// A kind of movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Paid with a debit card.
    DebitCard,
    /// Paid with a credit card.
    CreditCard,
    /// Given back to a card.
    CardRefund,
    /// Cash from a machine.
    Cash,
    /// Taken by direct debit.
    DirectDebit,
    /// Sent by standing order.
    StandingOrder,
    /// Sent at once.
    FasterOut,
    /// Received at once.
    FasterIn,
    /// Received through Bacs.
    BacsIn,
    /// Wages received through Bacs.
    Salary,
    /// To another account of the same holder.
    OwnOut,
    /// From another account of the same holder.
    OwnIn,
    /// A cheque drawn.
    Cheque,
    /// A charge of the bank.
    Fee,
    /// Interest paid by the bank.
    Interest,
}

impl Kind {
    /// Family and sub-family of ISO 20022, and the bank's own code.
    #[must_use]
    pub fn codes(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::DebitCard => ("CCRD", "POSD", "DEB"),
            Self::CreditCard => ("CCRD", "POSC", "CCP"),
            Self::CardRefund => ("CCRD", "RIMB", "REF"),
            Self::Cash => ("CCRD", "CWDL", "CPT"),
            Self::DirectDebit => ("RDDT", "PMDD", "DD"),
            Self::StandingOrder => ("ICDT", "STDO", "SO"),
            Self::FasterOut => ("IRCT", "DMCT", "FPO"),
            Self::FasterIn => ("RRCT", "DMCT", "FPI"),
            Self::BacsIn => ("RCDT", "DMCT", "BGC"),
            Self::Salary => ("RCDT", "SALA", "BGC"),
            Self::OwnOut => ("ICDT", "BOOK", "TFR"),
            Self::OwnIn => ("RCDT", "BOOK", "TFR"),
            Self::Cheque => ("ICHQ", "CCHQ", "CHQ"),
            Self::Fee => ("MDOP", "FEES", "FEE"),
            Self::Interest => ("MDOP", "INTR", "INT"),
        }
    }
}

impl Row {
    /// Whether it is booked by the end of `today`.
    #[must_use]
    pub fn is_booked(&self, today: Date) -> bool {
        self.booked <= today
    }

    /// The booking day the bank shows: while pending, the day it was made.
    #[must_use]
    pub fn shown_on(&self, today: Date) -> Date {
        if self.is_booked(today) { self.booked } else { self.made }
    }
}

impl Account {
    /// The balance of what is booked by the end of `today`.
    #[must_use]
    pub fn booked_balance(&self, today: Date) -> Decimal {
        self.rows.iter().take_while(|row| row.is_booked(today)).last().map_or(self.opening, |row| row.balance)
    }

    /// The balance with everything pending.
    #[must_use]
    pub fn balance(&self) -> Decimal {
        self.opening + self.rows.iter().map(|row| row.amount).sum::<Decimal>()
    }

    /// The last four characters of its number, as statements print them.
    #[must_use]
    pub fn last_four(&self) -> &str {
        let number = &self.identification;
        number.get(number.len().saturating_sub(4)..).unwrap_or_default()
    }

    /// All rows as banks list them: the newest shown booking day first.
    #[must_use]
    pub fn newest_first(&self, today: Date) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.iter().rev().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.shown_on(today)));
        rows
    }

    /// Writes the running balances; rows must be in the order of booking.
    pub(super) fn add_up(&mut self) {
        let mut balance = self.opening;
        for row in &mut self.rows {
            balance += row.amount;
            row.balance = balance;
        }
    }

    /// Drops what was booked before `since` into the opening balance.
    pub(super) fn forget_before(&mut self, since: Date) {
        let first = self.rows.partition_point(|row| row.booked < since);
        if let Some(last) = self.rows.drain(..first).next_back() {
            self.opening = last.balance;
        }
    }
}

/// The first day of a history of 24 months up to `today`.
#[must_use]
pub fn history_start(today: Date) -> Date {
    today.checked_sub(24.months()).unwrap_or(Date::MIN)
}
