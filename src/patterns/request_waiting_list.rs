//! Request Waiting List: clients wait for a condition; the node does not.
//!
//! **Problem**: A leader can answer a client only after others answered it, and must go on working meanwhile.
//!
//! **Rule**: Keep what waits under the key of what it waits for; complete it when that holds, expire it at its deadline,
//! fail everything when leadership is lost. In a replicated log the key is index *and* generation: after a change of
//! leadership another command may be decided at the same index.
//!
//! **Invariant**: `durability` (no success before the condition), each request is completed once, and by its own entry.
//!
//! **Owner's duty**: An expired or failed request may still take effect: answer *unknown*, never *failed*.
//!
//! **Source**: Joshi (2023), ch. 14.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::time::LocalTime;

/// What waits, by what it waits for.
#[derive(Clone, Debug)]
pub struct RequestWaitingList<K, T> {
    waiting: BTreeMap<K, (LocalTime, T)>,
    deadlines: BTreeSet<(LocalTime, K)>,
}

impl<K, T> Default for RequestWaitingList<K, T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), deadlines: BTreeSet::new() }
    }
}

impl<K: Ord + Copy, T> RequestWaitingList<K, T> {
    /// Lets `item` wait for `key`, until `deadline` at most.
    pub fn add(&mut self, key: K, deadline: LocalTime, item: T) {
        let before = self.waiting.insert(key, (deadline, item));
        assert!(before.is_none(), "two requests never wait for the same key");
        self.deadlines.insert((deadline, key));
    }

    /// What waited for `key`, if it still does: its condition holds.
    pub fn complete(&mut self, key: K) -> Option<T> {
        let (deadline, item) = self.waiting.remove(&key)?;
        self.deadlines.remove(&(deadline, key));
        Some(item)
    }

    /// One request whose deadline has passed; call it until there is none.
    pub fn expire(&mut self, now: LocalTime) -> Option<T> {
        let &(deadline, key) = self.deadlines.first()?;
        if deadline > now {
            return None;
        }
        self.complete(key)
    }

    /// Everything that waits, in the order of the keys: the conditions will not be known to hold.
    pub fn fail_all(&mut self) -> Vec<T> {
        self.deadlines.clear();
        std::mem::take(&mut self.waiting).into_values().map(|(_, item)| item).collect()
    }

    /// When the next deadline passes.
    #[must_use]
    pub fn next_deadline(&self) -> Option<LocalTime> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> LocalTime {
        LocalTime::from_nanos(nanos)
    }

    #[test]
    fn a_request_completes_once() {
        let mut list = RequestWaitingList::default();
        list.add(1, at(10), "first");
        assert_eq!(list.complete(1), Some("first"));
        assert_eq!(list.complete(1), None);
        assert_eq!(list.expire(at(99)), None);
    }

    #[test]
    fn another_command_at_the_same_index_does_not_complete_it() {
        let mut list = RequestWaitingList::default();
        list.add((7, 1), at(10), "of generation 1"); // (index, generation)
        assert_eq!(list.complete((7, 2)), None);
    }

    #[test]
    fn deadlines_expire_in_order_and_leave_nothing_behind() {
        let mut list = RequestWaitingList::default();
        list.add(1, at(30), 'c');
        list.add(2, at(10), 'a');
        list.add(3, at(20), 'b');
        assert_eq!(list.next_deadline(), Some(at(10)));
        assert_eq!(
            (list.expire(at(20)), list.expire(at(20)), list.expire(at(20))),
            (Some('a'), Some('b'), None)
        );
        assert_eq!(list.len(), 1);
        assert_eq!(list.complete(2), None); // a late reply finds nobody
    }

    #[test]
    fn losing_leadership_fails_everybody() {
        let mut list = RequestWaitingList::default();
        list.add(2, at(10), 'b');
        list.add(1, at(20), 'a');
        assert_eq!(list.fail_all(), ['a', 'b']);
        assert!(list.is_empty());
        assert_eq!(list.next_deadline(), None);
    }
}
