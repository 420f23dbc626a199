//! Nodes of one's own are tested like ours: from code or from a file, with their own checkers and with ours, in a plain
//! test and in a property, and a failing run says how to see it again.

#[allow(dead_code, reason = "its `main` is run by tests/examples.rs")]
#[path = "../docs/examples/own_node_sweep.rs"]
mod counters;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use elara::claim::Claim;
use elara::client::workload::{Routing, Workload};
use elara::explore::strategies::{fault_schedule_of, scenario_with};
use elara::explore::testing::{expect_ok, expect_ok_on, hold, load, replay_on};
use elara::history::{Value, functions};
use elara::kernel::ids::NodeId;
use elara::node::context::Context;
use elara::node::{Message, Node, Reply, Request};
use elara::run::options::RunOptions;
use elara::run::report::Verdict;
use elara::run::run_on;
use elara::run::systems::OwnSystem;
use elara::scenario::Scenario;
use elara::scenario::judgement::Checks;
use elara::scenario::systems::SystemChoice;
use elara::world::cluster::Cluster;
use elara::world::fault::{Fault, ScheduledFault};
use elara::world::nemesis::Nemesis;
use proptest::prelude::ProptestConfig;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};

/// What a test that fails says.
fn told(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("the test fails");
    *panic.downcast::<String>().expect("a message that was put together")
}

fn calm() -> Scenario {
    Scenario { nemesis: Nemesis::default(), name: "calm-counters".into(), ..counters::scenario() }
}

#[test]
fn a_scenario_file_is_expected_to_be_ok_in_one_line() {
    expect_ok("scenarios/raft-kv/paused-leader.json", 1..=2);
}

#[test]
fn a_failing_file_is_told_with_the_command_that_runs_it_again() {
    let mut scenario = load("scenarios/west-coast-partition.json");
    scenario.without = vec!["majority-quorum".into()];
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-quorum.json");
    fs::write(&path, scenario.to_json()).expect("there is room");
    let file = path.to_str().expect("it is text");
    let told = told(|| expect_ok(file, 3..=3));
    let head = "1 of 1 runs failed; the first:\nwest-coast-partition seed 3 without majority-quorum: violation\n";
    assert!(told.starts_with(head), "{told}");
    assert!(told.ends_with(&format!("replay: elara run {file} --seed 3")), "{told}");
}

#[test]
fn what_is_unknown_is_not_ok() {
    let told = told(|| {
        let quiet = Scenario { workload: Workload::default(), ..calm() };
        expect_ok_on(&counters::counters(), &quiet, 1..=2);
    });
    assert!(told.contains("2 of 2 runs of calm-counters are unknown, with seed 1 first"), "{told}");
    assert!(told.ends_with("nobody counted"), "{told}");
}

#[test]
fn a_test_without_a_seed_fails() {
    let last = 1;
    let panic = catch_unwind(|| expect_ok_on(&counters::counters(), &calm(), 2..=last));
    assert!(panic.is_err());
}

#[test]
fn a_failing_run_of_ones_own_nodes_is_kept_and_replayed() {
    expect_ok_on(&counters::counters(), &calm(), 1..=5);
    let told = told(|| expect_ok_on(&counters::counters(), &counters::scenario(), 1..=30));
    assert!(told.contains("never-twice at "), "{told}");
    assert!(told.contains("replay: cargo test a_failing_run_of_ones_own"), "{told}");
    let file = told.split('"').nth(1).expect("the file is named");
    let run = replay_on(&counters::counters(), file);
    assert_eq!(run.verdict, Verdict::Violation);
    // Another system makes another run of it.
    let other = OwnSystem::new(|_| Register::default());
    let told = self::told(|| drop(replay_on(&other, file)));
    assert!(told.contains("the run differs from the recorded one"), "{told}");
}

/// Three registers that know nothing of each other.
#[derive(Default)]
struct Register(Value);

#[derive(Clone, Debug, Hash)]
struct Silence;
impl Message for Silence {}

impl Node for Register {
    type Message = Silence;
    type Timer = ();

    fn on_start(&mut self, _: &mut Context<'_, Self>) {}

    fn on_message(&mut self, _: NodeId, _: Silence, _: &mut Context<'_, Self>) {}

    fn on_request(&mut self, request: Request, ctx: &mut Context<'_, Self>) {
        let answer = if request.operation.function == functions::WRITE {
            self.0 = request.operation.value;
            Value::Nil
        } else {
            self.0.clone()
        };
        ctx.reply(request.token, Reply::ok(answer));
    }
}

/// A checker of ours is named, the own one is there all the same.
#[test]
fn our_checkers_judge_ones_own_nodes_too() {
    let system = OwnSystem::new(|_| Register::default()).checker(counters::NeverTwice::default);
    let operations = [(functions::WRITE, 1), (functions::READ, 1)];
    let workload = Workload { keys: 1, routing: Routing::Roaming, ..Workload::of(3, &operations) };
    let named = |names: &[&str]| Scenario {
        workload: workload.clone(),
        checks: Checks::Only(names.iter().map(ToString::to_string).collect()),
        duration: Duration::from_secs(2),
        quiet: Duration::from_secs(1),
        ..Scenario::new("registers", SystemChoice::own("registers"), Cluster::of_size(3))
    };
    let run = |scenario: &Scenario| {
        run_on(&system, scenario, &RunOptions::default()).expect("it can be run")
    };
    let judged = run(&named(&["linearizability"]));
    assert!(judged.violations.iter().any(|found| found.checker == "linearizability"), "{judged}");
    let apart = run(&named(&["election-safety"]));
    assert_eq!(apart.verdict, Verdict::Unknown, "{apart}");
    assert!(apart.unknown_because.iter().any(|why| why.contains("never-twice")), "{apart}");
    assert!(apart.unknown_because.iter().any(|why| why.contains("election-safety")), "{apart}");
}

/// Nodes need not know the reads by which ours are audited.
#[test]
fn nodes_that_answer_no_read_are_judged_by_their_own_checker() {
    let deaf = OwnSystem::new(|_| Deaf(0)).checker(counters::NeverTwice::default);
    expect_ok_on(&deaf, &Scenario { name: "deaf-counters".into(), ..calm() }, 1..=3);
}

/// A counter that answers no read.
struct Deaf(u64);

impl Node for Deaf {
    type Message = Silence;
    type Timer = ();

    fn on_start(&mut self, _: &mut Context<'_, Self>) {}

    fn on_message(&mut self, _: NodeId, _: Silence, _: &mut Context<'_, Self>) {}

    fn on_request(&mut self, request: Request, ctx: &mut Context<'_, Self>) {
        if request.operation.function == functions::INCREMENT {
            self.0 += 1;
            ctx.claim(Claim::Custom { name: "counted", a: self.0, b: 0 });
            ctx.reply(request.token, Reply::ok(self.0 as i64));
        }
    }
}

/// A property finds the bug of the counters, and shrinks to one power failure.
#[test]
fn a_property_of_ones_own_nodes_shrinks_to_what_breaks_it() {
    let base = Scenario { name: "counter-property".into(), ..calm() };
    let kinds = ["power-failure", "pause", "partition", "clock"];
    let faults = fault_schedule_of(&kinds, &base.cluster, base.duration);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let result = runner.run(&scenario_with(&base, faults), |scenario| {
        hold(&counters::counters(), &scenario)?;
        Ok(())
    });
    let Err(TestError::Fail(reason, smallest)) = result else { panic!("not found: {result:?}") };
    assert!(
        matches!(smallest.faults[..], [ScheduledFault { fault: Fault::PowerFailure(_), .. }]),
        "{smallest:?}"
    );
    assert!(reason.message().contains("replay: cargo test"), "{reason}");
    let file = reason.message().split('"').nth(1).expect("the file is named");
    let kept = load(file);
    assert_eq!(kept.faults, smallest.faults, "the smallest case is the one that is kept");
}
