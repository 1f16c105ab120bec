//! Rebalances are noted where the client library announces them and answered by the worker's loop, which alone knows
//! what has to be committed first.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaResult;
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;

use crate::metrics;

/// A change of what a worker reads. It waits for an answer.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// These partitions are ours now.
    Assign(TopicPartitionList),
    /// These are to be given up.
    Revoke(TopicPartitionList),
}

/// What the client library tells a consumer.
pub(crate) struct Watch {
    stage: &'static str,
    changes: Mutex<VecDeque<Change>>,
    closing: AtomicBool,
}

impl Watch {
    pub(crate) fn new(stage: &'static str) -> Self {
        Self { stage, changes: Mutex::default(), closing: AtomicBool::new(false) }
    }

    pub(crate) fn first(&self) -> Option<Change> {
        self.with(|changes| changes.front().cloned())
    }

    pub(crate) fn answered(&self) {
        self.with(VecDeque::pop_front);
    }

    pub(crate) fn pending(&self) -> bool {
        self.with(|changes| !changes.is_empty())
    }

    /// From now on the loop does not come round any more and changes are answered at once.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    fn with<T>(&self, act: impl FnOnce(&mut VecDeque<Change>) -> T) -> T {
        act(&mut self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for Watch {
    fn stats(&self, statistics: Statistics) {
        for (topic, state) in statistics.topics {
            for (partition, state) in state.partitions {
                if partition >= 0 {
                    // Negative where another member reads; 0 overwrites what we said while it was ours.
                    metrics::lag(self.stage, topic.clone(), partition, state.consumer_lag.max(0));
                }
            }
        }
    }
}

impl ConsumerContext for Watch {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, kind: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let change = match kind {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Change::Assign(list.clone()),
            _ => Change::Revoke(list.clone()),
        };
        if self.closing.load(Ordering::Acquire) {
            if let Err(error) = give_up(consumer, &change) {
                tracing::debug!(%error, "a partition was not given up cleanly");
            }
        } else {
            self.with(|changes| changes.push_back(change));
        }
    }
}

/// The answer that takes nothing and keeps nothing.
pub(crate) fn give_up(consumer: &BaseConsumer<Watch>, change: &Change) -> KafkaResult<()> {
    match (consumer.rebalance_protocol(), change) {
        (RebalanceProtocol::Cooperative, Change::Assign(list)) => consumer.incremental_assign(list),
        (RebalanceProtocol::Cooperative, Change::Revoke(list)) => consumer.incremental_unassign(list),
        _ => consumer.unassign(),
    }
}
