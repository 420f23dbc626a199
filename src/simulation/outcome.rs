//! What a run leaves behind: the judgements, the counts, and what a report needs to tell the story.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checkers::Violation;
use crate::history::HistoryEvent;
use crate::kernel::ids::{Generation, NodeId};
use crate::kernel::time::Instant;
use crate::simulation::latency::Latencies;
use crate::trace::Event;
use crate::world::disk::DiskStatistics;
use crate::world::network::NetworkStatistics;

/// A run, seen from its end.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What was found wrong, in the order in which it showed, with the name of the checker.
    pub violations: Vec<(&'static str, Violation)>,
    /// Who could not say, and why.
    pub unknown: Vec<(&'static str, String)>,
    /// Who had nothing to check, and why.
    pub vacuous: Vec<(&'static str, String)>,
    /// Who had something to check and found nothing wrong.
    pub ok: Vec<&'static str>,
    /// The digest over every fact of the run.
    pub digest: u64,
    /// How many events the loop took.
    pub events: u64,
    /// When the run ended.
    pub end: Instant,
    /// What the network did.
    pub network: NetworkStatistics,
    /// How many messages arrived.
    pub delivered: u64,
    /// What the disks did, together.
    pub disk: DiskStatistics,
    /// How many operations ended `ok`, `fail`, `info`.
    pub operations: Counts,
    /// How long `ok` operations took.
    pub latencies: Latencies,
    /// How often each coverage mark was reached.
    pub coverage: BTreeMap<&'static str, u64>,
    /// The phases and when they began.
    pub phases: Vec<(&'static str, Instant)>,
    /// The faults that happened.
    pub faults: Vec<FaultSpan>,
    /// The entries of the fault schedule that came up and disturbed nothing: the run has not tested them.
    pub missed: Vec<FaultMissed>,
    /// The faults that were held back, in order.
    pub held_back: Vec<FaultHeldBack>,
    /// The nodes that the quiet tail healed and relied on; `None` if it healed everybody.
    pub core: Option<Vec<NodeId>>,
    /// How many reads of the audit did not end `ok`, and how many clients had not come to its end.
    pub unread: u64,
    /// Who led, and when.
    pub leaders: Vec<LeaderSpan>,
    /// When nodes were not running.
    pub absences: Vec<Absence>,
    /// Operations over time, for each group of clients of the workload.
    pub timeline: Vec<Vec<Counts>>,
    /// How long one step of the timeline is.
    pub step: Duration,
    /// What each node waited for at the end.
    pub waiting: Vec<(NodeId, String)>,
    /// The history, if it was kept.
    pub history: Vec<HistoryEvent>,
    /// The trace, if it was kept.
    pub trace: Vec<Event>,
}

/// Operations by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// They took effect.
    pub ok: u64,
    /// They did not.
    pub fail: u64,
    /// Nobody knows.
    pub info: u64,
}

/// One fault, as it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultSpan {
    /// Its kind.
    pub kind: &'static str,
    /// Its place in the schedule.
    pub place: u32,
    /// The nodes that it was resolved to.
    pub nodes: Vec<NodeId>,
    /// The nodes that it cut off from a majority.
    pub cut_off: Vec<NodeId>,
    /// When it began.
    pub from: Instant,
    /// When it ended; the end of the run if it did not. A crash or a loss of power ends when the last of its nodes is up
    /// again.
    pub to: Instant,
}

/// One entry of the fault schedule that never met a node: its target never existed before the quiet tail (no leader,
/// say), or every node that it would have stopped or paused was down already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultMissed {
    /// Its place in the schedule.
    pub place: u32,
    /// Its kind.
    pub kind: &'static str,
}

/// One entry of the fault schedule that was not carried out, because it would have broken what the system relies on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultHeldBack {
    /// Its place in the schedule.
    pub place: u32,
    /// Its kind.
    pub kind: &'static str,
    /// When it was to begin.
    pub at: Instant,
    /// What it would have broken, in words.
    pub why: String,
}

/// One leadership, as claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaderSpan {
    /// Who.
    pub node: NodeId,
    /// Of which generation.
    pub generation: Generation,
    /// From when.
    pub from: Instant,
    /// Until when.
    pub to: Instant,
}

/// A time in which a node did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// Who.
    pub node: NodeId,
    /// Why: `crash`, `power-failure`, `exit` or `pause`.
    pub why: &'static str,
    /// From when.
    pub from: Instant,
    /// Until when.
    pub to: Instant,
}

/// What the simulation knows at the end.
pub(super) struct End {
    pub at: Instant,
    pub events: u64,
    pub network: NetworkStatistics,
    pub disks: Vec<DiskStatistics>,
    pub spans: Vec<FaultSpan>,
    pub missed: Vec<FaultMissed>,
    pub held_back: Vec<FaultHeldBack>,
    pub core: Option<Vec<NodeId>>,
    pub unaudited: u64,
    pub waiting: Vec<(NodeId, String)>,
}
