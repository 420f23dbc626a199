//! Hand-made reports for the tests of all formats: a split brain on the coasts, and a sweep that lost writes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::explore::failure::Failure;
use crate::explore::seeds::Seeds;
use crate::explore::summary::{Doubt, Stopped, SweepReport};
use crate::kernel::ids::{Generation, NodeId};
use crate::kernel::time::Instant;
use crate::run::report::{
    Act, Activity, DiskCounts, FaultSpan, GroupActivity, Latency, Leadership, MessageCounts,
    OperationCounts, Outage, OutageKind, RunReport, Story, Verdict, ViolationReport,
};

fn at(seconds: u64) -> Instant {
    Instant::from_nanos(seconds * 1_000_000_000)
}

/// Both coasts elected a leader, because the quorum was off.
pub fn split_brain() -> RunReport {
    RunReport {
        elara: "0.1.0".into(),
        scenario: "west-coast-partition".into(),
        system: "raft-kv".into(),
        seed: 7,
        without: vec!["majority-quorum".into()],
        verdict: Verdict::Violation,
        as_expected: false,
        violations: vec![ViolationReport {
            checker: "state-machine-safety".into(),
            at_ns: 31_500_000_000,
            message: "index 812 was applied with two contents".into(),
            evidence: vec![
                "31.500000s node#0 applied 812 (write k3 <40>)".into(),
                "31.500000s node#2 applied 812 (write k3 <41>)".into(),
            ],
            excused: false,
        }],
        unknown_because: Vec::new(),
        digest: "00c0ffee00c0ffee".into(),
        virtual_ns: 90_000_000_000,
        wall_ns: 320_000_000,
        events: 1_234_567,
        messages: MessageCounts {
            sent: 45_000,
            delivered: 40_000,
            lost: 45,
            duplicated: 0,
            cut: 4_955,
        },
        disk: DiskCounts {
            writes: 9_000,
            syncs: 3_000,
            bytes: 4_194_304,
            lost_sectors: 4,
            torn: 1,
        },
        faults: BTreeMap::from([("partition".into(), 1), ("power-failure".into(), 1)]),
        operations: OperationCounts { ok: 8_500, fail: 120, info: 6 },
        latency_ns: Latency { p50: 4_200_000, p99: 75_000_000, max: 1_000_000_000 },
        coverage: BTreeMap::from([("raft.elected".into(), 3), ("wal.torn-tail-cut".into(), 1)]),
        replay: "elara run west-coast-partition --seed 7 --without majority-quorum".into(),
        story: story(),
        ..RunReport::default()
    }
}

/// Two of 80 runs lost writes, one was never tested, one was not the same twice.
pub fn sweep() -> SweepReport {
    let failure = |seed: u64, file: Option<&str>| Failure {
        seed,
        checker: "durability".into(),
        message: "the write k1 <7> is lost".into(),
        digest: "00c0ffee00c0ffee".into(),
        file: file.map(str::to_owned),
        replay: format!("elara run coast.json --seed {seed}"),
    };
    let reason = "the run never reached raft.elected".to_owned();
    SweepReport {
        elara: "0.1.0".into(),
        scenario: "coast".into(),
        scenario_digest: "0123456789abcdef".into(),
        system: "raft-kv".into(),
        seeds: Seeds { from: 1, to: 100 },
        stopped: Some(Stopped::MaxFailures),
        runs: 80,
        ok: 77,
        violations: 2,
        unknown: 1,
        failures: vec![failure(7, Some("kept/coast-seed-7.json")), failure(80, None)],
        unknown_because: BTreeMap::from([(reason, Doubt { runs: 1, first_seed: 9 })]),
        run_twice: 4,
        not_deterministic: vec![12],
        events: 1_234_567,
        virtual_ns: 7_200_000_000_000,
        wall_ns: 4_000_000_000,
        faults: BTreeMap::from([("partition".into(), 80), ("power-failure".into(), 3)]),
        coverage: BTreeMap::from([("raft.elected".into(), 79), ("wal.torn-tail-cut".into(), 2)]),
        never_reached: ["raft.joint-left".to_owned()].into(),
        ..SweepReport::default()
    }
}

fn story() -> Story {
    let leads = |node, generation, from, to| Leadership {
        node: NodeId(node),
        generation: Generation(generation),
        from: at(from),
        to: at(to),
    };
    let out =
        |node, kind, from, to| Outage { node: NodeId(node), kind, from: at(from), to: at(to) };
    let act = |name: &str, from, to| Act { name: name.into(), from: at(from), to: at(to) };
    let fault = |kind: &str, nodes: &[u32], from, to| FaultSpan {
        sides: String::new(),
        place: 0,
        kind: kind.into(),
        nodes: nodes.iter().map(|&node| NodeId(node)).collect(),
        from: at(from),
        to: at(to),
    };
    let counts = |ok, fail, info| OperationCounts { ok, fail, info };
    Story {
        about:
            "The link between the coasts is cut for a minute. The West must refuse writes and wait."
                .into(),
        nodes: ["e1", "e2", "w1"].map(str::to_owned).to_vec(),
        acts: vec![act("calm", 0, 10), act("chaos", 10, 70), act("quiet", 70, 90)],
        faults: vec![fault("partition", &[0, 1, 2], 10, 70), fault("power-failure", &[1], 40, 40)],
        outages: vec![out(2, OutageKind::Cut, 10, 70), out(1, OutageKind::Down, 40, 45)],
        leaderships: vec![leads(0, 1, 1, 90), leads(2, 2, 12, 70)],
        activity: Activity {
            interval: Duration::from_secs(10),
            groups: vec![
                GroupActivity {
                    name: "east".into(),
                    counts: [1_000, 900, 900, 900, 500, 900, 900, 1_000, 1_000]
                        .map(|ok| counts(ok, 0, 0))
                        .to_vec(),
                },
                GroupActivity {
                    name: "west".into(),
                    counts: [100, 0, 0, 0, 0, 0, 0, 200, 200]
                        .map(|ok| counts(ok, if ok == 0 { 20 } else { 0 }, u64::from(ok == 0)))
                        .to_vec(),
                },
            ],
        },
        never_reached: vec!["client.rejected-no-leader".into()],
        ..Story::default()
    }
}
