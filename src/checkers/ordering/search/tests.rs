//! How the search cuts what need not be tried, and what it has found when it ends.

use std::ops::Range;

use super::*;
use crate::checkers::models::{Counter, KeyValue, Kv, Register, Set};
use crate::checkers::ordering::{ProgramOrder, RealTime, Recording};
use crate::checkers::testing::{Script, does, read, write};
use crate::history::{Operation, Value};

/// Operations of the processes from 10 on that overlap, and end in this order.
fn overlapping(script: Script, operations: &[(Operation, Value)]) -> Script {
    let script = (10..).zip(operations).fold(script, |script, (process, (operation, _))| {
        script.invoke(process, operation.clone())
    });
    (10..)
        .zip(operations)
        .fold(script, |script, (process, (_, answer))| script.ok(process, answer.clone()))
}

fn writes(values: Range<i64>) -> Vec<(Operation, Value)> {
    values.map(|value| (write(value), Value::Nil)).collect()
}

fn search<'a, S: SequentialSpecification, F: Frontier>(
    specification: &'a S,
    script: &Script,
) -> Search<'a, S, F> {
    Search::new(specification, &Recording::of(&script.recorded(), specification).calls)
}

/// Whether there is a legal order, and how many configurations were looked at to find out.
fn found<S: SequentialSpecification>(specification: &S, script: &Script) -> (bool, u64) {
    let mut search: Search<'_, S, RealTime> = search(specification, script);
    let verdict = search.run(1_000).expect("a thousand steps are enough");
    (verdict, search.steps)
}

/// The longest legal order, as the places of the operations.
fn longest<S: SequentialSpecification>(specification: &S, script: &Script) -> Vec<usize> {
    let mut search: Search<'_, S, RealTime> = search(specification, script);
    search.explore(1_000);
    search.longest()
}

#[test]
fn a_search_goes_as_many_steps_as_it_is_told_and_then_on() {
    let script = does(does(Script::new(), write(1), Value::Nil), write(2), Value::Nil);
    let mut search: Search<'_, Register, RealTime> = search(&Register, &script);
    assert_eq!((search.run(0), search.steps), (None, 1));
    assert_eq!((search.run(1), search.steps), (None, 2));
    assert_eq!((search.run(1), search.steps), (Some(true), 3));
}

#[test]
fn observers_take_no_steps() {
    let mut operations = vec![(read(), Value::Int(1)); 10];
    operations.push((write(1), Value::Nil));
    assert_eq!(found(&Register, &overlapping(Script::new(), &operations)), (true, 2));
}

#[test]
fn an_answer_that_nothing_brings_about_takes_no_steps() {
    let script = overlapping(Script::new(), &writes(1..5));
    assert_eq!(found(&Register, &does(script, read(), 7)), (false, 0));
}

#[test]
fn a_state_that_is_still_needed_is_not_left_for_good() {
    let script = overlapping(does(Script::new(), write(1), Value::Nil), &writes(2..10));
    // The first write; and each of the eight others is turned away.
    assert_eq!(found(&Register, &does(script, read(), 1)), (false, 1 + 1 + 8));
}

#[test]
fn a_lost_write_that_was_used_brings_nothing_about_any_more() {
    let script = does(Script::new().invoke(2, write(1)), read(), 1);
    let script = overlapping(script, &writes(2..10));
    assert_eq!(found(&Register, &does(script, read(), 1)), (false, 1 + 1 + 8));
}

#[test]
fn nor_is_a_state_left_that_a_lost_write_set() {
    // Only the lost write explains the compare-and-set, which leaves what the read needs.
    let script = Script::new().invoke(2, write(1));
    let cas = Operation::new("cas", 1, Value::list([1.into(), 2.into()]));
    let script = overlapping(does(script, cas, Value::Nil), &writes(3..10));
    assert_eq!(found(&KeyValue, &does(script, read(), 1)), (false, 1 + 1));
}

#[test]
fn a_text_that_begins_wrong_is_not_continued() {
    let text = |function, value: &str| Operation::new(function, 1, value);
    let get = || Operation::new("get", 1, Value::Nil);
    let appends = ["1", "2", "3", "4"].map(|value| (text("append", value), Value::Nil));
    let script = does(Script::new(), text("put", "a"), Value::Nil);
    let after = does(overlapping(script.clone(), &appends), get(), "a4321");
    let during = overlapping(script.invoke(1, get()), &appends).ok(1, "a4321");
    // The text is put; of four appends the last is right, then of three, and so on.
    for script in [after, during] {
        assert_eq!(found(&Kv, &script), (true, 1 + 1 + 4 + 3 + 2 + 1));
    }
}

#[test]
fn no_configuration_is_entered_twice() {
    let add = |by: i64| (Operation::new("add", 1, by), Value::Nil);
    let script = overlapping(Script::new(), &[1, 2, 4, 8].map(add));
    // Each of the 16 sums is continued once, by each addition that is not in it.
    assert_eq!(found(&Counter, &does(script, read(), 99)), (false, 1 + 4 * 16 / 2));
}

#[test]
fn the_first_of_the_longest_orders_is_told_even_if_a_state_is_lost() {
    let script = overlapping(Script::new(), &writes(1..3));
    assert_eq!(longest(&Register, &does(script, read(), 9)), [0, 1]);
    let put = Operation::new("put", 1, "a");
    let script = does(Script::new(), put, Value::Nil);
    let script = does(script, Operation::new("append", 1, "b"), Value::Nil);
    let script = does(script, Operation::new("get", 1, Value::Nil), "z");
    assert_eq!(longest(&Kv, &script), [0, 1]);
}

#[test]
fn an_order_that_only_lost_operations_without_effect_could_continue_is_told() {
    let add = Operation::new("add", 1, 1);
    let script = Script::new().invoke(2, add.clone()).invoke(3, add.clone());
    let script = does(does(script, add, Value::Nil), read(), Value::list([5.into()]));
    // One of the lost additions was tried after the one that was answered.
    assert_eq!(longest(&Set, &script), [2, 0]);
}

/// Tries each of these moves and all that can follow, and compares what was before with what is left after.
fn try_all(search: &mut Search<'_, KeyValue, ProgramOrder>, moves: Range<usize>) {
    for place in moves {
        let before = (search.cells.clone(), search.used.clone(), search.frontier.left());
        let (trail, known) = (search.trail.len(), search.moves.len());
        if search.apply(search.moves[place]) && !search.enter(trail) {
            try_all(search, known..search.moves.len());
        }
        search.moves.truncate(known);
        search.take_back(trail);
        let after = (search.cells.clone(), search.used.clone(), search.frontier.left());
        assert_eq!(after, before);
    }
}

#[test]
fn what_is_tried_is_taken_back_in_full() {
    // The read of key 1 comes after the write of key 2, and needs the lost increment.
    let script = Script::new().invoke(2, Operation::new("increment", 1, 1));
    let script = does(script, Operation::new("write", 2, 5), Value::Nil);
    let script = overlapping(does(script, read(), 1), &writes(8..10));
    let mut search = search(&KeyValue, &script);
    assert!(!search.enter(0));
    let moves = search.moves.len();
    assert!(moves > 2);
    try_all(&mut search, 0..moves);
}
