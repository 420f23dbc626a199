//! Whom a fault names: to put other targets in their place, and to take a node out of a scenario that does not need it.

use crate::kernel::ids::NodeId;
use crate::scenario::Scenario;
use crate::scenario::judgement::Watch;
use crate::scenario::systems::OptionValue;
use crate::world::fault::{
    DropMessage, Fault, LinkFault, Partition, PowerFailure, ScheduledFault, Shape, Target,
};
use crate::world::network::fates::Party;

/// The fault with each of its targets replaced; `None` if one of them has no replacement.
pub(super) fn retargeted(
    fault: &Fault,
    replace: &mut dyn FnMut(&Target) -> Option<Target>,
) -> Option<Fault> {
    let mut fault = fault.clone();
    for target in targets_mut(&mut fault) {
        *target = replace(target)?;
    }
    Some(fault)
}

/// Everyone whom a fault names, in the order in which it resolves them.
fn targets_mut(fault: &mut Fault) -> Vec<&mut Target> {
    match fault {
        Fault::Partition(Partition { shape, .. }) => match shape {
            Shape::Sides(sides) => sides.iter_mut().collect(),
            Shape::Isolate(target) | Shape::Bridge(target) => vec![target],
            Shape::OneWay(from, to) => vec![from, to],
            Shape::RandomSides | Shape::RingMajority | Shape::Pairs(_) => Vec::new(),
        },
        Fault::Link(LinkFault { from, to, .. })
        | Fault::DropMessage(DropMessage { from, to, .. }) => vec![from, to],
        // It is taken apart before a run.
        Fault::Swizzle { .. } => Vec::new(),
        Fault::PowerFailure(PowerFailure { target, .. })
        | Fault::Crash { target, .. }
        | Fault::Restart { target }
        | Fault::Wipe { target, .. }
        | Fault::Pause { target }
        | Fault::SlowCpu { target, .. }
        | Fault::Disk { target, .. }
        | Fault::Clock { target, .. }
        | Fault::Reconfigure { members: target }
        | Fault::Heal { target } => vec![target],
    }
}

/// Whether a target is known before the run: a node, a region, all, or a list of these.
pub(super) fn is_named(target: &Target) -> bool {
    match target {
        Target::Node(_) | Target::Region(_) | Target::All => true,
        Target::List(targets) => targets.iter().all(is_named),
        _ => false,
    }
}

/// These nodes, as a target.
pub(super) fn target_of(nodes: &[NodeId]) -> Target {
    match nodes {
        [node] => Target::Node(*node),
        nodes => Target::List(nodes.iter().map(|&node| Target::Node(node)).collect()),
    }
}

/// The scenario without a node; `None` if something in it cannot do without the node.
pub(super) fn without_node(scenario: &Scenario, gone: NodeId) -> Option<Scenario> {
    let mut smaller = scenario.clone();
    smaller.cluster.names.remove(gone.index());
    if smaller.cluster.names.is_empty() {
        return None;
    }
    for region in &mut smaller.cluster.regions {
        region.nodes = renumbered(&region.nodes, gone);
        if region.nodes.is_empty() {
            return None;
        }
    }
    for (_, value) in &mut smaller.system.options {
        match value {
            OptionValue::Node(node) => *node = shifted(*node, gone)?,
            OptionValue::Nodes(nodes) => {
                *nodes = renumbered(nodes, gone);
                if nodes.is_empty() {
                    return None;
                }
            }
            _ => {}
        }
    }
    for scheduled in &mut smaller.faults {
        *scheduled = fault_without(scheduled, gone)?;
    }
    if let Some(Watch { minority, .. }) = &mut smaller.watch {
        *minority = target_without(minority, gone)?;
    }
    with_parties(&mut smaller, |party| match party {
        Party::Node(node) => shifted(node, gone).map(Party::Node),
        client @ Party::Client(_) => Some(client),
    });
    Some(smaller)
}

/// Renames the ends of the links whose messages have explicit fates; those of links that are gone go too.
pub(super) fn with_parties(scenario: &mut Scenario, rename: impl Fn(Party) -> Option<Party>) {
    scenario.network.fates.retain_mut(|fate| match (rename(fate.from), rename(fate.to)) {
        (Some(from), Some(to)) => {
            (fate.from, fate.to) = (from, to);
            true
        }
        _ => false,
    });
}

fn fault_without(scheduled: &ScheduledFault, gone: NodeId) -> Option<ScheduledFault> {
    let mut fault = retargeted(&scheduled.fault, &mut |target| target_without(target, gone))?;
    if let Fault::Partition(Partition { shape: Shape::Pairs(pairs), .. }) = &mut fault {
        let kept = pairs.iter().filter_map(|&(a, b)| Some((shifted(a, gone)?, shifted(b, gone)?)));
        *pairs = kept.collect();
        if pairs.is_empty() {
            return None;
        }
    }
    Some(ScheduledFault { fault, ..scheduled.clone() })
}

fn target_without(target: &Target, gone: NodeId) -> Option<Target> {
    match target {
        Target::Node(node) => shifted(*node, gone).map(Target::Node),
        Target::List(targets) => {
            let kept: Vec<Target> =
                targets.iter().filter_map(|target| target_without(target, gone)).collect();
            (!kept.is_empty()).then_some(Target::List(kept))
        }
        other => Some(other.clone()),
    }
}

fn renumbered(nodes: &[NodeId], gone: NodeId) -> Vec<NodeId> {
    nodes.iter().filter_map(|&node| shifted(node, gone)).collect()
}

/// The number of a node once another one has gone; `None` if it is that one.
fn shifted(node: NodeId, gone: NodeId) -> Option<NodeId> {
    (node != gone).then(|| if node > gone { NodeId(node.0 - 1) } else { node })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::Instant;
    use crate::scenario::systems::SystemChoice;
    use crate::world::cluster::Cluster;

    fn with(fault: Fault) -> Scenario {
        let cluster = Cluster::of_size(4);
        Scenario {
            faults: vec![ScheduledFault::new(Instant::ZERO, fault)],
            ..Scenario::new("four", SystemChoice::named("raft-kv"), cluster)
        }
    }

    fn pause(nodes: &[u32]) -> Fault {
        let nodes: Vec<NodeId> = nodes.iter().map(|&node| NodeId(node)).collect();
        Fault::Pause { target: target_of(&nodes) }
    }

    #[test]
    fn a_node_that_goes_leaves_the_lists_and_the_others_move_up() {
        let smaller = without_node(&with(pause(&[0, 1, 3])), NodeId(1)).expect("two are left");
        assert_eq!(smaller.cluster.names, ["n1", "n3", "n4"]);
        assert_eq!(smaller.faults[0].fault, pause(&[0, 2]));
    }

    #[test]
    fn a_node_that_a_fault_is_about_cannot_go() {
        assert_eq!(without_node(&with(pause(&[1])), NodeId(1)), None);
        let pairs = Shape::Pairs(vec![(NodeId(1), NodeId(2))]);
        let cut = Partition {
            shape: pairs,
            mode: crate::world::fault::PartitionMode::Cut,
            flapping: None,
            keeps_in_flight: false,
        };
        assert_eq!(without_node(&with(Fault::Partition(cut)), NodeId(2)), None);
    }
}
