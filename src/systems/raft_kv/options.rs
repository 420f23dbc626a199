//! What of raft-kv can be set ([`RaftOptions`]) and what it is put together from ([`Parts`]).
//!
//! Options are for users: every value of them is sound. Parts are the collaborators that hold the rules of the
//! protocol, as plain functions; [`Parts::default`] is sound, and only `ablations.rs` builds anything else. So the
//! protocol code has no switches: it asks its parts, and it does not know whether they are right.

use std::borrow::Cow;
use std::time::Duration;

use crate::kernel::ids::{Generation, LogIndex, NodeId};
use crate::kernel::random::Stream;
use crate::kernel::time::LocalTime;
use crate::patterns::generation_clock::{self, Seen};
use crate::patterns::heartbeat::FailureMonitor;
use crate::patterns::idempotent_receiver::Arrival;
use crate::patterns::majority_quorum::{JointQuorum, Majority};
use crate::patterns::replicated_log::{Mismatch, Position, ReplicatedLog};
use crate::systems::raft_kv::commands::{Command, Payload};
use crate::systems::raft_kv::state_machine::Outcome;
use crate::systems::storage::WritePolicy;

/// The options of raft-kv.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaftOptions {
    /// How long a follower waits for its leader: drawn anew each time, from the least to the greatest.
    pub election_timeout: (Duration, Duration),
    /// How often a leader that has nothing to say says so.
    pub heartbeat: Duration,
    /// How long a request waits for others to share a message and a sync with, if a sync is under way.
    pub batch_linger: Duration,
    /// How many requests share one sync, and how many entries one message carries, at most.
    pub batch_max: usize,
    /// How many append messages may be under way to one follower.
    pub window: usize,
    /// At which size a segment of the log is full, in bytes.
    pub segment_bytes: u64,
    /// After how many applied entries a snapshot is taken.
    pub snapshot_every: u64,
    /// How many entries behind a snapshot stay in memory, for followers that lag a little.
    pub log_kept: u64,
    /// After how long a waiting request is answered: *unknown* for updates, *refused* for reads, and for session reads
    /// already after a quarter of it. An eighth of it more or less: that is how often the node looks.
    pub request_deadline: Duration,
    /// How old the state may be that a `read-bounded` is served from.
    pub staleness_bound: Duration,
    /// After how much log time without a request a session ends.
    pub session_expiry: Duration,
    /// The members that vote at first; `None`: all nodes of the cluster.
    pub members: Option<Vec<NodeId>>,
    /// The node that stands first when the cluster is founded: the others wait one election timeout longer, once.
    pub first_leader: Option<NodeId>,
}

impl Default for RaftOptions {
    fn default() -> Self {
        Self {
            election_timeout: (Duration::from_millis(300), Duration::from_millis(600)),
            heartbeat: Duration::from_millis(60),
            batch_linger: Duration::from_millis(1),
            batch_max: 64,
            window: 16,
            segment_bytes: 64 << 10,
            snapshot_every: 2_000,
            log_kept: 500,
            request_deadline: Duration::from_secs(1),
            staleness_bound: Duration::from_millis(500),
            session_expiry: Duration::from_secs(600),
            members: None,
            first_leader: None,
        }
    }
}

/// The names of the options in a scenario, and what they mean.
pub const OPTIONS: &[(&str, &str)] = &[
    (
        "election-timeout",
        "how long a follower waits for its leader: least and greatest (300ms, 600ms)",
    ),
    ("heartbeat", "how often an idle leader speaks (60ms)"),
    ("batch-linger", "how long a request waits for company while a sync is under way (1ms)"),
    ("batch-max", "how many requests share a sync, and entries a message, at most (64)"),
    ("window", "how many append messages are under way to one follower at most (16)"),
    ("segment-bytes", "the size at which a segment of the log is full (64KiB)"),
    ("snapshot-every", "after how many applied entries a snapshot is taken (2000)"),
    ("log-kept", "how many entries behind a snapshot stay for followers that lag a little (500)"),
    ("request-deadline", "after how long a waiting request is answered in any case (1s)"),
    ("staleness-bound", "how old the state may be that serves read-bounded (500ms)"),
    ("session-expiry", "after how much log time without a request a session ends (10m)"),
    ("members", "the nodes that vote at first (all)"),
    ("first-leader", "the node that stands first when the cluster is founded (whoever is first)"),
];

/// When a client is told that its update succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// When it is applied, which is after a quorum has it.
    Applied,
    /// When it is in the log of this node.
    Appended,
}

/// What a `read` is served from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadPath {
    /// From the state at a read index that the leader proved to be current.
    ReadIndex,
    /// From whatever this node has applied.
    Local,
}

/// How an election begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Campaign {
    /// With a pre-vote that changes nobody's generation and that nobody grants who hears from a leader.
    Probed,
    /// With a vote in a new generation (Raft without §9.6 of the dissertation).
    Direct,
}

/// Whether a follower acts on the silence of its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// It stands for election.
    Stands,
    /// It goes on waiting.
    Waits,
}

/// Whether a leader without a majority in reach stays a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Office {
    /// It leads on.
    Keep,
    /// It steps down.
    Leave,
}

/// Whom a node has heard lately.
pub struct Reach<'a> {
    /// The node itself.
    pub me: NodeId,
    /// Who owes it a word.
    pub monitor: &'a FailureMonitor,
    /// What its clock shows.
    pub now: LocalTime,
}

impl Reach<'_> {
    /// Whether the node believes that it can reach `node`.
    #[must_use]
    pub fn reaches(&self, node: NodeId) -> bool {
        node == self.me || !self.monitor.suspects(node, self.now)
    }
}

/// The rules of the protocol.
#[derive(Clone, Copy)]
pub struct Parts {
    /// What a generation in a replication message is, seen from the present one (§5.1).
    pub fence: fn(Generation, Generation) -> Seen,
    /// Whose majority decides (§5.2, §6).
    pub electorate: for<'a> fn(&'a JointQuorum, &Reach<'_>) -> Cow<'a, JointQuorum>,
    /// When a client is told that its update succeeded (§5.3).
    pub acknowledge: fn(&Command) -> Acknowledge,
    /// What becomes of a request that the session table has judged (§8; dissertation §6.3).
    pub admit: fn(Arrival<Outcome>) -> Arrival<Outcome>,
    /// Which index a `read` must see at a leader: its commit index and its last index are given.
    pub reads_through: fn(LogIndex, LogIndex) -> LogIndex,
    /// What a leader serves a `read` from (§8; dissertation §6.4).
    pub leader_read: ReadPath,
    /// What a follower serves a `read` from.
    pub follower_read: ReadPath,
    /// How an election begins (dissertation §9.6).
    pub campaign: Campaign,
    /// What a follower does that hears no leader (§5.2); it is told the last position of its log.
    pub watch: fn(Position) -> Watch,
    /// What a leader does that has no majority in reach (dissertation §6.2).
    pub office: fn() -> Office,
    /// Whether a candidate's log is up to date for a voter (§5.4.1): the candidate's last position, then the voter's.
    pub up_to_date: fn(Position, Position) -> bool,
    /// Whether an entry of the first generation that a quorum has is committed in the second (§5.4.2, fig. 8).
    pub commits: fn(Generation, Generation) -> bool,
    /// Whether a log has the position before a leader's entries (§5.3).
    pub previous: fn(&ReplicatedLog<Payload>, Position) -> Result<(), Mismatch>,
    /// What a new leader puts into its log first (§8).
    pub first_command: fn() -> Option<Command>,
    /// How long to wait for a leader (§5.2: randomised, so that votes are not split for ever).
    pub patience: fn(&mut Stream, (Duration, Duration)) -> Duration,
    /// The electorate to enter on the way to new members (§6).
    pub reconfigure: fn(&JointQuorum, Majority) -> JointQuorum,
    /// When the records of the log become durable.
    pub log_writes: WritePolicy,
    /// When generation and vote become durable.
    pub hard_state_writes: WritePolicy,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            fence: generation_clock::compare,
            electorate: |configuration, _| Cow::Borrowed(configuration),
            acknowledge: |_| Acknowledge::Applied,
            admit: |arrival| arrival,
            reads_through: |commit, _| commit,
            leader_read: ReadPath::ReadIndex,
            follower_read: ReadPath::ReadIndex,
            campaign: Campaign::Probed,
            watch: |_| Watch::Stands,
            office: || Office::Leave,
            up_to_date: |candidate, own| candidate >= own,
            commits: |entry, current| entry == current,
            previous: |log, position| log.check(position),
            first_command: || Some(Command::NoOp),
            patience: |random, (low, high)| random.duration(low, high),
            reconfigure: |old, new| JointQuorum::joint(new, old.incoming.clone()),
            log_writes: WritePolicy::Through,
            hard_state_writes: WritePolicy::Through,
        }
    }
}
