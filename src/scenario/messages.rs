//! The part of a network that says what becomes of single messages.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::kernel::ids::ClientId;
use crate::scenario::error::{Decoded, Problem};
use crate::scenario::json::Json;
use crate::scenario::shape::{Field, Kind, Object, Shape};
use crate::scenario::target;
use crate::scenario::values::{count, duration, duration_text, flag, list_of, text};
use crate::scenario::write::ObjectWriter;
use crate::world::cluster::Cluster;
use crate::world::network::fates::{ExplicitFate, MessageFate, Party, Passage};

/// One message and its fate.
pub const SHAPE: Shape = Shape::new(
    "the message",
    "What becomes of one message, whatever chance would have done with it.",
    &[
        Field::required("from", Kind::Text, "the sender: a node, or a client as \"client 3\""),
        Field::required("to", Kind::Text, "the receiver, likewise"),
        Field::required(
            "number",
            Kind::Count(0, u64::MAX),
            "which of the messages from this sender to this receiver, from 0",
        ),
        Field::optional("lost", Kind::Flag, "it is lost"),
        Field::optional("delay", Kind::Duration, "how long after it was sent it arrives"),
        Field::optional("duplicate", Kind::Duration, "when it arrives again, likewise"),
        Field::optional("damaged", Kind::Flag, "it is damaged, and its checksum refuses it"),
    ],
);

/// What a client is called: this, and its number.
const CLIENT: &str = "client ";

/// Who can send messages.
pub struct Parties<'a> {
    /// The nodes.
    pub cluster: &'a Cluster,
    /// How many clients the workload has. The administrator is one more.
    pub clients: u64,
}

/// Reads the messages.
pub fn read(json: &Json, parties: &Parties<'_>) -> Decoded<Vec<MessageFate>> {
    let mut known = BTreeSet::new();
    let message = |json| {
        let message = message(json, parties)?;
        Ok((json, message))
    };
    let messages = list_of(message)(json)?;
    for (json, MessageFate { from, to, number, .. }) in &messages {
        if !known.insert((*from, *to, *number)) {
            let problem = "something was said about this message before";
            return Err(Problem::at(json, problem).cure("keep one of the two"));
        }
    }
    Ok(messages.into_iter().map(|(_, message)| message).collect())
}

fn message(json: &Json, parties: &Parties<'_>) -> Decoded<MessageFate> {
    SHAPE.read(json, |object| {
        let from = object.need("from", |json| party(json, parties))?;
        let to = object.need("to", |json| party(json, parties))?;
        let between_nodes = match (from, to) {
            (from, to) if from == to => {
                let problem = "what a node sends itself meets no network";
                return Err(Problem::at(json, problem).cure("name two different ends"));
            }
            (Party::Client(_), Party::Client(_)) => {
                let problem = "clients send each other no messages";
                return Err(Problem::at(json, problem).cure("name a client and a node"));
            }
            (Party::Node(_), Party::Node(_)) => true,
            _ => false,
        };
        let number = object.need("number", count(0..=u64::MAX))?;
        let fate = fate(object)?;
        if let ExplicitFate::Passes(Passage { duplicate: Some(_), .. }) = fate
            && !between_nodes
        {
            let problem = "a client's connection repeats nothing";
            return Err(Problem::at(json, problem).cure("leave `duplicate` out"));
        }
        Ok(MessageFate { from, to, number, fate })
    })
}

fn fate(object: &Object<'_>) -> Decoded<ExplicitFate> {
    let lost = object.read_or("lost", false, flag)?;
    let passage = Passage {
        delay: object.read("delay", duration)?,
        duplicate: object.read("duplicate", duration)?,
        damaged: object.read_or("damaged", false, flag)?,
    };
    match (lost, passage == Passage::default()) {
        (true, true) => Ok(ExplicitFate::Lost),
        (false, false) => Ok(ExplicitFate::Passes(passage)),
        (true, false) => Err(Problem::at(object.json, "a message that is lost does not arrive")
            .cure("keep `lost`, or the rest")),
        (false, true) => {
            Err(Problem::at(object.json, "it is not said what becomes of the message")
                .cure("add `lost`, `delay`, `duplicate` or `damaged`"))
        }
    }
}

fn party(json: &Json, parties: &Parties<'_>) -> Decoded<Party> {
    let name = text(json).map_err(|_| Problem::expected(json, "the name of a node or a client"))?;
    let Some(number) = name.strip_prefix(CLIENT) else {
        return target::node(parties.cluster)(json).map(Party::Node);
    };
    let number = number.parse().ok().filter(|&number| u64::from(number) <= parties.clients);
    number.map(|number| Party::Client(ClientId(number))).ok_or_else(|| {
        let cure = format!(
            "clients are counted from \"client 0\" to the administrator, \"client {}\"",
            parties.clients
        );
        Problem::expected(json, "a node or a client of the workload").cure(cure)
    })
}

/// Writes one message.
pub fn value(message: &MessageFate, cluster: &Cluster) -> Value {
    let mut object = ObjectWriter::default();
    object.put("from", party_value(message.from, cluster));
    object.put("to", party_value(message.to, cluster));
    object.put("number", json!(message.number));
    match message.fate {
        ExplicitFate::Lost => object.put("lost", json!(true)),
        ExplicitFate::Passes(Passage { delay, duplicate, damaged }) => {
            object.maybe("delay", delay.map(|span| json!(duration_text(span))));
            object.maybe("duplicate", duplicate.map(|span| json!(duration_text(span))));
            object.maybe("damaged", damaged.then(|| json!(true)));
        }
    }
    object.finish()
}

fn party_value(party: Party, cluster: &Cluster) -> Value {
    match party {
        Party::Node(node) => json!(cluster.name(node)),
        Party::Client(client) => json!(format!("{CLIENT}{}", client.0)),
    }
}
