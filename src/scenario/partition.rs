//! Partitions: which links are disturbed, and how.

use serde_json::{Value, json};

use crate::kernel::ids::NodeId;
use crate::scenario::distribution::{distribution, distribution_value};
use crate::scenario::error::{Decoded, Problem};
use crate::scenario::json::{Content, Json};
use crate::scenario::shape::{Field, Kind, Object, Shape, variant};
use crate::scenario::target;
use crate::scenario::values::{duration_text, one_of, positive_duration, some_of};
use crate::scenario::write::ObjectWriter;
use crate::world::cluster::Cluster;
use crate::world::fault::{Fault, Partition, PartitionMode, Shape as Form, Target};

/// The keys of a partition.
pub const FIELDS: &[Field] = &[
    Field::required(
        "partition",
        Kind::AnyOf(&[
            Kind::List(&Kind::Target),
            Kind::OneOf(|| vec!["random-sides", "ring-majority"]),
            Kind::Object(&ISOLATE),
            Kind::Object(&ONE_WAY),
            Kind::Object(&BRIDGE),
            Kind::Object(&PAIRS),
        ]),
        "the sides that cannot reach each other, or another form",
    ),
    Field::optional(
        "mode",
        Kind::AnyOf(&[Kind::OneOf(|| vec!["cut", "stalled"]), Kind::Object(&SLOWED)]),
        "what happens to messages: `cut` (lost, the default), `stalled` (held until the end), slowed",
    ),
    Field::optional("flapping", Kind::Duration, "it comes and goes: on for this long, off as long"),
    Field::optional(
        "in-flight",
        Kind::OneOf(|| vec!["lost", "kept"]),
        "whether messages under way when it begins are lost too; default `lost`",
    ),
];

const WHAT: &str = "the partition";
const ISOLATE: Shape = Shape::new(
    WHAT,
    "The target reaches nobody else, and nobody else reaches it.",
    &[Field::required("isolate", Kind::Target, "who is cut off")],
);
const ONE_WAY: Shape = Shape::new(
    WHAT,
    "Nothing passes from the first to the second; the way back is open.",
    &[Field::required("one-way", Kind::Object(&DIRECTION), "from whom to whom nothing passes")],
);
const BRIDGE: Shape = Shape::new(
    WHAT,
    "Two halves that only this node reaches.",
    &[Field::required("bridge", Kind::Target, "the node that reaches both; `any` draws one")],
);
const PAIRS: Shape = Shape::new(
    WHAT,
    "These pairs only, both ways.",
    &[Field::required("pairs", Kind::Some(&Kind::Pair(&Kind::Name)), "the pairs of nodes")],
);
const DIRECTION: Shape = Shape::new(
    "the direction",
    "From whom to whom.",
    &[
        Field::required("from", Kind::Target, "the senders"),
        Field::required("to", Kind::Target, "the receivers"),
    ],
);
const SLOWED: Shape = Shape::new(
    "the mode",
    "Messages take longer.",
    &[Field::required("slowed", Kind::Distribution, "how much longer a message takes")],
);

/// Reads a partition.
pub fn read(object: &Object<'_>, cluster: &Cluster) -> Decoded<Fault> {
    let in_flight = one_of("fate of messages in flight", vec!["lost", "kept"]);
    Ok(Fault::Partition(Partition {
        shape: object.need("partition", |json| read_form(json, cluster))?,
        mode: object.read_or("mode", PartitionMode::Cut, read_mode)?,
        flapping: object.read("flapping", positive_duration)?,
        keeps_in_flight: object.read("in-flight", in_flight)? == Some("kept"),
    }))
}

fn read_mode(json: &Json) -> Decoded<PartitionMode> {
    if let Content::Object(_) = json.content {
        let (_, value) = variant(json, &[SLOWED])?;
        return distribution(value).map(PartitionMode::Slowed);
    }
    let name = one_of("mode of a partition", vec!["cut", "stalled"])(json)?;
    Ok(if name == "cut" { PartitionMode::Cut } else { PartitionMode::Stalled })
}

fn read_form(json: &Json, cluster: &Cluster) -> Decoded<Form> {
    match &json.content {
        Content::List(items) => sides(json, items, cluster),
        Content::Text(_) => {
            let names = vec!["random-sides", "ring-majority"];
            let name = one_of("form of a partition", names)(json)?;
            Ok(if name == "random-sides" { Form::RandomSides } else { Form::RingMajority })
        }
        Content::Object(_) => special(json, cluster),
        _ => Err(Problem::expected(json, "the sides of the partition, or another form")),
    }
}

fn special(json: &Json, cluster: &Cluster) -> Decoded<Form> {
    let (name, value) = variant(json, &[ISOLATE, ONE_WAY, BRIDGE, PAIRS])?;
    match name {
        "isolate" => target::read(cluster)(value).map(Form::Isolate),
        "bridge" => target::read(cluster)(value).map(Form::Bridge),
        "pairs" => some_of(|json| pair(json, cluster))(value).map(Form::Pairs),
        "one-way" => DIRECTION.read(value, |object| {
            let from = object.need("from", target::read(cluster))?;
            let to = object.need("to", target::read(cluster))?;
            refuse_overlap(object.json, (&from, &to), cluster)?;
            Ok(Form::OneWay(from, to))
        }),
        other => unreachable!("{other} is no form of a partition"),
    }
}

fn sides(json: &Json, items: &[Json], cluster: &Cluster) -> Decoded<Form> {
    let sides: Vec<Target> = items.iter().map(target::read(cluster)).collect::<Decoded<_>>()?;
    if sides.len() < 2 {
        let problem = format!("a partition has at least two sides, found {}", sides.len());
        let cure = "add a side, or write {\"isolate\": ...} to cut one off from everybody";
        return Err(Problem::at(json, problem).cure(cure));
    }
    for (place, side) in sides.iter().enumerate() {
        for earlier in &sides[..place] {
            refuse_overlap(&items[place], (earlier, side), cluster)?;
        }
    }
    Ok(Form::Sides(sides))
}

fn refuse_overlap(json: &Json, sides: (&Target, &Target), cluster: &Cluster) -> Decoded<()> {
    match target::shared(sides.0, sides.1, cluster) {
        None => Ok(()),
        Some(node) => {
            let problem = format!("the node `{}` would be cut from itself", cluster.name(node));
            Err(Problem::at(json, problem).cure("name each node on one side only"))
        }
    }
}

fn pair(json: &Json, cluster: &Cluster) -> Decoded<(NodeId, NodeId)> {
    let nodes = some_of(target::node(cluster))(json)?;
    match nodes.as_slice() {
        &[a, b] if a != b => Ok((a, b)),
        &[a, _] => {
            let problem = format!("the node `{}` would be cut from itself", cluster.name(a));
            Err(Problem::at(json, problem).cure("a pair is two nodes"))
        }
        other => {
            let problem = format!("expected a pair of nodes, found {}", other.len());
            Err(Problem::at(json, problem))
        }
    }
}

/// Writes a partition.
pub fn put(object: &mut ObjectWriter, partition: &Partition, cluster: &Cluster) {
    let target = |target: &Target| target::value(target, cluster);
    object.put(
        "partition",
        match &partition.shape {
            Form::Sides(sides) => sides.iter().map(target).collect(),
            Form::Isolate(who) => json!({ "isolate": target(who) }),
            Form::OneWay(from, to) => {
                json!({ "one-way": { "from": target(from), "to": target(to) } })
            }
            Form::RandomSides => json!("random-sides"),
            Form::Bridge(who) => json!({ "bridge": target(who) }),
            Form::RingMajority => json!("ring-majority"),
            Form::Pairs(pairs) => {
                let pair = |&(a, b): &(NodeId, NodeId)| json!([cluster.name(a), cluster.name(b)]);
                json!({ "pairs": pairs.iter().map(pair).collect::<Value>() })
            }
        },
    );
    object.put(
        "mode",
        match &partition.mode {
            PartitionMode::Cut => json!("cut"),
            PartitionMode::Stalled => json!("stalled"),
            PartitionMode::Slowed(by) => json!({ "slowed": distribution_value(by) }),
        },
    );
    object.maybe("flapping", partition.flapping.map(|span| json!(duration_text(span))));
    object.put("in-flight", json!(if partition.keeps_in_flight { "kept" } else { "lost" }));
}
