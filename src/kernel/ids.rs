//! Names for things, one type each, so that a node cannot be passed where a log index belongs.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id! {
    /// A node of the cluster, numbered from 0 in the order of declaration. Its name (`n1`, `east-2`)
    /// is kept by the cluster; reports print names, never numbers.
    NodeId(u32), "node#"
}
id! {
    /// A client of the workload, numbered from 0.
    ClientId(u32), "c"
}
id! {
    /// A position in a replicated log. The first entry has index 1; 0 means "before the first".
    LogIndex(u64), "index "
}
id! {
    /// The number of a leadership, increasing and durable: *term* in Raft, *ballot* or *round* in
    /// Paxos, *epoch* in Zab and Kafka, *view* in Viewstamped Replication. 0 means "none yet".
    Generation(u64), "generation "
}

impl NodeId {
    /// The node's place in per-node tables.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl ClientId {
    /// The client's place in per-client tables.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl LogIndex {
    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The position before this one, or 0 if there is none.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl Generation {
    /// The generation after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// One request of one client session, the same in every retry: what an idempotent receiver
/// recognises a repeat by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId {
    /// The client's session. A client that does not know the outcome of a request goes on under a
    /// new session.
    pub session: u64,
    /// The request's number in its session, from 1 without gaps.
    pub sequence: u64,
}

impl RequestId {
    /// Set in the session of each read of a client that opens sessions: nodes keep nothing of its reads, so they take no
    /// number of its writes.
    pub const READ: u64 = 1 << 63;

    /// The client's session, of which its reads and its writes are.
    #[must_use]
    pub const fn client_session(self) -> u64 {
        self.session & !Self::READ
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}.{}", self.session, self.sequence)
    }
}
