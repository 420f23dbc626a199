//! The part of a workload that lists every operation, and the values that operations carry.

use std::collections::BTreeMap;

use serde_json::{Value as Text, json};

use crate::client::script::Scripted;
use crate::client::workload::ClientGroup;
use crate::history::{Operation, Value, functions};
use crate::kernel::time::Instant;
use crate::scenario::error::{Decoded, Problem};
use crate::scenario::json::{Content, Json};
use crate::scenario::shape::{Field, Kind, Object, Shape};
use crate::scenario::values::{count32, duration, duration_text, list_of, one_of};
use crate::scenario::workload::{clients_of, function_names};
use crate::scenario::write::ObjectWriter;

/// One operation.
pub(super) const SHAPE: Shape = Shape::new(
    "the operation of the script",
    "One operation: who asks what, and when at the earliest.",
    &[
        Field::required(
            "client",
            Kind::Count(0, u32::MAX as u64),
            "the number of the client, from 0, over all groups",
        ),
        Field::required("at", Kind::Duration, "when it is invoked, at the earliest"),
        Field::required("do", Kind::OneOf(function_names), "the function"),
        Field::required(
            "key",
            Kind::AnyOf(&[Kind::Integer(i64::MIN, i64::MAX), Kind::Text]),
            "the key, a whole number or a text",
        ),
        Field::optional("value", Kind::Value, "the argument, if the function takes one"),
    ],
);

/// What the operations of a script are checked against.
pub(super) struct Stage {
    clients: u64,
    end: Instant,
}

impl Stage {
    /// A workload of these groups of clients, which ask until `end`.
    pub fn new(groups: &[ClientGroup], end: Instant) -> Self {
        Self { clients: clients_of(groups), end }
    }
}

/// Reads a script.
pub(super) fn read(json: &Json, stage: &Stage) -> Decoded<Vec<Scripted>> {
    let Content::List(items) = &json.content else {
        return Err(Problem::expected(json, "a list of operations"));
    };
    let mut last: BTreeMap<u32, Instant> = BTreeMap::new();
    let mut script = Vec::new();
    for item in items {
        let scripted = entry(item, stage)?;
        let Scripted { client, at, .. } = scripted;
        if let Some(before) = last.insert(client, at)
            && at < before
        {
            let problem = format!(
                "client {client} asks at {} after it has asked at {}",
                time_text(at),
                time_text(before)
            );
            return Err(Problem::at(item, problem).cure("put a client's operations in order"));
        }
        script.push(scripted);
    }
    Ok(script)
}

fn entry(json: &Json, stage: &Stage) -> Decoded<Scripted> {
    SHAPE.read(json, |object| {
        let function = object.need("do", one_of("function", function_names()))?;
        Ok(Scripted {
            client: object.need("client", |json| client(json, stage.clients))?,
            at: object.need("at", |json| time(json, stage.end))?,
            operation: Operation {
                function: function.into(),
                key: object.need("key", key)?,
                value: argument(function, object)?,
            },
        })
    })
}

fn client(json: &Json, clients: u64) -> Decoded<u32> {
    let client = count32(0..=u32::MAX)(json)?;
    if u64::from(client) < clients {
        return Ok(client);
    }
    let cure = match clients {
        0 => "the workload has no clients".to_owned(),
        1 => "the workload has client 0 only".to_owned(),
        more => format!("the workload has the clients 0 to {}", more - 1),
    };
    Err(Problem::at(json, format!("there is no client {client}")).cure(cure))
}

fn time(json: &Json, end: Instant) -> Decoded<Instant> {
    let at = Instant::ZERO + duration(json)?;
    if at < end {
        return Ok(at);
    }
    let problem = format!(
        "the operation is invoked at {}; clients ask until {} (`duration` and `quiet`)",
        time_text(at),
        time_text(end)
    );
    Err(Problem::at(json, problem))
}

fn time_text(at: Instant) -> String {
    duration_text(at.since(Instant::ZERO))
}

fn key(json: &Json) -> Decoded<Value> {
    match &json.content {
        Content::Number(_) | Content::Text(_) => value(json),
        _ => Err(Problem::expected(json, "a key: a whole number or a text")),
    }
}

/// Reads the argument of a function, in the form that the function takes.
fn argument(function: &str, object: &Object<'_>) -> Decoded<Value> {
    let given = object.get("value");
    let what = match function {
        functions::WRITE | functions::APPEND => "a value",
        functions::INCREMENT => "a whole number to add",
        functions::READ_SESSION => "the version that the session saw last, a whole number",
        functions::CAS => "a list of two: the expected value and the new one",
        _ => {
            return match given {
                None => Ok(Value::Nil),
                Some(json) => {
                    let problem = format!("`{function}` takes no value");
                    Err(Problem::at(json, problem).cure("leave it out"))
                }
            };
        }
    };
    let Some(json) = given else {
        let problem = format!("`{function}` needs a `value`");
        return Err(Problem::at(object.json, problem).cure(format!("add {what}")));
    };
    let value = value(json)?;
    let fits = match (function, &value) {
        (functions::INCREMENT, value) => value.as_int().is_some(),
        (functions::READ_SESSION, value) => value.as_int().is_some_and(|version| version >= 0),
        (functions::CAS, Value::List(values)) => values.len() == 2,
        (functions::CAS, _) => false,
        _ => true,
    };
    if fits { Ok(value) } else { Err(Problem::expected(json, what)) }
}

/// Reads a value of a history.
fn value(json: &Json) -> Decoded<Value> {
    match &json.content {
        Content::Null => Ok(Value::Nil),
        Content::Text(text) => Ok(text.as_str().into()),
        Content::Number(number) => {
            let number = number.parse().map(Value::Int);
            number.map_err(|_| Problem::expected(json, "a whole number of at most 64 bits"))
        }
        Content::List(_) => list_of(value)(json).map(Value::list),
        _ => Err(Problem::expected(json, "a value: null, a whole number, a text or a list")),
    }
}

/// Writes one operation.
pub(super) fn entry_value(scripted: &Scripted) -> Text {
    let operation = &scripted.operation;
    let mut object = ObjectWriter::default();
    object.put("client", json!(scripted.client));
    object.put("at", json!(time_text(scripted.at)));
    object.put("do", json!(operation.function));
    object.put("key", text_of(&operation.key));
    let takes_none = matches!(
        &*operation.function,
        functions::READ | functions::READ_BOUNDED | functions::DELETE
    );
    if !takes_none {
        object.put("value", text_of(&operation.value));
    }
    object.finish()
}

fn text_of(value: &Value) -> Text {
    match value {
        Value::Nil => Text::Null,
        Value::Int(number) => json!(number),
        Value::Text(text) => json!(&**text),
        Value::List(values) => values.iter().map(text_of).collect(),
    }
}
