use super::world::{account, active, consent, land, stored, transactions};
use crate::embedded::Embedded;
use crate::testing::keys;

#[tokio::test]
async fn a_data_directory_is_kept_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let first = Embedded::start(Some(dir.path()), keys()).await.unwrap();
    first.store().migrate().await.unwrap();
    assert!(first.store().is_current().await.unwrap());
    let terms = active(&first.store(), &consent(), &[account(1)]).await;
    land(&first.store(), &transactions(&terms, account(1), 3)).await;
    first.stop().await;

    let second = Embedded::start(Some(dir.path()), keys()).await.unwrap();
    assert!(second.store().is_current().await.unwrap());
    assert_eq!(stored(&second.store()).await, 3);
    second.store().vault().data_key(terms.consent_id).await.unwrap();
    second.stop().await;
}

#[tokio::test]
async fn a_database_without_a_schema_says_so() {
    let empty = Embedded::start(None, keys()).await.unwrap();
    assert!(!empty.store().is_current().await.unwrap());
    empty.store().ping().await.unwrap();
    empty.stop().await;
}
