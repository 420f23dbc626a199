//! The search against brute force: every order of every choice of operations, on random histories.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::specification::KeyValue;
use super::*;
use crate::history::functions::{APPEND, CAS, DELETE, INCREMENT, READ, WRITE};
use crate::history::{EndedBy, Operation};
use crate::kernel::ids::{ClientId, RequestId};

/// Operations in a history at most.
const OPERATIONS: usize = 7;

#[derive(Clone, Debug)]
struct Planned {
    process: u64,
    operation: Operation,
    end: Phase,
    returned: Value,
}

/// An operation with the places of its two lines in the history.
#[derive(Clone, Debug)]
struct Placed {
    planned: Planned,
    from: usize,
    to: usize,
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Value::Nil), 5 => (0..3i64).prop_map(Value::Int)]
}

fn lists() -> impl Strategy<Value = Value> {
    proptest::collection::vec((0..2i64).prop_map(Value::Int), 0..3).prop_map(Value::list)
}

fn operations() -> impl Strategy<Value = (Operation, Value)> {
    let number = || (1..3i64).prop_map(Value::Int);
    let pair = (values(), number()).prop_map(|(from, to)| Value::list([from, to]));
    let plain = prop_oneof![
        4 => values().prop_map(|returned| (READ, Value::Nil, returned)),
        3 => number().prop_map(|value| (WRITE, value, Value::Nil)),
        1 => Just((DELETE, Value::Nil, Value::Nil)),
        2 => pair.prop_map(|pair| (CAS, pair, Value::Nil)),
        2 => (number(), values()).prop_map(|(value, returned)| (INCREMENT, value, returned)),
        1 => ((0..2i64).prop_map(Value::Int), prop_oneof![Just(Value::Nil), lists()])
            .prop_map(|(value, returned)| (APPEND, value, returned)),
        1 => lists().prop_map(|returned| (READ, Value::Nil, returned)),
    ];
    plain.prop_map(|(function, value, returned)| (Operation::new(function, 1, value), returned))
}

fn plans() -> impl Strategy<Value = Vec<Planned>> {
    let end = prop_oneof![6 => Just(Phase::Ok), 2 => Just(Phase::Info), 1 => Just(Phase::Fail)];
    let planned = (0..4u64, operations(), end).prop_map(|(process, (operation, returned), end)| {
        Planned { process, operation, end, returned }
    });
    proptest::collection::vec(planned, 1..=OPERATIONS)
}

/// A history: the planned operations, interleaved as the turns say. What is open at the end stays open.
fn history(plans: &[Planned], turns: &[u64]) -> (Vec<HistoryEvent>, Vec<Placed>) {
    let mut lines = Vec::new();
    let mut placed: Vec<Placed> = Vec::new();
    let mut left: Vec<Planned> = plans.iter().rev().cloned().collect();
    let mut open: BTreeMap<u64, usize> = BTreeMap::new();
    for &turn in turns {
        let line = lines.len();
        if let Some(number) = open.remove(&turn) {
            let Placed { planned, to, .. } = &mut placed[number];
            *to = line;
            let mut operation = planned.operation.clone();
            if planned.end == Phase::Ok {
                operation.value = planned.returned.clone();
            }
            lines.push(event(number, planned.end, operation));
        } else if let Some(next) = left.iter().rposition(|planned| planned.process == turn) {
            let planned = left.remove(next);
            open.insert(turn, placed.len());
            lines.push(event(placed.len(), Phase::Invoke, planned.operation.clone()));
            placed.push(Placed { planned, from: line, to: usize::MAX });
        }
    }
    for &number in open.values() {
        placed[number].planned.end = Phase::Info;
    }
    (lines, placed)
}

/// Each operation is a process of its own here: the order of lines says all.
fn event(number: usize, phase: Phase, operation: Operation) -> HistoryEvent {
    HistoryEvent {
        at: Instant::ZERO,
        process: number as u64,
        client: ClientId(number as u32),
        request: RequestId { session: 1, sequence: number as u64 },
        phase,
        operation,
        version: 0,
        reason: "",
        ended_by: if phase == Phase::Invoke { EndedBy::Nothing } else { EndedBy::Answer },
    }
}

/// Whether the rest of the operations can be put into an order that begins in this state.
fn brute_force(rest: &[Placed], state: &Value) -> bool {
    if rest.iter().all(|placed| placed.planned.end != Phase::Ok) {
        return true;
    }
    (0..rest.len()).any(|next| {
        let Placed { planned, from, .. } = &rest[next];
        let precedes = |other: &Placed| other.planned.end == Phase::Ok && other.to < *from;
        if rest.iter().any(precedes) {
            return false;
        }
        let Some((state, result)) = KeyValue.step(state, &planned.operation) else { return false };
        let returned = &planned.returned;
        if planned.end == Phase::Ok && !KeyValue.agrees(&planned.operation, &result, returned) {
            return false;
        }
        let mut others = rest.to_vec();
        others.remove(next);
        brute_force(&others, &state)
    })
}

#[test]
fn the_search_agrees_with_brute_force() {
    let verdicts = [Cell::new(0), Cell::new(0)];
    let turns = proptest::collection::vec(0..4u64, 40);
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 8_000, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let run = runner.run(&(plans(), turns), |(plans, turns)| {
        let (lines, mut placed) = history(&plans, &turns);
        placed.retain(|placed| placed.planned.end != Phase::Fail);
        let expected = brute_force(&placed, &Value::Nil);
        let mut checker = Linearizability::new(KeyValue);
        let found = lines.iter().all(|line| checker.take(line).is_ok())
            && checker.close(Instant::ZERO).is_ok();
        prop_assert!(checker.given_up.is_empty());
        verdicts[usize::from(found)].set(verdicts[usize::from(found)].get() + 1);
        prop_assert_eq!(found, expected, "{:#?}", lines);
        Ok(())
    });
    run.expect("the verdicts are equal");
    let [violations, linearizable] = verdicts.map(|count| count.get());
    assert!(violations > 500 && linearizable > 500, "{violations} and {linearizable}");
}
