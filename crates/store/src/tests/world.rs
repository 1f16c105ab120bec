//! One customer's consents, accounts and records, with an obvious valid default for everything.

use events::{
    Account, AccountKey, AccountStatus, AccountType, Balance, BalanceKind, BalanceSnapshot, Basket, Consent,
    ConsentEvent, ConsentId, EnrichedTransaction, Enrichment, Evidence, Flags, HolderKind, JobId,
    NormalizedTransaction, Outbound, Provenance, TenantId, Topic, TransactionId, TransactionStatus, UserId,
    WindowId,
};
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::{ConsentRecord, ConsentStatus, Landed, LinkedAccount, Progress, Store, StoreError, Transition};

pub(super) const DAY: Date = date(2026, 3, 1);

pub(super) fn now() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

pub(super) fn in_hours(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}

pub(super) fn tenant() -> TenantId {
    "bank".parse().unwrap()
}

pub(super) fn user() -> UserId {
    "customer".parse().unwrap()
}

pub(super) fn account(n: u8) -> AccountKey {
    AccountKey::derive(b"s", (&tenant(), &user()), &"sandbox".parse().unwrap(), &format!("GB{n}"))
}

pub(super) fn consent() -> Consent {
    Consent {
        consent_id: ConsentId::new(now()),
        epoch: 1,
        tenant_id: tenant(),
        user_id: user(),
        institution_id: "sandbox".parse().unwrap(),
        baskets: vec![Basket::Accounts, Basket::Balances, Basket::Transactions].into(),
        expires_at: in_hours(24 * 90),
        history_from: None,
    }
}

pub(super) fn to(to: ConsentStatus) -> Transition<'static> {
    Transition { to, actor: "user", reason: None, now: now(), trace: None }
}

/// A consent that was approved and covers these accounts.
pub(super) async fn active(store: &Store, terms: &Consent, accounts: &[AccountKey]) -> Consent {
    store.consents().create(terms, "user", now(), None).await.unwrap();
    let record = store.consents().transition(terms.consent_id, &to(ConsentStatus::Active)).await.unwrap();
    let linked: Vec<_> = accounts
        .iter()
        .map(|account| LinkedAccount {
            account_key: *account,
            source_account_id: "source".to_owned(),
            currency: "GBP".parse().unwrap(),
        })
        .collect();
    store.accounts().link(terms.consent_id, &linked, now()).await.unwrap();
    record.consent
}

pub(super) async fn moved(store: &Store, consent: &Consent, status: ConsentStatus) -> ConsentRecord {
    store.consents().transition(consent.consent_id, &to(status)).await.unwrap()
}

pub(super) fn provenance(consent: &Consent, account: AccountKey) -> Provenance {
    let job_id = JobId::from_uuid(consent.consent_id.uuid());
    Provenance {
        tenant_id: consent.tenant_id.clone(),
        user_id: consent.user_id.clone(),
        institution_id: consent.institution_id.clone(),
        consent_id: consent.consent_id,
        epoch: consent.epoch,
        job_id,
        window_id: WindowId::derive(job_id, account, "transactions", Some(DAY)),
        attempt: 1,
        sequence: 0,
        length: 1,
        fetched_at: now(),
    }
}

pub(super) fn transaction(consent: &Consent, account: AccountKey, n: u32) -> EnrichedTransaction {
    EnrichedTransaction {
        transaction: NormalizedTransaction {
            transaction_id: TransactionId::mint(account, DAY, &n.to_be_bytes()),
            account_key: account,
            provenance: provenance(consent, account),
            status: TransactionStatus::Booked,
            mutable: false,
            amount: Decimal::new(-1234, 2),
            currency: "GBP".parse().unwrap(),
            booking_date: Some(DAY),
            value_date: None,
            transaction_date: None,
            booked_at: None,
            description: format!("CARD PAYMENT {n}"),
            source_id: Some(format!("source-{n}")),
            reference: None,
            counterparty: None,
            merchant_name: None,
            mcc: Some("5411".to_owned()),
            bank_code: None,
            proprietary_code: None,
            purpose_code: None,
            foreign_exchange: None,
            balance_after: None,
        },
        enrichment: Enrichment {
            clean_description: "Shop".to_owned(),
            merchant: None,
            processor: None,
            channel: Some("card_pos".to_owned()),
            flags: Flags::default(),
            category_primary: "FOOD".to_owned(),
            category_detailed: "groceries".to_owned(),
            confidence_permille: 900,
            source: "structural".to_owned(),
            why: vec![Evidence { rule: "mcc:5411".to_owned(), matched: None }],
            taxonomy_version: "1".to_owned(),
            engine_version: "1".to_owned(),
        },
    }
}

pub(super) fn transactions(consent: &Consent, account: AccountKey, count: u32) -> Vec<EnrichedTransaction> {
    (0..count).map(|n| transaction(consent, account, n)).collect()
}

pub(super) fn details(consent: &Consent, account: AccountKey) -> Account {
    Account {
        account_key: account,
        provenance: provenance(consent, account),
        account_type: AccountType::Current,
        holder_kind: HolderKind::Personal,
        status: AccountStatus::Open,
        currency: "GBP".parse().unwrap(),
        display_name: Some("Everyday".to_owned()),
        masked_number: Some("****1234".to_owned()),
    }
}

pub(super) fn balances(consent: &Consent, account: AccountKey) -> BalanceSnapshot {
    let balance = |kind, units| Balance {
        kind,
        amount: Decimal::new(units, 2),
        currency: "GBP".parse().unwrap(),
        as_of: now(),
        includes_credit_line: false,
    };
    BalanceSnapshot {
        account_key: account,
        provenance: provenance(consent, account),
        balances: vec![balance(BalanceKind::Booked, 10_000), balance(BalanceKind::Available, 0)],
    }
}

/// Lands without claiming any position.
pub(super) async fn land(store: &Store, rows: &[EnrichedTransaction]) -> Landed {
    store.landing().transactions("lander", rows, &[], now()).await.unwrap()
}

pub(super) fn progress(from: i64, next: i64) -> Progress<'static> {
    Progress { topic: "transactions.enriched", partition: 3, from, next }
}

/// Everything in the outbox, taken out of it.
pub(super) async fn drain(store: &Store) -> Vec<Outbound> {
    let rows = store.outbox().read(1_000_000).await.unwrap();
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    store.outbox().delete(&ids).await.unwrap();
    rows.into_iter().map(|row| row.message).collect()
}

pub(super) fn on<'m>(topic: &Topic, messages: &'m [Outbound]) -> Vec<&'m Outbound> {
    messages.iter().filter(|message| message.topic == topic).collect()
}

pub(super) fn decoded<T: events::Record>(message: &Outbound) -> T {
    events::avro::decode(message.payload.as_deref().unwrap(), T::codec()).unwrap()
}

pub(super) fn moves(messages: &[Outbound]) -> Vec<ConsentEvent> {
    on(&events::topics::CONSENT_EVENTS, messages).into_iter().map(decoded).collect()
}

/// Every row of the customer's transactions that anybody may read now.
pub(super) async fn readable(store: &Store) -> usize {
    let filter = crate::TransactionFilter {
        from: None,
        to: None,
        account: None,
        category: None,
        status: None,
        limit: 1_000_000,
        after: None,
    };
    store.queries().transactions(&tenant(), &user(), &filter, now()).await.unwrap().len()
}

pub(super) async fn stored(store: &Store) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM transactions").fetch_one(&store.pool).await.unwrap()
}

/// Erases to the end; returns the steps it took and what it counted.
pub(super) async fn erase(
    store: &Store,
    consent: ConsentId,
    batch: i64,
) -> Result<(usize, i64, i64), StoreError> {
    for steps in 1.. {
        if let crate::Step::Done { transactions, accounts } =
            store.erasure().step(consent, batch, now()).await?
        {
            return Ok((steps, transactions, accounts));
        }
    }
    unreachable!("an erasure ends")
}

/// Polls once.
pub(super) async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
