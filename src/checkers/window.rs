//! What checkers remember for each log index, and how far back.
//!
//! A run may last for days of virtual time, so a checker must forget. What lies below every node's snapshot
//! can hardly be asked about again; a node that lags far behind must not hold the memory of everything, so
//! each node counts as lagging at most [`SLACK`] entries. What a checker has forgotten it does not judge:
//! it may then miss a violation, but it never invents one.

use std::collections::VecDeque;

use crate::claim::Claim;
use crate::kernel::ids::{LogIndex, NodeId};
use crate::trace::{Event, Fact};

/// How many entries a lagging node holds the memory back at most.
pub(super) const SLACK: u64 = 1 << 16;

/// One value for each index of a stretch of the log, forgotten from the front.
#[derive(Debug)]
pub(super) struct Window<T> {
    /// The index of the first item.
    first: u64,
    /// Everything through this index was forgotten.
    forgotten: u64,
    items: VecDeque<Option<T>>,
}

impl<T> Default for Window<T> {
    fn default() -> Self {
        Self { first: 1, forgotten: 0, items: VecDeque::new() }
    }
}

impl<T> Window<T> {
    /// What is remembered of an index.
    pub fn get(&self, index: LogIndex) -> Option<&T> {
        self.items.get(index.0.checked_sub(self.first)? as usize)?.as_ref()
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, index: LogIndex) -> Option<&mut T> {
        self.items.get_mut(index.0.checked_sub(self.first)? as usize)?.as_mut()
    }

    /// Remembers a value for an index, unless the index was forgotten already. A jump of more than [`SLACK`]
    /// forgets what was before it.
    pub fn set(&mut self, index: LogIndex, value: T) {
        if index.0 <= self.forgotten {
            return;
        }
        if self.items.is_empty() {
            self.first = index.0;
        }
        if index.0 < self.first {
            if self.first - index.0 > SLACK {
                return;
            }
            for _ in index.0..self.first {
                self.items.push_front(None);
            }
            self.first = index.0;
        }
        let mut place = index.0 - self.first;
        if place > self.items.len() as u64 + SLACK {
            self.items.clear();
            self.first = index.0;
            place = 0;
        }
        while self.items.len() as u64 <= place {
            self.items.push_back(None);
        }
        self.items[place as usize] = Some(value);
        assert!(self.get(index).is_some(), "what was remembered can be found");
    }

    /// Forgets everything through an index; shows what is forgotten.
    pub fn forget(&mut self, through: LogIndex, mut last_look: impl FnMut(LogIndex, T)) {
        self.forgotten = self.forgotten.max(through.0);
        while self.first <= through.0 {
            let Some(item) = self.items.pop_front() else { break };
            if let Some(item) = item {
                last_look(LogIndex(self.first), item);
            }
            self.first += 1;
        }
    }

    /// The last index about which something is remembered, 0 if there is none.
    pub fn last(&self) -> LogIndex {
        LogIndex((self.first + self.items.len() as u64).saturating_sub(1))
    }

    /// The first index about which something may be remembered.
    pub const fn first(&self) -> LogIndex {
        LogIndex(self.first)
    }
}

/// The index below which nobody will ask again: what every node has in a snapshot, the laggards aside.
#[derive(Debug, Default)]
pub(super) struct Floor {
    /// How far each started node's snapshots reach.
    snapshots: Vec<Option<u64>>,
    index: u64,
}

impl Floor {
    /// Takes in an event; returns the new floor if it rose.
    pub fn observe(&mut self, event: &Event) -> Option<LogIndex> {
        let node = event.node?;
        match event.fact {
            Fact::Started { .. } => {
                self.of(node).get_or_insert(0);
                None
            }
            Fact::Claimed(Claim::Snapshot { index, .. }) => {
                *self.of(node) = Some(index.0);
                self.rise()
            }
            _ => None,
        }
    }

    fn of(&mut self, node: NodeId) -> &mut Option<u64> {
        if self.snapshots.len() <= node.index() {
            self.snapshots.resize(node.index() + 1, None);
        }
        &mut self.snapshots[node.index()]
    }

    fn rise(&mut self) -> Option<LogIndex> {
        let started = self.snapshots.iter().flatten();
        let highest = *started.clone().max()?;
        let lowest = *started.min()?;
        let floor = lowest.max(highest.saturating_sub(SLACK));
        (floor > self.index).then(|| {
            self.index = floor;
            LogIndex(floor)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::Script;

    #[test]
    fn a_window_remembers_what_was_not_forgotten() {
        let mut window = Window::default();
        for index in [3, 4, 7, 2] {
            window.set(LogIndex(index), index);
        }
        let all: Vec<_> = (0..9).map(|index| window.get(LogIndex(index)).copied()).collect();
        assert_eq!(all, [None, None, Some(2), Some(3), Some(4), None, None, Some(7), None]);
        let mut seen = Vec::new();
        window.forget(LogIndex(3), |index, value| seen.push((index.0, value)));
        assert_eq!(seen, [(2, 2), (3, 3)]);
        window.set(LogIndex(3), 3);
        assert_eq!(window.get(LogIndex(3)), None, "forgotten for good");
        assert_eq!((window.first(), window.last()), (LogIndex(4), LogIndex(7)));
    }

    #[test]
    fn a_window_does_not_fill_an_absurd_gap() {
        let mut window = Window::default();
        window.set(LogIndex(1), 1);
        window.set(LogIndex(2), 1);
        window.set(LogIndex(u64::MAX - 1), 2);
        assert_eq!(window.get(LogIndex(1)), None);
        window.set(LogIndex(5), 5);
        assert_eq!(window.get(LogIndex(5)), None);
        assert_eq!(window.items.len(), 1);
    }

    #[test]
    fn a_window_reaches_as_far_as_its_slack() {
        let [mut forward, mut backward] = [Window::default(), Window::default()];
        forward.set(LogIndex(3), 1);
        assert_eq!(forward.first(), LogIndex(3));
        forward.set(LogIndex(3 + 1 + SLACK), 2);
        assert_eq!(forward.get(LogIndex(3)), Some(&1));
        backward.set(LogIndex(1 + SLACK), 2);
        backward.set(LogIndex(1), 1);
        assert_eq!(backward.get(LogIndex(1)), Some(&1));
    }

    #[test]
    fn the_floor_waits_for_the_slowest_node_but_not_for_ever() {
        let far = 2 * SLACK + 10;
        let mut floor = Floor::default();
        let script = Script::new()
            .start(0)
            .start(1)
            .snapshot(0, (100, 1), 0)
            .snapshot(1, (60, 1), 0)
            .snapshot(1, (60, 1), 0)
            .snapshot(0, (far, 1), 0);
        let risen: Vec<_> =
            script.events().iter().filter_map(|event| floor.observe(event)).collect();
        assert_eq!(risen, [LogIndex(60), LogIndex(far - SLACK)]);
    }
}
