//! The search against brute force: every order of every choice of operations, on random histories.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::checkers::models::KeyValue;
use crate::history::functions::{APPEND, CAS, DELETE, INCREMENT, READ, WRITE};
use crate::history::{EndedBy, Operation};
use crate::kernel::ids::{ClientId, RequestId};

/// Operations in a history at most.
const OPERATIONS: usize = 7;
/// Sequential threads in a history.
const THREADS: u64 = 4;

/// An operation to be executed on a real object, so that most histories are linearizable or nearly so.
#[derive(Clone, Debug)]
struct Planned {
    thread: u64,
    operation: Operation,
    end: Phase,
    /// What it returns instead of the truth.
    lie: Option<Value>,
}

/// An operation with the places of its two lines in the history.
#[derive(Clone, Debug)]
struct Placed {
    operation: Operation,
    from: usize,
    to: usize,
    end: Phase,
    returned: Value,
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Value::Nil), 5 => (0..3i64).prop_map(Value::Int)]
}

fn operations() -> impl Strategy<Value = Operation> {
    let number = || (0..3i64).prop_map(Value::Int);
    let pair = (values(), number()).prop_map(|(from, to)| Value::list([from, to]));
    let on_numbers = prop_oneof![
        5 => Just((READ, Value::Nil)),
        4 => number().prop_map(|value| (WRITE, value)),
        1 => Just((DELETE, Value::Nil)),
        3 => pair.prop_map(|pair| (CAS, pair)),
        2 => number().prop_map(|value| (INCREMENT, value)),
        1 => number().prop_map(|value| (APPEND, value)),
    ];
    on_numbers.prop_map(|(function, value)| Operation::new(function, 1, value))
}

fn plans() -> impl Strategy<Value = Vec<Planned>> {
    let end = prop_oneof![6 => Just(Phase::Ok), 3 => Just(Phase::Info), 1 => Just(Phase::Fail)];
    let lie = prop_oneof![4 => Just(None), 1 => values().prop_map(Some)];
    let planned = (0..THREADS, operations(), end, lie)
        .prop_map(|(thread, operation, end, lie)| Planned { thread, operation, end, lie });
    proptest::collection::vec(planned, 1..=OPERATIONS)
}

/// What a thread is in the middle of.
#[derive(Clone, Copy)]
enum Stage {
    /// It has invoked this operation, which has not taken effect.
    Invoked(usize),
    /// It has given the operation up, which has not taken effect.
    GivenUp,
    /// The operation has taken effect; its result is not told yet.
    Done(usize),
}

/// Whether an operation takes effect only after its thread gave it up, if ever.
fn is_late(planned: &Planned, number: usize) -> bool {
    planned.end == Phase::Info && number.is_multiple_of(2)
}

/// A history: each turn of a thread invokes its next operation, lets it take effect, or ends it.
fn history(plans: &[Planned], turns: &[u64]) -> (Vec<HistoryEvent>, Vec<Placed>) {
    let mut lines = Vec::new();
    let mut placed: Vec<Placed> = Vec::new();
    let mut left: Vec<Planned> = plans.iter().rev().cloned().collect();
    let mut stages: BTreeMap<u64, (Stage, Planned)> = BTreeMap::new();
    let mut state = Value::Nil;
    for &turn in turns {
        let line = lines.len();
        match stages.remove(&turn) {
            None => {
                let next = left.iter().rposition(|planned| planned.thread == turn);
                let Some(next) = next else { continue };
                let planned = left.remove(next);
                let operation = planned.operation.clone();
                lines.push(event(placed.len(), Phase::Invoke, operation.clone()));
                stages.insert(turn, (Stage::Invoked(placed.len()), planned));
                let (end, returned) = (Phase::Info, Value::Nil);
                placed.push(Placed { operation, from: line, to: usize::MAX, end, returned });
            }
            Some((Stage::Invoked(number), planned)) if is_late(&planned, number) => {
                end(&mut lines, (number, &mut placed[number]), Phase::Info);
                stages.insert(turn, (Stage::GivenUp, planned));
            }
            Some((Stage::GivenUp, planned)) => {
                let stepped = KeyValue.step(&state, &planned.operation);
                state = stepped.map_or(state, |(state, _)| state);
            }
            Some((Stage::Invoked(number), planned)) => {
                let stepped = KeyValue.step(&state, &planned.operation);
                match stepped.filter(|_| planned.end != Phase::Fail) {
                    Some((next, result)) => {
                        state = next;
                        placed[number].returned = planned.lie.clone().unwrap_or(result);
                        stages.insert(turn, (Stage::Done(number), planned));
                    }
                    None => end(&mut lines, (number, &mut placed[number]), Phase::Fail),
                }
            }
            Some((Stage::Done(number), planned)) => {
                end(&mut lines, (number, &mut placed[number]), planned.end);
            }
        }
    }
    (lines, placed)
}

fn end(lines: &mut Vec<HistoryEvent>, (number, placed): (usize, &mut Placed), phase: Phase) {
    placed.to = lines.len();
    placed.end = phase;
    let mut operation = placed.operation.clone();
    if phase == Phase::Ok {
        operation.value = placed.returned.clone();
    }
    lines.push(event(number, phase, operation));
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
    if rest.iter().all(|placed| placed.end != Phase::Ok) {
        return true;
    }
    (0..rest.len()).any(|next| {
        let Placed { operation, from, end, returned, .. } = &rest[next];
        let precedes = |other: &Placed| other.end == Phase::Ok && other.to < *from;
        if rest.iter().any(precedes) {
            return false;
        }
        let after = match end {
            Phase::Ok => KeyValue.answered(state, operation, returned),
            _ => KeyValue.step(state, operation).map(|(state, _)| state),
        };
        let Some(state) = after else { return false };
        let mut others = rest.to_vec();
        others.remove(next);
        brute_force(&others, &state)
    })
}

#[test]
fn the_search_agrees_with_brute_force() {
    let verdicts = [Cell::new(0), Cell::new(0)];
    let turns = proptest::collection::vec(0..THREADS, 40);
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 8_000, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let run = runner.run(&(plans(), turns), |(plans, turns)| {
        let (lines, mut placed) = history(&plans, &turns);
        placed.retain(|placed| placed.end != Phase::Fail);
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
