//! Changes of the members, by joint consensus (§6).
//!
//! The operator asks for a new set of members. New nodes first copy the log as learners, whose word does not count, so
//! that the cluster does not wait for them once it does (dissertation §4.2.1). Then the leader appends a *joint*
//! configuration: from there on each decision needs a majority of the old members *and* one of the new. When that is
//! committed, no majority of the old members alone can decide anything, and the leader appends the new configuration.
//!
//! A configuration holds from the moment it is in the log, committed or not; if it is truncated, the one before it holds
//! again. A leader that is not a member any more leads until the new configuration is committed, and steps down (§6).

use crate::history::Value;
use crate::kernel::ids::{LogIndex, NodeId};
use crate::kernel::time::LocalTime;
use crate::node::{Reply, ReplyToken, Request};
use crate::patterns::leader_and_followers::Happening;
use crate::patterns::majority_quorum::{JointQuorum, Majority};
use crate::systems::raft_kv::commands::Command;
use crate::systems::raft_kv::leading::Proposal;
use crate::systems::raft_kv::progress::Progress;
use crate::systems::raft_kv::replica::{Ctx, Done, Replica};

/// New members may take this many request deadlines to catch up.
const CATCH_UP_DEADLINES: u32 = 30;

/// The configurations in the log, the last of which holds.
#[derive(Clone, Debug)]
pub(super) struct Configurations {
    /// By the index of their entry, increasing. The first is settled: it is never truncated.
    entered: Vec<(LogIndex, JointQuorum)>,
}

impl Configurations {
    /// One settled configuration.
    pub fn new(index: LogIndex, configuration: JointQuorum) -> Self {
        Self { entered: vec![(index, configuration)] }
    }

    /// The configuration that holds.
    pub fn current(&self) -> &JointQuorum {
        &self.entered.last().expect("there always is a configuration").1
    }

    /// The index of its entry.
    pub fn current_index(&self) -> LogIndex {
        self.entered.last().expect("there always is a configuration").0
    }

    /// An entry with a configuration is in the log.
    pub fn enter(&mut self, index: LogIndex, configuration: JointQuorum) {
        self.truncate_from(index);
        self.entered.push((index, configuration));
    }

    /// The log was truncated.
    pub fn truncate_from(&mut self, from: LogIndex) {
        while self.entered.len() > 1 && self.current_index() >= from {
            self.entered.pop();
        }
    }

    /// A snapshot covers the log through `through`; its configuration is the settled one now.
    pub fn settle(&mut self, through: LogIndex, settled: &(LogIndex, JointQuorum)) {
        self.entered.retain(|(index, _)| *index > through);
        self.entered.insert(0, settled.clone());
    }
}

/// A change of members that a leader was asked for.
#[derive(Debug)]
pub(super) struct Change {
    /// The new members.
    members: Majority,
    /// Who asked, until the answer is left to the waiting list.
    pub client: Option<ReplyToken>,
    /// When to give up if the new members do not catch up.
    deadline: LocalTime,
    /// Whether the joint configuration is in the log.
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The new members copy the log, in rounds.
    CatchingUp(CatchUp),
    /// The first configuration of the change is in the log.
    Entered,
}

/// One round of catching up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CatchUp {
    /// What the new members have to copy.
    through: LogIndex,
    /// When it began.
    began: LocalTime,
}

impl Replica {
    /// The operator asks for new members.
    pub fn reconfigure(&mut self, request: &Request, ctx: &mut Ctx<'_>) -> Done {
        let Some(members) = members_of(&request.operation.value, ctx.cluster_size()) else {
            ctx.reply(request.token, Reply::Fail("malformed operation"));
            return Ok(());
        };
        let (current, settled) =
            (self.configurations.current(), self.configurations.current_index());
        let deadline = ctx.now() + self.options.request_deadline * CATCH_UP_DEADLINES;
        let next = self.journal.log.last_index().next();
        let Some(leading) = &mut self.leading else { return Ok(()) };
        if *current == JointQuorum::simple(members.clone()) && leading.change.is_none() {
            ctx.reply(request.token, Reply::Ok { value: Value::Nil, version: settled.0 });
            return Ok(());
        }
        let committed = self.mark.get();
        if leading.change.is_some() || settled > committed || committed < leading.first_index {
            ctx.reply(request.token, Reply::Refused("another change is under way"));
            return Ok(());
        }
        for &node in members.members().iter().filter(|&&node| node != self.me) {
            let new = || Progress::new(next, self.options.window);
            leading.progress.entry(node).or_insert_with(new);
        }
        let client = Some(request.token);
        let round = CatchUp { through: committed, began: ctx.now() };
        leading.change =
            Some(Change { members, client, deadline, stage: Stage::CatchingUp(round) });
        self.start_round(ctx)?;
        self.advance_change(ctx)
    }

    /// Enters the joint configuration as soon as the new members have caught up: they copied what was committed when a round
    /// began, and it took less than an election time-out, so that what came meanwhile is no long wait. To ask for all
    /// that is committed *now* would be to wait for ever on members that are further away than those that commit.
    /// Source: Ongaro 2014, 4.2.1.
    pub fn advance_change(&mut self, ctx: &mut Ctx<'_>) -> Done {
        let committed = self.mark.get();
        let Some(leading) = &mut self.leading else { return Ok(()) };
        let Some(change) = &mut leading.change else { return Ok(()) };
        let Stage::CatchingUp(round) = &mut change.stage else { return Ok(()) };
        let behind = |&node: &NodeId| {
            leading.progress.get(&node).is_some_and(|progress| progress.counted() < round.through)
        };
        if change.members.members().iter().any(behind) {
            return Ok(());
        }
        if ctx.now().since(round.began) > self.options.election_timeout.0 {
            *round = CatchUp { through: committed, began: ctx.now() };
            return Ok(());
        }
        change.stage = Stage::Entered;
        let members = change.members.clone();
        let next = (self.parts.reconfigure)(self.configurations.current(), members);
        if next.is_joint() {
            ctx.mark("raft.joint-entered");
            return self.propose_own(Command::Configure(next), ctx);
        }
        self.enter_last(next, ctx)
    }

    /// What follows from a configuration that is committed: the end of a joint one, or of a leadership.
    pub fn drive_membership(&mut self, ctx: &mut Ctx<'_>) -> Done {
        if self.leading.is_none() || self.configurations.current_index() > self.mark.get() {
            return Ok(());
        }
        let current = self.configurations.current();
        if current.is_joint() {
            let next = JointQuorum::simple(current.incoming.clone());
            ctx.mark("raft.joint-left");
            return self.enter_last(next, ctx);
        }
        if !current.contains(self.me) {
            self.step_down(Happening::Deposed, ctx);
            self.announce(ctx);
            return Ok(());
        }
        let keep: Vec<NodeId> = current.members().collect();
        let Some(leading) = &mut self.leading else { return Ok(()) };
        if leading.change.as_ref().is_none_or(|change| change.stage == Stage::Entered) {
            leading.change = None;
            leading.progress.retain(|node, _| keep.contains(node));
        }
        Ok(())
    }

    /// Appends the configuration that ends a change; who asked for it is answered when it is applied.
    fn enter_last(&mut self, next: JointQuorum, ctx: &mut Ctx<'_>) -> Done {
        let change = self.leading.as_mut().and_then(|leading| leading.change.as_mut());
        let client = change.and_then(|change| change.client.take());
        self.append_own(vec![Proposal { command: Command::Configure(next), client }], ctx)
    }

    /// Gives up a change whose new members do not catch up.
    pub fn give_up_change_if_late(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        let Some(leading) = &mut self.leading else { return };
        let late = |change: &mut Change| change.stage != Stage::Entered && change.deadline <= now;
        if let Some(change) = leading.change.take_if(late) {
            if let Some(client) = change.client {
                ctx.reply(client, Reply::Refused("the new members do not catch up"));
            }
            let current = self.configurations.current();
            leading.progress.retain(|&node, _| current.contains(node));
        }
    }
}

fn members_of(value: &Value, nodes: usize) -> Option<Majority> {
    let Value::List(list) = value else { return None };
    let node = |value: &Value| {
        let number = u32::try_from(value.as_int()?).ok()?;
        ((number as usize) < nodes).then_some(NodeId(number))
    };
    let members = list.iter().map(node).collect::<Option<Vec<_>>>()?;
    (!members.is_empty()).then(|| Majority::of(members))
}
