//! The execution model, seen from outside: when effects happen, what a crash forestalls, what a pause moves, and that
//! the same seed gives the same run.

use std::cell::Cell;
use std::time::Duration;

use elara::kernel::distribution::Distribution;
use elara::kernel::ids::NodeId;
use elara::kernel::random::Probability;
use elara::kernel::time::Instant;
use elara::node::context::Context;
use elara::node::disk::{DiskError, DiskTicket, Open};
use elara::node::{Message, Node, Reply, Request};
use elara::run::builder::Builder;
use elara::simulation::Simulation;
use elara::simulation::options::Keep;
use elara::simulation::outcome::Outcome;
use elara::trace::{Fact, Stop};
use elara::world::fault::{Fault, PowerFailure, Target};
use elara::world::options::DiskOptions;

const MILLI: Duration = Duration::from_millis(1);

fn millis(count: u32) -> Duration {
    MILLI * count
}

/// Node 0 runs one handler at 10 ms: three times it writes, syncs (2 ms each) and tells node 1 how far it is. It tells
/// again what it finds on its disk at each start.
struct Steps;

#[derive(Clone, Debug, Hash, PartialEq)]
struct Reached(u8);
impl Message for Reached {}

impl Node for Steps {
    type Message = Reached;
    type Timer = u8;

    fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
        let found = ctx.disk().read_all("steps").unwrap_or_default();
        if !found.is_empty() {
            ctx.send(NodeId(1), Reached(100 + found.len() as u8));
        } else if ctx.id() == NodeId(0) && ctx.is_first_start() {
            ctx.set_timer(0, millis(10));
        }
    }

    fn on_message(&mut self, _: NodeId, reached: Reached, ctx: &mut Context<'_, Self>) {
        ctx.note(|| format!("heard {}", reached.0));
    }

    fn on_timer(&mut self, _: u8, ctx: &mut Context<'_, Self>) {
        let file = ctx.disk().open("steps", Open::Any).expect("no faults");
        ctx.disk().sync_directory("").expect("no faults");
        for step in 1..=3 {
            ctx.disk().append(file, &[step]).expect("no faults");
            ctx.disk().sync(file).expect("no faults");
            ctx.send(NodeId(1), Reached(step));
        }
    }
}

/// Syncs take 2 ms, everything else no time: the directory is durable at 12 ms, the steps at 14, 16 and 18 ms.
fn steps() -> Builder<Steps> {
    Simulation::builder(|_| Steps)
        .nodes(2)
        .delay(MILLI, MILLI)
        .disk(DiskOptions { sync: Distribution::Constant(millis(2)), ..DiskOptions::default() })
        .duration(millis(200))
        .quiet(MILLI)
        .keep(Keep::Trace)
}

/// What node 1 heard, and when.
fn heard(outcome: &Outcome) -> Vec<(u64, String)> {
    let of = |event: &elara::trace::Event| match &event.fact {
        Fact::Note(text) if text.starts_with("heard") => {
            Some((event.at.as_nanos() / 1_000_000, text["heard ".len()..].to_owned()))
        }
        _ => None,
    };
    outcome.trace.iter().filter_map(of).collect()
}

fn list(heard: &[(u64, &str)]) -> Vec<(u64, String)> {
    heard.iter().map(|&(at, text)| (at, text.to_owned())).collect()
}

#[test]
fn what_a_handler_does_after_a_sync_happens_after_the_sync() {
    // one-way delay of 1 ms after 14, 16 and 18 ms
    assert_eq!(heard(&steps().simulate()), list(&[(15, "1"), (17, "2"), (19, "3")]));
}

#[test]
fn a_power_failure_cuts_a_handler_at_any_point_between_two_disk_operations() {
    // For each moment of the failure: which messages were sent before it, and how many bytes were durable.
    for (at, sent, durable) in [(13, 0, 0), (15, 1, 1), (17, 2, 2), (19, 3, 3)] {
        let failure = Fault::PowerFailure(PowerFailure::of(Target::Node(NodeId(0)), millis(50)));
        let outcome = steps().fault(millis(at), failure).simulate();
        let told: Vec<String> = heard(&outcome).into_iter().map(|(_, text)| text).collect();
        let before = &told[..told.iter().take_while(|text| text.len() == 1).count()];
        assert_eq!(before.len(), sent, "power failed at {at} ms: {told:?}");
        let found = told.iter().find_map(|text| text.strip_prefix("10")).unwrap_or("0");
        let found: usize = found.parse().expect("a count");
        // The write under way may have survived; what was synced must have.
        assert!((durable..=durable + 1).contains(&found), "power failed at {at} ms: {told:?}");
    }
}

#[test]
fn a_process_crash_keeps_the_page_cache() {
    let crash = Fault::Crash {
        target: Target::Node(NodeId(0)),
        restart: Some(Distribution::Constant(millis(50))),
    };
    // At 15 ms the second byte is written (at 14 ms) but not synced.
    let outcome = steps().fault(millis(15), crash).simulate();
    assert_eq!(heard(&outcome), list(&[(15, "1"), (66, "102")]));
}

#[test]
fn a_pause_moves_the_rest_of_a_handler() {
    let pause = Fault::Pause { target: Target::Node(NodeId(0)) };
    // 15 ms to 25 ms: what would have been sent at 16 and 18 ms is sent 10 ms later.
    let outcome = steps().fault_for(millis(15), millis(10), pause).simulate();
    assert_eq!(heard(&outcome), list(&[(15, "1"), (27, "2"), (29, "3")]));
}

#[test]
fn a_slow_processor_keeps_messages_waiting() {
    let slow = Fault::SlowCpu { target: Target::Node(NodeId(1)), handler: millis(5) };
    let outcome = steps().fault(MILLI, slow).simulate();
    // They arrive at 15, 17 and 19 ms; each handler takes 5 ms, and its effects happen at its start.
    assert_eq!(heard(&outcome), list(&[(15, "1"), (20, "2"), (25, "3")]));
}

#[test]
fn the_same_seed_gives_the_same_digest_and_another_seed_another() {
    let digest = |seed| steps().delay(MILLI, millis(9)).seed(seed).simulate().digest;
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
}

#[test]
fn keeping_a_trace_does_not_change_the_run() {
    let kept = steps().simulate().digest;
    assert_eq!(steps().keep(Keep::Digest).simulate().digest, kept);
}

/// Panics when it is asked.
struct Fragile;

impl Node for Fragile {
    type Message = Reached;
    type Timer = ();

    fn on_start(&mut self, _: &mut Context<'_, Self>) {}

    fn on_message(&mut self, _: NodeId, _: Reached, _: &mut Context<'_, Self>) {}

    fn on_request(&mut self, request: Request, ctx: &mut Context<'_, Self>) {
        assert!(request.id.sequence < 3, "the third request is too much");
        ctx.reply(request.token, Reply::ok(0));
    }
}

#[test]
fn a_panic_in_a_node_is_a_verdict() {
    let outcome = Simulation::builder(|_| Fragile).clients(1, &[("write", 1)]).simulate();
    let (checker, violation) = &outcome.violations[0];
    assert_eq!(*checker, "panic");
    assert!(violation.message.contains("the third request is too much, at tests/simulation.rs"));
    assert_eq!(outcome.operations.ok, 2);
}

#[test]
fn a_stopped_node_hears_nothing_until_it_starts_again() {
    let crash = Fault::Crash { target: Target::Node(NodeId(1)), restart: None };
    let outcome = steps().fault(millis(16), crash).simulate();
    assert_eq!(heard(&outcome), list(&[(15, "1")]));
    let stopped = outcome.trace.iter().filter(|event| event.fact == Fact::Stopped(Stop::Crash));
    assert_eq!(stopped.count(), 1);
    // The quiet tail starts it again.
    let starts = |event: &&elara::trace::Event| {
        event.node == Some(NodeId(1)) && matches!(event.fact, Fact::Started { .. })
    };
    let last = outcome.trace.iter().filter(starts).next_back().expect("it started");
    assert_eq!(last.at, Instant::ZERO + millis(200));
}

#[test]
fn what_a_paused_node_had_not_begun_never_happens_if_it_dies() {
    let node = || Target::Node(NodeId(0));
    let crash = Fault::Crash { target: node(), restart: Some(Distribution::Constant(millis(50))) };
    // Paused at 15 ms: the second byte is written, and the third, due at 16 ms, must wait. At 19 ms the process dies.
    let pause = Fault::Pause { target: node() };
    let outcome =
        steps().fault_for(millis(15), millis(100), pause).fault(millis(19), crash).simulate();
    assert_eq!(heard(&outcome), list(&[(15, "1"), (70, "102")]));
}

/// Node 0 syncs in line from 10 to 12 ms, then in the background, and tells node 1 when that has ended.
struct Overlapping;

impl Node for Overlapping {
    type Message = Reached;
    type Timer = ();

    fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
        if ctx.id() == NodeId(0) {
            ctx.set_timer((), millis(10));
        }
    }

    fn on_message(&mut self, _: NodeId, reached: Reached, ctx: &mut Context<'_, Self>) {
        ctx.note(|| format!("heard {}", reached.0));
    }

    fn on_timer(&mut self, (): (), ctx: &mut Context<'_, Self>) {
        let file = ctx.disk().open("log", Open::Any).expect("no faults");
        ctx.disk().append(file, &[1]).expect("no faults");
        ctx.disk().sync(file).expect("no faults");
        ctx.disk().append(file, &[2]).expect("no faults");
        ctx.disk().start_sync(file);
    }

    fn on_disk(
        &mut self,
        _: DiskTicket,
        result: Result<(), DiskError>,
        ctx: &mut Context<'_, Self>,
    ) {
        result.expect("no faults");
        ctx.send(NodeId(1), Reached(9));
    }
}

fn overlapping() -> Builder<Overlapping> {
    Simulation::builder(|_| Overlapping)
        .nodes(2)
        .delay(MILLI, MILLI)
        .disk(DiskOptions { sync: Distribution::Constant(millis(2)), ..DiskOptions::default() })
        .duration(millis(200))
        .quiet(MILLI)
        .keep(Keep::Trace)
}

#[test]
fn a_pause_moves_the_end_of_a_background_sync_that_it_kept_from_beginning() {
    // In line until 12 ms, in the background until 14 ms, one-way delay of 1 ms.
    assert_eq!(heard(&overlapping().simulate()), list(&[(15, "9")]));
    // The pause from 11 to 21 ms puts the start of the background sync off to 22 ms, and its end to 24 ms.
    let pause = Fault::Pause { target: Target::Node(NodeId(0)) };
    let outcome = overlapping().fault_for(millis(11), millis(10), pause).simulate();
    assert_eq!(heard(&outcome), list(&[(25, "9")]));
}

/// Syncs from 10 to 12 ms in `Busy`; meanwhile two timers run out and wait, and the first of them cancels the other.
struct Forgetful;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
enum Alarm {
    Busy,
    Cancel,
    Victim,
}

impl Node for Forgetful {
    type Message = Reached;
    type Timer = Alarm;

    fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
        ctx.set_timer(Alarm::Busy, millis(10));
        ctx.set_timer(Alarm::Cancel, Duration::from_micros(10_500));
        ctx.set_timer(Alarm::Victim, millis(11));
    }

    fn on_message(&mut self, _: NodeId, _: Reached, _: &mut Context<'_, Self>) {}

    fn on_timer(&mut self, alarm: Alarm, ctx: &mut Context<'_, Self>) {
        ctx.note(|| format!("heard {alarm:?}"));
        match alarm {
            Alarm::Busy => {
                let file = ctx.disk().open("log", Open::Any).expect("no faults");
                ctx.disk().sync(file).expect("no faults");
            }
            Alarm::Cancel => ctx.cancel_timer(Alarm::Victim),
            Alarm::Victim => {}
        }
    }
}

#[test]
fn a_timer_that_was_cancelled_while_it_waited_for_its_node_is_not_heard_of() {
    let outcome = Simulation::builder(|_| Forgetful)
        .nodes(1)
        .disk(DiskOptions { sync: Distribution::Constant(millis(2)), ..DiskOptions::default() })
        .duration(millis(50))
        .quiet(MILLI)
        .keep(Keep::Trace)
        .simulate();
    assert_eq!(heard(&outcome), list(&[(10, "Busy"), (12, "Cancel")]));
}

fn n(node: u32) -> Target {
    Target::Node(NodeId(node))
}

fn crash(node: u32, restart: Option<u32>) -> Fault {
    let restart = restart.map(|after| Distribution::Constant(millis(after)));
    Fault::Crash { target: n(node), restart }
}

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
