//! For every pattern the proof that it is needed: each paired run of each shipped scenario finds the violation that the
//! scenario names, within the seeds that it names; and the same seeds are clean with the pattern on.

mod common;

use elara::client::workload::Routing;
use elara::kernel::random::Probability;

#[test]
fn every_pattern_that_is_off_is_found_and_clean_when_it_is_on() {
    let mut problems = Vec::new();
    let mut pairs = 0;
    for file in common::shipped() {
        let scenario = common::load(&file);
        for pair in &scenario.ablations {
            pairs += 1;
            let mut found = None;
            for seed in 1..=pair.within_seeds {
                let on = common::run(&scenario, seed, &[]);
                if !on.as_expected {
                    problems.push(common::shown(&file, &on));
                }
                let off = common::run(&scenario, seed, &pair.off);
                if off.violations.iter().any(|found| pair.violates.contains(&found.checker)) {
                    found = Some(seed);
                    break;
                }
            }
            if found.is_none() {
                let off = pair.off.join(" and ");
                problems.push(format!(
                    "{file}: without {off}, none of {:?} within {} seeds",
                    pair.violates, pair.within_seeds
                ));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
    assert!(pairs >= 10, "only {pairs} paired runs are shipped");
}

/// A naive design that fails without any fault would prove nothing about the fault.
#[test]
fn every_naive_design_passes_a_calm_run() {
    let mut calm = common::load("scenarios/west-coast-partition.json");
    calm.faults.clear();
    calm.coverage.clear();
    calm.watch = None;
    calm.network.link.loss = Probability::NEVER;
    for group in &mut calm.workload.clients {
        // A follower that lags by the width of a continent answers from the past without any fault.
        group.routing = Some(Routing::Leader);
    }
    for ablation in elara::ablations::ABLATIONS {
        let report = common::run(&calm, 1, &[ablation.name.to_owned()]);
        assert!(report.violations.is_empty(), "{}", common::shown("the calm run", &report));
        assert!(report.operations.ok > 100, "without {} hardly anything works", ablation.name);
    }
}
