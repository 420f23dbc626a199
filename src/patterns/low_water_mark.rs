//! Low-Water Mark: which part of the log nobody needs any more.
//!
//! **Problem**: The log must be discarded some time, but not the part that recovery, a slow follower or a
//! reader still needs.
//!
//! **Rule**: The mark is the least of the index of the *durable* snapshot and the floors that consumers hold;
//! it never goes back. Whole segments that end at or before it may go, the oldest first. The record at the
//! boundary is remembered by index and generation after it is gone, so that a leader's "previous entry" there
//! can still be compared.
//!
//! **Invariant**: `recovery-equivalence`: at every instant the log begins at or before the entry that follows
//! the snapshot. `bounded-resources`: the disk stays below a cap. `progress`: a laggard gets either entries
//! or a snapshot.
//!
//! **Owner's duty**: Report a snapshot only when it is durable: file, name and all. A consumer that comes too
//! late gets the snapshot. An entry at or below the boundary is settled: whoever asks for a conflict there
//! must be told "matches", never "conflict".
//!
//! **Source**: Joshi, chapter 5; Ongaro and Ousterhout, *In Search of an Understandable Consensus Algorithm*
//! (extended), 2014, section 7. Also: log compaction point, purge index, retention.

use std::collections::BTreeMap;

use crate::kernel::ids::{Generation, LogIndex};

/// A record by its place and generation: enough to compare it with another log's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Boundary {
    /// Its index; 0 is the beginning of all logs.
    pub index: LogIndex,
    /// The generation in which it was created.
    pub generation: Generation,
}

/// Somebody who still reads the log: a follower, a backup, a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Consumer(pub u64);

/// Whether a consumer gets the records it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The records after its position stay until it moves on.
    Held,
    /// Some of them may be gone: it needs the snapshot.
    TooLate,
}

/// How the log at or below the boundary compares with somebody's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is the boundary's entry, or one below it, which was committed: it matches.
    Matches,
    /// It is at the boundary's index but of another generation: one of the two logs is wrong.
    Differs,
    /// It is beyond the boundary: look into the log.
    Beyond,
}

/// The mark below which the log may be discarded, and where the log begins.
#[derive(Clone, Debug, Default)]
pub struct LowWaterMark {
    snapshot: LogIndex,
    floors: BTreeMap<Consumer, LogIndex>,
    mark: LogIndex,
    boundary: Boundary,
}

impl LowWaterMark {
    /// For a log whose first record follows `boundary`, with a durable snapshot through `snapshot`.
    ///
    /// # Panics
    /// If there is a gap between the snapshot and the log.
    #[must_use]
    pub fn new(boundary: Boundary, snapshot: LogIndex) -> Self {
        assert!(boundary.index <= snapshot, "what is not in the log is in the snapshot");
        Self { snapshot, floors: BTreeMap::new(), mark: boundary.index, boundary }
    }

    /// A snapshot through `index` is durable. An older one than is known changes nothing.
    pub fn snapshot_is_durable(&mut self, index: LogIndex) {
        self.snapshot = self.snapshot.max(index);
    }

    /// `consumer` has everything through `index` and needs what follows.
    pub fn hold(&mut self, consumer: Consumer, index: LogIndex) -> Hold {
        if index < self.mark {
            self.floors.remove(&consumer);
            return Hold::TooLate;
        }
        self.floors.insert(consumer, index);
        Hold::Held
    }

    /// `consumer` needs nothing any more.
    pub fn release(&mut self, consumer: Consumer) {
        self.floors.remove(&consumer);
    }

    /// The mark: everything through it may be discarded.
    pub fn mark(&mut self) -> LogIndex {
        let allowed = self.floors.values().copied().fold(self.snapshot, LogIndex::min);
        self.mark = self.mark.max(allowed);
        assert!(self.mark <= self.snapshot, "only what a durable snapshot covers is discarded");
        self.mark
    }

    /// How many of the oldest segments may go, given the last index of each, oldest first.
    pub fn removable(&mut self, last_indices: impl IntoIterator<Item = LogIndex>) -> usize {
        let mark = self.mark();
        last_indices.into_iter().take_while(|&last| last <= mark).count()
    }

    /// The log now begins after `boundary`.
    ///
    /// # Panics
    /// If that is beyond the mark, or before the previous boundary.
    pub fn discarded(&mut self, boundary: Boundary) {
        assert!(boundary.index >= self.boundary.index, "what is discarded does not come back");
        assert!(boundary.index <= self.mark, "only what is below the mark is discarded");
        self.boundary = boundary;
    }

    /// The last discarded record.
    #[must_use]
    pub const fn boundary(&self) -> Boundary {
        self.boundary
    }

    /// Compares an entry of another log with the discarded part of this one.
    #[must_use]
    pub fn compare(&self, entry: Boundary) -> Settled {
        if entry.index > self.boundary.index {
            Settled::Beyond
        } else if entry.index == self.boundary.index && entry.generation != self.boundary.generation
        {
            Settled::Differs
        } else {
            Settled::Matches
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(index: u64, generation: u64) -> Boundary {
        Boundary { index: LogIndex(index), generation: Generation(generation) }
    }

    fn with_snapshot(index: u64) -> LowWaterMark {
        let mut mark = LowWaterMark::default();
        mark.snapshot_is_durable(LogIndex(index));
        mark
    }

    #[test]
    fn nothing_goes_before_the_first_snapshot() {
        let mut mark = LowWaterMark::default();
        assert_eq!(mark.mark(), LogIndex(0));
        assert_eq!(mark.removable([LogIndex(5), LogIndex(9)]), 0);
    }

    #[test]
    fn segments_that_end_at_or_before_the_mark_may_go() {
        let last_indices = || [5, 9, 12].map(LogIndex);
        assert_eq!(with_snapshot(8).removable(last_indices()), 1);
        assert_eq!(with_snapshot(9).removable(last_indices()), 2);
        assert_eq!(with_snapshot(11).removable(last_indices()), 2);
    }

    #[test]
    fn a_slow_consumer_holds_the_mark_back_until_it_moves_on_or_leaves() {
        let mut mark = with_snapshot(10);
        assert_eq!(mark.hold(Consumer(1), LogIndex(4)), Hold::Held);
        assert_eq!(mark.mark(), LogIndex(4));
        assert_eq!(mark.hold(Consumer(1), LogIndex(7)), Hold::Held);
        assert_eq!(mark.mark(), LogIndex(7));
        mark.release(Consumer(1));
        assert_eq!(mark.mark(), LogIndex(10));
    }

    #[test]
    fn the_mark_never_goes_back() {
        let mut mark = with_snapshot(10);
        assert_eq!(mark.mark(), LogIndex(10));
        mark.snapshot_is_durable(LogIndex(6)); // an older snapshot that was slow to finish
        assert_eq!(mark.mark(), LogIndex(10));
    }

    #[test]
    fn a_consumer_that_comes_too_late_is_told_so_and_holds_nothing() {
        let mut mark = with_snapshot(10);
        mark.mark();
        assert_eq!(mark.hold(Consumer(1), LogIndex(9)), Hold::TooLate);
        mark.snapshot_is_durable(LogIndex(20));
        assert_eq!(mark.mark(), LogIndex(20));
    }

    #[test]
    fn the_entry_at_the_boundary_can_still_be_compared() {
        // Taking a purged entry for a conflict made a follower delete a good log.
        let mut mark = with_snapshot(10);
        mark.mark();
        mark.discarded(at(10, 3));
        assert_eq!(mark.compare(at(10, 3)), Settled::Matches);
        assert_eq!(mark.compare(at(10, 2)), Settled::Differs);
        assert_eq!(mark.compare(at(9, 2)), Settled::Matches);
        assert_eq!(mark.compare(at(11, 3)), Settled::Beyond);
    }

    #[test]
    #[should_panic(expected = "only what is below the mark is discarded")]
    fn discarding_what_no_snapshot_covers_is_a_bug() {
        let mut mark = with_snapshot(10);
        mark.mark();
        mark.discarded(at(11, 3));
    }

    #[test]
    fn the_boundary_survives_a_restart() {
        let mark = LowWaterMark::new(at(10, 3), LogIndex(12));
        assert_eq!(mark.compare(at(10, 3)), Settled::Matches);
        assert_eq!(mark.boundary(), at(10, 3));
    }
}
