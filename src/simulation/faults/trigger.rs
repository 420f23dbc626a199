//! Faults that wait for something to happen: right after a commit, inside an election, between two disk operations.
//!
//! A fault whose time has come and that has a trigger is armed. The claims and the disk operations of nodes are shown to
//! the armed faults, of which there are none most of the time: then it costs one comparison. A fault begins in the moment
//! of its trigger, before the node does anything else; what comes after it in the node's handler never happens if the
//! fault stops the node, and waits if the fault pauses it. If its target does not exist then, it waits for the next time.

use crate::claim::{Claim, Role};
use crate::kernel::ids::NodeId;
use crate::node::Node;
use crate::simulation::{RunPhase, Simulation};
use crate::world::fault::{Target, Trigger};

/// A fault that waits for its trigger.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulation) struct Armed {
    place: u32,
    trigger: Trigger,
    /// How many further disk operations must end, if it waits for one.
    operations_left: u64,
}

impl Armed {
    pub const fn new(place: u32, trigger: Trigger) -> Self {
        let operations_left = match trigger {
            Trigger::DiskOperation(nth) => nth,
            _ => 0,
        };
        Self { place, trigger, operations_left }
    }
}

impl<N: Node> Simulation<N> {
    /// A node has claimed something; faults that waited for it begin.
    #[inline]
    pub(in crate::simulation) fn claim_triggers(&mut self, node: NodeId, claim: Claim) {
        let trigger = match claim {
            Claim::Role { role: Role::Leader, generation } => {
                if self.faults.led >= Some(generation) {
                    return;
                }
                self.faults.led = Some(generation);
                Trigger::Leadership
            }
            Claim::Role { role: Role::Candidate, .. } => Trigger::Election,
            Claim::Commit { .. } => Trigger::Commit,
            Claim::Recovering => Trigger::Recovery,
            _ => return,
        };
        if !self.faults.armed.is_empty() {
            self.fire(node, |_, armed| armed.trigger == trigger);
        }
    }

    /// A disk operation of a node has ended; faults that waited for it begin.
    #[inline]
    pub(in crate::simulation) fn disk_triggers(&mut self, node: NodeId) {
        if self.faults.armed.is_empty() {
            return;
        }
        for place in 0..self.faults.armed.len() {
            let Armed { place: scheduled, trigger, .. } = self.faults.armed[place];
            if matches!(trigger, Trigger::DiskOperation(_)) && self.counts(scheduled, node) {
                let armed = &mut self.faults.armed[place];
                armed.operations_left = armed.operations_left.saturating_sub(1);
            }
        }
        self.fire(node, |run, armed| {
            matches!(armed.trigger, Trigger::DiskOperation(_))
                && armed.operations_left == 0
                && run.counts(armed.place, node)
        });
    }

    /// Whether the disk operations of this node count for a fault: whether its first target may mean the node.
    fn counts(&self, place: u32, node: NodeId) -> bool {
        let targets = self.options.faults[place as usize].fault.targets();
        targets.first().is_none_or(|target| self.may_mean(target, node))
    }

    fn may_mean(&self, target: &Target, node: NodeId) -> bool {
        match target {
            Target::Node(named) => *named == node,
            Target::Region(region) => self.options.cluster.regions[*region].nodes.contains(&node),
            Target::List(targets) => targets.iter().any(|target| self.may_mean(target, node)),
            Target::Leader => self.leader() == Some(node),
            Target::Follower => self.leader() != Some(node),
            Target::All
            | Target::Any
            | Target::Majority
            | Target::Minority
            | Target::Most
            | Target::There => true,
        }
    }

    /// Begins the armed faults for which this is the moment, in the order in which they were armed. One that finds
    /// nobody to disturb stays armed.
    fn fire(&mut self, node: NodeId, is_due: impl Fn(&Self, &Armed) -> bool) {
        let mut next = 0;
        while let Some(&armed) = self.faults.armed.get(next) {
            if !is_due(self, &armed) || self.phase >= RunPhase::Quiet {
                next += 1;
                continue;
            }
            // Disarmed before it begins: what it does may be a trigger too.
            self.faults.armed.remove(next);
            let before = self.faults.there.replace(node);
            let begun = self.begin_fault(armed.place);
            self.faults.there = before;
            if !begun {
                let place = next.min(self.faults.armed.len());
                self.faults.armed.insert(place, armed);
                next += 1;
            }
        }
    }
}
