//! A lock that numbers its holders, so that what it protects can turn away a holder of the past (Kleppmann 2016, *How
//! to do distributed locking*).

use crate::checkers::models::{Effect, Need, SequentialSpecification, elements};
use crate::history::{Operation, Value};

const ACQUIRE: &str = "acquire";
const RELEASE: &str = "release";

/// A lock with `acquire`, which is answered with a token, and `release`, which names it; free at first. The state is the
/// list of the token that holds the lock, or `nil`, and of the greatest token so far.
///
/// Tokens may skip numbers. An acquisition of unknown outcome counts as one with the next number, which forbids the
/// least: nobody was told its token, so nobody can release it by that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FencedLock;

fn state(holder: Value, last: i64) -> Value {
    Value::list([holder, Value::Int(last)])
}

/// The token that holds the lock, and the greatest so far.
fn parts(state: &Value) -> Option<(&Value, i64)> {
    match elements(state) {
        [holder, Value::Int(last)] => Some((holder, *last)),
        _ => None,
    }
}

impl SequentialSpecification for FencedLock {
    type State = Value;

    fn initial(&self) -> Value {
        state(Value::Nil, 0)
    }

    fn effect(&self, operation: &Operation) -> Option<Effect> {
        match &*operation.function {
            ACQUIRE | RELEASE => Some(Effect::Changes),
            _ => None,
        }
    }

    fn step(&self, from: &Value, operation: &Operation) -> Option<(Value, Value)> {
        let (holder, last) = parts(from)?;
        let is_free = *holder == Value::Nil;
        let named = &operation.value;
        match &*operation.function {
            ACQUIRE if is_free => {
                let token = last.checked_add(1)?;
                Some((state(Value::Int(token), token), Value::Int(token)))
            }
            RELEASE if !is_free && (named == holder || *named == Value::Nil) => {
                Some((state(Value::Nil, last), Value::Nil))
            }
            _ => None,
        }
    }

    fn answered(&self, from: &Value, operation: &Operation, answer: &Value) -> Option<Value> {
        let (next, _) = self.step(from, operation)?;
        if operation.function == RELEASE {
            return Some(next);
        }
        let (_, last) = parts(from)?;
        let token = answer.as_int().filter(|token| *token > last)?;
        Some(state(Value::Int(token), token))
    }

    fn need(&self, operation: &Operation, _answer: Option<&Value>) -> Need<Value> {
        match (&*operation.function, &operation.value) {
            // Whoever holds the lock has the greatest token so far.
            (RELEASE, Value::Int(token)) => Need::Exactly(state(Value::Int(*token), *token)),
            _ => Need::Something,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_grow_and_may_skip_numbers() {
        let acquire = Operation::new("acquire", 1, Value::Nil);
        let free = state(Value::Nil, 3);
        let answered = |from: &Value, answer: Value| FencedLock.answered(from, &acquire, &answer);
        assert_eq!(answered(&free, 4.into()), Some(state(4.into(), 4)));
        assert_eq!(answered(&free, 9.into()), Some(state(9.into(), 9)));
        assert_eq!(answered(&free, 3.into()), None);
        assert_eq!(answered(&free, Value::Nil), None, "an answer without a token");
        assert_eq!(answered(&state(3.into(), 3), 4.into()), None, "it is held");
    }

    #[test]
    fn a_token_of_the_past_releases_nothing() {
        let after = |token: Value| {
            FencedLock.step(&state(5.into(), 5), &Operation::new("release", 1, token))
        };
        assert_eq!(after(5.into()), Some((state(Value::Nil, 5), Value::Nil)));
        assert_eq!(after(Value::Nil), Some((state(Value::Nil, 5), Value::Nil)));
        assert_eq!(after(4.into()), None);
    }
}
