//! A recorded history as operations: what each asked, what it was answered, and from when to when it lasted.

use std::collections::BTreeMap;

use crate::checkers::models::{Effect, SequentialSpecification};
use crate::history::{HistoryEvent, Operation, Phase, Value};
use crate::kernel::time::Instant;

/// An operation that took effect, or may have.
#[derive(Clone, Debug)]
pub(in crate::checkers) struct Call {
    /// The line of the history on which it was invoked, from 0.
    pub line: usize,
    pub process: u64,
    pub operation: Operation,
    pub effect: Effect,
    pub at: Instant,
    /// How it was answered; `None` if nobody knows whether it took effect.
    pub answer: Option<Answer>,
}

/// The answer of an operation that took effect.
#[derive(Clone, Debug)]
pub(in crate::checkers) struct Answer {
    /// The line of the history.
    pub line: usize,
    pub at: Instant,
    pub value: Value,
}

/// All operations of a history that the model knows and that can matter, in the order of their invocations.
#[derive(Clone, Debug, Default)]
pub(in crate::checkers) struct Recording {
    pub calls: Vec<Call>,
    /// How many operations the model does not know.
    pub ignored: usize,
}

impl Recording {
    /// Reads a history.
    ///
    /// Operations that failed never happened, and reads of unknown outcome say nothing: both are left out. An operation
    /// without an end has an unknown outcome, also if its process invokes another.
    pub fn of<S: SequentialSpecification + ?Sized>(
        history: &[HistoryEvent],
        specification: &S,
    ) -> Self {
        let mut calls: Vec<(Call, bool)> = Vec::new();
        let mut open: BTreeMap<u64, usize> = BTreeMap::new();
        let mut ignored = 0;
        for (line, event) in history.iter().enumerate() {
            let HistoryEvent { process, at, phase, ref operation, .. } = *event;
            if phase == Phase::Invoke {
                open.remove(&process);
                let Some(effect) = specification.effect(operation) else {
                    ignored += 1;
                    continue;
                };
                open.insert(process, calls.len());
                let operation = operation.clone();
                calls.push((Call { line, process, operation, effect, at, answer: None }, true));
            } else if let Some(call) = open.remove(&process) {
                let (call, happened) = &mut calls[call];
                let value = operation.value.clone();
                call.answer = (phase == Phase::Ok).then_some(Answer { line, at, value });
                *happened = phase != Phase::Fail;
            }
        }
        let matters = |(call, happened): (Call, bool)| {
            let matters = happened && (call.answer.is_some() || call.effect == Effect::Changes);
            matters.then_some(call)
        };
        Self { calls: calls.into_iter().filter_map(matters).collect(), ignored }
    }

    /// How many operations are known to have taken effect.
    pub fn answered(&self) -> usize {
        self.calls.iter().filter(|call| call.answer.is_some()).count()
    }

    /// The operations on each key, in the order of the keys.
    pub fn by_key(self) -> Vec<Vec<Call>> {
        let mut keys: BTreeMap<Value, Vec<Call>> = BTreeMap::new();
        for call in self.calls {
            match keys.get_mut(&call.operation.key) {
                Some(calls) => calls.push(call),
                None => {
                    keys.insert(call.operation.key.clone(), vec![call]);
                }
            }
        }
        keys.into_values().collect()
    }
}

/// The operations as they stood when this line had been written: what ends later has an unknown outcome.
pub(in crate::checkers) fn prefix(calls: &[Call], last: usize) -> Vec<Call> {
    let begun = calls.iter().take_while(|call| call.line <= last).cloned();
    let known = begun.map(|mut call| {
        call.answer = call.answer.filter(|answer| answer.line <= last);
        call
    });
    known.filter(|call| call.answer.is_some() || call.effect == Effect::Changes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::models::Register;
    use crate::checkers::testing::Script;

    fn read() -> Operation {
        Operation::new("read", 1, Value::Nil)
    }

    #[test]
    fn the_answer_to_an_operation_that_the_model_does_not_know_answers_no_other() {
        let script = Script::new().invoke(1, Operation::new("write", 1, 5));
        let script = script.invoke(1, Operation::new("jump", 1, 7)).ok(1, 7);
        let recording = Recording::of(&script.recorded(), &Register);
        assert_eq!((recording.calls.len(), recording.answered(), recording.ignored), (1, 0, 1));
    }

    #[test]
    fn in_a_prefix_what_ends_later_is_unknown_and_reads_of_unknown_outcome_are_left_out() {
        let script = Script::new().invoke(1, Operation::new("write", 1, 5)).invoke(2, read());
        let script = script.invoke(3, read()).ok(3, 5).ok(1, Value::Nil).ok(2, 5);
        let calls = Recording::of(&script.recorded(), &Register).calls;
        let of_prefix = |last: usize| -> Vec<(u64, bool)> {
            let calls = prefix(&calls, last);
            calls.iter().map(|call| (call.process, call.answer.is_some())).collect()
        };
        assert_eq!(of_prefix(0), [(1, false)]);
        assert_eq!(of_prefix(2), [(1, false)]);
        assert_eq!(of_prefix(3), [(1, false), (3, true)]);
        assert_eq!(of_prefix(5), [(1, true), (2, true), (3, true)]);
    }
}
