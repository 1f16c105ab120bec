//! What comes back in time: wages, rent, bills, transfers between own accounts, interest.

use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy};

use super::calendar::Shift;
use super::catalogue::{Means, Regular};
use super::identity::Friend;
use super::model::{Kind, Party};
use super::simulation::{Blanks, Draft, Simulation};
use super::{AMOUNT_OF_A_DAY, AMOUNT_OF_A_PAYMENT, PARTY};

impl Simulation<'_> {
    /// Everything regular that falls on this day.
    pub(super) fn pay_regulars(&mut self, day: Date) {
        for (number, regular) in (0..).zip(&self.catalogue.regulars) {
            if regular.persona == self.persona.persona && regular.due.happens_on(day, shift(regular.how)) {
                self.pay(number, regular, day);
            }
        }
    }

    fn pay(&mut self, number: u64, regular: &Regular, day: Date) {
        let Some(account) = self.account(&regular.account) else { return };
        match regular.how {
            Means::Transfer | Means::Repay | Means::Sweep => self.move_own(number, regular, account, day),
            Means::Interest | Means::Overdraft => self.charge(regular, account, day),
            _ => {
                let draft = self.regular_draft(number, regular, day);
                self.post(account, day, draft);
            }
        }
    }

    fn regular_draft(&self, number: u64, regular: &Regular, day: Date) -> Draft {
        let mut fixed = self.dice(PARTY, number);
        let (reference, friend) = (fixed.digits(9), fixed.pick(&self.circle.friends));
        let blanks = Blanks {
            city: &self.circle.city,
            store: "",
            reference: &reference,
            person: friend.map_or("", |friend| &friend.name),
        };
        let mut dice = self.day_dice(PARTY + number, day);
        let amount = self.regular_amount(number, regular, day);
        let signed = if matches!(regular.how, Means::BacsIn | Means::FasterIn) { amount } else { -amount };
        let text = blanks.fill(&regular.description, &mut dice);
        let mut draft = Draft::plain(kind(regular), signed, text, &regular.category);
        if regular.how == Means::Card {
            draft.merchant = Some(regular.party.clone());
            draft.settles = super::spending::settlement(&mut dice);
        } else if regular.party == "{person}" {
            draft.party = friend.map(Friend::party);
        } else if !regular.party.is_empty() {
            draft.party = Some(Party { name: blanks.fill(&regular.party, &mut dice), account: None });
        }
        draft
    }

    fn regular_amount(&self, number: u64, regular: &Regular, day: Date) -> Decimal {
        let mut dice = if regular.vary {
            self.day_dice(AMOUNT_OF_A_DAY + number, day)
        } else {
            self.dice(AMOUNT_OF_A_PAYMENT, number)
        };
        dice.amount(regular.low, regular.high)
    }

    /// Both legs of a transfer between own accounts; nothing if there is nothing to move.
    fn move_own(&mut self, number: u64, regular: &Regular, from: usize, day: Date) {
        let Some(to) = self.account(&regular.to) else { return };
        let amount = match regular.how {
            Means::Repay => -self.total(to),
            Means::Sweep => self.swept(from, to, regular.low),
            _ => self.regular_amount(number, regular, day),
        };
        if amount > Decimal::ZERO {
            self.transfer(regular, from, to, amount, day);
        } else if regular.how == Means::Sweep && amount < Decimal::ZERO {
            self.transfer(regular, to, from, -amount, day);
        }
    }

    /// What exceeds the level to keep, in tens; negative if that much is fetched, at most what is there.
    fn swept(&self, from: usize, to: usize, keep: Decimal) -> Decimal {
        let tens = ((self.total(from) - keep) / Decimal::TEN).trunc() * Decimal::TEN;
        if tens.abs() < Decimal::from(50) { Decimal::ZERO } else { tens.max(-self.total(to).trunc()) }
    }

    fn transfer(&mut self, regular: &Regular, from: usize, to: usize, amount: Decimal, day: Date) {
        let accounts = &self.customer.accounts;
        let (Some(source), Some(target)) = (accounts.get(from), accounts.get(to)) else { return };
        let party = |name: &str, account: &super::Account| {
            Some(Party {
                name: name.to_owned(),
                account: Some((account.scheme, account.identification.clone())),
            })
        };
        let (out, into) = if regular.how == Means::Repay {
            let text = regular.description.replace("{last4}", target.last_four());
            (text, "PAYMENT RECEIVED - THANK YOU".to_owned())
        } else {
            (format!("TO A/C {}", target.last_four()), format!("FROM A/C {}", source.last_four()))
        };
        let mut sent = Draft::plain(Kind::OwnOut, -amount, out, &regular.category);
        sent.party = party(&self.customer.name, target);
        let mut received = Draft::plain(Kind::OwnIn, amount, into, &regular.category);
        received.party = party(&self.customer.name, source);
        self.post(from, day, sent);
        self.post(to, day, received);
    }

    /// Interest on what is there, or a charge on what is missing.
    fn charge(&mut self, regular: &Regular, account: usize, day: Date) {
        let exact = self.total(account) * regular.low / Decimal::ONE_HUNDRED;
        let amount = exact.round_dp_with_strategy(2, RoundingStrategy::ToZero);
        let kind = if regular.how == Means::Interest { Kind::Interest } else { Kind::Fee };
        if (kind == Kind::Interest) == (amount > Decimal::ZERO) && !amount.is_zero() {
            self.post(
                account,
                day,
                Draft::plain(kind, amount, regular.description.clone(), &regular.category),
            );
        }
    }
}

fn shift(how: Means) -> Shift {
    match how {
        Means::BacsIn => Shift::Earlier,
        Means::DirectDebit | Means::StandingOrder => Shift::Later,
        _ => Shift::Never,
    }
}

fn kind(regular: &Regular) -> Kind {
    match regular.how {
        Means::BacsIn if regular.category == "INCOME.salary" => Kind::Salary,
        Means::BacsIn => Kind::BacsIn,
        Means::FasterIn => Kind::FasterIn,
        Means::DirectDebit => Kind::DirectDebit,
        Means::StandingOrder => Kind::StandingOrder,
        Means::Card if regular.account == "card" => Kind::CreditCard,
        Means::Card => Kind::DebitCard,
        Means::Interest => Kind::Interest,
        Means::Fee | Means::Overdraft => Kind::Fee,
        Means::Transfer | Means::Repay | Means::Sweep => Kind::OwnOut,
    }
}
