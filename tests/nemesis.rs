//! Random faults: drawn into a schedule before the run, and the run of the schedule is the same run.

mod common;

use std::time::Duration;

use elara::kernel::distribution::Distribution;
use elara::run::expand;
use elara::scenario::Scenario;
use elara::world::fault::{Fault, Target, Trigger};
use elara::world::nemesis::{Generator, Nemesis};

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
