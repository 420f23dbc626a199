//! A lock.

use crate::checkers::models::{Effect, Need, SequentialSpecification};
use crate::history::{Operation, Value};

const ACQUIRE: &str = "acquire";
const RELEASE: &str = "release";

/// A lock with `acquire` and `release`; free at first. The state is `nil` or the list of the one owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mutex;

impl SequentialSpecification for Mutex {
    type State = Value;

    fn initial(&self) -> Value {
        Value::Nil
    }

    fn effect(&self, operation: &Operation) -> Option<Effect> {
        match &*operation.function {
            ACQUIRE | RELEASE => Some(Effect::Changes),
            _ => None,
        }
    }

    fn step(&self, state: &Value, operation: &Operation) -> Option<(Value, Value)> {
        let owner = Value::list([operation.value.clone()]);
        let next = match &*operation.function {
            ACQUIRE => (*state == Value::Nil).then_some(owner),
            RELEASE if operation.value == Value::Nil => {
                (*state != Value::Nil).then_some(Value::Nil)
            }
            RELEASE => (*state == owner).then_some(Value::Nil),
            _ => None,
        };
        next.map(|next| (next, Value::Nil))
    }

    fn answered(&self, state: &Value, operation: &Operation, _answer: &Value) -> Option<Value> {
        self.step(state, operation).map(|(next, _)| next)
    }

    fn need(&self, operation: &Operation, _answer: Option<&Value>) -> Need<Value> {
        match &*operation.function {
            ACQUIRE => Need::Exactly(Value::Nil),
            RELEASE if operation.value != Value::Nil => {
                Need::Exactly(Value::list([operation.value.clone()]))
            }
            _ => Need::Something,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_owner_releases_a_lock_that_has_one() {
        let after = |state: &Value, function, owner: Value| {
            Mutex.step(state, &Operation::new(function, 1, owner)).map(|(next, _)| next)
        };
        let held = Value::list([7.into()]);
        assert_eq!(after(&Value::Nil, "acquire", 7.into()), Some(held.clone()));
        assert_eq!(after(&held, "acquire", 7.into()), None);
        assert_eq!(after(&held, "release", 7.into()), Some(Value::Nil));
        assert_eq!(after(&held, "release", 8.into()), None);
        assert_eq!(after(&held, "release", Value::Nil), Some(Value::Nil));
        assert_eq!(after(&Value::Nil, "release", Value::Nil), None);
    }

    #[test]
    fn the_answer_says_nothing_and_the_lock_must_be_free_or_that_of_its_owner() {
        let (acquire, release) = (Operation::new("acquire", 1, 7), Operation::new("release", 1, 7));
        let held = Value::list([7.into()]);
        assert_eq!(Mutex.answered(&Value::Nil, &acquire, &"ok".into()), Some(held.clone()));
        assert_eq!(Mutex.answered(&held, &acquire, &"ok".into()), None);
        assert_eq!(Mutex.need(&acquire, None), Need::Exactly(Value::Nil));
        assert_eq!(Mutex.need(&release, None), Need::Exactly(held));
        let by_anyone = Operation::new("release", 1, Value::Nil);
        assert_eq!(Mutex.need(&by_anyone, None), Need::Something);
    }
}
