//! How a node starts: from what its disk kept, or from nothing.
//!
//! In the order of the disk: hard state, snapshot, log. The node is a follower whatever it was before; the state machine
//! is that of the snapshot, and nothing beyond it is applied until a leader says that it is committed.
//!
//! # A node that forgot
//!
//! A disk that was replaced, or lost a part of its log, or of its hard state, has lost *promises*: a vote that made
//! somebody a leader, an acknowledgement that made an entry committed. A majority that contained this node is one node
//! short. If it simply went on, it could vote for a candidate that lacks a committed entry, or a second time in one
//! generation.
//!
//! Viewstamped Replication Revisited (Liskov and Cowling 2012, §4.3) lets such a node ask the others for their newest
//! view and wait for a majority of answers. That is not enough: a vote that the node gave in its former life may still be
//! under way to a candidate that none of those who answered has heard of, and be counted later, together with votes that
//! are given after the answers (Michael et al., *Recovering Shared Objects Without Stable Storage*, DISC 2017). So here
//! the others' knowledge goes where Raft keeps everything that must not be forgotten, into the log:
//!
//! 1. The node draws a fresh number for its new *life*. It gives no vote and no pre-vote, and each answer to a leader
//!    says that it only learns; the leader counts it neither for commitment nor as proof of leadership.
//! 2. A leader that hears of a new life appends `Readmit(node, life)`. It is committed by a majority of the members *not
//!    counting the node*: with n = 2f + 1 members, by f + 1 of the 2f others (fewer, if others forgot as well, and then
//!    nobody is admitted, which is the safe side).
//! 3. When the node has the log through that entry durably and knows it to be committed, it takes over the generation of
//!    the leader that told it, with its vote given to that leader, and its standing, in one durable write. A crash before
//!    that write leaves it forgetful, in a new life, for which a new entry is needed.
//!
//! *Votes.* Say that in its former life the node voted in generation g for a candidate c whose election is still open. The
//! request was sent before the entry existed, so the log that c stands for lacks it, or c has left its candidacy. Of the 2f
//! others, at least f + 1 hold the entry, in a generation in which it was committed; their logs are more up to date than
//! the one c asked with, so they refuse c (§5.4.1), and the f - 1 without it make, with the forgotten vote, less than a
//! majority. If instead c had won before, f others had left the generation of the re-admitting leader, and the entry could
//! not have been committed there. So whatever the node has forgotten about g, it can make no second leader in g.
//!
//! *Acknowledgements.* An entry that was committed with the node's forgotten help is on f of the others. The leader that
//! re-admits was elected by a majority without the forgetful node, or before it forgot; either way by one that meets
//! those who have the entry, or it created the entry itself, before `Readmit`; or it is an older leader, and then f others
//! refuse its `Readmit`. In each case the entry precedes `Readmit` in its log, and the node has it before its word counts.
//!
//! *Reads.* A learner's answer proves no leadership, for the same reason.

use crate::claim::Claim;
use crate::kernel::ids::{LogIndex, NodeId};
use crate::patterns::generation_clock::{GenerationClock, Seen};
use crate::patterns::heartbeat::FailureMonitor;
use crate::patterns::high_water_mark::HighWaterMark;
use crate::patterns::leader_and_followers::{Happening, Part};
use crate::patterns::low_water_mark::Boundary;
use crate::patterns::majority_quorum::{JointQuorum, Majority};
use crate::patterns::replicated_log::{Position, ReplicatedLog};
use crate::systems::raft_kv::commands::{Command, Payload};
use crate::systems::raft_kv::journal::Journal;
use crate::systems::raft_kv::membership::Configurations;
use crate::systems::raft_kv::messages::Voice;
use crate::systems::raft_kv::options::{Parts, RaftOptions};
use crate::systems::raft_kv::reads::Reads;
use crate::systems::raft_kv::replica::{Ctx, Done, Election, Replica};
use crate::systems::raft_kv::state_machine::StateMachine;
use crate::systems::storage::{
    Condition, Patience, Record, Snapshot, Standing, Start, Storage, StorageOptions,
};

/// What a disk kept, understood.
struct Kept {
    log: ReplicatedLog<Payload>,
    state: StateMachine,
    snapshot: Option<Snapshot>,
}

/// Starts a replica from its disk.
///
/// # Errors
/// Those of the disk. After one of a read nothing has changed: it may be tried again, as long as patience is left.
pub(super) fn start(
    options: RaftOptions,
    parts: Parts,
    patience: Patience,
    ctx: &mut Ctx<'_>,
) -> Result<Replica, crate::node::disk::DiskError> {
    let life = ctx.random().word();
    let start = Start::of(ctx, patience);
    let opened = Storage::open(&mut ctx.disk(), storage_options(&options, parts), start)?;
    let members = initial_members(&options, ctx);
    let (condition, hard_state, storage) = (opened.condition, opened.hard_state, opened.storage);
    let kept = match condition {
        Condition::Sound | Condition::Rejoining => {
            understand(&members, opened.snapshot, opened.boundary, &opened.records)
        }
        Condition::Amnesia(_) | Condition::Damaged(_) => None,
    };
    let forgot = kept.is_none() || hard_state.standing == Standing::Rejoining;
    let (journal, state, snapshot) = match kept {
        Some(Kept { log, state, snapshot }) => (Journal::new(log, storage), state, snapshot),
        None => (Journal::reset(storage, ctx)?, StateMachine::new(members), None),
    };
    if snapshot.as_ref().is_some_and(|snapshot| snapshot.index < journal.log.last_index()) {
        ctx.mark("recovery.log-behind-snapshot-replayed");
    }
    let applied = snapshot.as_ref().map_or(LogIndex(0), |snapshot| snapshot.index);
    let monitor = FailureMonitor::new(ctx.cluster_size(), options.election_timeout.1);
    let mut replica = Replica {
        me: ctx.id(),
        life,
        clock: GenerationClock::at(hard_state.generation),
        voted_for: hard_state.voted_for,
        part: if forgot { Part::Waiting.after(Happening::Forgot) } else { Part::Waiting },
        announced: None,
        configurations: configurations_of(&state, &journal.log),
        mark: HighWaterMark::at(applied),
        applied,
        state,
        snapshot,
        monitor,
        election: Election::default(),
        leading: None,
        reads: Reads::new(life),
        deadline_armed: false,
        journal,
        options,
        parts,
    };
    replica.tell_recovery(ctx);
    replica.save_hard_state(ctx)?;
    replica.announce(ctx);
    replica.arm_first_election(ctx);
    replica.arm_write_back(ctx);
    Ok(replica)
}

fn storage_options(options: &RaftOptions, parts: Parts) -> StorageOptions {
    StorageOptions {
        segment_bytes: options.segment_bytes,
        log: parts.log_writes,
        hard_state: parts.hard_state_writes,
        ..StorageOptions::default()
    }
}

fn initial_members(options: &RaftOptions, ctx: &Ctx<'_>) -> JointQuorum {
    let all = || ctx.nodes().collect::<Vec<NodeId>>();
    JointQuorum::simple(Majority::of(options.members.clone().unwrap_or_else(all)))
}

/// Reads records and snapshot; `None` if they are not what this node writes, which is damage too.
fn understand(
    members: &JointQuorum,
    snapshot: Option<Snapshot>,
    boundary: Boundary,
    records: &[Record],
) -> Option<Kept> {
    let state = match &snapshot {
        Some(snapshot) => StateMachine::decode(&snapshot.body)?,
        None => StateMachine::new(members.clone()),
    };
    let base = Position { generation: boundary.generation, index: boundary.index };
    let mut log = ReplicatedLog::after(base);
    for record in records {
        if record.index != log.last_index().next() || record.generation < log.last().generation {
            return None;
        }
        log.append(record.generation, Payload::decode(record.payload.clone())?);
    }
    let covered = snapshot.as_ref().map_or(LogIndex(0), |snapshot| snapshot.index);
    (log.base().index <= covered && covered <= log.last_index()).then_some(())?;
    Some(Kept { log, state, snapshot })
}

fn configurations_of(state: &StateMachine, log: &ReplicatedLog<Payload>) -> Configurations {
    let (settled, configuration) = state.configuration().clone();
    let mut configurations = Configurations::new(settled, configuration);
    let from = settled.next().max(log.base().index.next());
    for (place, entry) in log.from(from, usize::MAX).enumerate() {
        if let Command::Configure(configuration) = entry.command.command() {
            configurations.enter(LogIndex(from.0 + place as u64), configuration.clone());
        }
    }
    configurations
}

impl Replica {
    /// Claims what was found, in the order in which it lies on the disk.
    fn tell_recovery(&mut self, ctx: &mut Ctx<'_>) {
        let state = self.state.digest();
        if let Some(Snapshot { index, generation, .. }) = self.snapshot {
            ctx.claim(Claim::Snapshot { index, generation, state });
        }
        let log = &self.journal.log;
        let from = self.applied.next();
        for (place, entry) in log.from(from, usize::MAX).enumerate() {
            let index = LogIndex(from.0 + place as u64);
            let (generation, digest) = (entry.generation, entry.command.digest());
            ctx.claim(Claim::Append { index, generation, digest });
        }
        let last = log.last();
        ctx.claim(Claim::Recovered { last: last.index, applied: self.applied, state });
        ctx.claim(Claim::Durable { index: last.index });
        if self.clock.observe(last.generation) == Seen::Newer {
            self.voted_for = None; // the vote was of an older generation
        }
        if self.voted_for == Some(self.me) && last.generation == self.clock.current() {
            ctx.mark("raft.leader-recovered-as-follower");
        }
    }

    /// A follower said that it only learns: has it admitted again, once for each of its lives.
    pub fn propose_readmission(&mut self, node: NodeId, life: u64, ctx: &mut Ctx<'_>) -> Done {
        let proposed = self.leading.as_mut().map(|leading| leading.readmitting.insert(node, life));
        if proposed == Some(Some(life)) || self.state.is_readmitted(node, life) {
            return Ok(());
        }
        self.propose_own(Command::Readmit { node, life }, ctx)
    }

    /// Takes its standing back, durably, if the others have admitted it again in this life and it has their log as far.
    pub fn notice_readmission(&mut self, ctx: &mut Ctx<'_>) -> Done {
        let Voice::Learns { life } = self.voice() else { return Ok(()) };
        let Some(leader) = self.part.leader() else { return Ok(()) };
        if !self.state.is_readmitted(self.me, life) {
            return Ok(());
        }
        self.journal.make_durable(self.applied, ctx)?;
        self.part = self.part.after(Happening::Readmitted);
        self.voted_for = Some(leader);
        self.save_hard_state(ctx)?;
        ctx.mark("raft.amnesia-rejoined");
        self.announce(ctx);
        self.arm_election(ctx);
        Ok(())
    }
}
