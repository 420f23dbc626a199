//! The faults of a scenario: the table of their forms, and the timeline.
//!
//! A fault is an object with one key that names what goes wrong, the keys that belong to it, and its time: `at` and `for`
//! in the timeline, `every` and a drawn `for` in the nemesis. The table [`FAULTS`] is the only list of the forms: the
//! parser, the schema, `elara list faults` and `elara explain` read it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::kernel::random::Probability;
use crate::kernel::time::Instant;
use crate::scenario::distribution::{distribution, distribution_value};
use crate::scenario::disturbance;
use crate::scenario::error::{Decoded, Problem};
use crate::scenario::json::{Content, Json, shortened};
use crate::scenario::partition;
use crate::scenario::shape::{Field, Kind, Object, Shape, entries};
use crate::scenario::suggest;
use crate::scenario::systems::distinct_nodes;
use crate::scenario::target::{aim, value as target_value};
use crate::scenario::trigger;
use crate::scenario::values::{
    count, duration, duration_text, flag, list_of, one_of, positive_duration, probability,
    probability_value,
};
use crate::scenario::write::ObjectWriter;
use crate::world::cluster::Cluster;
use crate::world::fault::{Away, Fault, PowerFailure, ScheduledFault, Target};

/// A kind of fault: how it is written and what it does.
#[derive(Clone, Copy, Debug)]
pub struct FaultForm {
    /// Its name, and the key that names it.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// An example of a timeline entry.
    pub example: &'static str,
    /// Whether it can last for a stated time.
    pub lasts: Lasts,
    fields: &'static [Field],
    pub(super) read: fn(&Object<'_>, &Cluster) -> Decoded<Fault>,
}

/// Whether a fault can last for a stated time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// It begins and ends, and takes `for`.
    Spanning,
    /// It happens at a moment.
    Momentary,
}

/// When faults of a form happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// Once, at a stated time.
    Scheduled,
    /// Again and again, at times that the seed draws.
    Generated,
}

const AT: &[Field] = &[Field::required(
    "at",
    Kind::Duration,
    "when it begins, or from when on it waits for its trigger",
)];
const FOR: Field =
    Field::optional("for", Kind::Duration, "how long it lasts; until it is healed if left out");
const UPON: Field = Field::optional("upon", trigger::KIND, "what it waits for");
const DRAWS: Field = Field::optional(
    "draws",
    Kind::Count(0, u64::MAX),
    "the number that names what it draws; default: its place in the list",
);
const YIELDS: Field = Field::optional(
    "yields",
    Kind::Flag,
    "it was drawn: it is held back if it would break what the system relies on; default false",
);
const EVERY: &[Field] =
    &[Field::required("every", Kind::Distribution, "the time from one to the next")];
const FOR_DRAWN: Field =
    Field::optional("for", Kind::Distribution, "how long it lasts; until it is healed if left out");

const RESTART: Field = Field::optional(
    "restart",
    Kind::Distribution,
    "after how long the node starts again; not by itself if left out",
);

/// All forms of faults. `restart` is the last but one because other forms have a key of that name.
pub const FAULTS: [FaultForm; 14] = [
    FaultForm {
        name: "partition",
        about: "Groups of nodes cannot reach each other: links are cut, stalled or slowed.",
        example: r#"{ "at": "10s", "partition": ["east", "west"], "for": "60s" }"#,
        lasts: Lasts::Spanning,
        fields: partition::FIELDS,
        read: partition::read,
    },
    FaultForm {
        name: "link",
        about: "Some links get another delay, loss, duplication, corruption or bandwidth.",
        example: r#"{ "at": "9s", "link": { "from": "n1", "to": "n2", "loss": 1.0 }, "for": "2s" }"#,
        lasts: Lasts::Spanning,
        fields: &[Field::required(
            "link",
            Kind::Object(&disturbance::LINK),
            "which links, and how",
        )],
        read: |object, cluster| object.need("link", |json| disturbance::read_link(json, cluster)),
    },
    FaultForm {
        name: "drop-message",
        about: "The n-th message of a type, counted from now on, is lost.",
        example: r#"{ "at": "4s", "drop-message": { "from": "n1", "to": "n2", "kind": "append", "nth": 3 } }"#,
        lasts: Lasts::Momentary,
        fields: &[Field::required(
            "drop-message",
            Kind::Object(&disturbance::DROP),
            "which message",
        )],
        read: |object, cluster| {
            object.need("drop-message", |json| disturbance::read_drop(json, cluster))
        },
    },
    FaultForm {
        name: "crash",
        about: "The process dies; what it wrote survives in the operating system's page cache.",
        example: r#"{ "at": "5s", "crash": "leader", "restart": "2s" }"#,
        lasts: Lasts::Momentary,
        fields: &[Field::required("crash", Kind::Aim, "whose process dies"), RESTART],
        read: |object, cluster| {
            let target = object.need("crash", aim(cluster))?;
            Ok(Fault::Crash { target, restart: object.read("restart", distribution)? })
        },
    },
    FaultForm {
        name: "power-failure",
        about: "Machines lose power: each unsynced sector survives or not, and one may be torn.",
        example: r#"{ "at": "20s", "power-failure": "all", "within": "5ms", "restart": { "uniform": ["0s", "30s"] } }"#,
        lasts: Lasts::Momentary,
        fields: POWER_FIELDS,
        read: read_power_failure,
    },
    FaultForm {
        name: "wipe",
        about: "The disk is replaced by an empty one; a node that runs loses power first.",
        example: r#"{ "at": "9s", "wipe": "n3", "restart": "1s" }"#,
        lasts: Lasts::Momentary,
        fields: &[Field::required("wipe", Kind::Aim, "whose disk is replaced"), RESTART],
        read: |object, cluster| {
            let target = object.need("wipe", aim(cluster))?;
            Ok(Fault::Wipe { target, restart: object.read("restart", distribution)? })
        },
    },
    FaultForm {
        name: "pause",
        about: "No code runs on the node, as in a long garbage collection; its clock goes on.",
        example: r#"{ "at": "7s", "pause": "n1", "for": "3s" }"#,
        lasts: Lasts::Spanning,
        fields: &[Field::required("pause", Kind::Aim, "who is paused")],
        read: |object, cluster| Ok(Fault::Pause { target: object.need("pause", aim(cluster))? }),
    },
    FaultForm {
        name: "swizzle",
        about: "A random half of the nodes goes away one after the other, and comes back in another order.",
        example: r#"{ "at": "7s", "swizzle": "cut", "for": "6s" }"#,
        lasts: Lasts::Spanning,
        fields: &[Field::required("swizzle", Kind::OneOf(ways), "how they go away")],
        read: |object, _| {
            let name = object.need("swizzle", one_of("way to go away", ways()))?;
            let way = AWAY.iter().find(|(known, _)| *known == name);
            Ok(Fault::Swizzle { away: way.expect("the name is one of them").1 })
        },
    },
    FaultForm {
        name: "slow-cpu",
        about: "Each handler of the node takes this much processor time.",
        example: r#"{ "at": "7s", "slow-cpu": { "nodes": "leader", "handler": "5ms" }, "for": "3s" }"#,
        lasts: Lasts::Spanning,
        fields: &[Field::required(
            "slow-cpu",
            Kind::Object(&disturbance::CPU),
            "whose, and how slow",
        )],
        read: |object, cluster| {
            object.need("slow-cpu", |json| disturbance::read_cpu(json, cluster))
        },
    },
    FaultForm {
        name: "disk",
        about: "A disk fails, lies, fills up, stalls or forgets.",
        example: r#"{ "at": "8s", "disk": { "nodes": "n2", "sync-failure": 1.0 }, "for": "1s" }"#,
        lasts: Lasts::Spanning,
        fields: &[Field::required(
            "disk",
            Kind::Object(&disturbance::DISK),
            "whose, and what is wrong",
        )],
        read: |object, cluster| object.need("disk", |json| disturbance::read_disk(json, cluster)),
    },
    FaultForm {
        name: "clock",
        about: "A clock jumps, runs fast or slow, or states another error bound.",
        example: r#"{ "at": "9s", "clock": { "nodes": "n1", "step": "-5s" } }"#,
        lasts: Lasts::Spanning,
        fields: &[Field::required("clock", Kind::Object(&disturbance::CLOCK), "whose, and how")],
        read: |object, cluster| object.need("clock", |json| disturbance::read_clock(json, cluster)),
    },
    FaultForm {
        name: "reconfigure",
        about: "The administrator asks the system to change its members to this set.",
        example: r#"{ "at": "12s", "reconfigure": ["n1", "n2", "n4"] }"#,
        lasts: Lasts::Momentary,
        fields: &[Field::required(
            "reconfigure",
            Kind::AnyOf(&[Kind::Some(&Kind::Name), Kind::OneOf(random_members)]),
            "the new members, or random ones: a majority of the nodes, or most of them",
        )],
        read: |object, cluster| {
            let members = object.need("reconfigure", |json| read_members(json, cluster))?;
            Ok(Fault::Reconfigure { members })
        },
    },
    FaultForm {
        name: "restart",
        about: "A node that is down starts.",
        example: r#"{ "at": "25s", "restart": "n1" }"#,
        lasts: Lasts::Momentary,
        fields: &[Field::required("restart", Kind::Aim, "who starts")],
        read: |object, cluster| {
            Ok(Fault::Restart { target: object.need("restart", aim(cluster))? })
        },
    },
    FaultForm {
        name: "heal",
        about: "Every fault that still holds and touches the target ends, and nodes that are down start.",
        example: r#"{ "at": "30s", "heal": "all" }"#,
        lasts: Lasts::Momentary,
        fields: &[Field::required("heal", Kind::Aim, "what is healed; `all` heals everything")],
        read: |object, cluster| Ok(Fault::Heal { target: object.need("heal", aim(cluster))? }),
    },
];

const AWAY: [(&str, Away); 3] =
    [("cut", Away::Cut), ("pause", Away::Pause), ("crash", Away::Crash)];

fn ways() -> Vec<&'static str> {
    AWAY.iter().map(|(name, _)| *name).collect()
}

const POWER_FIELDS: &[Field] = &[
    Field::required("power-failure", Kind::Aim, "who loses power"),
    Field::optional(
        "within",
        Kind::Duration,
        "each node loses power at a random time within this span; default 0s",
    ),
    RESTART,
    Field::optional(
        "again",
        Kind::Probability,
        "the chance that power fails again after it returned, three times at most; default 0",
    ),
    Field::optional("again-within", Kind::Duration, "how soon after a start; default 1s"),
    Field::optional(
        "again-after-operations",
        Kind::Count(1, u64::MAX),
        "power fails again, once, right after this many disk operations since the start",
    ),
];

fn read_power_failure(object: &Object<'_>, cluster: &Cluster) -> Decoded<Fault> {
    Ok(Fault::PowerFailure(PowerFailure {
        target: object.need("power-failure", aim(cluster))?,
        within: object.read_or("within", Duration::ZERO, duration)?,
        restart: object.read("restart", distribution)?,
        again: object.read_or("again", Probability::NEVER, probability)?,
        again_within: object.read_or("again-within", Duration::from_secs(1), duration)?,
        again_after_operations: object.read("again-after-operations", count(1..=u64::MAX))?,
    }))
}

fn random_members() -> Vec<&'static str> {
    vec!["all", "majority", "most"]
}

fn read_members(json: &Json, cluster: &Cluster) -> Decoded<Target> {
    if let Content::Text(_) = json.content {
        return Ok(match one_of("set of members", random_members())(json)? {
            "all" => Target::All,
            "majority" => Target::Majority,
            _ => Target::Most,
        });
    }
    let members = distinct_nodes(json, cluster)?;
    Ok(Target::List(members.into_iter().map(Target::Node).collect()))
}

impl FaultForm {
    /// What an object of this form looks like.
    #[must_use]
    pub(crate) const fn shape(&self, timing: Timing) -> Shape {
        let (start, rest): (_, &[Field]) = match (timing, self.lasts) {
            (Timing::Scheduled, Lasts::Spanning) => (AT, &[FOR, UPON, DRAWS, YIELDS]),
            (Timing::Scheduled, Lasts::Momentary) => (AT, &[UPON, DRAWS, YIELDS]),
            (Timing::Generated, Lasts::Spanning) => (EVERY, &[FOR_DRAWN, UPON]),
            (Timing::Generated, Lasts::Momentary) => (EVERY, &[UPON]),
        };
        Shape { name: self.name, about: self.about, groups: [start, self.fields, rest] }
    }
}

/// Reads the timeline of a run whose faults end at `end`.
pub(super) fn read_timeline(
    cluster: &Cluster,
    end: Duration,
) -> impl Fn(&Json) -> Decoded<Vec<ScheduledFault>> {
    move |json| {
        list_of(|json| {
            let form = form(json)?;
            form.shape(Timing::Scheduled).read(json, |object| {
                let at = object.need("at", |json| before(json, end))?;
                let lasts = match form.lasts {
                    Lasts::Spanning => object.read("for", positive_duration)?,
                    Lasts::Momentary => None,
                };
                let upon = object.read("upon", trigger::read)?;
                Ok(ScheduledFault {
                    at,
                    lasts,
                    fault: trigger::checked(json, (form.read)(object, cluster)?, upon)?,
                    upon,
                    draws: object.read("draws", count(0..=u64::MAX))?,
                    yields: object.read_or("yields", false, flag)?,
                })
            })
        })(json)
    }
}

fn before(json: &Json, end: Duration) -> Decoded<Instant> {
    let at = duration(json)?;
    if at > end {
        let problem = format!("the fault begins at {}", duration_text(at));
        let cure = format!("the time of faults ends at {} (`duration`)", duration_text(end));
        return Err(Problem::at(json, problem).cure(cure));
    }
    Ok(Instant::ZERO + at)
}

/// The form that an object's keys name.
pub(super) fn form(json: &Json) -> Decoded<&'static FaultForm> {
    let entries = entries(json, "a fault")?;
    let named = FAULTS.iter().find(|form| entries.iter().any(|entry| entry.key == form.name));
    if let Some(form) = named {
        return Ok(form);
    }
    let known = || FAULTS.iter().map(|form| form.name);
    let near = entries
        .iter()
        .find_map(|entry| suggest::nearest(&entry.key, known()).map(|near| (entry, near)));
    if let Some((entry, near)) = near {
        let problem = format!("unknown key `{}` in a fault", shortened(&entry.key));
        return Err(Problem::of(entry.id, problem).cure(format!("did you mean `{near}`?")));
    }
    let all: Vec<&str> = known().collect();
    let cure = format!("add one of {}", suggest::one_of(&all));
    Err(Problem::at(json, "the fault does not say what goes wrong").cure(cure))
}

/// Writes one fault of the timeline.
pub(super) fn scheduled_value(scheduled: &ScheduledFault, cluster: &Cluster) -> Value {
    let mut object = ObjectWriter::default();
    let at = scheduled.at.since(Instant::ZERO);
    object.put("at", json!(duration_text(at)));
    put_fault(&mut object, &scheduled.fault, cluster);
    object.maybe("for", scheduled.lasts.map(|span| json!(duration_text(span))));
    object.maybe("upon", scheduled.upon.map(trigger::value));
    object.maybe("draws", scheduled.draws.map(|number| json!(number)));
    object.maybe("yields", scheduled.yields.then(|| json!(true)));
    object.finish()
}

/// Writes what goes wrong.
pub(super) fn put_fault(object: &mut ObjectWriter, fault: &Fault, cluster: &Cluster) {
    let aimed = |target: &Target| target_value(target, cluster);
    let kind = fault.kind();
    match fault {
        Fault::Partition(partition) => partition::put(object, partition, cluster),
        Fault::Link(link) => object.put(kind, disturbance::link_value(link, cluster)),
        Fault::DropMessage(drop) => object.put(kind, disturbance::drop_value(drop, cluster)),
        Fault::PowerFailure(failure) => put_power_failure(object, failure, cluster),
        Fault::Crash { target, restart } | Fault::Wipe { target, restart } => {
            object.put(kind, aimed(target));
            object.maybe("restart", restart.as_ref().map(distribution_value));
        }
        Fault::Restart { target } | Fault::Pause { target } | Fault::Heal { target } => {
            object.put(kind, aimed(target));
        }
        Fault::Swizzle { away } => {
            let known = AWAY.iter().find(|(_, known)| known == away);
            object.put(kind, json!(known.expect("every way has a name").0));
        }
        Fault::Reconfigure { members } => object.put(kind, aimed(members)),
        Fault::SlowCpu { target, handler } => {
            let handler = duration_text(*handler);
            object.put(kind, json!({ "nodes": aimed(target), "handler": handler }));
        }
        Fault::Disk { target, effect } => {
            object.put(kind, disturbance::disk_value(target, effect, cluster));
        }
        Fault::Clock { target, effect } => {
            object.put(kind, disturbance::clock_value(target, effect, cluster));
        }
    }
}

fn put_power_failure(object: &mut ObjectWriter, failure: &PowerFailure, cluster: &Cluster) {
    object.put("power-failure", target_value(&failure.target, cluster));
    object.put("within", json!(duration_text(failure.within)));
    object.maybe("restart", failure.restart.as_ref().map(distribution_value));
    object.put("again", probability_value(failure.again));
    object.put("again-within", json!(duration_text(failure.again_within)));
    object.maybe("again-after-operations", failure.again_after_operations.map(|n| json!(n)));
}
