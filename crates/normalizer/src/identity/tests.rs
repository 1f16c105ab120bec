use super::*;
use events::Money;
use jiff::ToSpan;
use jiff::civil::date;
use proptest::prelude::*;

fn account(text: &str) -> AccountKey {
    let owner = ("bank".parse().unwrap(), "user".parse().unwrap());
    AccountKey::derive(b"secret", (&owner.0, &owner.1), &"sandbox".parse().unwrap(), text)
}

fn day(n: i32) -> Date {
    date(2026, 4, 1) + n.days()
}

fn days(from: i32, to: i32) -> Option<Span> {
    Some(Span { from: day(from), to: day(to) })
}

/// A booked row without an id.
fn row(n: i32, amount: &str, text: &'static str) -> Row<'static> {
    Row {
        status: TransactionStatus::Booked,
        mutable: false,
        money: Money::parse(amount, "GBP").unwrap(),
        booking_date: day(n),
        value_date: None,
        booked_at: None,
        description: text.into(),
        source_id: None,
        reference: None,
        counterparty: None,
        merchant_name: None,
        mcc: None,
        bank_code: None,
        proprietary_code: None,
        purpose_code: None,
        foreign_exchange: None,
        balance_after: None,
    }
}

fn with_id(id: &'static str, row: Row<'static>) -> Row<'static> {
    Row { source_id: Some(id.into()), ..row }
}

fn pending(row: Row<'static>) -> Row<'static> {
    Row { status: TransactionStatus::Pending, mutable: true, ..row }
}

/// What the store knows after `identified` has landed over what was known before.
fn landed(before: Vec<Known>, identified: &Identified<'_>) -> Vec<Known> {
    let now = identified.rows.iter().map(|(id, row)| Known {
        transaction_id: *id,
        source_id: row.source_id.as_deref().map(str::to_owned),
        status: row.status,
        booking_date: Some(row.booking_date),
        amount: row.money.amount(),
        currency: row.money.currency(),
    });
    let gone = identified
        .vanished
        .iter()
        .map(|known| Known { status: TransactionStatus::Retracted, ..known.clone() });
    let mut known: std::collections::BTreeMap<_, _> =
        before.into_iter().map(|known| (known.transaction_id, known)).collect();
    known.extend(now.chain(gone).map(|known| (known.transaction_id, known)));
    known.into_values().collect()
}

fn fetch(span: Option<Span>, rows: &[Row<'static>], known: &[Known]) -> Identified<'static> {
    identify(account("GB1"), span, rows.to_vec(), known)
}

fn ids(identified: &Identified<'_>) -> Vec<TransactionId> {
    identified.rows.iter().map(|(id, _)| *id).collect()
}

/// Fetches `first`, lands it, fetches `second`: the ids of both.
fn twice(first: &[Row<'static>], second: &[Row<'static>]) -> (Vec<TransactionId>, Vec<TransactionId>) {
    let one = fetch(days(0, 30), first, &[]);
    let known = landed(vec![], &one);
    let two = fetch(days(0, 30), second, &known);
    let again = fetch(days(0, 30), second, &landed(known, &two));
    assert_eq!(ids(&two), ids(&again), "a replay after landing must give the same ids");
    (ids(&one), ids(&two))
}

#[test]
fn a_blank_or_placeholder_id_is_no_id() {
    for id in ["0", "NONREF", "NotProvided", "2026-04-01.3", "2026-04-01-12"] {
        let rows = [with_id(id, row(0, "-1.00", "A")), with_id(id, row(1, "-2.00", "B"))];
        let identified = fetch(days(0, 30), &rows, &[]);
        assert_eq!(identified.rows.len(), 2);
        assert!(identified.rows.iter().all(|(_, row)| row.source_id.is_none()), "{id}");
    }
}

#[test]
fn an_id_used_by_two_rows_is_nobodys_and_no_row_is_swallowed() {
    let rows = [with_id("9998", row(0, "-1.00", "A")), with_id("9998", row(3, "-2.00", "B"))];
    let identified = fetch(days(0, 30), &rows, &[]);
    assert_eq!(identified.rows.len(), 2);
    assert!(identified.rows.iter().all(|(_, row)| row.source_id.is_none()));
}

#[test]
fn an_id_that_comes_back_with_other_money_is_another_transaction() {
    let first = [with_id("9998", row(0, "-1.00", "A"))];
    let (one, two) = twice(&first, &[with_id("9998", row(5, "-2.00", "B"))]);
    assert_ne!(one, two);
    let (one, two) = twice(&first, &[first[0].clone(), with_id("9998", row(5, "-2.00", "B"))]);
    assert_eq!(two[0], one[0]);
    assert_ne!(two[1], one[0]);
}

#[test]
fn a_row_on_two_pages_counts_once() {
    let drifted = with_id("t-1", row(0, "-1.00", "A"));
    assert_eq!(fetch(days(0, 30), &[drifted.clone(), drifted], &[]).rows.len(), 1);
}

#[test]
fn a_row_booked_while_the_pages_were_read_counts_once_and_as_booked() {
    let booked = with_id("t-1", row(1, "-1.00", "A"));
    let before = with_id("t-1", pending(row(0, "-1.00", "A")));
    for rows in [[booked.clone(), before.clone()], [before, booked]] {
        let identified = fetch(days(0, 30), &rows, &[]);
        assert_eq!(identified.rows.len(), 1);
        assert_eq!(identified.rows[0].1.status, TransactionStatus::Booked);
    }
}

#[test]
fn equal_rows_of_one_day_stay_as_many_as_they_are() {
    let coffee = row(0, "-3.00", "COFFEE");
    let (one, two) = twice(&[coffee.clone(), coffee.clone()], &[coffee.clone(), coffee.clone(), coffee]);
    assert_ne!(one[0], one[1]);
    assert_eq!(two[..2], one);
    assert!(!one.contains(&two[2]));
}

#[test]
fn the_same_row_of_another_account_is_another_transaction() {
    let rows = || vec![with_id("t-1", row(0, "-1.00", "A"))];
    let mine = identify(account("GB1"), days(0, 30), rows(), &[]);
    assert_ne!(ids(&mine), ids(&identify(account("GB2"), days(0, 30), rows(), &[])));
}

#[test]
fn pending_to_booked_keeps_the_id_when_the_day_and_the_amount_moved() {
    let (one, two) = twice(
        &[with_id("t-1", pending(row(0, "-1.00", "FUEL")))],
        &[with_id("t-1", row(3, "-61.20", "FUEL"))],
    );
    assert_eq!(one, two);
}

#[test]
fn pending_to_booked_keeps_the_id_when_the_banks_id_changes() {
    let (one, two) = twice(
        &[with_id("p-1", pending(row(0, "-7.00", "LUNCH")))],
        &[with_id("b-9", row(2, "-7.00", "LUNCH LTD"))],
    );
    assert_eq!(one, two);
}

#[test]
fn pending_with_the_latest_possible_date_is_found_again_when_booked_earlier() {
    let (one, two) = twice(&[pending(row(9, "-7.00", "LUNCH"))], &[row(2, "-7.00", "LUNCH LONDON")]);
    assert_eq!(one, two);
}

#[test]
fn a_pending_row_that_is_still_shown_is_not_taken_for_the_booked_one_beside_it() {
    let shown = with_id("p-1", pending(row(0, "-3.00", "COFFEE")));
    let (one, two) =
        twice(std::slice::from_ref(&shown), &[with_id("b-1", row(1, "-3.00", "COFFEE")), shown.clone()]);
    assert_eq!(two[1], one[0]);
    assert_ne!(two[0], one[0]);
}

#[test]
fn a_pending_row_of_another_window_is_not_taken() {
    let known = landed(vec![], &fetch(days(0, 5), &[pending(row(5, "-3.00", "COFFEE"))], &[]));
    let next = fetch(days(6, 10), &[row(7, "-3.00", "COFFEE")], &known);
    assert_ne!(ids(&next)[0], known[0].transaction_id);
    assert!(next.vanished.is_empty());
}

#[test]
fn ids_reissued_and_texts_rewritten_days_later_change_nothing() {
    let first = [with_id("a", row(0, "-1.00", "KIWI 123")), with_id("b", row(0, "-2.00", "REMA"))];
    let second = [with_id("x", row(0, "-1.00", "Kiwi")), with_id("y", row(0, "-2.00", "Rema 1000"))];
    let (one, two) = twice(&first, &second);
    assert_eq!(one, two);
}

#[test]
fn an_id_absent_on_one_day_and_positional_on_the_next_changes_nothing() {
    let plain = row(0, "-1.00", "A");
    let (one, two) = twice(std::slice::from_ref(&plain), &[with_id("2026-04-01.1", plain.clone())]);
    assert_eq!(one, two);
}

#[test]
fn an_id_that_arrives_late_changes_nothing() {
    let plain = row(0, "-1.00", "A");
    let (one, two) = twice(std::slice::from_ref(&plain), &[with_id("t-1", plain.clone())]);
    assert_eq!(one, two);
    // With an equal neighbour, one of both is the old one.
    let (one, two) = twice(std::slice::from_ref(&plain), &[with_id("t-1", plain.clone()), plain.clone()]);
    assert!(two.contains(&one[0]) && two[0] != two[1]);
}

#[test]
fn a_pending_row_that_is_gone_is_retracted_and_a_booked_one_is_not() {
    let known = landed(
        vec![],
        &fetch(days(0, 30), &[pending(row(1, "-9.00", "HOTEL")), row(2, "-5.00", "TAXI")], &[]),
    );
    let next = fetch(days(0, 30), &[], &known);
    assert_eq!(next.vanished.len(), 1);
    assert_eq!(next.vanished[0].status, TransactionStatus::Pending);
    assert!(fetch(None, &[], &known).vanished.is_empty(), "an incomplete window says nothing of absence");
}

fn any_row() -> impl Strategy<Value = Row<'static>> {
    let id = prop::option::of(prop::sample::select(vec!["a", "b", "c", "d", "e", "0", "2026-04-01.1"]));
    let text = prop::sample::select(vec!["COFFEE", "TESCO  1", "tesco 1"]);
    (0..6i32, prop::sample::select(vec!["-3.00", "-4.00", "5.00"]), text, id, prop::bool::weighted(0.2))
        .prop_map(|(n, amount, text, id, is_pending)| {
            let row = row(n, amount, text);
            let row = if is_pending { pending(row) } else { row };
            Row { source_id: id.map(Into::into), ..row }
        })
}

fn sorted(identified: &Identified<'_>) -> Vec<TransactionId> {
    let mut ids = ids(identified);
    ids.sort_unstable();
    ids
}

proptest! {
    #[test]
    fn the_same_pages_twice_give_the_same_ids(rows in prop::collection::vec(any_row(), 0..14)) {
        let first = fetch(days(0, 5), &rows, &[]);
        let mut distinct = sorted(&first);
        distinct.dedup();
        prop_assert_eq!(distinct.len(), first.rows.len(), "no id twice");
        prop_assert_eq!(&fetch(days(0, 5), &rows, &[]), &first);
        let again = fetch(days(0, 5), &rows, &landed(vec![], &first));
        prop_assert_eq!(ids(&again), ids(&first));
        prop_assert!(again.vanished.is_empty());
    }

    #[test]
    fn two_overlapping_fetches_give_the_ids_of_one(
        rows in prop::collection::vec(any_row(), 0..14), to in 0..6i32, from in 0..6i32,
    ) {
        // Ids that come twice are trusted or not depending on what is seen together; here every id comes once.
        let rows = source_ids::judged(rows);
        let part = |from: i32, to: i32| -> Vec<_> {
            rows.iter().filter(|row| (day(from)..=day(to)).contains(&row.booking_date)).cloned().collect()
        };
        let from = from.min(to);
        let whole = fetch(days(0, 5), &rows, &[]);
        let early = fetch(days(0, to), &part(0, to), &[]);
        let known = landed(vec![], &early);
        let late = fetch(days(from, 5), &part(from, 5), &known);
        let after = landed(known, &late);
        let stored: Vec<_> = after.iter().map(|known| known.transaction_id).collect();
        prop_assert_eq!(stored, sorted(&whole));
    }
}
