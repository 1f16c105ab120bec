//! Exact money: a decimal and its currency, signed from the account holder's view (+ in, − out).

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Decimal places every amount on the wire and at rest can carry (UK Open Banking allows five).
pub(crate) const MAX_SCALE: u32 = 5;

/// Digits before the point that an amount may have (Brazil's 15 are the most any standard allows).
const MAX_WHOLE: i128 = 1_000_000_000_000_000;

/// An amount or a currency that cannot be taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MoneyError {
    /// Not a decimal number in plain notation.
    #[error("amount is not a decimal number")]
    NotANumber,
    /// More digits than any standard allows.
    #[error("amount has more than 15 digits before or {MAX_SCALE} after the point")]
    OutOfRange,
    /// Not a code of ISO 4217.
    #[error("currency is not a code of ISO 4217")]
    UnknownCurrency,
}

/// A currency of ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The three letters.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Decimal places of the minor unit (ISO 4217): 2 for GBP, 0 for JPY; 0 where the code has none.
    #[must_use]
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        iso_currency::Currency::from_code(text).map(Self).ok_or(MoneyError::UnknownCurrency)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

struct CurrencyVisitor;

impl de::Visitor<'_> for CurrencyVisitor {
    type Value = Currency;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a currency code of ISO 4217")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Currency, E> {
        text.parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(CurrencyVisitor)
    }
}

/// An exact amount with its currency.
///
/// Its scale is the currency's exponent, or more where the bank sent more significant decimals: "4.5000" GBP is
/// 4.50, "4.505" GBP stays 4.505.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// The amount, + in and − out.
    amount: Decimal,
    /// The currency.
    currency: Currency,
}

impl Money {
    /// Takes an amount with at most 15 digits before and 5 after the point.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] beyond that: nothing is ever rounded.
    pub fn new(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let mut amount = amount.normalize();
        if amount.scale() > MAX_SCALE || amount.trunc().mantissa().abs() >= MAX_WHOLE {
            return Err(MoneyError::OutOfRange);
        }
        if amount.scale() < currency.exponent() {
            amount.rescale(currency.exponent());
        }
        Ok(Self { amount, currency })
    }

    /// Reads an amount in plain decimal notation, as every standard writes it.
    ///
    /// # Errors
    /// [`MoneyError`] says what is wrong with the amount or the currency.
    pub fn parse(amount: &str, currency: &str) -> Result<Self, MoneyError> {
        let amount = Decimal::from_str_exact(amount).map_err(|_| MoneyError::NotANumber)?;
        Self::new(amount, currency.parse()?)
    }

    /// The signed amount.
    #[must_use]
    pub fn amount(&self) -> Decimal {
        self.amount
    }

    /// The currency.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The same amount with the other sign.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { amount: -self.amount, currency: self.currency }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn trailing_zeros_beyond_the_currency_are_dropped_and_significant_digits_kept() {
        assert_eq!(Money::parse("4.5000", "GBP").unwrap().to_string(), "4.50 GBP");
        assert_eq!(Money::parse("4.505", "GBP").unwrap().to_string(), "4.505 GBP");
        assert_eq!(Money::parse("1200", "JPY").unwrap().to_string(), "1200 JPY");
    }

    #[test]
    fn what_is_no_amount_is_refused_and_never_rounded() {
        for text in ["", "1e400", "NaN", "1,5", "0.000001", "1234567890123456"] {
            assert!(Money::parse(text, "GBP").is_err(), "{text}");
        }
        assert_eq!(Money::parse("1", "ZZZ"), Err(MoneyError::UnknownCurrency));
    }

    proptest! {
        #[test]
        fn an_amount_survives_its_own_text(units in -999_999_999_999_999_999i64..999_999_999_999_999_999, scale in 3u32..=5) {
            let amount = Decimal::new(units, scale);
            let money = Money::new(amount, "KWD".parse().unwrap()).unwrap();
            prop_assert_eq!(money.amount(), amount);
            prop_assert_eq!(Money::parse(&money.amount().to_string(), "KWD").unwrap(), money);
        }
    }
}
