//! What clients asked and what they saw, in Jepsen's terms.
//!
//! A client *invokes* an operation; it ends `ok` (it took effect), `fail` (it did not and never will) or `info`
//! (nobody knows: it may take effect at any later time or never). Operations are uniform data, so checkers and
//! files need no knowledge of the system: a function name, a key and a value.

pub mod recorded;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::kernel::ids::{ClientId, RequestId};
use crate::kernel::time::Instant;

/// A value that an operation carries: uniform, ordered and hashable, and cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Nothing: the value of a key that was never written.
    #[default]
    Nil,
    /// A whole number.
    Int(i64),
    /// A text.
    Text(Arc<str>),
    /// A list: the two values of a compare-and-set, an appended-to list.
    List(Arc<[Value]>),
}

impl Value {
    /// The list of these values.
    #[must_use]
    pub fn list(values: impl IntoIterator<Item = Self>) -> Self {
        Self::List(values.into_iter().collect())
    }

    /// The number, if it is one.
    #[must_use]
    pub const fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }
}

impl From<Vec<Self>> for Value {
    fn from(values: Vec<Self>) -> Self {
        Self::List(values.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => write!(f, "nil"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(values) => {
                write!(f, "[")?;
                for (place, value) in values.iter().enumerate() {
                    let comma = if place == 0 { "" } else { ", " };
                    write!(f, "{comma}{value}")?;
                }
                write!(f, "]")
            }
        }
    }
}

/// One operation: a function of one object, with its argument or its result.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operation {
    /// What to do: one of [`functions`], or a name of the system's own.
    pub function: Cow<'static, str>,
    /// The object: operations on different keys are independent. `Nil` if there is only one object.
    pub key: Value,
    /// The argument; in a completion, the result of a read.
    pub value: Value,
}

/// The functions that the key-value systems and their workloads share.
pub mod functions {
    /// Returns the value of the key, linearizable.
    pub const READ: &str = "read";
    /// Returns a value of the key that is at most a stated time old, or refuses.
    pub const READ_BOUNDED: &str = "read-bounded";
    /// Returns a value of the key that is at least as new as what the session saw before, or refuses.
    /// The argument is the version that the session saw last.
    pub const READ_SESSION: &str = "read-session";
    /// Sets the key to the value.
    pub const WRITE: &str = "write";
    /// Sets the key to the second of two values if it is the first; fails otherwise.
    pub const CAS: &str = "cas";
    /// Removes the key.
    pub const DELETE: &str = "delete";
    /// Adds to the number at the key and returns the sum.
    pub const INCREMENT: &str = "increment";
    /// Appends to the list at the key.
    pub const APPEND: &str = "append";
    /// Executes a transaction: a list of `[function, key, value]` with the functions `r`, `w` and `append`; a read has
    /// no value when it is asked, and its result when it is answered.
    pub const TRANSACTION: &str = "txn";
    /// Opens a session. The workload's clients send it first if the system asks for it; it is not part of
    /// the history.
    pub const OPEN_SESSION: &str = "open-session";
    /// Makes the nodes whose numbers are the value the members: asked by the administrator.
    pub const RECONFIGURE: &str = "reconfigure";
}

impl Operation {
    /// An operation.
    #[must_use]
    pub fn new(function: &'static str, key: impl Into<Value>, value: impl Into<Value>) -> Self {
        Self { function: Cow::Borrowed(function), key: key.into(), value: value.into() }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.key, &self.value) {
            (Value::Nil, Value::Nil) => write!(f, "{}", self.function),
            (Value::Nil, value) => write!(f, "{} {value}", self.function),
            (key, Value::Nil) => write!(f, "{} k{key}", self.function),
            (key, value) => write!(f, "{} k{key} {value}", self.function),
        }
    }
}

/// Where an operation stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The client asks.
    Invoke,
    /// It took effect; the value is the result.
    Ok,
    /// It did not take effect and never will.
    Fail,
    /// It may take effect at any later time, or never.
    Info,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invoke => "invoke",
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        })
    }
}

/// What ended an operation, as its client saw it.
///
/// The phase says what is known about the effect; this says who said so. A system that lets its clients wait until they
/// give up has not answered them, although they may know that nothing happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndedBy {
    /// Nothing yet: the operation is being invoked.
    #[default]
    Nothing,
    /// A node's answer to the operation itself: done, never to be done, or not to be known.
    Answer,
    /// The client, because nodes refused to serve it.
    Refusal,
    /// The client, because its time was up.
    Timeout,
}

/// One line of a history.
///
/// Invariant: a process has one operation at a time. After an `info` it never appears again: the client goes
/// on as a new process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HistoryEvent {
    /// When, in true time.
    pub at: Instant,
    /// Who, in Jepsen's sense: a sequential thread of operations.
    pub process: u64,
    /// The client behind the process.
    pub client: ClientId,
    /// The request that the client sent, the same in all its retries.
    pub request: RequestId,
    /// What happened.
    pub phase: Phase,
    /// To what: in `Invoke` with the argument, in `Ok` with the result.
    pub operation: Operation,
    /// The version of the state that an `Ok` result shows (a log index; of a transaction its timestamp), 0 if the system
    /// gives none.
    pub version: u64,
    /// Why it failed or is unknown; empty otherwise.
    pub reason: &'static str,
    /// What ended it; `Nothing` in `Invoke`, and only there.
    pub ended_by: EndedBy,
}

impl fmt::Display for HistoryEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{} {} {}", self.process, self.phase, self.operation)?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, " ({})", self.reason) }
    }
}
