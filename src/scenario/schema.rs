//! The JSON Schema (draft 2020-12) of scenario files, made from the shapes that the parser reads by.

use serde_json::{Map, Value, json};

use crate::scenario;
use crate::scenario::comment;
use crate::scenario::distribution::DISTRIBUTIONS;
use crate::scenario::fault::{FAULTS, Timing};
use crate::scenario::shape::{Kind, Need, Shape};
use crate::scenario::systems::{SYSTEMS, SystemSchema};
use crate::scenario::target::{AIM, ROLES};

/// Durations: decimal digits and a unit.
const DURATION: &str = r"^\s*[0-9]+(\.[0-9]+)?\s*(ns|us|µs|ms|s|m|min|h)\s*$";
const SIGNED_DURATION: &str = r"^-?\s*[0-9]+(\.[0-9]+)?\s*(ns|us|µs|ms|s|m|min|h)\s*$";
const SIZE: &str = r"^\s*[0-9]+(\.[0-9]+)?\s*(B|KiB|MiB|GiB|kB|MB|GB)\s*$";
const SEED: &str = r"^([0-9]{1,20}|[0-9a-fA-F]{7,64})$";
const NAME: &str = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$";
const MARK: &str = r"^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+$";

/// The schema of scenario files.
#[must_use]
pub fn schema() -> Value {
    let mut root = Map::new();
    root.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("title".into(), json!("elara scenario"));
    let Value::Object(object) = shape(scenario::SHAPE) else {
        unreachable!("a shape becomes an object")
    };
    root.extend(object);
    root.insert("$defs".into(), definitions());
    Value::Object(root)
}

fn definitions() -> Value {
    let distributions = DISTRIBUTIONS.into_iter().map(shape);
    let distributions = std::iter::once(json!({ "$ref": "#/$defs/duration" })).chain(distributions);
    let roles: Vec<&str> = ROLES.iter().map(|(role, _)| *role).collect();
    let fault =
        |timing: Timing| -> Value { FAULTS.iter().map(|form| shape(form.shape(timing))).collect() };
    json!({
        "duration": { "type": "string", "pattern": DURATION, "description": "a time span with a unit, as \"150ms\"" },
        "signed-duration": { "type": "string", "pattern": SIGNED_DURATION, "description": "a time span that may be negative" },
        "size": { "anyOf": [{ "type": "integer", "minimum": 0, "maximum": 1_u64 << 53 }, { "type": "string", "pattern": SIZE }] },
        "name": { "type": "string", "pattern": NAME },
        "comment": { "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
                     "description": "for whoever reads the file; it has no effect" },
        "value": { "anyOf": [
            { "type": "null" },
            { "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX },
            { "type": "string" },
            { "type": "array", "items": { "$ref": "#/$defs/value" } },
        ] },
        "distribution": { "anyOf": distributions.collect::<Value>() },
        "target": { "anyOf": [
            { "type": "string", "pattern": NAME, "examples": roles },
            { "type": "array", "items": { "$ref": "#/$defs/target" }, "minItems": 1 },
        ], "description": "a node, a region, a role, or a list of them" },
        "fault": { "anyOf": fault(Timing::Scheduled) },
        "generator": { "anyOf": fault(Timing::Generated) },
    })
}

fn shape(shape: Shape) -> Value {
    let properties = properties(
        shape
            .fields()
            .map(|field| (field.name.to_owned(), described(kind(field.kind), field.about))),
    );
    let required: Vec<&str> = shape
        .fields()
        .filter(|field| field.need == Need::Required)
        .map(|field| field.name)
        .collect();
    json!({
        "type": "object",
        "description": shape.about,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The properties of an object: its own, and a comment.
fn properties(own: impl Iterator<Item = (String, Value)>) -> Value {
    let comment = (comment::KEY.to_owned(), reference("comment"));
    Value::Object(own.chain([comment]).collect())
}

fn described(mut schema: Value, about: &str) -> Value {
    schema["description"] = json!(about);
    schema
}

fn kind(of: Kind) -> Value {
    match of {
        Kind::Text => json!({ "type": "string" }),
        Kind::Value => reference("value"),
        Kind::Name => reference("name"),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Seed => json!({ "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": u64::MAX },
            { "type": "string", "pattern": SEED },
        ] }),
        Kind::Duration => reference("duration"),
        Kind::SignedDuration => reference("signed-duration"),
        Kind::Distribution => reference("distribution"),
        Kind::OffsetRange => drawn(&reference("signed-duration")),
        Kind::PpmRange => {
            drawn(&kind(Kind::Integer(-scenario::machine::DRIFT_MAX, scenario::machine::DRIFT_MAX)))
        }
        Kind::Probability => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Kind::Size => reference("size"),
        Kind::Count(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Kind::Integer(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Kind::Thousandths(low, high) => {
            let [low, high] = [low, high].map(|value| f64::from(value) / 1_000.0);
            json!({ "type": "number", "minimum": low, "maximum": high })
        }
        Kind::Target => reference("target"),
        Kind::Aim => json!({ "anyOf": [reference("target"), shape(AIM)] }),
        Kind::Mark => json!({ "type": "string", "pattern": MARK }),
        Kind::OneOf(names) => json!({ "enum": names() }),
        Kind::List(item) => json!({ "type": "array", "items": kind(*item) }),
        Kind::Some(item) => json!({ "type": "array", "items": kind(*item), "minItems": 1 }),
        Kind::Pair(item) => {
            json!({ "type": "array", "items": kind(*item), "minItems": 2, "maxItems": 2 })
        }
        Kind::Map(value) => json!({
            "type": "object",
            "properties": properties(std::iter::empty()),
            "additionalProperties": kind(*value),
        }),
        Kind::MapOf(names, value) => {
            let names = names().into_iter();
            let properties = properties(names.map(|name| (name.to_owned(), kind(*value))));
            json!({ "type": "object", "properties": properties, "additionalProperties": false })
        }
        Kind::Object(of) => shape(*of),
        Kind::AnyOf(kinds) => {
            json!({ "anyOf": kinds.iter().map(|of| kind(*of)).collect::<Value>() })
        }
        Kind::System => json!({ "anyOf": SYSTEMS.iter().map(system).collect::<Value>() }),
        Kind::Fault => reference("fault"),
        Kind::Generator => reference("generator"),
    }
}

fn drawn(value: &Value) -> Value {
    let range = json!({ "type": "array", "items": value, "minItems": 2, "maxItems": 2 });
    json!({ "anyOf": [value, {
        "type": "object",
        "properties": properties([("uniform".to_owned(), range)].into_iter()),
        "required": ["uniform"],
        "additionalProperties": false,
    }] })
}

fn system(schema: &SystemSchema) -> Value {
    let options = properties(schema.options.iter().map(|option| {
        (option.name.to_owned(), described(kind(option.kind.json_kind()), option.about))
    }));
    let mut object = shape(scenario::systems::SHAPE);
    object["description"] = json!(schema.about);
    object["properties"]["kind"] = json!({ "const": schema.kind, "description": schema.about });
    object["properties"]["options"] =
        json!({ "type": "object", "properties": options, "additionalProperties": false });
    object
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}
