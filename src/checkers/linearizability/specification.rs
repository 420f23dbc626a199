//! What an object does when operations come one at a time: the meaning of *correct*.

use std::fmt;

use crate::history::{Operation, Value, functions};

/// Whether an operation can change an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It never changes the state.
    Observes,
    /// It may.
    Changes,
}

/// What an operation with a known result, or with any, asks of the state that it meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need<T> {
    /// Nothing: it takes effect in every state, and both the result and the state after it are always the
    /// same.
    Nothing,
    /// This state; the state after it is always the same.
    Exactly(T),
    /// It depends.
    Something,
}

/// A sequential object.
pub trait SequentialSpecification: fmt::Debug {
    /// The state of one object.
    type State: Clone + Ord + fmt::Debug + fmt::Display;

    /// The state of an object that nobody has touched.
    fn initial(&self) -> Self::State;

    /// What the operation can do to an object; `None` if this model says nothing about it.
    fn effect(&self, operation: &Operation) -> Option<Effect>;

    /// The state after the operation, as it was invoked, has taken effect, and its result; `None` if it
    /// cannot take effect in this state, so that it would fail. A result that says nothing is `Nil`.
    fn step(&self, state: &Self::State, operation: &Operation) -> Option<(Self::State, Value)>;

    /// Whether an operation that should return `result` may be answered with `returned`.
    fn agrees(&self, operation: &Operation, result: &Value, returned: &Value) -> bool;

    /// What the operation needs if it returned this, or whatever it may return if that is not known. It
    /// must agree with `step` and `agrees`; to say `Something` is always right, and slow.
    fn need(&self, operation: &Operation, returned: Option<&Value>) -> Need<Self::State> {
        let _ = (operation, returned);
        Need::Something
    }
}

/// A value under a key, with the functions of [`functions`]. A key that was never written, or was deleted,
/// is `Nil`.
///
/// Bounded and session reads are not linearizable by design, and not judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyValue;

impl KeyValue {
    /// The two values of a compare-and-set.
    fn from_to(operation: &Operation) -> Option<(&Value, &Value)> {
        match &operation.value {
            Value::List(values) => match &**values {
                [from, to] => Some((from, to)),
                _ => None,
            },
            _ => None,
        }
    }
}

impl SequentialSpecification for KeyValue {
    type State = Value;

    fn initial(&self) -> Value {
        Value::Nil
    }

    fn effect(&self, operation: &Operation) -> Option<Effect> {
        match &*operation.function {
            functions::READ => Some(Effect::Observes),
            functions::WRITE
            | functions::CAS
            | functions::DELETE
            | functions::INCREMENT
            | functions::APPEND => Some(Effect::Changes),
            _ => None,
        }
    }

    fn step(&self, state: &Value, operation: &Operation) -> Option<(Value, Value)> {
        let argument = &operation.value;
        match &*operation.function {
            functions::READ => Some((state.clone(), state.clone())),
            functions::WRITE => Some((argument.clone(), Value::Nil)),
            functions::DELETE => Some((Value::Nil, Value::Nil)),
            functions::CAS => {
                let (from, to) = Self::from_to(operation)?;
                (from == state).then(|| (to.clone(), Value::Nil))
            }
            functions::INCREMENT => {
                let number = match state {
                    Value::Nil => 0,
                    other => other.as_int()?,
                };
                let sum = Value::Int(number.checked_add(argument.as_int()?)?);
                Some((sum.clone(), sum))
            }
            functions::APPEND => {
                let list = match state {
                    Value::Nil => Value::list([argument.clone()]),
                    Value::List(values) => {
                        Value::list(values.iter().cloned().chain([argument.clone()]))
                    }
                    _ => return None,
                };
                Some((list.clone(), list))
            }
            _ => None,
        }
    }

    fn agrees(&self, operation: &Operation, result: &Value, returned: &Value) -> bool {
        match (&*operation.function, returned) {
            (functions::READ, _)
            | (functions::INCREMENT, Value::Int(_))
            | (functions::APPEND, Value::List(_)) => result == returned,
            // The others are answered with nothing, or with their argument again.
            _ => true,
        }
    }

    fn need(&self, operation: &Operation, returned: Option<&Value>) -> Need<Value> {
        match (&*operation.function, returned) {
            (functions::READ, Some(returned)) => Need::Exactly(returned.clone()),
            (functions::WRITE | functions::DELETE, _) => Need::Nothing,
            (functions::CAS, _) => Self::from_to(operation)
                .map_or(Need::Something, |(from, _)| Need::Exactly(from.clone())),
            _ => Need::Something,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(
        state: impl Into<Value>,
        function: &'static str,
        value: Value,
    ) -> Option<(Value, Value)> {
        KeyValue.step(&state.into(), &Operation::new(function, 1, value))
    }

    #[test]
    fn a_register_does_what_it_is_told() {
        let pair = |from: i64, to: i64| Value::list([Value::Int(from), Value::Int(to)]);
        assert_eq!(step(5, "read", Value::Nil), Some((5.into(), 5.into())));
        assert_eq!(step(5, "write", 7.into()), Some((7.into(), Value::Nil)));
        assert_eq!(step(5, "delete", Value::Nil), Some((Value::Nil, Value::Nil)));
        assert_eq!(step(5, "cas", pair(5, 7)), Some((7.into(), Value::Nil)));
        assert_eq!(step(5, "cas", pair(6, 7)), None);
        assert_eq!(step(5, "cas", 6.into()), None);
        assert_eq!(step(5, "increment", 2.into()), Some((7.into(), 7.into())));
        assert_eq!(step(Value::Nil, "increment", 2.into()), Some((2.into(), 2.into())));
        assert_eq!(step("five", "increment", 2.into()), None);
        let one = Value::list([Value::Int(1)]);
        assert_eq!(step(Value::Nil, "append", 1.into()), Some((one.clone(), one.clone())));
        assert_eq!(step(one, "append", 2.into()).map(|(state, _)| state), Some(pair(1, 2)));
        assert_eq!(step(5, "append", 1.into()), None);
        assert_eq!(step(5, "jump", Value::Nil), None);
    }

    #[test]
    fn only_results_that_say_something_are_compared() {
        let agrees = |function, returned: Value| {
            KeyValue.agrees(&Operation::new(function, 1, 1), &Value::Int(5), &returned)
        };
        assert!(agrees("read", 5.into()) && !agrees("read", 6.into()));
        assert!(!agrees("read", Value::Nil), "nil is a value that a read can return");
        assert!(agrees("increment", 5.into()) && !agrees("increment", 6.into()));
        assert!(agrees("increment", Value::Nil) && agrees("append", Value::Nil));
        assert!(!agrees("append", Value::list([])));
        assert!(agrees("write", 6.into()) && agrees("cas", 6.into()) && agrees("delete", 6.into()));
    }

    #[test]
    fn reads_that_are_not_linearizable_are_not_judged() {
        for function in ["read-bounded", "read-session", "open-session", "reconfigure"] {
            assert_eq!(KeyValue.effect(&Operation::new(function, 1, 1)), None);
        }
    }
}
