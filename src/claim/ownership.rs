//! Who owns which keys, and where partitions lie.
//!
//! A key is a place in the key space: a hash, a number of a partition, or the first bytes of a key as a big-endian
//! number, whichever the system partitions by.

use std::fmt;

use crate::kernel::ids::{Generation, NodeId};

/// Keys from `first` through `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRange {
    /// The first key.
    pub first: u64,
    /// The last key.
    pub last: u64,
}

impl KeyRange {
    /// Whether the two have a key in common.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Whether the key is in it.
    #[must_use]
    pub const fn contains(self, key: u64) -> bool {
        self.first <= key && key <= self.last
    }
}

impl fmt::Display for KeyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..={}", self.first, self.last)
    }
}

/// A claim about ownership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ownership {
    /// From now on the node accepts writes to these keys: the new owner when a move or a split is done. It replaces what
    /// the node owned of the range before.
    Owns {
        /// The keys.
        range: KeyRange,
        /// The epoch of the assignment, increasing from owner to owner.
        epoch: Generation,
    },
    /// The node accepts no more writes to these keys: the old owner before a move, or one that lost its lease.
    Disowns {
        /// The keys.
        range: KeyRange,
    },
    /// The node accepted a client's write.
    WriteAccepted {
        /// The key.
        key: u64,
        /// The epoch under which it owns the key.
        epoch: Generation,
    },
    /// The node took a key to be in a partition: whoever routes or serves a request, client library or server.
    Mapped {
        /// The key.
        key: u64,
        /// The partition.
        partition: u64,
    },
    /// The table that says where partitions lie has this line from this epoch on: claimed by the consistent core, for
    /// each partition that moves. Lines that a later epoch does not repeat stay.
    Placed {
        /// The partition.
        partition: u64,
        /// Where it lies.
        on: NodeId,
        /// The epoch of the table.
        epoch: Generation,
    },
}

impl fmt::Display for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Owns { range, epoch } => write!(f, "owns keys {range} in {epoch}"),
            Self::Disowns { range } => write!(f, "gives up keys {range}"),
            Self::WriteAccepted { key, epoch } => {
                write!(f, "accepts a write to key {key} in {epoch}")
            }
            Self::Mapped { key, partition } => write!(f, "maps key {key} to partition {partition}"),
            Self::Placed { partition, on, epoch } => {
                write!(f, "places partition {partition} on {on} in {epoch}")
            }
        }
    }
}
