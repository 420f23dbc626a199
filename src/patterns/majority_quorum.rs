//! Majority Quorum: decide with more than half of the *agreed* members, never with those who happen to answer.
//!
//! **Problem**: Waiting for all replicas stops at the first failure; waiting for a few loses what they alone knew.
//!
//! **Rule**: A decision needs more than half of the members. Any two majorities of the same members have a node in
//! common, so two contradicting decisions would need one node to contradict itself. While the members change from one
//! set to another, a decision needs a majority of both (joint consensus).
//!
//! **Invariant**: `leader-completeness`, `state-machine-safety`, `durability` rest on the intersection.
//!
//! **Owner's duty**: Ask about each member once: answers are kept *per node*, so that a repeated acknowledgement counts
//! once. Count only what is durable, the own position too. Change the members only through the log.
//!
//! **Source**: Joshi (2023), ch. 8; joint consensus: Ongaro and Ousterhout, *In Search of an Understandable Consensus
//! Algorithm* (2014), §6. The three-valued result is that of etcd's `quorum` package.

use std::collections::BTreeSet;

use crate::kernel::ids::NodeId;

/// What one member has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ballot {
    /// Yes.
    Granted,
    /// No.
    Refused,
    /// Nothing yet.
    Missing,
}

/// Where a vote stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoteResult {
    /// Neither side has a majority yet.
    Pending,
    /// A majority granted it.
    Won,
    /// A majority can no longer grant it.
    Lost,
}

/// The smallest number of members that is more than half of `members`.
#[must_use]
pub const fn majority(members: usize) -> usize {
    members / 2 + 1
}

/// A set of nodes that decide by majority.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Majority {
    /// Sorted, each once.
    members: Vec<NodeId>,
}

impl Majority {
    /// The majority of these nodes.
    #[must_use]
    pub fn of(members: impl IntoIterator<Item = NodeId>) -> Self {
        let members: BTreeSet<NodeId> = members.into_iter().collect();
        Self { members: members.into_iter().collect() }
    }

    /// The members, in order.
    #[must_use]
    pub fn members(&self) -> &[NodeId] {
        &self.members
    }

    /// Whether a node is a member.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        self.members.binary_search(&node).is_ok()
    }

    /// Where the vote of the members stands. An empty set grants nothing.
    #[must_use]
    pub fn tally(&self, ballot: impl Fn(NodeId) -> Ballot) -> VoteResult {
        let count = |wanted| self.members.iter().filter(|&&node| ballot(node) == wanted).count();
        let needed = majority(self.members.len());
        if count(Ballot::Granted) >= needed {
            VoteResult::Won
        } else if self.members.len() - count(Ballot::Refused) < needed {
            VoteResult::Lost
        } else {
            VoteResult::Pending
        }
    }

    /// The greatest position that a majority has reached: the (n/2 + 1)-th largest. `None` if there is no member.
    ///
    /// Quadratic in the number of voters, which is small, and free of allocation: it runs at each acknowledgement.
    #[must_use]
    pub fn decided<P: Ord + Copy>(&self, position: impl Fn(NodeId) -> P) -> Option<P> {
        let needed = majority(self.members.len());
        let reached = |at: P| self.members.iter().filter(|&&node| position(node) >= at).count();
        self.members.iter().map(|&node| position(node)).filter(|&at| reached(at) >= needed).max()
    }
}

/// The electorate: one set of members, or two while one follows the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct JointQuorum {
    /// The members; while they change, the new ones.
    pub incoming: Majority,
    /// The old members while they change.
    pub outgoing: Option<Majority>,
}

impl JointQuorum {
    /// The electorate of one set of members.
    #[must_use]
    pub const fn simple(members: Majority) -> Self {
        Self { incoming: members, outgoing: None }
    }

    /// The electorate between two sets: each decision needs both.
    #[must_use]
    pub const fn joint(incoming: Majority, outgoing: Majority) -> Self {
        Self { incoming, outgoing: Some(outgoing) }
    }

    /// Whether it is between two sets.
    #[must_use]
    pub const fn is_joint(&self) -> bool {
        self.outgoing.is_some()
    }

    /// Whether a node is a member of either set.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        self.incoming.contains(node) || self.outgoing.as_ref().is_some_and(|old| old.contains(node))
    }

    /// All members of either set, in order within each set, each once.
    pub fn members(&self) -> impl Iterator<Item = NodeId> + '_ {
        let old = self.outgoing.as_ref().map_or(&[][..], Majority::members);
        let only_old = old.iter().filter(|&&node| !self.incoming.contains(node));
        self.incoming.members().iter().chain(only_old).copied()
    }

    /// Where the vote stands: won if both sets grant it, lost if either refuses.
    #[must_use]
    pub fn tally(&self, ballot: impl Fn(NodeId) -> Ballot + Copy) -> VoteResult {
        let incoming = self.incoming.tally(ballot);
        match self.outgoing.as_ref().map(|old| old.tally(ballot)) {
            None => incoming,
            Some(outgoing) if outgoing == incoming => incoming,
            Some(VoteResult::Lost) => VoteResult::Lost,
            Some(_) if incoming == VoteResult::Lost => VoteResult::Lost,
            Some(_) => VoteResult::Pending,
        }
    }

    /// The greatest position that a majority of each set has reached.
    #[must_use]
    pub fn decided<P: Ord + Copy>(&self, position: impl Fn(NodeId) -> P + Copy) -> Option<P> {
        let incoming = self.incoming.decided(position)?;
        match &self.outgoing {
            None => Some(incoming),
            Some(old) => old.decided(position).map(|outgoing| outgoing.min(incoming)),
        }
    }

    /// The electorate without the members that `counts` denies. Nothing sound needs it: it is what a quorum of "those
    /// that are reachable" is made of.
    #[must_use]
    pub fn among(&self, counts: impl Fn(NodeId) -> bool) -> Self {
        let keep = |set: &Majority| Majority {
            members: set.members.iter().copied().filter(|&node| counts(node)).collect(),
        };
        Self { incoming: keep(&self.incoming), outgoing: self.outgoing.as_ref().map(keep) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(numbers: &[u32]) -> Majority {
        Majority::of(numbers.iter().copied().map(NodeId))
    }

    fn granted_by(granting: &[u32]) -> impl Fn(NodeId) -> Ballot + Copy {
        move |node| if granting.contains(&node.0) { Ballot::Granted } else { Ballot::Missing }
    }

    #[test]
    fn half_of_an_even_number_is_no_majority() {
        let four = nodes(&[0, 1, 2, 3]);
        assert_eq!(four.tally(granted_by(&[0, 1])), VoteResult::Pending);
        assert_eq!(four.tally(granted_by(&[0, 1, 2])), VoteResult::Won);
    }

    #[test]
    fn a_vote_is_lost_when_the_rest_cannot_win_it() {
        let ballot = |node: NodeId| if node.0 < 2 { Ballot::Refused } else { Ballot::Missing };
        assert_eq!(nodes(&[0, 1, 2]).tally(ballot), VoteResult::Lost);
        assert_eq!(nodes(&[0, 1, 2, 3, 4]).tally(ballot), VoteResult::Pending);
        assert_eq!(nodes(&[0, 1, 2, 3]).tally(ballot), VoteResult::Lost); // two are left, three are needed
    }

    #[test]
    fn the_decided_position_is_what_a_majority_has_reached() {
        let at = |positions: &'static [u64]| move |node: NodeId| positions[node.index()];
        assert_eq!(nodes(&[0, 1, 2]).decided(at(&[9, 5, 1])), Some(5));
        assert_eq!(nodes(&[0, 1, 2, 3]).decided(at(&[9, 8, 5, 1])), Some(5)); // three of four have 5
        assert_eq!(nodes(&[0, 1, 2, 3, 4]).decided(at(&[9, 9, 1, 1, 1])), Some(1));
    }

    #[test]
    fn a_node_that_is_named_twice_counts_once() {
        let twice = nodes(&[0, 0, 1, 2]);
        assert_eq!(twice.members().len(), 3);
        assert_eq!(twice.tally(granted_by(&[0])), VoteResult::Pending);
    }

    #[test]
    fn an_empty_set_decides_nothing() {
        assert_eq!(nodes(&[]).tally(granted_by(&[])), VoteResult::Lost);
        assert_eq!(nodes(&[]).decided(|_| 7), None);
    }

    #[test]
    fn a_joint_decision_needs_both_majorities() {
        let joint = JointQuorum::joint(nodes(&[2, 3, 4]), nodes(&[0, 1, 2]));
        assert_eq!(joint.tally(granted_by(&[2, 3, 4])), VoteResult::Pending);
        assert_eq!(joint.tally(granted_by(&[1, 2, 3])), VoteResult::Won);
        assert_eq!(joint.decided(|node| [1, 1, 9, 9, 9][node.index()]), Some(1));
        assert_eq!(joint.members().count(), 5);
    }

    #[test]
    fn any_two_majorities_of_up_to_seven_members_meet() {
        for size in 1..=7u32 {
            let all: Vec<u32> = (0..1 << size).collect();
            let wins: Vec<u32> = all
                .into_iter()
                .filter(|set| set.count_ones() as usize >= majority(size as usize))
                .collect();
            assert!(wins.iter().all(|a| wins.iter().all(|b| a & b != 0)), "size {size}");
        }
    }
}
