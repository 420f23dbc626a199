//! The systems that a scenario can run, and their options: the registry.
//!
//! The options of a system are kept as names with typed values. The table below says which names there are and of which
//! kind; what they do is the system's own business.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::kernel::ids::NodeId;
use crate::scenario::error::{Decoded, Problem};
use crate::scenario::json::{Json, shortened};
use crate::scenario::shape::{Field, Kind, Shape, entries, refuse_duplicate};
use crate::scenario::suggest;
use crate::scenario::target::node;
use crate::scenario::values::{
    count, duration_text, one_of, positive_duration, range, size, size_value, some_of, text,
};
use crate::scenario::write::ObjectWriter;
use crate::world::cluster::Cluster;

/// A system that a scenario can run.
#[derive(Clone, Copy, Debug)]
pub struct SystemSchema {
    /// Its name.
    pub kind: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// What it is built from and what it promises, in a paragraph.
    pub text: &'static str,
    /// Its options.
    pub options: &'static [OptionSchema],
}

/// One option of a system.
#[derive(Clone, Copy, Debug)]
pub struct OptionSchema {
    /// Its name.
    pub name: &'static str,
    /// What it says, and its default in parentheses.
    pub about: &'static str,
    /// Of which kind its value is.
    pub kind: OptionKind,
}

/// Of which kind the value of an option is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// A time span above zero.
    Duration,
    /// Two time spans, the least and the greatest.
    DurationRange,
    /// A whole number from 1 on.
    Count,
    /// A size in bytes.
    Size,
    /// Some of the nodes.
    Nodes,
    /// One of the nodes.
    Node,
    /// A word.
    Text,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionValue {
    /// A time span above zero.
    Duration(Duration),
    /// The least and the greatest time span.
    DurationRange(Duration, Duration),
    /// A whole number from 1 on.
    Count(u64),
    /// A size in bytes.
    Size(u64),
    /// Some of the nodes, each once.
    Nodes(Vec<NodeId>),
    /// One of the nodes.
    Node(NodeId),
    /// A word.
    Text(String),
}

/// Which system a scenario runs, and how it is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemChoice {
    /// The system's name.
    pub kind: String,
    /// The options that the scenario gives; the others keep their defaults.
    pub options: Vec<(String, OptionValue)>,
}

impl SystemChoice {
    /// The system of this name (see [`SYSTEMS`]), with its defaults.
    #[must_use]
    pub fn named(kind: &str) -> Self {
        Self { kind: kind.to_owned(), options: Vec::new() }
    }

    /// A system that a library user builds in code, under this name.
    #[must_use]
    pub fn own(name: &str) -> Self {
        let name = OptionValue::Text(name.to_owned());
        Self { kind: OWN.to_owned(), options: vec![("name".to_owned(), name)] }
    }

    /// The name by which people know the system: its kind, or the name that its builder gave it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.option("name") {
            Some(OptionValue::Text(name)) => name,
            _ => &self.kind,
        }
    }

    /// The value of an option, if the scenario gives one.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&OptionValue> {
        self.options.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// The kind of the systems that library users build in code.
pub const OWN: &str = "own";

/// All systems.
pub const SYSTEMS: [SystemSchema; 2] = [RAFT_KV, OWN_SYSTEM];

const OWN_SYSTEM: SystemSchema = SystemSchema {
    kind: OWN,
    about: "A system that is built in code, by a user of the library.",
    text: "Its nodes and its checkers are Rust code, so the program elara cannot run it: the tests that know the code can, \
           from the same scenario files, with the same sweep, shrink and replay.",
    options: &[OptionSchema {
        name: "name",
        about: "the name that its code gives it",
        kind: OptionKind::Text,
    }],
};

const RAFT_KV: SystemSchema = SystemSchema {
    kind: "raft-kv",
    about: "A key-value store replicated by Raft, with its own write-ahead log and snapshots.",
    text: "Nodes elect a leader (pre-vote, check-quorum, randomised time-outs), which orders all updates in a \
           replicated log. An update is acknowledged when a majority has it on disk. Reads are linearizable by \
           read index; followers serve bounded-staleness and session reads. Requests carry a session and a \
           sequence number, so that a retry is executed once. Members change by joint consensus. Sources: Ongaro \
           and Ousterhout, In Search of an Understandable Consensus Algorithm (2014); Ongaro, Consensus: Bridging \
           Theory and Practice (2014).",
    options: &[
        OptionSchema {
            name: "election-timeout",
            about: "how long a follower waits for its leader, drawn each time (300ms to 600ms)",
            kind: OptionKind::DurationRange,
        },
        OptionSchema {
            name: "heartbeat",
            about: "how often a leader that has nothing to say says so (60ms)",
            kind: OptionKind::Duration,
        },
        OptionSchema {
            name: "batch-linger",
            about: "how long a request waits for company while a sync is under way (1ms)",
            kind: OptionKind::Duration,
        },
        OptionSchema {
            name: "batch-max",
            about: "how many requests share a sync, and entries a message, at most (64)",
            kind: OptionKind::Count,
        },
        OptionSchema {
            name: "window",
            about: "how many append messages may be under way to one follower (16)",
            kind: OptionKind::Count,
        },
        OptionSchema {
            name: "segment-bytes",
            about: "at which size a segment of the log is full (64KiB)",
            kind: OptionKind::Size,
        },
        OptionSchema {
            name: "snapshot-every",
            about: "after how many applied entries a snapshot is taken (2000)",
            kind: OptionKind::Count,
        },
        OptionSchema {
            name: "log-kept",
            about: "how many entries behind a snapshot stay, for followers that lag a little (500)",
            kind: OptionKind::Count,
        },
        OptionSchema {
            name: "request-deadline",
            about: "after how long a waiting request is answered in any case (1s)",
            kind: OptionKind::Duration,
        },
        OptionSchema {
            name: "staleness-bound",
            about: "how old the state may be that a bounded read is served from (500ms)",
            kind: OptionKind::Duration,
        },
        OptionSchema {
            name: "session-expiry",
            about: "after how much time without a request a session ends (10m)",
            kind: OptionKind::Duration,
        },
        OptionSchema {
            name: "members",
            about: "the nodes that vote at first (all)",
            kind: OptionKind::Nodes,
        },
        OptionSchema {
            name: "first-leader",
            about: "the node that stands first when the cluster is founded (whoever times out first)",
            kind: OptionKind::Node,
        },
    ],
};

impl OptionKind {
    /// Of which kind the value is in the file.
    #[must_use]
    pub const fn json_kind(self) -> Kind {
        match self {
            Self::Duration => Kind::Duration,
            Self::DurationRange => Kind::Pair(&Kind::Duration),
            Self::Count => Kind::Count(1, u64::MAX),
            Self::Size => Kind::Size,
            Self::Nodes => Kind::Some(&Kind::Name),
            Self::Node | Self::Text => Kind::Name,
        }
    }
}

/// The system of a scenario.
pub(super) const SHAPE: Shape = Shape::new(
    "the system",
    "Which system runs, and its options.",
    &[
        Field::required("kind", Kind::OneOf(kinds), "the system's name"),
        Field::optional("options", Kind::Text, "its options; what is left out has a default"),
    ],
);

/// The names of all systems.
#[must_use]
pub fn kinds() -> Vec<&'static str> {
    SYSTEMS.iter().map(|system| system.kind).collect()
}

/// Reads the system of a scenario.
pub(super) fn read(cluster: &Cluster) -> impl Fn(&Json) -> Decoded<SystemChoice> {
    move |json| {
        SHAPE.read(json, |object| {
            let kind = object.need("kind", one_of("system", kinds()))?;
            let schema = SYSTEMS.iter().find(|schema| schema.kind == kind);
            let schema = schema.expect("the name was found among these");
            let options = object.read("options", |json| options(json, schema, cluster))?;
            Ok(SystemChoice { kind: kind.to_owned(), options: options.unwrap_or_default() })
        })
    }
}

fn options(
    json: &Json,
    schema: &SystemSchema,
    cluster: &Cluster,
) -> Decoded<Vec<(String, OptionValue)>> {
    let entries = entries(json, "the options of the system")?;
    let mut options = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let Some(option) = schema.options.iter().find(|option| option.name == entry.key) else {
            let problem = format!("{} has no option `{}`", schema.kind, shortened(&entry.key));
            let known = schema.options.iter().map(|option| option.name);
            return Err(Problem::of(entry.id, problem).cure(suggest::cure(&entry.key, known)));
        };
        refuse_duplicate(&entries[..place], entry)?;
        options.push((entry.key.clone(), option_value(&entry.value, option.kind, cluster)?));
    }
    Ok(options)
}

fn option_value(json: &Json, kind: OptionKind, cluster: &Cluster) -> Decoded<OptionValue> {
    Ok(match kind {
        OptionKind::Duration => OptionValue::Duration(positive_duration(json)?),
        OptionKind::DurationRange => {
            let (low, high) = range(positive_duration)(json)?;
            OptionValue::DurationRange(low, high)
        }
        OptionKind::Count => OptionValue::Count(count(1..=u64::MAX)(json)?),
        OptionKind::Size => OptionValue::Size(size(json)?),
        OptionKind::Nodes => OptionValue::Nodes(distinct_nodes(json, cluster)?),
        OptionKind::Node => OptionValue::Node(node(cluster)(json)?),
        OptionKind::Text => OptionValue::Text(text(json)?.to_owned()),
    })
}

/// Reads a list of nodes, each once.
pub(super) fn distinct_nodes(json: &Json, cluster: &Cluster) -> Decoded<Vec<NodeId>> {
    let nodes = some_of(node(cluster))(json)?;
    let mut sorted = nodes.clone();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(nodes),
        Some(pair) => {
            let problem = format!("the node `{}` is there twice", cluster.name(pair[0]));
            Err(Problem::at(json, problem).cure("keep one of them"))
        }
    }
}

/// Writes the system of a scenario.
pub(super) fn value(choice: &SystemChoice, cluster: &Cluster) -> Value {
    let options = choice.options.iter().map(|(name, value)| {
        let value = match value {
            OptionValue::Duration(span) => json!(duration_text(*span)),
            OptionValue::DurationRange(low, high) => {
                json!([duration_text(*low), duration_text(*high)])
            }
            OptionValue::Count(count) => json!(count),
            OptionValue::Size(size) => size_value(*size),
            OptionValue::Node(node) => json!(cluster.name(*node)),
            OptionValue::Text(text) => json!(text),
            OptionValue::Nodes(nodes) => {
                nodes.iter().map(|&node| json!(cluster.name(node))).collect()
            }
        };
        (name.clone(), value)
    });
    let mut object = ObjectWriter::default();
    object.put("kind", json!(choice.kind));
    object.put("options", Value::Object(options.collect::<Map<_, _>>()));
    object.finish()
}
