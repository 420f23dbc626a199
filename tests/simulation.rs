//! The execution model, seen from outside: when effects happen, what a crash forestalls, what a pause moves, how a run
//! ends, and that the same seed gives the same run.

#[path = "common/steps.rs"]
mod steps;

use std::cell::Cell;
use std::time::Duration;

use elara::kernel::distribution::Distribution;
use elara::kernel::ids::NodeId;
use elara::kernel::time::Instant;
use elara::node::context::Context;
use elara::node::disk::{DiskError, DiskTicket, Open};
use elara::node::{Node, Reply, Request};
use elara::run::builder::Builder;
use elara::simulation::Simulation;
use elara::simulation::options::Keep;
use elara::trace::{Fact, Stop};
use elara::world::fault::{Fault, PowerFailure, Target};
use elara::world::options::DiskOptions;

use crate::steps::{MILLI, Reached, Steps, crash, heard, list, millis, n, steps};

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
    // They arrive at 15, 17 and 19 ms; each handler takes 5 ms, and what it does it does at its end.
    assert_eq!(heard(&outcome), list(&[(20, "1"), (25, "2"), (30, "3")]));
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
    let last = outcome.trace.iter().rfind(starts).expect("it started");
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

/// Sends itself a message whenever it has one: time stands still.
struct Echo;

impl Node for Echo {
    type Message = Reached;
    type Timer = ();

    fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
        ctx.set_timer((), millis(10));
    }

    fn on_message(&mut self, from: NodeId, reached: Reached, ctx: &mut Context<'_, Self>) {
        ctx.send(from, reached);
    }

    fn on_timer(&mut self, (): (), ctx: &mut Context<'_, Self>) {
        ctx.send(ctx.id(), Reached(1));
    }
}

#[test]
fn a_run_in_which_time_stands_still_ends() {
    let outcome = Simulation::builder(|_| Echo).nodes(1).duration(millis(50)).simulate();
    let (name, why) = &outcome.unknown[0];
    assert_eq!(*name, "budget");
    assert!(why.contains("no progress of time") && why.contains("n1"), "{why}");
    assert_eq!(outcome.end, Instant::ZERO + millis(10));
}

/// Panics wherever a node can be called outside of its handlers.
struct Hollow;

impl Node for Hollow {
    type Message = Reached;
    type Timer = ();

    fn on_start(&mut self, _: &mut Context<'_, Self>) {}

    fn on_message(&mut self, _: NodeId, _: Reached, _: &mut Context<'_, Self>) {}

    fn waits_for(&self) -> String {
        panic!("nobody knows")
    }
}

#[test]
fn a_panic_in_the_factory_or_in_waits_for_is_a_verdict_too() {
    let lives = Cell::new(0);
    let factory = move |_| {
        lives.set(lives.get() + 1);
        assert!(lives.get() < 3, "no third life");
        Steps
    };
    let outcome = Simulation::builder(factory)
        .nodes(2)
        .fault(millis(10), crash(1, Some(5)))
        .duration(millis(50))
        .simulate();
    let message = &outcome.violations[0].1.message;
    assert!(message.contains("panicked: no third life"), "{message}");
    assert_eq!(outcome.end, Instant::ZERO + millis(15));

    let outcome = Simulation::builder(|_| Hollow).nodes(1).duration(millis(5)).simulate();
    let (checker, violation) = &outcome.violations[0];
    assert_eq!(*checker, "panic");
    assert!(violation.message.contains("nobody knows"), "{}", violation.message);
}

/// Node 0 floods node 1, which is paused.
struct Flood;

const FLOOD: u64 = 20_000;

impl Node for Flood {
    type Message = Reached;
    type Timer = ();

    fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
        if ctx.id() == NodeId(0) {
            ctx.set_timer((), millis(10));
        }
    }

    fn on_message(&mut self, _: NodeId, _: Reached, ctx: &mut Context<'_, Self>) {
        ctx.mark("heard");
    }

    fn on_timer(&mut self, (): (), ctx: &mut Context<'_, Self>) {
        (0..FLOOD).for_each(|_| ctx.send(NodeId(1), Reached(1)));
    }
}

#[test]
fn a_message_that_a_full_mailbox_refuses_is_lost_and_not_delivered() {
    let outcome = Simulation::builder(|_| Flood)
        .nodes(2)
        .delay(MILLI, MILLI)
        .fault_for(MILLI, millis(20), Fault::Pause { target: n(1) })
        .duration(millis(50))
        .simulate();
    assert_eq!(outcome.delivered + outcome.network.lost, FLOOD);
    assert_eq!(outcome.coverage["heard"], outcome.delivered);
    assert!(outcome.network.lost > 0);
}
#[test]
fn a_slow_process_that_dies_before_it_acts_has_done_nothing() {
    let slow = Fault::SlowCpu { target: n(1), handler: millis(5) };
    let outcome = steps().fault(MILLI, slow).fault(millis(18), crash(1, None)).simulate();
    assert_eq!(heard(&outcome), []);
}
