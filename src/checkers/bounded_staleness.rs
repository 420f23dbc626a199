//! **Bounded staleness**: a read returns a value that was current at some moment from the bound before its invocation on.
//!
//! ```text
//! p1   |- write 1 -|    |- write 2 -|
//! p2                                  <---- bound ----|- read: 1 -|     fine: 1 was current within the bound
//! ```
//!
//! A read that may be old by the bound is a read that began earlier by the bound: it takes effect at some moment between
//! the two. So the claim is linearizability of the history with all such reads begun earlier, and it is judged by the
//! same exact search. A bound of nothing is linearizability itself.
//!
//! Source: Terry 2013, *Replicated Data Consistency Explained Through Baseball*; the stricter reading of Torres-Rojas,
//! Ahamad and Raynal 1999, *Timed Consistency for Shared Distributed Objects*: the order of writes is that of real time.

use std::time::Duration;

use crate::checkers::linearizability::judge;
use crate::checkers::models::{Effect, KeyValue, Need, SequentialSpecification};
use crate::checkers::ordering::{Call, Recording};
use crate::checkers::recorded::{Options, Recorded, Verdict};
use crate::history::{HistoryEvent, Operation, Value, functions};
use crate::kernel::time::nanos;

/// The name of the checker.
pub const NAME: &str = "bounded-staleness";

/// Judges that everything is linearizable except that what only observes may be old by the bound.
///
/// Times are those of the events, which are in the order of time.
pub fn check<S: SequentialSpecification + ?Sized>(
    history: &[HistoryEvent],
    specification: &S,
    bound: Duration,
    options: Options,
) -> Verdict {
    let recording = Recording::of(history, specification);
    let observes = |call: &Call| call.effect == Effect::Observes;
    relaxed(recording, specification, (bound, observes), options)
}

/// The checker of elara's own runs: there, `read-bounded` may be old, and `read` may not.
#[must_use]
pub fn checker(bound: Duration) -> Recorded {
    Recorded::new(NAME, move |history| {
        let recording = Recording::of(history, &BoundedReads);
        let is_bounded = |call: &Call| call.operation.function == functions::READ_BOUNDED;
        let bounded = recording.calls.iter().filter(|call| is_bounded(call)).count();
        if bounded == 0 {
            return Verdict::Vacuous("no bounded read was answered".to_owned());
        }
        relaxed(recording, &BoundedReads, (bound, is_bounded), Options::default())
    })
}

/// Judges operations of which some may take effect earlier by the bound.
fn relaxed<S: SequentialSpecification + ?Sized>(
    mut recording: Recording,
    specification: &S,
    (bound, may_be_old): (Duration, impl Fn(&Call) -> bool),
    options: Options,
) -> Verdict {
    let origins = relax(&mut recording.calls, bound, may_be_old);
    let mut verdict = judge(recording, specification, options);
    if let Verdict::Violation(found) = &mut verdict {
        let lines = found.operations.iter_mut().chain(&mut found.order).chain(&mut found.prefix);
        lines.for_each(|line| *line = origins[*line]);
        let message = &mut found.violation.message;
        *message = format!("{message}, although a read may be {bound:?} old");
    }
    verdict
}

/// Begins each call that may be old earlier by the bound, and numbers all lines anew. Returns the old number of each.
fn relax(calls: &mut [Call], bound: Duration, may_be_old: impl Fn(&Call) -> bool) -> Vec<usize> {
    // Time, then what was begun earlier, then the line; the call; whether it is its end.
    let mut lines = Vec::new();
    for (number, call) in calls.iter().enumerate() {
        let begun = call.at.as_nanos();
        lines.push(if may_be_old(call) {
            ((begun.saturating_sub(nanos(bound)), false, call.line), number, false)
        } else {
            ((begun, true, call.line), number, false)
        });
        if let Some(answer) = &call.answer {
            lines.push(((answer.at.as_nanos(), true, answer.line), number, true));
        }
    }
    lines.sort_unstable();
    for (line, &(_, number, is_end)) in lines.iter().enumerate() {
        match &mut calls[number].answer {
            Some(answer) if is_end => answer.line = line,
            _ => calls[number].line = line,
        }
    }
    calls.sort_by_key(|call| call.line);
    lines.into_iter().map(|((_, _, line), _, _)| line).collect()
}

/// [`KeyValue`] in which a bounded read is a read.
#[derive(Clone, Copy, Debug)]
struct BoundedReads;

fn as_read(operation: &Operation) -> Operation {
    if operation.function == functions::READ_BOUNDED {
        return Operation { function: functions::READ.into(), ..operation.clone() };
    }
    operation.clone()
}

impl SequentialSpecification for BoundedReads {
    type State = Value;

    fn initial(&self) -> Value {
        KeyValue.initial()
    }

    fn effect(&self, operation: &Operation) -> Option<Effect> {
        KeyValue.effect(&as_read(operation))
    }

    fn step(&self, state: &Value, operation: &Operation) -> Option<(Value, Value)> {
        KeyValue.step(state, &as_read(operation))
    }

    fn answered(&self, state: &Value, operation: &Operation, answer: &Value) -> Option<Value> {
        KeyValue.answered(state, &as_read(operation), answer)
    }

    fn need(&self, operation: &Operation, answer: Option<&Value>) -> Need<Value> {
        KeyValue.need(&as_read(operation), answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::models::Register;
    use crate::checkers::testing::{
        Script, assert_ok, assert_unknown, assert_violation, does, read, write,
    };
    use crate::checkers::{CheckerOptions, Judgement};

    fn judged(script: &Script, bound: u64) -> Judgement {
        let bound = Duration::from_millis(bound);
        check(&script.recorded(), &Register, bound, Options::default()).into()
    }

    #[test]
    fn an_old_value_may_be_read_as_long_as_the_bound_allows() {
        // The second write ends at 11 ms, the read begins at 20 ms: 1 was current until 11 ms at most.
        let script = does(Script::new(), write(1), Value::Nil);
        let script = does(script.at(10), write(2), Value::Nil);
        let script = does(script.at(20), read(), 1);
        assert_ok(&judged(&script, 9));
        assert_violation(&judged(&script, 8), "is answered with 1, and no legal order");
        assert_violation(&judged(&script, 8), "although a read may be 8ms old");
        assert_violation(&judged(&script, 8), "its answer would be 2");
    }

    #[test]
    fn no_bound_is_linearizability() {
        let script = does(does(Script::new(), write(1), Value::Nil), read(), 1);
        assert_ok(&judged(&script, 0));
        assert_violation(&judged(&does(script, read(), Value::Nil), 0), "answered with nil");
    }

    #[test]
    fn a_value_that_was_never_written_or_comes_later_is_too_new_for_any_bound() {
        let script = does(does(Script::new(), write(1), Value::Nil), read(), 7);
        assert_violation(&judged(&script, 1_000), "answered with 7");
        assert_violation(&judged(&does(script, write(7), Value::Nil), 1_000), "answered with 7");
    }

    #[test]
    fn what_changes_the_object_may_not_be_old() {
        let cas = Operation::new("cas", 1, Value::list([1.into(), 3.into()]));
        let script = does(does(Script::new(), write(1), Value::Nil), write(2), Value::Nil);
        let history = does(script, cas, Value::Nil).recorded();
        let verdict = check(&history, &KeyValue, Duration::from_secs(1), Options::default());
        let Verdict::Violation(found) = verdict else { panic!("not {verdict:?}") };
        assert_eq!((found.operations, found.prefix), (vec![4], Some(5)));
    }

    #[test]
    fn in_a_run_only_bounded_reads_may_be_old() {
        let old = |function: &'static str| {
            let script = does(does(Script::new(), write(1), Value::Nil), write(2), Value::Nil);
            let script = does(script, Operation::new(function, 1, Value::Nil), 1);
            script.judged(NAME, &CheckerOptions::new(3))
        };
        assert_ok(&old("read-bounded"));
        assert_unknown(&old("read"), "no bounded read was answered");
    }

    #[test]
    fn what_a_bounded_read_should_have_returned_is_told() {
        let script = does(Script::new(), write(1), Value::Nil);
        let read = Operation::new("read-bounded", 1, Value::Nil);
        let script = does(script.at(10_000), read, 7);
        let judgement = script.judged(NAME, &CheckerOptions::new(3));
        assert_violation(&judgement, "its answer would be 1");
    }

    #[test]
    fn a_violation_names_the_lines_of_the_history_as_it_was_recorded() {
        // Begun earlier by the bound, the read of the line 4 comes before everything else.
        let script = does(does(Script::new(), write(1), Value::Nil), write(2), Value::Nil);
        let history = does(script, read(), 7).recorded();
        let bound = Duration::from_secs(1);
        let verdict = check(&history, &Register, bound, Options::default());
        let Verdict::Violation(found) = verdict else { panic!("not {verdict:?}") };
        assert_eq!(found.operations, [4]);
    }
}
