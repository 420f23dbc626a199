//! Reads, with three guarantees; see [`follower_reads`](crate::patterns::follower_reads).
//!
//! - `read` is linearizable at any node. A leader takes its commit index (or its own first entry, if that is later: what
//!   its predecessors acknowledged may be beyond its commit index), proves in a round that starts now that it still leads,
//!   and waits until it has applied that index. A follower asks the leader for such an index and waits for it.
//! - `read-bounded` is served by a node whose state was the newest at some moment within the bound.
//! - `read-session` is served by a node that has applied what the session saw.

use crate::history::Value;
use crate::kernel::ids::{LogIndex, NodeId};
use crate::kernel::time::LocalTime;
use crate::node::{Reply, ReplyToken, Request};
use crate::patterns::follower_reads::{Freshness, Round, WaitForIndex};
use crate::patterns::leader_and_followers::Part;
use crate::patterns::request_waiting_list::RequestWaitingList;
use crate::systems::raft_kv::messages::{Append, Message};
use crate::systems::raft_kv::options::ReadPath;
use crate::systems::raft_kv::progress::Progress;
use crate::systems::raft_kv::replica::{Ctx, Done, Replica};

/// A session read waits for this part of the request deadline: then another node may be newer.
const SESSION_PATIENCE: u32 = 4;

/// A read that a client waits for.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub client: ReplyToken,
    pub key: Value,
    pub deadline: LocalTime,
}

/// Who asked a leader for a read index.
#[derive(Debug)]
pub(super) enum Asker {
    /// A client of its own.
    Client(Read),
    /// A follower.
    Follower { node: NodeId, question: u64 },
}

impl Asker {
    /// There will be no index: this node does not lead any more.
    pub fn refuse(self, leader: Option<NodeId>, ctx: &mut Ctx<'_>) {
        match self {
            Self::Client(read) => ctx.reply(read.client, Reply::NotLeader(leader)),
            Self::Follower { node, question } => {
                ctx.send(node, Message::ReadIndexReply { question, index: None });
            }
        }
    }
}

/// The reads that wait at this node.
#[derive(Debug)]
pub(super) struct Reads {
    /// For the leader's answer, by question.
    asked: RequestWaitingList<u64, Read>,
    /// The number of the next question. It begins at random, so that an answer to an earlier life answers nothing.
    question: u64,
    /// For the state machine to reach an index.
    waiting: WaitForIndex<Read>,
    freshness: Freshness,
}

impl Reads {
    /// No read, in a new life.
    pub fn new(life: u64) -> Self {
        Self {
            asked: RequestWaitingList::default(),
            question: life,
            waiting: WaitForIndex::default(),
            freshness: Freshness::default(),
        }
    }

    /// Whether a read waits at this node.
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty() && self.waiting.items().next().is_none()
    }
}

impl Replica {
    /// A linearizable read.
    pub fn read(&mut self, request: Request, ctx: &mut Ctx<'_>) -> Done {
        let read = self.read_of(request, ctx);
        match (self.part, self.parts.leader_read, self.parts.follower_read) {
            (Part::Leading, ReadPath::ReadIndex, _) => self.ask_index(Asker::Client(read), ctx),
            (Part::Leading, ReadPath::Local, _) | (_, _, ReadPath::Local) => {
                self.serve(&read, ctx);
                Ok(())
            }
            (part, _, ReadPath::ReadIndex) => {
                self.ask_leader(part.leader(), read, ctx);
                Ok(())
            }
        }
    }

    fn read_of(&self, request: Request, ctx: &Ctx<'_>) -> Read {
        let deadline = ctx.now() + self.options.request_deadline;
        Read { client: request.token, key: request.operation.key, deadline }
    }

    fn ask_leader(&mut self, leader: Option<NodeId>, read: Read, ctx: &mut Ctx<'_>) {
        let Some(leader) = leader else {
            ctx.mark("client.rejected-no-leader");
            ctx.reply(read.client, Reply::NotLeader(None));
            return;
        };
        let question = self.reads.question;
        self.reads.question = question.wrapping_add(1);
        self.reads.asked.add(question, read.deadline, read);
        self.arm_deadline(ctx);
        ctx.send(leader, Message::ReadIndex { question });
    }

    /// A read that may be a little old.
    pub fn read_bounded(&self, request: Request, ctx: &mut Ctx<'_>) {
        let read = self.read_of(request, ctx);
        if self.reads.freshness.within(self.options.staleness_bound, ctx.now()) {
            self.serve(&read, ctx);
        } else {
            ctx.mark("reads.too-stale");
            ctx.reply(read.client, Reply::Refused("too-stale"));
        }
    }

    /// A read that must be as new as what the session saw: the argument is its version. A node that follows nobody will
    /// not get newer, so it refuses at once; another waits a little for the next message of its leader.
    pub fn read_session(&mut self, request: Request, ctx: &mut Ctx<'_>) {
        let seen = request.operation.value.as_int().unwrap_or(0);
        let seen = LogIndex(u64::try_from(seen).unwrap_or(0));
        let mut read = self.read_of(request, ctx);
        if seen > self.applied && self.leading.is_none() && self.part.leader().is_none() {
            ctx.reply(read.client, Reply::Refused("the state is behind"));
            return;
        }
        read.deadline = ctx.now() + self.options.request_deadline / SESSION_PATIENCE;
        self.reads.waiting.add(seen, read);
        self.arm_deadline(ctx);
        self.serve_reached(ctx);
    }

    /// A follower asks for a read index.
    pub fn on_read_index(&mut self, from: NodeId, question: u64, ctx: &mut Ctx<'_>) -> Done {
        let asker = Asker::Follower { node: from, question };
        if self.leading.is_some() {
            return self.ask_index(asker, ctx);
        }
        asker.refuse(None, ctx);
        Ok(())
    }

    /// Registers a read with the leader's index of now, and starts a round if none is under way that others wait for.
    fn ask_index(&mut self, asker: Asker, ctx: &mut Ctx<'_>) -> Done {
        let last = self.journal.log.last_index();
        let commit = (self.parts.reads_through)(self.mark.get(), last);
        let Some(leading) = &mut self.leading else { return Ok(()) };
        let alone = leading.reads.is_empty();
        leading.reads.ask(leading.round, commit.max(leading.first_index), asker);
        if alone { self.start_round(ctx) } else { Ok(()) }
    }

    /// Answers the reads whose round is proven; starts the next round if later reads wait for it.
    pub fn advance_proof(&mut self, ctx: &mut Ctx<'_>) -> Done {
        let Some(proven) = self.proven_round(ctx) else { return Ok(()) };
        let committed = self.mark.get();
        let Some(leading) = &mut self.leading else { return Ok(()) };
        let mut confirmed = Vec::new();
        while let Some(read) = leading.reads.confirmed(proven) {
            confirmed.push(read);
        }
        if committed >= leading.first_index {
            leading.progress.values_mut().for_each(|progress| progress.proven(proven));
            while let Some(&(round, start)) = leading.round_starts.front()
                && round <= proven
            {
                leading.round_starts.pop_front();
                self.reads.freshness.proven(start);
            }
        }
        let more = leading.reads.wants_round_after(leading.round) && proven == leading.round;
        for (index, asker) in confirmed {
            match asker {
                Asker::Client(read) => self.reads.waiting.add(index, read),
                Asker::Follower { node, question } => {
                    ctx.send(node, Message::ReadIndexReply { question, index: Some(index) });
                }
            }
        }
        self.arm_deadline(ctx);
        self.serve_reached(ctx);
        if more { self.start_round(ctx) } else { Ok(()) }
    }

    /// The last round that a majority answered. Each such answer says that its node had not promised anything to a newer
    /// leader when it was given.
    fn proven_round(&self, ctx: &Ctx<'_>) -> Option<Round> {
        let leading = self.leading.as_ref()?;
        let electorate = (self.parts.electorate)(self.configurations.current(), &self.reach(ctx));
        electorate.decided(|node| {
            if node == self.me {
                return leading.round;
            }
            leading.progress.get(&node).map_or(Round(0), Progress::proof)
        })
    }

    /// The leader answered a question.
    pub fn on_read_index_reply(
        &mut self,
        question: u64,
        index: Option<LogIndex>,
        ctx: &mut Ctx<'_>,
    ) {
        let Some(read) = self.reads.asked.complete(question) else { return };
        match index {
            Some(index) => self.reads.waiting.add(index, read),
            None => ctx.reply(read.client, Reply::NotLeader(None)),
        }
        self.serve_reached(ctx);
    }

    /// Serves the reads that wait for no more than what is applied.
    pub fn serve_reached(&mut self, ctx: &mut Ctx<'_>) {
        while let Some(read) = self.reads.waiting.reached(self.applied) {
            self.serve(&read, ctx);
        }
    }

    fn serve(&self, read: &Read, ctx: &mut Ctx<'_>) {
        let followed = self.part != Part::Leading;
        ctx.mark(if followed { "reads.follower-served" } else { "reads.leader-served" });
        let value = self.state.get(&read.key);
        ctx.reply(read.client, Reply::Ok { value, version: self.applied.0 });
    }

    /// The leader fell silent: it will answer no question.
    pub fn refuse_asked_reads(&mut self, ctx: &mut Ctx<'_>) {
        for read in self.reads.asked.fail_all() {
            ctx.mark("client.rejected-no-leader");
            ctx.reply(read.client, Reply::NotLeader(None));
        }
    }

    /// Refuses the reads that have waited long enough. A read has no effect, so this is safe to say.
    pub fn expire_reads(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        while let Some(read) = self.reads.asked.expire(now) {
            ctx.reply(read.client, Reply::Refused("no read index in time"));
        }
        while let Some(read) = self.reads.waiting.remove_where(|read| read.deadline <= now) {
            ctx.reply(read.client, Reply::Refused("the state is behind"));
        }
    }

    /// What a leader's message says about how fresh this node's state is, once it has applied what the message commits.
    pub fn note_freshness(&mut self, append: &Append) {
        let Some(moment) = append.newest_after else { return };
        if moment.life == self.life && self.applied >= append.commit {
            self.reads.freshness.proven(moment.at);
        }
    }
}
