use super::*;
use jiff::civil::date;
use proptest::prelude::*;
use rust_decimal::Decimal;

/// A debit of 4.50 GBP on 1 April 2026 with `more` members in place of the default ones of the same name.
fn transaction(more: &[(&str, serde_json::Value)]) -> serde_json::Value {
    let mut row = serde_json::json!({
        "AccountId": "22289", "TransactionId": "t-1", "CreditDebitIndicator": "Debit", "Status": "BOOK",
        "BookingDateTime": "2026-04-01T00:00:00+00:00", "TransactionInformation": "TESCO STORES 3297",
        "Amount": {"Amount": "4.50", "Currency": "GBP"},
    });
    for (name, value) in more {
        row[*name] = value.clone();
    }
    row
}

fn page(rows: &[serde_json::Value]) -> String {
    serde_json::json!({"Data": {"Transaction": rows}, "Links": {"Self": "x"}, "Meta": {"TotalPages": 1}})
        .to_string()
}

fn one(more: &[(&str, serde_json::Value)]) -> Result<(Decimal, Row<'static>), RowFault> {
    let page: &'static str = page(&[transaction(more)]).leak();
    let (mut rows, rejected) = transactions(&[page.as_bytes()]).unwrap();
    match rejected.first() {
        Some(rejected) => Err(rejected.fault),
        None => rows.pop().map(|row| (row.money.amount(), row)).ok_or(RowFault::Shape),
    }
}

fn field(name: &'static str, value: impl Into<serde_json::Value>) -> [(&'static str, serde_json::Value); 1] {
    [(name, value.into())]
}

fn amount(text: impl Into<serde_json::Value>) -> [(&'static str, serde_json::Value); 1] {
    [("Amount", serde_json::json!({"Amount": text.into(), "Currency": "GBP"}))]
}

#[test]
fn the_direction_gives_the_sign() {
    assert_eq!(one(&[]).unwrap().0.to_string(), "-4.50");
    assert_eq!(one(&field("CreditDebitIndicator", "Credit")).unwrap().0.to_string(), "4.50");
    assert_eq!(one(&field("CreditDebitIndicator", "Both")).unwrap_err(), RowFault::UnknownDirection);
}

#[test]
fn a_sign_beside_the_direction_is_rejected_and_never_guessed() {
    assert_eq!(one(&amount("-4.50")).unwrap_err(), RowFault::NegativeAmount);
}

#[test]
fn amounts_come_as_text_or_number_with_zeros_too_many_and_stay_exact() {
    assert_eq!(one(&amount("4.5000")).unwrap().0.to_string(), "-4.50");
    let page = page(&[transaction(&[])]).replace(r#""4.50""#, "90071992547409.93");
    let (rows, _) = transactions(&[page.as_bytes()]).unwrap();
    assert_eq!(rows[0].money.amount().to_string(), "-90071992547409.93");
    for text in ["", "4,50", "1e2", "NaN", "0.0000001"] {
        assert!(one(&amount(text)).is_err(), "{text}");
    }
}

#[test]
fn no_money_moved_is_no_negative_zero() {
    assert!(!one(&amount("0.00")).unwrap().0.is_sign_negative());
}

#[test]
fn a_currency_that_does_not_exist_is_rejected() {
    let fault = one(&[("Amount", serde_json::json!({"Amount": "1.00", "Currency": "ZZZ"}))]).unwrap_err();
    assert_eq!(fault, RowFault::UnknownCurrency);
}

#[test]
fn a_bad_row_leaves_its_neighbours_alone() {
    let bad = transaction(&field("BookingDateTime", "2026-02-30T00:00:00Z"));
    let wrong_shape = transaction(&field("MerchantDetails", "TESCO"));
    let page = page(&[transaction(&[]), bad, wrong_shape, transaction(&field("TransactionId", "t-2"))]);
    let (rows, rejected) = transactions(&[page.as_bytes()]).unwrap();
    assert_eq!(rows.len(), 2);
    let faults: Vec<_> = rejected.iter().map(|rejected| (rejected.index, rejected.fault)).collect();
    assert_eq!(faults, [(1, RowFault::BadDate), (2, RowFault::Shape)]);
}

#[test]
fn a_torn_page_takes_the_window_with_it() {
    let whole = page(&[transaction(&[])]);
    let torn = &whole.as_bytes()[..whole.len() - 30];
    assert_eq!(transactions(&[whole.as_bytes(), torn]), Err(BadPage));
    assert_eq!(transactions(&[b""]), Err(BadPage));
    assert_eq!(transactions(&[br#"{"Code":"400"}"#]), Err(BadPage));
}

#[test]
fn a_page_without_rows_is_a_page() {
    assert_eq!(transactions(&[page(&[]).as_bytes(), br#"{"Data":{}}"#]), Ok((vec![], vec![])));
}

#[test]
fn a_booking_date_is_the_banks_text_and_its_time_only_taken_when_real() {
    let (_, row) = one(&field("BookingDateTime", "2026-04-01T00:30:00+01:00")).unwrap();
    assert_eq!(row.booking_date, date(2026, 4, 1));
    assert_eq!(row.booked_at, Some("2026-03-31T23:30:00Z".parse().unwrap()));
    assert_eq!(one(&[]).unwrap().1.booked_at, None);
}

#[test]
fn both_versions_words_give_the_same_row() {
    let code = |family: &str, sub: &str| serde_json::json!({"Code": family, "SubCode": sub});
    let new = one(&[("BankTransactionCode", code("RCDT", "DMCT"))]).unwrap();
    let old = one(&[
        ("Status", "Booked".into()),
        ("BankTransactionCode", code("ReceivedCreditTransfer", "DomesticCreditTransfer")),
    ]);
    assert_eq!(old.unwrap(), new);
    assert_eq!(new.1.bank_code.as_deref(), Some("-RCDT-DMCT"));
    assert_eq!(one(&field("Status", "POSTED")).unwrap_err(), RowFault::UnknownStatus);
}

#[test]
fn posted_before_final_is_marked_as_mutable() {
    assert!(!one(&[]).unwrap().1.mutable);
    assert!(one(&field("TransactionMutability", "Mutable")).unwrap().1.mutable);
    assert!(one(&field("Status", "PDNG")).unwrap().1.mutable);
}

#[test]
fn a_merchant_code_that_lost_its_zero_is_padded_and_nonsense_is_dropped() {
    let mcc = |code: &str| {
        let details = serde_json::json!({"MerchantName": "Kiosk", "MerchantCategoryCode": code});
        one(&field("MerchantDetails", details)).unwrap().1.mcc.map(Cow::into_owned)
    };
    assert_eq!(mcc("742").as_deref(), Some("0742"));
    assert_eq!(mcc("5411").as_deref(), Some("5411"));
    assert_eq!((mcc("54"), mcc("54A1")), (None, None));
}

#[test]
fn the_counterparty_is_the_side_that_is_not_the_holder() {
    let sides = |direction: &str| {
        one(&[
            ("CreditDebitIndicator", direction.into()),
            ("CreditorAccount", serde_json::json!({"Name": "Shop", "Identification": "11111111111111"})),
            ("DebtorAccount", serde_json::json!({"Name": "Employer", "Identification": "22222222222222"})),
        ])
        .unwrap()
        .1
        .counterparty
        .and_then(|party| party.name)
    };
    assert_eq!(sides("Debit").as_deref(), Some("Shop"));
    assert_eq!(sides("Credit").as_deref(), Some("Employer"));
}

#[test]
fn a_purchase_abroad_keeps_its_own_money_and_the_rate_as_written() {
    let exchange = serde_json::json!({"SourceCurrency": "EUR", "InstructedAmount": {"Amount": "10.00", "Currency": "EUR"}});
    let page = page(&[transaction(&field("CurrencyExchange", exchange))])
        .replace(r#""SourceCurrency""#, r#""ExchangeRate":0.8700000001,"SourceCurrency""#);
    let (rows, _) = transactions(&[page.as_bytes()]).unwrap();
    let exchange = rows[0].foreign_exchange.as_ref().unwrap();
    assert_eq!(
        (exchange.amount.to_string(), exchange.rate.as_deref()),
        ("10.00".to_owned(), Some("0.8700000001"))
    );
}

#[test]
fn a_running_balance_is_signed_and_an_unreadable_one_left_out() {
    let balance = |direction: &str, text: &str| {
        let balance = serde_json::json!({"CreditDebitIndicator": direction, "Type": "ITBD",
            "Amount": {"Amount": text, "Currency": "GBP"}});
        one(&field("Balance", balance)).unwrap().1.balance_after.map(|amount| amount.to_string())
    };
    assert_eq!(balance("Debit", "12.00").as_deref(), Some("-12.00"));
    assert_eq!(balance("Credit", "lots"), None);
}

#[test]
fn text_is_kept_raw_but_for_what_could_deceive() {
    let (_, row) = one(&field("TransactionInformation", " CARD 5021\u{202e} \u{7}TESCO  EXTRA ")).unwrap();
    assert_eq!(row.description, "CARD 5021  TESCO  EXTRA");
}

#[test]
fn an_id_written_as_a_number_is_the_same_id() {
    assert_eq!(one(&field("TransactionId", 4711)).unwrap().1.source_id.as_deref(), Some("4711"));
}

proptest! {
    #[test]
    fn an_amount_survives_as_text_and_as_number(units in 0i64..1_000_000_000_000_000_000, scale in 0u32..=5) {
        let written = Decimal::new(units, scale);
        let rows = page(&[transaction(&amount(written.to_string()))]);
        let numbers = rows.replace(&format!("\"{written}\""), &written.to_string());
        for page in [&rows, &numbers] {
            let (read, rejected) = transactions(&[page.as_bytes()]).unwrap();
            match read.first() {
                Some(row) => prop_assert_eq!(row.money.amount(), -written),
                None => prop_assert_eq!(rejected[0].fault, RowFault::BadAmount),
            }
        }
    }

    #[test]
    fn no_bytes_whatever_bring_the_reader_down(bytes: Vec<u8>, text in "\\PC*") {
        prop_assert_eq!(transactions(&[&bytes]).is_ok(), false);
        let row = format!(r#"{{"Data":{{"Transaction":[{text}]}}}}"#);
        drop(transactions(&[row.as_bytes()]));
    }
}
