//! What a fault does to links, resolved to data: which links, and what happens on them.

use crate::kernel::distribution::Distribution;
use crate::world::fault::{LinkChange, Partition, PartitionMode};
use crate::world::network::link_set::LinkSet;

/// A disturbance of some links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkEffect {
    /// Which links.
    pub links: LinkSet,
    /// What happens on them.
    pub disturbance: Disturbance,
}

/// What happens on a disturbed link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// Messages are lost.
    Cut(InFlight),
    /// Messages are held until the link is released.
    Stalled(InFlight),
    /// Messages take this much longer.
    Slowed(Distribution),
    /// The link has other properties. Where several faults change the same one, the last that began wins.
    Changed(LinkChange),
}

/// Whether a cut or a stall also meets the messages that are under way when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFlight {
    /// It does.
    Disturbed,
    /// They arrive as if nothing had happened.
    Kept,
}

impl Disturbance {
    /// What a partition does to the links that it disturbs.
    #[must_use]
    pub const fn of(partition: &Partition) -> Self {
        let in_flight =
            if partition.keeps_in_flight { InFlight::Kept } else { InFlight::Disturbed };
        match partition.mode {
            PartitionMode::Cut => Self::Cut(in_flight),
            PartitionMode::Stalled => Self::Stalled(in_flight),
            PartitionMode::Slowed(longer) => Self::Slowed(longer),
        }
    }
}
