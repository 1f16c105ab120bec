//! Who a customer is: name, numbers, city and acquaintances.

use rust_decimal::Decimal;
use uuid::Uuid;

use super::catalogue::{AccountSpec, AccountType, Catalogue, Market, Persona};
use super::dice::Dice;
use super::model::{Account, Customer, Party};

/// What the simulation needs to know beside the customer.
pub(super) struct Circle {
    pub(super) city: String,
    pub(super) friends: Vec<Friend>,
}

/// Somebody the customer pays now and then, with an account at another bank.
#[derive(Clone)]
pub(super) struct Friend {
    pub(super) name: String,
    pub(super) number: String,
}

impl Friend {
    /// How a payment to or from this person is labelled.
    pub(super) fn party(&self) -> Party {
        let account = Some(("UK.OBIE.SortCodeAccountNumber", format!("997340{}", self.number)));
        Party { name: self.name.clone(), account }
    }
}

/// Customer `index` without a history.
pub(super) fn invent(catalogue: &Catalogue, persona: &Persona, seed: u64, index: u64) -> (Customer, Circle) {
    let mut dice = Dice::new(seed, index, super::IDENTITY, 0);
    let name = full_name(catalogue, &mut dice);
    let city = dice.pick(&persona.cities).cloned().unwrap_or_default();
    let friends =
        (0..5).map(|_| Friend { name: full_name(catalogue, &mut dice), number: dice.digits(8) }).collect();
    let username = format!("{}-{}", persona.persona.replace('_', "-"), index + 1);
    let password = format!("pass-{}", dice.digits(6));
    let market = catalogue.markets.iter().find(|market| market.market == persona.market);
    let specs = catalogue.accounts.iter().filter(|spec| spec.persona == persona.persona);
    let owner = format!("{seed}/{username}");
    let accounts = specs.map(|spec| open(spec, market, &name, &owner, &mut dice)).collect();
    let customer = Customer {
        username,
        password,
        name,
        persona: persona.persona.clone(),
        title: persona.title.clone(),
        pending_ids: persona.pending_ids,
        accounts,
    };
    (customer, Circle { city, friends })
}

fn full_name(catalogue: &Catalogue, dice: &mut Dice) -> String {
    let given = dice.pick(&catalogue.names).map_or("", |name| name.given.as_str());
    let family = dice.pick(&catalogue.names).map_or("", |name| name.family.as_str());
    format!("{given} {family}")
}

fn open(spec: &AccountSpec, market: Option<&Market>, holder: &str, owner: &str, dice: &mut Dice) -> Account {
    let currency = market.map_or("GBP", |market| market.currency.as_str());
    let number = dice.digits(8);
    let (scheme, identification) = match (spec.r#type, currency) {
        (AccountType::Card, _) => ("UK.OBIE.PAN", format!("465901******{}", dice.digits(4))),
        (_, "GBP") => ("UK.OBIE.SortCodeAccountNumber", format!("997310{number}")),
        _ => ("UK.OBIE.IBAN", irish_iban(&number)),
    };
    Account {
        id: Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{owner}/{}", spec.account).as_bytes()),
        kind: spec.r#type,
        nickname: spec.nickname.clone(),
        currency: currency.to_owned(),
        scheme,
        identification,
        holder: holder.to_owned(),
        limit: spec.limit,
        opening: spec.opening,
        rows: Vec::new(),
    }
}

/// An IBAN of an invented bank (ISO 13616): check digits are 98 minus the remainder by 97 of the rearranged number.
fn irish_iban(number: &str) -> String {
    let basic = format!("FERN997310{number}");
    let digits =
        format!("{basic}IE00").chars().filter_map(|letter| letter.to_digit(36)).fold(0, |rest, value| {
            if value < 10 { (rest * 10 + value) % 97 } else { (rest * 100 + value) % 97 }
        });
    format!("IE{:02}{basic}", 98 - digits)
}

/// How many units of `market`'s currency one unit of `home`'s buys, before the day's movement.
pub(super) fn rate(market: &Market, home: &Market) -> Decimal {
    market.rate / home.rate
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_iban_has_the_check_digits_of_the_standard() {
        // The rearranged number of a valid IBAN leaves one (ISO 13616).
        let iban = super::irish_iban("93115212");
        let rearranged = format!("{}{}", &iban[4..], &iban[..4]);
        let digits: String = rearranged.chars().map(|c| c.to_digit(36).unwrap().to_string()).collect();
        let rest = digits.bytes().fold(0_u32, |rest, digit| (rest * 10 + u32::from(digit - b'0')) % 97);
        assert_eq!(rest, 1);
    }
}
