//! What a node claims about itself: the vocabulary that nodes and checkers share.
//!
//! A checker never looks into a node's memory; it judges what the node *said* it did. A claim is made at the
//! moment of the fact (an entry is claimed to be durable after its sync returned), and like every effect of a
//! handler it carries a time: if power fails before it, it was never made.
//!
//! The claims about a replicated log describe one log per node. A restarted node tells its log anew:
//! `Recovering`, then what it found (`Snapshot`, `Append` ...), then `Recovered`.

use std::fmt;

use crate::kernel::ids::{Generation, LogIndex, NodeId, RequestId};

/// What a node believes its part to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Copies from a leader, or waits for one.
    Follower,
    /// Asks for votes.
    Candidate,
    /// Orders all updates of its generation.
    Leader,
    /// Copies, but neither votes nor counts.
    Learner,
}

/// One claim of a node. Plain data, `Copy`, so that a claim costs no allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Claim {
    /// The node now plays this role in this generation.
    Role {
        /// The generation that the node is in.
        generation: Generation,
        /// Its part in it.
        role: Role,
    },
    /// The node gave its vote of `generation` to `candidate`, durably.
    Vote {
        /// The generation voted in.
        generation: Generation,
        /// Who got the vote.
        candidate: NodeId,
    },
    /// The node put an entry at the end of its log (in memory or in the page cache; see `Durable`).
    Append {
        /// Where; always one more than the last index.
        index: LogIndex,
        /// The generation in which a leader created the entry.
        generation: Generation,
        /// The digest of its content.
        digest: u64,
    },
    /// The node removes its log's entries from `from` on. Claimed before the disk is touched: from now on nothing
    /// after `from` counts as durable, though a crash may bring it back.
    Truncate {
        /// The first index removed.
        from: LogIndex,
    },
    /// The node's log through `index` is durable: it will be there after a power failure.
    Durable {
        /// The last durable index.
        index: LogIndex,
    },
    /// The node replaced its log through `index` by a durable snapshot: one it took, or one it installed. If the
    /// log ended before `index`, or differed from the snapshot there, then the log is empty after it.
    Snapshot {
        /// The last index that the snapshot covers.
        index: LogIndex,
        /// The generation of the entry at that index.
        generation: Generation,
        /// The digest of the state machine after that index.
        state: u64,
    },
    /// The node knows that its log through `index` is committed.
    Commit {
        /// The last index known to be committed.
        index: LogIndex,
    },
    /// The node applied the entry at `index` to its state machine.
    Apply {
        /// The index, one more than the last applied.
        index: LogIndex,
        /// The digest of the entry's content, as claimed by `Append`.
        digest: u64,
        /// The client request that it executed, even if that left the state as it was; `None` if it executed none (a
        /// no-op, a configuration, a repeat that was suppressed).
        request: Option<RequestId>,
    },
    /// The node started and reads its disk: its log is unknown until `Recovered`.
    Recovering,
    /// The node finished recovery: its log ends at `last`, and its state machine, restored through `applied`, has
    /// the digest `state`.
    Recovered {
        /// The last index of the recovered log.
        last: LogIndex,
        /// The last index applied.
        applied: LogIndex,
        /// The digest of the state machine there.
        state: u64,
    },
    /// The node holds a lease (or a lock) on `resource` with this fencing token.
    LeaseHeld {
        /// What is leased.
        resource: u64,
        /// The fencing token, increasing from holder to holder.
        token: u64,
    },
    /// The node no longer holds the lease.
    LeaseEnded {
        /// What was leased.
        resource: u64,
        /// The fencing token it had.
        token: u64,
    },
    /// A claim of a user's own, for a checker of the user's own.
    Custom {
        /// What is claimed.
        name: &'static str,
        /// Its first number.
        a: u64,
        /// Its second number.
        b: u64,
    },
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Role { generation, role } => write!(f, "is {role:?} of {generation}"),
            Self::Vote { generation, candidate } => {
                write!(f, "votes for {candidate} in {generation}")
            }
            Self::Append { index, generation, digest } => {
                write!(f, "appends {index} of {generation} ({digest:016x})")
            }
            Self::Truncate { from } => write!(f, "truncates its log from {from} on"),
            Self::Durable { index } => write!(f, "has its log durable through {index}"),
            Self::Snapshot { index, generation, .. } => {
                write!(f, "has a snapshot through {index} of {generation}")
            }
            Self::Commit { index } => write!(f, "knows {index} to be committed"),
            Self::Apply { index, digest, request } => {
                write!(f, "applies {index} ({digest:016x})")?;
                request.map_or(Ok(()), |request| write!(f, " for request {request}"))
            }
            Self::Recovering => write!(f, "starts to read its disk"),
            Self::Recovered { last, applied, .. } => {
                write!(f, "recovered its log through {last} and its state through {applied}")
            }
            Self::LeaseHeld { resource, token } => {
                write!(f, "holds the lease on {resource} with token {token}")
            }
            Self::LeaseEnded { resource, token } => {
                write!(f, "gave up the lease on {resource} with token {token}")
            }
            Self::Custom { name, a, b } => write!(f, "claims {name}({a}, {b})"),
        }
    }
}
