//! What a UK Open Banking page looks like, as far as it is read. Written leniently: unknown members are passed over,
//! everything may be missing, and text may come as a number.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// Text that borrows from the page unless it holds escapes; some banks write ids as numbers.
#[derive(Debug)]
pub(super) struct Text<'p>(pub(super) Cow<'p, str>);

impl<'de: 'p, 'p> Deserialize<'de> for Text<'p> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TextVisitor).map(Text)
    }
}

struct TextVisitor;

impl<'de> de::Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a whole number")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }
}

/// `Data` around every answer.
#[derive(Deserialize)]
pub(super) struct Envelope<T> {
    #[serde(rename = "Data")]
    pub(super) data: T,
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(super) struct Transactions<T> {
    #[serde(rename = "Transaction", default = "Option::default")]
    pub(super) rows: Option<Vec<T>>,
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(super) struct Balances<T> {
    #[serde(rename = "Balance", default = "Option::default")]
    pub(super) rows: Option<Vec<T>>,
}

#[derive(Deserialize)]
pub(super) struct Accounts<'p> {
    #[serde(rename = "Account", borrow)]
    pub(super) rows: Vec<Account<'p>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Transaction<'p> {
    #[serde(borrow)]
    pub(super) transaction_id: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) transaction_reference: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) credit_debit_indicator: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) status: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) transaction_mutability: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) booking_date_time: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) value_date_time: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) transaction_information: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) amount: Option<Amount<'p>>,
    #[serde(borrow)]
    pub(super) currency_exchange: Option<CurrencyExchange<'p>>,
    #[serde(borrow)]
    pub(super) bank_transaction_code: Option<BankTransactionCode<'p>>,
    #[serde(borrow)]
    pub(super) proprietary_bank_transaction_code: Option<ProprietaryCode<'p>>,
    #[serde(borrow)]
    pub(super) balance: Option<RowBalance<'p>>,
    #[serde(borrow)]
    pub(super) merchant_details: Option<MerchantDetails<'p>>,
    #[serde(borrow)]
    pub(super) creditor_account: Option<PartyAccount<'p>>,
    #[serde(borrow)]
    pub(super) debtor_account: Option<PartyAccount<'p>>,
    #[serde(borrow)]
    pub(super) ultimate_creditor: Option<Named<'p>>,
    #[serde(borrow)]
    pub(super) ultimate_debtor: Option<Named<'p>>,
    #[serde(borrow)]
    pub(super) payment_purpose_code: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) category_purpose_code: Option<Text<'p>>,
}

/// The number stays text, whether it was written as a string or as a number: it is never a float on the way.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Amount<'p> {
    #[serde(borrow)]
    pub(super) amount: Option<&'p RawValue>,
    #[serde(borrow)]
    pub(super) currency: Option<Text<'p>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CurrencyExchange<'p> {
    #[serde(borrow)]
    pub(super) exchange_rate: Option<&'p RawValue>,
    #[serde(borrow)]
    pub(super) instructed_amount: Option<Amount<'p>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BankTransactionCode<'p> {
    #[serde(borrow)]
    pub(super) code: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) sub_code: Option<Text<'p>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ProprietaryCode<'p> {
    #[serde(borrow)]
    pub(super) code: Option<Text<'p>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RowBalance<'p> {
    #[serde(borrow)]
    pub(super) credit_debit_indicator: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) amount: Option<Amount<'p>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MerchantDetails<'p> {
    #[serde(borrow)]
    pub(super) merchant_name: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) merchant_category_code: Option<Text<'p>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PartyAccount<'p> {
    #[serde(borrow)]
    pub(super) identification: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'p>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Named<'p> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'p>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Balance<'p> {
    #[serde(borrow)]
    pub(super) account_id: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) credit_debit_indicator: Option<Text<'p>>,
    #[serde(borrow, rename = "Type")]
    pub(super) kind: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) date_time: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) amount: Option<Amount<'p>>,
    pub(super) credit_line: Option<Vec<CreditLine>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreditLine {
    #[serde(default)]
    pub(super) included: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Account<'p> {
    #[serde(borrow)]
    pub(super) account_id: Text<'p>,
    #[serde(borrow)]
    pub(super) status: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) switch_status: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) currency: Option<Text<'p>>,
    /// Version 3; in version 4 `AccountCategory`.
    #[serde(borrow, alias = "AccountCategory")]
    pub(super) account_type: Option<Text<'p>>,
    /// Version 3; in version 4 `AccountTypeCode`.
    #[serde(borrow, alias = "AccountTypeCode")]
    pub(super) account_sub_type: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) nickname: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) description: Option<Text<'p>>,
    #[serde(borrow)]
    pub(super) account: Option<Identifications<'p>>,
}

/// An array by the standard; some banks send the one object alone.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Identifications<'p> {
    Many(#[serde(borrow)] Vec<PartyAccount<'p>>),
    One(#[serde(borrow)] PartyAccount<'p>),
}

impl<'p> Identifications<'p> {
    pub(super) fn first(&self) -> Option<&PartyAccount<'p>> {
        match self {
            Self::Many(all) => all.first(),
            Self::One(one) => Some(one),
        }
    }
}
