//! What a fault waits for: `"upon"`.

use serde_json::{Value, json};

use crate::scenario::error::{Decoded, Problem};
use crate::scenario::json::{Content, Json};
use crate::scenario::shape::{Field, Kind, Shape, variant};
use crate::scenario::values::{count, one_of};
use crate::world::fault::{Fault, Trigger};

/// The triggers that have a name only.
const NAMED: [(&str, Trigger); 4] = [
    ("commit", Trigger::Commit),
    ("election", Trigger::Election),
    ("leadership", Trigger::Leadership),
    ("recovery", Trigger::Recovery),
];

const DISK_OPERATION: Shape = Shape::new(
    "the trigger",
    "The k-th disk operation from then on, of the nodes that the target may mean.",
    &[Field::required("disk-operation", Kind::Count(1, u64::MAX), "which, from 1")],
);

/// What the value of `upon` may be.
pub const KIND: Kind = Kind::AnyOf(&[Kind::OneOf(names), Kind::Object(&DISK_OPERATION)]);

fn names() -> Vec<&'static str> {
    NAMED.iter().map(|(name, _)| *name).collect()
}

/// Reads a trigger.
pub fn read(json: &Json) -> Decoded<Trigger> {
    if let Content::Object(_) = json.content {
        let (_, nth) = variant(json, &[DISK_OPERATION])?;
        return count(1..=u64::MAX)(nth).map(Trigger::DiskOperation);
    }
    let name = one_of("trigger", names())(json)?;
    let found = NAMED.iter().find(|(known, _)| *known == name);
    Ok(found.expect("the name is one of them").1)
}

/// Refuses a fault that is aimed at the place of a trigger and has none, and one that cannot wait for any.
pub fn checked(json: &Json, fault: Fault, upon: Option<Trigger>) -> Decoded<Fault> {
    if upon.is_none() && fault.targets().iter().any(|target| target.is_there()) {
        let problem = "`there` is the node at which a trigger happened, and the fault has none";
        let cure = "add `upon`, as \"upon\": \"commit\", or name another target";
        return Err(Problem::at(json, problem).cure(cure));
    }
    if upon.is_some() && matches!(fault, Fault::Swizzle { .. }) {
        let problem = "a swizzle is many faults at times of their own, and waits for nothing";
        return Err(Problem::at(json, problem).cure("leave `upon` out"));
    }
    Ok(fault)
}

/// Writes a trigger.
pub fn value(trigger: Trigger) -> Value {
    match trigger {
        Trigger::DiskOperation(nth) => json!({ "disk-operation": nth }),
        named => {
            let known = NAMED.iter().find(|(_, known)| *known == named);
            json!(known.expect("every other trigger has a name").0)
        }
    }
}
