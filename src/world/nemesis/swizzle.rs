//! Swizzle: a random half of the nodes goes away one after the other, and comes back one after the other in another order.
//!
//! What survives one node after the other often does not survive every combination on the way; the staggering walks
//! through many of them. It is taken apart into one fault for each node before the run. Source: `FoundationDB`'s
//! documentation, "Simulation and Testing" (swizzle-clogging).

use std::time::Duration;

use crate::kernel::distribution::Distribution;
use crate::kernel::ids::NodeId;
use crate::kernel::random::{Purpose, Stream};
use crate::kernel::time::Instant;
use crate::world::cluster::Cluster;
use crate::world::fault::{Away, Fault, Partition, PartitionMode, ScheduledFault, Shape, Target};

/// Takes all swizzles of a schedule apart. Without one, the schedule stays as it is. One that does not say how long it lasts
/// lasts until `end`.
pub fn take_apart(schedule: &mut Vec<ScheduledFault>, seed: u64, cluster: &Cluster, end: Instant) {
    let is_swizzle = |scheduled: &ScheduledFault| matches!(scheduled.fault, Fault::Swizzle { .. });
    if !schedule.iter().any(is_swizzle) {
        return;
    }
    number(schedule);
    let whole = std::mem::take(schedule);
    for scheduled in whole {
        if let Fault::Swizzle { away } = scheduled.fault {
            let draws = scheduled.draws.expect("every entry was numbered");
            let mut stream = Stream::new(seed, Purpose::Fault, draws, 0);
            let mut nodes: Vec<NodeId> = cluster.nodes().collect();
            stream.shuffle(&mut nodes);
            nodes.truncate(nodes.len().div_ceil(2));
            schedule.extend(parts(&scheduled, away, &nodes, end, &mut stream));
        } else {
            schedule.push(scheduled);
        }
    }
}

/// One fault for each of these nodes. Each goes in the first half of the time, in this order, and returns in the second
/// half, in a random one.
fn parts(
    whole: &ScheduledFault,
    away: Away,
    nodes: &[NodeId],
    end: Instant,
    stream: &mut Stream,
) -> Vec<ScheduledFault> {
    let span = whole.lasts.unwrap_or_else(|| end.since(whole.at));
    let step = span / (2 * nodes.len() as u32);
    let mut returns: Vec<u32> = (1..=nodes.len() as u32).collect();
    stream.shuffle(&mut returns);
    let part = |((place, &node), back): ((usize, &NodeId), u32)| {
        let gone = step * place as u32;
        let lasts = (span / 2 + step * back).saturating_sub(gone).max(Duration::from_nanos(1));
        let (fault, lasts) = goes_away(node, away, lasts);
        ScheduledFault { at: whole.at + gone, lasts, fault, ..whole.clone() }
    };
    nodes.iter().enumerate().zip(returns).map(part).collect()
}

fn goes_away(node: NodeId, away: Away, lasts: Duration) -> (Fault, Option<Duration>) {
    let target = Target::Node(node);
    match away {
        Away::Cut => {
            let shape = Shape::Isolate(target);
            let cut = Partition {
                shape,
                mode: PartitionMode::Cut,
                flapping: None,
                keeps_in_flight: false,
            };
            (Fault::Partition(cut), Some(lasts))
        }
        Away::Pause => (Fault::Pause { target }, Some(lasts)),
        Away::Crash => {
            let restart = Some(Distribution::Constant(lasts));
            (Fault::Crash { target, restart }, None)
        }
    }
}

/// Gives each entry the number that it has by its place, so that the places can change.
pub fn number(schedule: &mut [ScheduledFault]) {
    for (place, scheduled) in schedule.iter_mut().enumerate() {
        scheduled.draws.get_or_insert(place as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Instant = Instant::from_nanos(10_000_000_000);

    fn swizzle(away: Away) -> ScheduledFault {
        ScheduledFault::new(AT, Fault::Swizzle { away }).lasting(Some(Duration::from_secs(6)))
    }

    fn taken_apart(mut schedule: Vec<ScheduledFault>, seed: u64) -> Vec<ScheduledFault> {
        let end = AT + Duration::from_secs(60);
        take_apart(&mut schedule, seed, &Cluster::of_size(5), end);
        schedule
    }

    #[test]
    fn half_of_the_nodes_go_one_after_the_other_and_return_in_another_order() {
        let mut orders = std::collections::BTreeSet::new();
        for seed in 0..100 {
            let parts = taken_apart(vec![swizzle(Away::Pause)], seed);
            // Three of five: they go after 0 s, 1 s and 2 s, and return after 4 s, 5 s and 6 s.
            let gone: Vec<Duration> = parts.iter().map(|part| part.at.since(AT)).collect();
            assert_eq!(gone, [0, 1, 2].map(Duration::from_secs));
            let back = |part: &ScheduledFault| part.at.since(AT) + part.lasts.expect("it ends");
            let mut returns: Vec<Duration> = parts.iter().map(back).collect();
            orders.insert(returns.clone());
            returns.sort();
            assert_eq!(returns, [4, 5, 6].map(Duration::from_secs));
        }
        assert_eq!(orders.len(), 6, "all orders of three");
    }

    #[test]
    fn the_places_of_the_others_still_name_what_they_draw() {
        let pause = ScheduledFault::new(AT, Fault::Pause { target: Target::Any });
        let schedule = taken_apart(vec![swizzle(Away::Crash), pause.clone()], 1);
        assert_eq!(schedule.len(), 4);
        assert_eq!(schedule[3], ScheduledFault { draws: Some(1), ..pause.clone() });
        assert_eq!(
            taken_apart(vec![pause.clone()], 1),
            [pause],
            "without a swizzle nothing changes"
        );
    }
}
