//! The institutions' tokens, sealed with the data key of the consent they were given for.

use events::ConsentId;
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use zeroize::Zeroizing;

use crate::outbox::later;
use crate::{Store, StoreError};

/// What sealed tokens are bound to.
const AAD: &[u8] = b"tokens|1";

/// The institutions' tokens.
pub struct TokenStore<'a>(pub(crate) &'a Store);

/// The tokens of one consent.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Opens the institution's data.
    pub access: SecretString,
    /// Until then.
    pub access_expires_at: Timestamp,
    /// Gets new tokens, where the institution gives one.
    pub refresh: Option<SecretString>,
    /// Until then, where the institution says so.
    pub refresh_expires_at: Option<Timestamp>,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    access: std::borrow::Cow<'a, str>,
    refresh: Option<std::borrow::Cow<'a, str>>,
}

impl TokenStore<'_> {
    /// Keeps tokens in place of older ones, and ends the claim to refresh them.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the consent has ended meanwhile: the tokens have to be given back to the
    /// institution. [`StoreError::Shredded`] when its data is gone already.
    pub async fn save(&self, consent: ConsentId, tokens: &Tokens, now: Timestamp) -> Result<(), StoreError> {
        let sealed = self.seal(consent, tokens).await?;
        self.0
            .within(async {
                let done = sqlx::query(
                    "INSERT INTO tokens (consent_id, sealed, access_expires_at, refresh_expires_at, saved_at) \
                     SELECT consent_id, $2, $3, $4, $5 FROM consents WHERE consent_id = $1 \
                     AND status IN ('awaiting_authorisation', 'active', 'needs_reauthorisation') FOR SHARE \
                     ON CONFLICT (consent_id) DO UPDATE SET sealed = excluded.sealed, \
                     access_expires_at = excluded.access_expires_at, \
                     refresh_expires_at = excluded.refresh_expires_at, saved_at = excluded.saved_at, \
                     refreshing_until = NULL",
                )
                .bind(consent.uuid())
                .bind(sealed)
                .bind(tokens.access_expires_at.to_sqlx())
                .bind(tokens.refresh_expires_at.map(ToSqlx::to_sqlx))
                .bind(now.to_sqlx())
                .execute(&self.0.pool)
                .await?;
                if done.rows_affected() == 1 {
                    return Ok(());
                }
                Err(StoreError::Conflict { what: "the consent has ended; revoke the tokens at the institution" })
            })
            .await
    }

    /// The tokens of a consent, if there are any.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] when they cannot be opened.
    pub async fn load(&self, consent: ConsentId) -> Result<Option<Tokens>, StoreError> {
        let row = self
            .0
            .within(async {
                Ok(sqlx::query(
                    "SELECT sealed, access_expires_at, refresh_expires_at FROM tokens WHERE consent_id = $1",
                )
                .bind(consent.uuid())
                .fetch_optional(&self.0.pool)
                .await?)
            })
            .await?;
        let Some(row) = row else { return Ok(None) };
        let plain =
            Zeroizing::new(self.0.vault().data_key(consent).await?.open(AAD, row.try_get("sealed")?)?);
        let sealed: Sealed<'_> = serde_json::from_slice(&plain).map_err(|_| StoreError::Sealed)?;
        Ok(Some(Tokens {
            access: sealed.access.into_owned().into(),
            access_expires_at: row.try_get::<jiff_sqlx::Timestamp, _>("access_expires_at")?.to_jiff(),
            refresh: sealed.refresh.map(|refresh| refresh.into_owned().into()),
            refresh_expires_at: row
                .try_get::<Option<jiff_sqlx::Timestamp>, _>("refresh_expires_at")?
                .map(jiff_sqlx::Timestamp::to_jiff),
        }))
    }

    /// Whether the caller is the one to refresh the tokens: institutions that rotate refresh tokens take a second use
    /// for theft. The claim ends with [`Self::save`] or after `lease`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn claim_refresh(
        &self,
        consent: ConsentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> Result<bool, StoreError> {
        self.0
            .within(async {
                let done = sqlx::query(
                    "UPDATE tokens SET refreshing_until = $2 WHERE consent_id = $1 \
                     AND (refreshing_until IS NULL OR refreshing_until <= $3)",
                )
                .bind(consent.uuid())
                .bind(later(now, lease).to_sqlx())
                .bind(now.to_sqlx())
                .execute(&self.0.pool)
                .await?;
                Ok(done.rows_affected() == 1)
            })
            .await
    }

    /// Forgets the tokens of a consent.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete(&self, consent: ConsentId) -> Result<(), StoreError> {
        self.0
            .within(async {
                sqlx::query("DELETE FROM tokens WHERE consent_id = $1")
                    .bind(consent.uuid())
                    .execute(&self.0.pool)
                    .await?;
                Ok(())
            })
            .await
    }

    async fn seal(&self, consent: ConsentId, tokens: &Tokens) -> Result<Vec<u8>, StoreError> {
        let plain = Sealed {
            access: tokens.access.expose_secret().into(),
            refresh: tokens.refresh.as_ref().map(|refresh| refresh.expose_secret().into()),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&plain).map_err(StoreError::bug)?);
        self.0.vault().data_key(consent).await?.seal(AAD, &plain)
    }
}
