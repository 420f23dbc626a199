//! The judgement of a whole recorded history: each key is searched for a legal order, and a key without one is told from
//! the line on which it went wrong.

use crate::checkers::Violation;
use crate::checkers::models::SequentialSpecification;
use crate::checkers::ordering::{Call, Dead, RealTime, Recording, Search, describe, prefix};
use crate::checkers::recorded::{Counterexample, Options, Verdict};
use crate::history::{HistoryEvent, Value};

/// How many steps each key gets in the first round. Each round gives four times as many as the one before, so that a key
/// that is wrong is found soon, wherever it stands, and no key that is hard holds the others up.
const FIRST_ROUND: u64 = 1 << 12;
/// How many steps the search for the longest legal order of a history without one may take.
const EXPLAIN: u64 = 1 << 12;

/// Judges that each object of a recorded history behaves like a sequential one: see
/// [`linearizability`](crate::checkers::linearizability) for what that means.
///
/// The history is in the order of time. Operations whose outcome is unknown, and those that never end, may take effect
/// at any time after their invocation, once or never; those that failed did not. The verdict is exact, or unknown when
/// the steps are spent.
///
/// ```
/// # use elara::checkers::linearizability;
/// # use elara::checkers::models::Register;
/// # use elara::checkers::recorded::{Options, Verdict};
/// let verdict = linearizability::check(&[], &Register, Options::default());
/// assert!(matches!(verdict, Verdict::Vacuous(_)));
/// ```
pub fn check<S: SequentialSpecification + ?Sized>(
    history: &[HistoryEvent],
    specification: &S,
    options: Options,
) -> Verdict {
    judge(Recording::of(history, specification), specification, options)
}

/// Judges operations; their lines are their times.
pub(in crate::checkers) fn judge<S: SequentialSpecification + ?Sized>(
    recording: Recording,
    specification: &S,
    options: Options,
) -> Verdict {
    if recording.answered() == 0 {
        return Verdict::Vacuous(format!(
            "no operation that the model knows completed; {} others were ignored",
            recording.ignored
        ));
    }
    let keys = recording.by_key();
    let searches = keys.iter().map(|calls| (calls, Search::new(specification, calls)));
    let mut open: Vec<(&Vec<Call>, Search<'_, S, RealTime>)> = searches.collect();
    let mut left = options.steps;
    let mut round = FIRST_ROUND;
    while !open.is_empty() {
        let mut undecided = Vec::new();
        for (calls, mut search) in open {
            let before = search.steps;
            let verdict = search.run(round.min(left));
            left = left.saturating_sub(search.steps - before);
            match verdict {
                Some(true) => {}
                Some(false) => return violation(specification, calls, search.steps),
                None => undecided.push((calls, search)),
            }
        }
        open = undecided;
        if let (0, Some((calls, _))) = (left, open.first()) {
            return spent(options, open.len(), calls);
        }
        round *= 4;
    }
    Verdict::Ok
}

fn spent(options: Options, keys: usize, calls: &[Call]) -> Verdict {
    let key = &calls[0].operation.key;
    Verdict::Unknown(format!(
        "the budget of {} steps is spent, and {keys} keys are not decided; the first is key {key} with {} operations",
        options.steps,
        calls.len()
    ))
}

/// Tells why operations on one key have no legal order; it took this many steps to find out.
fn violation<S: SequentialSpecification + ?Sized>(
    specification: &S,
    calls: &[Call],
    steps: u64,
) -> Verdict {
    let last = shortest_prefix(specification, calls, steps.saturating_mul(2).max(EXPLAIN));
    let calls = prefix(calls, last);
    let mut search: Search<'_, S, RealTime> = Search::new(specification, &calls);
    search.explore(EXPLAIN);
    let dead = Dead::new(specification, &calls, search.longest());
    let ended =
        calls.iter().find(|call| call.answer.as_ref().is_some_and(|answer| answer.line == last));
    let ended = ended.expect("the prefix ends with an answer");
    let Call { process, operation, answer, .. } = ended;
    let answer = answer.as_ref().expect("it was just found by it");
    let of_key = match &operation.key {
        Value::Nil => String::new(),
        key => format!(" on key {key}"),
    };
    let message = format!(
        "{operation} of p{process} is answered with {}, and no legal order of the operations{of_key} explains it",
        answer.value
    );
    let violation = Violation {
        at: answer.at,
        message,
        evidence: std::iter::once(format!("the history is in order until {}", describe(ended)))
            .chain(dead.evidence(|later, earlier| ends_before(earlier, later)))
            .collect(),
    };
    Verdict::Violation(Counterexample {
        violation,
        operations: dead.unplaced().iter().map(|call| call.line).collect(),
        prefix: Some(last),
        order: dead.order(),
    })
}

fn ends_before(earlier: &Call, later: &Call) -> bool {
    earlier.answer.as_ref().is_some_and(|answer| answer.line < later.line)
}

/// The last line of the shortest prefix without a legal order. A prefix of a linearizable history is linearizable, so it
/// is found by bisection. A prefix that is too hard to judge counts as linearizable: then a longer one is told.
fn shortest_prefix<S: SequentialSpecification + ?Sized>(
    specification: &S,
    calls: &[Call],
    steps: u64,
) -> usize {
    let answers = calls.iter().filter_map(|call| call.answer.as_ref());
    let mut lines: Vec<usize> = answers.map(|answer| answer.line).collect();
    lines.sort_unstable();
    let fails = |last: usize| {
        let mut search: Search<'_, S, RealTime> = Search::new(specification, &prefix(calls, last));
        search.run(steps) == Some(false)
    };
    let shortest = lines[..lines.len() - 1].partition_point(|&last| !fails(last));
    lines[shortest]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::models::{Counter, KeyValue, Register};
    use crate::checkers::testing::{
        Script, assert_ok, assert_unknown, assert_violation, does, read, write,
    };
    use crate::history::Operation;

    fn found<S: SequentialSpecification>(script: &Script, specification: &S) -> Counterexample {
        let verdict = check(&script.recorded(), specification, Options::default());
        let Verdict::Violation(found) = verdict else { panic!("not {verdict:?}") };
        found
    }

    #[test]
    fn a_violation_is_told_up_to_the_answer_that_proves_it() {
        let script = does(does(Script::new(), write(1), Value::Nil), read(), 7);
        let found = found(&does(script, read(), 1), &Register);
        assert_eq!(
            found.violation.message,
            "read k1 of p1 is answered with 7, and no legal order of the operations on key 1 explains it"
        );
        assert_eq!(
            found.violation.evidence,
            [
                "the history is in order until 0.002000s to 0.003000s p1 read k1: ok 7",
                "the longest legal order has a place for 1 of 2 answered operations:",
                "0.000000s to 0.001000s p1 write k1 1: ok nil",
                "after it, the state of k1 is 1",
                "no place for 0.002000s to 0.003000s p1 read k1: ok 7: its answer would be 1",
            ]
        );
        let Counterexample { violation, operations, prefix, order } = found;
        assert_eq!((operations, prefix, order), (vec![2], Some(3), vec![0]));
        assert_eq!(violation.at.as_nanos(), 3_000_000);
    }

    #[test]
    fn the_shortest_prefix_is_told_even_if_what_comes_later_is_wrong_at_first_sight() {
        let script = does(does(Script::new(), write(1), Value::Nil), write(2), Value::Nil);
        let script = does(does(script, read(), 1), read(), 9);
        assert_eq!(found(&script, &Register).prefix, Some(5));
        // What began first ends last.
        let script = does(Script::new().invoke(2, write(1)), read(), 7);
        let script = does(script, read(), Value::Nil).ok(2, Value::Nil);
        assert_eq!(found(&script, &Register).prefix, Some(2));
    }

    #[test]
    fn what_has_no_place_for_itself_is_told_from_what_comes_after_it() {
        // As long as nobody knows what the increment returned, it explains both reads.
        let script = Script::new().invoke(2, Operation::new("increment", 1, 1));
        let script = does(does(script, read(), 1), read(), 1);
        assert_ok(&check(&script.recorded(), &KeyValue, Options::default()).into());
        let found = found(&script.ok(2, 7), &KeyValue);
        assert_eq!((found.operations, found.order), (vec![0, 1, 3], vec![]));
        assert_eq!(
            found.violation.evidence[3..],
            [
                "no place for 0.000000s to 0.005000s p2 increment k1 1: ok 7: its answer would be 1",
                "no place for 0.001000s to 0.002000s p1 read k1: ok 1: its answer would be nil",
                "no place for 0.003000s to 0.004000s p1 read k1: ok 1: it comes after p1 read k1",
            ]
        );
    }

    #[test]
    fn what_the_model_does_not_know_is_counted() {
        let script = does(Script::new(), Operation::new("jump", 1, 1), 1).invoke(2, write(1));
        let verdict = check(&script.recorded(), &Register, Options::default());
        assert_unknown(&verdict.into(), "completed; 1 others were ignored");
    }

    /// Additions that overlap, and then a wrong read: each sum of some of them is looked at.
    fn additions(script: Script, key: i64, additions: u64) -> Script {
        let add = |script: Script, process: u64| {
            script.invoke(process, Operation::new("add", key, 1 << process))
        };
        let script = (0..additions).fold(script, add);
        let script = (0..additions).fold(script, |script, process| script.ok(process, Value::Nil));
        does(script, Operation::new("read", key, Value::Nil), -1)
    }

    fn judged_within(steps: u64, script: &Script) -> crate::checkers::Judgement {
        check(&script.recorded(), &Counter, Options { steps }).into()
    }

    #[test]
    fn the_budget_is_for_all_keys_and_rounds_together() {
        // Each of the sums is continued by each addition that is not in it: 1 + 12 * 4096 / 2 steps.
        let hard = additions(Script::new(), 1, 12);
        assert_violation(&judged_within(24_577, &hard), "answered with -1");
        let spent = "the budget of 24576 steps is spent, and 1 keys are not decided";
        assert_unknown(&judged_within(24_576, &hard), spent);
        let both = additions(hard.clone(), 2, 12);
        let spent = "2 keys are not decided; the first is key 1 with 13 operations";
        assert_unknown(&judged_within(24_577, &both), spent);
        assert_unknown(&judged_within(10, &additions(Script::new(), 1, 4)), "the budget of 10");
    }

    #[test]
    fn a_hard_key_does_not_hide_that_another_is_wrong() {
        let script = additions(additions(Script::new(), 1, 12), 2, 4);
        assert_violation(&judged_within(5_000, &script), "read k2 of p1 is answered with -1");
    }
}
