//! The part of a scenario that furnishes the network.

use serde_json::{Value, json};

use crate::scenario::distribution::{distribution, distribution_value};
use crate::scenario::error::{Decoded, Problem};
use crate::scenario::json::Json;
use crate::scenario::messages::{self, Parties};
use crate::scenario::shape::{Field, Kind, Object, Shape};
use crate::scenario::target::region;
use crate::scenario::values::{list_of, probability, probability_value, size, size_value};
use crate::scenario::write::ObjectWriter;
use crate::world::cluster::Cluster;
use crate::world::fault::LinkChange;
use crate::world::options::{LinkOptions, NetworkOptions, RegionLink};

/// The properties of a link that the network, the links between regions and the link faults share.
pub const LINK_PROPERTIES: &[Field] = &[
    Field::optional("delay", Kind::Distribution, "how long a message takes"),
    Field::optional("loss", Kind::Probability, "the share of messages that are lost"),
    Field::optional("duplication", Kind::Probability, "the share of messages that arrive twice"),
    Field::optional(
        "corruption",
        Kind::Probability,
        "the share of messages that are damaged on the way, and refused by their checksum",
    ),
    Field::optional("bandwidth", Kind::Size, "bytes per second; no limit if left out"),
];

/// The network.
pub const SHAPE: Shape = Shape::new(
    "the network",
    "What holds for every link, and what differs between regions. Default: no delay, no loss.",
    &[
        Field::optional(
            "queue",
            Kind::Size,
            "bytes that wait for bandwidth before further messages are lost; no limit if left out",
        ),
        Field::optional(
            "links",
            Kind::List(&Kind::Object(&REGION_LINK)),
            "what differs between regions; later entries win",
        ),
        Field::optional(
            "messages",
            Kind::List(&Kind::Object(&messages::SHAPE)),
            "the messages whose fate is not left to chance",
        ),
    ],
)
.and(LINK_PROPERTIES);

const REGION_LINK: Shape = Shape::new(
    "the link",
    "What differs between two regions, or within one: `between` both ways, or `from` and `to`.",
    &[
        Field::optional(
            "between",
            Kind::Pair(&Kind::Name),
            "two regions, both ways; twice the same: within it",
        ),
        Field::optional("from", Kind::Name, "the region of the senders"),
        Field::optional("to", Kind::Name, "the region of the receivers"),
    ],
)
.and(LINK_PROPERTIES);

/// Reads the network of a cluster and so many clients.
pub fn read(cluster: &Cluster, clients: u64) -> impl Fn(&Json) -> Decoded<NetworkOptions> {
    move |json| {
        SHAPE.read(json, |object| {
            let change = read_change(object)?;
            let link = LinkOptions {
                delay: change.delay.unwrap_or_default(),
                loss: change.loss.unwrap_or_default(),
                duplication: change.duplication.unwrap_or_default(),
                corruption: change.corruption.unwrap_or_default(),
                bandwidth: change.bandwidth,
                queue_bytes: object.read("queue", size)?,
            };
            let links = object.read("links", list_of(|json| region_link(json, cluster)))?;
            let regions = links.unwrap_or_default().into_iter().flatten().collect();
            let parties = Parties { cluster, clients };
            let fates = object.read("messages", |json| messages::read(json, &parties))?;
            Ok(NetworkOptions { link, regions, fates: fates.unwrap_or_default() })
        })
    }
}

/// Reads the properties of a link that an object names.
pub fn read_change(object: &Object<'_>) -> Decoded<LinkChange> {
    Ok(LinkChange {
        delay: object.read("delay", distribution)?,
        loss: object.read("loss", probability)?,
        duplication: object.read("duplication", probability)?,
        corruption: object.read("corruption", probability)?,
        bandwidth: object.read("bandwidth", bandwidth)?,
    })
}

fn bandwidth(json: &Json) -> Decoded<u64> {
    match size(json)? {
        0 => Err(Problem::at(json, "a bandwidth of zero lets nothing pass")
            .cure("leave it out for no limit; use a partition to cut a link")),
        bytes => Ok(bytes),
    }
}

/// Reads one entry: two changes if it holds both ways.
fn region_link(json: &Json, cluster: &Cluster) -> Decoded<Vec<RegionLink>> {
    REGION_LINK.read(json, |object| {
        let between = object.read("between", list_of(region(cluster)))?;
        let from = object.read("from", region(cluster))?;
        let to = object.read("to", region(cluster))?;
        let change = read_change(object)?;
        if change == LinkChange::default() {
            return Err(Problem::at(json, "the link says nothing that differs")
                .cure("add `delay`, `loss`, `duplication`, `corruption` or `bandwidth`"));
        }
        match (between.as_deref(), from, to) {
            (Some(&[a, b]), None, None) if a == b => {
                Ok(vec![RegionLink { from: a, to: b, change }])
            }
            (Some(&[a, b]), None, None) => Ok(vec![
                RegionLink { from: a, to: b, change },
                RegionLink { from: b, to: a, change },
            ]),
            (None, Some(from), Some(to)) => Ok(vec![RegionLink { from, to, change }]),
            _ => Err(Problem::at(json, "the link does not say between which regions it is")
                .cure("write `between` with two regions, or `from` and `to`")),
        }
    })
}

/// Writes the network.
pub fn value(network: &NetworkOptions, cluster: &Cluster) -> Value {
    let LinkOptions { delay, loss, duplication, corruption, bandwidth, queue_bytes } = network.link;
    let change = LinkChange {
        delay: Some(delay),
        loss: Some(loss),
        duplication: Some(duplication),
        corruption: Some(corruption),
        bandwidth,
    };
    let mut object = ObjectWriter::default();
    put_change(&mut object, &change);
    object.maybe("queue", queue_bytes.map(size_value));
    if !network.regions.is_empty() {
        let links = network.regions.iter().map(|link| {
            let mut object = ObjectWriter::default();
            object.put("from", json!(cluster.regions[link.from].name));
            object.put("to", json!(cluster.regions[link.to].name));
            put_change(&mut object, &link.change);
            object.finish()
        });
        object.put("links", links.collect());
    }
    if !network.fates.is_empty() {
        let fates = network.fates.iter().map(|message| messages::value(message, cluster));
        object.put("messages", fates.collect());
    }
    object.finish()
}

/// Writes the properties of a link that are given.
pub fn put_change(object: &mut ObjectWriter, change: &LinkChange) {
    object.maybe("delay", change.delay.as_ref().map(distribution_value));
    object.maybe("loss", change.loss.map(probability_value));
    object.maybe("duplication", change.duplication.map(probability_value));
    object.maybe("corruption", change.corruption.map(probability_value));
    object.maybe("bandwidth", change.bandwidth.map(size_value));
}
