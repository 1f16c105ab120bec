//! `OBReadBalance1` to the balances of one account.

use events::Balance;
use jiff::Timestamp;

use super::wire::{self, Balances};
use super::{BadPage, each, signed, vocabulary, word};
use crate::dates;
use crate::row::{Rejected, RowFault};

/// The balances of one account, and those that cannot be taken. `source_account_id` leaves out what a bulk answer holds
/// of other accounts; `fetched_at` stands in where the bank gives no instant.
///
/// # Errors
/// [`BadPage`] when a page cannot be read.
pub fn balances(
    pages: &[&[u8]],
    source_account_id: &str,
    fetched_at: Timestamp,
) -> Result<(Vec<Balance>, Vec<Rejected>), BadPage> {
    let (mut taken, mut rejected) = (Vec::new(), Vec::new());
    for page in pages {
        let read = each(page, |all: Balances<wire::Balance<'_>>| all.rows, |raw: Balances<_>| raw.rows)?;
        for (index, row) in read.into_iter().enumerate() {
            match row.and_then(|row| balance(&row, source_account_id, fetched_at)) {
                Ok(balance) => taken.extend(balance),
                Err(fault) => rejected.push(Rejected { index, fault }),
            }
        }
    }
    Ok((taken, rejected))
}

fn balance(
    row: &wire::Balance<'_>,
    source_account_id: &str,
    fetched_at: Timestamp,
) -> Result<Option<Balance>, RowFault> {
    if word(row.account_id.as_ref()).is_some_and(|id| id != source_account_id) {
        return Ok(None);
    }
    let money = signed(row.amount.as_ref(), row.credit_debit_indicator.as_ref())?;
    let lines = row.credit_line.as_deref().unwrap_or_default();
    Ok(Some(Balance {
        kind: vocabulary::balance_kind(word(row.kind.as_ref()).unwrap_or_default()),
        amount: money.amount(),
        currency: money.currency(),
        as_of: word(row.date_time.as_ref()).and_then(dates::as_of).unwrap_or(fetched_at),
        includes_credit_line: lines.iter().any(|line| line.included),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::BalanceKind;

    fn read(page: &str) -> (Vec<Balance>, Vec<Rejected>) {
        balances(&[page.as_bytes()], "22289", "2026-04-05T10:00:00Z".parse().unwrap()).unwrap()
    }

    fn row(more: &str) -> String {
        format!(
            r#"{{"Data":{{"Balance":[{{"AccountId":"22289","Type":"ITBD","DateTime":"2026-04-05T10:43:07+01:00",{more}}}]}}}}"#
        )
    }

    #[test]
    fn an_overdrawn_account_has_a_negative_balance() {
        let page = row(
            r#""CreditDebitIndicator":"Debit","Amount":{"Amount":"12.5000","Currency":"GBP"},"CreditLine":[{"Included":true}]"#,
        );
        let (balances, rejected) = read(&page);
        assert!(rejected.is_empty());
        assert_eq!(balances[0].amount.to_string(), "-12.50");
        assert_eq!((balances[0].kind, balances[0].includes_credit_line), (BalanceKind::Booked, true));
        assert_eq!(balances[0].as_of.to_string(), "2026-04-05T09:43:07Z");
    }

    #[test]
    fn balances_of_other_accounts_in_a_bulk_answer_are_left_out() {
        let page = row(r#""CreditDebitIndicator":"Credit","Amount":{"Amount":"1","Currency":"GBP"}"#)
            .replace("\"22289\"", "\"31820\"");
        assert_eq!(read(&page), (vec![], vec![]));
    }

    #[test]
    fn a_balance_with_a_sign_beside_its_direction_is_rejected() {
        let page = row(r#""CreditDebitIndicator":"Debit","Amount":{"Amount":"-1","Currency":"GBP"}"#);
        assert_eq!(read(&page).1, [Rejected { index: 0, fault: RowFault::NegativeAmount }]);
    }
}
