//! What a run proves when disks break their word: nothing, if a majority of them does; all it should, if only a few do.

mod common;

use std::time::Duration;

use elara::kernel::ids::NodeId;
use elara::kernel::random::Probability;
use elara::kernel::time::Instant;
use elara::run::report::{RunReport, Verdict};
use elara::scenario::Scenario;
use elara::scenario::judgement::Checks;
use elara::world::fault::{DiskFault, Fault, ScheduledFault, Target};

const FILE: &str = "scenarios/total-power-failure.json";
const SEEDS: u64 = 10;

/// The total power failure at 20 s, while the syncs of these nodes lie from 10 s to 25 s.
fn lying(nodes: &[u32]) -> Scenario {
    let mut scenario = common::load(FILE);
    let target = Target::List(nodes.iter().map(|&node| Target::Node(NodeId(node))).collect());
    let effect = DiskFault { lying_sync: Some(Probability::ALWAYS), ..DiskFault::default() };
    let at = Instant::ZERO + Duration::from_secs(10);
    let lies = ScheduledFault::new(at, Fault::Disk { target, effect });
    scenario.faults.push(lies.lasting(Some(Duration::from_secs(15))));
    scenario
}

fn runs(scenario: &Scenario) -> impl Iterator<Item = RunReport> + '_ {
    (1..=SEEDS).map(|seed| common::run(scenario, seed, &[]))
}

#[test]
fn lost_writes_on_a_majority_of_lying_disks_are_told_but_prove_nothing() {
    let mut told = 0;
    for nodes in [&[0, 1, 2, 3, 4][..], &[0, 2, 4]] {
        for report in runs(&lying(nodes)) {
            let shown = common::shown(FILE, &report);
            assert!(report.verdict == Verdict::Unknown && !report.as_expected, "{shown}");
            assert!(report.unknown_because[0].starts_with("assumption broken: "), "{shown}");
            told += usize::from(!report.violations.is_empty());
        }
    }
    assert!(told > 0, "where something was lost, what was seen is told");
}

/// A node whose disk lied cannot recover what it had called durable. The cluster loses nothing, and the run is ok.
#[test]
fn a_minority_of_lying_disks_costs_the_cluster_nothing() {
    for nodes in [&[1][..], &[1, 3]] {
        for report in runs(&lying(nodes)) {
            let shown = common::shown(FILE, &report);
            assert!(report.verdict == Verdict::Ok && report.as_expected, "{shown}");
        }
    }
}

/// Nobody leads after the power failure, so the final reads get no answer: a run in which nobody could look at what is
/// there is not ok, even if the only judge has nothing against it.
#[test]
fn an_audit_that_reads_nothing_leaves_a_doubt() {
    let mut scenario = common::load(FILE);
    scenario.checks = Checks::Only(vec!["linearizability".to_owned()]);
    let report = common::run(&scenario, 1, &["heartbeat".to_owned()]);
    let shown = common::shown(FILE, &report);
    assert!(report.verdict == Verdict::Unknown && report.violations.is_empty(), "{shown}");
    assert!(report.unknown_because.iter().any(|why| why.contains("reads of the audit")), "{shown}");
}
