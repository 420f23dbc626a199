//! A failing run, written down: what the seed drew becomes data that can be deleted item by item.
//!
//! Each step is offered like any other simplification: should the written-down run not fail, that part is left to chance.

use crate::client::script::{Scripted, script_of};
use crate::explore::shrink::aim::{is_named, retargeted, target_of};
use crate::explore::shrink::lists::{self, clients_of};
use crate::explore::shrink::simpler::constant;
use crate::explore::shrink::{Edit, Shrinker, set};
use crate::history::{HistoryEvent, Phase};
use crate::kernel::distribution::Distribution;
use crate::kernel::ids::NodeId;
use crate::kernel::random::{Purpose, Stream};
use crate::kernel::time::Instant;
use crate::run::options::RunOptions;
use crate::run::report::{FaultSpan, RunReport};
use crate::run::run_on;
use crate::run::systems::System;
use crate::scenario::Scenario;
use crate::trace::Endpoint;
use crate::world::fault::{Fault, Partition, ScheduledFault, Shape, Target};
use crate::world::network::fates::fates_of;
use crate::world::network::places::Places;
use crate::world::network::shape::partition_links;

/// So many messages whose fates matter are listed; if there are more, chance keeps them.
const MESSAGES_MAX: usize = 20;

/// Keeps only the faults that happened, each with the number that names its draws, and makes a script of the operations.
pub(super) fn write_down(shrinker: &mut Shrinker<'_>) {
    let spans = &shrinker.report().story.faults;
    let happened: Vec<usize> = spans.iter().map(|span| span.place as usize).collect();
    let script = script(shrinker.best(), shrinker.report());
    shrinker.pass(vec![
        set(number_draws),
        set(move |it| it.workload.script = it.workload.script.take().or(Some(script.clone()))),
        set(move |it| {
            let mut place = 0;
            it.faults.retain(|_| {
                place += 1;
                happened.contains(&(place - 1))
            });
        }),
        set(|it| it.faults.iter_mut().for_each(|fault| fault.yields = false)),
    ]);
}

/// Each fault draws what it draws now, even if others are taken away.
fn number_draws(scenario: &mut Scenario) {
    for (place, fault) in scenario.faults.iter_mut().enumerate() {
        fault.draws.get_or_insert(place as u64);
    }
}

/// What the clients of a scenario invoked in a run, each at the time at which it did.
pub(super) fn script(scenario: &Scenario, report: &RunReport) -> Vec<Scripted> {
    script_of(&report.kept.history, clients_of(scenario), audit_of(report))
}

/// When clients begin to read everything once more, at the end; later than everything if they never did.
fn audit_of(report: &RunReport) -> Instant {
    let audit = report.story.acts.iter().find(|act| act.name == "audit");
    audit.map_or(Instant::MAX, |audit| audit.from)
}

/// The operations that the clients of a scenario invoked in a run before its final reads, each with its place in the
/// history. What the administrator asks is in the schedule.
pub(super) fn invoked<'a>(
    scenario: &Scenario,
    report: &'a RunReport,
) -> impl Iterator<Item = (usize, &'a HistoryEvent)> + use<'a> {
    let (clients, until) = (clients_of(scenario), audit_of(report));
    let history = report.kept.history.iter().enumerate();
    history.filter(move |(_, event)| {
        event.phase == Phase::Invoke && event.client.0 < clients && event.at < until
    })
}

/// Says what became of the few messages that matter, if the network still leaves that to chance.
/// Whether it did.
pub(super) fn name_messages(shrinker: &mut Shrinker<'_>, system: &dyn System) -> bool {
    let chance = shrinker.best.clone();
    let network = &chance.scenario.network;
    let Distribution::Constant(delay) = constant(network.link.delay) else { return false };
    if network.without_chance(delay) == *network {
        return false;
    }
    let keep = RunOptions { keep_trace: true, ..RunOptions::default() };
    let Ok(run) = run_on(system, &chance.scenario, &keep) else { return false };
    let mut certain = network.without_chance(delay);
    certain.fates = fates_of(&run.kept.trace, chance.scenario.cluster.size());
    if !shrinker.pass(vec![set(move |it| it.network = certain.clone())]) {
        return false;
    }
    lists::messages(shrinker);
    // A list that nobody reads explains less than a probability.
    let told = shrinker.best().network.fates.len() <= MESSAGES_MAX;
    if !told {
        shrinker.best = chance;
    }
    told
}

/// Names the nodes that roles and random shapes turned out to mean, and the times at which triggers fired.
pub(super) fn name_nodes(shrinker: &mut Shrinker<'_>) {
    let mut edits: Vec<Edit> = Vec::new();
    for span in &shrinker.report().story.faults {
        let place = span.place as usize;
        for named in named(shrinker.best(), span) {
            edits.push(set(move |it| {
                if let Some(fault) = it.faults.get_mut(place)
                    && !is_explicit(fault)
                {
                    *fault = named.clone();
                }
            }));
        }
    }
    shrinker.pass(edits);
}

/// Whether nothing about a fault is found out when it begins.
fn is_explicit(scheduled: &ScheduledFault) -> bool {
    let random = |shape: &Shape| {
        matches!(shape, Shape::RandomSides | Shape::RingMajority | Shape::Bridge(_))
    };
    let drawn = matches!(&scheduled.fault, Fault::Partition(it) if random(&it.shape));
    !drawn && scheduled.upon.is_none() && scheduled.fault.targets().into_iter().all(is_named)
}

/// What a fault that happened like this may be when it is said in so many words, the likeliest first.
fn named(scenario: &Scenario, span: &FaultSpan) -> Vec<ScheduledFault> {
    let scheduled = &scenario.faults[span.place as usize];
    if is_explicit(scheduled) {
        return Vec::new();
    }
    let single = scenario.cluster.nodes().map(Target::Node);
    let answers = [target_of(&span.nodes)].into_iter().chain(single);
    let mut faults: Vec<Fault> = answers
        .filter_map(|answer| {
            let name = |target: &Target| {
                if is_named(target) { target.clone() } else { answer.clone() }
            };
            retargeted(&scheduled.fault, &mut |target| Some(name(target)))
        })
        .collect();
    faults.extend(drawn_pairs(scenario, scheduled));
    let moments = [(span.from, None), (scheduled.at, scheduled.upon)];
    let at = |fault: &Fault| {
        moments.map(|(at, upon)| ScheduledFault { at, upon, fault: fault.clone(), ..*scheduled })
    };
    faults.iter().flat_map(at).collect()
}

/// The pairs of nodes that a partition of random shape separates.
fn drawn_pairs(scenario: &Scenario, scheduled: &ScheduledFault) -> Option<Fault> {
    let Fault::Partition(partition) = &scheduled.fault else { return None };
    let places = Places::new(&scenario.cluster, &[]);
    let mut stream = Stream::new(scenario.seed, Purpose::Fault, scheduled.draws?, 0);
    let mut nobody = |_: &Target| Vec::new();
    let links = partition_links(&places, &partition.shape, &mut nobody, &mut stream);
    let nodes: Vec<NodeId> = scenario.cluster.nodes().collect();
    let cut = |a: NodeId, b: NodeId| links.contains(Endpoint(a.0), Endpoint(b.0));
    let pairs = nodes.iter().flat_map(|&a| nodes.iter().map(move |&b| (a, b)));
    let pairs: Vec<(NodeId, NodeId)> = pairs.filter(|&(a, b)| a < b && cut(a, b)).collect();
    if pairs.is_empty() {
        return None;
    }
    let shape = as_sides(&nodes, &pairs).unwrap_or(Shape::Pairs(pairs));
    Some(Fault::Partition(Partition { shape, ..partition.clone() }))
}

/// Two sides, if these pairs are all pairs across them.
fn as_sides(nodes: &[NodeId], pairs: &[(NodeId, NodeId)]) -> Option<Shape> {
    let &(first, _) = pairs.first()?;
    let apart = |a: NodeId, b: NodeId| pairs.contains(&(a.min(b), a.max(b)));
    let (there, here): (Vec<NodeId>, Vec<NodeId>) =
        nodes.iter().partition(|&&node| apart(first, node));
    let across = here.len() * there.len();
    let all = here.iter().all(|&a| there.iter().all(|&b| apart(a, b)));
    (all && across == pairs.len()).then(|| Shape::Sides(vec![target_of(&here), target_of(&there)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_that_separate_two_sides_are_said_as_two_sides() {
        let nodes = [0, 1, 2, 3].map(NodeId);
        let pairs = |pairs: &[(u32, u32)]| -> Vec<(NodeId, NodeId)> {
            pairs.iter().map(|&(a, b)| (NodeId(a), NodeId(b))).collect()
        };
        let across = pairs(&[(0, 2), (0, 3), (1, 2), (1, 3)]);
        let sides = Shape::Sides(vec![target_of(&nodes[..2]), target_of(&nodes[2..])]);
        assert_eq!(as_sides(&nodes, &across), Some(sides));
        assert_eq!(as_sides(&nodes, &across[1..]), None);
        assert_eq!(as_sides(&nodes, &pairs(&[(0, 1), (0, 2), (1, 2)])), None);
        assert_eq!(as_sides(&nodes, &[]), None);
    }
}
