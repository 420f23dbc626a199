//! A value under a key, as elara's own systems serve it.

use crate::checkers::models::{Effect, Need, SequentialSpecification, from_to};
use crate::history::{Operation, Value, functions};

/// A value under a key, with the functions of [`functions`]. A key that was never written, or was deleted,
/// is `Nil`.
///
/// Bounded and session reads are not linearizable by design, and not judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyValue;

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
                let (from, to) = from_to(operation)?;
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

    fn answered(&self, state: &Value, operation: &Operation, answer: &Value) -> Option<Value> {
        let (next, expected) = self.step(state, operation)?;
        let agrees = match (&*operation.function, answer) {
            (functions::READ, _)
            | (functions::INCREMENT, Value::Int(_))
            | (functions::APPEND, Value::List(_)) => expected == *answer,
            // The others are answered with nothing, or with their argument again.
            _ => true,
        };
        agrees.then_some(next)
    }

    fn need(&self, operation: &Operation, answer: Option<&Value>) -> Need<Value> {
        match (&*operation.function, answer) {
            (functions::READ, Some(answer)) => Need::Exactly(answer.clone()),
            (functions::WRITE | functions::DELETE, _) => Need::Nothing,
            (functions::CAS, _) => {
                from_to(operation).map_or(Need::Something, |(from, _)| Need::Exactly(from.clone()))
            }
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
    fn only_answers_that_say_something_are_compared() {
        let answered = |function, state: Value, answer: Value| {
            KeyValue.answered(&state, &Operation::new(function, 1, 1), &answer).is_some()
        };
        assert!(answered("read", 5.into(), 5.into()) && !answered("read", 5.into(), 6.into()));
        assert!(!answered("read", 5.into(), Value::Nil), "nil is a value that a read can return");
        assert!(answered("increment", 4.into(), 5.into()));
        assert!(!answered("increment", 5.into(), 5.into()));
        assert!(answered("increment", 5.into(), Value::Nil));
        assert!(answered("append", Value::Nil, Value::Nil));
        assert!(!answered("append", Value::Nil, Value::list([])));
        assert!(answered("write", 5.into(), 6.into()) && answered("delete", 5.into(), 6.into()));
    }

    #[test]
    fn reads_that_are_not_linearizable_are_not_judged() {
        for function in ["read-bounded", "read-session", "open-session", "reconfigure"] {
            assert_eq!(KeyValue.effect(&Operation::new(function, 1, 1)), None);
        }
    }

    #[test]
    fn a_read_needs_its_answer_a_compare_and_set_its_value_and_a_write_nothing() {
        let need = |function, value: Value, answer: Option<Value>| {
            KeyValue.need(&Operation::new(function, 1, value), answer.as_ref())
        };
        assert_eq!(need("read", Value::Nil, Some(5.into())), Need::Exactly(5.into()));
        let pair = Value::list([5.into(), 7.into()]);
        assert_eq!(need("cas", pair, None), Need::Exactly(5.into()));
        assert_eq!(need("cas", 5.into(), None), Need::Something);
        assert_eq!(need("write", 5.into(), None), Need::Nothing);
        assert_eq!(need("delete", Value::Nil, Some(Value::Nil)), Need::Nothing);
        assert_eq!(need("increment", 5.into(), Some(5.into())), Need::Something);
    }
}
