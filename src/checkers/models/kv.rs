//! A text under a key, as in the key-value stores of the field's courses and of porcupine's test data.

use crate::checkers::models::{Effect, Need, SequentialSpecification};
use crate::history::{Operation, Value};

const GET: &str = "get";
const PUT: &str = "put";
const APPEND: &str = "append";

/// A text with `get`, `put` and `append`; empty until it is written, and `nil` is the empty text. A number is its
/// decimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kv;

/// The value as a text; `None` for a list.
fn text(value: &Value) -> Option<Value> {
    match value {
        Value::Nil => Some(Value::from("")),
        Value::Int(number) => Some(Value::from(number.to_string().as_str())),
        Value::Text(_) => Some(value.clone()),
        Value::List(_) => None,
    }
}

impl SequentialSpecification for Kv {
    type State = Value;

    fn initial(&self) -> Value {
        Value::from("")
    }

    fn effect(&self, operation: &Operation) -> Option<Effect> {
        match &*operation.function {
            GET => Some(Effect::Observes),
            PUT | APPEND => Some(Effect::Changes),
            _ => None,
        }
    }

    fn step(&self, state: &Value, operation: &Operation) -> Option<(Value, Value)> {
        match &*operation.function {
            GET => Some((state.clone(), state.clone())),
            PUT => Some((text(&operation.value)?, Value::Nil)),
            APPEND => match (state, text(&operation.value)?) {
                (Value::Text(front), Value::Text(back)) => {
                    Some((Value::Text([&**front, &*back].concat().into()), Value::Nil))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn answered(&self, state: &Value, operation: &Operation, answer: &Value) -> Option<Value> {
        let (next, expected) = self.step(state, operation)?;
        (operation.function != GET || Some(expected) == text(answer)).then_some(next)
    }

    fn need(&self, operation: &Operation, answer: Option<&Value>) -> Need<Value> {
        match (&*operation.function, answer.and_then(text)) {
            (GET, Some(answer)) => Need::Exactly(answer),
            (PUT, _) if text(&operation.value).is_some() => Need::Nothing,
            _ => Need::Something,
        }
    }

    fn may_lead(&self, state: &Value, goal: &Value) -> bool {
        match (state, goal) {
            (Value::Text(state), Value::Text(goal)) => goal.starts_with(&**state),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(state: &str, function: &'static str, value: impl Into<Value>) -> Option<Value> {
        let operation = Operation::new(function, 1, value);
        Kv.step(&state.into(), &operation).map(|(next, _)| next)
    }

    #[test]
    fn a_text_is_replaced_and_appended_to() {
        assert_eq!(after("", "append", "x"), Some("x".into()));
        assert_eq!(after("x", "append", 12), Some("x12".into()));
        assert_eq!(after("x", "put", "y"), Some("y".into()));
        assert_eq!(after("x", "put", Value::list([])), None);
        assert!(Kv.may_lead(&"x".into(), &"xy".into()) && !Kv.may_lead(&"y".into(), &"xy".into()));
    }

    #[test]
    fn nil_is_the_empty_text() {
        let get = Operation::new("get", 1, Value::Nil);
        assert_eq!(Kv.answered(&"".into(), &get, &Value::Nil), Some("".into()));
        assert_eq!(Kv.answered(&"x".into(), &get, &Value::Nil), None);
        assert_eq!(Kv.need(&get, Some(&Value::Nil)), Need::Exactly("".into()));
    }

    #[test]
    fn only_what_is_no_text_can_not_be_put() {
        let need = |value: Value| Kv.need(&Operation::new("put", 1, value), None);
        assert_eq!((need("x".into()), need(Value::Nil)), (Need::Nothing, Need::Nothing));
        assert_eq!(need(Value::list([])), Need::Something);
    }
}
