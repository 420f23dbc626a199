//! One strategy for each kind of fault. Everything that a fault can say is drawn, within bounds that keep a run of some
//! seconds lively.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};
use proptest::strategy::BoxedStrategy;

use crate::kernel::distribution::Distribution;
use crate::kernel::ids::NodeId;
use crate::kernel::random::Probability;
use crate::world::cluster::Cluster;
use crate::world::fault::{
    Away, ClockFault, DiskFault, DropMessage, Fault, LinkChange, LinkFault, Partition,
    PartitionMode, PowerFailure, Shape, Target,
};

/// Whether a fault of this kind happens between nodes.
pub(super) fn needs_two(kind: &str) -> bool {
    ["partition", "link", "drop-message"].contains(&kind)
}

/// Faults of a kind that the table of forms knows.
pub(super) fn of_kind(kind: &str, cluster: &Cluster) -> BoxedStrategy<Fault> {
    let target = target(cluster);
    let restart = option::weighted(0.9, span(0..=2_000).prop_map(Distribution::Constant));
    match kind {
        "partition" => partition(cluster),
        "link" => link(cluster),
        "drop-message" => dropped(cluster),
        "crash" => {
            (target, restart).prop_map(|(target, restart)| Fault::Crash { target, restart }).boxed()
        }
        "power-failure" => power_failure(target),
        "wipe" => {
            (target, restart).prop_map(|(target, restart)| Fault::Wipe { target, restart }).boxed()
        }
        "swizzle" => select(vec![Away::Cut, Away::Pause, Away::Crash])
            .prop_map(|away| Fault::Swizzle { away })
            .boxed(),
        "pause" => target.prop_map(|target| Fault::Pause { target }).boxed(),
        "slow-cpu" => (target, span(1..=20))
            .prop_map(|(target, handler)| Fault::SlowCpu { target, handler })
            .boxed(),
        "disk" => {
            (target, disk()).prop_map(|(target, effect)| Fault::Disk { target, effect }).boxed()
        }
        "clock" => {
            (target, clock()).prop_map(|(target, effect)| Fault::Clock { target, effect }).boxed()
        }
        "reconfigure" => reconfigure(cluster),
        "restart" => target.prop_map(|target| Fault::Restart { target }).boxed(),
        "heal" => target.prop_map(|target| Fault::Heal { target }).boxed(),
        other => panic!("there is no strategy for the fault `{other}`"),
    }
}

fn span(millis: std::ops::RangeInclusive<u64>) -> BoxedStrategy<Duration> {
    millis.prop_map(Duration::from_millis).boxed()
}

/// From seldom to always.
fn chance() -> BoxedStrategy<Probability> {
    prop_oneof![
        2 => (1_000..=500_000_u64).prop_map(Probability::per_million),
        1 => Just(Probability::ALWAYS),
    ]
    .boxed()
}

fn node(cluster: &Cluster) -> BoxedStrategy<Target> {
    (0..cluster.size() as u32).prop_map(|node| Target::Node(NodeId(node))).boxed()
}

/// Two different nodes.
fn two(cluster: &Cluster) -> BoxedStrategy<(NodeId, NodeId)> {
    let size = cluster.size() as u32;
    (0..size, 1..size).prop_map(move |(a, step)| (NodeId(a), NodeId((a + step) % size))).boxed()
}

fn target(cluster: &Cluster) -> BoxedStrategy<Target> {
    let roles = select(vec![
        Target::Any,
        Target::Leader,
        Target::Follower,
        Target::Minority,
        Target::Majority,
        Target::All,
    ]);
    match cluster.regions.len() {
        0 => prop_oneof![node(cluster), roles].boxed(),
        regions => {
            prop_oneof![2 => node(cluster), 2 => roles, 1 => (0..regions).prop_map(Target::Region)]
                .boxed()
        }
    }
}

fn partition(cluster: &Cluster) -> BoxedStrategy<Fault> {
    let mode = prop_oneof![
        3 => Just(PartitionMode::Cut),
        1 => Just(PartitionMode::Stalled),
        1 => span(1..=500).prop_map(|by| PartitionMode::Slowed(Distribution::Constant(by))),
    ];
    let flapping = option::weighted(0.2, span(100..=1_000));
    (shape(cluster), mode, flapping, any::<bool>())
        .prop_map(|(shape, mode, flapping, keeps_in_flight)| {
            Fault::Partition(Partition { shape, mode, flapping, keeps_in_flight })
        })
        .boxed()
}

fn shape(cluster: &Cluster) -> BoxedStrategy<Shape> {
    let nodes: Vec<Target> = cluster.nodes().map(Target::Node).collect();
    let all = nodes.clone();
    let sides = subsequence(nodes, 1..cluster.size()).prop_map(move |one| {
        let other = all.iter().filter(|node| !one.contains(node)).cloned().collect();
        Shape::Sides(vec![Target::List(one), Target::List(other)])
    });
    let one_way = |(from, to)| Shape::OneWay(Target::Node(from), Target::Node(to));
    let bridge = prop_oneof![node(cluster), Just(Target::Any)];
    prop_oneof![
        2 => target(cluster).prop_map(Shape::Isolate),
        2 => sides,
        1 => two(cluster).prop_map(one_way),
        1 => Just(Shape::RandomSides),
        1 => bridge.prop_map(Shape::Bridge),
        1 => Just(Shape::RingMajority),
        1 => vec(two(cluster), 1..=3).prop_map(Shape::Pairs),
    ]
    .boxed()
}

fn link(cluster: &Cluster) -> BoxedStrategy<Fault> {
    let none = LinkChange::default();
    let change = prop_oneof![
        span(1..=500).prop_map(move |delay| LinkChange {
            delay: Some(Distribution::Uniform(Duration::ZERO, delay)),
            ..none
        }),
        chance().prop_map(move |loss| LinkChange { loss: Some(loss), ..none }),
        chance().prop_map(move |chance| LinkChange { duplication: Some(chance), ..none }),
        chance().prop_map(move |chance| LinkChange { corruption: Some(chance), ..none }),
        (1_000..=1_000_000_u64)
            .prop_map(move |bytes| LinkChange { bandwidth: Some(bytes), ..none }),
    ];
    let between = prop_oneof![
        two(cluster).prop_map(|(from, to)| (Target::Node(from), Target::Node(to))),
        target(cluster).prop_map(|to| (Target::All, to)),
    ];
    (between, any::<bool>(), change)
        .prop_map(|((from, to), both_ways, change)| {
            Fault::Link(LinkFault { from, to, both_ways, change })
        })
        .boxed()
}

fn dropped(cluster: &Cluster) -> BoxedStrategy<Fault> {
    (two(cluster), 1..=200_u64)
        .prop_map(|((from, to), nth)| {
            let (from, to) = (Target::Node(from), Target::Node(to));
            Fault::DropMessage(DropMessage { from, to, kind: None, nth })
        })
        .boxed()
}

fn power_failure(target: BoxedStrategy<Target>) -> BoxedStrategy<Fault> {
    let restart = option::weighted(0.9, span(0..=2_000).prop_map(Distribution::Constant));
    let again = prop_oneof![2 => Just(Probability::NEVER), 1 => chance()];
    let operations = option::weighted(0.3, 1..=60_u64);
    (target, span(0..=20), restart, again, span(1..=1_000), operations)
        .prop_map(|(target, within, restart, again, again_within, again_after_operations)| {
            Fault::PowerFailure(PowerFailure {
                target,
                within,
                restart,
                again,
                again_within,
                again_after_operations,
            })
        })
        .boxed()
}

fn disk() -> BoxedStrategy<DiskFault> {
    let none = DiskFault::default();
    prop_oneof![
        chance().prop_map(move |chance| DiskFault { sync_failure: Some(chance), ..none }),
        chance().prop_map(move |chance| DiskFault { lying_sync: Some(chance), ..none }),
        chance().prop_map(move |chance| DiskFault { read_error: Some(chance), ..none }),
        chance().prop_map(move |chance| DiskFault { write_error: Some(chance), ..none }),
        Just(DiskFault { full: Some(true), ..none }),
        (2..=50_u32).prop_map(move |times| DiskFault { slower: Some(times), ..none }),
        Just(DiskFault { stalled: Some(true), ..none }),
        (1..=8_u32).prop_map(move |bits| DiskFault { bit_rot: Some(bits), ..none }),
        chance().prop_map(move |chance| DiskFault { misdirected_write: Some(chance), ..none }),
        (1..=8_u32).prop_map(move |sectors| DiskFault { latent_sectors: Some(sectors), ..none }),
    ]
    .boxed()
}

fn clock() -> BoxedStrategy<ClockFault> {
    let none = ClockFault::default();
    let step = -10_000..=10_000_i64;
    prop_oneof![
        step.prop_map(move |millis| ClockFault { step: Some(millis * 1_000_000), ..none }),
        (-50_000..=50_000_i64).prop_map(move |ppm| ClockFault { drift_ppm: Some(ppm), ..none }),
        span(0..=100).prop_map(move |bound| ClockFault { bound: Some(bound), ..none }),
    ]
    .boxed()
}

/// Any majority of the nodes, or all of them.
fn reconfigure(cluster: &Cluster) -> BoxedStrategy<Fault> {
    let nodes: Vec<Target> = cluster.nodes().map(Target::Node).collect();
    let sizes = cluster.size() / 2 + 1..=cluster.size();
    subsequence(nodes, sizes)
        .prop_map(|members| Fault::Reconfigure { members: Target::List(members) })
        .boxed()
}
