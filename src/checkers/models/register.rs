//! A register: the value that was written last.

use crate::checkers::models::{Effect, Need, SequentialSpecification};
use crate::history::{Operation, Value, functions};

/// A register with `read` and `write`; `Nil` until it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Register;

impl SequentialSpecification for Register {
    type State = Value;

    fn initial(&self) -> Value {
        Value::Nil
    }

    fn effect(&self, operation: &Operation) -> Option<Effect> {
        match &*operation.function {
            functions::READ => Some(Effect::Observes),
            functions::WRITE => Some(Effect::Changes),
            _ => None,
        }
    }

    fn step(&self, state: &Value, operation: &Operation) -> Option<(Value, Value)> {
        match &*operation.function {
            functions::READ => Some((state.clone(), state.clone())),
            functions::WRITE => Some((operation.value.clone(), Value::Nil)),
            _ => None,
        }
    }

    fn answered(&self, state: &Value, operation: &Operation, answer: &Value) -> Option<Value> {
        let (next, expected) = self.step(state, operation)?;
        (operation.function != functions::READ || expected == *answer).then_some(next)
    }

    fn need(&self, operation: &Operation, answer: Option<&Value>) -> Need<Value> {
        match (&*operation.function, answer) {
            (functions::READ, Some(answer)) => Need::Exactly(answer.clone()),
            (functions::WRITE, _) => Need::Nothing,
            _ => Need::Something,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_holds_what_was_written_last() {
        let (read, write) = (Operation::new("read", 1, Value::Nil), Operation::new("write", 1, 7));
        assert_eq!(Register.step(&Value::Nil, &write), Some((7.into(), Value::Nil)));
        assert_eq!(Register.step(&7.into(), &read), Some((7.into(), 7.into())));
        assert_eq!(Register.answered(&7.into(), &read, &7.into()), Some(7.into()));
        assert_eq!(Register.answered(&7.into(), &read, &Value::Nil), None, "nil is a value");
        assert_eq!(Register.answered(&5.into(), &write, &9.into()), Some(7.into()));
    }

    #[test]
    fn a_read_needs_its_answer_and_a_write_nothing() {
        let (read, write) = (Operation::new("read", 1, Value::Nil), Operation::new("write", 1, 7));
        assert_eq!(Register.need(&read, Some(&5.into())), Need::Exactly(5.into()));
        assert_eq!(Register.need(&read, None), Need::Something);
        assert_eq!(Register.need(&write, None), Need::Nothing);
    }
}
