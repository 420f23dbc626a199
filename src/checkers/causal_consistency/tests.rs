//! Hand-made histories, and the bad pattern that each of them shows.

use super::*;
use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};
use crate::checkers::{CheckerOptions, Judgement};
use crate::history::Operation;

const X: i64 = 1;
const Y: i64 = 2;

/// Processes, what they do on which key, and the value that is written or read; `None` reads nothing.
fn history(operations: &[(u64, &str, i64, Option<i64>)]) -> Script {
    operations.iter().fold(Script::new(), |script, &(process, function, key, value)| {
        let value = value.map_or(Value::Nil, Value::Int);
        if function == "write" {
            return script
                .invoke(process, Operation::new("write", key, value))
                .ok(process, Value::Nil);
        }
        script.invoke(process, Operation::new("read", key, Value::Nil)).ok(process, value)
    })
}

fn judged(script: &Script, strength: Strength) -> Judgement {
    check(&script.recorded(), strength).into()
}

fn judged_both(script: &Script) -> Judgement {
    let judgement = judged(script, Strength::Causal);
    assert_eq!(judgement, judged(script, Strength::Convergent));
    judgement
}

#[test]
fn who_sees_nothing_yet_and_then_cause_and_effect_in_order_is_fine() {
    let script = history(&[
        (1, "write", X, Some(1)),
        (2, "read", X, Some(1)),
        (2, "write", Y, Some(2)),
        (3, "read", X, None),
        (3, "read", Y, Some(2)),
        (3, "read", X, Some(1)),
    ]);
    assert_ok(&judged_both(&script));
    assert_ok(&script.judged(NAME, &CheckerOptions::new(3)));
}

#[test]
fn an_effect_without_its_cause_is_a_violation() {
    let begin = [(1, "write", X, Some(1)), (2, "read", X, Some(1)), (2, "write", Y, Some(2))];
    let nothing = [(3, "read", Y, Some(2)), (3, "read", X, None)];
    let script = history(&[&begin[..], &nothing].concat());
    assert_violation(&judged_both(&script), "WriteCOInitRead: p3 read k1 is answered with nil");
    assert_violation(&judged_both(&script), "p2 read k1 reads what p1 write k1 1 wrote");
    assert_violation(&script.judged(NAME, &CheckerOptions::new(3)), "WriteCOInitRead");
}

#[test]
fn a_value_that_was_replaced_among_the_causes_is_a_violation() {
    let script = history(&[
        (1, "write", X, Some(1)),
        (1, "write", X, Some(2)),
        (2, "read", X, Some(2)),
        (2, "write", Y, Some(3)),
        (3, "read", Y, Some(3)),
        (3, "read", X, Some(1)),
    ]);
    assert_violation(&judged_both(&script), "WriteCORead: p3 read k1 is answered with 1");
    assert_violation(&judged_both(&script), "p1 write k1 2 comes after p1 write k1 1 in its");
    let found = check(&script.recorded(), Strength::Causal);
    let Verdict::Violation(found) = found else { panic!("not {found:?}") };
    assert_eq!(found.operations, [0, 2, 10]);
}

#[test]
fn a_read_of_what_nobody_wrote_is_a_violation() {
    let script = history(&[(1, "write", X, Some(1)), (2, "read", X, Some(7))]);
    assert_violation(&judged_both(&script), "ThinAirRead: p2 read k1 is answered with 7");
    let failed = Script::new().invoke(1, Operation::new("write", X, 7)).fail(1);
    let failed = failed.invoke(2, Operation::new("read", X, Value::Nil)).ok(2, 7);
    assert_violation(&judged_both(&failed), "ThinAirRead");
    let lost = Script::new().invoke(1, Operation::new("write", X, 7)).info(1);
    let lost = lost.invoke(2, Operation::new("read", X, Value::Nil)).ok(2, 7);
    assert_ok(&judged_both(&lost));
}

#[test]
fn causes_in_a_circle_are_a_violation() {
    let script = history(&[
        (1, "read", X, Some(1)),
        (1, "write", Y, Some(2)),
        (2, "read", Y, Some(2)),
        (2, "write", X, Some(1)),
    ]);
    assert_violation(&judged_both(&script), "CyclicCO");
    assert_violation(&judged_both(&script), "is a cause of itself");
}

#[test]
fn the_shortest_chain_of_causes_is_told() {
    let script = history(&[
        (1, "write", X, Some(1)),
        (1, "write", Y, Some(2)),
        (2, "read", Y, Some(2)),
        (2, "write", 3, Some(3)),
        (3, "read", Y, Some(2)),
        (3, "read", 3, Some(3)),
        (3, "read", X, None),
    ]);
    let found = check(&script.recorded(), Strength::Causal);
    let Verdict::Violation(found) = found else { panic!("not {found:?}") };
    let chain = [
        "p1 write k2 2 comes after p1 write k1 1 in its process",
        "p3 read k2 reads what p1 write k2 2 wrote",
        "p3 read k3 comes after p3 read k2 in its process",
        "p3 read k1 comes after p3 read k3 in its process",
    ];
    assert!(found.violation.evidence.ends_with(&chain.map(str::to_owned)), "{found:?}");
}

#[test]
fn only_the_cycle_is_told_of_all_that_waits_for_it() {
    let before = |number| match number {
        4 => vec![2],
        5 => Vec::new(),
        number => vec![5, number + 1],
    };
    assert_eq!(sorted(6, before), Err(vec![2, 4, 3, 2]));
    assert_eq!(sorted(3, |number| (0..number).collect()), Ok(vec![0, 1, 2]));
}

#[test]
fn readers_may_disagree_about_conflicting_writes_unless_they_are_to_converge() {
    let script = history(&[
        (1, "write", X, Some(1)),
        (2, "write", X, Some(2)),
        (3, "read", X, Some(1)),
        (3, "read", X, Some(2)),
        (4, "read", X, Some(2)),
        (4, "read", X, Some(1)),
    ]);
    assert_ok(&judged(&script, Strength::Causal));
    assert_violation(&judged(&script, Strength::Convergent), "CyclicCF");
    let one = history(&[
        (1, "write", X, Some(1)),
        (2, "write", X, Some(2)),
        (3, "read", X, Some(1)),
        (3, "read", X, Some(2)),
    ]);
    assert_ok(&judged(&one, Strength::Convergent));
}

#[test]
fn what_cannot_be_told_apart_is_unknown() {
    let twice =
        history(&[(1, "write", X, Some(1)), (2, "write", X, Some(1)), (3, "read", X, None)]);
    assert_unknown(&judged_both(&twice), "1 is written to key 1 twice");
    let nil = history(&[(1, "write", X, None), (3, "read", X, None)]);
    assert_unknown(&judged_both(&nil), "nil is written");
    assert_unknown(&judged_both(&history(&[(1, "write", X, Some(1))])), "no read was answered");
    let read = history(&[(1, "write", X, Some(1)), (2, "read", X, Some(1))]);
    let other = |function: &'static str| {
        read.clone().invoke(3, Operation::new(function, X, 2)).ok(3, Value::Nil)
    };
    assert_unknown(&judged_both(&other("delete")), "here is a delete");
    assert_ok(&judged_both(&other("open-session")));
}
