//! The handle that everybody shares.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::{Migrate, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, PgTransaction};

use crate::vault::{KeyRing, MasterKeys};
use crate::{
    Accounts, Authorisations, Consents, Erasure, Jobs, Landing, Outbox, Queries, Reference, StoreError,
    TokenStore, Vault,
};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The longest that one call may take. Landing a full batch takes a tenth of it on a slow disk; a call that needs
/// longer is stuck, and its caller is better off trying again.
const PATIENCE: Duration = Duration::from_secs(30);

/// The store: a pool of connections and the master keys. Clones share both.
#[derive(Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
    pub(crate) keys: Arc<KeyRing>,
}

impl Store {
    /// Connects to the PostgreSQL server that `url` names, with at most that many connections.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the server cannot be reached; [`StoreError::Conflict`] for an unreadable URL.
    pub async fn connect(
        url: &SecretString,
        max_connections: u32,
        keys: MasterKeys,
    ) -> Result<Self, StoreError> {
        // The parser's own error could quote the password, so it is dropped.
        let options = url
            .expose_secret()
            .parse::<PgConnectOptions>()
            .map_err(|_| StoreError::Conflict { what: "database url is not of the form postgres://…" })?;
        Self::open(PgPoolOptions::new().max_connections(max_connections), options, keys).await
    }

    pub(crate) async fn open(
        pool: PgPoolOptions,
        options: PgConnectOptions,
        keys: MasterKeys,
    ) -> Result<Self, StoreError> {
        let pool = pool.acquire_timeout(PATIENCE).connect_with(options.application_name("connector")).await?;
        Ok(Self { pool, keys: Arc::new(KeyRing::new(keys)?) })
    }

    /// Brings the schema up to date; does nothing when it is. Several processes may do so at once.
    ///
    /// # Errors
    /// [`StoreError::Migration`] when a migration fails or the database was migrated by a newer version.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        MIGRATIONS.run(&self.pool).await.map_err(|error| StoreError::Migration(Box::new(error)))
    }

    /// Whether the schema is this version's.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn is_current(&self) -> Result<bool, StoreError> {
        self.within(async {
            let mut connection = self.pool.acquire().await?;
            let table: Option<String> = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations')::text")
                .fetch_one(&mut *connection)
                .await?;
            if table.is_none() {
                return Ok(false);
            }
            let applied = connection
                .list_applied_migrations("_sqlx_migrations")
                .await
                .map_err(|error| StoreError::Migration(Box::new(error)))?;
            Ok(MIGRATIONS.iter().all(|wanted| applied.iter().any(|done| done.version == wanted.version)))
        })
        .await
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::Timeout`] when there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.within(async {
            sqlx::query("SELECT 1").execute(&self.pool).await?;
            Ok(())
        })
        .await
    }

    /// The secret that account keys are derived with (`events::AccountKey::derive`): HKDF of the oldest master key,
    /// so that accounts keep their keys when master keys are rotated.
    #[must_use]
    pub fn pseudonym_secret(&self) -> &[u8] {
        self.keys.pseudonym_secret()
    }

    /// References that landing is measured against.
    #[must_use]
    pub fn reference(&self) -> Reference<'_> {
        Reference(self)
    }

    /// Consents and their lives.
    #[must_use]
    pub fn consents(&self) -> Consents<'_> {
        Consents(self)
    }

    /// Authorisations on their way to an institution and back.
    #[must_use]
    pub fn authorisations(&self) -> Authorisations<'_> {
        Authorisations(self)
    }

    /// The institutions' tokens.
    #[must_use]
    pub fn tokens(&self) -> TokenStore<'_> {
        TokenStore(self)
    }

    /// Which accounts a consent covers.
    #[must_use]
    pub fn accounts(&self) -> Accounts<'_> {
        Accounts(self)
    }

    /// The ledger of fetch jobs and their windows.
    #[must_use]
    pub fn jobs(&self) -> Jobs<'_> {
        Jobs(self)
    }

    /// Records on their way in.
    #[must_use]
    pub fn landing(&self) -> Landing<'_> {
        Landing(self)
    }

    /// Messages on their way out.
    #[must_use]
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox(self)
    }

    /// The deletion of what ended consents brought.
    #[must_use]
    pub fn erasure(&self) -> Erasure<'_> {
        Erasure(self)
    }

    /// Reads for people and services.
    #[must_use]
    pub fn queries(&self) -> Queries<'_> {
        Queries(self)
    }

    /// Data keys of consents.
    #[must_use]
    pub fn vault(&self) -> Vault<'_> {
        Vault(self)
    }

    /// Gives up on a call that takes too long. Dropping its future rolls its transaction back.
    pub(crate) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        tokio::time::timeout(PATIENCE, work).await.unwrap_or(Err(StoreError::Timeout(PATIENCE)))
    }

    /// Begins a transaction that is rolled back unless it is committed. A `BEGIN` that is given up half way would stay
    /// open on a pooled connection without anybody knowing, and swallow the next caller's writes.
    pub(crate) async fn begin(&self) -> Result<PgTransaction<'static>, StoreError> {
        let pool = self.pool.clone();
        to_the_end(async move { Ok(pool.begin().await?) }).await
    }
}

/// Does something that must not stop half way even if the caller does: a connection that is dropped between the messages
/// of `BEGIN` or `COPY` goes back to the pool out of step, and gives the next caller an answer that is not hers.
#[expect(clippy::disallowed_methods, reason = "is awaited at once; whoever calls it sees its failure")]
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn(work).await.map_err(StoreError::bug)?
}
