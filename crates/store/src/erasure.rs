//! The deletion of what an ended consent brought, step by step.

use events::ConsentId;
use jiff::Timestamp;

use crate::{Store, StoreError};

/// The deletion of what ended consents brought.
pub struct Erasure<'a>(pub(crate) &'a Store);

/// A consent whose data is to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErasureTask {
    /// The consent.
    pub consent_id: ConsentId,
    /// When it ended.
    pub queued_at: Timestamp,
}

/// How far an erasure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There is more to delete.
    More,
    /// Everything is deleted.
    Done {
        /// Transactions deleted.
        transactions: i64,
        /// Accounts deleted.
        accounts: i64,
    },
}

impl Erasure<'_> {
    /// The erasure that has waited longest.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn next(&self, now: Timestamp) -> Result<Option<ErasureTask>, StoreError> {
        let _ = now;
        Err(StoreError::bug("next is being written"))
    }

    /// Deletes at most `batch` transactions with their tombstones in one short transaction; with nothing left to delete
    /// it finishes. May be cut off and repeated at any point.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when no erasure is queued for the consent.
    pub async fn step(&self, consent: ConsentId, batch: i64, now: Timestamp) -> Result<Step, StoreError> {
        let _ = (consent, batch, now);
        Err(StoreError::bug("step is being written"))
    }

    /// Since when the oldest unfinished erasure waits.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn oldest_pending(&self) -> Result<Option<Timestamp>, StoreError> {
        Err(StoreError::bug("oldest_pending is being written"))
    }
}
