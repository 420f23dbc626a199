//! A lock that numbers its holders, so that what it protects can turn away a holder of the past (Kleppmann 2016, *How
//! to do distributed locking*).

use crate::checkers::models::{Effect, SequentialSpecification, elements};
use crate::history::{Operation, Value};

const ACQUIRE: &str = "acquire";
const RELEASE: &str = "release";

/// A lock with `acquire`, which is answered with a token, and `release`, which may name it; free at first. The state is
/// the list of the token that holds the lock, or `nil`, and of the greatest token that is known.
///
/// Tokens may skip numbers. So nobody knows which token an acquisition of unknown outcome was given: it holds the lock as
/// `"unknown"`, which stands for any token greater than those known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FencedLock;

fn state(holder: Value, last: i64) -> Value {
    Value::list([holder, Value::Int(last)])
}

/// The holder whose token nobody was told.
fn unknown() -> Value {
    Value::from("unknown")
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
        let next = last.checked_add(1)?;
        let after = match (&*operation.function, holder, &operation.value) {
            (ACQUIRE, Value::Nil, _) => return Some((state(unknown(), last), Value::Int(next))),
            (RELEASE, Value::Int(_), Value::Nil) => state(Value::Nil, last),
            (RELEASE, Value::Int(token), Value::Int(named)) if token == named => {
                state(Value::Nil, last)
            }
            // It was at least the next one.
            (RELEASE, Value::Text(_), Value::Nil) => state(Value::Nil, next),
            (RELEASE, Value::Text(_), Value::Int(named)) if *named > last => {
                state(Value::Nil, *named)
            }
            _ => return None,
        };
        Some((after, Value::Nil))
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

    #[test]
    fn an_unknown_token_is_any_that_is_greater() {
        let acquire = Operation::new("acquire", 1, Value::Nil);
        let (held, _) = FencedLock.step(&state(Value::Nil, 5), &acquire).expect("it is free");
        let after = |token: Value| {
            let release = Operation::new("release", 1, token);
            FencedLock.step(&held, &release).map(|(next, _)| next)
        };
        assert_eq!(after(9.into()), Some(state(Value::Nil, 9)));
        assert_eq!(after(5.into()), None);
        assert_eq!(after(Value::Nil), Some(state(Value::Nil, 6)));
        assert_eq!(FencedLock.step(&held, &acquire), None, "it is held");
    }
}
