use events::ConsentEventType as E;

use super::world::{active, consent, drain, in_hours, moved, moves, now, tenant, to, user};
use crate::testing::fresh;
use crate::{ConsentFilter, ConsentStatus, Created, Renewal, StoreError};

#[tokio::test]
async fn a_consent_lives_from_creation_to_revocation_and_every_move_is_told() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[]).await;
    moved(&store, &terms, ConsentStatus::NeedsReauthorisation).await;
    let renewed = moved(&store, &terms, ConsentStatus::Active).await;
    assert_eq!(renewed.consent.epoch, 2);
    let revoked = moved(&store, &terms, ConsentStatus::Revoked).await;
    assert_eq!(revoked.consent.epoch, 3);

    let told = moves(&drain(&store).await);
    let kinds: Vec<E> = told.iter().map(|event| event.event_type).collect();
    assert_eq!(kinds, [E::Created, E::Authorised, E::NeedsReauthorisation, E::Renewed, E::Revoked]);
    assert_eq!(told[4].before.as_deref(), Some("active"));
    assert_eq!(told[4].consent, revoked.consent);
    let audited: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_log").fetch_one(&store.pool).await.unwrap();
    assert_eq!(audited, 5);
}

#[tokio::test]
async fn creating_again_with_the_same_terms_is_one_consent_and_with_others_a_conflict() {
    let store = fresh().await;
    let terms = consent();
    let create = |terms| {
        let store = &store;
        async move { store.consents().create(&terms, "bank", now(), None).await }
    };
    assert!(matches!(create(terms.clone()).await, Ok(Created::New(_))));
    let same = create(events::Consent { epoch: 7, ..terms.clone() }).await;
    assert!(matches!(same, Ok(Created::Same(record)) if record.consent.epoch == 1));
    let other = create(events::Consent { expires_at: in_hours(1), ..terms }).await;
    assert!(matches!(other, Err(StoreError::Conflict { .. })));
    assert_eq!(drain(&store).await.len(), 1);
}

#[tokio::test]
async fn an_illegal_move_is_refused_and_a_repeated_one_changes_nothing() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[]).await;
    let revoked = moved(&store, &terms, ConsentStatus::Revoked).await;
    drain(&store).await;
    let back = store.consents().transition(terms.consent_id, &to(ConsentStatus::Active)).await;
    assert!(matches!(
        back,
        Err(StoreError::Illegal { from: ConsentStatus::Revoked, to: ConsentStatus::Active })
    ));
    assert_eq!(moved(&store, &terms, ConsentStatus::Revoked).await, revoked);
    assert!(drain(&store).await.is_empty());
}

#[tokio::test]
async fn another_tenant_sees_nothing() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[]).await;
    let other = "other".parse().unwrap();
    assert!(matches!(store.consents().get(&other, terms.consent_id).await, Err(StoreError::NotFound)));
    assert_eq!(store.consents().get(&tenant(), terms.consent_id).await.unwrap().consent, terms);
    assert!(store.consents().list(&other, &everything()).await.unwrap().is_empty());
}

fn everything() -> ConsentFilter {
    ConsentFilter {
        user: None,
        institution: None,
        status: None,
        expiring_before: None,
        after: None,
        limit: 100,
    }
}

#[tokio::test]
async fn the_list_is_newest_first_and_its_pages_neither_repeat_nor_miss() {
    let store = fresh().await;
    for hour in 0..5 {
        store.consents().create(&consent(), "user", in_hours(hour / 2), None).await.unwrap();
    }
    let whole = store.consents().list(&tenant(), &everything()).await.unwrap();
    let mut paged = Vec::new();
    loop {
        let after =
            paged.last().map(|last: &crate::ConsentRecord| (last.created_at, last.consent.consent_id));
        let page = store
            .consents()
            .list(&tenant(), &ConsentFilter { after, limit: 2, ..everything() })
            .await
            .unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, whole);
    let none = ConsentFilter { user: Some("nobody".parse().unwrap()), ..everything() };
    assert!(store.consents().list(&tenant(), &none).await.unwrap().is_empty());
    let mine = ConsentFilter { user: Some(user()), status: Some(ConsentStatus::Active), ..everything() };
    assert!(store.consents().list(&tenant(), &mine).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_over_is_found_and_what_waits_too_long_as_well() {
    let store = fresh().await;
    let short = events::Consent { expires_at: in_hours(1), ..consent() };
    active(&store, &short, &[]).await;
    let waiting = consent();
    store.consents().create(&waiting, "user", now(), None).await.unwrap();
    assert!(store.consents().due_to_expire(now(), 10).await.unwrap().is_empty());
    assert_eq!(store.consents().due_to_expire(in_hours(1), 10).await.unwrap(), [short.consent_id]);
    assert_eq!(store.consents().authorisation_overdue(in_hours(1), 10).await.unwrap(), [waiting.consent_id]);
    assert!(store.consents().authorisation_overdue(now(), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_renewal_prolongs_a_living_consent_and_none_that_is_over() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[]).await;
    let renewal = |now| Renewal { expires_at: in_hours(24 * 365), actor: "user", now, trace: None };
    let renewed = store.consents().renew(terms.consent_id, &renewal(now())).await.unwrap();
    assert_eq!((renewed.consent.epoch, renewed.consent.expires_at), (2, in_hours(24 * 365)));
    assert_eq!(store.consents().find(terms.consent_id).await.unwrap(), renewed);
    let late = store.consents().renew(terms.consent_id, &renewal(in_hours(24 * 365))).await;
    assert!(matches!(late, Err(StoreError::Illegal { .. })));
}

#[tokio::test]
async fn the_institutions_id_stays_when_only_its_status_is_seen() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[]).await;
    store.consents().set_institution(terms.consent_id, Some("urn:1"), None, now()).await.unwrap();
    store.consents().set_institution(terms.consent_id, None, Some("Authorised"), now()).await.unwrap();
    let record = store.consents().find(terms.consent_id).await.unwrap();
    assert_eq!(record.institution_consent_id.as_deref(), Some("urn:1"));
    assert_eq!(record.institution_status.as_deref(), Some("Authorised"));
    let unknown = consent().consent_id;
    let missed = store.consents().set_institution(unknown, None, None, now()).await;
    assert!(matches!(missed, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn a_schema_is_current_only_after_it_was_migrated_and_migrating_again_is_harmless() {
    let store = fresh().await;
    assert!(store.is_current().await.unwrap());
    store.migrate().await.unwrap();
    store.ping().await.unwrap();
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = 3").execute(&store.pool).await.unwrap();
    assert!(!store.is_current().await.unwrap());
}
