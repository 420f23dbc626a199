//! The final order, as far as the nodes' claims tell it: their logs, and what they applied.

use std::collections::BTreeMap;

use crate::checkers::logs::Logs;
use crate::checkers::window::{Floor, Window};
use crate::claim::{Claim, Role};
use crate::kernel::ids::{Generation, LogIndex, NodeId, RequestId};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact};

/// How many indices with different applied entries are kept.
const CONTESTED_KEPT: usize = 4096;

/// Where, by whom and when an entry was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub index: LogIndex,
    pub digest: u64,
    pub node: NodeId,
    pub at: Instant,
}

/// What became of an applied entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is in the final order, or nobody can say that it is not.
    Stands,
    /// It is not, and here is what is in its place.
    Lost(String),
}

/// What was applied at one index.
#[derive(Debug)]
struct Slot {
    first: Place,
    request: Option<RequestId>,
    /// If different entries were applied here: everything that was applied after the first, in order.
    others: Vec<Place>,
}

/// The logs of the nodes and what was applied where.
#[derive(Debug, Default)]
pub(super) struct Order {
    logs: Logs,
    slots: Window<Slot>,
    /// Slots below the floor at which different entries were applied.
    contested: BTreeMap<LogIndex, Slot>,
    floor: Floor,
    floor_index: LogIndex,
    /// The leadership that was claimed last.
    newest: Option<Generation>,
}

impl Order {
    /// An entry was applied.
    pub fn applied(&mut self, place: Place, request: Option<RequestId>) {
        let slot = match self.contested.get_mut(&place.index) {
            None => self.slots.get_mut(place.index),
            slot => slot,
        };
        match slot {
            None => self.slots.set(place.index, Slot { first: place, request, others: Vec::new() }),
            Some(slot) if slot.first.digest == place.digest && slot.others.is_empty() => {
                slot.request = slot.request.or(request);
            }
            Some(slot) => {
                slot.others.retain(|other| other.node != place.node);
                slot.others.push(place);
            }
        }
    }

    /// Takes in an event; tells which requests are settled because every node has them in a snapshot.
    pub fn observe(&mut self, event: &Event, mut settled: impl FnMut(RequestId)) {
        if let Fact::Claimed(Claim::Role { generation, role: Role::Leader }) = event.fact {
            self.newest = Some(generation);
        }
        self.logs.observe(event);
        let Some(floor) = self.floor.observe(event) else { return };
        self.floor_index = floor;
        let contested = &mut self.contested;
        self.slots.forget(floor, |index, slot| {
            if !slot.others.is_empty() && contested.len() < CONTESTED_KEPT {
                contested.insert(index, slot);
            } else if let Some(request) = slot.request {
                settled(request);
            }
        });
    }

    /// What is through here is in every node's snapshot.
    pub const fn floor(&self) -> LogIndex {
        self.floor_index
    }

    /// The node whose log is the final order: it leads, and nobody claimed a newer leadership.
    fn leader(&self) -> Option<NodeId> {
        let (leads, node) =
            self.logs.all().filter_map(|(node, log)| Some((log.leads()?, node))).max()?;
        (Some(leads) >= self.newest).then_some(node)
    }

    /// Where the final order ends.
    pub fn last(&self) -> LogIndex {
        let leader = self.leader();
        let whose = |node: &NodeId| leader.is_none_or(|leader| leader == *node);
        let ends = self.logs.all().filter(|(node, _)| whose(node));
        ends.map(|(_, known)| known.on_disk().last()).max().unwrap_or_default()
    }

    /// What became of an entry that was applied.
    pub fn fate(&self, place: &Place) -> Fate {
        if let Some(leader) = self.leader() {
            return self.fate_at(leader, place);
        }
        let fates = self.logs.all().map(|(node, _)| self.fate_at(node, place));
        let mut lost = Vec::new();
        for fate in fates {
            match fate {
                Fate::Stands => return Fate::Stands,
                Fate::Lost(what) => lost.push(what),
            }
        }
        Fate::Lost(lost.join("; "))
    }

    fn fate_at(&self, node: NodeId, place: &Place) -> Fate {
        let Place { index, digest, .. } = *place;
        let known = self.logs.all().nth(node.index()).map(|(_, known)| known.on_disk());
        let log = known.expect("only known nodes are asked");
        if index > log.last() {
            return Fate::Lost(format!("the log of {node} ends at {}", log.last()));
        }
        let there = match log.get(index) {
            Some(entry) => Some(entry.digest),
            None => self.applied_by(node, index),
        };
        match there {
            Some(there) if there != digest => {
                Fate::Lost(format!("{node} has another entry at {index} ({there:016x})"))
            }
            _ => Fate::Stands,
        }
    }

    /// What a node applied at an index that its snapshot covers; `None` if nobody can say.
    fn applied_by(&self, node: NodeId, index: LogIndex) -> Option<u64> {
        let slot = self.contested.get(&index).or_else(|| self.slots.get(index))?;
        let own = slot.others.iter().find(|other| other.node == node);
        own.or_else(|| (slot.first.node == node).then_some(&slot.first)).map(|place| place.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::Script;

    #[test]
    fn memory_is_bounded_even_if_everything_is_contested() {
        let count = CONTESTED_KEPT as u64 + 10;
        let mut order = Order::default();
        for index in (1..=count).map(LogIndex) {
            for node in [NodeId(0), NodeId(1)] {
                let digest = u64::from(node.0);
                order.applied(Place { index, digest, node, at: Instant::ZERO }, None);
            }
        }
        let script = Script::new().start(0).snapshot(0, (count, 1), 7);
        script.events().iter().for_each(|event| order.observe(event, |_| {}));
        assert_eq!(order.floor(), LogIndex(count));
        assert_eq!(order.contested.len(), CONTESTED_KEPT);
    }
}
