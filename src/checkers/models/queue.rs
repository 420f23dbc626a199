//! A queue, first in, first out.

use crate::checkers::models::{Effect, Need, SequentialSpecification, elements};
use crate::history::{Operation, Value};

const ENQUEUE: &str = "enqueue";
const DEQUEUE: &str = "dequeue";

/// A queue with `enqueue` and `dequeue`; empty at first. To dequeue from an empty queue is answered with `nil` or
/// fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue;

impl SequentialSpecification for Queue {
    type State = Value;

    fn initial(&self) -> Value {
        Value::list([])
    }

    fn effect(&self, operation: &Operation) -> Option<Effect> {
        match &*operation.function {
            ENQUEUE | DEQUEUE => Some(Effect::Changes),
            _ => None,
        }
    }

    fn step(&self, state: &Value, operation: &Operation) -> Option<(Value, Value)> {
        let waiting = elements(state);
        match (&*operation.function, waiting) {
            (ENQUEUE, _) => {
                let longer = waiting.iter().chain([&operation.value]).cloned();
                Some((Value::list(longer), Value::Nil))
            }
            (DEQUEUE, [first, rest @ ..]) => {
                Some((Value::list(rest.iter().cloned()), first.clone()))
            }
            (DEQUEUE, []) => Some((state.clone(), Value::Nil)),
            _ => None,
        }
    }

    fn answered(&self, state: &Value, operation: &Operation, answer: &Value) -> Option<Value> {
        let (next, expected) = self.step(state, operation)?;
        (operation.function == ENQUEUE || expected == *answer).then_some(next)
    }

    fn need(&self, operation: &Operation, answer: Option<&Value>) -> Need<Value> {
        let _ = (operation, answer);
        Need::Something
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_in_is_the_first_out() {
        let (enqueue, dequeue) =
            (Operation::new("enqueue", 1, 3), Operation::new("dequeue", 1, Value::Nil));
        let pair = Value::list([1.into(), 3.into()]);
        let one = Value::list([1.into()]);
        assert_eq!(Queue.step(&one, &enqueue), Some((pair.clone(), Value::Nil)));
        assert_eq!(Queue.step(&pair, &dequeue), Some((Value::list([3.into()]), 1.into())));
        assert_eq!(Queue.answered(&pair, &dequeue, &3.into()), None);
        assert_eq!(Queue.answered(&Value::list([]), &dequeue, &Value::Nil), Some(Value::list([])));
        assert_eq!(Queue.answered(&one, &dequeue, &Value::Nil), None);
    }
}
