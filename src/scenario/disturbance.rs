//! The faults whose value is an object: links, single messages, disks, clocks, processors.

use serde_json::json;

use crate::scenario::error::{Decoded, Problem};
use crate::scenario::json::Json;
use crate::scenario::machine::DRIFT_MAX;
use crate::scenario::network::{LINK_PROPERTIES, put_change, read_change};
use crate::scenario::shape::{Field, Kind, Shape};
use crate::scenario::target;
use crate::scenario::values::{
    count, count32, duration, duration_text, flag, integer, positive_duration, probability,
    probability_value, signed_duration, signed_duration_text, some_of, text,
};
use crate::scenario::write::ObjectWriter;
use crate::world::cluster::Cluster;
use crate::world::fault::{
    ClockFault, DiskFault, DropMessage, Fault, LinkChange, LinkFault, Target,
};

/// Other properties for some links.
pub const LINK: Shape = Shape::new(
    "the link fault",
    "The links `between` two targets (both ways), or `from` one `to` another, change.",
    &[
        Field::optional("between", Kind::Pair(&Kind::Target), "two targets, both ways"),
        Field::optional("from", Kind::Target, "the senders"),
        Field::optional("to", Kind::Target, "the receivers"),
    ],
)
.and(LINK_PROPERTIES);

/// One message that is lost.
pub const DROP: Shape = Shape::new(
    "the dropped message",
    "Which message is lost.",
    &[
        Field::required("from", Kind::Target, "the sender"),
        Field::required("to", Kind::Target, "the receiver"),
        Field::optional("kind", Kind::Text, "the type of the message; any if left out"),
        Field::optional("nth", Kind::Count(1, u64::MAX), "the how-manieth from now; default 1"),
    ],
);

/// What goes wrong with a disk.
pub const DISK: Shape = Shape::new(
    "the disk fault",
    "How the disks misbehave, and whose.",
    &[
        Field::required("nodes", Kind::Target, "whose disks"),
        Field::optional(
            "sync-failure",
            Kind::Probability,
            "a sync returns an error, and what was not synced is dropped",
        ),
        Field::optional("lying-sync", Kind::Probability, "a sync returns ok and does nothing"),
        Field::optional("read-error", Kind::Probability, "a read returns an error"),
        Field::optional("write-error", Kind::Probability, "a write returns an error"),
        Field::optional("full", Kind::Flag, "a write that needs space returns an error"),
        Field::optional(
            "slower",
            Kind::Count(1, 1_000_000),
            "operations take this many times as long",
        ),
        Field::optional("stalled", Kind::Flag, "no operation ends before the fault does"),
        Field::optional(
            "bit-rot",
            Kind::Count(1, 1_000_000),
            "this many durable bits flip, at once",
        ),
        Field::optional("misdirected-write", Kind::Probability, "a write goes to another place"),
        Field::optional(
            "latent-sectors",
            Kind::Count(1, 1_000_000),
            "this many sectors become unreadable until they are written again",
        ),
    ],
);

/// What goes wrong with a clock.
pub const CLOCK: Shape = Shape::new(
    "the clock fault",
    "How the clocks misbehave, and whose.",
    &[
        Field::required("nodes", Kind::Target, "whose clocks"),
        Field::optional("step", Kind::SignedDuration, "the wall clock jumps by this much"),
        Field::optional(
            "drift-ppm",
            Kind::Integer(-DRIFT_MAX, DRIFT_MAX),
            "the clock runs fast, or slow, by this much while the fault lasts",
        ),
        Field::optional(
            "bound",
            Kind::Duration,
            "the error bound that the clock states from now on",
        ),
    ],
);

/// A slow processor.
pub const CPU: Shape = Shape::new(
    "the slow processor",
    "How slow, and whose.",
    &[
        Field::required("nodes", Kind::Target, "whose"),
        Field::required("handler", Kind::Duration, "how long each handler takes"),
    ],
);

const SMALL_COUNT: std::ops::RangeInclusive<u32> = 1..=1_000_000;

/// Reads a link fault.
pub fn read_link(json: &Json, cluster: &Cluster) -> Decoded<Fault> {
    LINK.read(json, |object| {
        let between = object.read("between", some_of(target::read(cluster)))?;
        let from = object.read("from", target::read(cluster))?;
        let to = object.read("to", target::read(cluster))?;
        let change = read_change(object)?;
        if change == LinkChange::default() {
            return Err(Problem::at(json, "the link fault changes nothing")
                .cure("add `delay`, `loss`, `duplication`, `corruption` or `bandwidth`"));
        }
        let ends = between.map(<[Target; 2]>::try_from);
        let (from, to, both_ways) = match (ends, from, to) {
            (Some(Ok([a, b])), None, None) => (a, b, true),
            (None, Some(from), Some(to)) => (from, to, false),
            _ => {
                let problem = "the link fault does not say between whom it is";
                let cure = "write `between` with two targets, or `from` and `to`";
                return Err(Problem::at(json, problem).cure(cure));
            }
        };
        refuse_itself(json, &from, &to, cluster)?;
        Ok(Fault::Link(LinkFault { from, to, both_ways, change }))
    })
}

/// Reads a dropped message.
pub fn read_drop(json: &Json, cluster: &Cluster) -> Decoded<Fault> {
    DROP.read(json, |object| {
        let from = object.need("from", target::read(cluster))?;
        let to = object.need("to", target::read(cluster))?;
        refuse_itself(json, &from, &to, cluster)?;
        Ok(Fault::DropMessage(DropMessage {
            from,
            to,
            kind: object.read("kind", text)?.map(str::to_owned),
            nth: object.read_or("nth", 1, count(1..=u64::MAX))?,
        }))
    })
}

fn refuse_itself(json: &Json, from: &Target, to: &Target, cluster: &Cluster) -> Decoded<()> {
    let single = |target: &Target| target::members(target, cluster).filter(|all| all.len() == 1);
    match (single(from), single(to)) {
        (Some(from), Some(to)) if from == to => {
            Err(Problem::at(json, "there is no link from a node to itself")
                .cure("name two different nodes"))
        }
        _ => Ok(()),
    }
}

/// Reads a disk fault.
pub fn read_disk(json: &Json, cluster: &Cluster) -> Decoded<Fault> {
    DISK.read(json, |object| {
        let target = object.need("nodes", target::read(cluster))?;
        let effect = DiskFault {
            sync_failure: object.read("sync-failure", probability)?,
            lying_sync: object.read("lying-sync", probability)?,
            read_error: object.read("read-error", probability)?,
            write_error: object.read("write-error", probability)?,
            full: object.read("full", flag)?,
            slower: object.read("slower", count32(SMALL_COUNT))?,
            stalled: object.read("stalled", flag)?,
            bit_rot: object.read("bit-rot", count32(SMALL_COUNT))?,
            misdirected_write: object.read("misdirected-write", probability)?,
            latent_sectors: object.read("latent-sectors", count32(SMALL_COUNT))?,
        };
        if effect == DiskFault::default() {
            return Err(nothing_wrong(json, "disk", DISK));
        }
        Ok(Fault::Disk { target, effect })
    })
}

/// Reads a clock fault.
pub fn read_clock(json: &Json, cluster: &Cluster) -> Decoded<Fault> {
    CLOCK.read(json, |object| {
        let target = object.need("nodes", target::read(cluster))?;
        let effect = ClockFault {
            step: object.read("step", signed_duration)?,
            drift_ppm: object.read("drift-ppm", integer(-DRIFT_MAX..=DRIFT_MAX))?,
            bound: object.read("bound", duration)?,
        };
        if effect == ClockFault::default() {
            return Err(nothing_wrong(json, "clock", CLOCK));
        }
        Ok(Fault::Clock { target, effect })
    })
}

fn nothing_wrong(json: &Json, what: &str, shape: Shape) -> Problem {
    let effects: Vec<&str> = shape.fields().skip(1).map(|field| field.name).collect();
    Problem::at(json, format!("the {what} fault does not say what is wrong"))
        .cure(format!("add {}", crate::scenario::suggest::one_of(&effects)))
}

/// Reads a slow processor.
pub fn read_cpu(json: &Json, cluster: &Cluster) -> Decoded<Fault> {
    CPU.read(json, |object| {
        Ok(Fault::SlowCpu {
            target: object.need("nodes", target::read(cluster))?,
            handler: object.need("handler", positive_duration)?,
        })
    })
}

/// Writes a link fault.
pub fn link_value(link: &LinkFault, cluster: &Cluster) -> serde_json::Value {
    let (from, to) = (target::value(&link.from, cluster), target::value(&link.to, cluster));
    let mut object = ObjectWriter::default();
    if link.both_ways {
        object.put("between", json!([from, to]));
    } else {
        object.put("from", from);
        object.put("to", to);
    }
    put_change(&mut object, &link.change);
    object.finish()
}

/// Writes a dropped message.
pub fn drop_value(drop: &DropMessage, cluster: &Cluster) -> serde_json::Value {
    let mut object = ObjectWriter::default();
    object.put("from", target::value(&drop.from, cluster));
    object.put("to", target::value(&drop.to, cluster));
    object.maybe("kind", drop.kind.as_ref().map(|kind| json!(kind)));
    object.put("nth", json!(drop.nth));
    object.finish()
}

/// Writes a disk fault.
pub fn disk_value(target: &Target, effect: &DiskFault, cluster: &Cluster) -> serde_json::Value {
    let mut object = ObjectWriter::default();
    object.put("nodes", target::value(target, cluster));
    object.maybe("sync-failure", effect.sync_failure.map(probability_value));
    object.maybe("lying-sync", effect.lying_sync.map(probability_value));
    object.maybe("read-error", effect.read_error.map(probability_value));
    object.maybe("write-error", effect.write_error.map(probability_value));
    object.maybe("full", effect.full.map(|full| json!(full)));
    object.maybe("slower", effect.slower.map(|times| json!(times)));
    object.maybe("stalled", effect.stalled.map(|stalled| json!(stalled)));
    object.maybe("bit-rot", effect.bit_rot.map(|bits| json!(bits)));
    object.maybe("misdirected-write", effect.misdirected_write.map(probability_value));
    object.maybe("latent-sectors", effect.latent_sectors.map(|sectors| json!(sectors)));
    object.finish()
}

/// Writes a clock fault.
pub fn clock_value(target: &Target, effect: &ClockFault, cluster: &Cluster) -> serde_json::Value {
    let mut object = ObjectWriter::default();
    object.put("nodes", target::value(target, cluster));
    object.maybe("step", effect.step.map(|step| json!(signed_duration_text(step))));
    object.maybe("drift-ppm", effect.drift_ppm.map(|drift| json!(drift)));
    object.maybe("bound", effect.bound.map(|bound| json!(duration_text(bound))));
    object.finish()
}
