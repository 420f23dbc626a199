//! **Sequential consistency**: all operations seem to take effect in one order, in which those of each process stand as
//! the process invoked them. Nothing is said about time: everybody may live in the same past.
//!
//! ```text
//! p1   |-- write 1 --|                          legal: read: nil, write 1, read: 1
//! p2                    |-- read: nil --|       (not linearizable: the write had ended when the read began)
//! p2                                       |-- read: 1 --|
//! ```
//!
//! Source: Lamport 1979, *How to Make a Multiprocessor Computer That Correctly Executes Multiprocess Programs*. The
//! claim is about all keys together: unlike linearizability it does not hold for a whole because it holds for each
//! object (Herlihy and Wing 1990, section 3.3). Nor for a prefix in time because it holds for all: a read may return what
//! is only written later.
//!
//! Deciding it is hard in the number of processes (Gibbons and Korach 1997), and without time there is less to go by
//! than for linearizability. So a linearizable history is recognised by that first: it is sequentially consistent too.

use crate::checkers::Violation;
use crate::checkers::linearizability;
use crate::checkers::models::SequentialSpecification;
use crate::checkers::ordering::{Call, Dead, ProgramOrder, Recording, Search};
use crate::checkers::recorded::{Counterexample, Options, Verdict};
use crate::history::HistoryEvent;

/// The name of the checker.
pub const NAME: &str = "sequential-consistency";

/// How many steps the search for the longest legal order of a history without one may take.
const EXPLAIN: u64 = 1 << 16;

/// Judges that there is one legal order of all operations that keeps the order of each process.
///
/// Operations whose outcome is unknown, and those that never end, may take effect at any place after what their process
/// did before, once or never; those that failed did not. The verdict is exact, or unknown when the steps are spent.
pub fn check<S: SequentialSpecification + ?Sized>(
    history: &[HistoryEvent],
    specification: &S,
    options: Options,
) -> Verdict {
    let by_time = Options { steps: options.steps / 4 };
    let verdict = linearizability::check(history, specification, by_time);
    if matches!(verdict, Verdict::Ok | Verdict::Vacuous(_)) {
        return verdict;
    }
    let calls = Recording::of(history, specification).calls;
    let mut search: Search<'_, S, ProgramOrder> = Search::new(specification, &calls);
    match search.run(options.steps - by_time.steps) {
        Some(true) => Verdict::Ok,
        Some(false) => violation(specification, &calls),
        None => Verdict::Unknown(format!(
            "the budget of {} steps is spent on {} operations",
            options.steps,
            calls.len()
        )),
    }
}

fn violation<S: SequentialSpecification + ?Sized>(specification: &S, calls: &[Call]) -> Verdict {
    let mut search: Search<'_, S, ProgramOrder> = Search::new(specification, calls);
    search.explore(EXPLAIN);
    let dead = Dead::new(specification, calls, search.longest());
    let unplaced = dead.unplaced();
    let first = unplaced.first().expect("not everything has a place");
    let answer = first.answer.as_ref().expect("only what was answered needs a place");
    let message = format!(
        "no legal order of all operations keeps the order of each process; {} operations have no place, the first \
         is {} of p{}, answered with {}",
        unplaced.len(),
        first.operation,
        first.process,
        answer.value
    );
    let evidence = dead
        .evidence(|later, earlier| later.process == earlier.process && earlier.line < later.line);
    Verdict::Violation(Counterexample {
        violation: Violation { at: answer.at, message, evidence },
        operations: unplaced.iter().map(|call| call.line).collect(),
        prefix: None,
        order: dead.order(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::models::{Queue, Register};
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};
    use crate::checkers::{CheckerOptions, Judgement};
    use crate::history::{Operation, Value};

    fn write(key: i64, value: i64) -> Operation {
        Operation::new("write", key, value)
    }

    fn read(key: i64) -> Operation {
        Operation::new("read", key, Value::Nil)
    }

    fn does(
        script: Script,
        process: u64,
        operation: Operation,
        answer: impl Into<Value>,
    ) -> Script {
        script.invoke(process, operation).ok(process, answer)
    }

    fn judged(script: &Script) -> Judgement {
        check(&script.recorded(), &Register, Options::default()).into()
    }

    #[test]
    fn everybody_may_live_in_the_same_past() {
        let script = does(Script::new(), 1, write(1, 1), Value::Nil);
        let script = does(script, 2, read(1), Value::Nil);
        let script = does(script, 2, read(1), 1);
        assert_ok(&judged(&script));
        assert_ok(&script.judged(NAME, &CheckerOptions::new(3)));
        assert_violation(&script.judged_by("linearizability"), "answered with nil");
    }

    #[test]
    fn a_read_may_see_what_is_written_only_later() {
        let script = does(Script::new(), 1, read(1), 5);
        assert_violation(
            &judged(&script),
            "1 operations have no place, the first is read k1 of p1",
        );
        assert_ok(&judged(&does(script, 2, write(1, 5), Value::Nil)));
    }

    #[test]
    fn two_readers_who_see_two_writes_in_different_orders_are_a_violation() {
        let script = does(Script::new(), 1, write(1, 1), Value::Nil);
        let script = does(script, 2, write(1, 2), Value::Nil);
        let script = does(does(script, 3, read(1), 1), 3, read(1), 2);
        assert_ok(&judged(&script));
        let script = does(does(script, 4, read(1), 2), 4, read(1), 1);
        assert_violation(&judged(&script), "no legal order of all operations");
        assert_violation(&judged(&script), "its answer would be");
    }

    #[test]
    fn a_process_that_misses_its_own_write_is_a_violation() {
        let script = does(Script::new(), 1, write(1, 1), Value::Nil);
        assert_violation(&judged(&does(script, 1, read(1), Value::Nil)), "no place for");
    }

    #[test]
    fn keys_are_judged_together() {
        // Each key alone is sequentially consistent (Dekker's entry protocol, in which both may not enter).
        let script = does(Script::new(), 1, write(1, 1), Value::Nil);
        let script = does(script, 2, write(2, 1), Value::Nil);
        let one = does(script, 1, read(2), Value::Nil);
        assert_ok(&judged(&one));
        assert_violation(&judged(&does(one, 2, read(1), Value::Nil)), "its answer would be 1");
    }

    #[test]
    fn a_lost_operation_comes_after_what_its_process_did_before() {
        let script = does(Script::new(), 1, read(1), Value::Nil);
        let lost = script.invoke(1, write(1, 7)).info(1);
        let seen = does(lost.clone(), 2, read(1), 7);
        assert_ok(&judged(&does(seen.clone(), 3, read(1), Value::Nil)));
        assert_violation(&judged(&does(seen, 2, read(1), Value::Nil)), "no place");
        let before = does(Script::new(), 1, read(1), 7).invoke(1, write(1, 7)).info(1);
        assert_violation(&judged(&before), "no place");
    }

    #[test]
    fn of_two_writes_that_are_equal_either_may_come_first() {
        // The second process writes 1 first, although the first was the first to invoke it.
        let script = does(Script::new(), 1, write(1, 1), Value::Nil);
        let script = does(does(script, 2, write(1, 1), Value::Nil), 2, write(1, 2), Value::Nil);
        let script =
            [1, 2, 1].into_iter().fold(script, |script, value| does(script, 3, read(1), value));
        assert_ok(&judged(&script));
        assert_violation(&judged(&does(script, 3, read(1), 2)), "no place for");
    }

    #[test]
    fn a_queue_that_gives_an_element_twice_is_a_violation() {
        let put = Operation::new("enqueue", 1, 5);
        let get = || Operation::new("dequeue", 1, Value::Nil);
        let script = does(does(Script::new(), 1, get(), 5), 2, put, Value::Nil);
        let judged = |script: &Script| check(&script.recorded(), &Queue, Options::default()).into();
        assert_ok(&judged(&script));
        assert_violation(&judged(&does(script, 3, get(), 5)), "no legal order");
    }

    #[test]
    fn nothing_to_judge_and_a_spent_budget_are_not_ok() {
        assert_unknown(&judged(&Script::new().invoke(1, read(1)).info(1)), "no operation");
        let script = (0..8).fold(Script::new(), |script, process| {
            does(does(script, process, write(1, process as i64), Value::Nil), process, read(1), -1)
        });
        let script = does(script, 9, write(1, -1), Value::Nil);
        let few = check(&script.recorded(), &Register, Options { steps: 8 });
        assert_unknown(&few.into(), "the budget of 8 steps is spent on 17 operations");
    }

    #[test]
    fn what_has_no_place_for_itself_is_told_from_what_comes_after_it() {
        let script = does(does(Script::new(), 1, read(1), 7), 1, write(1, 1), Value::Nil);
        let judgement = judged(&does(script, 2, write(1, 8), Value::Nil));
        assert_violation(&judgement, "p1 read k1: ok 7: its answer would be 8");
        assert_violation(&judgement, "p1 write k1 1: ok nil: it comes after p1 read k1");
        assert_violation(&judgement, "2 operations have no place, the first is read k1 of p1");
    }
}
