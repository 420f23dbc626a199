//! What can go wrong: the vocabulary of faults, as plain data.
//!
//! A fault is aimed at a [`Target`], which is resolved to nodes when the fault begins. A fault that lasts for a stated
//! time is undone afterwards; one without stays until something heals it.

use std::time::Duration;

use crate::kernel::distribution::Distribution;
use crate::kernel::ids::NodeId;
use crate::kernel::random::Probability;
use crate::kernel::time::Instant;

/// At whom a fault is aimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One node.
    Node(NodeId),
    /// All nodes of a region (and, for network faults, the clients near them), by its place in the cluster.
    Region(usize),
    /// All of several targets.
    List(Vec<Target>),
    /// Every node.
    All,
    /// One node, drawn when the fault begins.
    Any,
    /// The node that last claimed to lead the highest generation and is up.
    Leader,
    /// A node that is up and does not lead, drawn when the fault begins.
    Follower,
    /// A random majority of the nodes.
    Majority,
    /// A random minority of the nodes, of the greatest size.
    Minority,
    /// A random majority of the nodes or more, each size with the same chance.
    Most,
    /// The node at which the fault's [`Trigger`] happened.
    There,
}

impl Target {
    /// Whether it is, or has in it, [`Target::There`].
    #[must_use]
    pub fn is_there(&self) -> bool {
        match self {
            Self::There => true,
            Self::List(targets) => targets.iter().any(Self::is_there),
            _ => false,
        }
    }
}

/// One entry of the fault schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledFault {
    /// When it begins; with a trigger: from when on it waits for it.
    pub at: Instant,
    /// How long it lasts; `None` until it is healed.
    pub lasts: Option<Duration>,
    /// What goes wrong.
    pub fault: Fault,
    /// For what it waits from `at` on; `None`: it begins at `at`.
    pub upon: Option<Trigger>,
    /// The number that names what it draws; `None`: its place in the schedule. With a number of its own, an entry draws
    /// the same when others are taken away.
    pub draws: Option<u64>,
    /// It was drawn by the nemesis: it is held back if carrying it out would break what the system relies on, and
    /// nothing is missed if it met nobody.
    pub yields: bool,
}

impl ScheduledFault {
    /// A fault that begins at `at` and stays until it is healed.
    #[must_use]
    pub const fn new(at: Instant, fault: Fault) -> Self {
        Self { at, lasts: None, fault, upon: None, draws: None, yields: false }
    }

    /// ... and lasts for so long.
    #[must_use]
    pub const fn lasting(mut self, lasts: Option<Duration>) -> Self {
        self.lasts = lasts;
        self
    }

    /// ... and waits for this from `at` on.
    #[must_use]
    pub const fn upon(mut self, trigger: Option<Trigger>) -> Self {
        self.upon = trigger;
        self
    }
}

/// What an armed fault waits for. It begins right after that, at the same moment, before the node does anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A node claims that entries are committed.
    Commit,
    /// A node claims to be a candidate.
    Election,
    /// A node claims to lead a generation that is newer than any that was led before.
    Leadership,
    /// A node claims that it reads its disk after a start.
    Recovery,
    /// The k-th disk operation since the fault was armed, from 1, of the nodes that its target may mean: its crash
    /// points, addressed.
    DiskOperation(u64),
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Links between groups of nodes are disturbed.
    Partition(Partition),
    /// The links from some nodes to others get other properties.
    Link(LinkFault),
    /// The n-th message of a type that is sent from now on is lost.
    DropMessage(DropMessage),
    /// The process dies; the page cache survives.
    Crash {
        /// Whose.
        target: Target,
        /// After how long it starts again; `None`: not by itself.
        restart: Option<Distribution>,
    },
    /// Power is lost; what was not synced may be lost.
    PowerFailure(PowerFailure),
    /// A stopped node starts.
    Restart {
        /// Which.
        target: Target,
    },
    /// The disk is replaced by an empty one. A node that runs loses power first.
    Wipe {
        /// Whose.
        target: Target,
        /// After how long the node starts again; `None`: not by itself.
        restart: Option<Distribution>,
    },
    /// No code runs; clock and inbound buffers go on.
    Pause {
        /// Whose.
        target: Target,
    },
    /// A random half of the nodes goes away one after the other, and comes back in another order.
    Swizzle {
        /// How they go.
        away: Away,
    },
    /// Each handler takes this much processor time.
    SlowCpu {
        /// Whose.
        target: Target,
        /// How long a handler takes.
        handler: Duration,
    },
    /// A disk misbehaves.
    Disk {
        /// Whose.
        target: Target,
        /// How.
        effect: DiskFault,
    },
    /// A clock misbehaves.
    Clock {
        /// Whose.
        target: Target,
        /// How.
        effect: ClockFault,
    },
    /// The administrator asks the system to change its members to this set.
    Reconfigure {
        /// The new members.
        members: Target,
    },
    /// Everything that still holds and touches the target ends: partitions, links, pauses, disks, clocks' drift; and
    /// nodes that are down start.
    Heal {
        /// What is healed; `All` heals everything.
        target: Target,
    },
}

impl Fault {
    /// The name of this kind of fault, as in a scenario.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Partition(_) => "partition",
            Self::Link(_) => "link",
            Self::DropMessage(_) => "drop-message",
            Self::Crash { .. } => "crash",
            Self::PowerFailure(_) => "power-failure",
            Self::Restart { .. } => "restart",
            Self::Wipe { .. } => "wipe",
            Self::Pause { .. } => "pause",
            Self::Swizzle { .. } => "swizzle",
            Self::SlowCpu { .. } => "slow-cpu",
            Self::Disk { .. } => "disk",
            Self::Clock { .. } => "clock",
            Self::Reconfigure { .. } => "reconfigure",
            Self::Heal { .. } => "heal",
        }
    }

    /// Everyone whom it names.
    #[must_use]
    pub fn targets(&self) -> Vec<&Target> {
        match self {
            Self::Partition(partition) => match &partition.shape {
                Shape::Sides(sides) => sides.iter().collect(),
                Shape::Isolate(target) | Shape::Bridge(target) => vec![target],
                Shape::OneWay(from, to) => vec![from, to],
                Shape::RandomSides | Shape::RingMajority | Shape::Pairs(_) => Vec::new(),
            },
            Self::Link(link) => vec![&link.from, &link.to],
            Self::DropMessage(drop) => vec![&drop.from, &drop.to],
            Self::Swizzle { .. } => Vec::new(),
            Self::PowerFailure(failure) => vec![&failure.target],
            Self::Crash { target, .. }
            | Self::Restart { target }
            | Self::Wipe { target, .. }
            | Self::Pause { target }
            | Self::SlowCpu { target, .. }
            | Self::Disk { target, .. }
            | Self::Clock { target, .. }
            | Self::Reconfigure { members: target }
            | Self::Heal { target } => vec![target],
        }
    }
}

/// How a node goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// It is cut off.
    Cut,
    /// It is paused.
    Pause,
    /// Its process dies, and starts again.
    Crash,
}

/// Which links a partition disturbs, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Between whom.
    pub shape: Shape,
    /// What happens to the disturbed links.
    pub mode: PartitionMode,
    /// If given, the partition comes and goes: on for this long, off for as long.
    pub flapping: Option<Duration>,
    /// Messages that are under way when the cut begins still arrive.
    pub keeps_in_flight: bool,
}

/// The shapes of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Groups that cannot reach each other. Nodes in no group reach everyone.
    Sides(Vec<Target>),
    /// The target cannot reach anybody else, nor the reverse.
    Isolate(Target),
    /// Nothing passes from the first to the second; the way back is open.
    OneWay(Target, Target),
    /// Two random sides.
    RandomSides,
    /// Two halves that only the given node reaches; drawn if `Any`.
    Bridge(Target),
    /// Each node reaches a majority, and no two nodes the same one: node i reaches its neighbours on a ring.
    RingMajority,
    /// These pairs only, in both directions.
    Pairs(Vec<(NodeId, NodeId)>),
}

/// What happens on a disturbed link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionMode {
    /// Messages are lost.
    Cut,
    /// Messages are held, and released when the partition ends.
    Stalled,
    /// Messages take this much longer.
    Slowed(Distribution),
}

/// Other properties for some links, while the fault lasts. What is `None` stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkFault {
    /// The senders.
    pub from: Target,
    /// The receivers.
    pub to: Target,
    /// Both directions.
    pub both_ways: bool,
    /// The changes.
    pub change: LinkChange,
}

/// A change of a link's properties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkChange {
    /// How long messages take.
    pub delay: Option<Distribution>,
    /// How many are lost.
    pub loss: Option<Probability>,
    /// How many arrive twice.
    pub duplication: Option<Probability>,
    /// How many are damaged.
    pub corruption: Option<Probability>,
    /// Bytes per second.
    pub bandwidth: Option<u64>,
}

/// One message that is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropMessage {
    /// From whom.
    pub from: Target,
    /// To whom.
    pub to: Target,
    /// Of which type; `None`: any.
    pub kind: Option<String>,
    /// The how-manieth from now on, from 1.
    pub nth: u64,
}

/// A loss of power.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PowerFailure {
    /// Who loses power.
    pub target: Target,
    /// Each node loses it at a random time within this span.
    pub within: Duration,
    /// After how long power returns to a node; `None`: not by itself.
    pub restart: Option<Distribution>,
    /// After power returned, it fails again with this probability, within `again_within` of the start; at most three
    /// times in a row.
    pub again: Probability,
    /// How soon after a start it fails again.
    pub again_within: Duration,
    /// Power fails again right after the k-th disk operation since the start (from 1), once: the crash points of
    /// recovery, addressed.
    pub again_after_operations: Option<u64>,
}

/// How a disk misbehaves while the fault lasts. What is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskFault {
    /// A sync returns an error, and the unsynced pages are dropped.
    pub sync_failure: Option<Probability>,
    /// A sync returns ok and does nothing.
    pub lying_sync: Option<Probability>,
    /// A read returns an error.
    pub read_error: Option<Probability>,
    /// A write returns an error.
    pub write_error: Option<Probability>,
    /// Every write that needs space returns an error.
    pub full: Option<bool>,
    /// Each operation takes this many times as long.
    pub slower: Option<u32>,
    /// No operation that begins ends before the fault does.
    pub stalled: Option<bool>,
    /// At the start of the fault, this many random bits of the durable content flip.
    pub bit_rot: Option<u32>,
    /// A write goes to another place of the same file.
    pub misdirected_write: Option<Probability>,
    /// At the start of the fault, this many random sectors become unreadable until they are written again.
    pub latent_sectors: Option<u32>,
}

impl DiskFault {
    /// Whether it may lose or change in silence what the disk promised to keep, rather than telling the node.
    #[must_use]
    pub fn breaks_promises(&self) -> bool {
        let may = |chance: Option<Probability>| chance.is_some_and(|it| !it.is_never());
        let some = |count: Option<u32>| count.is_some_and(|count| count > 0);
        may(self.lying_sync)
            || may(self.misdirected_write)
            || some(self.bit_rot)
            || some(self.latent_sectors)
    }

    /// Whether it may make an operation fail, so that the node knows.
    #[must_use]
    pub fn tells_errors(&self) -> bool {
        let may = |chance: Option<Probability>| chance.is_some_and(|it| !it.is_never());
        may(self.sync_failure)
            || may(self.read_error)
            || may(self.write_error)
            || self.full == Some(true)
    }
}

/// How a clock misbehaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockFault {
    /// The wall clock jumps by this many nanoseconds.
    pub step: Option<i64>,
    /// The clock runs fast (or slow) by this many parts per million while the fault lasts.
    pub drift_ppm: Option<i64>,
    /// The error bound that the clock states, from now on, honest or not.
    pub bound: Option<Duration>,
}

impl PowerFailure {
    /// All of `target` lose power at once, and have it back after `restart`.
    #[must_use]
    pub const fn of(target: Target, restart: Duration) -> Self {
        Self {
            target,
            within: Duration::ZERO,
            restart: Some(Distribution::Constant(restart)),
            again: Probability::NEVER,
            again_within: Duration::ZERO,
            again_after_operations: None,
        }
    }
}
