//! Small histories whose verdicts one can see.

use super::*;
use crate::checkers::linearizability::object::WAITING_MAX;
use crate::checkers::models::KeyValue;
use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};
use crate::history::Operation;
use crate::history::functions::{APPEND, CAS, DELETE, INCREMENT, READ, READ_BOUNDED, WRITE};

const NAME: &str = "linearizability";

fn operation(function: &'static str, value: impl Into<Value>) -> Operation {
    Operation::new(function, 1, value)
}

fn read() -> Operation {
    operation(READ, Value::Nil)
}

fn cas(from: i64, to: i64) -> Operation {
    operation(CAS, Value::list([from.into(), to.into()]))
}

/// An operation by process 1 that nothing overlaps.
trait Sequential {
    fn does(self, operation: Operation, result: impl Into<Value>) -> Self;
}

impl Sequential for Script {
    fn does(self, operation: Operation, result: impl Into<Value>) -> Self {
        self.invoke(1, operation).ok(1, result)
    }
}

#[test]
fn a_sequential_history_is_linearizable() {
    let script = Script::new()
        .does(read(), Value::Nil)
        .does(operation(WRITE, 1), Value::Nil)
        .does(read(), 1)
        .does(cas(1, 2), Value::Nil)
        .does(operation(INCREMENT, 3), 5)
        .does(operation(DELETE, Value::Nil), Value::Nil)
        .does(operation(APPEND, 7), Value::list([7.into()]))
        .does(read(), Value::list([7.into()]));
    assert_ok(&script.judged_by(NAME));
}

#[test]
fn a_stale_read_is_a_violation_with_its_story() {
    let script = Script::new()
        .does(operation(WRITE, 1), Value::Nil)
        .does(operation(WRITE, 2), Value::Nil)
        .invoke(3, operation(WRITE, 9))
        .does(read(), 1);
    let judgement = script.judged_by(NAME);
    assert_violation(&judgement, "read k1 of c1 is answered with 1, which no order");
    assert_violation(&judgement, "the state was 2");
    assert_violation(&judgement, "c1 write k1 2: ok");
    assert_violation(&judgement, "to ? c3 write k1 9: outcome unknown");
    assert_violation(&judgement, "if the state was 2, it would have been answered with 2");
}

#[test]
fn the_evidence_tells_the_last_operations_and_no_read_of_unknown_outcome() {
    let written = (1..=20)
        .fold(Script::new(), |script, value| script.does(operation(WRITE, value), Value::Nil));
    let script = written.invoke(2, read()).info(2).does(read(), 99);
    let Judgement::Violation(violation) = script.judged_by(NAME) else { panic!("99 is a lie") };
    let told = |what: &str| violation.evidence.iter().filter(|line| line.contains(what)).count();
    assert_eq!((told("c1 write k1"), told("write k1 14: ok"), told("write k1 13: ok")), (7, 1, 0));
    assert_eq!((told("c2 read k1: outcome unknown"), told("times with unknown outcome")), (1, 0));
}

#[test]
fn each_state_that_was_possible_is_told_once_and_only_a_few() {
    // The write of 2 has taken effect before that of 1, or it has not.
    let both = Script::new().invoke(2, operation(WRITE, 2)).does(operation(WRITE, 1), 1);
    let judgement = both.does(read(), 99).ok(2, 2).judged_by(NAME);
    assert_violation(&judgement, "the state was 1\n");
    let Judgement::Violation(violation) = judgement else { panic!("99 is a lie") };
    let states = violation.evidence.iter().filter(|line| line.starts_with("if the state"));
    assert_eq!(states.count(), 1);
    let many = (2..=8)
        .fold(Script::new(), |script, process| script.invoke(process, operation(INCREMENT, 1)));
    let many = many.does(operation(INCREMENT, 1), Value::Nil).does(read(), 99);
    let many = (2..=8).fold(many, |script, process| script.ok(process, Value::Nil));
    assert_violation(&many.judged_by(NAME), "the state was 1 or 2 or 3 or 4 or 5 or 6\n");
}

#[test]
fn of_many_operations_under_way_or_lost_a_few_are_told() {
    let told = |script: Script, what: &str| {
        let Judgement::Violation(violation) = script.judged_by(NAME) else { panic!("99 is a lie") };
        violation.evidence.iter().filter(|line| line.contains(what)).count()
    };
    let open = (2..=8).fold(Script::new(), |script, process| {
        script.invoke(process, operation(DELETE, Value::Nil))
    });
    let open = (2..=8).fold(open.does(read(), 99), |script, process| script.ok(process, "done"));
    assert_eq!(told(open, "delete k1: ok \"done\""), 6);
    let lost = (2..=8).fold(Script::new(), |script, process| {
        script.invoke(process, operation(WRITE, process as i64)).info(process)
    });
    assert_eq!(told(lost.does(read(), 99), "1 times with unknown outcome"), 6);
}

#[test]
fn concurrent_operations_may_take_effect_in_either_order() {
    let both = Script::new()
        .invoke(1, operation(WRITE, 1))
        .invoke(2, operation(WRITE, 2))
        .ok(1, Value::Nil)
        .ok(2, Value::Nil);
    assert_ok(&both.clone().does(read(), 1).judged_by(NAME));
    assert_ok(&both.clone().does(read(), 2).judged_by(NAME));
    assert_violation(&both.does(read(), 1).does(read(), 2).judged_by(NAME), "answered with 2");
}

#[test]
fn what_one_reader_has_seen_the_next_must_see() {
    let script = Script::new()
        .does(operation(WRITE, 1), Value::Nil)
        .invoke(2, operation(WRITE, 2))
        .does(read(), 2);
    assert_ok(&script.clone().does(read(), 2).judged_by(NAME));
    assert_violation(&script.does(read(), 1).judged_by(NAME), "answered with 1");
}

#[test]
fn keys_are_independent() {
    let script = Script::new()
        .does(operation(WRITE, 1), Value::Nil)
        .does(Operation::new(READ, 2, Value::Nil), Value::Nil);
    assert_ok(&script.judged_by(NAME));
}

#[test]
fn a_lost_write_may_take_effect_late_or_never_but_only_once() {
    let lost =
        Script::new().invoke(2, operation(WRITE, 2)).info(2).does(operation(WRITE, 1), Value::Nil);
    assert_ok(&lost.clone().does(read(), 1).judged_by(NAME));
    let late = lost.clone().does(read(), 1).does(read(), 2);
    assert_ok(&late.judged_by(NAME));
    assert_violation(&late.does(read(), 1).judged_by(NAME), "answered with 1");
    let twice = lost.does(read(), 2).does(operation(WRITE, 1), Value::Nil).does(read(), 2);
    assert_violation(&twice.judged_by(NAME), "answered with 2");
}

#[test]
fn a_lost_operation_that_only_one_of_two_pasts_used_is_used_there() {
    // Either the increment came before the lost write and process 4 saw it, or it is still to come.
    let script = Script::new()
        .invoke(2, operation(WRITE, 5))
        .info(2)
        .invoke(3, operation(INCREMENT, 1))
        .info(3)
        .invoke(4, read())
        .does(read(), 5);
    assert_ok(&script.clone().ok(4, 1).judged_by(NAME));
    let script = script.does(read(), 6);
    assert_ok(&script.clone().ok(4, Value::Nil).judged_by(NAME));
    assert_violation(&script.ok(4, 1).judged_by(NAME), "c1 read k1: ok 6");
}

#[test]
fn two_lost_writes_of_the_same_value_may_show_twice() {
    let lost = [2, 3].iter().fold(Script::new(), |script, &process| {
        script.invoke(process, operation(WRITE, 2)).info(process)
    });
    let shown = |script: Script| script.does(operation(WRITE, 1), 1).does(read(), 2);
    let twice = shown(shown(lost));
    assert_ok(&twice.judged_by(NAME));
    assert_violation(&shown(twice).judged_by(NAME), "answered with 2");
}

#[test]
fn a_lost_write_may_enable_another_lost_operation() {
    let lost = Script::new()
        .invoke(2, operation(WRITE, 5))
        .info(2)
        .invoke(3, cas(5, 6))
        .info(3)
        .does(operation(WRITE, 1), 1);
    assert_ok(&lost.clone().does(read(), 6).judged_by(NAME));
    assert_violation(&lost.does(read(), 6).does(read(), 5).judged_by(NAME), "answered with 5");
}

#[test]
fn a_lost_operation_may_have_been_seen_before_another_hid_it() {
    let begun = |lost: Operation| {
        Script::new().does(operation(WRITE, 1), 1).invoke(2, lost).info(2).invoke(3, read())
    };
    // The read of process 3 falls between the lost operation and the write that hides it.
    for lost in [operation(WRITE, 2), cas(1, 2), operation(INCREMENT, 1)] {
        let script = begun(lost).does(operation(WRITE, 9), 9).ok(3, 2);
        assert_ok(&script.clone().does(read(), 9).judged_by(NAME));
        assert_violation(&script.does(read(), 9).does(read(), 2).judged_by(NAME), "with 2");
    }
}

#[test]
fn a_lost_operation_may_hide_behind_one_whose_result_says_nothing() {
    let script = Script::new().invoke(2, operation(APPEND, 1)).info(2);
    let script = script.does(operation(APPEND, 2), Value::Nil);
    for list in [vec![2], vec![1, 2], vec![2, 1]] {
        let list = Value::list(list.into_iter().map(Value::Int));
        assert_ok(&script.clone().does(read(), list).judged_by(NAME));
    }
    let once = script.does(read(), Value::list([1.into()]));
    assert_violation(&once.judged_by(NAME), "is answered with [1]");
}

#[test]
fn an_operation_whose_process_asks_anew_has_an_unknown_outcome() {
    let script = Script::new()
        .does(operation(WRITE, 1), 1)
        .invoke(2, operation(WRITE, 2))
        .invoke(2, read())
        .ok(2, 1);
    assert_ok(&script.clone().does(read(), 2).judged_by(NAME));
    assert_violation(&script.clone().does(read(), 7).judged_by(NAME), "answered with 7");
    assert_violation(&script.does(read(), 2).does(read(), 1).judged_by(NAME), "answered with 1");
}

#[test]
fn a_failed_operation_has_no_effect() {
    let failing = Script::new().does(operation(WRITE, 1), 1).invoke(2, operation(WRITE, 2));
    assert_ok(&failing.clone().fail(2).does(read(), 1).judged_by(NAME));
    assert_violation(&failing.clone().fail(2).does(read(), 2).judged_by(NAME), "answered with 2");
    let judgement = failing.does(read(), 2).fail(2).judged_by(NAME);
    assert_violation(&judgement, "c2 write k1 2: fail");
}

#[test]
fn a_compare_and_set_that_succeeds_must_have_met_its_value() {
    let script = Script::new().does(operation(WRITE, 1), 1);
    assert_violation(&script.clone().does(cas(2, 3), 3).judged_by(NAME), "it would have failed");
    let script = script.invoke(2, cas(1, 2)).invoke(3, cas(1, 3)).ok(2, 2);
    assert_violation(&script.ok(3, 3).judged_by(NAME), "c3");
}

#[test]
fn increments_return_each_sum_once() {
    let both = Script::new()
        .invoke(1, operation(INCREMENT, 1))
        .invoke(2, operation(INCREMENT, 1))
        .ok(1, 2);
    assert_ok(&both.clone().ok(2, 1).judged_by(NAME));
    assert_violation(&both.ok(2, 2).judged_by(NAME), "increment k1 1: ok 2");
}

#[test]
fn a_result_that_was_promised_early_is_held_to() {
    // The read of 1 proves that the increment of process 2 took effect first, so it must return 1.
    let script = Script::new().invoke(2, operation(INCREMENT, 1)).does(read(), 1);
    let script = script.does(operation(INCREMENT, 1), 2);
    assert_ok(&script.clone().ok(2, 1).judged_by(NAME));
    assert_violation(&script.ok(2, 2).judged_by(NAME), "c2 increment k1 1: ok 2");
}

#[test]
fn only_ignored_operations_say_nothing() {
    let script = Script::new().does(operation(READ_BOUNDED, Value::Nil), 5);
    assert_unknown(&script.clone().judged_by(NAME), "1 others were ignored");
    let open = script.invoke(2, operation(READ_BOUNDED, Value::Nil));
    assert_unknown(&open.judged_by(NAME), "2 others were ignored");
    let open = Script::new().invoke(1, operation(WRITE, 1)).info(1);
    assert_unknown(&open.judged_by(NAME), "no operation that the model knows completed");
}

#[test]
fn a_spent_budget_is_unknown_but_other_keys_are_judged() {
    let mut checker = Linearizability::with_budget(KeyValue, 10);
    let many = (2..12)
        .fold(Script::new(), |script, process| {
            script.invoke(process, operation(APPEND, process as i64))
        })
        .does(read(), Value::list([5.into()]));
    let many = (2..12).fold(many, |script, process| script.ok(process, Value::Nil));
    assert!(many.events().iter().all(|event| checker.observe(event).is_ok()));
    let judgement = checker.finish(Instant::MAX);
    assert_unknown(&judgement, "the budget of 10 steps is spent on key 1: 11 operations");
    let late = Script::new().does(read(), 77);
    assert!(late.events().iter().all(|event| checker.observe(event).is_ok()), "it is given up");
    let other = Script::new().invoke(1, Operation::new(READ, 2, Value::Nil)).ok(1, 5);
    assert!(other.events().iter().any(|event| checker.observe(event).is_err()));
}

#[test]
fn more_lines_than_may_wait_for_an_outcome_are_unknown() {
    // The write has no outcome yet, so everything after it waits.
    let mut script = Script::new().invoke(2, operation(WRITE, 2));
    for _ in 1..WAITING_MAX / 2 {
        script = script.does(read(), Value::Nil);
    }
    let full = script.invoke(3, read());
    assert_ok(&full.clone().judged_by(NAME));
    let lines = format!("{} lines wait for an outcome", WAITING_MAX + 1);
    assert_unknown(&full.invoke(4, read()).judged_by(NAME), &lines);
}

/// What is said with a budget of so many configurations for each return.
fn judged_within(budget: usize, script: &Script) -> Judgement {
    let mut checker = Linearizability::with_budget(KeyValue, budget);
    match script.events().iter().try_for_each(|event| checker.observe(event)) {
        Ok(()) => checker.finish(Instant::MAX),
        Err(violation) => Judgement::Violation(violation),
    }
}

#[test]
fn a_sequential_history_costs_nothing() {
    let script = Script::new()
        .invoke(2, operation(WRITE, 5))
        .info(2)
        .does(operation(WRITE, 1), Value::Nil)
        .does(read(), 1)
        .does(cas(1, 2), Value::Nil)
        .does(operation(DELETE, Value::Nil), Value::Nil)
        .does(read(), Value::Nil);
    assert_ok(&judged_within(0, &script));
    let overlapping = script.invoke(3, read()).does(operation(WRITE, 1), 1).ok(3, 1);
    assert_unknown(&judged_within(0, &overlapping), "the budget of 0 steps is spent");
}

#[test]
fn observers_never_multiply_configurations() {
    let open = (2..22).fold(Script::new(), |script, process| script.invoke(process, read()));
    let answered = |script| (2..22).fold(script, |script: Script, process| script.ok(process, 1));
    // The one before the change, and the one after it, in which every read has taken effect.
    let written = answered(open.clone().invoke(1, operation(WRITE, 1))).ok(1, 1);
    assert_ok(&judged_within(2, &written));
    let lost = answered(open.invoke(1, operation(INCREMENT, 1)).info(1));
    assert_ok(&judged_within(2, &lost));
}

#[test]
fn a_lost_operation_is_not_tried_right_before_a_write() {
    let lost = [1, 2].into_iter().fold(Script::new(), |script, by| {
        let process = 10 + by as u64;
        script.invoke(process, operation(INCREMENT, by)).info(process)
    });
    let script = lost.invoke(3, read()).does(operation(WRITE, 9), 9).ok(3, 9);
    // None of the two, each of them, both; and the write after none.
    assert_ok(&judged_within(5, &script));
}

#[test]
fn a_lost_write_is_not_tried_where_it_changes_nothing() {
    let script = Script::new().does(operation(WRITE, 1), 1).invoke(2, operation(WRITE, 1)).info(2);
    let script = script.invoke(3, read()).does(cas(1, 2), 2).ok(3, 2);
    assert_ok(&judged_within(2, &script));
}

#[test]
fn a_thousand_lost_writes_cost_next_to_nothing() {
    let mut checker = Linearizability::with_budget(KeyValue, 50);
    let mut script = Script::new();
    for value in 0..1000 {
        let process = 10 + value as u64;
        script = script
            .invoke(process, operation(WRITE, value))
            .info(process)
            .does(operation(WRITE, -1), -1)
            .does(read(), -1);
    }
    // One write under way all the time keeps the search from its shortest way.
    script = script.invoke(2, operation(WRITE, -2));
    for value in 0..1000 {
        script = script.does(read(), value);
    }
    script = script.ok(2, -2);
    assert!(script.events().iter().all(|event| checker.observe(event).is_ok()));
    let object = &checker.objects[&Value::Int(1)];
    assert!(object.concurrency().ends_with("and 0 outcomes are unknown"), "all were seen");
    let again = Script::new().does(read(), 17);
    assert!(again.events().iter().any(|event| checker.observe(event).is_err()));
}
