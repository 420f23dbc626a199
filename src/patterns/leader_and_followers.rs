//! Leader and Followers: one replica orders all updates; the others copy, or refuse.
//!
//! **Problem**: If every replica accepts updates, replicas see them in different orders and diverge.
//!
//! **Rule**: At most one leader in each generation, elected by a quorum; everybody else follows it or waits for one. The
//! part that a node plays changes only as this picture says:
//!
//! ```text
//!              silence              probe won             election won
//!  Following ----------> Waiting -----------> Candidate ---------------> Leading
//!      ^  ^                 |  ^                 |  |                       |
//!      |  |  a leader's word|  |  silence, newer |  |a leader's word        | newer generation,
//!      |  +-----------------+  +-----------------+  |                       | no quorum
//!      +--------------------------------------------+       Waiting <-------+
//! ```
//!
//! A node that has forgotten its promises is `Learning` until it is admitted again; nothing else leads out of there.
//!
//! **Invariant**: `election-safety`, `leader-append-only`; nobody becomes a leader except from candidate, so neither a
//! late vote nor a restart makes one.
//!
//! **Owner's duty**: Make generation and vote durable before they leave. On stepping down, tell every waiting client.
//!
//! **Source**: Joshi (2023), ch. 6; Ongaro and Ousterhout (2014), fig. 4; the probe is the pre-vote of Ongaro's
//! dissertation (2014), §9.6.

use crate::kernel::ids::NodeId;

/// The part that a node plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It knows no leader. It refuses updates, at once.
    Waiting,
    /// It copies from this leader.
    Following(NodeId),
    /// It asks for votes.
    Candidate,
    /// It orders all updates of its generation.
    Leading,
    /// It copies, from a leader if one is known, but its word does not count: it forgot what it promised.
    Learning(Option<NodeId>),
}

/// What may change a node's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The leader of the present generation spoke.
    LeaderSpoke(NodeId),
    /// No leader spoke for too long.
    Silence,
    /// A majority would vote for this node.
    ProbeWon,
    /// A majority voted for this node.
    ElectionWon,
    /// A newer generation was seen, or a majority is out of reach.
    Deposed,
    /// The node found that its promises are lost.
    Forgot,
    /// The others admitted the node again.
    Readmitted,
}

impl Part {
    /// The part after something happened. What does not concern a part leaves it as it is.
    #[must_use]
    pub const fn after(self, happening: Happening) -> Self {
        match (self, happening) {
            (_, Happening::Forgot) | (Self::Learning(_), Happening::Silence) => {
                Self::Learning(None)
            }
            (Self::Learning(_), Happening::LeaderSpoke(leader)) => Self::Learning(Some(leader)),
            (Self::Learning(Some(leader)), Happening::Readmitted) => Self::Following(leader),
            (Self::Learning(None), Happening::Readmitted) => Self::Waiting,
            (Self::Waiting, Happening::ProbeWon) => Self::Candidate,
            (Self::Candidate, Happening::ElectionWon) => Self::Leading,
            (Self::Learning(_), _)
            | (Self::Leading, Happening::Silence)
            | (_, Happening::ProbeWon | Happening::ElectionWon | Happening::Readmitted) => self,
            (_, Happening::LeaderSpoke(leader)) => Self::Following(leader),
            (_, Happening::Deposed | Happening::Silence) => Self::Waiting,
        }
    }

    /// The leader that this node follows or learns from.
    #[must_use]
    pub const fn leader(self) -> Option<NodeId> {
        match self {
            Self::Following(leader) | Self::Learning(Some(leader)) => Some(leader),
            Self::Waiting | Self::Candidate | Self::Leading | Self::Learning(None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Part; 5] = [
        Part::Waiting,
        Part::Following(NodeId(1)),
        Part::Candidate,
        Part::Leading,
        Part::Learning(None),
    ];

    #[test]
    fn only_a_candidate_becomes_a_leader() {
        for part in ALL {
            let elected = part.after(Happening::ElectionWon) == Part::Leading;
            assert_eq!(elected, matches!(part, Part::Candidate | Part::Leading), "{part:?}");
        }
    }

    #[test]
    fn a_deposed_leader_waits() {
        assert_eq!(Part::Leading.after(Happening::Deposed), Part::Waiting);
    }

    #[test]
    fn a_follower_that_hears_nothing_waits_before_it_stands() {
        let part = Part::Following(NodeId(1)).after(Happening::Silence);
        assert_eq!(part, Part::Waiting);
        assert_eq!(part.after(Happening::ProbeWon), Part::Candidate);
        assert_eq!(
            Part::Following(NodeId(1)).after(Happening::ProbeWon),
            Part::Following(NodeId(1))
        );
    }

    #[test]
    fn a_node_that_forgot_leaves_learning_only_by_readmission() {
        let happenings = [
            Happening::LeaderSpoke(NodeId(2)),
            Happening::Silence,
            Happening::ProbeWon,
            Happening::ElectionWon,
            Happening::Deposed,
        ];
        for happening in happenings {
            assert!(matches!(Part::Learning(None).after(happening), Part::Learning(_)));
        }
        let learning = Part::Learning(Some(NodeId(2)));
        assert_eq!(learning.after(Happening::Readmitted), Part::Following(NodeId(2)));
    }

    #[test]
    fn whoever_forgets_stops_leading() {
        assert!(ALL.iter().all(|part| part.after(Happening::Forgot) == Part::Learning(None)));
    }
}
