//! At whom a fault is aimed: read, written, and, where it can be known before the run, resolved.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::kernel::ids::NodeId;
use crate::scenario::error::{Decoded, Problem};
use crate::scenario::json::{Content, Json, shortened};
use crate::scenario::shape::{Field, Kind, Shape};
use crate::scenario::suggest;
use crate::scenario::values::{some_of, text};
use crate::world::cluster::Cluster;
use crate::world::fault::Target;

/// The targets that are not names of the scenario's own. Nodes and regions cannot be called like this.
pub const ROLES: [(&str, Target); 8] = [
    ("all", Target::All),
    ("any", Target::Any),
    ("leader", Target::Leader),
    ("follower", Target::Follower),
    ("majority", Target::Majority),
    ("minority", Target::Minority),
    ("most", Target::Most),
    ("there", Target::There),
];

/// An aim in its long form.
pub const AIM: Shape = Shape::new(
    "the aim",
    "At whom, in the long form.",
    &[Field::required("target", Kind::Target, "a node, a region, a list of them, or a role")],
);

/// Reads a target: a node, a region, a role, or a list of targets.
pub fn read(cluster: &Cluster) -> impl Fn(&Json) -> Decoded<Target> {
    move |json| match &json.content {
        Content::Text(name) => named(json, name, cluster),
        Content::List(_) => some_of(read(cluster))(json).map(Target::List),
        _ => Err(Problem::expected(json, "a node, a region, a role or a list of them")),
    }
}

/// Reads a target, or an object that names it.
pub fn aim(cluster: &Cluster) -> impl Fn(&Json) -> Decoded<Target> {
    move |json| match &json.content {
        Content::Object(_) => AIM.read(json, |object| object.need("target", read(cluster))),
        _ => read(cluster)(json),
    }
}

/// Reads the name of one node.
pub fn node(cluster: &Cluster) -> impl Fn(&Json) -> Decoded<NodeId> {
    move |json| {
        let name = text(json).map_err(|_| Problem::expected(json, "the name of a node"))?;
        cluster.node(name).ok_or_else(|| unknown(json, "node", name, node_names(cluster)))
    }
}

/// Reads the name of one region, by its place.
pub fn region(cluster: &Cluster) -> impl Fn(&Json) -> Decoded<usize> {
    move |json| {
        let name = text(json).map_err(|_| Problem::expected(json, "the name of a region"))?;
        cluster.region(name).ok_or_else(|| unknown(json, "region", name, region_names(cluster)))
    }
}

fn named(json: &Json, name: &str, cluster: &Cluster) -> Decoded<Target> {
    if let Some((_, role)) = ROLES.iter().find(|(role, _)| *role == name) {
        return Ok(role.clone());
    }
    if let Some(region) = cluster.region(name) {
        return Ok(Target::Region(region));
    }
    cluster.node(name).map(Target::Node).ok_or_else(|| {
        let roles = ROLES.iter().map(|(role, _)| *role);
        let known = node_names(cluster).chain(region_names(cluster)).chain(roles);
        unknown(json, "node or region", name, known)
    })
}

fn unknown<'a>(
    json: &Json,
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> Problem {
    let problem = format!("there is no {what} `{}` in the cluster", shortened(name));
    Problem::at(json, problem).cure(suggest::cure(name, known))
}

fn node_names(cluster: &Cluster) -> impl Iterator<Item = &str> {
    cluster.names.iter().map(String::as_str)
}

fn region_names(cluster: &Cluster) -> impl Iterator<Item = &str> {
    cluster.regions.iter().map(|region| region.name.as_str())
}

/// Writes a target.
pub fn value(target: &Target, cluster: &Cluster) -> Value {
    match target {
        Target::Node(node) => json!(cluster.name(*node)),
        Target::Region(place) => json!(cluster.regions[*place].name),
        Target::List(targets) => targets.iter().map(|target| value(target, cluster)).collect(),
        role => {
            let known = ROLES.iter().find(|(_, known)| known == role);
            json!(known.expect("every other target is a role").0)
        }
    }
}

/// The nodes of a target, if they are known before the run.
pub fn members(target: &Target, cluster: &Cluster) -> Option<BTreeSet<NodeId>> {
    match target {
        Target::Node(node) => Some(BTreeSet::from([*node])),
        Target::Region(place) => Some(cluster.regions[*place].nodes.iter().copied().collect()),
        Target::List(targets) => {
            let members: Option<Vec<_>> = targets.iter().map(|t| members(t, cluster)).collect();
            Some(members?.into_iter().flatten().collect())
        }
        Target::All => Some(cluster.nodes().collect()),
        Target::Any
        | Target::Leader
        | Target::Follower
        | Target::Majority
        | Target::Minority
        | Target::Most
        | Target::There => None,
    }
}

/// A node that two targets have in common, if that is known before the run.
pub fn shared(first: &Target, second: &Target, cluster: &Cluster) -> Option<NodeId> {
    let first = members(first, cluster)?;
    let second = members(second, cluster)?;
    first.intersection(&second).next().copied()
}
