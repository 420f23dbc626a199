//! A validator for as much of JSON Schema (draft 2020-12) as the schema of scenarios uses. A keyword that it does not
//! know is a panic, so that the schema cannot say what nobody checks.

use serde_json::Value;

/// What is wrong with a value, if anything.
pub fn complaint(root: &Value, value: &Value) -> Option<String> {
    Checker { root }.check(root, value, "").err()
}

/// The keys of all objects that the schema describes, each once.
pub fn keys(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(entries) => {
            for (key, item) in entries {
                if key == "properties" {
                    let names = item.as_object().expect("properties are an object").keys();
                    found.extend(names.cloned());
                }
                keys(item, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
    found.sort();
    found.dedup();
}

struct Checker<'a> {
    root: &'a Value,
}

impl Checker<'_> {
    fn check(&self, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
        for (keyword, says) in schema.as_object().expect("a schema is an object") {
            let fits = match keyword.as_str() {
                "$schema" | "$defs" | "title" | "description" | "examples" | "pattern" => true,
                "$ref" => {
                    let pointer = says.as_str().and_then(|text| text.strip_prefix('#'));
                    let schema = self.root.pointer(pointer.expect("references are local"));
                    self.check(schema.expect("the reference leads somewhere"), value, path)?;
                    true
                }
                "anyOf" => {
                    let all = says.as_array().expect("anyOf is a list");
                    all.iter().any(|schema| self.check(schema, value, path).is_ok())
                }
                "type" => has_type(value, says.as_str().expect("types are texts")),
                "enum" => says.as_array().expect("enum is a list").contains(value),
                "const" => says == value,
                "minimum" => number(value).is_none_or(|n| n >= number(says).expect("a number")),
                "maximum" => number(value).is_none_or(|n| n <= number(says).expect("a number")),
                "minItems" => length(value).is_none_or(|n| Some(n) >= says.as_u64()),
                "maxItems" => length(value).is_none_or(|n| Some(n) <= says.as_u64()),
                "items" => {
                    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(says, item, &format!("{path}[{place}]"))?;
                    }
                    true
                }
                "required" => says
                    .as_array()
                    .expect("required is a list")
                    .iter()
                    .all(|key| value.get(key.as_str().expect("keys are texts")).is_some()),
                "properties" | "additionalProperties" => self.properties(schema, value, path)?,
                other => panic!("this validator does not know the keyword {other}"),
            };
            if !fits {
                return Err(format!("{path}: {keyword}"));
            }
        }
        Ok(())
    }

    fn properties(&self, schema: &Value, value: &Value, path: &str) -> Result<bool, String> {
        let Some(entries) = value.as_object() else { return Ok(true) };
        for (key, item) in entries {
            let path = format!("{path}.{key}");
            match (schema["properties"].get(key), &schema["additionalProperties"]) {
                (Some(schema), _) => self.check(schema, item, &path)?,
                (None, Value::Bool(false)) => return Err(format!("{path}: unknown")),
                (None, more) => self.check(more, item, &path)?,
            }
        }
        Ok(true)
    }
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("this validator does not know the type {other}"),
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

fn length(value: &Value) -> Option<u64> {
    value.as_array().map(|items| items.len() as u64)
}
