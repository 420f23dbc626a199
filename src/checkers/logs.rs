//! The nodes' logs, as the nodes themselves tell: the model that the log checkers share.
//!
//! Each checker keeps an instance of its own. That costs a few words per entry and spares the checkers any
//! dependency on the order in which they run.
//!
//! A node's log lives through stops: until the node has told its log anew (`Recovering` ... `Recovered`),
//! the log of its last life stands for what is on its disk.

use std::collections::VecDeque;

use crate::claim::{Claim, Role};
use crate::kernel::digest::Digest;
use crate::kernel::ids::{Generation, LogIndex, NodeId};
use crate::trace::{Event, Fact};

/// One entry of a node's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The generation whose leader created it.
    pub generation: Generation,
    /// The digest of its content.
    pub digest: u64,
    /// The digest of the log through this entry; `None` if the log begins with a snapshot whose history is
    /// not known.
    pub chain: Option<u64>,
}

/// A log: a snapshot through `base`, and the entries after it.
///
/// Invariant: the entry at place p has index base + 1 + p.
#[derive(Clone, Debug)]
pub(super) struct Log {
    /// The last index that the snapshot covers, 0 if there is none.
    pub base: LogIndex,
    /// The generation of the entry at `base`.
    pub base_generation: Generation,
    /// The digest of the log through `base`, if it is known.
    pub base_chain: Option<u64>,
    /// The last durable index.
    pub durable: LogIndex,
    entries: VecDeque<Entry>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            base: LogIndex(0),
            base_generation: Generation(0),
            base_chain: Some(0),
            durable: LogIndex(0),
            entries: VecDeque::new(),
        }
    }
}

impl Log {
    /// The index of the last entry.
    pub fn last(&self) -> LogIndex {
        LogIndex(self.base.0 + self.entries.len() as u64)
    }

    /// The entry at an index; `None` before the base and after the end.
    pub fn get(&self, index: LogIndex) -> Option<&Entry> {
        self.entries.get(index.0.checked_sub(self.base.0 + 1)? as usize)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, index: LogIndex) -> Option<&mut Entry> {
        self.entries.get_mut(index.0.checked_sub(self.base.0 + 1)? as usize)
    }

    /// Whether the snapshot stands for the entry at this index.
    pub fn covers(&self, index: LogIndex) -> bool {
        index <= self.base
    }

    /// Whether this entry is at this index, or a snapshot stands for it.
    pub fn holds(&self, index: LogIndex, generation: Generation, digest: u64) -> bool {
        let same = |entry: &Entry| entry.generation == generation && entry.digest == digest;
        self.covers(index) || self.get(index).is_some_and(same)
    }

    /// The generation of the last entry; 0 if there is none after the base.
    pub fn last_generation(&self) -> Generation {
        self.entries.back().map_or(Generation(0), |entry| entry.generation)
    }

    fn append(&mut self, index: LogIndex, generation: Generation, digest: u64) {
        if index <= self.last() {
            self.truncate(index);
        }
        if index != self.last().next() {
            // A hole, or an entry below the snapshot: the log goes on from here, its history unknown.
            self.entries.clear();
            self.base = index.previous();
            self.base_generation = Generation(0);
            self.base_chain = None;
        }
        let before = self.entries.back().map_or(self.base_chain, |entry| entry.chain);
        let chain = before.map(|before| chain(before, generation, digest));
        self.entries.push_back(Entry { generation, digest, chain });
    }

    fn truncate(&mut self, from: LogIndex) {
        let kept = from.0.saturating_sub(self.base.0 + 1);
        self.entries.truncate(kept as usize);
        self.durable = self.durable.min(self.last());
    }

    fn snapshot(&mut self, index: LogIndex, generation: Generation) {
        if index < self.base {
            return;
        }
        match self.get(index) {
            Some(entry) if entry.generation == generation => {
                self.base_chain = entry.chain;
                self.entries.drain(..(index.0 - self.base.0) as usize);
            }
            _ if index == self.base => {}
            _ => {
                self.base_chain = None;
                self.entries.clear();
            }
        }
        self.base = index;
        self.base_generation = generation;
        self.durable = self.durable.max(index).min(self.last());
    }
}

/// The digest of a log that goes on with this entry.
fn chain(before: u64, generation: Generation, digest: u64) -> u64 {
    let mut chain = Digest::default();
    chain.word(before);
    chain.word(generation.0);
    chain.word(digest);
    chain.value()
}

/// What is known of one node.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeLog {
    /// The log as told in this life.
    pub log: Log,
    /// While the node recovers: the log of its last life.
    pub before: Option<Log>,
    /// The part it plays in this life, and in which generation; none while it is down.
    pub role: Option<(Generation, Role)>,
    /// It may have acknowledged everything through here before its disk was replaced.
    pub lost_through: LogIndex,
}

impl NodeLog {
    /// What is on the node's disk, as far as anybody knows.
    pub fn on_disk(&self) -> &Log {
        self.before.as_ref().unwrap_or(&self.log)
    }

    /// The generation that the node leads.
    pub fn leads(&self) -> Option<Generation> {
        match self.role {
            Some((generation, Role::Leader)) => Some(generation),
            _ => None,
        }
    }

    /// Whether the node is telling what it found on its disk.
    pub const fn is_recovering(&self) -> bool {
        self.before.is_some()
    }

    fn claim(&mut self, claim: &Claim) {
        match *claim {
            Claim::Role { generation, role } => self.role = Some((generation, role)),
            Claim::Append { index, generation, digest } => {
                self.log.append(index, generation, digest);
            }
            Claim::Truncate { from } => self.log.truncate(from),
            Claim::Durable { index } => {
                self.log.durable = self.log.durable.max(index.min(self.log.last()));
            }
            Claim::Snapshot { index, generation, .. } => self.log.snapshot(index, generation),
            Claim::Recovering => {
                let log = std::mem::take(&mut self.log);
                self.before.get_or_insert(log);
            }
            Claim::Recovered { .. } => {
                if let Some(before) = self.before.take() {
                    let kept = before.durable.min(self.log.last());
                    self.log.durable = self.log.durable.max(kept);
                }
            }
            _ => {} // It changes no log.
        }
    }

    fn wipe(&mut self) {
        let lost = self.on_disk().durable;
        *self = Self { lost_through: self.lost_through.max(lost), ..Self::default() };
    }
}

/// The logs of all nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Logs {
    nodes: Vec<NodeLog>,
}

impl Logs {
    /// Takes in an event.
    pub fn observe(&mut self, event: &Event) {
        let Some(node) = event.node else { return };
        match &event.fact {
            Fact::Claimed(claim) => self.of(node).claim(claim),
            Fact::Started { .. } | Fact::Stopped(_) => self.of(node).role = None,
            Fact::Wiped => self.of(node).wipe(),
            _ => {}
        }
    }

    /// What is known of a node.
    pub fn of(&mut self, node: NodeId) -> &mut NodeLog {
        if self.nodes.len() <= node.index() {
            self.nodes.resize_with(node.index() + 1, NodeLog::default);
        }
        &mut self.nodes[node.index()]
    }

    /// All nodes of which anything is known.
    pub fn all(&self) -> impl Iterator<Item = (NodeId, &NodeLog)> {
        self.nodes.iter().enumerate().map(|(place, node)| (NodeId(place as u32), node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::Script;

    fn after(script: &Script) -> NodeLog {
        let mut logs = Logs::default();
        script.events().iter().for_each(|event| logs.observe(event));
        logs.of(NodeId(0)).clone()
    }

    fn filled() -> Script {
        Script::new().append(0, (1, 1), 11).append(0, (2, 1), 12).append(0, (3, 2), 13)
    }

    #[test]
    fn an_entry_that_is_appended_within_the_log_cuts_the_rest_off() {
        let node = after(&filled().append(0, (2, 3), 22));
        assert_eq!((node.log.base, node.log.last()), (LogIndex(0), LogIndex(2)));
        let never_longer = after(&Script::new().append(0, (1, 1), 11).append(0, (2, 3), 22));
        assert_eq!(node.log.get(LogIndex(2)), never_longer.log.get(LogIndex(2)));
        let last = after(&filled().append(0, (3, 3), 33));
        assert_eq!((last.log.base, last.log.last()), (LogIndex(0), LogIndex(3)));
    }

    #[test]
    fn a_log_with_a_hole_goes_on_after_it_with_an_unknown_history() {
        let node = after(&filled().snapshot(0, (1, 1), 7).append(0, (9, 2), 19));
        let Log { base, base_generation, base_chain, .. } = node.log;
        assert_eq!((base, base_generation, base_chain), (LogIndex(8), Generation(0), None));
        assert_eq!((node.log.last(), node.log.get(LogIndex(3))), (LogIndex(9), None));
        assert_eq!(
            node.log.get(LogIndex(9)).map(|entry| (entry.digest, entry.chain)),
            Some((19, None))
        );
    }

    #[test]
    fn a_snapshot_right_before_a_hole_tells_the_generation_there() {
        let node = after(&Script::new().append(0, (9, 2), 19).snapshot(0, (8, 2), 7));
        assert_eq!((node.log.base, node.log.base_generation), (LogIndex(8), Generation(2)));
        assert_eq!(node.log.last(), LogIndex(9));
    }

    #[test]
    fn the_history_of_a_log_goes_on_after_a_snapshot_and_tells_generations_apart() {
        let fourth =
            |script: Script| after(&script.append(0, (4, 2), 14)).log.get(LogIndex(4)).copied();
        assert_eq!(fourth(filled()), fourth(filled().snapshot(0, (3, 2), 7)));
        let other = Script::new().append(0, (1, 2), 11).append(0, (2, 2), 12).append(0, (3, 2), 13);
        assert_ne!(fourth(filled()), fourth(other));
    }

    #[test]
    fn what_is_durable_is_in_the_log() {
        let durable = |script: Script| after(&script).log.durable;
        assert_eq!(durable(filled().durable(0, 1)), LogIndex(1));
        assert_eq!(durable(filled().durable(0, 9)), LogIndex(3));
        let shorter = filled().durable(0, 3).stop(0).start(0).recovering(0);
        assert_eq!(durable(shorter.append(0, (1, 1), 11).recovered(0, 1, (0, 0))), LogIndex(1));
    }

    #[test]
    fn a_truncation_takes_durability_with_it() {
        let node = after(&filled().durable(0, 3).truncate(0, 2));
        assert_eq!((node.log.last(), node.log.durable), (LogIndex(1), LogIndex(1)));
    }

    #[test]
    fn a_snapshot_within_the_log_keeps_the_rest_and_its_history() {
        let whole = after(&filled()).log.get(LogIndex(3)).copied();
        let node = after(&filled().snapshot(0, (2, 1), 7));
        assert_eq!((node.log.base, node.log.last()), (LogIndex(2), LogIndex(3)));
        assert_eq!(node.log.get(LogIndex(3)).copied(), whole);
        assert_eq!(node.log.durable, LogIndex(2));
    }

    #[test]
    fn a_snapshot_that_differs_from_the_log_replaces_it() {
        let node = after(&filled().snapshot(0, (2, 5), 7));
        assert_eq!((node.log.base, node.log.last()), (LogIndex(2), LogIndex(2)));
        assert_eq!(node.log.base_chain, None);
    }

    #[test]
    fn until_it_has_recovered_a_node_has_on_disk_what_it_had() {
        let script = filled().durable(0, 2).stop(0).start(0).recovering(0).append(0, (1, 1), 11);
        let node = after(&script);
        assert_eq!(node.on_disk().last(), LogIndex(3));
        assert!(node.is_recovering());
        let again = script.stop(0).start(0).recovering(0).append(0, (1, 1), 11);
        assert_eq!(after(&again).on_disk().last(), LogIndex(3), "recovery was interrupted");
        let node = after(&again.append(0, (2, 1), 12).recovered(0, 2, (0, 0)));
        assert_eq!((node.log.last(), node.log.durable), (LogIndex(2), LogIndex(2)));
        assert!(!node.is_recovering());
    }

    #[test]
    fn a_stop_ends_a_role_and_a_wipe_ends_a_log() {
        let led = filled().role(0, 2, Role::Leader).durable(0, 3);
        assert_eq!(after(&led).leads(), Some(Generation(2)));
        assert_eq!(after(&led.clone().start(0)).leads(), None, "it was down, though nobody saw it");
        let stopped = led.stop(0);
        assert_eq!(after(&stopped).leads(), None);
        let node = after(&stopped.wipe(0));
        assert_eq!((node.log.last(), node.lost_through), (LogIndex(0), LogIndex(3)));
    }
}
