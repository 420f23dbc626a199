//! What checkers must be told about a scenario: who votes, how long things may take, what to look at.

use std::time::Duration;

use crate::kernel::ids::{ClientId, NodeId};
use crate::kernel::time::Instant;

/// What checkers must be told about a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckerOptions {
    /// How many nodes the cluster was declared with.
    pub nodes: usize,
    /// How many of them vote, if that is known and constant: then a commit is held to a majority of them.
    pub voters: Option<usize>,
    /// The bound of `progress`: how long the system may take to get over the faults, and then for an
    /// operation.
    pub progress_within: Duration,
    /// The bound of `bounded-staleness`: how old a bounded read may be.
    pub staleness_bound: Duration,
    /// The bounds of the other claims that say that something happens in time, or stays near something.
    pub bounds: Bounds,
    /// Whether the network loses nothing as long as no fault is about: only then `atomic-commitment` holds the
    /// coordinator to a commit that all voted for.
    pub lossless: bool,
    /// What transactions move about but never change as a whole, for `snapshot-read`.
    pub conserved: Option<Conserved>,
    /// What `quiet-minority` and `stability` look at.
    pub watch: Option<Watch>,
}

impl CheckerOptions {
    /// A cluster in which all nodes vote, five seconds for everything that takes time, half a second of staleness, a
    /// lossless network, and nothing conserved or watched.
    #[must_use]
    pub const fn new(nodes: usize) -> Self {
        let within = Duration::from_secs(5);
        Self {
            nodes,
            voters: Some(nodes),
            progress_within: within,
            staleness_bound: Duration::from_millis(500),
            bounds: Bounds::all(within),
            lossless: true,
            conserved: None,
            watch: None,
        }
    }
}

/// How long things may take in the quiet tail of a run, and how far clocks may be off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How long the system may take to settle: for replicas to be equal, transactions decided, choices learned, keys
    /// owned, watchers told.
    pub settle: Duration,
    /// How long a node may take to suspect one that has stopped: D of `failure-detector-completeness`.
    pub suspect: Duration,
    /// How long a node may go on to suspect one that lives: R of `failure-detector-accuracy`.
    pub trust: Duration,
    /// How often a node may wrongly suspect another in each minute: the rate of `failure-detector-accuracy`.
    pub mistakes_per_minute: u64,
    /// How far a hybrid clock's physical part may be from true time, for `clock-bounds`.
    pub clock: Duration,
}

impl Bounds {
    /// No bound for anything but clocks: for runs whose faults may keep a system from ever settling. What checkers of
    /// safety say of the quiet tail is not judged then.
    #[must_use]
    pub const fn none() -> Self {
        Self::all(Duration::from_nanos(u64::MAX))
    }

    /// This long for everything; one mistake in a minute; clocks within half a second, the bound that some
    /// databases with hybrid clocks assume if they are told nothing else.
    #[must_use]
    pub const fn all(within: Duration) -> Self {
        Self {
            settle: within,
            suspect: within,
            trust: within,
            mistakes_per_minute: 1,
            clock: Duration::from_millis(500),
        }
    }
}

/// A sum that no transaction changes: the money of a bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conserved {
    /// How many objects share it. Only transactions that read exactly so many, all of them numbers, are held to the sum.
    pub objects: usize,
    /// The sum.
    pub total: i64,
}

/// A minority that is cut off for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// When the minority has had time to notice that it is cut off.
    pub from: Instant,
    /// When the cut ends.
    pub to: Instant,
    /// The nodes that are cut off.
    pub nodes: Vec<NodeId>,
    /// The clients that are cut off with them.
    pub clients: Vec<ClientId>,
    /// How many messages a watched node may send to each peer in a second.
    pub messages_max: u64,
}
