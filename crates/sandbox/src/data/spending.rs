//! What has no date: shopping, cash, payments among friends, holidays.

use jiff::ToSpan;
use jiff::civil::{Date, Time, date, time};
use rust_decimal::Decimal;

use super::catalogue::{AccountType, Market, Merchant, Payment};
use super::dice::Dice;
use super::identity::{Friend, rate};
use super::model::{Exchange, Kind, Party};
use super::simulation::{Blanks, Draft, Outing, Shop, Simulation};
use super::{BRANCH, DAY, FAVOURITE, TRIP};

/// One shop in two is a customer's.
const FAVOURITES: (u32, u32) = (1, 2);
/// How many of twelve purchases of goods are sent back.
const SENT_BACK: (u32, u32) = (1, 12);
/// The share of a foreign payment that the bank takes.
const FOREIGN_FEE: Decimal = Decimal::from_parts(299, 0, 0, false, 4);

/// Where and in which currency something is bought.
struct Place<'a> {
    city: &'a str,
    abroad: Option<(&'a Market, &'a Market)>,
}

impl<'a> Simulation<'a> {
    /// Chooses the customer's shops for each habit.
    pub(super) fn find_shops(&mut self) {
        let habits = self.catalogue.habits.iter().filter(|habit| habit.persona == self.persona.persona);
        self.outings = habits
            .filter_map(|habit| {
                let open: Vec<_> = self
                    .merchants(&self.persona.market, true)
                    .filter(|(_, merchant)| merchant.category == habit.category)
                    .collect();
                let mut favourites = open.clone();
                favourites
                    .retain(|(number, _)| self.dice(FAVOURITE, *number).chance(FAVOURITES.0, FAVOURITES.1));
                let chosen = if favourites.is_empty() { open } else { favourites };
                let shops =
                    chosen.into_iter().map(|(number, merchant)| self.shop(number, merchant)).collect();
                Some(Outing { account: self.account(&habit.account)?, times: habit.times, shops })
            })
            .collect();
    }

    fn merchants(&self, market: &'a str, online: bool) -> impl Iterator<Item = (u64, &'a Merchant)> {
        let known = (0..).zip(&self.catalogue.merchants);
        known.filter(move |(_, merchant)| merchant.market == market || (online && merchant.market == "*"))
    }

    fn shop(&self, number: u64, merchant: &'a Merchant) -> Shop<'a> {
        let mut dice = self.dice(BRANCH, number);
        Shop { merchant, store: dice.digits(4), reference: dice.digits(9) }
    }

    /// A day's purchases, at home or abroad.
    pub(super) fn spend(&mut self, day: Date) {
        if self.is_away(day) {
            self.spend_abroad(day);
        } else {
            self.spend_at_home(day);
        }
    }

    fn spend_at_home(&mut self, day: Date) {
        let mut dice = self.day_dice(DAY, day);
        let city = self.circle.city.clone();
        let outings = std::mem::take(&mut self.outings);
        for outing in &outings {
            let shop = dice.chance(outing.times, 30).then(|| dice.pick(&outing.shops)).flatten();
            if let Some(shop) = shop {
                let place = Place { city: &city, abroad: None };
                self.buy(outing.account, shop, &place, day, &mut dice);
            }
        }
        self.outings = outings;
    }

    fn spend_abroad(&mut self, day: Date) {
        let mut dice = self.day_dice(DAY, day);
        let markets = &self.catalogue.markets;
        let find = |name: &str| markets.iter().find(|market| market.market == name);
        let (Some(there), Some(home)) = (find(&self.persona.trip_market), find(&self.persona.market)) else {
            return;
        };
        let place = Place { city: &there.city, abroad: Some((there, home)) };
        let there_are = self.merchants(&there.market, false);
        let shops: Vec<_> = there_are.map(|(number, merchant)| self.shop(number, merchant)).collect();
        for _ in 0..dice.between(2, 4) {
            let Some(shop) = dice.pick(&shops) else { return };
            let name = if shop.merchant.how == Payment::Card { "card" } else { "current" };
            if let Some(account) = self.account(name).or_else(|| self.account("current")) {
                self.buy(account, shop, &place, day, &mut dice);
            }
        }
    }

    /// One journey a year, in the persona's month.
    fn is_away(&self, day: Date) -> bool {
        let year = u64::try_from(day.year()).unwrap_or_default();
        let lead = i8::try_from(self.dice(TRIP, year).between(4, 14)).unwrap_or_default();
        let first = date(day.year(), self.persona.trip_month, 1).saturating_add(lead.days());
        day >= first && day < first.saturating_add(self.persona.trip_days.days())
    }

    fn buy(&mut self, account: usize, shop: &Shop<'_>, place: &Place<'_>, day: Date, dice: &mut Dice) {
        let merchant = shop.merchant;
        let price = dice.amount(merchant.low, merchant.high);
        let price = if merchant.how == Payment::Cash { in_tens(price) } else { price };
        let exchange = place.abroad.and_then(|(there, home)| exchange(price, there, home, dice));
        let paid = exchange.as_ref().map_or(price, |made| (made.amount / made.rate).round_dp(2));
        let signed = if merchant.how == Payment::FasterIn { paid } else { -paid };
        let mut draft = self.described(account, shop, place.city, signed, dice);
        draft.exchange = exchange;
        let foreign = draft.exchange.is_some();
        self.send_back(account, merchant, &draft, day, dice);
        self.post(account, day, draft);
        if foreign {
            self.charge_abroad(account, paid, day);
        }
    }

    /// What the statement prints, and what the card scheme or the payment tells beside it.
    fn described(
        &self,
        account: usize,
        shop: &Shop<'_>,
        city: &str,
        amount: Decimal,
        dice: &mut Dice,
    ) -> Draft {
        let Shop { merchant, store, reference } = shop;
        let friend = dice.pick(&self.circle.friends);
        let blanks = Blanks { city, store, reference, person: friend.map_or("", |friend| &friend.name) };
        let text = blanks.fill(&merchant.descriptor, dice);
        let mut draft = Draft::plain(self.kind(merchant.how, account), amount, text, &merchant.category);
        match merchant.how {
            Payment::Card | Payment::Cash => {
                let tells = dice.chance(if draft.kind == Kind::CreditCard { 3 } else { 2 }, 5);
                draft.mcc = (tells && !merchant.mcc.is_empty()).then(|| merchant.mcc.clone());
                draft.merchant = (tells && !merchant.merchant.is_empty()).then(|| merchant.merchant.clone());
                draft.settles = settlement(dice);
            }
            Payment::FasterIn | Payment::FasterOut if merchant.merchant == "{person}" => {
                draft.party = friend.map(Friend::party);
            }
            Payment::FasterIn | Payment::FasterOut => {
                draft.party = Some(Party { name: merchant.merchant.clone(), account: None });
            }
            Payment::Cheque => {}
        }
        draft
    }

    fn kind(&self, how: Payment, account: usize) -> Kind {
        let kind = self.customer.accounts.get(account).map(|account| account.kind);
        match how {
            Payment::Card if kind == Some(AccountType::Card) => Kind::CreditCard,
            Payment::Card => Kind::DebitCard,
            Payment::Cash => Kind::Cash,
            Payment::FasterIn => Kind::FasterIn,
            Payment::FasterOut => Kind::FasterOut,
            Payment::Cheque => Kind::Cheque,
        }
    }

    fn send_back(&mut self, account: usize, shop: &Merchant, bought: &Draft, day: Date, dice: &mut Dice) {
        let goods = shop.category.starts_with("SHOPPING.") && bought.exchange.is_none();
        if goods && dice.chance(SENT_BACK.0, SENT_BACK.1) {
            let wait = i8::try_from(dice.between(5, 14)).unwrap_or_default();
            let mut refund = bought.clone();
            refund.amount = -bought.amount;
            refund.kind = Kind::CardRefund;
            refund.category = "INCOME.refund".to_owned();
            refund.settles = settlement(dice);
            self.refunds.push((day.saturating_add(wait.days()), account, refund));
        }
    }

    fn charge_abroad(&mut self, account: usize, paid: Decimal, day: Date) {
        let fee = (paid * FOREIGN_FEE).round_dp(2);
        if fee > Decimal::ZERO {
            let text = "FOREIGN CURRENCY TRANS FEE".to_owned();
            self.post(account, day, Draft::plain(Kind::Fee, -fee, text, "FEES.fx_fee"));
        }
    }
}

/// Card payments are pending for one to three days, then booked in the small hours.
pub(super) fn settlement(dice: &mut Dice) -> Option<(i8, Time)> {
    let days = i8::try_from(dice.between(1, 3)).ok()?;
    let minutes = i64::from(dice.between(5, 290));
    Some((days, time(0, 0, 0, 0).saturating_add(minutes.minutes())))
}

fn in_tens(amount: Decimal) -> Decimal {
    (amount / Decimal::TEN).trunc() * Decimal::TEN
}

/// The payment in the other country's currency, at a rate that moves by up to two percent.
fn exchange(price: Decimal, there: &Market, home: &Market, dice: &mut Dice) -> Option<Exchange> {
    let moved = Decimal::new(9800 + i64::from(dice.between(0, 400)), 4);
    (there.currency != home.currency).then(|| Exchange {
        currency: there.currency.clone(),
        amount: price,
        rate: (rate(there, home) * moved).round_dp(4),
    })
}
