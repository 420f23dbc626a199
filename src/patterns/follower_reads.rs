//! Follower Reads: any replica may serve a read, with a guarantee that is stated and kept.
//!
//! **Problem**: Leaders are overloaded and far away; followers have the data but may be behind.
//!
//! **Rule**: Three guarantees, each with its guard. *Linearizable*: ask the leader for its commit index; the leader
//! answers after a round of heartbeats that *started after the read arrived* proved that it still led; the replica waits
//! until it has applied that index. *Bounded staleness*: serve only if this state was the newest at some moment within
//! the bound, by the own clock. *Session*: serve only if the state is as new as the token that the client brings.
//!
//! **Invariant**: `linearizability`, `session-guarantees`; nothing above the high-water mark is shown (`no-dirty-read`).
//!
//! **Owner's duty**: A new leader's commit index may lag behind what its predecessor acknowledged: read at its own first
//! entry or later. Wait for *applied*, not for committed. Tell everybody who waits when leadership changes.
//!
//! **Source**: Joshi (2023), ch. 16; the read index: Ongaro's dissertation (2014), §6.4.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::kernel::ids::LogIndex;
use crate::kernel::time::LocalTime;

/// A round of messages by which a leader proves that it leads: numbered in the order in which they start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Round(pub u64);

impl Round {
    /// The next round.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The reads that wait for a leader's proof.
#[derive(Clone, Debug)]
pub struct ReadIndex<T> {
    /// Rounds never decrease along it.
    asked: VecDeque<(Round, LogIndex, T)>,
}

impl<T> Default for ReadIndex<T> {
    fn default() -> Self {
        Self { asked: VecDeque::new() }
    }
}

impl<T> ReadIndex<T> {
    /// A read arrived. It needs a round that starts after this moment: one after `started`, the last that has started.
    /// `index` is the leader's commit index, or its own first entry if that is later.
    pub fn ask(&mut self, started: Round, index: LogIndex, item: T) {
        let needed = started.next();
        assert!(self.asked.back().is_none_or(|last| last.0 <= needed), "rounds start in order");
        self.asked.push_back((needed, index, item));
    }

    /// One read whose round is proven, with its index; call it until there is none.
    pub fn confirmed(&mut self, proven: Round) -> Option<(LogIndex, T)> {
        if self.asked.front()?.0 > proven {
            return None;
        }
        self.asked.pop_front().map(|(_, index, item)| (index, item))
    }

    /// Whether a read waits for a round that has not started.
    #[must_use]
    pub fn wants_round_after(&self, started: Round) -> bool {
        self.asked.back().is_some_and(|last| last.0 > started)
    }

    /// Takes all reads: leadership is lost.
    pub fn take_all(&mut self) -> impl Iterator<Item = T> + use<T> {
        std::mem::take(&mut self.asked).into_iter().map(|(_, _, item)| item)
    }

    /// Whether no read waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }
}

/// The reads that wait until the state machine has reached an index.
#[derive(Clone, Debug)]
pub struct WaitForIndex<T> {
    waiting: BTreeMap<(LogIndex, u64), T>,
    arrivals: u64,
}

impl<T> Default for WaitForIndex<T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), arrivals: 0 }
    }
}

impl<T> WaitForIndex<T> {
    /// Lets a read wait for `index`.
    pub fn add(&mut self, index: LogIndex, item: T) {
        self.arrivals += 1;
        self.waiting.insert((index, self.arrivals), item);
    }

    /// One read that the state at `applied` may serve; call it until there is none.
    pub fn reached(&mut self, applied: LogIndex) -> Option<T> {
        let first = self.waiting.first_entry()?;
        (first.key().0 <= applied).then(|| first.remove())
    }

    /// One read for which `given_up` holds; call it until there is none.
    pub fn remove_where(&mut self, given_up: impl Fn(&T) -> bool) -> Option<T> {
        let key = *self.waiting.iter().find(|(_, item)| given_up(item))?.0;
        self.waiting.remove(&key)
    }

    /// What waits, in the order of the indices.
    pub fn items(&self) -> impl Iterator<Item = &T> {
        self.waiting.values()
    }
}

/// How fresh a replica's state is known to be.
///
/// The proof goes in a circle, so that only the replica's own clock matters, however long a message was held on the
/// way: the replica sends its time; the leader, after a round that started later was confirmed, sends that time back
/// with its commit index. A replica that has applied that index had the newest state at a moment after that time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Freshness {
    newest_at: Option<LocalTime>,
}

impl Freshness {
    /// The state was the newest at some moment not before `moment`.
    pub fn proven(&mut self, moment: LocalTime) {
        self.newest_at = self.newest_at.max(Some(moment));
    }

    /// Whether the state was the newest at some moment within the last `bound`.
    #[must_use]
    pub fn within(self, bound: Duration, now: LocalTime) -> bool {
        self.newest_at.is_some_and(|moment| now.since(moment) <= bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_that_started_before_the_read_proves_nothing() {
        let mut reads = ReadIndex::default();
        reads.ask(Round(4), LogIndex(10), 'r'); // round 4 is under way when the read arrives
        assert!(reads.wants_round_after(Round(4)));
        assert_eq!(reads.confirmed(Round(4)), None);
        assert_eq!(reads.confirmed(Round(5)), Some((LogIndex(10), 'r')));
        assert_eq!(reads.confirmed(Round(5)), None);
    }

    #[test]
    fn one_round_proves_all_reads_that_arrived_before_it() {
        let mut reads = ReadIndex::default();
        reads.ask(Round(0), LogIndex(1), 'a');
        reads.ask(Round(0), LogIndex(2), 'b');
        reads.ask(Round(1), LogIndex(3), 'c');
        assert_eq!(reads.confirmed(Round(1)), Some((LogIndex(1), 'a')));
        assert_eq!(reads.confirmed(Round(1)), Some((LogIndex(2), 'b')));
        assert_eq!(reads.confirmed(Round(1)), None);
    }

    #[test]
    fn losing_leadership_drops_no_read_silently() {
        let mut reads = ReadIndex::default();
        reads.ask(Round(0), LogIndex(1), 'a');
        assert_eq!(reads.take_all().collect::<Vec<_>>(), ['a']);
        assert!(reads.is_empty());
    }

    #[test]
    fn a_read_waits_until_its_index_is_applied() {
        let mut waiting = WaitForIndex::default();
        waiting.add(LogIndex(5), 'b');
        waiting.add(LogIndex(3), 'a');
        assert_eq!(waiting.reached(LogIndex(2)), None);
        assert_eq!(waiting.reached(LogIndex(4)), Some('a'));
        assert_eq!(waiting.reached(LogIndex(4)), None);
        assert_eq!(waiting.remove_where(|&item| item == 'b'), Some('b'));
    }

    #[test]
    fn silence_makes_a_state_stale() {
        let at = LocalTime::from_nanos;
        let mut freshness = Freshness::default();
        assert!(!freshness.within(Duration::from_nanos(100), at(5)));
        freshness.proven(at(50));
        freshness.proven(at(20)); // a late proof of less takes nothing back
        assert!(freshness.within(Duration::from_nanos(100), at(150)));
        assert!(!freshness.within(Duration::from_nanos(100), at(151)));
    }
}
