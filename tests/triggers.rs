//! Faults that wait for something to happen: each hits in the moment it names, at the node where it happened, and what
//! that node would have done next does not happen.

#[path = "common/steps.rs"]
mod steps;

use elara::claim::{Claim, Role};
use elara::kernel::distribution::Distribution;
use elara::kernel::ids::{Generation, LogIndex, NodeId};
use elara::node::Node;
use elara::node::context::Context;
use elara::run::builder::Builder;
use elara::simulation::Simulation;
use elara::simulation::options::Keep;
use elara::simulation::outcome::Outcome;
use elara::trace::{Fact, Stop};
use elara::world::fault::{Fault, Target, Trigger};

use crate::steps::{MILLI, Reached, crash, heard, list, millis, n, steps};

const fn crash_there() -> Fault {
    Fault::Crash { target: Target::There, restart: None }
}

/// What node 1 heard before the quiet tail, which begins at 200 ms.
fn heard_in_time(outcome: &Outcome) -> Vec<String> {
    let in_time = heard(outcome).into_iter().filter(|(at, _)| *at < 200);
    in_time.map(|(_, text)| text).collect()
}

#[test]
fn every_point_between_two_disk_operations_of_a_handler_can_be_hit() {
    // From 5 ms on: open, sync of the directory, and three times append, sync, and a message, at no cost of time.
    for k in 1..=8 {
        let outcome =
            steps().fault_upon(millis(5), Trigger::DiskOperation(k), crash_there()).simulate();
        let told = (k.saturating_sub(3)) / 2;
        let expected: Vec<String> = (1..=told).map(|step| step.to_string()).collect();
        assert_eq!(heard_in_time(&outcome), expected, "after {k} operations");
        assert_eq!(outcome.faults[0].nodes, [NodeId(0)]);
    }
}

#[test]
fn the_operations_of_other_nodes_do_not_count_for_a_fault_of_one_node() {
    // Node 0 has eight operations; node 1 has none after its start at 0 ms.
    let upon = |fault| steps().fault_upon(millis(5), Trigger::DiskOperation(1), fault).simulate();
    assert_eq!(upon(crash(0, None)).faults.len(), 1);
    let missed = upon(crash(1, None));
    assert_eq!(missed.faults, []);
    assert_eq!(missed.missed.len(), 1, "what waited in vain is told");
}

/// Node 0 tells node 1 how far it is between its claims: at 10 ms as a candidate and leader of generation 1 that commits,
/// at 30 ms again, at 50 ms of generation 2.
struct Claimant;

impl Node for Claimant {
    type Message = Reached;
    type Timer = u8;

    fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
        if ctx.id() == NodeId(0) {
            ctx.claim(Claim::Recovering);
            ctx.set_timer(10, millis(10));
        }
    }

    fn on_message(&mut self, _: NodeId, reached: Reached, ctx: &mut Context<'_, Self>) {
        ctx.note(|| format!("heard {}", reached.0));
    }

    fn on_timer(&mut self, at: u8, ctx: &mut Context<'_, Self>) {
        let generation = Generation(if at < 50 { 1 } else { 2 });
        ctx.send(NodeId(1), Reached(at));
        ctx.claim(Claim::Role { generation, role: Role::Candidate });
        ctx.send(NodeId(1), Reached(at + 1));
        ctx.claim(Claim::Role { generation, role: Role::Leader });
        ctx.send(NodeId(1), Reached(at + 2));
        ctx.claim(Claim::Commit { index: LogIndex(1) });
        ctx.send(NodeId(1), Reached(at + 3));
        ctx.set_timer(at + 20, millis(20));
    }
}

fn claimant() -> Builder<Claimant> {
    Simulation::builder(|_| Claimant)
        .nodes(2)
        .delay(MILLI, MILLI)
        .duration(millis(60))
        .quiet(MILLI)
        .keep(Keep::Trace)
}

/// The last thing that node 1 heard of node 0, which crashes upon this from `at` on.
fn last_heard(at: u32, trigger: Trigger) -> Option<String> {
    let outcome = claimant().fault_upon(millis(at), trigger, crash_there()).simulate();
    heard(&outcome).pop().map(|(_, text)| text)
}

#[test]
fn a_fault_hits_between_the_claim_and_what_follows_it() {
    let last = |trigger| last_heard(1, trigger).expect("the node ran for 10 ms");
    assert_eq!(last(Trigger::Election), "10");
    assert_eq!(last(Trigger::Leadership), "11");
    assert_eq!(last(Trigger::Commit), "12");
}

#[test]
fn a_fault_waits_for_the_next_time_after_it_is_armed() {
    assert_eq!(last_heard(20, Trigger::Commit).as_deref(), Some("32"));
    assert_eq!(
        last_heard(20, Trigger::Leadership).as_deref(),
        Some("51"),
        "at 30 ms the generation is not new"
    );
}

#[test]
fn a_fault_hits_a_node_that_begins_to_recover() {
    let restart = Some(Distribution::Constant(millis(5)));
    let outcome = claimant()
        .fault(millis(2), Fault::Crash { target: n(0), restart })
        .fault_upon(millis(3), Trigger::Recovery, crash_there())
        .simulate();
    let stops = outcome.trace.iter().filter(|event| event.fact == Fact::Stopped(Stop::Crash));
    let times: Vec<u64> = stops.map(|event| event.at.as_nanos() / 1_000_000).collect();
    assert_eq!(times, [2, 7]);
}

#[test]
fn a_pause_upon_a_claim_puts_off_the_rest_of_the_handler() {
    let pause = Fault::Pause { target: Target::There };
    let paused = claimant().fault_upon(MILLI, Trigger::Election, pause).quiet(millis(10));
    let outcome = paused.simulate();
    // The pause stays until the quiet tail at 60 ms.
    assert_eq!(heard(&outcome)[..2], list(&[(11, "10"), (61, "11")]));
}

#[test]
fn a_fault_without_a_target_stays_armed() {
    // When a node stands for election there is no leader to be hit, any time.
    let fault = Fault::Crash { target: Target::Leader, restart: None };
    let outcome = claimant().fault_upon(MILLI, Trigger::Election, fault).simulate();
    assert_eq!(heard(&outcome).pop().expect("it ran").1, "53");
    assert_eq!(outcome.faults.len(), 0, "a candidate is no leader");
    assert_eq!(outcome.missed.len(), 1);
}
