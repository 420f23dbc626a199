//! raft-kv: a replicated key-value store with counters, compare-and-set, lists and sessions, on Raft.
//!
//! Raft is Ongaro and Ousterhout, *In Search of an Understandable Consensus Algorithm* (extended version, 2014); section
//! numbers in this folder are that paper's, or those of Ongaro's dissertation (*Consensus: Bridging Theory and Practice*,
//! Stanford 2014) where they say so. Its *term* is called generation here.
//!
//! # The way of an update
//!
//! ```text
//!  client      leader                                  followers
//!    |  write    |                                         |
//!    |---------->| batch, append to the log                |
//!    |           |---- append(previous, entries) --------->| check the position before, append, sync
//!    |           | sync in the background                  |
//!    |           |<--- matched(index) ---------------------|
//!    |           | a majority has it durably: commit       |
//!    |           | apply, look into the session table      |
//!    |<----------| ok(result, index)                       |
//!    |           |---- append(..., commit) --------------->| apply
//! ```
//!
//! The leader overlaps its own sync with the round trip, so its own log counts only when that sync has ended; a follower
//! syncs before it answers. Nothing is ever said that the disk does not hold.
//!
//! # What a node is made of
//!
//! Every rule that is worth a name is a file in [`patterns`](crate::patterns), pure and tested there: who leads, which
//! generation it is, whose majority, what is committed, who waits. This folder puts them together: it owns the disk
//! (`journal`), the messages and the timers. The rules that an ablation replaces are handed in as
//! [`Parts`].
//!
//! # A node that cannot reach a majority
//!
//! It refuses updates at once, naming no leader. It does not raise its generation, does not append, does not write to its
//! disk: it only asks from time to time, less and less often, whether a majority would vote for it. So when the link
//! heals, the leader that went on meanwhile is not disturbed, and the first heartbeat makes followers of them all.

mod codec;
pub mod commands;
mod election;
mod following;
mod journal;
mod leading;
pub mod marks;
mod membership;
pub mod messages;
pub mod options;
mod progress;
mod reads;
mod recovery;
mod replica;
mod replication;
mod requests;
mod snapshots;
pub mod state_machine;

use std::time::Duration;

use crate::claim::Claim;
use crate::kernel::ids::NodeId;
use crate::node::context::Context;
use crate::node::disk::{DiskError, DiskTicket};
use crate::node::{Node, Reply, Request};
use crate::systems::raft_kv::messages::Message;
use crate::systems::raft_kv::options::{Parts, RaftOptions};
use crate::systems::raft_kv::replica::Replica;
use crate::systems::storage::Patience;

/// What a timer of raft-kv is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The leader was silent for too long.
    Election,
    /// A leader must speak again.
    Heartbeat,
    /// A batch has waited long enough.
    Linger,
    /// A waiting request may have waited long enough.
    Deadline,
    /// An ablated disk writes its cached pages back.
    WriteBack,
    /// The disk could not be read at the start; perhaps it can by now.
    ReadAgain,
}

/// How long a node that cannot read its disk waits before it tries again.
const READ_AGAIN: Duration = Duration::from_millis(200);
/// How often it tries, before it believes that what it cannot read is lost, and has itself re-admitted: 10 s.
const READ_ATTEMPTS: u32 = 50;

/// A node of raft-kv.
pub struct RaftKv {
    options: RaftOptions,
    parts: Parts,
    /// `None` until the disk was read.
    replica: Option<Replica>,
    /// How often it could not be read.
    unreadable: u32,
}

impl RaftKv {
    /// A node that has not started yet.
    #[must_use]
    pub const fn new(options: RaftOptions, parts: Parts) -> Self {
        Self { options, parts, replica: None, unreadable: 0 }
    }

    /// Reads the disk, and starts the replica. An error of a read may pass, so the node tries again.
    fn start(&mut self, ctx: &mut Context<'_, Self>) {
        let patience =
            if self.unreadable < READ_ATTEMPTS { Patience::Left } else { Patience::Spent };
        match recovery::start(self.options.clone(), self.parts, patience, ctx) {
            Ok(replica) => self.replica = Some(replica),
            Err(DiskError::Read) if patience == Patience::Left => {
                self.unreadable += 1;
                ctx.mark("recovery.disk-unreadable");
                ctx.set_timer(Timer::ReadAgain, READ_AGAIN);
            }
            Err(_) => ctx.stop("the disk failed"),
        }
    }

    /// Lets the replica do something, if there is one yet. A disk that failed is not trusted again (see
    /// [`storage`](crate::systems::storage)): the node stops, and what its disk kept will tell the next start.
    fn with_replica(
        &mut self,
        ctx: &mut Context<'_, Self>,
        act: impl FnOnce(&mut Replica, &mut Context<'_, Self>) -> Result<(), DiskError>,
    ) {
        let Some(replica) = &mut self.replica else { return };
        if act(replica, ctx).is_err() {
            ctx.stop("the disk failed");
        }
    }
}

impl Node for RaftKv {
    type Message = Message;
    type Timer = Timer;

    fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
        ctx.claim(Claim::Recovering);
        self.start(ctx);
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<'_, Self>) {
        self.with_replica(ctx, |replica, ctx| match message {
            Message::PreVote(canvass) => {
                replica.on_pre_vote(from, canvass, ctx);
                Ok(())
            }
            Message::PreVoteReply(answer) => replica.on_pre_vote_reply(from, answer, ctx),
            Message::Vote(canvass) => replica.on_vote(from, canvass, ctx),
            Message::VoteReply(answer) => replica.on_vote_reply(from, answer, ctx),
            Message::Append(append) => replica.on_append(from, &append, ctx),
            Message::Install(install) => replica.on_install(from, install, ctx),
            Message::Appended(appended) => replica.on_appended(from, appended, ctx),
            Message::ReadIndex { question } => replica.on_read_index(from, question, ctx),
            Message::ReadIndexReply { question, index } => {
                replica.on_read_index_reply(question, index, ctx);
                Ok(())
            }
        });
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_, Self>) {
        if timer == Timer::ReadAgain {
            self.start(ctx);
            return;
        }
        self.with_replica(ctx, |replica, ctx| match timer {
            Timer::ReadAgain => Ok(()),
            Timer::Election => replica.on_election_timeout(ctx),
            Timer::Heartbeat => replica.on_heartbeat(ctx),
            Timer::Linger => replica.flush_batch(ctx),
            Timer::Deadline => {
                replica.on_deadline(ctx);
                Ok(())
            }
            Timer::WriteBack => replica.on_write_back(ctx),
        });
    }

    fn on_request(&mut self, request: Request, ctx: &mut Context<'_, Self>) {
        if self.replica.is_none() {
            ctx.reply(request.token, Reply::Refused("reading-its-disk"));
            return;
        }
        self.with_replica(ctx, |replica, ctx| replica.on_request(request, ctx));
    }

    fn on_disk(
        &mut self,
        ticket: DiskTicket,
        result: Result<(), DiskError>,
        ctx: &mut Context<'_, Self>,
    ) {
        self.with_replica(ctx, |replica, ctx| replica.on_sync_ended(ticket, result, ctx));
    }

    fn waits_for(&self) -> String {
        self.replica.as_ref().map_or_else(|| "its start".to_owned(), Replica::waits_for)
    }
}
