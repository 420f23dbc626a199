//! The judge of transactions, against brute force and against a little store with planted bugs.

mod brute_force;
mod store;

use std::collections::BTreeSet;

use elara::checkers::transactions::{Consistency, TransactionEvent, Verdict, Workload, check};
use store::{Bug, Load, run};

const SEEDS: u64 = 20;

fn judged(history: &[TransactionEvent], workload: Workload, level: &str) -> Verdict {
    let level = Consistency::named(level).expect("the level is known");
    check(history, workload, level).expect("the history is well formed")
}

/// The names of what was found.
fn names(verdict: &Verdict) -> BTreeSet<&'static str> {
    match verdict {
        Verdict::Violation { counts, .. } => counts.keys().copied().collect(),
        _ => BTreeSet::new(),
    }
}

/// A bug, the name by which it is known, a level that forbids it, one that allows it, and where it can be seen.
const PLANTED: [(Bug, &str, &str, &str, &[Workload]); 14] = {
    use Workload::{ListAppend, RwRegister};
    [
        (Bug::DirtyWrite, "G0", "read-uncommitted", "", &[ListAppend]),
        (Bug::AbortedRead, "G1a", "read-committed", "read-uncommitted", &[ListAppend, RwRegister]),
        (
            Bug::IntermediateRead,
            "G1b",
            "read-committed",
            "read-uncommitted",
            &[ListAppend, RwRegister],
        ),
        (Bug::CircularFlow, "G1c", "read-committed", "read-uncommitted", &[ListAppend, RwRegister]),
        (
            Bug::LostUpdate,
            "lost-update",
            "snapshot-isolation",
            "read-committed",
            &[ListAppend, RwRegister],
        ),
        (
            Bug::LostUpdate,
            "lost-update",
            "repeatable-read",
            "read-committed",
            &[ListAppend, RwRegister],
        ),
        (
            Bug::ReadSkew,
            "G-single",
            "snapshot-isolation",
            "read-committed",
            &[ListAppend, RwRegister],
        ),
        (
            Bug::WriteSkew,
            "G2-item",
            "serializable",
            "strong-snapshot-isolation",
            &[ListAppend, RwRegister],
        ),
        (
            Bug::StaleRead,
            "G-single-realtime",
            "strict-serializable",
            "serializable",
            &[ListAppend, RwRegister],
        ),
        (
            Bug::StaleRead,
            "G-single-process",
            "strong-session-serializable",
            "serializable",
            &[ListAppend, RwRegister],
        ),
        (
            Bug::StaleButMonotonic,
            "G-single-realtime",
            "strict-serializable",
            "strong-session-serializable",
            &[ListAppend, RwRegister],
        ),
        (
            Bug::StaleButMonotonic,
            "G-single-realtime",
            "strong-snapshot-isolation",
            "strong-session-snapshot-isolation",
            &[ListAppend, RwRegister],
        ),
        (
            Bug::LongFork,
            "G-nonadjacent",
            "snapshot-isolation",
            "read-committed",
            &[ListAppend, RwRegister],
        ),
        (
            Bug::LongFork,
            "G-nonadjacent",
            "serializable",
            "read-committed",
            &[ListAppend, RwRegister],
        ),
    ]
};

/// What is planted shows in some hundred transactions of each seed, by its name; and the level that allows it is kept.
#[test]
fn each_planted_bug_is_caught_by_its_name() {
    for (bug, name, forbidden_by, allowed_by, workloads) in PLANTED {
        for &workload in workloads {
            for seed in 0..SEEDS {
                let load = Load { updates_only: true, ..Load::new(workload, 600) };
                let history = run(bug, load, seed);
                let found = names(&judged(&history, workload, forbidden_by));
                let case = format!("{bug:?}, {workload:?}, seed {seed}: {found:?}");
                assert!(found.contains(name), "{case}");
                if !allowed_by.is_empty() {
                    assert_eq!(judged(&history, workload, allowed_by), Verdict::Ok, "{case}");
                }
            }
        }
    }
}

/// Bugs differ: what one leaves intact is not reported.
#[test]
fn only_what_is_there_is_reported() {
    let absent: [(Bug, &[&str]); 6] = [
        (Bug::DirtyWrite, &["G1a", "G1b", "internal", "duplicate-elements", "garbage-read"]),
        (Bug::CircularFlow, &["G0", "G1b", "duplicate-elements"]),
        (Bug::LostUpdate, &["G0", "G1a", "G1b", "G1c", "internal", "incompatible-order"]),
        (Bug::ReadSkew, &["G0", "G1a", "G1b", "G1c", "lost-update"]),
        (
            Bug::WriteSkew,
            &["G0", "G1a", "G1b", "G1c", "G-single", "G-nonadjacent", "lost-update", "internal"],
        ),
        (Bug::LongFork, &["G0", "G1a", "G1b", "G1c", "G-single", "lost-update", "internal"]),
    ];
    for (bug, absent) in absent {
        for workload in [Workload::ListAppend, Workload::RwRegister] {
            for seed in 0..SEEDS {
                let load =
                    Load { updates_only: bug != Bug::DirtyWrite, ..Load::new(workload, 600) };
                let found = names(&judged(&run(bug, load, seed), workload, "serializable"));
                for name in absent {
                    assert!(!found.contains(name), "{bug:?}, {workload:?}, seed {seed}: {found:?}");
                }
            }
        }
    }
}

#[test]
fn correct_histories_of_all_sizes_are_clean() {
    for workload in [Workload::ListAppend, Workload::RwRegister] {
        for transactions in [1, 2, 3, 5, 10, 100, 1_000, 10_000, 100_000] {
            let seeds = if transactions <= 1_000 { SEEDS } else { 1 };
            for seed in 0..seeds {
                let history = run(Bug::None, Load::new(workload, transactions), seed);
                let verdict = judged(&history, workload, "strict-serializable");
                let fine = match verdict {
                    Verdict::Ok => true,
                    // So few transactions may happen not to read.
                    Verdict::Unknown(_) => transactions <= 5,
                    Verdict::Violation { .. } => false,
                };
                assert!(fine, "{workload:?}, {transactions}, seed {seed}: {verdict:?}");
            }
        }
    }
}

/// A store that is broken throughout makes one great component; the search stays within its budget.
#[test]
fn a_broken_store_is_judged_in_bounded_time() {
    for workload in [Workload::ListAppend, Workload::RwRegister] {
        let load = Load { processes: 40, info_one_in: 10, ..Load::new(workload, 20_000) };
        let verdict = judged(&run(Bug::StaleRead, load, 1), workload, "strict-serializable");
        assert!(names(&verdict).contains("G-single-realtime"), "{:?}", names(&verdict));
        let Verdict::Violation { anomalies, counts } = verdict else {
            unreachable!("it has names")
        };
        for (name, count) in counts {
            let told = anomalies.iter().filter(|anomaly| anomaly.name == name).count() as u64;
            assert_eq!(told, count.min(8), "{name}: {count}");
        }
    }
}
