//! Sequential specifications: what an object does when operations come one at a time. They are the meaning of
//! *correct* for every checker that looks for an order of the operations of a history.
//!
//! A model of one's own is three functions: the [initial](SequentialSpecification::initial) state, what is
//! [known](SequentialSpecification::effect) about an operation, and one [step](SequentialSpecification::step). The other
//! functions have defaults that are right for every object whose answers are determined by its state.
//!
//! A model that can say what an operation [needs](SequentialSpecification::need) makes the search faster by orders of
//! magnitude, above all with many operations of unknown outcome; to say nothing is never wrong.

mod cas_register;
mod counter;
mod fenced_lock;
mod key_value;
mod kv;
mod mutex;
mod queue;
mod register;
mod set;

pub use cas_register::CasRegister;
pub use counter::Counter;
pub use fenced_lock::FencedLock;
pub use key_value::KeyValue;
pub use kv::Kv;
pub use mutex::Mutex;
pub use queue::Queue;
pub use register::Register;
pub use set::Set;

use std::fmt;
use std::hash::Hash;

use crate::history::{Operation, Value};

/// Whether an operation can change an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It never changes the state.
    Observes,
    /// It may.
    Changes,
}

/// What an operation with a known answer, or with any, asks of the state that it meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need<T> {
    /// Nothing: it takes effect in every state, and both the answer and the state after it are always the same.
    Nothing,
    /// This state; the state after it is always the same.
    Exactly(T),
    /// It depends.
    Something,
}

/// A sequential object. Operations on different keys are operations on different objects.
pub trait SequentialSpecification: fmt::Debug {
    /// The state of one object.
    type State: Clone + Ord + Hash + fmt::Debug + fmt::Display;

    /// The state of an object that nobody has touched.
    fn initial(&self) -> Self::State;

    /// What the operation can do to an object; `None` if this model says nothing about it.
    fn effect(&self, operation: &Operation) -> Option<Effect>;

    /// The state after the operation, as it was invoked, has taken effect, and its answer; `None` if it cannot take
    /// effect in this state, so that it would fail. An answer that says nothing is `Nil`.
    ///
    /// If several answers are possible, the answer is one of them, and the state the one that forbids the least of what
    /// may follow: it stands for an operation of unknown outcome.
    fn step(&self, state: &Self::State, operation: &Operation) -> Option<(Self::State, Value)>;

    /// The state after the operation has taken effect and was answered like this; `None` if this model never gives that
    /// answer in this state.
    fn answered(
        &self,
        state: &Self::State,
        operation: &Operation,
        answer: &Value,
    ) -> Option<Self::State> {
        let (next, expected) = self.step(state, operation)?;
        (expected == *answer).then_some(next)
    }

    /// What the operation needs if it was answered like this, or whatever the answer may be if it is not known. It must
    /// agree with [`step`](Self::step) and [`answered`](Self::answered); to say `Something` is always right, and slow.
    fn need(&self, operation: &Operation, answer: Option<&Value>) -> Need<Self::State> {
        let _ = (operation, answer);
        Need::Something
    }

    /// Whether an object in this state may come into the other one by operations that need
    /// [`Something`](Need::Something) alone. To say yes is always right.
    fn may_lead(&self, state: &Self::State, goal: &Self::State) -> bool {
        let _ = (state, goal);
        true
    }
}

/// One of the models that histories are judged by.
#[derive(Clone, Copy, Debug)]
pub struct ModelEntry {
    /// Its name, in kebab-case.
    pub name: &'static str,
    /// What the object is, in one sentence.
    pub about: &'static str,
    /// Its functions, each with the value that it is invoked with and the one that it is answered with.
    pub functions: &'static [(&'static str, &'static str)],
    /// The sequential object.
    pub specification: &'static dyn SequentialSpecification<State = Value>,
}

/// All models that recorded histories can be judged by, in reading order.
///
/// With several independent objects each operation names its key. An answer that only repeats the question, or says
/// `nil`, is not compared with anything, except for functions that read.
pub const MODELS: &[ModelEntry] = &[
    ModelEntry {
        name: "register",
        about: "A value that is read and written; nil until it is written.",
        functions: &[("read", "nil; answered with the value"), ("write", "the value")],
        specification: &Register,
    },
    ModelEntry {
        name: "cas-register",
        about: "A register that can be set on condition.",
        functions: &[
            ("read", "nil; answered with the value"),
            ("write", "the value"),
            ("cas", "[from, to]; fails if the value is not `from`"),
        ],
        specification: &CasRegister,
    },
    ModelEntry {
        name: "kv",
        about: "A text that is read, replaced and appended to; empty until it is written.",
        functions: &[
            ("get", "nil; answered with the text, or nil if it is empty"),
            ("put", "the text"),
            ("append", "the text to append"),
        ],
        specification: &Kv,
    },
    ModelEntry {
        name: "key-value",
        about: "A value as elara's own systems keep it: read, written, counted and appended to; nil until it is written.",
        functions: &[
            ("read", "nil; answered with the value"),
            ("write", "the value"),
            ("cas", "[from, to]; fails if the value is not `from`"),
            ("delete", "nil"),
            ("increment", "what to add; answered with the new number, or nil"),
            ("append", "the element; answered with the new list, or nil"),
        ],
        specification: &KeyValue,
    },
    ModelEntry {
        name: "counter",
        about: "A number that is added to and read; 0 at first.",
        functions: &[
            ("read", "nil; answered with the number"),
            ("add", "what to add, possibly negative; the answer says nothing"),
            ("increment", "what to add, nil for 1; answered with the new number, or nil"),
        ],
        specification: &Counter,
    },
    ModelEntry {
        name: "set",
        about: "A set of values; empty at first.",
        functions: &[
            ("add", "the element"),
            ("remove", "the element, which need not be there"),
            ("read", "nil; answered with the list of elements, in any order"),
        ],
        specification: &Set,
    },
    ModelEntry {
        name: "queue",
        about: "A queue, first in, first out; empty at first.",
        functions: &[
            ("enqueue", "the element"),
            ("dequeue", "nil; answered with the element, or nil if the queue is empty"),
        ],
        specification: &Queue,
    },
    ModelEntry {
        name: "mutex",
        about: "A lock that is held by at most one owner; free at first.",
        functions: &[
            ("acquire", "the owner, or nil if owners are not told apart"),
            ("release", "the owner that must hold it, or nil for whoever does"),
        ],
        specification: &Mutex,
    },
    ModelEntry {
        name: "fenced-lock",
        about: "A lock that numbers its holders with growing fencing tokens; free at first.",
        functions: &[
            ("acquire", "anything; answered with the token, greater than all before it and than 0"),
            ("release", "the token that must hold it, or nil for whichever does"),
        ],
        specification: &FencedLock,
    },
];

/// The model of this name.
#[must_use]
pub fn model(name: &str) -> Option<&'static ModelEntry> {
    MODELS.iter().find(|entry| entry.name == name)
}

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

/// The elements of a list; a value that is no list has none.
fn elements(value: &Value) -> &[Value] {
    match value {
        Value::List(values) => values,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_listed_once_and_knows_the_functions_that_it_lists() {
        for (place, entry) in MODELS.iter().enumerate() {
            assert!(MODELS[..place].iter().all(|other| other.name != entry.name), "{}", entry.name);
            assert!(entry.about.ends_with('.'), "{}: a sentence", entry.name);
            for (function, _) in entry.functions {
                let operation = Operation::new(function, Value::Nil, Value::Nil);
                assert!(entry.specification.effect(&operation).is_some(), "{function}");
            }
            let other = Operation::new("no-such-function", Value::Nil, Value::Nil);
            assert_eq!(entry.specification.effect(&other), None);
            assert_eq!(model(entry.name).map(|found| found.about), Some(entry.about));
        }
        assert!(model("no-such-model").is_none());
    }

    /// A light that is switched and looked at: a model that takes all defaults.
    #[derive(Debug)]
    struct Light;

    impl SequentialSpecification for Light {
        type State = bool;

        fn initial(&self) -> bool {
            false
        }

        fn effect(&self, _operation: &Operation) -> Option<Effect> {
            Some(Effect::Changes)
        }

        fn step(&self, state: &bool, _operation: &Operation) -> Option<(bool, Value)> {
            Some((!state, Value::Int((!state).into())))
        }
    }

    #[test]
    fn by_default_the_state_determines_the_answer_and_nothing_else_is_known() {
        let switch = Operation::new("switch", 1, Value::Nil);
        assert_eq!(Light.answered(&false, &switch, &1.into()), Some(true));
        assert_eq!(Light.answered(&true, &switch, &1.into()), None);
        assert_eq!(Light.need(&switch, Some(&1.into())), Need::Something);
        assert!(Light.may_lead(&true, &true) && Light.may_lead(&true, &false));
    }
}
