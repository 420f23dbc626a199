//! How a scenario can be said more simply: each edit takes away one kind of chance, or one property that the failure may
//! not need. The boldest come first.

use std::time::Duration;

use crate::client::workload::Workload;
use crate::explore::shrink::{Edit, Shrinker, set};
use crate::kernel::distribution::Distribution;
use crate::kernel::random::Probability;
use crate::kernel::time::nanos;
use crate::scenario::Scenario;
use crate::world::fault::{
    ClockFault, DiskFault, Fault, LinkChange, PartitionMode, PowerFailure, ScheduledFault, Shape,
    Target,
};
use crate::world::nemesis::Tail;
use crate::world::options::{ClockOptions, CpuOptions, DiskOptions};

/// Takes all chance out of the network and the machines at once.
pub(super) fn without_chance(shrinker: &mut Shrinker<'_>) -> bool {
    shrinker.pass(vec![
        set(|it| {
            lose_nothing(it);
            steady_network(it);
            it.disk = steady_disk(it.disk);
            it.clock = ClockOptions::default();
        }),
        set(lose_nothing),
        set(steady_network),
    ]) | likelier(shrinker)
}

/// What must be lost or repeated for the failure is lost or repeated more often: a failure that waits for one message in a
/// thousand needs a thousand messages.
fn likelier(shrinker: &mut Shrinker<'_>) -> bool {
    let edits = [500_000, 300_000, 100_000, 30_000].map(Probability::per_million).map(|more| {
        set(move |it| {
            let link = &mut it.network.link;
            for chance in [&mut link.loss, &mut link.duplication, &mut link.corruption] {
                if !chance.is_never() {
                    *chance = more.max(*chance);
                }
            }
        })
    });
    shrinker.pass_until_first(&edits)
}

/// Takes chance and slowness out of network, disks, clocks and processors, and options out of workload and system.
pub(super) fn surroundings(shrinker: &mut Shrinker<'_>) -> bool {
    let regions = shrinker.best().network.regions.len();
    let options = shrinker.best().system.options.clone();
    let certain = without_chance(shrinker);
    let mut edits: Vec<Edit> = vec![
        set(|it| it.network.regions.clear()),
        set(|it| it.network.link.bandwidth = None),
        set(|it| it.network.link.queue_bytes = None),
        set(|it| it.disk = DiskOptions { survival: it.disk.survival, ..DiskOptions::default() }),
        set(|it| it.disk = steady_disk(it.disk)),
        set(|it| it.disk.tearing = Probability::NEVER),
        set(|it| it.disk.survival = Probability::NEVER),
        set(|it| it.clock = ClockOptions::default()),
        set(|it| it.clock.drift_ppm = (0, 0)),
        set(|it| it.clock.offset = (0, 0)),
        set(|it| it.cpu = CpuOptions::default()),
        set(|it| it.tail = Tail::All),
    ];
    edits.extend((0..regions).rev().map(|place| {
        set(move |it| {
            if place < it.network.regions.len() {
                it.network.regions.remove(place);
            }
        })
    }));
    edits.extend(workload());
    edits.extend(options.into_iter().map(|(name, _)| {
        set(move |it| it.system.options.retain(|(known, _)| *known != name || name == "name"))
    }));
    shrinker.pass(edits) || certain
}

fn lose_nothing(scenario: &mut Scenario) {
    let changes = scenario.network.regions.iter_mut().map(|region| &mut region.change);
    for change in changes {
        (change.loss, change.duplication, change.corruption) = (None, None, None);
    }
    let link = &mut scenario.network.link;
    link.loss = Probability::NEVER;
    link.duplication = Probability::NEVER;
    link.corruption = Probability::NEVER;
}

fn steady_network(scenario: &mut Scenario) {
    scenario.network.link.delay = constant(scenario.network.link.delay);
    for region in &mut scenario.network.regions {
        region.change.delay = region.change.delay.map(constant);
    }
}

fn steady_disk(disk: DiskOptions) -> DiskOptions {
    DiskOptions { access: constant(disk.access), sync: constant(disk.sync), ..disk }
}

/// What a script leaves without meaning, and where clients are and ask.
fn workload() -> Vec<Edit> {
    vec![
        set(|it| {
            if it.workload.script.is_none() {
                return;
            }
            let usual = Workload::default();
            it.workload.operations = usual.operations;
            it.workload.keys = usual.keys;
            it.workload.think = usual.think;
            it.workload.limit = usual.limit;
            it.workload.clients.iter_mut().for_each(|group| group.operations.clear());
        }),
        set(|it| it.workload.routing = Workload::default().routing),
        set(|it| it.workload.clients.iter_mut().for_each(|group| group.routing = None)),
        set(|it| it.workload.clients.iter_mut().for_each(|group| group.near = None)),
        set(|it| it.workload.timeout = Workload::default().timeout),
        set(|it| it.workload.retry = Workload::default().retry),
        set(|it| it.workload.backoff = Workload::default().backoff),
    ]
}

/// Makes each fault simpler.
pub(super) fn faults(shrinker: &mut Shrinker<'_>) -> bool {
    let places = 0..shrinker.best().faults.len();
    let nodes: Vec<Target> = shrinker.best().cluster.nodes().map(Target::Node).collect();
    let edits = places.flat_map(|place| {
        let fault = &shrinker.best().faults[place];
        let mut edits = shorter(place, fault);
        edits.extend(properties(place));
        if let Fault::Partition(partition) = &fault.fault
            && !matches!(partition.shape, Shape::Isolate(_) | Shape::Sides(_) | Shape::OneWay(..))
        {
            edits.extend(nodes.iter().cloned().map(|node| {
                at_fault(place, move |it| {
                    if let Fault::Partition(partition) = &mut it.fault {
                        partition.shape = Shape::Isolate(node.clone());
                    }
                })
            }));
        }
        edits
    });
    let edits: Vec<Edit> = edits.collect();
    shrinker.pass(edits)
}

fn at_fault(place: usize, change: impl Fn(&mut ScheduledFault) + Sync + 'static) -> Edit {
    set(move |scenario| {
        if let Some(fault) = scenario.faults.get_mut(place) {
            change(fault);
        }
    })
}

/// The fault lasts for a part of its time.
fn shorter(place: usize, scheduled: &ScheduledFault) -> Vec<Edit> {
    let Some(lasts) = scheduled.lasts else { return Vec::new() };
    let parts = [1, 2, 4, 6].map(|eighths| lasts * eighths / 8);
    let shorter = |part: Duration| {
        let part = Duration::from_millis(part.as_millis() as u64);
        at_fault(place, move |it| {
            if !part.is_zero() && it.lasts == Some(lasts) {
                it.lasts = Some(part);
            }
        })
    };
    parts.into_iter().map(shorter).collect()
}

/// One property after the other goes, or is no longer left to chance.
fn properties(place: usize) -> Vec<Edit> {
    let changes: [fn(&mut Fault); 5] =
        [comes_back_not, comes_back_steadily, once_at_once, one_kind_of_harm, plain_cut];
    let mut edits: Vec<Edit> = Vec::new();
    for change in changes {
        edits.push(at_fault(place, move |it| change(&mut it.fault)));
    }
    for keep_one in DISK_HARMS {
        edits.push(at_fault(place, move |it| {
            if let Fault::Disk { effect, .. } = &mut it.fault {
                keep_one(effect);
            }
        }));
    }
    edits
}

fn restart_of(fault: &mut Fault) -> Option<&mut Option<Distribution>> {
    match fault {
        Fault::Crash { restart, .. }
        | Fault::Wipe { restart, .. }
        | Fault::PowerFailure(PowerFailure { restart, .. }) => Some(restart),
        _ => None,
    }
}

fn comes_back_not(fault: &mut Fault) {
    if let Some(restart) = restart_of(fault) {
        *restart = None;
    }
}

fn comes_back_steadily(fault: &mut Fault) {
    if let Some(restart) = restart_of(fault) {
        *restart = restart.map(constant);
    }
}

fn once_at_once(fault: &mut Fault) {
    if let Fault::PowerFailure(failure) = fault {
        failure.again = Probability::NEVER;
        failure.again_within = Duration::from_secs(1);
        failure.again_after_operations = None;
        failure.within = Duration::ZERO;
    }
}

/// A link that loses some messages loses all of them, and does nothing else.
fn one_kind_of_harm(fault: &mut Fault) {
    match fault {
        Fault::Link(link) if link.change.loss.is_some() => {
            link.change = LinkChange { loss: Some(Probability::ALWAYS), ..LinkChange::default() };
        }
        Fault::Clock { effect, .. } if effect.step.is_some() => {
            *effect = ClockFault { step: effect.step, ..ClockFault::default() };
        }
        _ => {}
    }
}

fn plain_cut(fault: &mut Fault) {
    if let Fault::Partition(partition) = fault {
        partition.mode = PartitionMode::Cut;
        partition.flapping = None;
        partition.keeps_in_flight = false;
    }
}

/// A disk does only one kind of harm, and always.
const DISK_HARMS: [fn(&mut DiskFault); 6] = [
    |it| always(it.sync_failure, it, |sync_failure, none| DiskFault { sync_failure, ..none }),
    |it| always(it.lying_sync, it, |lying_sync, none| DiskFault { lying_sync, ..none }),
    |it| always(it.read_error, it, |read_error, none| DiskFault { read_error, ..none }),
    |it| always(it.write_error, it, |write_error, none| DiskFault { write_error, ..none }),
    |it| {
        always(it.misdirected_write, it, |misdirected_write, none| DiskFault {
            misdirected_write,
            ..none
        });
    },
    |it| {
        it.bit_rot = it.bit_rot.map(|bits| bits.min(1));
        it.latent_sectors = it.latent_sectors.map(|sectors| sectors.min(1));
    },
];

fn always(
    chance: Option<Probability>,
    effect: &mut DiskFault,
    only: fn(Option<Probability>, DiskFault) -> DiskFault,
) {
    if chance.is_some() {
        *effect = only(Some(Probability::ALWAYS), DiskFault::default());
    }
}

/// A time span in the middle of a distribution, with one digit.
pub(super) fn constant(distribution: Distribution) -> Distribution {
    let middle = match distribution {
        Distribution::Constant(_) => return distribution,
        Distribution::Uniform(low, high) => (low + high) / 2,
        Distribution::Exponential(mean) => mean,
        Distribution::LogNormal { median, .. } => median,
        Distribution::Pareto { minimum, .. } => minimum,
    };
    let digit = 10_u64.pow(nanos(middle).max(1).ilog10());
    Distribution::Constant(Duration::from_nanos((nanos(middle) + digit / 2) / digit * digit))
}

/// Keys are small numbers, faults and operations stand in the order of time, and nothing has a number that it does not need.
pub(super) fn names(shrinker: &mut Shrinker<'_>) {
    shrinker.pass(vec![
        set(|it| {
            let script = it.workload.script.iter_mut().flatten();
            let mut seen = Vec::new();
            for entry in script {
                let key = &entry.operation.key;
                let place = seen.iter().position(|known| known == key).unwrap_or_else(|| {
                    seen.push(key.clone());
                    seen.len() - 1
                });
                entry.operation.key = (place as i64).into();
            }
        }),
        set(|it| {
            if let Some(script) = &mut it.workload.script {
                script.sort_by_key(|entry| (entry.at, entry.client));
            }
        }),
        set(|it| it.faults.sort_by_key(|fault| fault.at)),
        set(|it| it.faults.iter_mut().for_each(|fault| fault.draws = None)),
        set(|it| it.seed = 1),
    ]);
}
