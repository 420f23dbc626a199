//! From what the simulation left behind to the data of a report.

use std::collections::BTreeMap;

use crate::kernel::ids::NodeId;
use crate::kernel::time::{Instant, nanos};
use crate::run::assumptions::{broken_by, excuses};
use crate::run::report::{
    Act, Activity, DiskCounts, FaultSpan, GroupActivity, HeldBack, Kept, Latency, Leadership,
    MessageCounts, OperationCounts, Outage, OutageKind, RunReport, Story, Verdict, ViolationReport,
};
use crate::scenario::judgement::Expectation;
use crate::simulation::outcome::{self, Counts, Outcome};
use crate::world::assumptions::{Assumptions, Broken};
use crate::world::fault::{Fault, Partition, ScheduledFault, Shape, Target};

/// The checker whose objection asks what nodes wait for.
const PROGRESS: &str = "progress";

/// What a report says that the simulation does not know.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    /// The scenario's name.
    pub scenario: String,
    /// Its own words.
    pub about: String,
    /// The system's name.
    pub system: String,
    /// The seed.
    pub seed: u64,
    /// The patterns that were off.
    pub without: Vec<String>,
    /// The nodes' names.
    pub nodes: Vec<String>,
    /// The names of the groups of clients.
    pub groups: Vec<String>,
    /// The regions' names.
    pub regions: Vec<String>,
    /// What is expected.
    pub expect: Expectation,
    /// The marks without which the run has tested nothing.
    pub coverage: Vec<String>,
    /// The checkers without whose word the run cannot be called ok.
    pub required: Vec<String>,
    /// Whether somebody judges by what the final reads find.
    pub reads_count: bool,
    /// The schedule, by whose places the faults that happened are named.
    pub schedule: Vec<ScheduledFault>,
    /// What a swarm drew, one line for each generator.
    pub drawn: Vec<String>,
    /// What the system relies on.
    pub assumptions: Assumptions,
}

/// The report of a run.
#[must_use]
pub(super) fn report(frame: Frame, outcome: Outcome) -> RunReport {
    let story = story(&frame, &outcome);
    let broken = broken_by(&frame.assumptions, &frame.schedule, &outcome.faults);
    let violations = violations(&outcome, &story, broken.as_ref());
    let proved: Vec<&str> =
        violations.iter().filter(|found| !found.excused).map(|found| &*found.checker).collect();
    let mut unknown_because: Vec<String> = broken
        .iter()
        .map(|broken| format!("assumption broken: {}", story.with_names(&broken.why)))
        .collect();
    unknown_because.append(&mut doubts(&frame, &outcome, &story));
    let verdict = if !proved.is_empty() {
        Verdict::Violation
    } else if unknown_because.is_empty() {
        Verdict::Ok
    } else {
        Verdict::Unknown
    };
    let as_expected = match &frame.expect {
        Expectation::Ok => verdict == Verdict::Ok,
        Expectation::Violation(checker) => proved.contains(&checker.as_str()),
    };
    let mut faults: BTreeMap<String, u64> = BTreeMap::new();
    for fault in &outcome.faults {
        *faults.entry(fault.kind.to_owned()).or_default() += 1;
    }
    let mut held_back: BTreeMap<String, u64> = BTreeMap::new();
    for held in &outcome.held_back {
        *held_back.entry(held.kind.to_owned()).or_default() += 1;
    }
    let coverage = outcome.coverage.iter().map(|(mark, count)| ((*mark).to_owned(), *count));
    RunReport {
        elara: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: frame.scenario,
        system: frame.system,
        seed: frame.seed,
        without: frame.without,
        verdict,
        as_expected,
        violations,
        unknown_because,
        digest: format!("{:016x}", outcome.digest),
        virtual_ns: outcome.end.as_nanos(),
        wall_ns: 0,
        events: outcome.events,
        messages: MessageCounts {
            sent: outcome.network.sent,
            delivered: outcome.delivered,
            lost: outcome.network.lost,
            duplicated: outcome.network.duplicated,
            cut: outcome.network.cut,
        },
        disk: DiskCounts {
            writes: outcome.disk.writes,
            syncs: outcome.disk.syncs,
            bytes: outcome.disk.bytes,
            lost_sectors: outcome.disk.lost_sectors,
            torn: outcome.disk.torn_sectors,
        },
        faults,
        held_back,
        operations: counts(outcome.operations),
        latency_ns: Latency {
            p50: nanos(outcome.latencies.percentile(50)),
            p99: nanos(outcome.latencies.percentile(99)),
            max: nanos(outcome.latencies.max()),
        },
        coverage: coverage.collect(),
        replay: String::new(),
        story,
        kept: Kept { trace: outcome.trace, history: outcome.history },
    }
}

/// What the checkers found, in the order of time. An objection that came after an assumption broke, and would not stand
/// without it, is excused: it says nothing about the system.
fn violations(outcome: &Outcome, story: &Story, broken: Option<&Broken>) -> Vec<ViolationReport> {
    let excused = |checker: &str, at| broken.is_some_and(|broken| excuses(broken, checker, at));
    let told = |(checker, violation): &(&str, crate::checkers::Violation)| {
        let waiting = if *checker == PROGRESS { waiting(outcome, story) } else { Vec::new() };
        let evidence = violation.evidence.iter().map(|fact| story.with_names(fact));
        ViolationReport {
            checker: (*checker).to_owned(),
            at_ns: violation.at.as_nanos(),
            message: story.with_names(&violation.message),
            evidence: evidence.chain(waiting).collect(),
            excused: excused(checker, violation.at),
        }
    };
    let mut violations: Vec<ViolationReport> = outcome.violations.iter().map(told).collect();
    violations.sort_by_key(|violation| violation.at_ns);
    violations
}

/// What each node waits for, so that one can see why nothing goes on.
fn waiting(outcome: &Outcome, story: &Story) -> Vec<String> {
    let end = outcome.end;
    let of = |(place, name): (usize, &String)| {
        let here = |node: NodeId| node.index() == place;
        let away = outcome.absences.iter().find(|away| here(away.node) && away.to == end);
        let waits = outcome.waiting.iter().find(|(node, _)| here(*node));
        match (away, waits) {
            (Some(away), _) => format!("{name} is away ({}) since {}", away.why, away.from),
            (None, Some((_, text))) if !text.is_empty() => {
                format!("{name} waits for {}", story.with_names(text))
            }
            (None, _) => format!("{name} does not say what it waits for"),
        }
    };
    story.nodes.iter().enumerate().map(of).collect()
}

/// Why the run cannot be called ok: marks that it did not reach, and judges who could not judge.
fn doubts(frame: &Frame, outcome: &Outcome, story: &Story) -> Vec<String> {
    let mut doubts: Vec<String> = story
        .never_reached
        .iter()
        .map(|mark| format!("the run never reached {mark}: it has not tested what it is for"))
        .collect();
    for (checker, why) in &outcome.unknown {
        doubts.push(format!("{checker}: {}", story.with_names(why)));
    }
    for (checker, why) in &outcome.vacuous {
        if frame.required.iter().any(|required| required == checker) {
            doubts.push(format!("{checker}: {}", story.with_names(why)));
        }
    }
    for missed in &outcome.missed {
        let (kind, place) = (missed.kind, missed.place);
        doubts.push(format!("the {kind} of faults[{place}] met nobody: the run has not tested it"));
    }
    if outcome.unread > 0 && frame.reads_count {
        let unread = outcome.unread;
        doubts.push(format!(
            "{unread} reads of the audit did not end ok: what is there is not known"
        ));
    }
    if outcome.ok.is_empty() && outcome.violations.is_empty() && doubts.is_empty() {
        doubts.push("no checker had anything to check".to_owned());
    }
    doubts
}

fn story(frame: &Frame, outcome: &Outcome) -> Story {
    let reached = |mark: &&String| outcome.coverage.contains_key(mark.as_str());
    let fault = |span: &outcome::FaultSpan| FaultSpan {
        place: span.place,
        kind: span.kind.to_owned(),
        sides: sides(frame, span.place),
        nodes: span.nodes.clone(),
        from: span.from,
        to: span.to,
    };
    let leadership = |span: &outcome::LeaderSpan| Leadership {
        node: span.node,
        generation: span.generation,
        from: span.from,
        to: span.to,
    };
    Story {
        about: frame.about.clone(),
        expect: frame.expect.clone(),
        nodes: frame.nodes.clone(),
        acts: acts(outcome),
        faults: outcome.faults.iter().map(fault).collect(),
        drawn: frame.drawn.clone(),
        held_back: held_back(outcome),
        core: outcome.core.clone(),
        outages: outages(outcome),
        leaderships: outcome.leaders.iter().map(leadership).collect(),
        activity: activity(frame, outcome),
        never_reached: frame.coverage.iter().filter(|mark| !reached(mark)).cloned().collect(),
    }
}

/// What was held back, each kind once for each reason, in the order in which it came up first.
fn held_back(outcome: &Outcome) -> Vec<HeldBack> {
    let mut all: Vec<HeldBack> = Vec::new();
    for held in &outcome.held_back {
        match all.iter_mut().find(|known| known.kind == held.kind && known.why == held.why) {
            Some(known) => known.count += 1,
            None => all.push(HeldBack {
                kind: held.kind.to_owned(),
                count: 1,
                first: held.at,
                why: held.why.clone(),
            }),
        }
    }
    all
}

/// Between whom a partition is, in the scenario's own words, if it says so.
fn sides(frame: &Frame, place: u32) -> String {
    let name = |target: &Target| name_of(frame, target);
    match frame.schedule.get(place as usize).map(|scheduled| &scheduled.fault) {
        Some(Fault::Partition(Partition { shape: Shape::Sides(sides), .. })) => {
            sides.iter().map(name).collect::<Vec<_>>().join(" | ")
        }
        Some(Fault::Partition(Partition { shape: Shape::OneWay(from, to), .. })) => {
            format!("{} to {}", name(from), name(to))
        }
        _ => String::new(),
    }
}

fn name_of(frame: &Frame, target: &Target) -> String {
    match target {
        Target::Node(node) => frame.nodes[node.index()].clone(),
        Target::Region(region) => frame.regions[*region].clone(),
        Target::List(targets) => {
            let names: Vec<String> = targets.iter().map(|one| name_of(frame, one)).collect();
            names.join(" ")
        }
        role => format!("{role:?}").to_lowercase(),
    }
}

fn acts(outcome: &Outcome) -> Vec<Act> {
    let ends = outcome.phases.iter().skip(1).map(|&(_, at)| at).chain([outcome.end]);
    let act =
        |(&(name, from), to): (&(&str, Instant), Instant)| Act { name: name.to_owned(), from, to };
    outcome.phases.iter().zip(ends).map(act).collect()
}

fn outages(outcome: &Outcome) -> Vec<Outage> {
    let down = outcome.absences.iter().map(|absence| Outage {
        node: absence.node,
        kind: if absence.why == "pause" { OutageKind::Paused } else { OutageKind::Down },
        from: absence.from,
        to: absence.to,
    });
    let cut = outcome.faults.iter().flat_map(|fault| {
        let outage =
            |&node: &NodeId| Outage { node, kind: OutageKind::Cut, from: fault.from, to: fault.to };
        fault.cut_off.iter().map(outage).collect::<Vec<_>>()
    });
    down.chain(cut).collect()
}

fn activity(frame: &Frame, outcome: &Outcome) -> Activity {
    let group = |(name, steps): (&String, &Vec<Counts>)| GroupActivity {
        name: name.clone(),
        counts: steps.iter().map(|&step| counts(step)).collect(),
    };
    Activity {
        interval: outcome.step,
        groups: frame.groups.iter().zip(&outcome.timeline).map(group).collect(),
    }
}

const fn counts(counts: Counts) -> OperationCounts {
    OperationCounts { ok: counts.ok, fail: counts.fail, info: counts.info }
}
