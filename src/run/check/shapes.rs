//! What the values of each function look like. An argument of another form would be an operation that the model does not
//! know, and an answer of another form one that it never gives: the verdict would be about a slip of the recorder.

use crate::history::Value;

/// The form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Anything,
    Nil,
    Number,
    NumberOrNil,
    Text,
    List,
    Pair,
}

impl Shape {
    pub fn fits(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Anything, _)
            | (Self::Nil | Self::NumberOrNil | Self::Text, Value::Nil)
            | (Self::Number | Self::NumberOrNil | Self::Text, Value::Int(_))
            | (Self::Text, Value::Text(_))
            | (Self::List, Value::List(_)) => true,
            (Self::Pair, Value::List(values)) => values.len() == 2,
            _ => false,
        }
    }

    pub const fn expected(self) -> &'static str {
        match self {
            Self::Anything => "a value",
            Self::Nil => "nil",
            Self::Number => "a whole number",
            Self::NumberOrNil => "a whole number, or nil",
            Self::Text => "a text, or nil",
            Self::List => "a list",
            Self::Pair => "[from, to]",
        }
    }
}

/// The forms of the argument and of the answer.
pub(super) fn shapes(model: &str, function: &str) -> (Shape, Shape) {
    match (model, function) {
        ("counter", "read") => (Shape::Nil, Shape::Number),
        ("set", "read") => (Shape::Nil, Shape::List),
        ("kv", "get") => (Shape::Nil, Shape::Text),
        ("kv", _) => (Shape::Text, Shape::Anything),
        ("counter", "add") => (Shape::Number, Shape::Anything),
        ("key-value", "increment") => (Shape::Number, Shape::NumberOrNil),
        (_, "increment") => (Shape::NumberOrNil, Shape::NumberOrNil),
        (_, "cas") => (Shape::Pair, Shape::Anything),
        ("fenced-lock", "acquire") => (Shape::Anything, Shape::Number),
        ("fenced-lock", _) => (Shape::NumberOrNil, Shape::Anything),
        (_, "read" | "dequeue") => (Shape::Nil, Shape::Anything),
        _ => (Shape::Anything, Shape::Anything),
    }
}
