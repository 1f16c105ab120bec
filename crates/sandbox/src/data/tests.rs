use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::ToSpan;
use rust_decimal::Decimal;

use super::*;

const TODAY: Date = date(2026, 3, 18);
/// One customer of each persona.
static PEOPLE: LazyLock<Vec<Customer>> = LazyLock::new(|| everybody(TODAY));

fn everybody(today: Date) -> Vec<Customer> {
    let catalogue = Catalogue::load().unwrap();
    (0..6).map(|index| customer(&catalogue, 7, index, history_start(today), today).unwrap()).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let all = |seed| pages(seed, 2).collect::<Vec<_>>();
    assert!(all(7).len() > 20);
    assert_eq!(all(7), all(7));
    assert_ne!(all(7), all(8));
}

#[test]
fn a_later_day_adds_rows_and_books_pending_ones_and_changes_nothing_else() {
    let tomorrow = TODAY.saturating_add(20.days());
    for (before, after) in PEOPLE.iter().zip(everybody(tomorrow)) {
        for (before, after) in before.accounts.iter().zip(after.accounts) {
            let later: BTreeMap<_, _> = after.rows.iter().map(|row| (row.id, row)).collect();
            let since = history_start(tomorrow);
            for row in before.rows.iter().filter(|row| row.booked >= since) {
                let same = later[&row.id];
                assert_eq!(
                    (row.amount, &row.description, row.booked),
                    (same.amount, &same.description, same.booked)
                );
                assert!(!row.is_booked(TODAY) || row.balance == same.balance);
            }
        }
    }
}

#[test]
fn running_balances_add_up_exactly() {
    for account in PEOPLE.iter().flat_map(|customer| &customer.accounts) {
        let mut balance = account.opening;
        for row in &account.rows {
            balance += row.amount;
            assert_eq!(row.balance, balance);
        }
        assert_eq!(account.balance(), balance);
    }
}

#[test]
fn every_transfer_between_own_accounts_has_both_legs() {
    for customer in PEOPLE.iter() {
        let own: Vec<_> = customer
            .accounts
            .iter()
            .flat_map(|account| &account.rows)
            .filter(|row| matches!(row.kind, Kind::OwnOut | Kind::OwnIn))
            .collect();
        assert!(!own.is_empty());
        assert_eq!(own.iter().map(|row| row.amount).sum::<Decimal>(), Decimal::ZERO);
    }
}

#[test]
fn a_customer_makes_between_sixty_and_a_hundred_and_twenty_transactions_a_month() {
    for customer in PEOPLE.iter() {
        let rows: usize = customer.accounts.iter().map(|account| account.rows.len()).sum();
        assert!((60..=120).contains(&(rows / 24)), "{}: {} a month", customer.persona, rows / 24);
    }
}

#[test]
fn nobody_drifts_into_riches_or_ruin() {
    for account in PEOPLE.iter().flat_map(|customer| &customer.accounts) {
        let lowest = account.rows.iter().map(|row| row.balance).min().unwrap();
        assert!(
            lowest > Decimal::from(-2500),
            "{} of {} falls to {lowest}",
            account.nickname,
            account.holder
        );
        assert!(account.balance() < Decimal::from(90_000), "{}", account.nickname);
    }
}

#[test]
fn every_label_is_a_leaf_of_the_taxonomy_and_many_leaves_occur() {
    let taxonomy: BTreeSet<String> = include_str!("../../../categorizer/knowledge/taxonomy.csv")
        .lines()
        .map(|line| line.splitn(3, ',').take(2).collect::<Vec<_>>().join("."))
        .collect();
    let rows = PEOPLE.iter().flat_map(|customer| &customer.accounts).flat_map(|account| &account.rows);
    let labels: BTreeSet<&String> = rows.map(|row| &row.category).collect();
    assert!(labels.iter().all(|label| taxonomy.contains(*label)), "{labels:?}");
    assert!(labels.len() > 60, "only {}", labels.len());
}

#[test]
fn the_odd_kinds_of_rows_all_occur() {
    let people = &*PEOPLE;
    let rows: Vec<&Row> =
        people.iter().flat_map(|customer| &customer.accounts).flat_map(|account| &account.rows).collect();
    assert!(rows.iter().any(|row| row.exchange.is_some()));
    assert!(rows.iter().any(|row| !row.is_booked(TODAY)));
    assert!(rows.iter().any(|row| row.mcc.is_some()) && rows.iter().any(|row| row.mcc.is_none()));
    for kind in [Kind::Cash, Kind::CardRefund, Kind::Fee, Kind::Cheque, Kind::Interest, Kind::StandingOrder] {
        assert!(rows.iter().any(|row| row.kind == kind), "{kind:?}");
    }
    assert!(rows.iter().all(|row| !row.description.contains('{') && !row.amount.is_zero()));
    assert!(people.iter().any(|customer| !customer.pending_ids));
    assert!(people.iter().flat_map(|customer| &customer.accounts).any(|account| account.currency == "EUR"));
}
