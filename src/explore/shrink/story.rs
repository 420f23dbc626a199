//! What is left, in plain sentences: what goes wrong, who asks what, who leads, and what cannot be.

use std::fmt::Write;
use std::time::Duration;

use crate::explore::shrink::explicit;
use crate::history::{HistoryEvent, Operation, Phase, Value, functions};
use crate::kernel::distribution::Distribution;
use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::run::report::{RunReport, ViolationReport};
use crate::scenario::Scenario;
use crate::world::cluster::Cluster;
use crate::world::fault::{
    ClockFault, DiskFault, Fault, LinkChange, LinkFault, Partition, PartitionMode, ScheduledFault,
    Shape, Target,
};

/// So many sentences of one kind are told; of more nobody reads.
const TOLD_MAX: usize = 20;

/// The story of a run of this scenario that ended with this violation, a sentence or two for each thing that happens.
pub(super) fn tell(
    scenario: &Scenario,
    report: &RunReport,
    violation: &ViolationReport,
) -> Vec<String> {
    let end = Instant::from_nanos(violation.at_ns);
    let mut told: Vec<(Instant, String)> = Vec::new();
    told.extend(bounded(faults(scenario, report), "faults"));
    told.extend(bounded(operations(scenario, report), "operations"));
    told.extend(bounded(leaders(report), "leaders"));
    told.retain(|(at, _)| *at <= end);
    told.sort_by_key(|(at, _)| *at);
    let mut story: Vec<String> = Vec::new();
    if !scenario.without.is_empty() {
        story.push(format!("Without {}.", scenario.without.join(" and ")));
    }
    story.extend(told.into_iter().map(|(at, what)| format!("At {}, {what}.", moment(at))));
    let message = report.with_names(&violation.message);
    story.push(format!("At {}, {} is violated: {message}.", moment(end), violation.checker));
    story
}

fn bounded(mut told: Vec<(Instant, String)>, kind: &str) -> Vec<(Instant, String)> {
    let more = told.len().saturating_sub(TOLD_MAX);
    if more > 0 {
        told.truncate(TOLD_MAX);
        let (at, _) = told[TOLD_MAX - 1];
        told.push((at, format!("and after that, {more} more {kind} that are not told here")));
    }
    told
}

fn faults(scenario: &Scenario, report: &RunReport) -> Vec<(Instant, String)> {
    let told = report.story.faults.iter().map(|span| {
        let scheduled = &scenario.faults[span.place as usize];
        (span.from, fault(scheduled, &span.nodes, &scenario.cluster))
    });
    told.collect()
}

/// What goes wrong, as a clause.
fn fault(scheduled: &ScheduledFault, met: &[NodeId], cluster: &Cluster) -> String {
    let whom = listed(met.iter().map(|&node| cluster.name(node).to_owned()).collect());
    let each = if met.len() > 1 { format!("each of {whom}") } else { whom.clone() };
    let lasts = scheduled
        .lasts
        .map_or_else(|| " until it is healed".to_owned(), |lasts| format!(" for {}", span(lasts)));
    match &scheduled.fault {
        Fault::Partition(partition) => format!("{}{lasts}", cut(partition, &whom, cluster)),
        Fault::Link(LinkFault { from, to, both_ways, change }) => {
            let (from, to) = (target(from, cluster), target(to, cluster));
            let back = if *both_ways { " and back" } else { "" };
            format!("messages from {from} to {to}{back} are {}{lasts}", disturbed(change))
        }
        Fault::DropMessage(drop) => {
            let kind = drop.kind.as_deref().unwrap_or("any");
            let (from, to) = (target(&drop.from, cluster), target(&drop.to, cluster));
            format!(
                "from now on the message number {} ({kind}) from {from} to {to} is lost",
                drop.nth
            )
        }
        Fault::Crash { restart, .. } => {
            format!("the process of {each} dies{}", back(restart.as_ref()))
        }
        Fault::PowerFailure(failure) => {
            format!("power fails at {whom}{}", back(failure.restart.as_ref()))
        }
        Fault::Restart { .. } => format!("{each} starts"),
        Fault::Wipe { restart, .. } => {
            format!("the disk of {each} is replaced by an empty one{}", back(restart.as_ref()))
        }
        Fault::Swizzle { .. } => format!("half of {whom} goes away, one after the other{lasts}"),
        Fault::Pause { .. } => format!("{each} is paused{lasts}"),
        Fault::SlowCpu { handler, .. } => {
            format!("each handler of {whom} takes {}{lasts}", span(*handler))
        }
        Fault::Disk { effect, .. } => format!("the disk of {each} {}{lasts}", harm(effect)),
        Fault::Clock { effect, .. } => format!("the clock of {each} {}", clock(effect)),
        Fault::Reconfigure { .. } => {
            format!("the administrator asks for {whom} as the members")
        }
        Fault::Heal { .. } => format!("the faults that touch {whom} are healed"),
    }
}

fn cut(partition: &Partition, whom: &str, cluster: &Cluster) -> String {
    let what = match partition.mode {
        PartitionMode::Cut => "cut",
        PartitionMode::Stalled => "stalled",
        PartitionMode::Slowed(_) => "slow",
    };
    match &partition.shape {
        Shape::Sides(sides) => {
            let sides: Vec<String> = sides.iter().map(|side| target(side, cluster)).collect();
            format!("the links between {} are {what}", sides.join(" | "))
        }
        Shape::Isolate(_) => format!("the links between {whom} and everybody else are {what}"),
        Shape::OneWay(from, to) => {
            let (from, to) = (target(from, cluster), target(to, cluster));
            format!("the links from {from} to {to} are {what}")
        }
        Shape::Pairs(pairs) => {
            let pair =
                |&(a, b): &(NodeId, NodeId)| format!("{} | {}", cluster.name(a), cluster.name(b));
            format!("the links {} are {what}", listed(pairs.iter().map(pair).collect()))
        }
        Shape::RandomSides => format!("the links between two sides of {whom} are {what}"),
        Shape::Bridge(_) => format!("the links between two halves are {what} but for {whom}"),
        Shape::RingMajority => {
            format!(
                "the links of {whom} are {what} so that each reaches its neighbours on a ring only"
            )
        }
    }
}

fn disturbed(change: &LinkChange) -> String {
    let harms = [
        (change.delay.is_some(), "slow"),
        (change.loss.is_some(), "lost"),
        (change.duplication.is_some(), "sent twice"),
        (change.corruption.is_some(), "damaged"),
        (change.bandwidth.is_some(), "held up"),
    ];
    those(&harms)
}

/// What is the case, listed.
fn those(all: &[(bool, &str)]) -> String {
    let those = all.iter().filter(|(is, _)| *is).map(|(_, what)| (*what).to_owned());
    listed(those.collect())
}

fn back(restart: Option<&Distribution>) -> String {
    match restart {
        None => String::new(),
        Some(Distribution::Constant(after)) => format!(" and is back {} later", span(*after)),
        Some(_) => " and is back some time later".to_owned(),
    }
}

fn harm(effect: &DiskFault) -> String {
    let harms = [
        (effect.sync_failure.is_some(), "fails to sync"),
        (effect.lying_sync.is_some(), "lies about syncs"),
        (effect.read_error.is_some(), "fails to read"),
        (effect.write_error.is_some(), "fails to write"),
        (effect.full == Some(true), "is full"),
        (effect.slower.is_some(), "is slow"),
        (effect.stalled == Some(true), "is stalled"),
        (effect.bit_rot.is_some(), "rots"),
        (effect.misdirected_write.is_some(), "writes to the wrong place"),
        (effect.latent_sectors.is_some(), "loses sectors"),
    ];
    those(&harms)
}

fn clock(effect: &ClockFault) -> String {
    let mut text = Vec::new();
    if let Some(step) = effect.step {
        let by = span(Duration::from_nanos(step.unsigned_abs()));
        text.push(format!("jumps {} by {by}", if step < 0 { "back" } else { "forward" }));
    }
    if let Some(drift) = effect.drift_ppm {
        text.push(format!("drifts by {drift} ppm"));
    }
    if let Some(bound) = effect.bound {
        text.push(format!("claims to be right within {}", span(bound)));
    }
    listed(text)
}

fn leaders(report: &RunReport) -> Vec<(Instant, String)> {
    let told = report.story.leaderships.iter().map(|leadership| {
        let name = report.story.name(leadership.node);
        (leadership.from, format!("{name} leads {}", leadership.generation))
    });
    told.collect()
}

/// The operations before the final reads, each told when it is invoked, with its end.
fn operations(scenario: &Scenario, report: &RunReport) -> Vec<(Instant, String)> {
    let history = &report.kept.history;
    let told = explicit::invoked(scenario, report).map(|(place, event)| {
        let ends = |other: &&HistoryEvent| other.process == event.process;
        let end = history[place + 1..].iter().find(ends);
        let who = event.client.0;
        (event.at, format!("client {who} {}{}", asks(&event.operation), ended(event, end)))
    });
    told.collect()
}

fn asks(operation: &Operation) -> String {
    let Operation { function, key, value } = operation;
    match (&**function, value) {
        (functions::WRITE, value) => format!("writes {value} to key {key}"),
        (functions::READ, _) => format!("reads key {key}"),
        (functions::READ_BOUNDED, _) => format!("reads key {key}, which may be a little old"),
        (functions::READ_SESSION, _) => format!("reads key {key} in its session"),
        (functions::DELETE, _) => format!("deletes key {key}"),
        (functions::INCREMENT, value) => format!("adds {value} to key {key}"),
        (functions::APPEND, value) => format!("appends {value} to key {key}"),
        (functions::CAS, Value::List(values)) if values.len() == 2 => {
            format!("sets key {key} from {} to {}", values[0], values[1])
        }
        _ => format!("asks for {operation}"),
    }
}

/// How an operation ended, as a part of the sentence that says what was asked.
fn ended(asked: &HistoryEvent, end: Option<&HistoryEvent>) -> String {
    let Some(end) = end else { return ", and is not answered".to_owned() };
    let at = moment(end.at);
    let is_read = asked.operation.function.starts_with(functions::READ);
    match end.phase {
        Phase::Ok if !is_read && end.operation.value == asked.operation.value => {
            format!(" (ok at {at})")
        }
        Phase::Ok => format!(" (at {at}: {})", end.operation.value),
        Phase::Fail => format!(" (failed at {at}: {})", end.reason),
        Phase::Info | Phase::Invoke => format!(" (unknown at {at}: {})", end.reason),
    }
}

fn target(target_: &Target, cluster: &Cluster) -> String {
    match target_ {
        Target::Node(node) => cluster.name(*node).to_owned(),
        Target::Region(region) => cluster.regions[*region].name.clone(),
        Target::List(parts) => listed(parts.iter().map(|one| target(one, cluster)).collect()),
        role => format!("{role:?}").to_lowercase(),
    }
}

fn listed(mut items: Vec<String>) -> String {
    let Some(last) = items.pop() else { return "nobody".to_owned() };
    if items.is_empty() {
        return last;
    }
    let mut text = items.join(", ");
    write!(text, " and {last}").expect("a string takes all that is written to it");
    text
}

/// A time of the run, to the millisecond.
fn moment(at: Instant) -> String {
    span(Duration::from_millis(at.since(Instant::ZERO).as_millis() as u64))
}

fn span(span: Duration) -> String {
    if span.is_zero() { "0s".to_owned() } else { format!("{span:?}") }
}
