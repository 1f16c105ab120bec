//! The little that is understood of what a UK bank sends: consents, accounts, links, and how many rows there are.

use std::borrow::Cow;

use secrecy::SecretString;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use url::Url;

use super::INTERACTION_ID;
use crate::connector::{FetchedAccount, Page, RemoteStatus};
use crate::http::Answer;
use crate::{Error, pages};

/// `OBReadConsent1`.
#[derive(Serialize)]
pub(super) struct ConsentRequest {
    #[serde(rename = "Data")]
    data: ConsentTerms,
    #[serde(rename = "Risk")]
    risk: Risk,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ConsentTerms {
    permissions: Vec<&'static str>,
    expiration_date_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_from_date_time: Option<String>,
}

/// Mandatory and empty.
#[derive(Serialize)]
struct Risk {}

impl ConsentRequest {
    pub(super) fn new(permissions: Vec<&'static str>, expires: String, from: Option<String>) -> Self {
        let data =
            ConsentTerms { permissions, expiration_date_time: expires, transaction_from_date_time: from };
        Self { data, risk: Risk {} }
    }
}

/// `OBReadConsentResponse1`.
#[derive(Deserialize)]
pub(super) struct ConsentAnswer {
    #[serde(rename = "Data")]
    pub(super) data: ConsentState,
}

#[derive(Deserialize)]
pub(super) struct ConsentState {
    #[serde(rename = "ConsentId")]
    pub(super) id: String,
    #[serde(rename = "Status")]
    pub(super) status: String,
}

/// Version 4's codes and version 3's words; banks mix them.
pub(super) fn status(word: &str) -> RemoteStatus {
    match word {
        "AWAU" | "AwaitingAuthorisation" => RemoteStatus::AwaitingAuthorisation,
        "AUTH" | "Authorised" => RemoteStatus::Authorised,
        "RJCT" | "REJT" | "Rejected" => RemoteStatus::Rejected,
        "CANC" | "Revoked" => RemoteStatus::Cancelled,
        "EXPD" | "Expired" => RemoteStatus::Expired,
        _ => RemoteStatus::Unknown,
    }
}

/// The consent to approve, as a claim of the id token.
pub(super) fn intent_claims(consent: &str) -> String {
    #[derive(Serialize)]
    struct Claims<'a> {
        id_token: IdToken<'a>,
    }
    #[derive(Serialize)]
    struct IdToken<'a> {
        openbanking_intent_id: Intent<'a>,
    }
    #[derive(Serialize)]
    struct Intent<'a> {
        value: &'a str,
        essential: bool,
    }
    let intent = Intent { value: consent, essential: true };
    serde_json::to_string(&Claims { id_token: IdToken { openbanking_intent_id: intent } }).unwrap_or_default()
}

/// Any page: only links and rows are looked at.
#[derive(Deserialize)]
struct List<'a> {
    #[serde(rename = "Data")]
    data: Rows,
    #[serde(rename = "Links", borrow, default)]
    links: Option<Links<'a>>,
}

#[derive(Deserialize)]
struct Rows {
    #[serde(default, alias = "Transaction", alias = "Balance")]
    rows: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct Links<'a> {
    #[serde(rename = "Next", borrow, default)]
    next: Option<Cow<'a, str>>,
}

/// A page of a resource, its link checked.
pub(super) fn page(answer: &Answer, resource: &Url) -> Result<Page, Error> {
    let list: List<'_> = answer.json()?;
    let link = list.links.and_then(|links| links.next);
    Ok(Page {
        rows: list.data.rows.len(),
        next: link.map(|link| pages::follow(resource, &link)).transpose()?,
        interaction_id: interaction_id(answer),
        body: answer.body.clone(),
    })
}

/// What the institution called the exchange, if it looks like an id.
fn interaction_id(answer: &Answer) -> Option<String> {
    let plain = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    answer.header(&INTERACTION_ID).filter(|id| (1..=64).contains(&id.len()) && plain(id)).map(str::to_owned)
}

#[derive(Deserialize)]
struct AccountList<'a> {
    #[serde(rename = "Data", borrow)]
    data: Accounts<'a>,
    #[serde(rename = "Links", borrow, default)]
    links: Option<Links<'a>>,
}

#[derive(Deserialize)]
struct Accounts<'a> {
    #[serde(rename = "Account", borrow, default)]
    accounts: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Account<'a> {
    account_id: String,
    #[serde(default)]
    currency: Option<String>,
    #[serde(borrow, default)]
    account: Vec<Number<'a>>,
}

/// One of the numbers by which an account is known.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Number<'a> {
    #[serde(borrow)]
    scheme_name: Cow<'a, str>,
    #[serde(borrow)]
    identification: Cow<'a, str>,
    #[serde(borrow, default)]
    secondary_identification: Option<Cow<'a, str>>,
}

/// The accounts of a page and the link to the next one.
pub(super) fn accounts(answer: &Answer) -> Result<(Vec<FetchedAccount>, Option<String>), Error> {
    let list: AccountList<'_> = answer.json()?;
    let read = |raw: &&RawValue| {
        let account: Account<'_> =
            serde_json::from_str(raw.get()).map_err(|_| Error::Malformed { what: "an account" })?;
        Ok(FetchedAccount {
            identification: identification(&account),
            source_account_id: account.account_id,
            currency: account.currency,
            raw: answer.body.slice_ref(raw.get().as_bytes()),
            interaction_id: interaction_id(answer),
        })
    };
    let accounts = list.data.accounts.iter().map(read).collect::<Result<_, Error>>()?;
    Ok((accounts, list.links.and_then(|links| links.next).map(Cow::into_owned)))
}

/// The most lasting of the account's numbers, or the bank's own id where it gives none. An account with several
/// currencies counts once for each.
fn identification(account: &Account<'_>) -> SecretString {
    let currency = account.currency.as_deref().unwrap_or_default();
    let best = account.account.iter().map(|number| (lasting(&number.scheme_name), plain(number))).min();
    let number = best.map_or_else(|| format!("AccountId|{}|", account.account_id), |(_, number)| number);
    format!("{number}|{currency}").into()
}

/// Sort code and number outlast an IBAN, which outlasts a card.
fn lasting(scheme: &str) -> u8 {
    match scheme {
        "UK.OBIE.SortCodeAccountNumber" => 0,
        "UK.OBIE.IBAN" => 1,
        "UK.OBIE.PAN" => 3,
        _ => 2,
    }
}

/// Scheme, number and secondary id, without spaces and in capitals.
fn plain(number: &Number<'_>) -> String {
    let text = |text: &str| text.split_whitespace().collect::<String>().to_uppercase();
    let secondary = number.secondary_identification.as_deref().unwrap_or_default();
    format!("{}|{}|{}", number.scheme_name, text(&number.identification), text(secondary))
}
