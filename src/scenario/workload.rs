//! The part of a scenario that says what the clients do.

use serde_json::{Map, Value, json};

use crate::client::workload::{ClientGroup, Routing, Workload};
use crate::history::functions;
use crate::kernel::time::Instant;
use crate::scenario::distribution::{distribution, distribution_value};
use crate::scenario::error::{Decoded, Problem};
use crate::scenario::json::{Json, shortened};
use crate::scenario::script::{self, Stage};
use crate::scenario::shape::{Field, Kind, Shape, entries, refuse_duplicate};
use crate::scenario::suggest;
use crate::scenario::target::region;
use crate::scenario::values::{count, count32, duration_text, list_of, one_of, positive_duration};
use crate::scenario::write::ObjectWriter;
use crate::world::cluster::Cluster;

/// What clients can ask: each function's name, and what it does.
pub const FUNCTIONS: [(&str, &str); 8] = [
    (functions::READ, "Returns the value of a key, linearizable."),
    (
        functions::READ_BOUNDED,
        "Returns a value of a key that is at most a stated time old, or refuses.",
    ),
    (
        functions::READ_SESSION,
        "Returns a value at least as new as what the session saw before, or refuses.",
    ),
    (functions::WRITE, "Sets a key to a value."),
    (functions::CAS, "Sets a key to a new value if it has the expected one; fails otherwise."),
    (functions::DELETE, "Removes a key."),
    (functions::INCREMENT, "Adds to the number at a key and returns the sum."),
    (functions::APPEND, "Appends to the list at a key."),
];

const ROUTINGS: [(&str, Routing); 3] = [
    ("leader", Routing::Leader),
    ("reads-near", Routing::ReadsNear),
    ("roaming", Routing::Roaming),
];

const CLIENTS_MAX: u32 = 10_000;
const WEIGHT_MAX: u32 = 1_000_000;
const OPERATIONS: Kind = Kind::MapOf(function_names, &Kind::Count(0, WEIGHT_MAX as u64));
const ROUTING: Kind = Kind::OneOf(routing_names);

/// The workload.
pub(super) const SHAPE: Shape = Shape::new(
    "the workload",
    "What the clients do. Default: no clients.",
    &[
        Field::optional("clients", Kind::List(&Kind::Object(&GROUP)), "the clients, in groups"),
        Field::optional(
            "operations",
            OPERATIONS,
            "what they ask, with weights; default {\"write\": 1, \"read\": 1}",
        ),
        Field::optional("keys", Kind::Count(1, 1 << 32), "how many keys there are; default 8"),
        Field::optional(
            "think",
            Kind::Distribution,
            "how long a client waits between answer and next operation; default exponential 20ms",
        ),
        Field::optional(
            "timeout",
            Kind::Duration,
            "after how long an operation without an answer is unknown; default 1s",
        ),
        Field::optional(
            "retry",
            Kind::Duration,
            "after how long an attempt without an answer is repeated at another node; default 300ms",
        ),
        Field::optional("backoff", Kind::Duration, "the wait after a refusal; default 25ms"),
        Field::optional(
            "limit",
            Kind::Count(0, u64::MAX),
            "how many operations each client invokes at most; no limit if left out",
        ),
        Field::optional(
            "routing",
            ROUTING,
            "where operations go: `leader` (default), `reads-near` or `roaming`",
        ),
        Field::optional(
            "script",
            Kind::List(&Kind::Object(&script::SHAPE)),
            "every operation, one by one: then nothing is drawn",
        ),
    ],
);

const GROUP: Shape = Shape::new(
    "the group of clients",
    "Some clients of one kind.",
    &[
        Field::optional("count", Kind::Count(1, CLIENTS_MAX as u64), "how many; default 1"),
        Field::optional("near", Kind::Name, "the region they are in; everywhere if left out"),
        Field::optional("operations", OPERATIONS, "what they ask instead of the workload's"),
        Field::optional("routing", ROUTING, "where they send it instead of the workload's"),
    ],
);

pub(super) fn function_names() -> Vec<&'static str> {
    FUNCTIONS.iter().map(|(name, _)| *name).collect()
}

fn routing_names() -> Vec<&'static str> {
    ROUTINGS.iter().map(|(name, _)| *name).collect()
}

/// How many clients a workload has.
pub(super) fn clients_of(groups: &[ClientGroup]) -> u64 {
    groups.iter().map(|group| u64::from(group.count)).sum()
}

/// Reads the workload of a run in which clients end to ask at `end`.
pub(super) fn read(cluster: &Cluster, end: Instant) -> impl Fn(&Json) -> Decoded<Workload> {
    move |json| {
        SHAPE.read(json, |object| {
            let default = Workload::default();
            let clients = list_of(|json| group(json, cluster));
            let clients = object.read_or("clients", default.clients, clients)?;
            let stage = Stage::new(&clients, end);
            Ok(Workload {
                script: object.read("script", |json| script::read(json, &stage))?,
                operations: object.read_or("operations", default.operations, operations)?,
                keys: object.read_or("keys", default.keys, count(1..=1 << 32))?,
                think: object.read_or("think", default.think, distribution)?,
                timeout: object.read_or("timeout", default.timeout, positive_duration)?,
                retry: object.read_or("retry", default.retry, positive_duration)?,
                backoff: object.read_or("backoff", default.backoff, positive_duration)?,
                limit: object.read("limit", count(0..=u64::MAX))?,
                routing: object.read_or("routing", default.routing, routing)?,
                clients,
            })
        })
    }
}

fn group(json: &Json, cluster: &Cluster) -> Decoded<ClientGroup> {
    GROUP.read(json, |object| {
        Ok(ClientGroup {
            count: object.read_or("count", 1, count32(1..=CLIENTS_MAX))?,
            near: object.read("near", region(cluster))?,
            operations: object.read_or("operations", Vec::new(), operations)?,
            routing: object.read("routing", routing)?,
        })
    })
}

fn operations(json: &Json) -> Decoded<Vec<(String, u32)>> {
    let entries = entries(json, "functions with their weights")?;
    let mut weights = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        if !function_names().contains(&entry.key.as_str()) {
            let problem = format!("unknown function `{}`", shortened(&entry.key));
            let cure = suggest::cure(&entry.key, function_names());
            return Err(Problem::of(entry.id, problem).cure(cure));
        }
        refuse_duplicate(&entries[..place], entry)?;
        weights.push((entry.key.clone(), count32(0..=WEIGHT_MAX)(&entry.value)?));
    }
    if weights.iter().all(|(_, weight)| *weight == 0) {
        return Err(Problem::at(json, "no function has a weight above 0"));
    }
    Ok(weights)
}

fn routing(json: &Json) -> Decoded<Routing> {
    let name = one_of("routing", routing_names())(json)?;
    let known = ROUTINGS.iter().find(|(known, _)| *known == name);
    Ok(known.expect("the name was found among these").1)
}

/// Writes the workload.
pub(super) fn value(workload: &Workload, cluster: &Cluster) -> Value {
    let mut object = ObjectWriter::default();
    let groups = workload.clients.iter().map(|group| group_value(group, cluster));
    object.put("clients", groups.collect());
    object.put("operations", operations_value(&workload.operations));
    object.put("keys", json!(workload.keys));
    object.put("think", distribution_value(&workload.think));
    object.put("timeout", json!(duration_text(workload.timeout)));
    object.put("retry", json!(duration_text(workload.retry)));
    object.put("backoff", json!(duration_text(workload.backoff)));
    object.maybe("limit", workload.limit.map(|limit| json!(limit)));
    object.put("routing", routing_value(workload.routing));
    let script = workload.script.as_ref();
    object.maybe("script", script.map(|script| script.iter().map(script::entry_value).collect()));
    object.finish()
}

fn group_value(group: &ClientGroup, cluster: &Cluster) -> Value {
    let mut object = ObjectWriter::default();
    object.put("count", json!(group.count));
    object.maybe("near", group.near.map(|place| json!(cluster.regions[place].name)));
    if !group.operations.is_empty() {
        object.put("operations", operations_value(&group.operations));
    }
    object.maybe("routing", group.routing.map(routing_value));
    object.finish()
}

fn operations_value(operations: &[(String, u32)]) -> Value {
    let entries = operations.iter().map(|(name, weight)| (name.clone(), json!(weight)));
    Value::Object(entries.collect::<Map<_, _>>())
}

fn routing_value(routing: Routing) -> Value {
    let known = ROUTINGS.iter().find(|(_, known)| *known == routing);
    json!(known.expect("the table has every routing").0)
}
