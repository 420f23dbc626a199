//! A set of values.

use crate::checkers::models::{Effect, Need, SequentialSpecification, elements};
use crate::history::{Operation, Value, functions};

const ADD: &str = "add";
const REMOVE: &str = "remove";

/// A set with `add`, `remove` and `read`; empty at first. The state is the list of its elements in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Set;

/// The list of these elements in order. An element that is named twice stays there twice: no set looks like that.
fn sorted(list: &Value) -> Option<Value> {
    let Value::List(values) = list else { return None };
    let mut values = values.to_vec();
    values.sort();
    Some(Value::list(values))
}

impl SequentialSpecification for Set {
    type State = Value;

    fn initial(&self) -> Value {
        Value::list([])
    }

    fn effect(&self, operation: &Operation) -> Option<Effect> {
        match &*operation.function {
            functions::READ => Some(Effect::Observes),
            ADD | REMOVE => Some(Effect::Changes),
            _ => None,
        }
    }

    fn step(&self, state: &Value, operation: &Operation) -> Option<(Value, Value)> {
        let (members, element) = (elements(state), &operation.value);
        let next = match (&*operation.function, members.binary_search(element)) {
            (functions::READ, _) => return Some((state.clone(), state.clone())),
            (ADD, Err(place)) => {
                let (front, back) = members.split_at(place);
                Value::list(front.iter().chain([element]).chain(back).cloned())
            }
            (REMOVE, Ok(place)) => {
                Value::list(members[..place].iter().chain(&members[place + 1..]).cloned())
            }
            (ADD, Ok(_)) | (REMOVE, Err(_)) => state.clone(),
            _ => return None,
        };
        Some((next, Value::Nil))
    }

    fn answered(&self, state: &Value, operation: &Operation, answer: &Value) -> Option<Value> {
        let (next, expected) = self.step(state, operation)?;
        (operation.function != functions::READ || Some(expected) == sorted(answer)).then_some(next)
    }

    fn need(&self, operation: &Operation, answer: Option<&Value>) -> Need<Value> {
        match (&*operation.function, answer.and_then(sorted)) {
            (functions::READ, Some(answer)) => Need::Exactly(answer),
            _ => Need::Something,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: &[i64]) -> Value {
        Value::list(values.iter().copied().map(Value::Int))
    }

    #[test]
    fn elements_come_and_go_once() {
        let after = |state: &[i64], function, value: i64| {
            Set.step(&list(state), &Operation::new(function, 1, value)).map(|(next, _)| next)
        };
        assert_eq!(after(&[1, 3], "add", 2), Some(list(&[1, 2, 3])));
        assert_eq!(after(&[1, 3], "add", 3), Some(list(&[1, 3])));
        assert_eq!(after(&[1, 3], "remove", 1), Some(list(&[3])));
        assert_eq!(after(&[1, 3], "remove", 2), Some(list(&[1, 3])));
    }

    #[test]
    fn a_read_lists_the_elements_in_any_order_but_each_once() {
        let read = Operation::new("read", 1, Value::Nil);
        let answered = |answer: &Value| Set.answered(&list(&[1, 3]), &read, answer).is_some();
        assert!(answered(&list(&[3, 1])));
        assert!(!answered(&list(&[3, 1, 1])) && !answered(&list(&[1])) && !answered(&Value::Nil));
    }

    #[test]
    fn a_read_needs_the_elements_that_it_lists() {
        let need =
            |function, answer: &Value| Set.need(&Operation::new(function, 1, 3), Some(answer));
        assert_eq!(need("read", &list(&[3, 1])), Need::Exactly(list(&[1, 3])));
        assert_eq!(need("read", &Value::Nil), Need::Something);
        assert_eq!(need("add", &list(&[3])), Need::Something);
    }
}
