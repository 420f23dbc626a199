//! Random faults: drawn into a schedule before the run, and the run of the schedule is the same run; swarms of all kinds;
//! what is held back; and the tail that heals a core only.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use elara::kernel::distribution::Distribution;
use elara::kernel::ids::NodeId;
use elara::kernel::random::Probability;
use elara::kernel::time::Instant;
use elara::run::report::Verdict;
use elara::run::{drawn, expand};
use elara::scenario::Scenario;
use elara::scenario::nemesis::line;
use elara::world::assumptions::Budget;
use elara::world::cluster::{Cluster, Region};
use elara::world::fault::{DiskFault, Fault, ScheduledFault, Target, Trigger};
use elara::world::nemesis::swarm::{Supports, swarm};
use elara::world::nemesis::{Generator, Nemesis, Tail};

const FILE: &str = "scenarios/raft-kv/paused-leader.json";

fn every(seconds: u64, lasts: Option<u64>, fault: Fault) -> Generator {
    let mean = |seconds| Distribution::Exponential(Duration::from_secs(seconds));
    Generator { every: mean(seconds), lasts: lasts.map(mean), fault, upon: None }
}

/// Pauses, and crashes of whoever commits.
fn troubled() -> Scenario {
    let mut scenario = common::load(FILE);
    let restart = Some(Distribution::Constant(Duration::from_millis(300)));
    let crashes = every(3, None, Fault::Crash { target: Target::There, restart });
    scenario.coverage.clear();
    scenario.nemesis = Nemesis::Generators(vec![
        every(2, Some(1), Fault::Pause { target: Target::Any }),
        Generator { upon: Some(Trigger::Commit), ..crashes },
    ]);
    scenario
}

/// Read back from its own text: a written-down run is a file.
fn reread(scenario: &Scenario) -> Scenario {
    let text = scenario.to_json();
    Scenario::parse("written", text.as_bytes(), &[]).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_run_of_the_drawn_schedule_is_the_same_run() {
    let scenario = troubled();
    for seed in 1..=6 {
        let expanded = expand(&scenario, seed).expect("few faults");
        assert!(expanded.nemesis.is_none());
        assert!(expanded.faults.len() > scenario.faults.len(), "seed {seed} draws faults");
        let [drawn, listed] =
            [&scenario, &reread(&expanded)].map(|one| common::run(one, seed, &[]));
        assert_eq!(drawn.digest, listed.digest, "seed {seed}");
        assert_eq!(drawn.faults, listed.faults);
        assert!(drawn.faults["crash"] > 0, "seed {seed}: {:?}", drawn.faults);
    }
}

#[test]
fn a_fault_that_is_taken_out_does_not_change_what_the_others_draw() {
    let mut expanded = expand(&troubled(), 3).expect("few faults");
    expanded.faults.retain(|fault| fault.yields); // the others are aimed at the leader, whoever that is
    let met = |scenario: &Scenario| {
        let report = common::run(scenario, 3, &[]);
        let listed = scenario.faults.iter().map(|fault| (fault.at, fault.draws));
        (listed.collect::<Vec<_>>(), report.story.faults)
    };
    let (all, before) = met(&expanded);
    let pauses = |spans: &[elara::run::report::FaultSpan]| -> Vec<_> {
        let pauses = spans.iter().filter(|span| span.kind == "pause");
        pauses.map(|span| (span.from, span.nodes.clone())).collect()
    };
    expanded.faults.retain(|fault| fault.fault.kind() != "crash");
    let (some, after) = met(&expanded);
    assert!(some.len() < all.len() && some.iter().all(|one| all.contains(one)));
    // Whom a pause meets is drawn by its own number; it may miss a node that is down.
    for pause in pauses(&before) {
        assert!(pauses(&after).contains(&pause), "{pause:?}");
    }
}

/// Five nodes on two coasts.
fn coasts() -> Cluster {
    let region = |name: &str, nodes: &[u32]| Region {
        name: name.into(),
        nodes: nodes.iter().map(|&node| NodeId(node)).collect(),
    };
    let regions = vec![region("east", &[0, 1, 2]), region("west", &[3, 4])];
    Cluster { regions, ..Cluster::of_size(5) }
}

const ALL: Supports = Supports { reconfiguration: true };

/// What stands in a generator of each kind.
const KINDS: &[&str] = &[
    "\"random-sides\"",
    "\"isolate\"",
    "\"bridge\"",
    "\"ring-majority\"",
    "\"one-way\"",
    "\"pairs\"",
    "[\"east\", \"west\"]",
    "\"stalled\", \"in-flight\"",
    "\"slowed\"",
    "\"flapping\"",
    "\"kept\"",
    "\"loss\"",
    "\"duplication\"",
    "\"corruption\"",
    "\"bandwidth\"",
    "\"delay\"",
    "\"drop-message\"",
    "\"swizzle\": \"cut\"",
    "\"swizzle\": \"pause\"",
    "\"swizzle\": \"crash\"",
    "\"crash\"",
    "\"power-failure\": \"all\"",
    "\"again-after-operations\"",
    "\"wipe\"",
    "\"pause\"",
    "\"slow-cpu\"",
    "\"sync-failure\"",
    "\"lying-sync\"",
    "\"read-error\"",
    "\"write-error\"",
    "\"full\"",
    "\"slower\"",
    "\"stalled\": true",
    "\"bit-rot\"",
    "\"misdirected-write\"",
    "\"latent-sectors\"",
    "\"step\"",
    "\"drift-ppm\"",
    "\"bound\"",
    "\"reconfigure\": \"most\"",
    "\"upon\": \"commit\"",
    "\"upon\": \"election\"",
    "\"upon\": \"leadership\"",
    "\"upon\": \"recovery\"",
    "\"disk-operation\"",
    "\"there\"",
];

#[test]
fn two_hundred_seeds_draw_every_kind_and_no_seed_draws_them_all() {
    let cluster = coasts();
    let (mut missing, mut tails): (BTreeSet<&str>, Vec<Tail>) =
        (KINDS.iter().copied().collect(), Vec::new());
    for seed in 0..200 {
        let swarm = swarm(seed, &cluster, ALL);
        tails.push(swarm.tail);
        let lines = swarm.generators.iter().map(|one| line(one, &cluster)).collect::<Vec<_>>();
        let text = lines.join("\n");
        assert!(!lines.is_empty(), "seed {seed} draws nothing");
        assert!(KINDS.iter().any(|kind| !text.contains(kind)), "seed {seed} draws everything");
        missing.retain(|kind| !text.contains(kind));
    }
    assert_eq!(missing, BTreeSet::new());
    assert!(tails.contains(&Tail::All) && tails.contains(&Tail::Core));
}

#[test]
fn a_system_that_cannot_change_its_members_is_not_asked_to() {
    let supports = Supports { reconfiguration: false };
    for seed in 0..200 {
        let mut all = swarm(seed, &coasts(), supports).generators.into_iter();
        assert!(all.all(|one| one.fault.kind() != "reconfigure"), "seed {seed}");
    }
}

fn swarming() -> Scenario {
    let mut scenario = common::load("scenarios/raft-kv/swarm.json");
    scenario.duration = Duration::from_secs(8);
    scenario
}

#[test]
fn the_drawn_scenario_is_valid_and_its_run_is_the_same_run() {
    let scenario = swarming();
    for seed in 1..=8 {
        let spelled_out = reread(&drawn(&scenario, seed));
        assert_ne!(spelled_out.nemesis, Nemesis::Swarm);
        let expanded = reread(&expand(&scenario, seed).expect("few faults"));
        let [one, other, third] =
            [&scenario, &spelled_out, &expanded].map(|one| common::run(one, seed, &[]));
        assert_eq!(one.digest, other.digest, "seed {seed}");
        assert_eq!(one.digest, third.digest, "seed {seed}");
        assert!(!one.story.drawn.is_empty(), "the report tells what was drawn");
    }
}

#[test]
fn a_swarm_leaves_time_between_its_faults() {
    let scenario = common::load("scenarios/raft-kv/swarm.json");
    let cures = |fault: &&ScheduledFault| fault.fault.kind() == "restart";
    let mut counts = Vec::new();
    for seed in 0..200 {
        let expanded = expand(&scenario, seed).expect("few faults");
        let count = expanded.faults.len() - expanded.faults.iter().filter(cures).count();
        counts.push(count);
    }
    counts.sort_unstable();
    // 5 to 25 on average, by the seed; a swizzle counts as the three faults that it is.
    assert!(counts[20] >= 4 && counts[100] >= 10 && counts[180] <= 35, "{counts:?}");
}

/// The disks of the first, the second and the third node of five rot, one a second.
fn rotting(yields: bool) -> Scenario {
    let mut scenario = swarming();
    scenario.nemesis = Nemesis::default();
    for node in 0..3 {
        let at = Instant::ZERO + Duration::from_secs(3 + u64::from(node));
        let effect = DiskFault { bit_rot: Some(1), ..DiskFault::default() };
        let fault = Fault::Disk { target: Target::Node(NodeId(node)), effect };
        scenario.faults.push(ScheduledFault { yields, ..ScheduledFault::new(at, fault) });
    }
    scenario
}

#[test]
fn the_third_damaged_disk_of_five_is_held_back_if_the_seed_drew_it() {
    let drawn = common::run(&rotting(true), 1, &[]);
    assert_eq!(drawn.held_back["disk"], 1);
    assert_eq!(drawn.faults["disk"], 2);
    assert!(drawn.story.held_back[0].why.contains("3 of 5 voters"), "{:?}", drawn.story.held_back);
    assert_eq!(drawn.verdict, Verdict::Ok, "{}", common::shown("rotting", &drawn));

    let listed = common::run(&rotting(false), 1, &[]);
    assert!(listed.held_back.is_empty());
    assert_eq!(listed.faults["disk"], 3);
    assert!(listed.unknown_because[0].starts_with("assumption broken:"), "{listed:?}");
}

#[test]
fn without_a_budget_nothing_is_held_back_and_nobody_asks_for_progress() {
    let scenario = Scenario { budget: Budget::Unlimited, ..rotting(true) };
    let report = common::run(&scenario, 1, &[]);
    assert!(report.held_back.is_empty());
    assert_eq!(report.verdict, Verdict::Unknown);
    assert!(report.unknown_because[0].starts_with("assumption broken:"));
    // Nothing ever arrives, so nothing is ever done; and no checker of liveness says so.
    let mut deaf = Scenario { budget: Budget::Unlimited, ..swarming() };
    deaf.nemesis = Nemesis::default();
    deaf.network.link.loss = Probability::ALWAYS;
    assert!(common::run(&deaf, 1, &[]).violations.is_empty());
}

#[test]
fn when_progress_does_not_come_the_report_says_what_each_node_waits_for() {
    let mut deaf = swarming();
    deaf.nemesis = Nemesis::default();
    deaf.network.link.loss = Probability::ALWAYS;
    let report = common::run(&deaf, 1, &[]);
    let progress = report.violations.iter().find(|found| found.checker == "progress");
    let evidence = &progress.expect("nobody can be elected").evidence;
    for node in 1..=5 {
        let said = evidence.iter().any(|fact| fact.starts_with(&format!("n{node} waits for ")));
        assert!(said, "n{node}: {evidence:?}");
    }
}

#[test]
fn a_drawn_fault_that_met_nobody_is_no_doubt_and_a_listed_one_is() {
    let restart = None;
    let never = ScheduledFault::new(
        Instant::ZERO + Duration::from_secs(3),
        Fault::Crash { target: Target::There, restart },
    )
    .upon(Some(Trigger::DiskOperation(1 << 40)));
    let run = |yields| {
        let mut scenario = rotting(true);
        scenario.faults = vec![ScheduledFault { yields, ..never.clone() }];
        common::run(&scenario, 1, &[])
    };
    assert_eq!(run(true).verdict, Verdict::Ok);
    let told = run(false).unknown_because;
    assert!(told[0].contains("faults[0] met nobody"), "{told:?}");
}

/// All nodes but the first lose power and stay down until the tail.
fn dark(tail: Tail) -> Scenario {
    let mut scenario = swarming();
    scenario.nemesis = Nemesis::default();
    scenario.tail = tail;
    let target = Target::List((1..5).map(|node| Target::Node(NodeId(node))).collect());
    let at = Instant::ZERO + Duration::from_secs(5);
    scenario.faults.push(ScheduledFault::new(at, Fault::Crash { target, restart: None }));
    scenario
}

#[test]
fn a_tail_heals_a_random_majority_and_the_system_goes_on() {
    let mut cores = BTreeSet::new();
    for seed in 1..=12 {
        let report = common::run(&dark(Tail::Core), seed, &[]);
        let shown = common::shown("the dark", &report);
        assert_eq!(report.verdict, Verdict::Ok, "{shown}");
        let core = report.story.core.clone().expect("a core");
        assert_eq!(core.len(), 3);
        for outage in &report.story.outages {
            let lasts = outage.to == Instant::from_nanos(report.virtual_ns);
            assert!(!lasts || !core.contains(&outage.node), "{shown}");
        }
        let away = (0..5).map(NodeId).filter(|node| !core.contains(node));
        // What was down stays down; only the first node may be up outside the core.
        for node in away.filter(|node| *node != NodeId(0)) {
            let end = Instant::from_nanos(report.virtual_ns);
            assert!(report.story.outages.iter().any(|out| out.node == node && out.to == end));
        }
        cores.insert(core);
    }
    assert!(cores.len() > 3, "{cores:?}");
    assert_eq!(common::run(&dark(Tail::All), 1, &[]).story.core, None);
}

#[test]
fn a_tail_heals_everybody_if_a_disk_was_damaged() {
    let mut scenario = dark(Tail::Core);
    scenario.faults.extend(rotting(true).faults);
    assert_eq!(common::run(&scenario, 1, &[]).story.core, None);
}
