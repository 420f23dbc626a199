//! What a node claims about itself: the vocabulary that nodes and checkers share.
//!
//! A checker never looks into a node's memory; it judges what the node *said* it did. A claim is made at the
//! moment of the fact (an entry is claimed to be durable after its sync returned), and like every effect of a
//! handler it carries a time: if power fails before it, it was never made.
//!
//! The first variants, through `Recovered`, are about elections and one replicated log per node; the others are about the
//! other protocols of the field, the larger ones in families of their own. A system makes the claims of the protocols
//! that it runs and no others: a checker that hears none of its claims has nothing to check.
//!
//! The claims about a replicated log describe one log per node. A restarted node tells its log anew:
//! `Recovering`, then what it found (`Snapshot`, `Append` ...), then `Recovered`.

pub mod agreement;
pub mod delivery;
pub mod membership;
pub mod ownership;
pub mod versioning;

use std::fmt;

use crate::claim::agreement::Agreement;
use crate::claim::delivery::Delivery;
use crate::claim::membership::Membership;
use crate::claim::ownership::Ownership;
use crate::claim::versioning::{Stamp, Versioning};
use crate::kernel::ids::{Generation, LogIndex, NodeId, RequestId};
use crate::kernel::time::WallTime;

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
    /// A log's owner showed an entry to a reader as committed: the broker of a partition log when it answers a fetch,
    /// one claim for each entry in the answer.
    Shown {
        /// Where the entry stands.
        index: LogIndex,
        /// The digest of its content.
        digest: u64,
        /// The high-water mark that the reader was told with it.
        mark: LogIndex,
    },
    /// A protected resource let a write pass: a store that clients may write to only under a lease, when it has compared
    /// the fencing token (or should have). Claimed once for each write, by whoever decides, not by every replica.
    TokenAccepted {
        /// What was written to.
        resource: u64,
        /// The fencing token under which the writer holds it.
        token: u64,
        /// Who wrote: the number of a node or of a session.
        holder: u64,
    },
    /// What a replica holds of an object, told when it changed and after each start: the digest of a register's siblings
    /// at a node of a leaderless store, or of the whole member table at a node that gossips.
    Holds {
        /// The object: a key, or one number for the whole state. Only nodes that claim an object are compared.
        object: u64,
        /// The digest of the replica's state.
        digest: u64,
    },
    /// The node's clock gave out a stamp: a node with a Lamport or hybrid clock, for each version that it writes and each
    /// message that it stamps.
    Stamped {
        /// The stamp.
        stamp: Stamp,
        /// The largest stamp of anything that the node knows to have happened before: its own last one, or that of the
        /// message that it acts upon. [`Stamp::NONE`] if there is none.
        after: Stamp,
        /// What the node's own wall clock showed; the origin if the clock is logical only.
        clock: WallTime,
    },
    /// How much of a bounded resource the node uses: a broker with a queue of requests, when the queue has grown.
    Gauge {
        /// What is used: `queue`, `disk-bytes`, `stall-ns`, `fan-out` ...
        resource: &'static str,
        /// How much.
        value: u64,
        /// How much the design allows.
        cap: u64,
    },
    /// About atomic commitment and consensus.
    Agreement(Agreement),
    /// About versions of a value and which of them were known to whom.
    Versioning(Versioning),
    /// About who is alive, and who leads a view.
    Membership(Membership),
    /// About who owns which keys.
    Ownership(Ownership),
    /// About frames of an ordered channel and changes told to watchers.
    Delivery(Delivery),
}

impl Claim {
    /// Whether it is about elections, a replicated log, or something of a user's own: what most runs are full of.
    #[must_use]
    pub const fn is_about_a_log(&self) -> bool {
        matches!(
            self,
            Self::Role { .. }
                | Self::Vote { .. }
                | Self::Append { .. }
                | Self::Truncate { .. }
                | Self::Durable { .. }
                | Self::Snapshot { .. }
                | Self::Commit { .. }
                | Self::Apply { .. }
                | Self::Recovering
                | Self::Recovered { .. }
                | Self::Custom { .. }
        )
    }
}

macro_rules! family {
    ($($name:ident),*) => {
        $(impl From<$name> for Claim {
            fn from(claim: $name) -> Self {
                Self::$name(claim)
            }
        })*
    };
}
family!(Agreement, Versioning, Membership, Ownership, Delivery);

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
            Self::Shown { index, digest, mark } => {
                write!(f, "shows {index} ({digest:016x}) as committed, with the mark at {mark}")
            }
            Self::TokenAccepted { resource, token, holder } => {
                write!(f, "accepts a write of holder {holder} to {resource} under token {token}")
            }
            Self::Holds { object, digest } => write!(f, "holds {digest:016x} of object {object}"),
            Self::Stamped { stamp, after, .. } if after == Stamp::NONE => {
                write!(f, "stamps {stamp}")
            }
            Self::Stamped { stamp, after, .. } => write!(f, "stamps {stamp}, knowing of {after}"),
            Self::Gauge { resource, value, cap } => {
                write!(f, "uses {value} of {resource}, of which {cap} are allowed")
            }
            Self::Agreement(claim) => claim.fmt(f),
            Self::Versioning(claim) => claim.fmt(f),
            Self::Membership(claim) => claim.fmt(f),
            Self::Ownership(claim) => claim.fmt(f),
            Self::Delivery(claim) => claim.fmt(f),
        }
    }
}
