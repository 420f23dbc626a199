//! Power fails after each disk operation of a script that uses everything, and after each operation of the
//! recovery that follows; what is found must be the state before or after the step under way.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::kernel::ids::{Generation, LogIndex, NodeId};
use crate::kernel::random::{Purpose, Stream};
use crate::node::context::Disk;
use crate::node::disk::DiskError;
use crate::systems::storage::memory_disk::{Fate, Machine, Nobody};
use crate::systems::storage::{
    Condition, HardState, Opened, Patience, Record, Snapshot, Start, Storage, StorageOptions,
};

/// One call of the store.
#[derive(Clone, Copy, Debug)]
enum Step {
    Append { count: u64, generation: u64 },
    Sync,
    Truncate { from: u64 },
    Vote { generation: u64 },
    SaveSnapshot { index: u64 },
    Install { index: u64, generation: u64 },
    Discard,
}

/// Records of 56 bytes and segments of 1024 with a header of 512: a roll every 9 records.
const SCRIPT: &[Step] = &[
    Step::Vote { generation: 1 },
    Step::Append { count: 3, generation: 1 },
    Step::Sync,
    Step::Append { count: 20, generation: 1 }, // rolls twice in one call
    Step::Sync,
    Step::Truncate { from: 8 }, // into the first segment, two later ones go
    Step::Vote { generation: 2 },
    Step::Append { count: 14, generation: 2 },
    Step::Append { count: 3, generation: 2 },
    Step::Sync,
    Step::SaveSnapshot { index: 20 },
    Step::Append { count: 2, generation: 2 },
    Step::Discard,
    Step::Truncate { from: 25 },
    Step::Append { count: 9, generation: 3 },
    Step::Vote { generation: 4 },
    Step::Install { index: 27, generation: 3 }, // in the log: the suffix stays
    Step::Sync,
    Step::Discard,
    Step::Install { index: 30, generation: 4 }, // conflicts: the log is replaced
    Step::Append { count: 2, generation: 4 },
    Step::Sync,
    Step::Install { index: 50, generation: 4 }, // far ahead: the log is replaced
    Step::Append { count: 12, generation: 4 },
    Step::SaveSnapshot { index: 61 },
    Step::Discard,
    Step::Sync,
];

/// What the store was told, as one thinks of it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    generations: BTreeMap<u64, u64>,
    last: u64,
    synced: u64,
    snapshot: (u64, u64),
    vote: u64,
}

impl Model {
    fn after(&self, step: Step) -> Self {
        let mut next = self.clone();
        match step {
            Step::Append { count, generation } => {
                next.generations
                    .extend((self.last + 1..=self.last + count).map(|i| (i, generation)));
                next.last += count;
            }
            Step::Sync => next.synced = self.last,
            Step::Truncate { from } => {
                next.generations.split_off(&from);
                next.last = from - 1;
                next.synced = from - 1;
            }
            Step::Vote { generation } => next.vote = generation,
            Step::SaveSnapshot { index } => next.snapshot = (index, self.generations[&index]),
            Step::Install { index, generation } => {
                next.snapshot = (index, generation);
                if self.generations.get(&index) != Some(&generation) {
                    next.generations.clear();
                    (next.last, next.synced) = (index, index);
                }
            }
            Step::Discard => {}
        }
        next
    }
}

fn hard_state(generation: u64) -> HardState {
    let voted_for = (generation > 0).then_some(NodeId(generation as u32));
    HardState { generation: Generation(generation), voted_for, ..HardState::default() }
}

fn record(index: u64, generation: u64) -> Record {
    let payload = Rc::from(format!("entry {index:04} of {generation:04}").into_bytes());
    Record { kind: 1, generation: Generation(generation), index: LogIndex(index), payload }
}

fn snapshot((index, generation): (u64, u64)) -> Snapshot {
    let body = Rc::from(vec![index as u8; 1500]);
    Snapshot { index: LogIndex(index), generation: Generation(generation), body }
}

fn open(machine: &mut Machine, start: Start) -> Result<Opened, DiskError> {
    machine.with(|disk| Storage::open(disk, options(), start))
}

fn options() -> StorageOptions {
    StorageOptions { segment_bytes: 1024, ..StorageOptions::default() }
}

fn call(
    disk: &mut Disk<'_, Nobody>,
    storage: &mut Storage,
    (step, model): (Step, &Model),
) -> Result<(), DiskError> {
    match step {
        Step::Append { count, generation } => {
            let range = model.last + 1..=model.last + count;
            let records: Vec<_> = range.map(|index| record(index, generation)).collect();
            storage.append(disk, &records)
        }
        Step::Sync => storage.sync(disk),
        Step::Truncate { from } => storage.truncate_from(disk, LogIndex(from)),
        Step::Vote { generation } => storage.save_hard_state(disk, hard_state(generation)),
        Step::SaveSnapshot { .. } => {
            storage.save_snapshot(disk, &snapshot(model.after(step).snapshot))
        }
        Step::Install { index, generation } => {
            storage.install_snapshot(disk, &snapshot((index, generation)))
        }
        Step::Discard => storage.discard_through(disk, LogIndex(u64::MAX)).map(drop),
    }
}

const FIRST: Start = Start { is_first: true, entropy: 1 << 64, patience: Patience::Left };
const AGAIN: Start = Start { is_first: false, entropy: 2 << 64, patience: Patience::Left };

/// What the store may know after power failed.
struct Possible {
    before: Model,
    after: Model,
    /// Power failed before the disk was furnished for the first time.
    is_unfurnished: bool,
}

/// Runs the script until the disk has no more power for an operation.
fn run(machine: &mut Machine) -> Option<Possible> {
    let mut model = Model::default();
    let Ok(opened) = open(machine, FIRST) else {
        return Some(Possible { before: model.clone(), after: model, is_unfurnished: true });
    };
    let mut storage = opened.storage;
    for &step in SCRIPT {
        let after = model.after(step);
        if machine.with(|disk| call(disk, &mut storage, (step, &model))).is_err() {
            return Some(Possible { before: model, after, is_unfurnished: false });
        }
        assert_eq!(storage.last_index(), LogIndex(after.last), "{step:?}");
        model = after;
    }
    None
}

impl Possible {
    fn check(&self, opened: &Opened, context: &str) {
        if self.is_unfurnished && matches!(opened.condition, Condition::Amnesia(_)) {
            return;
        }
        assert_eq!(opened.condition, Condition::Sound, "{context}");
        let votes = [self.before.vote, self.after.vote].map(hard_state);
        assert!(votes.contains(&opened.hard_state), "{context}: {:?}", opened.hard_state);
        let snapshots = [self.before.snapshot, self.after.snapshot];
        let taken = opened.snapshot.as_ref().map_or((0, 0), |s| (s.index.0, s.generation.0));
        assert!(snapshots.contains(&taken), "{context}: {taken:?}");
        assert!(taken == (0, 0) || opened.snapshot == Some(snapshot(taken)), "{context}");
        assert!(opened.boundary.index.0 <= taken.0, "{context}: first index behind the snapshot");
        let is_prefix_of = |model: &Model| {
            let found = (opened.boundary.index.0 + 1..).zip(&opened.records);
            found.map(|(index, found)| (model.generations.get(&index), found, index)).all(
                |(expected, found, index)| expected.is_some_and(|&g| *found == record(index, g)),
            )
        };
        assert!(is_prefix_of(&self.before) || is_prefix_of(&self.after), "{context}");
        let last = opened.boundary.index.0 + opened.records.len() as u64;
        assert!(last.max(taken.0) >= self.before.synced.min(self.after.last), "{context}: {last}");
        assert_eq!(opened.storage.last_index(), LogIndex(last), "{context}");
    }
}

/// What somebody who opened the store knows.
fn seen(opened: &Opened) -> impl PartialEq + std::fmt::Debug + use<> {
    ((opened.hard_state, opened.snapshot.clone(), opened.boundary), opened.records.clone())
}

/// Opens after a failure, and shows that what was found stays and can be built upon.
fn reopen_and_go_on(machine: &mut Machine, possible: &Possible, context: &str) {
    let opened = open(machine, AGAIN).expect("the disk works");
    possible.check(&opened, context);
    machine.disk.fail(Fate::IsLost);
    let again = open(machine, AGAIN).expect("the disk works");
    if opened.condition != Condition::Sound {
        assert_ne!(again.condition, Condition::Sound, "{context}");
        return;
    }
    assert_eq!(seen(&again), seen(&opened), "{context}: what was found must be durable");
    let mut storage = again.storage;
    let next = record(storage.last_index().0 + 1, 9);
    machine.with(|disk| storage.append(disk, std::slice::from_ref(&next))).expect("it works");
    machine.with(|disk| storage.sync(disk)).expect("it works");
    machine.disk.fail(Fate::IsLost);
    let last = open(machine, AGAIN).expect("the disk works").records.pop();
    assert_eq!(last, Some(next), "{context}: the store goes on");
}

fn fates(stream: &mut Stream, visit: &mut dyn FnMut(Fate<'_>, &str)) {
    visit(Fate::StaysCached, "the process dies");
    visit(Fate::StaysUnwritten, "the process dies of a sync that failed");
    visit(Fate::IsLost, "nothing unsynced survives");
    visit(Fate::Survives, "everything unsynced survives");
    for draw in 0..6 {
        visit(Fate::IsDrawn(&mut *stream), &format!("draw {draw}"));
    }
}

#[test]
fn no_crash_point_loses_what_was_promised() {
    let mut stream = Stream::new(1, Purpose::User, 0, 0);
    let mut operations = 0;
    loop {
        let mut machine = Machine::new();
        machine.disk.operations_max = Some(operations);
        let Some(possible) = run(&mut machine) else { break };
        let disk = machine.disk.clone();
        fates(&mut stream, &mut |fate, name| {
            machine.disk = disk.clone();
            machine.disk.fail(fate);
            reopen_and_go_on(&mut machine, &possible, &format!("operation {operations}, {name}"));
        });
        operations += 1;
    }
    assert!(operations > 140, "the script has {operations} disk operations");
}

#[test]
fn a_recovery_may_be_interrupted_at_each_disk_operation() {
    let mut stream = Stream::new(2, Purpose::User, 0, 0);
    for operations in 0.. {
        let mut machine = Machine::new();
        machine.disk.operations_max = Some(operations);
        let Some(possible) = run(&mut machine) else { return };
        let mut unwritten = machine.disk.clone();
        unwritten.fail(Fate::StaysUnwritten);
        machine.disk.fail(Fate::IsDrawn(&mut stream));
        for disk in [machine.disk.clone(), unwritten] {
            for more in 0.. {
                machine.disk = disk.clone();
                machine.disk.operations_max = Some(machine.disk.operations + more);
                if open(&mut machine, AGAIN).is_ok() {
                    break;
                }
                machine.disk.fail(Fate::IsDrawn(&mut stream));
                let context =
                    format!("operation {operations}, then operation {more} of the recovery");
                reopen_and_go_on(&mut machine, &possible, &context);
            }
        }
    }
}

#[test]
fn a_lost_store_does_not_become_trusted_by_a_crash_within_its_reset() {
    for operations in 0.. {
        let mut machine = Machine::new();
        assert!(run(&mut machine).is_none());
        let names = machine.disk.files();
        let newest = names.iter().rfind(|name| name.starts_with("data/0"));
        machine.disk.damage(newest.expect("there is a log"), |bytes| bytes[20] ^= 1);
        let damaged = open(&mut machine, AGAIN).expect("the disk works");
        assert!(matches!(damaged.condition, Condition::Damaged(_)), "{:?}", damaged.condition);
        assert_eq!(damaged.hard_state, hard_state(4), "the hard state is not damaged");
        machine.disk.operations_max = Some(machine.disk.operations + operations);
        let mut storage = damaged.storage;
        let result = machine.with(|disk| storage.reset(disk));
        machine.disk.fail(Fate::IsLost);
        let again = open(&mut machine, AGAIN).expect("the disk works");
        assert_ne!(again.condition, Condition::Sound, "operation {operations}");
        assert_eq!(again.hard_state.generation, Generation(4), "operation {operations}");
        if result.is_ok() {
            assert_eq!((again.records, again.snapshot), (Vec::new(), None));
            return;
        }
    }
}

/// The same script on the simulated disk, as one handler whose effects carry times: power fails at each time
/// at which something ended, and in the middle of each operation.
#[cfg(test)]
mod simulated {
    use std::time::Duration;

    use super::*;
    use crate::kernel::distribution::Distribution;
    use crate::kernel::time::Instant;
    use crate::node::effects::Effects;
    use crate::world::disk::SimulatedDisk;
    use crate::world::options::DiskOptions;

    fn disk(seed: u64) -> SimulatedDisk {
        let microseconds = |n| Distribution::Constant(Duration::from_micros(n));
        let options = DiskOptions {
            access: microseconds(2),
            sync: microseconds(10),
            ..DiskOptions::default()
        };
        let stream = |purpose| Stream::new(seed, purpose, 0, 0);
        SimulatedDisk::new(options, stream(Purpose::Disk), stream(Purpose::Power))
    }

    /// Runs the script at once; returns when each step ended and what was true before and after it, and the
    /// times of all operations.
    fn run(disk: &mut SimulatedDisk) -> (Vec<(Instant, Possible)>, Vec<Instant>) {
        let (mut moment, mut effects) = (Instant::ZERO, Effects::default());
        disk.begin_handler();
        let mut model = Model::default();
        let mut steps = Vec::new();
        let mut view = Disk::over(disk, &mut moment, &mut effects);
        let opened = Storage::open(&mut view, options(), FIRST).expect("the disk works");
        let mut storage = opened.storage;
        let nothing =
            Possible { before: model.clone(), after: model.clone(), is_unfurnished: true };
        steps.push((moment, nothing));
        for &step in SCRIPT {
            let mut view = Disk::over(disk, &mut moment, &mut effects);
            call(&mut view, &mut storage, (step, &model)).expect("the disk works");
            let after = model.after(step);
            let possible = Possible { before: model, after: after.clone(), is_unfurnished: false };
            steps.push((moment, possible));
            model = after;
        }
        (steps, effects.list.iter().map(|(at, _)| *at).collect())
    }

    fn reopen(disk: &mut SimulatedDisk, at: Instant) -> Opened {
        let (mut moment, mut effects) = (at, Effects::<Nobody>::default());
        disk.begin_handler();
        let mut view = Disk::over(disk, &mut moment, &mut effects);
        Storage::open(&mut view, options(), AGAIN).expect("the disk works")
    }

    #[test]
    fn the_simulated_disk_keeps_what_was_promised_at_every_moment_of_a_handler() {
        let times = run(&mut disk(0)).1;
        assert!(times.len() > 150, "there are {} operations", times.len());
        let later = *times.last().expect("there are operations") + Duration::from_secs(1);
        for (number, time) in times.into_iter().enumerate() {
            for at in [time, time + Duration::from_micros(1)] {
                let mut disk = disk(number as u64);
                let steps = run(&mut disk).0;
                // What ended at the very instant of the failure was promised, and the next step had begun.
                let under_way = steps.into_iter().find(|(ended, _)| *ended > at);
                let Some((_, possible)) = under_way else { return };
                disk.power_failure(at);
                let opened = reopen(&mut disk, later);
                possible.check(&opened, &format!("power fails at {at}"));
                disk.power_failure(later + Duration::from_secs(1));
                let again = reopen(&mut disk, later + Duration::from_secs(2));
                if opened.condition == Condition::Sound {
                    assert_eq!(seen(&again), seen(&opened), "power fails at {at}");
                }
            }
        }
    }
}
