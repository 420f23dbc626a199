//! How the machine room is furnished, as plain data. Every default means "no fault, no delay".

use std::time::Duration;

use crate::kernel::distribution::Distribution;
use crate::kernel::random::Probability;
use crate::world::fault::LinkChange;
use crate::world::network::fates::MessageFate;

/// The network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkOptions {
    /// What holds for every link unless something more special does.
    pub link: LinkOptions,
    /// What differs between regions. Later entries win.
    pub regions: Vec<RegionLink>,
    /// The messages whose fate is not left to chance, each at most once.
    pub fates: Vec<MessageFate>,
}

impl NetworkOptions {
    /// The same network with nothing left to chance: each message takes `delay`, and none is lost, repeated or damaged,
    /// unless it has a fate of its own.
    #[must_use]
    pub fn without_chance(&self, delay: Duration) -> Self {
        let delay = Distribution::Constant(delay);
        let certain = |link: LinkOptions| LinkOptions {
            delay,
            loss: Probability::NEVER,
            duplication: Probability::NEVER,
            corruption: Probability::NEVER,
            ..link
        };
        let mut options = Self { link: certain(self.link), ..self.clone() };
        for RegionLink { change, .. } in &mut options.regions {
            *change = LinkChange { bandwidth: change.bandwidth, ..LinkChange::default() };
        }
        options.regions.retain(|region| region.change != LinkChange::default());
        options
    }
}

/// One direction of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkOptions {
    /// How long a message takes.
    pub delay: Distribution,
    /// The share of messages that are lost.
    pub loss: Probability,
    /// The share of messages that arrive a second time, after a delay of their own.
    pub duplication: Probability,
    /// The share of messages that are damaged on the way: the checksum refuses them.
    pub corruption: Probability,
    /// Bytes per second; `None`: no limit.
    pub bandwidth: Option<u64>,
    /// How many bytes wait for bandwidth before further messages are lost.
    pub queue_bytes: Option<u64>,
}

/// What differs on the links between two regions, or within one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionLink {
    /// The region of the sender, by its place in the cluster.
    pub from: usize,
    /// The region of the receiver.
    pub to: usize,
    /// What differs.
    pub change: LinkChange,
}

/// The disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskOptions {
    /// How long an operation takes that reads or writes, besides what follows.
    pub access: Distribution,
    /// How long a sync of a file or a directory takes, besides the bytes.
    pub sync: Distribution,
    /// Nanoseconds per KiB moved.
    pub nanos_per_kib: u64,
    /// How many bytes the disk holds; `None`: no limit.
    pub capacity: Option<u64>,
    /// The chance of an unsynced sector to survive a power failure.
    pub survival: Probability,
    /// The chance that a power failure tears one sector that was being written.
    pub tearing: Probability,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self {
            access: Distribution::default(),
            sync: Distribution::default(),
            nanos_per_kib: 0,
            capacity: None,
            survival: Probability::per_million(500_000),
            tearing: Probability::per_million(500_000),
        }
    }
}

/// The clocks. Each node draws its own values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockOptions {
    /// How far the wall clock is off at the start, in nanoseconds, from the least to the greatest.
    pub offset: (i64, i64),
    /// How fast the clock runs, in parts per million, from the least to the greatest.
    pub drift_ppm: (i64, i64),
    /// The error bound that the clock states; `None`: one that is honest for these offsets.
    pub bound: Option<Duration>,
    /// The wall clock starts anew, with a new offset, at each boot.
    pub reset_on_boot: bool,
}

/// The processors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuOptions {
    /// How long each handler keeps the node busy, besides its disk operations.
    pub handler: Duration,
}
