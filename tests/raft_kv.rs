//! The rules of Raft at work in raft-kv, one scripted situation each. Section numbers are those of Ongaro and Ousterhout,
//! *In Search of an Understandable Consensus Algorithm* (extended version, 2014), or of Ongaro's dissertation.

use std::time::Duration;

use elara::ablations::without;
use elara::checkers::{CHECKERS, CheckerOptions, build};
use elara::claim::{Claim, Role};
use elara::client::Sessions;
use elara::client::workload::{ClientGroup, Routing, Workload};
use elara::kernel::distribution::Distribution;
use elara::kernel::ids::NodeId;
use elara::kernel::random::Probability;
use elara::kernel::time::Instant;
use elara::simulation::Simulation;
use elara::simulation::options::{Keep, SimulationOptions};
use elara::simulation::outcome::Outcome;
use elara::systems::raft_kv::RaftKv;
use elara::systems::raft_kv::options::RaftOptions;
use elara::trace::Fact;
use elara::world::cluster::Cluster;
use elara::world::fault::{
    Fault, Partition, PartitionMode, PowerFailure, ScheduledFault, Shape, Target,
};

/// One situation.
struct Situation {
    seed: u64,
    nodes: usize,
    options: RaftOptions,
    off: &'static [&'static str],
    routing: Routing,
    loss: Probability,
    delay: (Duration, Duration),
    /// Of an unsynced sector, whole or torn, when power fails.
    survival: Probability,
    faults: Vec<ScheduledFault>,
    seconds: u64,
    quiet: u64,
}

impl Default for Situation {
    fn default() -> Self {
        Self {
            seed: 1,
            nodes: 3,
            options: RaftOptions { snapshot_every: 200, log_kept: 50, ..RaftOptions::default() },
            off: &[],
            routing: Routing::Leader,
            loss: Probability::NEVER,
            delay: (Duration::from_micros(500), Duration::from_millis(3)),
            survival: Probability::per_million(500_000),
            faults: Vec::new(),
            seconds: 8,
            quiet: 8,
        }
    }
}

/// They claim what raft-kv does not promise, or judge histories of registers only.
const ON_REQUEST: [&str; 3] = ["sequential-consistency", "causal-consistency", "bounded-staleness"];

impl Situation {
    fn with(mut self, at: u64, lasts: Option<u64>, fault: Fault) -> Self {
        let lasts = lasts.map(Duration::from_millis);
        let at = Instant::ZERO + Duration::from_millis(at);
        self.faults.push(ScheduledFault::new(at, fault).lasting(lasts));
        self
    }

    fn run(self) -> Outcome {
        let mut judged = CheckerOptions::new(self.nodes);
        judged.voters = None;
        let fitting = CHECKERS.iter().filter(|entry| !ON_REQUEST.contains(&entry.name));
        let checkers = fitting.filter_map(|entry| build(entry.name, &judged)).collect();
        let named = |&(name, weight): &(&str, u32)| (name.to_owned(), weight);
        let operations: Vec<_> = OPERATIONS.iter().map(named).collect();
        let group = ClientGroup {
            count: 4,
            near: None,
            operations: Vec::new(),
            routing: Some(self.routing),
        };
        let mut options = SimulationOptions {
            seed: self.seed,
            cluster: Cluster::of_size(self.nodes),
            workload: Workload { clients: vec![group], operations, ..Workload::default() },
            sessions: Sessions::Opened,
            faults: self.faults,
            duration: Duration::from_secs(self.seconds),
            quiet: Duration::from_secs(self.quiet),
            keep: Keep::Trace,
            ..SimulationOptions::default()
        };
        let (low, high) = (Duration::from_micros(500), Duration::from_millis(3));
        options.network.link.loss = self.loss;
        options.network.link.delay = Distribution::Uniform(self.delay.0, self.delay.1);
        options.disk.survival = self.survival;
        options.disk.tearing = self.survival;
        options.disk.sync = Distribution::Uniform(low, high);
        let parts = without(self.off).expect("a known pattern").raft_kv;
        let raft = self.options;
        Simulation::new(options, move |_| RaftKv::new(raft.clone(), parts), checkers).run()
    }
}

const OPERATIONS: &[(&str, u32)] = &[
    ("write", 4),
    ("read", 4),
    ("cas", 1),
    ("increment", 2),
    ("append", 1),
    ("delete", 1),
    ("read-session", 2),
    ("read-bounded", 2),
];

fn sides(first: &[u32], second: &[u32]) -> Fault {
    let side =
        |nodes: &[u32]| Target::List(nodes.iter().map(|&n| Target::Node(NodeId(n))).collect());
    cut(Shape::Sides(vec![side(first), side(second)]))
}

fn cut(shape: Shape) -> Fault {
    let mode = PartitionMode::Cut;
    Fault::Partition(Partition { shape, mode, flapping: None, keeps_in_flight: false })
}

fn reconfigure(nodes: &[u32]) -> Fault {
    let members = nodes.iter().map(|&n| Target::Node(NodeId(n))).collect();
    Fault::Reconfigure { members: Target::List(members) }
}

fn wipe(target: Target) -> Fault {
    let restart = Some(Distribution::Constant(Duration::from_millis(200)));
    Fault::Wipe { target, restart }
}

fn reached(outcome: &Outcome, mark: &str) -> u64 {
    outcome.coverage.get(mark).copied().unwrap_or(0)
}

fn assert_sound(outcome: &Outcome) {
    assert!(outcome.violations.is_empty(), "{:#?}", outcome.violations);
    assert!(outcome.operations.ok > 100, "{:?}", outcome.operations);
}

/// The claims that a node made between two moments, in milliseconds.
fn claims(outcome: &Outcome, node: u32, from: u64, to: u64) -> Vec<Claim> {
    let at = |millis| Instant::ZERO + Duration::from_millis(millis);
    let within = |event: &&elara::trace::Event| {
        event.node == Some(NodeId(node)) && event.at >= at(from) && event.at < at(to)
    };
    let events = outcome.trace.iter().filter(within);
    let claim = |event: &elara::trace::Event| match event.fact {
        Fact::Claimed(claim) => Some(claim),
        _ => None,
    };
    events.filter_map(claim).collect()
}

#[test]
fn a_calm_cluster_elects_once_and_serves_every_operation_everywhere() {
    let outcome = Situation { routing: Routing::ReadsNear, ..Situation::default() }.run();
    assert_sound(&outcome);
    assert_eq!(outcome.leaders.len(), 1);
    assert_eq!(outcome.operations.info, 0);
    assert!(reached(&outcome, "reads.follower-served") > 100);
}

/// Dissertation §9.6 and §6.2: who is cut off changes nothing, and disturbs nobody when it is back.
#[test]
fn a_minority_changes_no_generation_and_writes_nothing() {
    let outcome = Situation { nodes: 5, options: first(0), ..Situation::default() }
        .with(3_000, Some(4_000), sides(&[0, 1, 2], &[3, 4]))
        .run();
    assert_sound(&outcome);
    assert_eq!(outcome.leaders.len(), 1, "the leader is the one of before");
    for node in [3, 4] {
        assert_eq!(claims(&outcome, node, 3_100, 7_000), [], "node {node} is silent");
    }
}

/// The node that stands first.
fn first(node: u32) -> RaftOptions {
    RaftOptions { first_leader: Some(NodeId(node)), ..Situation::default().options }
}

/// Dissertation §6.2: a leader without a majority steps down, within the greatest election timeout and a heartbeat.
#[test]
fn a_leader_that_is_cut_off_steps_down_and_refuses() {
    let outcome = Situation { nodes: 5, options: first(0), ..Situation::default() }
        .with(3_000, Some(3_000), sides(&[0, 1], &[2, 3, 4]))
        .run();
    assert_sound(&outcome);
    assert!(reached(&outcome, "raft.check-quorum-stepped-down") >= 1);
    let followed = claims(&outcome, 0, 3_000, 3_000 + 600 + 2 * 60 + 10);
    let stepped_down = |claim: &Claim| matches!(claim, Claim::Role { role: Role::Follower, .. });
    assert!(followed.iter().any(stepped_down));
    assert!(outcome.leaders.len() >= 2, "the majority elects another");
}

/// §7: what was discarded travels as a snapshot.
#[test]
fn a_follower_that_missed_what_was_discarded_gets_a_snapshot() {
    let outcome = Situation { options: first(0), ..Situation::default() }
        .with(2_000, Some(5_000), cut(Shape::Isolate(Target::Node(NodeId(2)))))
        .run();
    assert_sound(&outcome);
    assert!(reached(&outcome, "raft.snapshot-installed") >= 1);
}

/// §8, dissertation §6.3: a client whose answers are lost asks again, and nothing is executed twice.
#[test]
fn a_retry_is_answered_and_not_executed() {
    let lossy = |off| {
        let (loss, seconds) = (Probability::per_million(50_000), 20);
        Situation { off, loss, seconds, ..Situation::default() }.run()
    };
    let outcome = lossy(&[]);
    assert_sound(&outcome);
    assert!(reached(&outcome, "client.duplicate-suppressed") > 0);
    let violations = lossy(&["idempotent-receiver"]).violations;
    assert!(violations.iter().any(|(name, _)| *name == "at-most-once"), "{violations:?}");
}

/// §6: from three members to five, and on to three others, the leader not among them.
#[test]
fn members_change_one_majority_at_a_time() {
    let members = Some(vec![NodeId(0), NodeId(1), NodeId(2)]);
    let options = RaftOptions { members, ..first(0) };
    let outcome = Situation { nodes: 5, options, ..Situation::default() }
        .with(2_000, None, reconfigure(&[0, 1, 2, 3, 4]))
        .with(4_000, None, reconfigure(&[2, 3, 4]))
        .run();
    assert_sound(&outcome);
    assert_eq!(reached(&outcome, "raft.joint-entered"), 2);
    assert_eq!(reached(&outcome, "raft.joint-left"), 2);
    let last = outcome.leaders.last().expect("somebody leads").node;
    assert!(last >= NodeId(2), "a leader that is no member steps down");
}

/// §6, fig. 10: with a jump from old to new members, two majorities decide that do not meet.
#[test]
fn a_jump_to_new_members_splits_the_cluster_and_joint_consensus_does_not() {
    let torn = |off| {
        let members = Some(vec![NodeId(0), NodeId(1), NodeId(2)]);
        let options = RaftOptions { members, ..first(0) };
        Situation { nodes: 5, options, off, ..Situation::default() }
            .with(3_000, Some(3_000), sides(&[0, 3, 4], &[1, 2]))
            .with(3_020, None, reconfigure(&[0, 1, 2, 3, 4]))
            .run()
    };
    assert_sound(&torn(&[]));
    let violations = torn(&["joint-consensus"]).violations;
    assert!(violations.iter().any(|(name, _)| *name == "state-machine-safety"), "{violations:?}");
}

/// The essay of `recovery`: a node that lost its disk counts again only when the others have committed that it may.
#[test]
fn a_node_that_lost_its_disk_is_admitted_again_and_counts_again() {
    let outcome = Situation { options: first(0), ..Situation::default() }
        .with(2_000, None, wipe(Target::Node(NodeId(1))))
        .with(5_000, Some(2_000), cut(Shape::Isolate(Target::Node(NodeId(2)))))
        .run();
    assert_sound(&outcome);
    assert_eq!(reached(&outcome, "raft.amnesia-rejoined"), 1);
    let commits = claims(&outcome, 0, 6_000, 7_000);
    let commits = commits.iter().filter(|claim| matches!(claim, Claim::Commit { .. })).count();
    assert!(commits > 10, "with the third node away, the second one must count: {commits}");
}

#[test]
fn a_wiped_leader_is_admitted_again_too() {
    let outcome = Situation::default().with(2_000, None, wipe(Target::Leader)).run();
    assert_sound(&outcome);
    assert_eq!(reached(&outcome, "raft.amnesia-rejoined"), 1);
}

/// The same essay: when more than a minority forgot, nobody is admitted, and nothing is decided any more.
#[test]
fn a_majority_that_forgot_decides_nothing() {
    let outcome = Situation { options: first(0), ..Situation::default() }
        .with(
            2_000,
            None,
            wipe(Target::List(vec![Target::Node(NodeId(0)), Target::Node(NodeId(1))])),
        )
        .run();
    assert_eq!(reached(&outcome, "raft.amnesia-rejoined"), 0);
    assert_eq!(reached(&outcome, "raft.elected"), 1, "nobody is elected afterwards");
}

/// Dissertation §6.4: a new leader reads at its own first entry; without one it may read before what was acknowledged.
#[test]
fn a_crash_of_the_leader_in_every_second_leaves_reads_linearizable() {
    let mut situation = Situation { nodes: 5, routing: Routing::Roaming, ..Situation::default() };
    for second in 1..8 {
        let restart = Some(Distribution::Constant(Duration::from_millis(300)));
        let crash = Fault::Crash { target: Target::Leader, restart };
        situation = situation.with(second * 1_000, None, crash);
    }
    let outcome = situation.run();
    assert_sound(&outcome);
    assert!(reached(&outcome, "raft.elected") > 5);
    assert!(reached(&outcome, "raft.leader-recovered-as-follower") > 3);
}

/// §5.2: a voter that loses power between its vote and everything else must remember it. Node 0 stands first and gets the
/// vote of node 1; node 2, which cannot hear node 0, stands next, in the same generation.
///
/// With 35 ms each way and a timeout of 300 ms, node 0 asks whether it may stand at 300 ms, asks for the vote at 370, and
/// node 1 gives it at 405.
#[test]
fn a_voter_that_forgets_its_vote_makes_two_leaders_in_one_generation() {
    let voter = || Target::Node(NodeId(1));
    let election = |off| {
        let slow = Duration::from_millis(35);
        let timeout = Duration::from_millis(300);
        let options = RaftOptions { election_timeout: (timeout, timeout), ..first(0) };
        let restart = Duration::from_millis(5);
        Situation {
            off,
            options,
            delay: (slow, slow),
            survival: Probability::NEVER,
            ..Situation::default()
        }
        .with(0, Some(4_000), cut(Shape::Pairs(vec![(NodeId(0), NodeId(2))])))
        .with(415, None, Fault::PowerFailure(PowerFailure::of(voter(), restart)))
        .with(415, Some(3_000), cut(Shape::OneWay(Target::Node(NodeId(0)), voter())))
        .run()
    };
    assert_sound(&election(&[]));
    let violations = election(&["durable-vote"]).violations;
    assert!(violations.iter().any(|(name, _)| *name == "election-safety"), "{violations:?}");
}

/// §5.1: a leader that is paused while another is elected comes back with an update that it still has to send.
#[test]
fn a_leader_that_was_paused_is_refused_by_its_generation() {
    let paused = |off| {
        let pause = Fault::Pause { target: Target::Node(NodeId(0)) };
        Situation { off, options: first(0), ..Situation::default() }
            .with(3_000, Some(2_000), pause)
            .run()
    };
    assert_sound(&paused(&[]));
    let violations = paused(&["generation-clock"]).violations;
    assert!(violations.iter().any(|(name, _)| *name == "state-machine-safety"), "{violations:?}");
}
