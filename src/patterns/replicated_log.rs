//! Replicated Log: the same commands at the same positions, so that all replicas execute the same order.
//!
//! **Problem**: Replicas stay equal only if they execute the same commands in the same order, whoever leads.
//!
//! **Rule**: Each command has an index and the generation of the leader that put it there. A leader sends entries with
//! the position *before* them; a follower takes them only if it has that very position, and removes entries of its own
//! only where one truly conflicts: an older message that arrives late proves nothing about what came after it.
//!
//! **Invariant**: `log-matching`: if two logs have the same generation at an index, they are equal up to it.
//!
//! **Owner's duty**: What is accepted must be durable before it is acknowledged, and a truncation must be durable before
//! anything is appended after it. Acknowledge what the message *verified*, never the own last index.
//!
//! **Source**: Joshi (2023), ch. 12; Ongaro and Ousterhout (2014), §5.3, with the accelerated search of its last
//! paragraphs; the base is what §7 keeps of a discarded prefix.

use std::collections::VecDeque;

use crate::kernel::ids::{Generation, LogIndex};

/// A place in a log: an index and the generation of the entry there. It names all entries up to it.
///
/// Ordered as Raft compares logs (§5.4.1): by generation first, then by index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The generation of the entry; 0 before the first.
    pub generation: Generation,
    /// Its index.
    pub index: LogIndex,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry<C> {
    /// The generation of the leader that created it.
    pub generation: Generation,
    /// What to execute.
    pub command: C,
}

/// What became of entries that a leader sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Own entries were removed from here on, because the entry here conflicted.
    pub truncated_from: Option<LogIndex>,
    /// The first index that is new in this log; the log's end plus one if nothing is.
    pub new_from: LogIndex,
    /// The last index that the message proved to be as in the leader's log.
    pub verified: LogIndex,
}

/// Why entries were not taken: this log does not have the position before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The greatest index at which the two logs may still agree.
    pub may_agree: LogIndex,
}

/// The log of one replica, in memory.
///
/// Invariant: indices are contiguous from the base; generations never decrease along it.
#[derive(Clone, Debug)]
pub struct ReplicatedLog<C> {
    /// What is known of the discarded prefix: its last position.
    base: Position,
    entries: VecDeque<Entry<C>>,
}

impl<C> Default for ReplicatedLog<C> {
    fn default() -> Self {
        Self::after(Position::default())
    }
}

impl<C> ReplicatedLog<C> {
    /// An empty log whose entries through `base` were discarded.
    #[must_use]
    pub const fn after(base: Position) -> Self {
        Self { base, entries: VecDeque::new() }
    }

    /// The last position of the discarded prefix.
    #[must_use]
    pub const fn base(&self) -> Position {
        self.base
    }

    /// The last position.
    #[must_use]
    pub fn last(&self) -> Position {
        let Some(entry) = self.entries.back() else { return self.base };
        Position { generation: entry.generation, index: self.last_index() }
    }

    /// The last index.
    #[must_use]
    pub fn last_index(&self) -> LogIndex {
        LogIndex(self.base.index.0 + self.entries.len() as u64)
    }

    /// The entry at an index, if the log has it.
    #[must_use]
    pub fn get(&self, index: LogIndex) -> Option<&Entry<C>> {
        let place = index.0.checked_sub(self.base.index.0 + 1)?;
        self.entries.get(place as usize)
    }

    /// The generation at an index; `None` if the log has no entry there, or discarded it.
    #[must_use]
    pub fn generation_at(&self, index: LogIndex) -> Option<Generation> {
        if index == self.base.index {
            return Some(self.base.generation);
        }
        self.get(index).map(|entry| entry.generation)
    }

    /// The position at an index, if the log knows its generation.
    #[must_use]
    pub fn position(&self, index: LogIndex) -> Option<Position> {
        self.generation_at(index).map(|generation| Position { generation, index })
    }

    /// The entries from an index on, at most `count`.
    pub fn from(&self, index: LogIndex, count: usize) -> impl Iterator<Item = &Entry<C>> {
        let skipped = index.0.saturating_sub(self.base.index.0 + 1) as usize;
        self.entries.range(skipped.min(self.entries.len())..).take(count)
    }

    /// Appends an entry; returns its index. For a leader, or to read a log back in.
    pub fn append(&mut self, generation: Generation, command: C) -> LogIndex {
        assert!(generation >= self.last().generation, "generations never decrease along a log");
        self.entries.push_back(Entry { generation, command });
        self.last_index()
    }

    /// Whether this log has the position before a leader's entries. A discarded position is fine: what was discarded
    /// was decided, and no leader disagrees with that.
    ///
    /// # Errors
    /// The mismatch, with the greatest index at which the logs may agree: if there is an entry of another generation,
    /// the index before that generation's first entry.
    pub fn check(&self, previous: Position) -> Result<(), Mismatch> {
        if previous.index < self.base.index {
            return Ok(());
        }
        let Some(generation) = self.generation_at(previous.index) else {
            return Err(Mismatch { may_agree: self.last_index() });
        };
        if generation == previous.generation {
            return Ok(());
        }
        let mut may_agree = previous.index.previous();
        while may_agree > self.base.index && self.generation_at(may_agree) == Some(generation) {
            may_agree = may_agree.previous();
        }
        Err(Mismatch { may_agree: may_agree.max(self.base.index) })
    }

    /// Removes the entries from `from` on.
    pub fn truncate_from(&mut self, from: LogIndex) {
        assert!(from > self.base.index, "what was discarded was decided and cannot be truncated");
        self.entries.truncate((from.0 - self.base.index.0 - 1) as usize);
    }

    /// Forgets the entries through `through`, which a durable snapshot covers, and remembers the last of them.
    pub fn discard_through(&mut self, through: LogIndex) {
        let Some(base) = self.position(through) else { return };
        self.entries.drain(..(through.0 - self.base.index.0) as usize);
        self.base = base;
    }
}

impl<C: Clone> ReplicatedLog<C> {
    /// Takes the entries after a position that [`check`](Self::check) accepted.
    pub fn accept(&mut self, previous: Position, entries: &[Entry<C>]) -> Accepted {
        let verified = LogIndex(previous.index.0 + entries.len() as u64);
        let first = previous.index.next();
        let known = |place: usize| {
            let index = LogIndex(first.0 + place as u64);
            index <= self.base.index || self.generation_at(index) == Some(entries[place].generation)
        };
        let new = (0..entries.len()).find(|&place| !known(place)).unwrap_or(entries.len());
        if new == entries.len() {
            let new_from = self.last_index().next();
            return Accepted { truncated_from: None, new_from, verified };
        }
        let new_from = LogIndex(first.0 + new as u64);
        assert!(new_from <= self.last_index().next(), "accepted entries leave no gap");
        let truncated_from = (new_from <= self.last_index()).then_some(new_from);
        if let Some(from) = truncated_from {
            self.truncate_from(from);
        }
        self.entries.extend(entries[new..].iter().cloned());
        Accepted { truncated_from, new_from, verified }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(generations: &[u64]) -> ReplicatedLog<char> {
        let mut log = ReplicatedLog::default();
        for &generation in generations {
            log.append(Generation(generation), 'x');
        }
        log
    }

    fn at(index: u64, generation: u64) -> Position {
        Position { generation: Generation(generation), index: LogIndex(index) }
    }

    fn entries(generations: &[u64]) -> Vec<Entry<char>> {
        let entry = |&generation: &u64| Entry { generation: Generation(generation), command: 'y' };
        generations.iter().map(entry).collect()
    }

    #[test]
    fn a_gap_is_refused() {
        assert_eq!(log(&[1, 1]).check(at(3, 1)), Err(Mismatch { may_agree: LogIndex(2) }));
    }

    #[test]
    fn a_conflict_before_the_entries_is_refused_and_skips_the_whole_generation() {
        // Raft §5.3: the follower's entries of generation 2 are at 2, 3 and 4; the leader has 3 at index 4.
        let conflict = log(&[1, 2, 2, 2]).check(at(4, 3));
        assert_eq!(conflict, Err(Mismatch { may_agree: LogIndex(1) }));
    }

    #[test]
    fn a_true_conflict_truncates_and_only_from_there() {
        let mut log = log(&[1, 1, 2, 2]);
        let accepted = log.accept(at(1, 1), &entries(&[1, 3]));
        assert_eq!(accepted.truncated_from, Some(LogIndex(3)));
        assert_eq!(accepted.new_from, LogIndex(3));
        assert_eq!(log.last(), at(3, 3));
        assert_eq!(log.get(LogIndex(2)).expect("it is there").command, 'x'); // not rewritten
    }

    #[test]
    fn a_delayed_older_append_removes_nothing() {
        let mut log = log(&[1, 1, 1, 1]);
        let accepted = log.accept(at(1, 1), &entries(&[1]));
        assert_eq!((accepted.truncated_from, accepted.new_from), (None, LogIndex(5)));
        assert_eq!(accepted.verified, LogIndex(2)); // not 4: the rest was not verified
        assert_eq!(log.last_index(), LogIndex(4));
    }

    #[test]
    fn an_empty_append_verifies_the_position_before_it_only() {
        let mut log = log(&[1, 1, 1]);
        let accepted = log.accept(at(2, 1), &[]);
        assert_eq!((accepted.verified, log.last_index()), (LogIndex(2), LogIndex(3)));
    }

    #[test]
    fn a_discarded_position_is_no_conflict() {
        let mut log = log(&[1, 1, 2, 2]);
        log.discard_through(LogIndex(3));
        assert_eq!(log.base(), at(3, 2));
        assert_eq!(log.check(at(3, 2)), Ok(()));
        assert_eq!(log.check(at(1, 1)), Ok(()));
        let accepted = log.accept(at(1, 1), &entries(&[1, 2, 2, 2]));
        assert_eq!((accepted.truncated_from, accepted.new_from), (None, LogIndex(5)));
        assert_eq!(log.last_index(), LogIndex(5));
    }

    #[test]
    fn the_entry_at_the_boundary_keeps_its_generation() {
        let mut log = log(&[1, 2]);
        log.discard_through(LogIndex(2));
        assert_eq!(log.last(), at(2, 2));
        assert_eq!(log.check(at(2, 1)), Err(Mismatch { may_agree: LogIndex(2) }));
    }

    #[test]
    fn logs_compare_by_generation_first() {
        assert!(at(1, 3) > at(9, 2)); // §5.4.1: the later generation is more up to date
        assert!(at(5, 2) > at(4, 2)); // then the longer log
    }
}
