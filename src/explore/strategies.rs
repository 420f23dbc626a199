//! What may go wrong and what clients may do, as strategies of `proptest`, so that a property test of a protocol shrinks
//! the story as well as the numbers.
//!
//! A failing case gets fewer faults first and fewer clients, then earlier and shorter faults. What is not smaller when it
//! is another number does not shrink: seeds, and the numbers that name what faults draw. So taking a fault away changes
//! nothing about the others, and what is left fails for the same reason.
//!
//! Generated faults yield ([`ScheduledFault::yields`]): a fault that would break what the system relies on, or that meets
//! nobody, costs no verdict. Build with the feature `proptest`.

mod faults;

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Strategy, any};
use proptest::sample::{select, subsequence};
use proptest::strategy::BoxedStrategy;

use crate::client::workload::{ClientGroup, Routing, Workload};
use crate::kernel::distribution::Distribution;
use crate::kernel::time::Instant;
use crate::scenario::Scenario;
use crate::scenario::fault::{FAULTS, Lasts};
use crate::world::cluster::Cluster;
use crate::world::fault::ScheduledFault;
use crate::world::nemesis::Nemesis;
use crate::world::options::NetworkOptions;

/// How many faults a schedule has at most.
const FAULTS_MAX: usize = 6;
/// The longest that a generated fault lasts, in milliseconds.
const LASTS_MAX: u64 = 3_000;

/// Up to six faults of every kind that fits the cluster, which begin within `window`, in the order of time.
pub fn fault_schedule(cluster: &Cluster, window: Duration) -> BoxedStrategy<Vec<ScheduledFault>> {
    let kinds: Vec<&str> = FAULTS.iter().map(|form| form.name).collect();
    fault_schedule_of(&kinds, cluster, window)
}

/// As [`fault_schedule`], of these kinds only (see [`FAULTS`]): a system without a change of members, say, leaves out
/// `reconfigure`.
///
/// # Panics
/// If there is no fault of one of these names, or if none of them can happen in such a cluster: between nodes nothing can
/// go wrong where there is only one.
pub fn fault_schedule_of(
    kinds: &[&str],
    cluster: &Cluster,
    window: Duration,
) -> BoxedStrategy<Vec<ScheduledFault>> {
    let fitting = kinds.iter().filter(|kind| cluster.size() > 1 || !faults::needs_two(kind));
    let each: Vec<_> = fitting.map(|kind| scheduled(kind, cluster, window)).collect();
    assert!(!each.is_empty(), "none of {kinds:?} can happen in this cluster");
    let schedule = vec(proptest::strategy::Union::new(each), 0..=FAULTS_MAX);
    let sorted = |mut schedule: Vec<ScheduledFault>| {
        schedule.sort_by_key(|scheduled| scheduled.at);
        schedule
    };
    schedule.prop_map(sorted).boxed()
}

fn scheduled(kind: &str, cluster: &Cluster, window: Duration) -> BoxedStrategy<ScheduledFault> {
    let form = FAULTS.iter().find(|form| form.name == kind);
    let form = form.unwrap_or_else(|| panic!("there is no fault `{kind}`"));
    let spanning = form.lasts == Lasts::Spanning;
    let at = 0..=window.as_millis() as u64;
    let lasts = option::weighted(0.9, 50..=LASTS_MAX);
    let draws = any::<u32>().no_shrink();
    let fault = faults::of_kind(kind, cluster);
    let scheduled = move |(at, lasts, draws, fault): (u64, Option<u64>, u32, _)| ScheduledFault {
        draws: Some(draws.into()),
        yields: true,
        ..ScheduledFault::new(Instant::ZERO + Duration::from_millis(at), fault)
            .lasting(lasts.filter(|_| spanning).map(Duration::from_millis))
    };
    (at, lasts, draws, fault).prop_map(scheduled).boxed()
}

/// One to three groups of clients that ask for some of these functions, near any region or none.
///
/// # Panics
/// If there is no function.
pub fn workload(cluster: &Cluster, functions: &[&str]) -> BoxedStrategy<Workload> {
    assert!(!functions.is_empty(), "clients that ask for nothing test nothing");
    let functions: Vec<String> = functions.iter().map(ToString::to_string).collect();
    let count = functions.len();
    let weighted = (subsequence(functions, 1..=count), vec(1..=4_u32, count))
        .prop_map(|(functions, weights)| functions.into_iter().zip(weights).collect());
    (vec(group(cluster), 1..=3), weighted, 1..=8_u64, 2..=40_u64)
        .prop_map(|(clients, operations, keys, think)| Workload {
            clients,
            operations,
            keys,
            think: Distribution::Exponential(Duration::from_millis(think)),
            ..Workload::default()
        })
        .boxed()
}

fn group(cluster: &Cluster) -> BoxedStrategy<ClientGroup> {
    let near = match cluster.regions.len() {
        0 => proptest::strategy::Just(None).boxed(),
        regions => option::of(0..regions).boxed(),
    };
    let routing = option::of(select(vec![Routing::Leader, Routing::ReadsNear, Routing::Roaming]));
    (1..=3_u32, near, routing)
        .prop_map(|(count, near, routing)| ClientGroup { near, routing, ..ClientGroup::of(count) })
        .boxed()
}

/// The scenario with other faults, another workload of the same functions, and another seed. Cluster, machine room, system,
/// times and judges stay; what is about the former faults or operations (the watched window, the fates of
/// single messages, ablations, a recorded failure) is left out.
///
/// # Panics
/// If the scenario's clients ask for nothing.
pub fn scenario(base: &Scenario) -> BoxedStrategy<Scenario> {
    scenario_with(base, fault_schedule(&base.cluster, base.duration))
}

/// As [`scenario`], with faults from this strategy.
///
/// # Panics
/// As [`scenario`].
pub fn scenario_with(
    base: &Scenario,
    faults: BoxedStrategy<Vec<ScheduledFault>>,
) -> BoxedStrategy<Scenario> {
    let mut functions: Vec<&str> = Vec::new();
    let groups = base.workload.clients.iter().map(|group| &group.operations);
    for (name, weight) in groups.chain([&base.workload.operations]).flatten() {
        if *weight > 0 && !functions.contains(&name.as_str()) {
            functions.push(name);
        }
    }
    let workload = workload(&base.cluster, &functions);
    let base = Scenario {
        network: NetworkOptions { fates: Vec::new(), ..base.network.clone() },
        nemesis: Nemesis::default(),
        watch: None,
        ablations: Vec::new(),
        failure: None,
        ..base.clone()
    };
    (faults, workload, any::<u32>().no_shrink())
        .prop_map(move |(faults, drawn, seed)| Scenario {
            seed: seed.into(),
            faults,
            workload: Workload {
                timeout: base.workload.timeout,
                retry: base.workload.retry,
                backoff: base.workload.backoff,
                limit: base.workload.limit,
                ..drawn
            },
            ..base.clone()
        })
        .boxed()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    use super::*;
    use crate::scenario::systems::SystemChoice;
    use crate::world::cluster::Region;

    /// Five nodes in two regions, or one node alone.
    fn base(nodes: usize) -> Scenario {
        let mut cluster = Cluster::of_size(nodes);
        if nodes > 1 {
            let mut all: Vec<_> = cluster.nodes().collect();
            let west = all.split_off(nodes / 2);
            let region = |name: &str, nodes| Region { name: name.to_owned(), nodes };
            cluster.regions = vec![region("east", all), region("west", west)];
        }
        Scenario {
            workload: Workload::of(1, &[("write", 1), ("read", 1), ("cas", 1)]),
            ..Scenario::new("drawn", SystemChoice::named("raft-kv"), cluster)
        }
    }

    #[test]
    fn every_kind_of_fault_is_drawn_and_can_be_written_down() {
        let mut runner = TestRunner::deterministic();
        let mut drawn = BTreeSet::new();
        for base in [base(5), base(1)] {
            let strategy = scenario(&base);
            for _ in 0..300 {
                let case = strategy.new_tree(&mut runner).expect("nothing is rejected").current();
                let again = Scenario::parse("drawn.json", case.to_json().as_bytes(), &[]);
                drawn.extend(case.faults.iter().map(|scheduled| scheduled.fault.kind()));
                assert_eq!(again, Ok(case));
            }
        }
        assert_eq!(drawn, FAULTS.iter().map(|form| form.name).collect());
    }

    #[test]
    fn only_the_kinds_that_were_asked_for_are_drawn() {
        let mut runner = TestRunner::deterministic();
        let cluster = Cluster::of_size(3);
        let strategy = fault_schedule_of(&["crash", "clock"], &cluster, Duration::from_secs(1));
        for _ in 0..100 {
            let schedule = strategy.new_tree(&mut runner).expect("nothing is rejected").current();
            assert!(schedule.is_sorted_by_key(|scheduled| scheduled.at));
            let kinds = schedule.iter().map(|scheduled| scheduled.fault.kind());
            assert!(kinds.into_iter().all(|kind| ["crash", "clock"].contains(&kind)));
        }
    }

    /// What is smallest has no fault, one client, one function, and the seed that was drawn.
    #[test]
    fn a_case_shrinks_to_nothing_but_its_seed() {
        let mut runner = TestRunner::deterministic();
        let mut tree = scenario(&base(5)).new_tree(&mut runner).expect("nothing is rejected");
        let seed = tree.current().seed;
        while tree.simplify() {}
        let smallest = tree.current();
        assert_eq!(smallest.faults, []);
        assert_eq!(smallest.workload.clients, [ClientGroup::of(1)]);
        assert_eq!(smallest.workload.operations.len(), 1);
        assert_eq!((smallest.seed, smallest.workload.keys), (seed, 1));
    }
}
