//! Writing scenarios: objects that leave out what is not given, and a layout that people like to read.

use serde_json::{Map, Value};

/// An object that is being written, key by key.
#[derive(Debug, Default)]
pub struct ObjectWriter(Map<String, Value>);

impl ObjectWriter {
    /// Writes a key.
    pub fn put(&mut self, key: &str, value: Value) {
        let before = self.0.insert(key.to_owned(), value);
        assert!(before.is_none(), "the key {key} is written once");
    }

    /// Writes a key if there is a value.
    pub fn maybe(&mut self, key: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    /// The object.
    pub fn finish(self) -> Value {
        Value::Object(self.0)
    }
}

/// The text of a value: what fits into 100 columns stands in one line, everything else is broken and indented.
pub fn pretty(value: &Value) -> String {
    let mut text = String::new();
    lay_out(value, 0, &mut text);
    text.push('\n');
    text
}

fn lay_out(value: &Value, indent: usize, text: &mut String) {
    const WIDTH: usize = 100;
    let column = text.len() - text.rfind('\n').map_or(0, |newline| newline + 1);
    let short = one_line(value);
    // The outermost object is always broken: a scenario in one line is no help to anybody.
    if indent > 0 && column + short.len() <= WIDTH {
        text.push_str(&short);
        return;
    }
    match value {
        Value::Array(items) if !items.is_empty() => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                break_line(place, indent, text);
                lay_out(item, indent + 1, text);
            }
            end_line(indent, text);
            text.push(']');
        }
        Value::Object(entries) if !entries.is_empty() => {
            text.push('{');
            for (place, (key, item)) in entries.iter().enumerate() {
                break_line(place, indent, text);
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push_str(": ");
                lay_out(item, indent + 1, text);
            }
            end_line(indent, text);
            text.push('}');
        }
        _ => text.push_str(&short),
    }
}

fn break_line(place: usize, indent: usize, text: &mut String) {
    if place > 0 {
        text.push(',');
    }
    end_line(indent + 1, text);
}

fn end_line(indent: usize, text: &mut String) {
    text.push('\n');
    text.push_str(&"  ".repeat(indent));
}

/// The text of a value in one line.
pub fn one_line(value: &Value) -> String {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let items: Vec<String> = items.iter().map(one_line).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) if !entries.is_empty() => {
            let entries = entries
                .iter()
                .map(|(key, item)| format!("{}: {}", Value::from(key.as_str()), one_line(item)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_short_stands_in_one_line() {
        let value = json!({ "a": [1, 2], "b": { "c": "d" }, "e": [] });
        let expected = "{\n  \"a\": [1, 2],\n  \"b\": { \"c\": \"d\" },\n  \"e\": []\n}\n";
        assert_eq!(pretty(&value), expected);
        let long: Vec<String> = (0..20).map(|n| format!("node-{n}")).collect();
        let text = pretty(&json!({ "nodes": long }));
        assert!(text.lines().count() == 24 && text.contains("\n    \"node-3\",\n"), "{text}");
    }
}
