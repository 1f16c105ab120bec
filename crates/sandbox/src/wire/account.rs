//! Accounts and balances.

use jiff::civil::Date;
use serde::Serialize;

use super::{Amount, Identification, Signed};
use crate::data;
use crate::data::AccountType;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Accounts {
    pub(crate) account: Vec<Account>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Account {
    account_id: String,
    status: &'static str,
    currency: String,
    account_category: &'static str,
    account_type_code: &'static str,
    nickname: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<[Identification; 1]>,
}

impl Account {
    /// The account; its numbers only with `detail`.
    pub(crate) fn new(account: &data::Account, detail: bool) -> Self {
        let numbers = || {
            [Identification {
                scheme_name: Some(account.scheme),
                identification: Some(account.identification.clone()),
                name: account.holder.clone(),
            }]
        };
        Self {
            account_id: account.id.to_string(),
            status: "Enabled",
            currency: account.currency.clone(),
            account_category: "Personal",
            account_type_code: type_code(account.kind),
            nickname: account.nickname.clone(),
            account: detail.then(numbers),
        }
    }
}

pub(crate) fn type_code(kind: AccountType) -> &'static str {
    match kind {
        AccountType::Cacc => "CACC",
        AccountType::Svgs => "SVGS",
        AccountType::Card => "CARD",
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Balances {
    balance: [Balance; 2],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Balance {
    account_id: String,
    #[serde(flatten)]
    signed: Signed,
    r#type: &'static str,
    date_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    credit_line: Option<[CreditLine; 1]>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct CreditLine {
    included: bool,
    r#type: &'static str,
    amount: Amount,
}

impl Balances {
    /// What is booked, and what can be spent: with pending rows and the credit line.
    pub(crate) fn new(account: &data::Account, today: Date, now: &str) -> Self {
        let line = |(): ()| CreditLine {
            included: true,
            r#type: if account.kind == AccountType::Card { "Credit" } else { "Pre-Agreed" },
            amount: Amount::new(account.limit, &account.currency),
        };
        let balance = |amount, r#type, credit_line| Balance {
            account_id: account.id.to_string(),
            signed: Signed::new(amount, &account.currency),
            r#type,
            date_time: now.to_owned(),
            credit_line,
        };
        let lines = (!account.limit.is_zero()).then_some(()).map(line).map(|line| [line]);
        let available = account.balance() + account.limit;
        Self {
            balance: [
                balance(account.booked_balance(today), "ITBD", None),
                balance(available, "ITAV", lines),
            ],
        }
    }
}
