//! A number that is added to.

use crate::checkers::models::{Effect, Need, SequentialSpecification};
use crate::history::{Operation, Value, functions};

const ADD: &str = "add";

/// A counter with `read`, `add` and `increment`; 0 at first. A sum beyond 64 bits is an addition that fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter;

impl SequentialSpecification for Counter {
    type State = Value;

    fn initial(&self) -> Value {
        Value::Int(0)
    }

    fn effect(&self, operation: &Operation) -> Option<Effect> {
        match &*operation.function {
            functions::READ => Some(Effect::Observes),
            ADD | functions::INCREMENT => Some(Effect::Changes),
            _ => None,
        }
    }

    fn step(&self, state: &Value, operation: &Operation) -> Option<(Value, Value)> {
        let sum = |by: i64| Some(Value::Int(state.as_int()?.checked_add(by)?));
        match (&*operation.function, &operation.value) {
            (functions::READ, _) => Some((state.clone(), state.clone())),
            (ADD, Value::Int(by)) => sum(*by).map(|sum| (sum, Value::Nil)),
            (functions::INCREMENT, Value::Nil) => sum(1).map(|sum| (sum.clone(), sum)),
            (functions::INCREMENT, Value::Int(by)) => sum(*by).map(|sum| (sum.clone(), sum)),
            _ => None,
        }
    }

    fn answered(&self, state: &Value, operation: &Operation, answer: &Value) -> Option<Value> {
        let (next, expected) = self.step(state, operation)?;
        let says_nothing = match &*operation.function {
            ADD => true,
            functions::INCREMENT => *answer == Value::Nil,
            _ => false,
        };
        (says_nothing || expected == *answer).then_some(next)
    }

    fn need(&self, operation: &Operation, answer: Option<&Value>) -> Need<Value> {
        match (&*operation.function, answer) {
            (functions::READ, Some(answer)) => Need::Exactly(answer.clone()),
            (functions::INCREMENT, Some(Value::Int(sum))) => {
                let by =
                    if operation.value == Value::Nil { Some(1) } else { operation.value.as_int() };
                let before = by.and_then(|by| sum.checked_sub(by));
                before.map_or(Need::Something, |before| Need::Exactly(Value::Int(before)))
            }
            _ => Need::Something,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_increments_tell_the_sum() {
        let (add, increment) =
            (Operation::new("add", 1, -2), Operation::new("increment", 1, Value::Nil));
        assert_eq!(Counter.step(&5.into(), &add), Some((3.into(), Value::Nil)));
        assert_eq!(Counter.answered(&5.into(), &add, &(-2).into()), Some(3.into()));
        assert_eq!(Counter.step(&5.into(), &increment), Some((6.into(), 6.into())));
        assert_eq!(Counter.answered(&5.into(), &increment, &7.into()), None);
        assert_eq!(Counter.answered(&5.into(), &increment, &Value::Nil), Some(6.into()));
        assert_eq!(Counter.need(&increment, Some(&6.into())), Need::Exactly(5.into()));
        assert_eq!(Counter.step(&i64::MAX.into(), &increment), None);
    }

    #[test]
    fn the_answer_tells_the_number_that_a_read_and_an_increment_met() {
        let (read, increment) =
            (Operation::new("read", 1, Value::Nil), Operation::new("increment", 1, 2));
        assert_eq!(Counter.step(&5.into(), &read), Some((5.into(), 5.into())));
        assert_eq!(Counter.answered(&5.into(), &read, &Value::Nil), None);
        assert_eq!(Counter.need(&read, Some(&5.into())), Need::Exactly(5.into()));
        assert_eq!(Counter.step(&5.into(), &increment), Some((7.into(), 7.into())));
        assert_eq!(Counter.need(&increment, Some(&7.into())), Need::Exactly(5.into()));
        assert_eq!(Counter.need(&increment, Some(&Value::Nil)), Need::Something);
        assert_eq!(Counter.need(&increment, Some(&i64::MIN.into())), Need::Something);
    }
}
