//! What nodes think of each other: who is alive, and who leads a view of the members.

use std::fmt;

use crate::kernel::ids::NodeId;

/// What a failure detector thinks of a node that it watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Opinion {
    /// It is alive.
    Trusts,
    /// It has failed, or may have.
    Suspects,
    /// It is not watched any more: it has left, or another node leads now.
    Ignores,
}

/// A claim about members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Membership {
    /// The node's failure detector changed its mind, or begins to watch: a follower about its leader, a member of a
    /// gossiping cluster about each other member. A restarted node tells its opinions anew.
    Thinks {
        /// About whom.
        of: NodeId,
        /// What.
        opinion: Opinion,
    },
    /// The node installed a view of the members, or names another leader in the one it has: a member of a cluster whose
    /// oldest member leads. Claimed only once the node was admitted.
    Viewed {
        /// The identity of the view: equal if and only if its members (and their ages) are.
        view: u64,
        /// Who leads in it.
        leader: NodeId,
    },
    /// The node removed a member from its view, before it installs the view without it.
    Left {
        /// Who is gone.
        member: NodeId,
    },
}

impl fmt::Display for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Thinks { of, opinion: Opinion::Trusts } => write!(f, "trusts {of}"),
            Self::Thinks { of, opinion: Opinion::Suspects } => write!(f, "suspects {of}"),
            Self::Thinks { of, opinion: Opinion::Ignores } => write!(f, "no longer watches {of}"),
            Self::Viewed { view, leader } => write!(f, "names {leader} leader of view {view:016x}"),
            Self::Left { member } => write!(f, "removes {member} from its view"),
        }
    }
}
