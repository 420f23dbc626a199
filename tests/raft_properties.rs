//! Consensus invariants as properties: for every fault timeline and workload that proptest comes up with, raft-kv keeps
//! Raft's invariants and its history is linearizable. A failing case is shrunk by proptest, written down as a scenario,
//! and shown with the command that replays it.

mod common;

use std::time::Duration;

use elara::explore::strategies;
use elara::explore::testing::{hold, load};
use elara::run::systems::shipped;
use elara::scenario::Scenario;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

const CASES: u32 = if cfg!(debug_assertions) { 24 } else { 200 };

/// Five nodes on two coasts, eight seconds of chaos, a quiet tail.
fn base() -> Scenario {
    let base = common::load("scenarios/west-coast-partition.json");
    Scenario {
        name: "raft-property".into(),
        about: "A case that a property test came up with.".into(),
        coverage: vec!["raft.elected".into()],
        duration: Duration::from_secs(8),
        ..base
    }
}

fn check(scenario: &Scenario) -> Result<(), TestCaseError> {
    let raft_kv = shipped(&scenario.system).expect("it comes with elara");
    hold(raft_kv, scenario)?;
    Ok(())
}

#[test]
fn raft_keeps_its_invariants_under_any_timeline() {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let result = runner.run(&strategies::scenario(&base()), |scenario| check(&scenario));
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
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let base = Scenario { without: vec!["majority-quorum".to_owned()], ..base() };
    let result = runner.run(&strategies::scenario(&base), |scenario| check(&scenario));
    let Err(TestError::Fail(reason, shrunk)) = result else {
        panic!("no timeline shows that a majority is needed: {result:?}");
    };
    assert!(shrunk.faults.len() <= 2, "not shrunk: {:?}", shrunk.faults);
    let told = reason.message();
    assert!(told.contains(" without majority-quorum: violation"), "{told}");
    let file = told.rsplit("replay: elara run ").next().expect("the last line");
    let report = common::run(&load(file), shrunk.seed, &[]);
    assert!(!report.violations.is_empty(), "the written-down case fails again");
}
