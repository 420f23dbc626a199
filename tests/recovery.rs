//! Crash points of recovery, enumerated: all nodes lose power under load, and each loses it again right after the k-th
//! disk operation of its recovery, for every k. Nothing that was acknowledged may be missing, whatever k is.

mod common;

use elara::run::report::Verdict;
use elara::world::fault::Fault;

/// A recovery of raft-kv takes fewer disk operations than this: for greater k nothing is interrupted any more.
const OPERATIONS_MAX: u64 = 60;

#[test]
fn recovery_may_be_interrupted_after_each_of_its_disk_operations() {
    let file = "scenarios/total-power-failure.json";
    let mut scenario = common::load(file);
    scenario.coverage.clear();
    scenario.duration = std::time::Duration::from_secs(40);
    let mut interrupted = 0;
    let mut last = 0;
    for k in 1..=OPERATIONS_MAX {
        for fault in &mut scenario.faults {
            if let Fault::PowerFailure(failure) = &mut fault.fault {
                failure.again_after_operations = Some(k);
            }
        }
        let report = common::run(&scenario, k, &[]);
        assert!(report.verdict == Verdict::Ok, "k = {k}: {}", common::shown(file, &report));
        let times = report.coverage.get("recovery.interrupted").copied().unwrap_or(0);
        interrupted += times;
        if times > 0 {
            last = k;
        }
    }
    assert!(interrupted > 50, "only {interrupted} recoveries were interrupted");
    assert!(last < OPERATIONS_MAX, "recovery takes {last} operations or more: enumerate further");
}
