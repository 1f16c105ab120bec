//! Topics into tables. What and whether something is stored is the store's to decide, under its own locks.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use events::{Account, BalanceSnapshot, EnrichedTransaction, Record};
use jiff::Timestamp;
use service::{Clock, Shutdown, Tasks};
use stage_runner::{Fault, Inbound, Progress, Rejection, Sink, SinkSpec};
use store::{Landed, Landing, Store, StoreError};

use crate::{Deps, metrics};

/// A record with a table.
pub trait Lands: Record + Clone {
    /// Lands rows with the positions they were read at.
    ///
    /// # Errors
    /// As the store's method.
    fn land(
        landing: Landing<'_>,
        batch: Batch<'_, Self>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Landed, StoreError>> + Send;
}

/// What one SQL transaction takes.
pub struct Batch<'a, T> {
    group: &'a str,
    rows: &'a [T],
    progress: &'a [store::Progress<'a>],
}

macro_rules! lands {
    ($($record:ident by $method:ident;)+) => {$(
        impl Lands for $record {
            async fn land(landing: Landing<'_>, batch: Batch<'_, Self>, now: Timestamp) -> Result<Landed, StoreError> {
                landing.$method(batch.group, batch.rows, batch.progress, now).await
            }
        }
    )+};
}

lands! {
    EnrichedTransaction by transactions;
    Account by accounts;
    BalanceSnapshot by balances;
}

/// Lands one kind of record. Tombstones are passed over: the store knew before the topic did.
pub struct LandingSink<T> {
    store: Store,
    clock: Clock,
    record: PhantomData<fn(T)>,
}

impl<T: Lands> LandingSink<T> {
    /// A sink into this store.
    #[must_use]
    pub fn new(store: &Store, clock: &Clock) -> Self {
        Self { store: store.clone(), clock: clock.clone(), record: PhantomData }
    }
}

impl<T: Lands> Sink for LandingSink<T> {
    type In = T;

    async fn positions(
        &self,
        group: &str,
        topic: &str,
        partitions: &[i32],
    ) -> Result<Vec<(i32, i64)>, Fault> {
        Ok(self.store.landing().positions(group, topic, partitions).await?)
    }

    async fn write(
        &self,
        group: &str,
        batch: &[Inbound<T>],
        progress: &[Progress],
    ) -> Result<Vec<(usize, Rejection)>, Fault> {
        let rows: Vec<T> = batch.iter().filter_map(|inbound| inbound.value.clone()).collect();
        let progress: Vec<_> = progress.iter().map(position).collect();
        let batch = Batch { group, rows: &rows, progress: &progress };
        let landed = T::land(self.store.landing(), batch, self.clock.now()).await?;
        metrics::landed(T::NAME, &landed);
        // What was refused is right by itself and came too late: the store has answered it with a tombstone.
        Ok(Vec::new())
    }
}

fn position(progress: &Progress) -> store::Progress<'_> {
    store::Progress {
        topic: &progress.topic,
        partition: progress.partition,
        from: progress.from,
        next: progress.next,
    }
}

/// Runs a sink among the role's tasks.
pub(crate) fn spawn<T: Lands>(tasks: &mut Tasks, deps: &Deps, spec: SinkSpec, shutdown: &Shutdown) {
    let sink = Arc::new(LandingSink::<T>::new(&deps.store, &deps.clock));
    let (kafka, shutdown, name) = (deps.kafka.clone(), shutdown.clone(), spec.name);
    tasks.run(name, async move { stage_runner::run_sink(&kafka, spec, sink, shutdown).await });
}
