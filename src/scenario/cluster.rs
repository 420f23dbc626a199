//! The part of a scenario that says who is there.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::kernel::ids::NodeId;
use crate::scenario::error::{Decoded, Problem};
use crate::scenario::json::{Content, Json, shortened};
use crate::scenario::shape::{Field, Kind, Shape, entries, refuse_duplicate};
use crate::scenario::target;
use crate::scenario::values::{count, some_of, text};
use crate::scenario::write::ObjectWriter;
use crate::world::cluster::{Cluster, Region};

/// How many nodes a cluster can have.
pub const NODES_MAX: u64 = 10_000;
/// How many regions a cluster can have.
const REGIONS_MAX: usize = 1_000;

/// Who is there.
pub const SHAPE: Shape = Shape::new(
    "the cluster",
    "Who is there: nodes, and the regions they are in.",
    &[
        Field::required(
            "nodes",
            Kind::AnyOf(&[Kind::Some(&Kind::Name), Kind::Count(1, NODES_MAX)]),
            "the nodes' names, or how many there are (then they are called n1, n2 ...)",
        ),
        Field::optional(
            "regions",
            Kind::Map(&Kind::Some(&Kind::Name)),
            "the regions, each with its nodes; a node is in at most one",
        ),
    ],
);

/// Reads the cluster.
pub fn read(json: &Json) -> Decoded<Cluster> {
    SHAPE.read(json, |object| {
        let names = object.need("nodes", names)?;
        let mut cluster = Cluster { names, regions: Vec::new() };
        let regions = object.read("regions", |json| regions(json, &cluster))?;
        cluster.regions = regions.unwrap_or_default();
        Ok(cluster)
    })
}

/// Writes the cluster.
pub fn value(cluster: &Cluster) -> Value {
    let names = |region: &Region| -> Value {
        region.nodes.iter().map(|&node| json!(cluster.name(node))).collect()
    };
    let regions = cluster.regions.iter().map(|region| (region.name.clone(), names(region)));
    let mut object = ObjectWriter::default();
    object.put("nodes", json!(cluster.names));
    if !cluster.regions.is_empty() {
        object.put("regions", Value::Object(regions.collect()));
    }
    object.finish()
}

fn names(json: &Json) -> Decoded<Vec<String>> {
    if let Content::Number(_) = json.content {
        let size = count(1..=NODES_MAX)(json)?;
        return Ok(Cluster::of_size(size as usize).names);
    }
    let Content::List(items) = &json.content else {
        return Err(Problem::expected(json, "the list of the nodes' names, or their number"));
    };
    if items.is_empty() {
        return Err(Problem::at(json, "the cluster is empty").cure("declare at least one node"));
    }
    if items.len() as u64 > NODES_MAX {
        let problem = format!("the cluster has {} nodes", items.len());
        return Err(Problem::at(json, problem).cure(format!("the limit is {NODES_MAX}")));
    }
    let mut known = BTreeSet::new();
    for item in items {
        let name = text(item).map_err(|_| Problem::expected(item, "the name of a node"))?;
        check_name(item.id, "node", name)?;
        if !known.insert(name) {
            let problem = format!("the node `{name}` is declared twice");
            return Err(Problem::at(item, problem).cure("keep one of them"));
        }
    }
    items.iter().map(|item| text(item).map(str::to_owned)).collect()
}

fn regions(json: &Json, cluster: &Cluster) -> Decoded<Vec<Region>> {
    let entries = entries(json, "the regions, each with its nodes")?;
    if entries.len() > REGIONS_MAX {
        let problem = format!("the cluster has {} regions", entries.len());
        return Err(Problem::at(json, problem).cure(format!("the limit is {REGIONS_MAX}")));
    }
    let mut regions: Vec<Region> = Vec::new();
    let taken: RefCell<BTreeSet<NodeId>> = RefCell::default();
    for (place, entry) in entries.iter().enumerate() {
        refuse_duplicate(&entries[..place], entry)?;
        check_name(entry.id, "region", &entry.key)?;
        if cluster.node(&entry.key).is_some() {
            let problem = format!("`{}` is the name of a node already", entry.key);
            return Err(Problem::of(entry.id, problem).cure("give the region another name"));
        }
        let nodes = some_of(|item| {
            let node = target::node(cluster)(item)?;
            if taken.borrow_mut().insert(node) {
                return Ok(node);
            }
            let problem = format!("the node `{}` is in a region already", cluster.name(node));
            Err(Problem::at(item, problem).cure("a node is in at most one region"))
        })(&entry.value)?;
        regions.push(Region { name: entry.key.clone(), nodes });
    }
    Ok(regions)
}

/// Names are what reports print and paths are made of, so they are short, plain and never the name of a role.
fn check_name(id: u32, what: &str, name: &str) -> Decoded<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !starts_well || name.len() > 64 || !name.bytes().all(plain) {
        let problem = format!("\"{}\" cannot be the name of a {what}", shortened(name));
        let cure = "use 1 to 64 letters, digits, `-` and `_`, a letter or digit first";
        return Err(Problem::of(id, problem).cure(cure));
    }
    if target::ROLES.iter().any(|(role, _)| *role == name) {
        let problem = format!("`{name}` cannot be the name of a {what}");
        return Err(Problem::of(id, problem).cure("faults are aimed at roles by this name"));
    }
    Ok(())
}
