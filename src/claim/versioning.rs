//! Stamps of logical and hybrid clocks, and versions of values that were written concurrently.

use std::fmt;

use crate::kernel::ids::RequestId;
use crate::kernel::time::WallTime;

/// What a Lamport clock or a hybrid clock shows. Stamps are ordered by their physical part, then by their counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The physical part of a hybrid clock, in nanoseconds of wall time; the origin for a clock that only counts.
    pub wall: WallTime,
    /// The counter.
    pub counter: u64,
}

impl Stamp {
    /// Before everything.
    pub const NONE: Self = Self { wall: WallTime::ZERO, counter: 0 };
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.wall == WallTime::ZERO {
            return write!(f, "{}", self.counter);
        }
        write!(f, "{}ns+{}", self.wall.as_nanos(), self.counter)
    }
}

/// One write event, as dotted version vectors name it: the `counter`-th write of an actor, issued once in all time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dot {
    /// Who issued it: a replica in one of its incarnations.
    pub actor: u32,
    /// The number of the write at that actor, from 1.
    pub counter: u64,
}

impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.actor, self.counter)
    }
}

/// A claim about versions: what the coordinator of a request in a leaderless store says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Versioning {
    /// A new version was written. Claimed after its `Supersedes`, before the client is told.
    Wrote {
        /// The object.
        object: u64,
        /// The name of the version.
        dot: Dot,
        /// The request that asked for it.
        request: RequestId,
    },
    /// A version was written by somebody who knew another one: one claim for each version in the context that the client
    /// sent with its write.
    Supersedes {
        /// The object.
        object: u64,
        /// The new version.
        newer: Dot,
        /// A version that the writer knew.
        older: Dot,
    },
    /// A replica drops a version, because by the stamps or vectors of the two another one comes after it.
    Discarded {
        /// The object.
        object: u64,
        /// The version that goes.
        dot: Dot,
        /// The version that stays.
        by: Dot,
    },
    /// A read is answered with so many siblings; as many `Returned` follow.
    Answered {
        /// The object.
        object: u64,
        /// The request that asked.
        request: RequestId,
        /// How many versions are returned; 0 if there is none.
        siblings: u32,
    },
    /// One of the versions with which a read is answered.
    Returned {
        /// The request that asked.
        request: RequestId,
        /// The version.
        dot: Dot,
    },
}

impl fmt::Display for Versioning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Wrote { object, dot, request } => {
                write!(f, "writes version {dot} of object {object} for request {request}")
            }
            Self::Supersedes { object, newer, older } => {
                write!(f, "says that version {newer} of object {object} knows {older}")
            }
            Self::Discarded { object, dot, by } => {
                write!(f, "drops version {dot} of object {object} for {by}")
            }
            Self::Answered { object, request, siblings } => {
                write!(f, "answers request {request} with {siblings} versions of object {object}")
            }
            Self::Returned { request, dot } => {
                write!(f, "returns version {dot} to request {request}")
            }
        }
    }
}
