//! `OBAccount6` to the details of one account.

use events::{AccountStatus, AccountType, Currency, HolderKind};

use super::wire::{Account, Accounts, Envelope};
use super::{BadPage, cleaned, vocabulary, word};
use crate::row::RowFault;

/// The details of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// What kind.
    pub account_type: AccountType,
    /// Who holds it.
    pub holder_kind: HolderKind,
    /// Whether it can be used.
    pub status: AccountStatus,
    /// Its currency.
    pub currency: Currency,
    /// The customer's name for it, else the bank's.
    pub display_name: Option<String>,
    /// All but the last four characters masked.
    pub masked_number: Option<String>,
}

/// Reads the account of that name out of the bank's answer, or out of the one account taken from it.
///
/// # Errors
/// [`BadPage`] when the page cannot be read or does not hold the account; inside, the [`RowFault`] of an account that
/// cannot be taken.
pub fn account(pages: &[&[u8]], source_account_id: &str) -> Result<Result<Details, RowFault>, BadPage> {
    let found = pages.iter().find_map(|page| find(page, source_account_id));
    found.map(details).ok_or(BadPage)
}

fn find<'p>(page: &'p [u8], source_account_id: &str) -> Option<Account<'p>> {
    let rows = match serde_json::from_slice::<Envelope<Accounts<'p>>>(page) {
        Ok(answer) => answer.data.rows,
        Err(_) => vec![serde_json::from_slice(page).ok()?],
    };
    rows.into_iter().find(|row| row.account_id.0.trim() == source_account_id)
}

fn details(row: Account<'_>) -> Result<Details, RowFault> {
    let currency =
        word(row.currency.as_ref()).and_then(|code| code.parse().ok()).ok_or(RowFault::UnknownCurrency)?;
    let number = row.account.as_ref().and_then(|account| account.first()?.identification.as_ref());
    Ok(Details {
        account_type: word(row.account_sub_type.as_ref())
            .map_or(AccountType::Other, vocabulary::account_type),
        holder_kind: vocabulary::holder_kind(word(row.account_type.as_ref())),
        status: vocabulary::account_status(word(row.status.as_ref()), word(row.switch_status.as_ref())),
        currency,
        masked_number: word(number).and_then(masked),
        display_name: cleaned(row.nickname)?
            .map_or_else(|| cleaned(row.description), |name| Ok(Some(name)))?
            .map(Into::into),
    })
}

/// Four characters are for the customer to recognise the account by; a shorter number would be shown whole and is not.
fn masked(number: &str) -> Option<String> {
    let plain: Vec<char> = number.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    let (hidden, shown) = plain.split_at_checked(plain.len().checked_sub(4)?)?;
    (hidden.len() >= 4).then(|| "*".repeat(hidden.len()) + &shown.iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = r#"{"AccountId":"22289","Status":"Enabled","Currency":"GBP","AccountCategory":"Personal",
        "AccountTypeCode":"CACC","Nickname":"Bills","Account":[{"SchemeName":"UK.OBIE.SortCodeAccountNumber",
        "Identification":"80200110203345","Name":"Mr Kevin"}]}"#;

    fn read(page: &str) -> Result<Result<Details, RowFault>, BadPage> {
        account(&[page.as_bytes()], "22289")
    }

    #[test]
    fn the_account_is_found_alone_or_in_the_whole_answer() {
        let alone = read(V4).unwrap().unwrap();
        let whole = read(&format!(r#"{{"Data":{{"Account":[{},{V4}]}}}}"#, V4.replace("22289", "1")))
            .unwrap()
            .unwrap();
        assert_eq!(alone, whole);
        assert_eq!((alone.account_type, alone.holder_kind), (AccountType::Current, HolderKind::Personal));
        assert_eq!(alone.masked_number.as_deref(), Some("**********3345"));
        assert_eq!(alone.display_name.as_deref(), Some("Bills"));
    }

    #[test]
    fn version_3_words_give_the_same_account() {
        let v3 = V4
            .replace("AccountCategory", "AccountType")
            .replace("AccountTypeCode", "AccountSubType")
            .replace("CACC", "CurrentAccount");
        assert_eq!(read(&v3), read(V4));
    }

    #[test]
    fn the_numbers_may_come_as_one_object_instead_of_an_array() {
        let object = V4.replace("[{", "{").replace("}]", "}");
        assert_eq!(read(&object), read(V4));
    }

    #[test]
    fn a_number_too_short_to_hide_is_not_shown() {
        assert_eq!(masked("1234567"), None);
        assert_eq!(masked("GB29 NWBK 60161331926819").as_deref(), Some("******************6819"));
    }

    #[test]
    fn a_switched_account_without_a_currency_is_rejected_and_another_account_is_none() {
        assert_eq!(read(&V4.replace(r#""Currency":"GBP","#, "")), Ok(Err(RowFault::UnknownCurrency)));
        assert_eq!(read(&V4.replace("22289", "1")), Err(BadPage));
        assert_eq!(read("<html>"), Err(BadPage));
    }
}
