//! The workloads R1 and S1 of `docs/performance.md`: whole runs of raft-kv, with checkers and digest on.

use std::time::Duration;

use elara::run::options::RunOptions;
use elara::run::report::RunReport;
use elara::scenario::Scenario;

const WEST_COAST: &str = include_str!("../../scenarios/west-coast-partition.json");

/// The calm part of R1: five nodes, eight clients that ask without a pause, for so many virtual seconds.
const R1: &str = r#"{
  "elara": 1, "name": "r1", "seed": 1,
  "system": { "kind": "raft-kv" },
  "cluster": { "nodes": ["n1", "n2", "n3", "n4", "n5"] },
  "network": { "delay": { "uniform": ["0.5ms", "2ms"] } },
  "disk": { "sync": { "uniform": ["0.5ms", "3ms"] } },
  "workload": { "clients": [{ "count": 8 }], "operations": { "write": 1, "read": 1 }, "think": "0s" },
  "duration": "60s", "quiet": "5s"
}"#;

fn scenario(text: &str) -> Scenario {
    Scenario::parse("a benchmark", text.as_bytes(), &[]).expect("a sound scenario")
}

fn run(scenario: &Scenario, seed: u64) -> RunReport {
    let options = RunOptions { seed: Some(seed), ..RunOptions::default() };
    elara::run::run(scenario, &options).expect("a run")
}

/// Returns how many operations ended ok.
pub fn r1(seconds: u64) -> u64 {
    let mut scenario = scenario(R1);
    scenario.duration = Duration::from_secs(seconds);
    run(&scenario, 1).operations.ok
}

/// The West Coast story with so many seeds; returns how many were ok.
pub fn s1(seeds: u64) -> u64 {
    let scenario = scenario(WEST_COAST);
    (1..=seeds).filter(|&seed| run(&scenario, seed).as_expected).count() as u64
}
