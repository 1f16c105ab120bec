//! What is under way, and up to where everything is done: only that may be committed.

use std::collections::{BTreeMap, HashMap};

use tokio::task::AbortHandle;

use crate::worker::feed::Place;

/// The records under way in each partition.
#[derive(Debug, Default)]
pub(super) struct Frontier {
    partitions: HashMap<Place, Partition>,
}

#[derive(Debug, Default)]
struct Partition {
    under_way: BTreeMap<i64, AbortHandle>,
    /// The offset after the last one begun.
    next: i64,
    /// Up to here the group knows.
    committed: i64,
}

impl Frontier {
    /// A record is under way.
    pub(super) fn begin(&mut self, place: Place, offset: i64, task: AbortHandle) {
        let partition = self
            .partitions
            .entry(place)
            .or_insert_with(|| Partition { committed: offset, ..Partition::default() });
        partition.under_way.insert(offset, task);
        partition.next = offset + 1;
    }

    /// A record that is under way already is so in another task.
    pub(super) fn begin_again(&mut self, place: Place, offset: i64, task: AbortHandle) {
        match self.partitions.get_mut(&place).and_then(|partition| partition.under_way.get_mut(&offset)) {
            Some(under_way) => *under_way = task,
            // Its partition was given up meanwhile.
            None => task.abort(),
        }
    }

    /// A record is done; false when its partition was given up meanwhile.
    pub(super) fn finish(&mut self, place: Place, offset: i64) -> bool {
        self.partitions.get_mut(&place).is_some_and(|partition| partition.under_way.remove(&offset).is_some())
    }

    /// How many records are under way in some partitions.
    pub(super) fn under_way(&self, places: &[Place]) -> usize {
        places.iter().filter_map(|place| self.partitions.get(place)).map(|one| one.under_way.len()).sum()
    }

    /// How many records are begun and cannot be committed yet: done ones wait for those before them.
    pub(super) fn held(&self) -> i64 {
        self.partitions.values().map(|partition| partition.next - partition.done()).sum()
    }

    /// Up to where each partition is done, where that is further than the group knows.
    pub(super) fn advanced(&self) -> Vec<(Place, i64)> {
        let ahead = self.partitions.iter().filter(|(_, partition)| partition.done() > partition.committed);
        ahead.map(|(place, partition)| (*place, partition.done())).collect()
    }

    /// The group knows.
    pub(super) fn committed(&mut self, offsets: &[(Place, i64)]) {
        for (place, offset) in offsets {
            if let Some(partition) = self.partitions.get_mut(place) {
                partition.committed = *offset;
            }
        }
    }

    /// Gives partitions up; what is under way in them ends.
    pub(super) fn forget(&mut self, places: &[Place]) {
        for partition in places.iter().filter_map(|place| self.partitions.remove(place)) {
            partition.under_way.values().for_each(AbortHandle::abort);
        }
    }
}

impl Partition {
    fn done(&self) -> i64 {
        self.under_way.keys().next().copied().unwrap_or(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_is_done_without_a_gap_may_be_committed() {
        let (mut frontier, place) = (Frontier::default(), Place::new(0, 3));
        let mut tasks = tokio::task::JoinSet::new();
        for offset in [10, 11, 13] {
            frontier.begin(place, offset, tasks.spawn(async {}));
        }
        assert!(frontier.finish(place, 11));
        assert!(frontier.advanced().is_empty());
        assert!(frontier.finish(place, 10));
        assert_eq!(frontier.advanced(), [(place, 13)]);
        assert!(frontier.finish(place, 13));
        assert_eq!(frontier.advanced(), [(place, 14)]);
        frontier.committed(&[(place, 14)]);
        assert!(frontier.advanced().is_empty());
        assert_eq!(frontier.held(), 0);
    }

    #[tokio::test]
    async fn a_record_of_a_partition_that_was_given_up_counts_no_more() {
        let (mut frontier, place) = (Frontier::default(), Place::new(0, 0));
        let mut tasks = tokio::task::JoinSet::new();
        frontier.begin(place, 5, tasks.spawn(std::future::pending::<()>()));
        frontier.forget(&[place]);
        assert!(!frontier.finish(place, 5));
        assert!(tasks.join_next().await.unwrap().unwrap_err().is_cancelled());
    }
}
