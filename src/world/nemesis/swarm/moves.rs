//! The moves of a swarm: one function for each kind of fault, which draws everything about it but how often it comes.

use std::time::Duration;

use crate::kernel::distribution::Distribution;
use crate::kernel::ids::NodeId;
use crate::kernel::random::{Probability, Stream};
use crate::world::cluster::Cluster;
use crate::world::fault::{
    Away, ClockFault, DiskFault, DropMessage, Fault, LinkChange, LinkFault, Partition,
    PartitionMode, PowerFailure, Shape, Target, Trigger,
};
use crate::world::nemesis::Generator;

/// Draws a generator of one kind of fault; `None` if the cluster has no place for it.
type Move = fn(&mut Stream, &Cluster) -> Option<Generator>;

/// All moves, by name. A new one comes last: the place names what it draws.
pub const MOVES: &[(&str, Move)] = &[
    ("random-sides", |stream, _| Some(partition(Shape::RandomSides, stream))),
    ("isolate", |stream, _| {
        let target = whom(stream);
        let one = partition(Shape::Isolate(target), stream);
        Some(at_a_moment(one, stream))
    }),
    ("bridge", |stream, _| Some(partition(Shape::Bridge(Target::Any), stream))),
    ("ring-majority", |stream, _| Some(partition(Shape::RingMajority, stream))),
    ("one-way", |stream, _| {
        let (one, other) = (whom(stream), Target::All);
        let shape =
            if even(stream) { Shape::OneWay(one, other) } else { Shape::OneWay(other, one) };
        Some(partition(shape, stream))
    }),
    ("pairs", pairs),
    ("regions", regions),
    ("link", |stream, _| Some(link(stream))),
    ("drop-message", |stream, _| {
        let drop =
            DropMessage { from: whom(stream), to: Target::All, kind: None, nth: up_to(50, stream) };
        Some(momentary(Fault::DropMessage(drop)))
    }),
    ("swizzle", |stream, _| {
        let ways = [Away::Cut, Away::Pause, Away::Crash];
        let away = *stream.pick(&ways).expect("there are three ways");
        Some(spanning(Fault::Swizzle { away }, stream))
    }),
    ("crash", |stream, _| {
        let one = Fault::Crash { target: whom(stream), restart: Some(soon(stream)) };
        Some(at_a_moment(momentary(one), stream))
    }),
    ("power-failure", |stream, _| {
        let one = Fault::PowerFailure(power_failure(stream));
        Some(at_a_moment(momentary(one), stream))
    }),
    ("wipe", |stream, _| {
        let one = Fault::Wipe { target: one_node(stream), restart: Some(soon(stream)) };
        Some(at_a_moment(momentary(one), stream))
    }),
    ("pause", |stream, _| {
        let one = spanning(Fault::Pause { target: whom(stream) }, stream);
        Some(at_a_moment(one, stream))
    }),
    ("slow-cpu", |stream, _| {
        let handler = millis(up_to(20, stream));
        Some(spanning(Fault::SlowCpu { target: whom(stream), handler }, stream))
    }),
    ("sync-failure", |stream, _| {
        let effect = DiskFault { sync_failure: Some(chance(stream)), ..NOTHING };
        Some(disk(effect, stream))
    }),
    ("lying-sync", |stream, _| {
        let effect = DiskFault { lying_sync: Some(chance(stream)), ..NOTHING };
        Some(disk(effect, stream))
    }),
    ("read-error", |stream, _| {
        let effect = DiskFault { read_error: Some(chance(stream)), ..NOTHING };
        Some(disk(effect, stream))
    }),
    ("write-error", |stream, _| {
        let effect = DiskFault { write_error: Some(chance(stream)), ..NOTHING };
        Some(disk(effect, stream))
    }),
    ("full", |stream, _| Some(disk(DiskFault { full: Some(true), ..NOTHING }, stream))),
    ("slower", |stream, _| {
        let slower = 1 << up_to(6, stream);
        Some(disk(DiskFault { slower: Some(slower), ..NOTHING }, stream))
    }),
    ("stalled", |stream, _| Some(disk(DiskFault { stalled: Some(true), ..NOTHING }, stream))),
    ("bit-rot", |stream, _| {
        let bit_rot = Some(up_to(20, stream) as u32);
        Some(disk(DiskFault { bit_rot, ..NOTHING }, stream))
    }),
    ("misdirected-write", |stream, _| {
        let effect = DiskFault { misdirected_write: Some(chance(stream)), ..NOTHING };
        Some(disk(effect, stream))
    }),
    ("latent-sectors", |stream, _| {
        let latent_sectors = Some(up_to(10, stream) as u32);
        Some(disk(DiskFault { latent_sectors, ..NOTHING }, stream))
    }),
    ("clock-step", |stream, _| {
        let step = signed(1 << up_to(12, stream), stream) * 1_000_000;
        Some(clock(ClockFault { step: Some(step), ..STEADY }, stream))
    }),
    ("clock-drift", |stream, _| {
        let drift = signed(10_i64.pow(1 + up_to(4, stream) as u32), stream);
        Some(clock(ClockFault { drift_ppm: Some(drift), ..STEADY }, stream))
    }),
    ("clock-bound", |stream, _| {
        let bound = Some(millis(stream.below(10)));
        let step = Some(signed(1 << up_to(9, stream), stream) * 1_000_000);
        Some(clock(ClockFault { step, bound, ..STEADY }, stream))
    }),
    ("reconfigure", |_, _| Some(momentary(Fault::Reconfigure { members: Target::Most }))),
];

/// How often it comes is the swarm's to say.
const UNDECIDED: Distribution = Distribution::Constant(Duration::ZERO);

const NOTHING: DiskFault = DiskFault {
    sync_failure: None,
    lying_sync: None,
    read_error: None,
    write_error: None,
    full: None,
    slower: None,
    stalled: None,
    bit_rot: None,
    misdirected_write: None,
    latent_sectors: None,
};
const STEADY: ClockFault = ClockFault { step: None, drift_ppm: None, bound: None };

fn even(stream: &mut Stream) -> bool {
    stream.below(2) == 0
}

/// From 1 to this.
fn up_to(most: u64, stream: &mut Stream) -> u64 {
    1 + stream.below(most)
}

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn signed(size: i64, stream: &mut Stream) -> i64 {
    if even(stream) { size } else { -size }
}

/// Always, or one in two, four ... sixty-four.
fn chance(stream: &mut Stream) -> Probability {
    Probability::per_million(1_000_000 >> stream.below(7))
}

/// One node, or some.
fn whom(stream: &mut Stream) -> Target {
    match stream.below(6) {
        0 | 1 => Target::Leader,
        2 => Target::Follower,
        3 => Target::Minority,
        _ => Target::Any,
    }
}

fn one_node(stream: &mut Stream) -> Target {
    match stream.below(3) {
        0 => Target::Leader,
        1 => Target::Follower,
        _ => Target::Any,
    }
}

/// Until it starts again: at once, or after 0.2 s to 6.4 s.
fn soon(stream: &mut Stream) -> Distribution {
    let most = millis(200 << stream.below(6));
    if even(stream) {
        Distribution::Uniform(Duration::ZERO, most)
    } else {
        Distribution::Constant(most)
    }
}

/// A fault that lasts: for up to 0.2 s to 6.4 s.
fn spanning(fault: Fault, stream: &mut Stream) -> Generator {
    let most = millis(200 << stream.below(6));
    let lasts = Some(Distribution::Uniform(most / 10, most));
    Generator { every: UNDECIDED, lasts, fault, upon: None }
}

const fn momentary(fault: Fault) -> Generator {
    Generator { every: UNDECIDED, lasts: None, fault, upon: None }
}

/// In one of two cases the faults wait for a moment, and in one of two of these they meet who is there.
fn at_a_moment(mut generator: Generator, stream: &mut Stream) -> Generator {
    if even(stream) {
        return generator;
    }
    let upon = match stream.below(6) {
        0 => Trigger::Commit,
        1 => Trigger::Election,
        2 => Trigger::Leadership,
        3 => Trigger::Recovery,
        _ => Trigger::DiskOperation(up_to(64, stream)),
    };
    generator.upon = Some(upon);
    if even(stream) {
        match &mut generator.fault {
            Fault::Crash { target, .. } | Fault::Wipe { target, .. } | Fault::Pause { target } => {
                *target = Target::There;
            }
            Fault::PowerFailure(failure) => failure.target = Target::There,
            Fault::Partition(partition) => partition.shape = Shape::Isolate(Target::There),
            _ => {}
        }
    }
    generator
}

fn partition(shape: Shape, stream: &mut Stream) -> Generator {
    let mode = match stream.below(5) {
        0 => PartitionMode::Stalled,
        1 => PartitionMode::Slowed(Distribution::Uniform(
            Duration::ZERO,
            millis(8 << stream.below(7)),
        )),
        _ => PartitionMode::Cut,
    };
    let flapping = (stream.below(4) == 0).then(|| millis(25 << stream.below(6)));
    let keeps_in_flight = even(stream);
    spanning(Fault::Partition(Partition { shape, mode, flapping, keeps_in_flight }), stream)
}

/// Some pairs of nodes, each with the same chance.
fn pairs(stream: &mut Stream, cluster: &Cluster) -> Option<Generator> {
    let nodes: Vec<NodeId> = cluster.nodes().collect();
    let mut pairs = Vec::new();
    for (place, &one) in nodes.iter().enumerate() {
        pairs.extend(nodes[..place].iter().map(|&other| (other, one)));
    }
    if pairs.is_empty() {
        return None;
    }
    stream.shuffle(&mut pairs);
    pairs.truncate(up_to(pairs.len() as u64, stream) as usize);
    pairs.sort_unstable();
    Some(partition(Shape::Pairs(pairs), stream))
}

/// Two of the regions.
fn regions(stream: &mut Stream, cluster: &Cluster) -> Option<Generator> {
    let mut regions: Vec<Target> = (0..cluster.regions.len()).map(Target::Region).collect();
    if regions.len() < 2 {
        return None;
    }
    stream.shuffle(&mut regions);
    regions.truncate(2);
    Some(partition(Shape::Sides(regions), stream))
}

fn link(stream: &mut Stream) -> Generator {
    let mut change = LinkChange::default();
    match stream.below(5) {
        0 => change.loss = Some(chance(stream)),
        1 => change.duplication = Some(chance(stream)),
        2 => change.corruption = Some(chance(stream)),
        3 => change.bandwidth = Some(1_000 << stream.below(10)),
        _ => {
            let minimum = millis(1 << stream.below(5));
            change.delay = Some(Distribution::Pareto { minimum, alpha: 1_500 });
        }
    }
    let (from, to, both_ways) = (whom(stream), Target::All, even(stream));
    spanning(Fault::Link(LinkFault { from, to, both_ways, change }), stream)
}

fn power_failure(stream: &mut Stream) -> PowerFailure {
    let target = match stream.below(4) {
        0 => Target::All,
        1 => Target::Majority,
        _ => whom(stream),
    };
    let again = if even(stream) { Probability::NEVER } else { chance(stream) };
    PowerFailure {
        target,
        within: millis(stream.below(3) * up_to(20, stream)),
        restart: Some(soon(stream)),
        again,
        again_within: millis(1 << stream.below(10)),
        again_after_operations: even(stream).then(|| up_to(60, stream)),
    }
}

fn disk(effect: DiskFault, stream: &mut Stream) -> Generator {
    let target = whom(stream);
    spanning(Fault::Disk { target, effect }, stream)
}

fn clock(effect: ClockFault, stream: &mut Stream) -> Generator {
    let target = if stream.below(4) == 0 { Target::All } else { whom(stream) };
    spanning(Fault::Clock { target, effect }, stream)
}
