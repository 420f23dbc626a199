//! The fault schedule, seen from outside: each fault ends what it did itself and nothing else, and says so if it did
//! nothing.

#[path = "common/steps.rs"]
mod steps;

use std::cell::Cell;
use std::time::Duration;

use elara::kernel::distribution::Distribution;
use elara::kernel::ids::NodeId;
use elara::kernel::random::Probability;
use elara::kernel::time::Instant;
use elara::node::Node;
use elara::node::context::Context;
use elara::node::disk::{DiskError, DiskTicket, Open};
use elara::simulation::Simulation;
use elara::simulation::options::Keep;
use elara::simulation::outcome::{FaultMissed, Outcome};
use elara::trace::{Fact, Stop};
use elara::world::fault::{DiskFault, Fault, PowerFailure, Target};
use elara::world::options::DiskOptions;

use crate::steps::{MILLI, Reached, crash, heard, list, millis, n, steps};

/// A disk on which whatever is not synced is lost with the power, and syncs take `sync`.
fn merciless(sync: Duration) -> DiskOptions {
    DiskOptions {
        sync: Distribution::Constant(sync),
        survival: Probability::NEVER,
        tearing: Probability::NEVER,
        ..DiskOptions::default()
    }
}

/// When, in milliseconds, a fact of this kind was recorded of a node.
fn when(outcome: &Outcome, node: u32, is: impl Fn(&Fact) -> bool) -> Vec<u64> {
    let of_node = outcome.trace.iter().filter(|event| event.node == Some(NodeId(node)));
    of_node.filter(|event| is(&event.fact)).map(|e| e.at.as_nanos() / 1_000_000).collect()
}

const fn is_start(fact: &Fact) -> bool {
    matches!(fact, Fact::Started { .. })
}

#[test]
fn a_machine_whose_process_is_down_loses_its_page_cache_with_the_power() {
    let failure = Fault::PowerFailure(PowerFailure::of(n(0), millis(50)));
    // At 15 ms two bytes are written and one is synced. The crash's restart at 55 ms is void: power is back at 80 ms.
    let outcome = steps()
        .disk(merciless(millis(2)))
        .fault(millis(15), crash(0, Some(40)))
        .fault(millis(30), failure)
        .simulate();
    assert_eq!(heard(&outcome), list(&[(15, "1"), (81, "101")]));
    assert_eq!(when(&outcome, 0, |fact| matches!(fact, Fact::DiskLost { .. })), [30]);
}

#[test]
fn the_rules_of_a_power_failure_end_with_the_next_stop() {
    let failure = PowerFailure {
        again: Probability::ALWAYS,
        again_within: millis(2_000),
        ..PowerFailure::of(n(1), millis(5))
    };
    // Power would fail again within 2 s of the start at 25 ms, if the process did not crash first.
    let outcome = steps()
        .fault(millis(20), Fault::PowerFailure(failure))
        .fault(millis(26), crash(1, Some(5)))
        .duration(millis(3_000))
        .simulate();
    assert_eq!(when(&outcome, 1, |fact| *fact == Fact::Stopped(Stop::PowerFailure)), [20]);
    assert_eq!(when(&outcome, 1, is_start), [0, 25, 31]);
}

#[test]
fn the_end_of_a_fault_does_not_start_a_node_that_another_fault_holds_down() {
    let failure = PowerFailure { restart: None, ..PowerFailure::of(n(1), MILLI) };
    let outcome = steps()
        .fault_for(millis(20), millis(50), crash(1, None))
        .fault_for(millis(40), millis(60), Fault::PowerFailure(failure))
        .simulate();
    assert_eq!(when(&outcome, 1, is_start), [0, 100]);
}

#[test]
fn healing_one_node_starts_no_other() {
    let both = Target::List(vec![n(0), n(1)]);
    let outcome = steps()
        .fault(millis(20), Fault::Crash { target: both, restart: None })
        .fault(millis(50), Fault::Heal { target: n(1) })
        .simulate();
    assert_eq!(when(&outcome, 1, is_start), [0, 50]);
    assert_eq!(when(&outcome, 0, is_start), [0, 200], "the quiet tail starts it");
}

#[test]
fn overlapping_pauses_end_separately_and_not_at_a_restart_of_another_life() {
    let pause = || Fault::Pause { target: n(1) };
    // The crash at 40 ms ends the first two for this process; the third holds from 100 to 150 ms, whatever ends at 115.
    let outcome = steps()
        .fault_for(millis(15), millis(100), pause())
        .fault_for(millis(20), millis(10), pause())
        .fault(millis(40), crash(1, Some(10)))
        .fault_for(millis(100), millis(50), pause())
        .simulate();
    assert_eq!(when(&outcome, 1, |fact| *fact == Fact::Paused), [15, 100]);
    assert_eq!(when(&outcome, 1, |fact| *fact == Fact::Resumed), [150]);
}

#[test]
fn a_crash_is_over_when_the_node_is_up_again() {
    let outcome = steps().fault(millis(20), crash(1, Some(30))).simulate();
    assert_eq!(outcome.faults[0].to, Instant::ZERO + millis(50));
    let outcome = steps().fault(millis(20), crash(1, None)).simulate();
    assert_eq!(outcome.faults[0].to, Instant::ZERO + millis(200));
}

/// A process that writes and syncs at its second start, and at the third tells what it finds.
struct Reborn {
    life: u32,
    syncs: Syncs,
}

#[derive(Clone, Copy)]
enum Syncs {
    InLine,
    Background,
}

impl Node for Reborn {
    type Message = Reached;
    type Timer = ();

    fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
        if self.life == 2 {
            let file = ctx.disk().open("log", Open::Any).expect("no faults");
            ctx.disk().sync_directory("").expect("no faults");
            for byte in [1, 2] {
                ctx.disk().append(file, &[byte]).expect("no faults");
                match self.syncs {
                    Syncs::InLine => ctx.disk().sync(file).expect("no faults"),
                    Syncs::Background => {
                        ctx.disk().start_sync(file);
                        return;
                    }
                }
            }
        } else if self.life == 3 {
            let found = ctx.disk().read_all("log").unwrap_or_default().len();
            ctx.note(|| format!("heard {found}"));
        }
    }

    fn on_message(&mut self, _: NodeId, _: Reached, _: &mut Context<'_, Self>) {}

    fn on_disk(&mut self, _: DiskTicket, _: Result<(), DiskError>, ctx: &mut Context<'_, Self>) {
        ctx.note(|| "heard the end of the sync".to_owned());
    }
}

/// Power fails at 10 ms, returns at 20 ms, fails after so many operations, and returns 10 ms later.
fn reborn(syncs: Syncs, operations: u64, sync: Duration) -> Vec<String> {
    let lives = Cell::new(0);
    let failure = PowerFailure {
        again_after_operations: Some(operations),
        ..PowerFailure::of(n(0), millis(10))
    };
    let outcome = Simulation::builder(move |_| {
        lives.set(lives.get() + 1);
        Reborn { life: lives.get(), syncs }
    })
    .nodes(1)
    .disk(merciless(sync))
    .fault(millis(10), Fault::PowerFailure(failure))
    .duration(millis(100))
    .quiet(MILLI)
    .keep(Keep::Trace)
    .simulate();
    heard(&outcome).into_iter().map(|(_, text)| text).collect()
}

#[test]
fn power_fails_right_after_the_kth_operation_and_the_next_has_not_begun() {
    // Open, sync of the directory, append, sync, append, sync: what is durable after each.
    for (operations, durable) in [(1, "0"), (2, "0"), (3, "0"), (4, "1"), (5, "1"), (6, "2")] {
        for sync in [Duration::ZERO, millis(2)] {
            let found = reborn(Syncs::InLine, operations, sync);
            assert_eq!(found, [durable], "after {operations} operations, a sync takes {sync:?}");
        }
    }
}

#[test]
fn the_end_of_a_background_sync_is_a_disk_operation_after_which_power_may_fail() {
    // Open, sync of the directory, append, and the end of the background sync, of which the process never hears.
    assert_eq!(reborn(Syncs::Background, 3, millis(2)), ["0"]);
    assert_eq!(reborn(Syncs::Background, 4, millis(2)), ["1"]);
}

#[test]
fn a_fault_that_looks_for_its_target_gives_up_when_the_quiet_tail_begins() {
    // Nobody ever leads, and from 198 ms on the fault looks for a leader; at 200 ms everything is to be healed.
    let outcome = steps()
        .fault(millis(198), Fault::Crash { target: Target::Leader, restart: None })
        .fault(millis(250), crash(1, None))
        .quiet(millis(100))
        .simulate();
    assert_eq!(outcome.faults, []);
    let missed = |place| FaultMissed { place, kind: "crash" };
    assert_eq!(outcome.missed, [missed(0), missed(1)]);
}

#[test]
fn a_fault_that_met_nobody_is_told() {
    let pause = || Fault::Pause { target: n(1) };
    let outcome = steps()
        .fault(millis(10), crash(1, None))
        .fault(millis(20), crash(1, Some(10)))
        .fault(millis(30), pause())
        .fault(millis(40), Fault::Restart { target: n(1) })
        .fault(millis(50), Fault::Restart { target: n(1) })
        .fault(millis(60), pause())
        .simulate();
    let missed: Vec<u32> = outcome.missed.iter().map(|missed| missed.place).collect();
    assert_eq!(missed, [1, 2], "the node is down from 10 to 40 ms");
}

#[test]
fn a_stalled_disk_works_again_in_the_quiet_tail() {
    let stalled = || Fault::Disk {
        target: n(0),
        effect: DiskFault { stalled: Some(true), ..DiskFault::default() },
    };
    // The operation at 10 ms ends with the stall, and what comes after it takes 2 ms for each sync.
    let healed = steps().fault(millis(1), stalled()).quiet(millis(100)).simulate();
    assert_eq!(heard(&healed)[0].0 / 10, 20, "the quiet tail begins at 200 ms: {healed:?}");
    let longer = steps().fault_for(millis(1), millis(900), stalled()).quiet(millis(100));
    assert_eq!(heard(&longer.simulate()), heard(&healed));
}

#[test]
fn overlapping_slow_processors_end_separately() {
    let slow = |handler| Fault::SlowCpu { target: n(1), handler };
    let outcome = steps()
        .fault(MILLI, slow(millis(5)))
        .fault_for(millis(2), millis(3), slow(millis(9)))
        .fault_for(millis(6), millis(3), slow(MILLI))
        .simulate();
    // The first of them still holds when the messages come.
    assert_eq!(heard(&outcome), list(&[(20, "1"), (25, "2"), (30, "3")]));
}
