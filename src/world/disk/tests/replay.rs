//! Undoing is exact: a disk that crashed is the disk on which only what had begun was ever done.

use std::time::Duration;

use proptest::prelude::*;

use super::{Bench, merciless, options};
use crate::node::disk::{DiskDriver, FileId, Open};
use crate::world::disk::SimulatedDisk;

#[derive(Clone, Debug)]
enum Step {
    Open(&'static str),
    Write(usize, u64, usize),
    Append(usize, usize),
    SetLen(usize, u64),
    Sync(usize),
    StartSync(usize),
    SyncDirectory(&'static str),
    Rename(&'static str, &'static str),
    Remove(&'static str),
    CreateDirectory,
}

fn step() -> impl Strategy<Value = Step> {
    let path = || prop::sample::select(&["a", "b", "d/a", "d/b"][..]);
    let directory = prop::sample::select(&["", "d"][..]);
    let file = || 0..4_usize;
    prop_oneof![
        2 => path().prop_map(Step::Open),
        4 => (file(), 0..2_000_u64, 1..1_500_usize).prop_map(|(f, at, n)| Step::Write(f, at, n)),
        4 => (file(), 1..1_500_usize).prop_map(|(f, n)| Step::Append(f, n)),
        2 => (file(), 0..2_500_u64).prop_map(|(f, n)| Step::SetLen(f, n)),
        3 => file().prop_map(Step::Sync),
        2 => file().prop_map(Step::StartSync),
        1 => directory.prop_map(Step::SyncDirectory),
        2 => (path(), path()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => path().prop_map(Step::Remove),
        1 => Just(Step::CreateDirectory),
    ]
}

/// A file that is open, and always is the same one for the same number.
fn opened(bench: &Bench, number: usize) -> FileId {
    let count = bench.disk.open.len().max(1);
    bench.disk.open.keys().nth(number % count).copied().unwrap_or(FileId(u32::MAX))
}

/// Takes a step with bytes that tell it from others. Whether it succeeds does not matter.
fn take(bench: &mut Bench, step: &Step, number: usize) {
    let bytes = |len| vec![number as u8 + 1; len];
    let now = bench.now;
    let file = |number| opened(bench, number);
    match *step {
        Step::Open(path) => drop(bench.call(|disk, now| disk.open(now, path, Open::Any))),
        Step::Write(f, offset, len) => drop(bench.write(file(f), offset, &bytes(len))),
        Step::Append(f, len) => drop(bench.append(file(f), &bytes(len))),
        Step::SetLen(f, len) => {
            let file = file(f);
            let _ = bench.call(|disk, now| disk.set_len(now, file, len));
        }
        Step::Sync(f) => drop(bench.sync(file(f))),
        Step::StartSync(f) => drop(bench.disk.start_sync(now, file(f))),
        Step::SyncDirectory(path) => drop(bench.call(|disk, now| disk.sync_directory(now, path))),
        Step::Rename(from, to) => drop(bench.call(|disk, now| disk.rename(now, from, to))),
        Step::Remove(path) => drop(bench.call(|disk, now| disk.remove(now, path))),
        Step::CreateDirectory => drop(bench.call(|disk, now| disk.create_directory(now, "d"))),
    }
}

/// All that matters of a disk: the cache, the platter and what lies between them.
fn survey(disk: &mut SimulatedDisk) -> Vec<String> {
    disk.collect();
    let mut found = vec![disk.tree.describe()];
    for (inode, content) in disk.tree.files_mut() {
        let unsynced = content.unsynced();
        let sectors: Vec<_> = unsynced
            .sectors
            .entries()
            .iter()
            .map(|entry| (entry.sector, entry.state, unsynced.sectors.bytes_of(entry)))
            .collect();
        let lengths = (unsynced.platter_len, unsynced.shrunk_to);
        found.push(format!("{inode:?} {:?} {sectors:?} {lengths:?}", content.bytes()));
    }
    for background in &disk.backgrounds {
        let capture = &background.capture;
        let sectors: Vec<_> = capture
            .sectors
            .entries()
            .iter()
            .map(|entry| (entry.sector, capture.sectors.bytes_of(entry)))
            .collect();
        let rest = (background.ticket, background.ended, capture.platter_len, capture.shrunk_to);
        found.push(format!("{rest:?} {sectors:?}"));
    }
    found
}

/// A calm beginning with files and a directory, then a handler of the given steps.
fn begin() -> Bench {
    let mut bench = Bench::new(options());
    bench.call(|disk, now| disk.create_directory(now, "d")).unwrap();
    for path in ["a", "b", "d/a"] {
        let file = bench.open(path);
        bench.append(file, &[200; 1_300]).unwrap();
        bench.sync(file).unwrap();
        bench.append(file, &[201; 400]).unwrap();
    }
    let first = opened(&bench, 0);
    bench.disk.start_sync(bench.now, first);
    bench.disk.begin_handler();
    bench
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_crash_equals_having_done_only_what_had_begun(
        steps in prop::collection::vec(step(), 1..25),
        kept in 0..25_usize,
    ) {
        let kept = kept.min(steps.len());
        let (mut crashed, mut replayed) = (begin(), begin());
        for (number, step) in steps[..kept].iter().enumerate() {
            take(&mut crashed, step, number);
            take(&mut replayed, step, number);
        }
        // Between the crash and the next operation, the node computes.
        let at = crashed.now;
        crashed.now = at + Duration::from_millis(1);
        for (number, step) in steps.iter().enumerate().skip(kept) {
            take(&mut crashed, step, number);
        }
        crashed.disk.crash(at);
        replayed.disk.crash(at);
        prop_assert_eq!(survey(&mut crashed.disk), survey(&mut replayed.disk));
    }

    #[test]
    fn after_a_power_failure_the_platter_is_all_there_is(
        steps in prop::collection::vec(step(), 1..25),
        at in 0..400_u64,
    ) {
        let mut bench = begin();
        bench.disk.options = merciless();
        for (number, step) in steps.iter().enumerate() {
            take(&mut bench, step, number);
        }
        bench.disk.power_failure(super::millis(at));
        let before = survey(&mut bench.disk);
        // A second power failure finds nothing more to lose.
        let loss = bench.disk.power_failure(super::millis(at + 1));
        prop_assert_eq!(loss, crate::world::disk::PowerLoss::default());
        prop_assert_eq!(survey(&mut bench.disk), before);
    }
}
