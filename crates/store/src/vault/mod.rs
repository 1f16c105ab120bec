//! One data key per consent, wrapped by the installation's master key. Destroying the data key makes everything that
//! was sealed with it unreadable, wherever copies may lie.

mod keys;
mod ring;

use events::ConsentId;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;

pub use keys::{DataKey, KeyError, MasterKeys};
pub(crate) use ring::KeyRing;

use crate::{Store, StoreError};

/// Data keys of consents.
pub struct Vault<'a>(pub(crate) &'a Store);

impl Vault<'_> {
    /// The consent's data key. It is remembered for some seconds, so that a window does not cost a query; another
    /// process may therefore go on opening for that long after the key was destroyed.
    ///
    /// # Errors
    /// [`StoreError::Shredded`] once the key is destroyed, [`StoreError::NotFound`] for an unknown consent.
    pub async fn data_key(&self, consent: ConsentId) -> Result<DataKey, StoreError> {
        let store = self.0;
        if let Some(key) = store.keys.remembered(consent) {
            return Ok(key);
        }
        store.within(async { load(&mut *store.pool.acquire().await?, &store.keys, consent).await }).await
    }
}

/// Makes a new consent's data key.
pub(crate) async fn create(
    connection: &mut PgConnection,
    keys: &KeyRing,
    consent: ConsentId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO data_keys (consent_id, wrapped, created_at) VALUES ($1, $2, $3)")
        .bind(consent.uuid())
        .bind(keys.wrap_new(consent)?)
        .bind(now.to_sqlx())
        .execute(connection)
        .await?;
    Ok(())
}

/// The data key, for a caller that holds a connection already.
pub(crate) async fn load(
    connection: &mut PgConnection,
    keys: &KeyRing,
    consent: ConsentId,
) -> Result<DataKey, StoreError> {
    if let Some(key) = keys.remembered(consent) {
        return Ok(key);
    }
    let wrapped: Option<Vec<u8>> = sqlx::query_scalar("SELECT wrapped FROM data_keys WHERE consent_id = $1")
        .bind(consent.uuid())
        .fetch_one(connection)
        .await?;
    keys.unwrap(consent, &wrapped.ok_or(StoreError::Shredded)?)
}

/// Destroys a data key for ever. The caller forgets it (`KeyRing::forget`) once this is committed.
pub(crate) async fn destroy(
    connection: &mut PgConnection,
    consent: ConsentId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE data_keys SET wrapped = NULL, destroyed_at = $2 WHERE consent_id = $1")
        .bind(consent.uuid())
        .bind(now.to_sqlx())
        .execute(connection)
        .await?;
    Ok(())
}
