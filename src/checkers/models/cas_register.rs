//! A register that can be set on condition.

use crate::checkers::models::{Effect, Need, Register, SequentialSpecification, from_to};
use crate::history::{Operation, Value, functions};

/// A [`Register`] with `cas`, which has the value `[from, to]` and fails unless the register holds `from`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CasRegister;

impl SequentialSpecification for CasRegister {
    type State = Value;

    fn initial(&self) -> Value {
        Register.initial()
    }

    fn effect(&self, operation: &Operation) -> Option<Effect> {
        match &*operation.function {
            functions::CAS => Some(Effect::Changes),
            _ => Register.effect(operation),
        }
    }

    fn step(&self, state: &Value, operation: &Operation) -> Option<(Value, Value)> {
        if operation.function != functions::CAS {
            return Register.step(state, operation);
        }
        let (from, to) = from_to(operation)?;
        (from == state).then(|| (to.clone(), Value::Nil))
    }

    fn answered(&self, state: &Value, operation: &Operation, answer: &Value) -> Option<Value> {
        if operation.function != functions::CAS {
            return Register.answered(state, operation, answer);
        }
        self.step(state, operation).map(|(next, _)| next)
    }

    fn need(&self, operation: &Operation, answer: Option<&Value>) -> Need<Value> {
        if operation.function != functions::CAS {
            return Register.need(operation, answer);
        }
        from_to(operation).map_or(Need::Something, |(from, _)| Need::Exactly(from.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compare_and_set_needs_the_value_that_it_names() {
        let cas = Operation::new("cas", 1, Value::list([5.into(), 7.into()]));
        assert_eq!(CasRegister.step(&5.into(), &cas), Some((7.into(), Value::Nil)));
        assert_eq!(CasRegister.step(&6.into(), &cas), None);
        assert_eq!(CasRegister.answered(&5.into(), &cas, &cas.value), Some(7.into()));
        assert_eq!(CasRegister.need(&cas, None), Need::Exactly(5.into()));
        let malformed = Operation::new("cas", 1, 5);
        assert_eq!(CasRegister.step(&5.into(), &malformed), None);
    }

    #[test]
    fn everything_else_is_that_of_a_register() {
        let (read, write) = (Operation::new("read", 1, Value::Nil), Operation::new("write", 1, 7));
        assert_eq!(CasRegister.step(&5.into(), &write), Some((7.into(), Value::Nil)));
        assert_eq!(CasRegister.answered(&5.into(), &read, &6.into()), None);
        assert_eq!(CasRegister.need(&read, Some(&5.into())), Need::Exactly(5.into()));
        assert_eq!(CasRegister.need(&write, None), Need::Nothing);
    }
}
