//! What landing is compared with: the fastest way PostgreSQL takes the same rows, and counters to know what a pass cost.
//! For `connector bench`; nothing here serves a person.

use futures_util::TryStreamExt;
use sqlx::postgres::PgPoolCopyExt;

use crate::{Store, StoreError};

/// References for measurements.
pub struct Reference<'a>(pub(crate) &'a Store);

impl Reference<'_> {
    /// Bytes of write-ahead log since the server was made.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn wal_bytes(&self) -> Result<i64, StoreError> {
        let position = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint";
        Ok(sqlx::query_scalar(position).fetch_one(&self.0.pool).await?)
    }

    /// Transactions that are stored.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn rows(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM transactions").fetch_one(&self.0.pool).await?)
    }

    /// The sum of the positions of all groups whose names begin with `prefix`, on topics of transactions.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn positions(&self, prefix: &str) -> Result<i64, StoreError> {
        let sum = "SELECT coalesce(sum(next_offset), 0)::bigint FROM landing_positions \
                   WHERE starts_with(consumer_group, $1) AND topic LIKE '%transactions%'";
        Ok(sqlx::query_scalar(sum).bind(prefix).fetch_one(&self.0.pool).await?)
    }

    /// All stored transactions in PostgreSQL's binary form.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn copy_out(&self) -> Result<Vec<u8>, StoreError> {
        let mut stream = self.0.pool.copy_out_raw("COPY transactions TO STDOUT (FORMAT binary)").await?;
        let mut rows = Vec::new();
        while let Some(part) = stream.try_next().await? {
            rows.extend_from_slice(&part);
        }
        Ok(rows)
    }

    /// Copies rows from [`Self::copy_out`] into an empty table with the same columns and primary key, made anew.
    /// Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn copy_in(&self, rows: Vec<u8>) -> Result<u64, StoreError> {
        sqlx::query("DROP TABLE IF EXISTS transactions_reference").execute(&self.0.pool).await?;
        let table = "CREATE TABLE transactions_reference (LIKE transactions INCLUDING ALL)";
        sqlx::query(table).execute(&self.0.pool).await?;
        let mut copy =
            self.0.pool.copy_in_raw("COPY transactions_reference FROM STDIN (FORMAT binary)").await?;
        for part in rows.chunks(64 * 1024) {
            copy.send(part).await?;
        }
        Ok(copy.finish().await?)
    }
}
