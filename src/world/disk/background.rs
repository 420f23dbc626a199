//! Syncs that go on while the node does other things.

use crate::kernel::time::Instant;
use crate::node::disk::{DiskError, DiskTicket};
use crate::world::disk::file::Capture;
use crate::world::disk::tree::InodeId;

/// What a sync really does, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncOutcome {
    /// It makes durable what it should.
    Durable,
    /// It says so and does nothing.
    Lied,
    /// It says that it failed, and drops what it should have made durable.
    Failed,
}

impl SyncOutcome {
    /// What the node is told.
    pub const fn result(self) -> Result<(), DiskError> {
        match self {
            Self::Durable | Self::Lied => Ok(()),
            Self::Failed => Err(DiskError::Sync),
        }
    }
}

/// A background sync that has not ended.
#[derive(Debug)]
pub struct Background {
    /// What the node knows it by.
    pub ticket: DiskTicket,
    /// Whose content.
    pub file: InodeId,
    /// When the node asked for it.
    pub called: Instant,
    /// The number of that call, from 1.
    pub call: u64,
    /// When the device had time for it.
    pub began: Instant,
    /// When it ends.
    pub ended: Instant,
    /// What it will have done then, decided when it was started.
    pub outcome: SyncOutcome,
    /// What it writes.
    pub capture: Capture,
}
