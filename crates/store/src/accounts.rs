//! Which accounts a consent covers, and what the institution calls them under it.

use events::{AccountKey, ConsentId, Currency};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Store, StoreError};

/// Which accounts a consent covers.
pub struct Accounts<'a>(pub(crate) &'a Store);

/// One account under one consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedAccount {
    /// The account.
    pub account_key: AccountKey,
    /// The institution's name for it under this consent; another consent may have another.
    pub source_account_id: String,
    /// Its currency.
    pub currency: Currency,
}

impl Accounts<'_> {
    /// Remembers that a consent covers these accounts. Nothing of an account lands before. Linking again changes at
    /// most the institution's names.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the consent is not readable or has ended by `now`, or an account is another
    /// customer's.
    pub async fn link(
        &self,
        consent: ConsentId,
        accounts: &[LinkedAccount],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.0.within(link(self.0, consent, accounts, now)).await
    }
}

async fn link(
    store: &Store,
    consent: ConsentId,
    accounts: &[LinkedAccount],
    now: Timestamp,
) -> Result<(), StoreError> {
    // In one order everywhere, so that two links never wait for each other.
    let mut accounts: Vec<&LinkedAccount> = accounts.iter().collect();
    accounts.sort_by_key(|account| account.account_key);
    accounts.dedup_by_key(|account| account.account_key);
    let mut tx = store.begin().await?;
    hold_readable(&mut tx, consent, now).await?;
    own(&mut tx, consent, &accounts).await?;
    sqlx::query(
        "INSERT INTO consent_accounts (consent_id, account_key, source_account_id, linked_at) \
         SELECT $1, account_key, source_account_id, $4 FROM unnest($2::uuid[], $3::text[]) \
         AS link (account_key, source_account_id) \
         ON CONFLICT (consent_id, account_key) DO UPDATE SET source_account_id = excluded.source_account_id \
         WHERE consent_accounts.source_account_id <> excluded.source_account_id",
    )
    .bind(consent.uuid())
    .bind(accounts.iter().map(|account| account.account_key.uuid()).collect::<Vec<_>>())
    .bind(accounts.iter().map(|account| account.source_account_id.as_str()).collect::<Vec<_>>())
    .bind(now.to_sqlx())
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Holds the consent against a move until the transaction ends.
async fn hold_readable(
    connection: &mut PgConnection,
    consent: ConsentId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "SELECT 1 FROM consents WHERE consent_id = $1 AND status IN ('active', 'needs_reauthorisation') \
         AND expires_at > $2 FOR SHARE",
    )
    .bind(consent.uuid())
    .bind(now.to_sqlx())
    .fetch_optional(connection)
    .await?
    .map(drop)
    .ok_or(StoreError::Conflict { what: "the consent is not active; its accounts cannot be linked" })
}

/// Makes the accounts' rows, or holds those that exist: an erasure that is deciding whether an account is still
/// covered holds them too, so that it either sees this link or is finished before.
async fn own(
    connection: &mut PgConnection,
    consent: ConsentId,
    accounts: &[&LinkedAccount],
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "INSERT INTO accounts AS a (account_key, tenant_id, user_id, institution_id, currency) \
         SELECT account_key, tenant_id, user_id, institution_id, currency \
         FROM consents, unnest($2::uuid[], $3::text[]) AS link (account_key, currency) WHERE consent_id = $1 \
         ON CONFLICT (account_key) DO UPDATE SET currency = a.currency \
         WHERE a.tenant_id = excluded.tenant_id AND a.user_id = excluded.user_id",
    )
    .bind(consent.uuid())
    .bind(accounts.iter().map(|account| account.account_key.uuid()).collect::<Vec<_>>())
    .bind(accounts.iter().map(|account| account.currency.code()).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    if usize::try_from(done.rows_affected()) == Ok(accounts.len()) {
        return Ok(());
    }
    Err(StoreError::Conflict {
        what: "an account belongs to another customer; check how account keys are derived",
    })
}

/// Notes that institutions answered for accounts at these times and that it landed `now`.
pub(crate) async fn refresh(
    connection: &mut PgConnection,
    answered: &[(Uuid, Timestamp)],
    now: Timestamp,
) -> Result<(), StoreError> {
    if answered.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE accounts a SET fetched_at = greatest(a.fetched_at, answer.fetched_at), landed_at = $3 \
         FROM (SELECT account_key, max(fetched_at) AS fetched_at \
               FROM unnest($1::uuid[], $2::timestamptz[]) AS each (account_key, fetched_at) \
               GROUP BY account_key) AS answer \
         WHERE a.account_key = answer.account_key",
    )
    .bind(answered.iter().map(|(account, _)| *account).collect::<Vec<_>>())
    .bind(answered.iter().map(|(_, fetched_at)| fetched_at.to_sqlx()).collect::<Vec<_>>())
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(())
}
