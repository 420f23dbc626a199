//! What one writes to be simulated: a [`Node`], and all that it can see and do, its
//! [`Context`].
//!
//! A node is a state machine on a machine of its own. It starts, receives messages, timers, client requests and the
//! ends of its disk operations; it answers with effects: messages, timers, replies, disk operations, claims. It
//! cannot see true time, other nodes' memory, or chance that is not its own.
//!
//! A crash or a power failure drops the value. A restart builds a fresh one, whose `on_start` finds what the disk kept,
//! and nothing else.

pub mod context;
pub mod disk;
pub mod effects;
pub mod timers;

use std::fmt;
use std::hash::Hash;

use crate::history::{Operation, Value};
use crate::kernel::ids::{NodeId, RequestId};
use crate::node::context::Context;
use crate::node::disk::{DiskError, DiskTicket};

/// A message between nodes: a typed enum of the system's own, moved from the sender to the receiver.
///
/// Its `Hash`, [`kind`](Self::kind) and [`size`](Self::size) are called for each message, outside of any handler, and
/// must not panic: only panics in a node's handlers, in the function that builds nodes, and in `encode` and `Debug`
/// become verdicts.
pub trait Message: Clone + fmt::Debug + Hash + 'static {
    /// The name of the message's type, for reports and for faults aimed at one type.
    fn kind(&self) -> &'static str {
        "message"
    }

    /// How many bytes it takes on the wire: what bandwidth is spent on.
    fn size(&self) -> usize {
        64
    }

    /// Writes the message as bytes. Called only when the network damages it: the damaged frame then meets its
    /// checksum. The default writes the `Debug` form, which is enough to be damaged.
    fn encode(&self, frame: &mut Vec<u8>) {
        frame.extend_from_slice(format!("{self:?}").as_bytes());
    }
}

/// A process on a simulated machine.
///
/// Handlers run to completion. A handler that uses the disk takes virtual time, and what it does afterwards happens
/// that much later; if power fails in between, the rest of the handler never happened. So straight-line code is
/// tested at each of its crash points.
///
/// A handler that panics ends the run with the verdict *violation* (`panic`).
pub trait Node: Sized + 'static {
    /// What nodes send each other.
    type Message: Message;
    /// What a timer is known by: setting a timer again under the same value moves it.
    type Timer: Copy + Ord + fmt::Debug + Hash + 'static;

    /// The node starts, for the first time or after a crash: whatever it knows, its disk kept.
    fn on_start(&mut self, ctx: &mut Context<'_, Self>);

    /// A message arrived.
    fn on_message(&mut self, from: NodeId, message: Self::Message, ctx: &mut Context<'_, Self>);

    /// A timer ran out.
    fn on_timer(&mut self, timer: Self::Timer, ctx: &mut Context<'_, Self>) {
        let _ = (timer, ctx);
    }

    /// A client asks. Answer with [`Context::reply`], now or later, or never.
    fn on_request(&mut self, request: Request, ctx: &mut Context<'_, Self>) {
        ctx.reply(request.token, Reply::Refused("this node serves no clients"));
    }

    /// A background disk operation ended.
    fn on_disk(
        &mut self,
        ticket: DiskTicket,
        result: Result<(), DiskError>,
        ctx: &mut Context<'_, Self>,
    ) {
        let _ = (ticket, result, ctx);
    }

    /// What the node waits for, in words: shown when a run makes no progress.
    fn waits_for(&self) -> String {
        String::new()
    }
}

/// Where a reply goes: this attempt of this client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyToken {
    /// The place of the client among the endpoints of the network.
    pub(crate) client: u32,
    /// The number of the attempt.
    pub(crate) attempt: u64,
}

/// What a client asks of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The request, the same in every retry.
    pub id: RequestId,
    /// What to do.
    pub operation: Operation,
    /// Where to answer.
    pub token: ReplyToken,
}

/// What a node answers to a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// Done.
    Ok {
        /// The result.
        value: Value,
        /// The version of the state that the result shows (a log index), 0 if the system has none. The client hands
        /// it back in `read-session`.
        version: u64,
    },
    /// Not done, and this request never will be, whoever is asked: a failed compare-and-set, a malformed operation.
    Fail(&'static str),
    /// Not done *by this attempt*, which has no effect: this node will not serve it. Another might.
    Refused(&'static str),
    /// Not done by this attempt, which has no effect: ask the leader, if one is known.
    NotLeader(Option<NodeId>),
    /// The session is not known (any more): open a new one.
    SessionExpired,
    /// Nobody can say whether it will take effect.
    Unknown(&'static str),
}

impl Reply {
    /// Done, with this result.
    #[must_use]
    pub fn ok(value: impl Into<Value>) -> Self {
        Self::Ok { value: value.into(), version: 0 }
    }
}
