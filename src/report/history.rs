//! The history of a run as a file, in Jepsen's form: JSON lines, or EDN.

use std::fmt::Write;

use serde_json::{Map, Value as Json, json};

use crate::run::report::{HistoryEvent, Value};

/// One JSON object for each event. With keys, `value` is `[key, value]`.
#[must_use]
pub fn json_lines(history: &[HistoryEvent]) -> String {
    let mut text = String::new();
    for (index, event) in history.iter().enumerate() {
        let mut line = Map::new();
        line.insert("index".into(), json!(index));
        line.insert("process".into(), json!(event.process));
        line.insert("type".into(), json!(event.phase.to_string()));
        line.insert("f".into(), json!(event.operation.function));
        line.insert("value".into(), json_value(&pair(event)));
        line.insert("time".into(), json!(event.at.as_nanos()));
        if !event.reason.is_empty() {
            line.insert("error".into(), json!(event.reason));
        }
        text += &Json::Object(line).to_string();
        text.push('\n');
    }
    text
}

/// One EDN map for each event.
#[must_use]
pub fn edn(history: &[HistoryEvent]) -> String {
    let mut text = String::new();
    for (index, event) in history.iter().enumerate() {
        let mut value = String::new();
        push_edn(&pair(event), &mut value);
        let (process, phase, at) = (event.process, event.phase, event.at.as_nanos());
        let function = &event.operation.function;
        write!(
            text,
            "{{:index {index}, :process {process}, :type :{phase}, :f :{function}, :value {value}, :time {at}"
        )
        .expect("a string takes all that is written to it");
        if !event.reason.is_empty() {
            text += &format!(", :error {}", json!(event.reason));
        }
        text += "}\n";
    }
    text
}

/// The value of an event, with its key if there are several objects.
fn pair(event: &HistoryEvent) -> Value {
    let operation = &event.operation;
    match &operation.key {
        Value::Nil => operation.value.clone(),
        key => Value::list([key.clone(), operation.value.clone()]),
    }
}

fn json_value(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Int(number) => json!(number),
        Value::Text(text) => json!(&**text),
        Value::List(values) => values.iter().map(json_value).collect(),
    }
}

fn push_edn(value: &Value, text: &mut String) {
    match value {
        Value::Nil => text.push_str("nil"),
        Value::Int(number) => *text += &number.to_string(),
        // The escapes of JSON texts are a subset of EDN's.
        Value::Text(string) => *text += &json!(&**string).to_string(),
        Value::List(values) => {
            text.push('[');
            for (place, value) in values.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { " " });
                push_edn(value, text);
            }
            text.push(']');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{EndedBy, Operation, Phase, functions};
    use crate::kernel::ids::{ClientId, RequestId};
    use crate::kernel::time::Instant;

    fn event(phase: Phase, operation: Operation, reason: &'static str) -> HistoryEvent {
        HistoryEvent {
            at: Instant::from_nanos(12_345),
            process: 3,
            client: ClientId(1),
            request: RequestId { session: 1, sequence: 2 },
            phase,
            operation,
            version: 0,
            reason,
            ended_by: EndedBy::default(),
        }
    }

    #[test]
    fn the_lines_are_jepsens() {
        let cas = Value::list([Value::Int(1), Value::from("b\"c")]);
        let history = [
            event(Phase::Invoke, Operation::new(functions::CAS, 7, cas), ""),
            event(Phase::Info, Operation::new(functions::READ, Value::Nil, Value::Nil), "timeout"),
        ];
        assert_eq!(
            json_lines(&history),
            "{\"index\":0,\"process\":3,\"type\":\"invoke\",\"f\":\"cas\",\"value\":[7,[1,\"b\\\"c\"]],\"time\":12345}\n\
             {\"index\":1,\"process\":3,\"type\":\"info\",\"f\":\"read\",\"value\":null,\"time\":12345,\"error\":\"timeout\"}\n"
        );
        assert_eq!(
            edn(&history),
            "{:index 0, :process 3, :type :invoke, :f :cas, :value [7 [1 \"b\\\"c\"]], :time 12345}\n\
             {:index 1, :process 3, :type :info, :f :read, :value nil, :time 12345, :error \"timeout\"}\n"
        );
    }
}
