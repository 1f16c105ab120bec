//! A customer's way to the institution and back: the state she carries is good once.

use events::ConsentId;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use secrecy::SecretSlice;
use sqlx::{PgConnection, Row};

use crate::{Store, StoreError, vault};

/// What sealed secrets of an authorisation are bound to.
const AAD: &[u8] = b"authorisation|secrets|1";

/// Authorisations on their way.
pub struct Authorisations<'a>(pub(crate) &'a Store);

/// An authorisation that begins.
pub struct NewAuthorisation<'a> {
    /// For which consent.
    pub consent_id: ConsentId,
    /// SHA-256 of the state that travels through the browser.
    pub state_hash: [u8; 32],
    /// SHA-256 of the secret in the browser's cookie: whoever comes back has to bring it.
    pub browser_hash: [u8; 32],
    /// What the way back needs (code verifier, nonce …); sealed with the consent's data key.
    pub secrets: &'a [u8],
    /// The state is good until then.
    pub expires_at: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// What a state that came back is worth.
#[derive(Debug)]
pub enum Taken {
    /// It is good, for the first and last time.
    Valid {
        /// For which consent.
        consent_id: ConsentId,
        /// What the browser's secret has to hash to.
        browser_hash: [u8; 32],
        /// What was kept for the way back.
        secrets: SecretSlice<u8>,
    },
    /// It came back before.
    Used,
    /// It came back too late.
    Expired,
    /// There is none, or its consent has ended.
    Unknown,
}

impl Authorisations<'_> {
    /// Keeps what the way back will need.
    ///
    /// # Errors
    /// [`StoreError::Shredded`] or [`StoreError::NotFound`] when there is no such living consent,
    /// [`StoreError::Conflict`] when the state exists.
    pub async fn begin(&self, new: &NewAuthorisation<'_>) -> Result<(), StoreError> {
        let key = self.0.vault().data_key(new.consent_id).await?;
        let sealed = key.seal(AAD, new.secrets)?;
        self.0
            .within(async {
                let done = sqlx::query(
                    "INSERT INTO authorisations (state_hash, consent_id, browser_hash, secrets, expires_at, \
                     created_at) SELECT $1, consent_id, $3, $4, $5, $6 FROM consents WHERE consent_id = $2 \
                     AND status IN ('awaiting_authorisation', 'active', 'needs_reauthorisation') FOR SHARE \
                     ON CONFLICT (state_hash) DO NOTHING",
                )
                .bind(new.state_hash)
                .bind(new.consent_id.uuid())
                .bind(new.browser_hash)
                .bind(sealed)
                .bind(new.expires_at.to_sqlx())
                .bind(new.now.to_sqlx())
                .execute(&self.0.pool)
                .await?;
                if done.rows_affected() == 1 {
                    return Ok(());
                }
                Err(StoreError::Conflict {
                    what: "the state was used before or the consent has ended; begin anew",
                })
            })
            .await
    }

    /// Takes a state that came back. Whatever the answer, it is not valid a second time.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: the state is untouched.
    pub async fn take(&self, state_hash: &[u8; 32], now: Timestamp) -> Result<Taken, StoreError> {
        self.0.within(take(self.0, state_hash, now)).await
    }
}

async fn take(store: &Store, state_hash: &[u8; 32], now: Timestamp) -> Result<Taken, StoreError> {
    let mut tx = store.begin().await?;
    let row = sqlx::query(
        "SELECT consent_id, browser_hash, secrets, expires_at, used_at IS NOT NULL AS used FROM authorisations \
         WHERE state_hash = $1 FOR UPDATE",
    )
    .bind(state_hash)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(Taken::Unknown) };
    if row.try_get("used")? {
        return Ok(Taken::Used);
    }
    if row.try_get::<jiff_sqlx::Timestamp, _>("expires_at")?.to_jiff() <= now {
        return Ok(Taken::Expired);
    }
    let consent_id = ConsentId::from_uuid(row.try_get("consent_id")?);
    let key = vault::load(&mut tx, &store.keys, consent_id).await?;
    let secrets = key.open(AAD, row.try_get("secrets")?)?.into();
    mark_used(&mut tx, state_hash, now).await?;
    tx.commit().await?;
    Ok(Taken::Valid { consent_id, browser_hash: row.try_get("browser_hash")?, secrets })
}

/// The secrets have done their work and go; the hash stays, so that a second return is told from a made-up one.
async fn mark_used(
    connection: &mut PgConnection,
    state_hash: &[u8; 32],
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE authorisations SET used_at = $2, secrets = '' WHERE state_hash = $1")
        .bind(state_hash)
        .bind(now.to_sqlx())
        .execute(connection)
        .await?;
    Ok(())
}
