//! Being the leader: what begins and ends with a leadership.

use std::collections::{BTreeMap, VecDeque};

use crate::history::Value;
use crate::kernel::ids::{Generation, LogIndex, NodeId};
use crate::kernel::time::{LocalTime, nanos};
use crate::node::{Reply, ReplyToken};
use crate::patterns::follower_reads::{ReadIndex, Round};
use crate::patterns::idempotent_receiver::LogTime;
use crate::patterns::leader_and_followers::{Happening, Part};
use crate::patterns::majority_quorum::{Ballot, VoteResult};
use crate::patterns::request_batch::{BatchLimits, RequestBatch};
use crate::patterns::request_waiting_list::RequestWaitingList;
use crate::systems::raft_kv::Timer;
use crate::systems::raft_kv::commands::{Command, Payload};
use crate::systems::raft_kv::membership::Change;
use crate::systems::raft_kv::messages::Voice;
use crate::systems::raft_kv::options::{Acknowledge, Office};
use crate::systems::raft_kv::progress::Progress;
use crate::systems::raft_kv::reads::Asker;
use crate::systems::raft_kv::replica::{Ctx, Done, Replica};

/// A command on its way into the log, and the client that waits for it, if one does.
#[derive(Debug)]
pub(super) struct Proposal {
    pub command: Command,
    pub client: Option<ReplyToken>,
}

/// What only a leader knows.
#[derive(Debug)]
pub(super) struct Leading {
    /// Of each other member, and of each node that is to become one.
    pub progress: BTreeMap<NodeId, Progress>,
    /// The last round of proof that was started.
    pub round: Round,
    /// When each round started that is not proven yet.
    pub round_starts: VecDeque<(Round, LocalTime)>,
    /// The first index of this leadership; 0 if it began without an entry of its own.
    pub first_index: LogIndex,
    /// Log time when the leadership began, and the local time of that moment.
    pub log_time: (LogTime, LocalTime),
    /// Updates that wait to be sent together.
    pub batch: RequestBatch<Proposal>,
    /// Clients that wait for an entry to be applied.
    pub waiting: RequestWaitingList<(LogIndex, Generation), ReplyToken>,
    /// Reads that wait for a round.
    pub reads: ReadIndex<Asker>,
    /// The change of members that is under way.
    pub change: Option<Change>,
    /// The life in which a node that lost its disk was last proposed to be admitted again.
    pub readmitting: BTreeMap<NodeId, u64>,
}

impl Replica {
    /// The election is won.
    pub fn lead(&mut self, ctx: &mut Ctx<'_>) -> Done {
        self.part = self.part.after(Happening::ElectionWon);
        assert_eq!(self.part, Part::Leading, "only a candidate wins an election");
        self.announce(ctx);
        ctx.mark("raft.elected");
        ctx.cancel_timer(Timer::Election);
        ctx.set_timer(Timer::Heartbeat, self.options.heartbeat);
        self.monitor.forgive();
        let leading = self.begin_leading(ctx);
        self.leading = Some(leading);
        let first = (self.parts.first_command)();
        if first.is_some()
            && let Some(leading) = &mut self.leading
        {
            leading.first_index = self.journal.log.last_index().next();
        }
        let first = first.map(|command| Proposal { command, client: None });
        self.append_own(first.into_iter().collect(), ctx)?;
        self.start_round(ctx)
    }

    fn begin_leading(&self, ctx: &Ctx<'_>) -> Leading {
        let log = &self.journal.log;
        let (next, window) = (log.last_index().next(), self.options.window);
        let last_time = log.get(log.last_index()).map_or(LogTime(0), |entry| entry.command.at());
        let others = self.configurations.current().members().filter(|&node| node != self.me);
        let limits =
            BatchLimits { items_max: self.options.batch_max, linger: self.options.batch_linger };
        Leading {
            progress: others.map(|node| (node, Progress::new(next, window))).collect(),
            round: Round(0),
            round_starts: VecDeque::new(),
            first_index: LogIndex(0),
            log_time: (last_time.max(self.state.time()), ctx.now()),
            batch: RequestBatch::new(limits),
            waiting: RequestWaitingList::default(),
            reads: ReadIndex::default(),
            change: None,
            readmitting: BTreeMap::new(),
        }
    }

    /// Appends commands to the own log, starts to make them durable, and sends them out. The leader's own copy counts
    /// when its sync has ended, not before.
    pub fn append_own(&mut self, proposals: Vec<Proposal>, ctx: &mut Ctx<'_>) -> Done {
        let generation = self.generation();
        let Some(leading) = &mut self.leading else { return Ok(()) };
        let now = ctx.now();
        let (since, started) = leading.log_time;
        let at = LogTime(since.0 + nanos(now.since(started)));
        let deadline = now + self.options.request_deadline;
        let mut payloads = Vec::with_capacity(proposals.len());
        let mut index = self.journal.log.last_index();
        for Proposal { command, client } in proposals {
            index = index.next();
            if let Command::Configure(configuration) = &command {
                self.configurations.enter(index, configuration.clone());
            }
            match (client, (self.parts.acknowledge)(&command)) {
                (Some(client), Acknowledge::Applied) => {
                    leading.waiting.add((index, generation), deadline, client);
                }
                (Some(client), Acknowledge::Appended) => {
                    ctx.reply(client, Reply::Ok { value: Value::Nil, version: index.0 });
                }
                (None, _) => {}
            }
            payloads.push(Payload::new(at, command));
        }
        self.journal.append(generation, payloads, ctx)?;
        self.journal.start_sync(ctx)?;
        self.arm_deadline(ctx);
        self.replicate(ctx);
        self.advance_commit(ctx)
    }

    /// The leader must speak, and look whether it still has a majority in reach.
    pub fn on_heartbeat(&mut self, ctx: &mut Ctx<'_>) -> Done {
        if self.leading.is_none() {
            return Ok(());
        }
        if !self.reaches_majority(ctx) && (self.parts.office)() == Office::Leave {
            ctx.mark("raft.check-quorum-stepped-down");
            self.step_down(Happening::Deposed, ctx);
            self.announce(ctx);
            return Ok(());
        }
        self.give_up_change_if_late(ctx);
        ctx.set_timer(Timer::Heartbeat, self.options.heartbeat);
        self.start_round(ctx)
    }

    /// Check-quorum (dissertation §6.2): whether a majority answered within the greatest election timeout.
    fn reaches_majority(&self, ctx: &Ctx<'_>) -> bool {
        let reach = self.reach(ctx);
        let electorate = (self.parts.electorate)(self.configurations.current(), &reach);
        let Some(leading) = &self.leading else { return false };
        let counts = |node| {
            leading.progress.get(&node).is_none_or(|progress| progress.voice == Voice::Counts)
        };
        let in_reach = |node| {
            if reach.reaches(node) && counts(node) { Ballot::Granted } else { Ballot::Missing }
        };
        electorate.tally(in_reach) == VoteResult::Won
    }

    /// Stops leading or standing, if it does, and tells everybody who waits. The caller announces.
    pub fn step_down(&mut self, happening: Happening, ctx: &mut Ctx<'_>) {
        self.part = self.part.after(happening);
        if let Some(leading) = self.leading.take() {
            ctx.mark("raft.stepped-down");
            ctx.cancel_timer(Timer::Heartbeat);
            ctx.cancel_timer(Timer::Linger);
            self.dismiss(leading, ctx);
        }
        self.election.ballots.clear();
        self.arm_election(ctx);
    }

    /// Answers everybody who waits for a leader that is none any more. What is in the log may still be committed by the
    /// next leader, so nobody can say; what is not, has no effect.
    fn dismiss(&self, mut leading: Leading, ctx: &mut Ctx<'_>) {
        let leader = self.part.leader();
        for client in leading.waiting.fail_all() {
            ctx.reply(client, Reply::Unknown("leadership was lost"));
        }
        for proposal in leading.batch.take() {
            if let Some(client) = proposal.client {
                ctx.reply(client, Reply::NotLeader(leader));
            }
        }
        for asker in leading.reads.take_all() {
            asker.refuse(leader, ctx);
        }
        if let Some(client) = leading.change.and_then(|change| change.client) {
            ctx.reply(client, Reply::Unknown("leadership was lost"));
        }
    }
}
