//! What can go wrong, sorted by what the caller has to do about it.

use std::time::Duration;

use crate::consents::ConsentStatus;

/// A call to the store that did not succeed.
///
/// No variant carries a row's values: PostgreSQL's details, which quote them, are dropped on the way in.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A fault of the world: the database is away, restarting, overloaded, or chose this transaction as the victim of
    /// a deadlock. Nothing was written.
    #[error("database is not available; try again")]
    Unavailable(#[source] sqlx::Error),
    /// The database did not answer in time. Whether the call took effect is unknown; every call may be repeated.
    #[error("database did not answer within {0:?}; try again")]
    Timeout(Duration),
    /// The call contradicts what is stored; repeating it will not help.
    #[error("{what}")]
    Conflict {
        /// What contradicts, and what to do.
        what: &'static str,
    },
    /// There is no such thing, or it belongs to another tenant.
    #[error("not found")]
    NotFound,
    /// The consent's life does not allow this move.
    #[error("a consent that is {from} cannot become {to}")]
    Illegal {
        /// Where it stands.
        from: ConsentStatus,
        /// Where it was to go.
        to: ConsentStatus,
    },
    /// The consent's data key is destroyed: what it sealed is unreadable for ever.
    #[error("the consent's data key is destroyed")]
    Shredded,
    /// The batch begins before the position already landed: another worker owns the partition. Seek to the stored
    /// position and read from there.
    #[error(
        "batch of partition {partition} begins at {from}, but {stored} has landed already; seek and read again"
    )]
    OlderOffset {
        /// The partition.
        partition: i32,
        /// The next offset to read, by the store.
        stored: i64,
        /// The first offset of the refused batch.
        from: i64,
    },
    /// Bytes that were sealed by somebody else, for another purpose, or were changed since.
    #[error("sealed bytes cannot be opened; check that every master key that was ever used is configured")]
    Sealed,
    /// The schema could not be brought up to date.
    #[error("migration failed")]
    Migration(#[source] Box<sqlx::migrate::MigrateError>),
    /// The database in this process could not be started.
    #[error("embedded database did not start: {0}")]
    Embedded(String),
    /// A fault of this program: a statement or a stored value that cannot be.
    #[error("fault in the store: {0}")]
    Bug(String),
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Timeout(_))
    }

    pub(crate) fn bug(what: impl std::fmt::Display) -> Self {
        Self::Bug(what.to_string())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match error {
            E::RowNotFound => Self::NotFound,
            E::Database(ref refusal) if is_passing(refusal.code().as_deref()) => Self::Unavailable(error),
            E::Database(refusal) => Self::Bug(format!(
                "statement refused with {} by {}",
                refusal.code().as_deref().unwrap_or("no code"),
                refusal.constraint().unwrap_or("no constraint"),
            )),
            E::Io(_) | E::Tls(_) | E::Protocol(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => {
                Self::Unavailable(error)
            }
            other => Self::bug(other),
        }
    }
}

/// SQLSTATE classes (PostgreSQL manual, appendix A) that pass by themselves: connection, transaction rollback,
/// resources, operator intervention, and a lock that was not to be had.
fn is_passing(code: Option<&str>) -> bool {
    code.is_some_and(|code| ["08", "40", "53", "57", "55P03"].iter().any(|class| code.starts_with(class)))
}

impl From<events::avro::AvroError> for StoreError {
    fn from(error: events::avro::AvroError) -> Self {
        Self::bug(error)
    }
}
