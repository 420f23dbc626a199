//! What a run was: plain data, from which every report is made.
//!
//! The fields of [`RunReport`] are, in this order and under these names, the JSON document that `elara run --format
//! json` prints. What only the text report needs is in its [`Story`]; what was kept on request is in [`Kept`].
//!
//! The words that this data is made of are re-exported, because reports look at a run through this module only.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

pub use crate::history::{HistoryEvent, Value};
use crate::kernel::ids::{Generation, NodeId};
use crate::kernel::time::Instant;
pub use crate::scenario::judgement::Expectation;
pub use crate::trace::{Endpoint, Event, Fact};

/// The result of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunReport {
    /// The version of elara.
    pub elara: String,
    /// The scenario's name.
    pub scenario: String,
    /// The system's name.
    pub system: String,
    /// The seed.
    pub seed: u64,
    /// The patterns that were off.
    pub without: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether that is what the scenario expects.
    pub as_expected: bool,
    /// What was found wrong, in the order of time.
    pub violations: Vec<ViolationReport>,
    /// Why nobody can say, if the verdict is unknown; also what single checkers could not judge.
    pub unknown_because: Vec<String>,
    /// The digest of every event, as 16 hexadecimal digits.
    pub digest: String,
    /// How long the run was in virtual time, in nanoseconds.
    pub virtual_ns: u64,
    /// How long it took, in nanoseconds. The only field that differs from run to run.
    pub wall_ns: u64,
    /// How many events there were.
    pub events: u64,
    /// Messages.
    pub messages: MessageCounts,
    /// Disks.
    pub disk: DiskCounts,
    /// Faults that began, by their kind.
    pub faults: BTreeMap<String, u64>,
    /// Faults that the nemesis held back because they would have broken what the system relies on, by their kind.
    pub held_back: BTreeMap<String, u64>,
    /// Clients' operations.
    pub operations: OperationCounts,
    /// How long operations took that ended ok, in nanoseconds.
    pub latency_ns: Latency,
    /// How often each coverage mark was reached.
    pub coverage: BTreeMap<String, u64>,
    /// The command line that runs it again. The command line fills it in.
    pub replay: String,
    /// What the text report tells besides.
    #[serde(skip)]
    pub story: Story,
    /// What was kept on request.
    #[serde(skip)]
    pub kept: Kept,
}

/// The verdict on a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every claim held.
    Ok,
    /// A claim did not hold.
    Violation,
    /// Nobody can say.
    #[default]
    Unknown,
}

/// One thing that a checker found wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ViolationReport {
    /// The checker.
    pub checker: String,
    /// When it showed, in nanoseconds of virtual time.
    pub at_ns: u64,
    /// What is wrong.
    pub message: String,
    /// The facts that prove it, in order.
    pub evidence: Vec<String>,
    /// Whether it proves nothing about the system, because an assumption was broken before.
    #[serde(skip)]
    pub excused: bool,
}

/// Messages, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MessageCounts {
    /// Sent.
    pub sent: u64,
    /// Delivered.
    pub delivered: u64,
    /// Lost for any reason but a cut.
    pub lost: u64,
    /// Delivered a second time.
    pub duplicated: u64,
    /// Lost because a link was cut.
    pub cut: u64,
}

/// Disk operations of all nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DiskCounts {
    /// Writes.
    pub writes: u64,
    /// Syncs.
    pub syncs: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Unsynced sectors that a power failure took.
    pub lost_sectors: u64,
    /// Sectors that a power failure tore.
    pub torn: u64,
}

/// Operations, by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OperationCounts {
    /// They took effect.
    pub ok: u64,
    /// They did not, and never will.
    pub fail: u64,
    /// Nobody knows.
    pub info: u64,
}

impl OperationCounts {
    /// All operations that ended.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.ok + self.fail + self.info
    }
}

/// Quantiles, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// Half are shorter.
    pub p50: u64,
    /// One in a hundred is longer.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

/// What the text report tells besides the numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// The scenario's own words.
    pub about: String,
    /// The verdict that the scenario expects.
    pub expect: Expectation,
    /// The nodes' names; a [`NodeId`] is a place here.
    pub nodes: Vec<String>,
    /// The phases of the run, in order.
    pub acts: Vec<Act>,
    /// The faults, in the order in which they began.
    pub faults: Vec<FaultSpan>,
    /// The random faults that a swarm drew, one generator in each line, as a scenario says it.
    pub drawn: Vec<String>,
    /// The nodes that the quiet tail healed and relied on; `None` if it healed everybody.
    pub core: Option<Vec<NodeId>>,
    /// The faults that were held back, by their kind and the reason.
    pub held_back: Vec<HeldBack>,
    /// When nodes did not run, or were cut off.
    pub outages: Vec<Outage>,
    /// Who led when.
    pub leaderships: Vec<Leadership>,
    /// Operations over time.
    pub activity: Activity,
    /// The marks that the scenario wants reached and the run did not reach.
    pub never_reached: Vec<String>,
}

/// One phase of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Its name: `calm`, `chaos`, `quiet`, `audit`.
    pub name: String,
    /// When it began.
    pub from: Instant,
    /// When it ended.
    pub to: Instant,
}

/// One fault, as it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultSpan {
    /// Its place in the schedule.
    pub place: u32,
    /// Its kind, for example `partition`.
    pub kind: String,
    /// Between whom a partition is, in the scenario's own words; empty for other faults.
    pub sides: String,
    /// The nodes it met.
    pub nodes: Vec<NodeId>,
    /// When it began.
    pub from: Instant,
    /// When it ended; the same if it happened at a moment.
    pub to: Instant,
}

/// Faults of one kind that were held back for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// Their kind.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// When the first of them was to begin.
    pub first: Instant,
    /// What it would have done to the system's assumptions, in words.
    pub why: String,
}

/// When a node did not run, or could not be reached by some others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Which node.
    pub node: NodeId,
    /// What it was.
    pub kind: OutageKind,
    /// When it began.
    pub from: Instant,
    /// When it ended.
    pub to: Instant,
}

/// What kept a node from its work. Later ones are worse, and hide earlier ones in the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutageKind {
    /// It was cut off from a majority.
    Cut,
    /// It was paused.
    Paused,
    /// It was down.
    Down,
}

/// One leadership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// Who led.
    pub node: NodeId,
    /// In which generation.
    pub generation: Generation,
    /// From when.
    pub from: Instant,
    /// Until when.
    pub to: Instant,
}

/// Operations over time, by the interval in which they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// How long an interval is.
    pub interval: Duration,
    /// The groups of clients, with their counts per interval.
    pub groups: Vec<GroupActivity>,
}

/// What a group of clients saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupActivity {
    /// The region of the clients, or `clients`.
    pub name: String,
    /// One entry for each interval.
    pub counts: Vec<OperationCounts>,
}

/// What was kept on request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Every event.
    pub trace: Vec<Event>,
    /// What clients invoked and saw.
    pub history: Vec<HistoryEvent>,
}

impl RunReport {
    /// Replaces `node#0` by the node's name in a text.
    #[must_use]
    pub fn with_names(&self, text: &str) -> String {
        self.story.with_names(text)
    }
}

impl Story {
    /// Replaces `node#0` by the node's name in a text. What names no node stays.
    #[must_use]
    pub fn with_names(&self, text: &str) -> String {
        let mut parts = text.split("node#");
        let mut named = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let place = part[..digits].parse::<usize>().ok();
            if let Some(name) = place.and_then(|place| self.nodes.get(place)) {
                named.push_str(name);
                named.push_str(&part[digits..]);
            } else {
                named.push_str("node#");
                named.push_str(part);
            }
        }
        named
    }

    /// The name of a node.
    #[must_use]
    pub fn name(&self, node: NodeId) -> String {
        self.with_names(&node.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_nodes_become_names() {
        let story = Story { nodes: vec!["e1".into(), "w1".into()], ..Story::default() };
        let text = "node#1 and node#0 differ; node#10, node# and enode stay";
        let expected = "w1 and e1 differ; node#10, node# and enode stay";
        assert_eq!(story.with_names(text), expected);
    }
}
