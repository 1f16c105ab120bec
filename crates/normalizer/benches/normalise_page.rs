//! CPU of one page of 100 transactions from JSON to Avro, new and seen before.
#![expect(clippy::unwrap_used, reason = "a benchmark whose fixture is wrong may end")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use events::{AccountKey, RawKind, RawWindow};
use jiff::civil::date;
use normalizer::identity::{Span, identify};
use normalizer::{records, uk};
use store::Known;
use uuid::Uuid;

const ROWS: usize = 100;

fn page() -> String {
    let rows: Vec<String> = (0..ROWS)
        .map(|n| {
            format!(
                r#"{{"AccountId":"22289","TransactionId":"f2a3c1d0-{n:08}","TransactionReference":"FP{n:010}",
                "CreditDebitIndicator":"Debit","Status":"BOOK","TransactionMutability":"Immutable",
                "BookingDateTime":"2026-04-{day:02}T08:13:{second:02}+00:00","ValueDateTime":"2026-04-{day:02}T00:00:00+00:00",
                "TransactionInformation":"CARD 5021 TESCO STORES {n} LONDON GB","Amount":{{"Amount":"{n}.45","Currency":"GBP"}},
                "BankTransactionCode":{{"Code":"CCRD","SubCode":"POSD"}},
                "ProprietaryBankTransactionCode":{{"Code":"DEB","Issuer":"Sandbox"}},
                "Balance":{{"CreditDebitIndicator":"Credit","Type":"ITBD","Amount":{{"Amount":"{n}230.00","Currency":"GBP"}}}},
                "MerchantDetails":{{"MerchantName":"Tesco","MerchantCategoryCode":"5411"}},
                "CreditorAccount":{{"SchemeName":"UK.OBIE.SortCodeAccountNumber","Identification":"80200112344562","Name":"Tesco Stores Ltd"}}}}"#,
                day = n % 28 + 1,
                second = n % 60,
            )
        })
        .collect();
    format!(
        r#"{{"Data":{{"Transaction":[{}]}},"Links":{{"Self":"https://b/x"}},"Meta":{{"TotalPages":1}}}}"#,
        rows.join(",")
    )
}

fn window() -> RawWindow {
    let id = |n| Uuid::from_u128(n);
    RawWindow {
        window_id: events::WindowId::from_uuid(id(1)),
        job_id: events::JobId::from_uuid(id(2)),
        attempt: 1,
        kind: RawKind::Transactions,
        standard: "uk-ob-4.0".to_owned(),
        consent_id: events::ConsentId::from_uuid(id(3)),
        epoch: 0,
        tenant_id: "bank".parse().unwrap(),
        user_id: "user".parse().unwrap(),
        institution_id: "sandbox-uk".parse().unwrap(),
        account_key: AccountKey::from_uuid(id(4)),
        source_account_id: "22289".to_owned(),
        from: Some(date(2026, 4, 1)),
        to: Some(date(2026, 4, 30)),
        complete: true,
        fetched_at: "2026-05-01T00:00:00Z".parse().unwrap(),
        interaction_id: None,
        payload: Vec::new(),
    }
}

/// Everything between the opened page and the messages.
fn normalise(window: &RawWindow, page: &str, known: &[Known]) -> usize {
    let (rows, _) = uk::transactions(&[page.as_bytes()]).unwrap();
    let span = window.from.zip(window.to).map(|(from, to)| Span { from, to });
    records::transactions(window, identify(window.account_key, span, rows, known)).unwrap().len()
}

fn known(window: &RawWindow, page: &str) -> Vec<Known> {
    let (rows, _) = uk::transactions(&[page.as_bytes()]).unwrap();
    identify(window.account_key, None, rows, &[])
        .rows
        .into_iter()
        .map(|(transaction_id, row)| Known {
            transaction_id,
            source_id: row.source_id.map(Into::into),
            status: row.status,
            booking_date: Some(row.booking_date),
            amount: row.money.amount(),
            currency: row.money.currency(),
        })
        .collect()
}

fn benches(criterion: &mut Criterion) {
    let (window, page) = (window(), page());
    let known = known(&window, &page);
    let mut group = criterion.benchmark_group("normalise_page");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("parse", |b| b.iter(|| uk::transactions(&[page.as_bytes()]).unwrap().0.len()));
    group.bench_function("new", |b| b.iter(|| normalise(&window, &page, &[])));
    group.bench_function("seen", |b| b.iter(|| normalise(&window, &page, &known)));
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
