//! The two stories must always work: over many seeds, each run is ok and none is vacuous, and together the runs reach
//! every mark that the stories are about.

mod common;

use std::collections::BTreeSet;

use elara::run::report::Verdict;

/// A release build looks at as many seeds as the project promises, a debug build at some.
const SEEDS: u64 = if cfg!(debug_assertions) { 12 } else { 200 };

/// `rare` are the marks that only many seeds reach together.
fn holds(file: &str, marks: &[&str], rare: &[&str]) {
    let scenario = common::load(file);
    let mut reached: BTreeSet<String> = BTreeSet::new();
    for seed in 1..=SEEDS {
        let report = common::run(&scenario, seed, &[]);
        assert!(report.verdict == Verdict::Ok, "{}", common::shown(file, &report));
        reached.extend(report.coverage.into_keys());
    }
    let rare = if SEEDS < 200 { &[] } else { rare };
    let missing: Vec<_> =
        marks.iter().chain(rare).filter(|mark| !reached.contains(**mark)).collect();
    assert!(missing.is_empty(), "{file}: no run of {SEEDS} reached {missing:?}");
}

#[test]
fn the_west_waits_and_nothing_is_lost() {
    let marks = ["raft.elected", "client.rejected-no-leader"];
    holds("scenarios/west-coast-partition.json", &marks, &["raft.pre-vote-refused"]);
}

#[test]
fn after_a_total_power_failure_every_node_replays_its_log() {
    let marks = [
        "raft.elected",
        "wal.torn-tail-cut",
        "recovery.log-behind-snapshot-replayed",
        "recovery.interrupted",
        "client.duplicate-suppressed",
    ];
    holds("scenarios/total-power-failure.json", &marks, &["wal.unsynced-survived"]);
}

#[test]
fn every_variant_holds_too() {
    for file in common::shipped() {
        let is_story = file.ends_with("west-coast-partition.json")
            || file.ends_with("total-power-failure.json");
        let scenario = common::load(&file);
        for seed in 1..=if is_story { 0 } else { SEEDS / 10 + 1 } {
            let report = common::run(&scenario, seed, &[]);
            assert!(report.as_expected, "{}", common::shown(&file, &report));
        }
    }
}
