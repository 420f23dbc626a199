//! What a handler did, as values with times.
//!
//! The handler runs at once; its effects happen one after the other, at the times that its disk operations put
//! between them. The event loop lets them happen in order and forgets those that a crash or a power failure
//! forestalls.

use crate::claim::Claim;
use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::node::disk::{DiskAction, DiskError, DiskTicket};
use crate::node::{Node, Reply, ReplyToken};

/// One effect of a handler. Timers are not among them: they die with the node, so they may be set at once.
pub enum Effect<N: Node> {
    /// A message leaves.
    Send(NodeId, N::Message),
    /// A reply leaves for a client.
    Reply(ReplyToken, Reply),
    /// The node claims something.
    Claim(Claim),
    /// The node reached a coverage mark.
    Mark(&'static str),
    /// The node notes something in the trace.
    Note(String),
    /// A disk operation ended.
    Disk {
        /// What it did.
        action: DiskAction,
        /// How many bytes it moved.
        bytes: u64,
        /// Why it failed, if it did.
        error: Option<DiskError>,
    },
    /// A background disk operation was started, and will end at this time.
    Background(DiskTicket, Instant),
    /// The node stops itself, as a process that exits: it restarts only if the scenario says so.
    Stop(&'static str),
}

/// The effects of one handler, in the order in which they happen.
pub struct Effects<N: Node> {
    /// What happens, and when. Times do not decrease.
    pub list: Vec<(Instant, Effect<N>)>,
}

impl<N: Node> Default for Effects<N> {
    fn default() -> Self {
        Self { list: Vec::new() }
    }
}
