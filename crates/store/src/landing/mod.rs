//! Records on their way into the store, with the positions they were read at.

mod admission;
mod encode;
mod positions;
mod row;
mod windows;
mod write;

use events::{
    Account, AccountKey, BalanceSnapshot, Currency, EnrichedTransaction, TransactionId, TransactionStatus,
};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use sqlx::PgTransaction;

use admission::{Admission, admit, bury};
pub(crate) use row::id_range;
use row::{Record, newest};

use crate::{Store, StoreError};

/// Records on their way in.
pub struct Landing<'a>(pub(crate) &'a Store);

/// How far a batch moves one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// The first offset of the batch.
    pub from: i64,
    /// The offset to read next.
    pub next: i64,
}

/// Why a record is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Its consent has ended, or is unknown.
    ConsentEnded,
    /// Its consent has another epoch.
    OtherEpoch,
    /// Its consent does not cover the account.
    NotLinked,
    /// Its consent does not hold the basket.
    BasketMissing,
    /// It was booked before the first day the consent covers.
    BeforeHistory,
}

/// One record that is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Its place in the batch.
    pub index: usize,
    /// Why.
    pub reason: Refusal,
}

/// What became of a batch. Every record counts once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Landed {
    /// New rows.
    pub inserted: u64,
    /// Changed rows.
    pub updated: u64,
    /// Rows that were there with the same content, or twice in the batch.
    pub unchanged: u64,
    /// Records that are older than what is stored.
    pub stale: u64,
    /// Records that may not be stored.
    pub refused: Vec<Refused>,
}

/// What the normalizer has to know of a landed transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Ours.
    pub transaction_id: TransactionId,
    /// The bank's, where it can be trusted.
    pub source_id: Option<String>,
    /// How final it is.
    pub status: TransactionStatus,
    /// The bank's booking date.
    pub booking_date: Option<Date>,
    /// Signed from the holder's view.
    pub amount: Decimal,
    /// The currency of the amount.
    pub currency: Currency,
}

impl Landing<'_> {
    /// The offsets to read next, of those partitions that have any.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn positions(
        &self,
        group: &str,
        topic: &str,
        partitions: &[i32],
    ) -> Result<Vec<(i32, i64)>, StoreError> {
        self.0.within(positions::read(self.0, group, topic, partitions)).await
    }

    /// Lands transactions and the positions they were read at, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::OlderOffset`] when a partition is further already: nothing is landed.
    pub async fn transactions(
        &self,
        group: &str,
        rows: &[EnrichedTransaction],
        progress: &[Progress<'_>],
        now: Timestamp,
    ) -> Result<Landed, StoreError> {
        self.0
            .within(async {
                let (tx, admission) = self.open(group, rows, progress, now).await?;
                let chosen = newest(rows, &admission.admitted);
                let mut tx = write::stage(tx, &chosen, now).await?;
                let landed = write::transactions(&mut tx, chosen.len()).await?;
                close(tx, rows, admission, landed, now).await
            })
            .await
    }

    /// Lands the state of accounts, likewise.
    ///
    /// # Errors
    /// As [`Self::transactions`].
    pub async fn accounts(
        &self,
        group: &str,
        rows: &[Account],
        progress: &[Progress<'_>],
        now: Timestamp,
    ) -> Result<Landed, StoreError> {
        self.0
            .within(async {
                let (mut tx, admission) = self.open(group, rows, progress, now).await?;
                let landed = write::accounts(&mut tx, &newest(rows, &admission.admitted)).await?;
                close(tx, rows, admission, landed, now).await
            })
            .await
    }

    /// Lands balances, likewise.
    ///
    /// # Errors
    /// As [`Self::transactions`].
    pub async fn balances(
        &self,
        group: &str,
        rows: &[BalanceSnapshot],
        progress: &[Progress<'_>],
        now: Timestamp,
    ) -> Result<Landed, StoreError> {
        self.0
            .within(async {
                let (mut tx, admission) = self.open(group, rows, progress, now).await?;
                let landed = write::balances(&mut tx, &newest(rows, &admission.admitted), now).await?;
                close(tx, rows, admission, landed, now).await
            })
            .await
    }

    /// What has landed of an account between two booking days, and 31 days on either side, because a booking date may
    /// move after the id was minted. In the order of ids.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn known(&self, account: AccountKey, from: Date, to: Date) -> Result<Vec<Known>, StoreError> {
        self.0.within(write::known(self.0, account, from, to)).await
    }

    /// Begins a batch: the positions are moved and held, then the consents are held and the records judged.
    async fn open<R: Record>(
        &self,
        group: &str,
        rows: &[R],
        progress: &[Progress<'_>],
        now: Timestamp,
    ) -> Result<(PgTransaction<'static>, Admission), StoreError> {
        let mut tx = self.0.begin().await?;
        positions::advance(&mut tx, group, progress).await?;
        let admission = admit(&mut tx, rows, now).await?;
        Ok((tx, admission))
    }
}

/// Ends a batch whose rows are written: refused records are answered, windows moved on, everything is committed.
async fn close<R: Record>(
    mut tx: PgTransaction<'static>,
    rows: &[R],
    admission: Admission,
    landed: Landed,
    now: Timestamp,
) -> Result<Landed, StoreError> {
    bury(&mut tx, rows, &admission.refused, now).await?;
    windows::advance(&mut tx, rows, now).await?;
    tx.commit().await?;
    let counted = landed.inserted + landed.updated + landed.unchanged + landed.stale;
    let admitted = u64::try_from(admission.admitted.len()).map_err(StoreError::bug)?;
    Ok(Landed { unchanged: landed.unchanged + (admitted - counted), refused: admission.refused, ..landed })
}
