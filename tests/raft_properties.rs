//! Consensus invariants as properties: for every fault timeline and workload that proptest comes up with, raft-kv keeps
//! Raft's invariants and its history is linearizable. A failing case is shrunk by proptest, written down as a scenario,
//! and shown with the command that replays it.

mod common;

use std::path::Path;
use std::time::Duration;

use elara::kernel::distribution::Distribution;
use elara::kernel::ids::NodeId;
use elara::kernel::random::Probability;
use elara::kernel::time::Instant;
use elara::run::report::RunReport;
use elara::scenario::Scenario;
use elara::world::fault::{
    DiskFault, Fault, LinkChange, LinkFault, Partition, PartitionMode, PowerFailure,
    ScheduledFault, Shape, Target,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

const CASES: u32 = if cfg!(debug_assertions) { 24 } else { 200 };
const NODES: u32 = 5;
/// Faults begin in the first six seconds.
const CHAOS: u64 = 6_000;

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Five nodes on one site, eight seconds of chaos, a quiet tail.
fn base() -> Scenario {
    let mut scenario = common::load("scenarios/west-coast-partition.json");
    scenario.name = "raft-property".into();
    scenario.about = "A case that a property test came up with.".into();
    scenario.faults.clear();
    scenario.coverage = vec!["raft.elected".into()];
    scenario.watch = None;
    scenario.ablations.clear();
    scenario.duration = millis(8_000);
    scenario.quiet = millis(10_000);
    scenario
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        (0..NODES).prop_map(|node| Target::Node(NodeId(node))),
        Just(Target::Leader),
        Just(Target::Follower),
        Just(Target::Minority),
        Just(Target::Majority),
        Just(Target::All),
    ]
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        (0..NODES).prop_map(|node| Shape::Isolate(Target::Node(NodeId(node)))),
        Just(Shape::Isolate(Target::Leader)),
        Just(Shape::RandomSides),
        Just(Shape::Bridge(Target::Node(NodeId(0)))),
        Just(Shape::RingMajority),
        (0..NODES, 1..NODES).prop_map(|(from, step)| {
            let to = Target::Node(NodeId((from + step) % NODES));
            Shape::OneWay(Target::Node(NodeId(from)), to)
        }),
    ]
}

fn partition() -> impl Strategy<Value = Fault> {
    let mode = prop_oneof![
        3 => Just(PartitionMode::Cut),
        1 => Just(PartitionMode::Stalled),
        1 => Just(PartitionMode::Slowed(Distribution::Constant(millis(80)))),
    ];
    let flapping = proptest::option::weighted(0.2, (200u64..900).prop_map(millis));
    (shape(), mode, flapping, any::<bool>()).prop_map(|(shape, mode, flapping, keeps_in_flight)| {
        Fault::Partition(Partition { shape, mode, flapping, keeps_in_flight })
    })
}

fn fault() -> impl Strategy<Value = Fault> {
    let restart = (0u64..1_500).prop_map(|at| Some(Distribution::Constant(millis(at))));
    prop_oneof![
        3 => partition(),
        2 => (target(), restart.clone()).prop_map(|(target, restart)| Fault::Crash { target, restart }),
        2 => (target(), restart, 0u64..5).prop_map(|(target, restart, within)| {
            let failure = PowerFailure::of(target, Duration::ZERO);
            Fault::PowerFailure(PowerFailure { restart, within: millis(within), ..failure })
        }),
        2 => target().prop_map(|target| Fault::Pause { target }),
        1 => (target(), 0u64..400_000).prop_map(|(to, loss)| {
            let change =
                LinkChange { loss: Some(Probability::per_million(loss)), ..LinkChange::default() };
            Fault::Link(LinkFault { from: Target::All, to, both_ways: true, change })
        }),
        1 => target().prop_map(|target| {
            let effect = DiskFault { slower: Some(20), ..DiskFault::default() };
            Fault::Disk { target, effect }
        }),
    ]
}

prop_compose! {
    fn timeline()(faults in prop::collection::vec((0..CHAOS, 100u64..3_000, fault()), 1..7))
        -> Vec<ScheduledFault> {
        let mut faults: Vec<ScheduledFault> = faults
            .into_iter()
            .map(|(at, lasts, fault)| {
                ScheduledFault::new(Instant::ZERO + millis(at), fault).lasting(Some(millis(lasts)))
            })
            .collect();
        faults.sort_by_key(|fault| fault.at);
        faults
    }
}

prop_compose! {
    /// A scenario and a seed: what happens, and how chance falls.
    fn case()(faults in timeline(), seed in any::<u32>(), keys in 1u64..6, think in 2u64..40)
        -> Scenario {
        let mut scenario = base();
        scenario.seed = u64::from(seed);
        scenario.faults = faults;
        scenario.workload.keys = keys;
        scenario.workload.think = Distribution::Exponential(millis(think));
        scenario
    }
}

/// Writes the case down, and says how to run it again.
fn written_down(scenario: &Scenario, report: &RunReport) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("raft-property.json");
    std::fs::write(&path, scenario.to_json()).expect("the scenario can be written");
    let shown = common::shown(&path.display().to_string(), report);
    format!("{shown}\n    scenario: {}", scenario.to_json())
}

fn check(scenario: &Scenario, without: &[String]) -> Result<(), TestCaseError> {
    let report = common::run(scenario, scenario.seed, without);
    if report.violations.is_empty() {
        return Ok(());
    }
    Err(TestCaseError::fail(written_down(scenario, &report)))
}

#[test]
fn raft_keeps_its_invariants_under_any_timeline() {
    let mut runner = TestRunner::new(Config { cases: CASES, ..Config::default() });
    let result = runner.run(&case(), |scenario| check(&scenario, &[]));
    assert!(result.is_ok(), "{}", result.expect_err("it failed"));
}

/// The property can fail, for the right reason, and shrinks: without majority-quorum a short timeline is left, written
/// down as a scenario that fails again.
#[test]
fn without_a_majority_quorum_the_property_fails_and_shrinks() {
    let config = Config {
        cases: 500,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let without = ["majority-quorum".to_owned()];
    let result = runner.run(&case(), |scenario| check(&scenario, &without));
    let Err(proptest::test_runner::TestError::Fail(reason, shrunk)) = result else {
        panic!("no timeline shows that a majority is needed: {result:?}");
    };
    assert!(shrunk.faults.len() <= 2, "not shrunk: {:?}", shrunk.faults);
    assert!(reason.message().contains("--without majority-quorum"));
    let again = Scenario::parse("shrunk", shrunk.to_json().as_bytes(), &[]).expect("a scenario");
    let report = common::run(&again, again.seed, &without);
    assert!(!report.violations.is_empty(), "the written-down case fails again");
}
