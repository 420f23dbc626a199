//! The replica: everything that a running node of raft-kv knows.

use std::collections::BTreeMap;

use crate::claim::{Claim, Role};
use crate::kernel::ids::{Generation, LogIndex, NodeId};
use crate::node::context::Context;
use crate::node::disk::{DiskError, DiskTicket};
use crate::patterns::generation_clock::GenerationClock;
use crate::patterns::heartbeat::FailureMonitor;
use crate::patterns::high_water_mark::HighWaterMark;
use crate::patterns::leader_and_followers::Part;
use crate::patterns::majority_quorum::Ballot;
use crate::systems::raft_kv::commands::Command;
use crate::systems::raft_kv::journal::Journal;
use crate::systems::raft_kv::leading::Leading;
use crate::systems::raft_kv::membership::Configurations;
use crate::systems::raft_kv::messages::{Moment, Voice};
use crate::systems::raft_kv::options::{Parts, RaftOptions, Reach};
use crate::systems::raft_kv::reads::Reads;
use crate::systems::raft_kv::state_machine::{Effect, StateMachine};
use crate::systems::raft_kv::{RaftKv, Timer};
use crate::systems::storage::{HardState, Snapshot, Standing, WritePolicy};

/// What the handlers are given.
pub(super) type Ctx<'a> = Context<'a, RaftKv>;

/// What they return: only a disk fails, and then the node stops.
pub(super) type Done = Result<(), DiskError>;

/// The answers to a request for votes.
#[derive(Debug, Default)]
pub(super) struct Election {
    /// What each member said, one word each.
    pub ballots: BTreeMap<NodeId, Ballot>,
    /// How many probes in a row reached no majority: the back-off.
    pub unanswered: u32,
}

/// A running node.
pub(super) struct Replica {
    pub options: RaftOptions,
    pub parts: Parts,
    pub me: NodeId,
    /// This life of the node, drawn when it started: its clock and its numbers mean nothing in another.
    pub life: u64,
    pub clock: GenerationClock,
    pub voted_for: Option<NodeId>,
    pub part: Part,
    /// What was last claimed.
    pub announced: Option<(Generation, Role)>,
    pub journal: Journal,
    pub configurations: Configurations,
    pub mark: HighWaterMark,
    pub applied: LogIndex,
    pub state: StateMachine,
    pub snapshot: Option<Snapshot>,
    pub monitor: FailureMonitor,
    pub election: Election,
    /// What only a leader knows; it ends with its leadership.
    pub leading: Option<Leading>,
    pub reads: Reads,
    /// Whether the timer for deadlines is set.
    pub deadline_armed: bool,
}

impl Replica {
    /// The generation that this node is in.
    pub const fn generation(&self) -> Generation {
        self.clock.current()
    }

    /// Whether this node is a voter of the present configuration whose word counts.
    pub fn may_vote(&self) -> bool {
        self.voice() == Voice::Counts && self.configurations.current().contains(self.me)
    }

    /// Whether this node's word counts.
    pub const fn voice(&self) -> Voice {
        match self.part {
            Part::Learning(_) => Voice::Learns { life: self.life },
            _ => Voice::Counts,
        }
    }

    /// This moment of this life.
    pub fn moment(&self, ctx: &Ctx<'_>) -> Moment {
        Moment { life: self.life, at: ctx.now() }
    }

    /// Whom this node has heard lately.
    pub fn reach(&self, ctx: &Ctx<'_>) -> Reach<'_> {
        Reach { me: self.me, monitor: &self.monitor, now: ctx.now() }
    }

    /// Claims the part that this node plays, if that changed.
    pub fn announce(&mut self, ctx: &mut Ctx<'_>) {
        let role = match self.part {
            Part::Waiting | Part::Following(_) => Role::Follower,
            Part::Candidate => Role::Candidate,
            Part::Leading => Role::Leader,
            Part::Learning(_) => Role::Learner,
        };
        let now = (self.generation(), role);
        if self.announced != Some(now) {
            self.announced = Some(now);
            ctx.claim_role(now.0, role);
        }
    }

    /// Makes generation and vote durable, if they changed.
    pub fn save_hard_state(&mut self, ctx: &mut Ctx<'_>) -> Done {
        let standing = match self.voice() {
            Voice::Counts => Standing::Full,
            Voice::Learns { .. } => Standing::Rejoining,
        };
        let (generation, voted_for) = (self.generation(), self.voted_for);
        self.journal.save_hard_state(HardState { generation, voted_for, standing }, ctx)
    }

    /// Applies what is committed, answers who waits for it, and does what follows from it.
    pub fn apply_committed(&mut self, ctx: &mut Ctx<'_>) -> Done {
        while self.applied < self.mark.get().min(self.journal.log.last_index()) {
            self.apply_next(ctx);
        }
        self.serve_reached(ctx);
        self.take_snapshot_if_due(ctx)?;
        self.notice_readmission(ctx)?;
        self.drive_membership(ctx)
    }

    fn apply_next(&mut self, ctx: &mut Ctx<'_>) {
        let index = self.applied.next();
        let entry = self.journal.log.get(index).expect("an entry is kept until it is applied");
        let (generation, payload) = (entry.generation, entry.command.clone());
        let applied = self.state.apply(index, &payload, self.parts.admit);
        self.state.expire_sessions(self.options.session_expiry);
        self.applied = index;
        let request = match applied.effect {
            Effect::Changed(request) => Some(request),
            Effect::Suppressed => {
                ctx.mark("client.duplicate-suppressed");
                None
            }
            Effect::Nothing => None,
        };
        ctx.claim(Claim::Apply { index, digest: payload.digest(), request });
        if let Command::Configure(configuration) = payload.command()
            && !configuration.is_joint()
        {
            ctx.mark("raft.configured");
        }
        let waiting =
            self.leading.as_mut().and_then(|leading| leading.waiting.complete((index, generation)));
        if let Some(token) = waiting {
            ctx.reply(token, applied.reply);
        }
    }

    /// A sync in the background ended.
    pub fn on_sync_ended(
        &mut self,
        ticket: DiskTicket,
        result: Result<(), DiskError>,
        ctx: &mut Ctx<'_>,
    ) -> Done {
        self.journal.sync_ended(ticket, result, ctx)?;
        if self.leading.is_none() {
            return Ok(());
        }
        self.advance_commit(ctx)?;
        self.flush_batch(ctx)?;
        self.journal.start_sync(ctx)
    }

    /// The timer of an ablated disk.
    pub fn on_write_back(&mut self, ctx: &mut Ctx<'_>) -> Done {
        self.arm_write_back(ctx);
        self.journal.flush(ctx)
    }

    /// Sets the timer of an ablated disk; a sound one has none.
    pub fn arm_write_back(&self, ctx: &mut Ctx<'_>) {
        let cached = [self.parts.log_writes, self.parts.hard_state_writes];
        if cached.contains(&WritePolicy::Back) {
            ctx.set_timer(Timer::WriteBack, WRITE_BACK_EVERY);
        }
    }

    /// What this node waits for, in words.
    pub fn waits_for(&self) -> String {
        let (last, mark) = (self.journal.log.last_index(), self.mark.get());
        let log = format!("its log ends at {last}, committed {mark}, applied {}", self.applied);
        match self.part {
            Part::Leading => format!("a majority that has its log ({}; {log})", self.generation()),
            Part::Following(leader) => format!("{leader} ({}; {log})", self.generation()),
            Part::Waiting => format!("a leader ({}; {log})", self.generation()),
            Part::Candidate => format!("votes ({}; {log})", self.generation()),
            Part::Learning(_) => format!("its readmission ({}; {log})", self.generation()),
        }
    }
}

/// How often cached pages are written back: the order of magnitude of an operating system's flusher.
const WRITE_BACK_EVERY: std::time::Duration = std::time::Duration::from_millis(500);
