//! Disks that misbehave.

use std::time::Duration;

use super::{Bench, merciless, millis, options};
use crate::kernel::random::Probability;
use crate::node::disk::{DiskDriver, DiskError, Open};
use crate::world::fault::DiskFault;
use crate::world::options::DiskOptions;

const ALWAYS: Option<Probability> = Some(Probability::ALWAYS);

impl Bench {
    fn begin_fault(&mut self, fault: DiskFault) {
        self.disk.begin_fault(1, fault, None);
        self.disk.begin_handler();
    }

    fn end_fault(&mut self) {
        self.disk.end_fault(1);
        self.disk.begin_handler();
    }
}

#[test]
fn a_failed_sync_drops_the_pages_and_a_later_success_proves_nothing() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("log", b"old");
    bench.begin_fault(DiskFault { sync_failure: ALWAYS, ..DiskFault::default() });
    bench.append(file, b"new").unwrap();
    assert_eq!(bench.sync(file), Err(DiskError::Sync));
    bench.end_fault();
    assert_eq!(bench.sync(file), Ok(()));
    assert_eq!(bench.read(file).unwrap(), b"oldnew", "the cache has it");
    bench.disk.power_failure(bench.now);
    assert_eq!(bench.content("log"), b"old");
}

#[test]
fn pages_dropped_before_a_later_append_are_a_hole() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("log", b"");
    bench.begin_fault(DiskFault { sync_failure: ALWAYS, ..DiskFault::default() });
    bench.append(file, &[1; 1_024]).unwrap();
    bench.sync(file).unwrap_err();
    bench.end_fault();
    bench.append(file, &[2; 100]).unwrap();
    bench.sync(file).unwrap();
    bench.disk.power_failure(bench.now);
    assert_eq!(bench.content("log"), [vec![0; 1_024], vec![2; 100]].concat());
}

#[test]
fn a_dropped_page_that_is_written_again_is_synced_again() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("log", b"old");
    bench.begin_fault(DiskFault { sync_failure: ALWAYS, ..DiskFault::default() });
    bench.append(file, b"new").unwrap();
    bench.sync(file).unwrap_err();
    bench.end_fault();
    bench.append(file, b"!").unwrap();
    bench.sync(file).unwrap();
    bench.disk.power_failure(bench.now);
    assert_eq!(bench.content("log"), b"oldnew!");
}

#[test]
fn a_lying_sync_syncs_nothing_and_an_honest_one_afterwards_does() {
    for (honest_one_follows, expected) in [(false, &b""[..]), (true, b"log")] {
        let mut bench = Bench::new(merciless());
        let file = bench.durable("log", b"");
        bench.begin_fault(DiskFault { lying_sync: ALWAYS, ..DiskFault::default() });
        bench.append(file, b"log").unwrap();
        assert_eq!(bench.sync(file), Ok(()));
        bench.end_fault();
        if honest_one_follows {
            bench.sync(file).unwrap();
        }
        bench.disk.power_failure(bench.now);
        assert_eq!(bench.content("log"), expected);
    }
}

#[test]
fn a_lying_or_failing_sync_of_a_directory_leaves_its_names_volatile() {
    let lying = DiskFault { lying_sync: ALWAYS, ..DiskFault::default() };
    let failing = DiskFault { sync_failure: ALWAYS, ..DiskFault::default() };
    for (fault, expected) in [(lying, Ok(())), (failing, Err(DiskError::Sync))] {
        let mut bench = Bench::new(merciless());
        bench.begin_fault(fault);
        bench.open("log");
        assert_eq!(bench.call(|disk, now| disk.sync_directory(now, "")), expected);
        bench.disk.power_failure(bench.now);
        assert!(bench.names().is_empty());
    }
}

#[test]
fn reads_and_writes_return_errors() {
    let mut bench = Bench::new(options());
    let file = bench.durable("log", b"content");
    bench.begin_fault(DiskFault {
        read_error: ALWAYS,
        write_error: ALWAYS,
        ..DiskFault::default()
    });
    assert_eq!(bench.read(file), Err(DiskError::Read));
    assert_eq!(bench.append(file, b"more"), Err(DiskError::Write));
    assert_eq!(bench.call(|disk, now| disk.remove(now, "log")), Err(DiskError::Write));
    let created = bench.call(|disk, now| disk.open(now, "new", Open::New));
    assert_eq!(created, Err(DiskError::Write));
    bench.end_fault();
    let left = bench.read(file).unwrap();
    let written = left.strip_prefix(b"content").expect("what was there is there");
    assert!(b"more".starts_with(written), "at most a prefix was written");
}

#[test]
fn a_full_disk_takes_overwrites_only() {
    let mut bench = Bench::new(options());
    let file = bench.durable("log", b"content");
    bench.begin_fault(DiskFault { full: Some(true), ..DiskFault::default() });
    assert_eq!(bench.write(file, 0, b"CON"), Ok(()));
    assert_eq!(bench.append(file, b"more"), Err(DiskError::Full));
    assert_eq!(bench.call(|disk, now| disk.set_len(now, file, 100)), Err(DiskError::Full));
    assert_eq!(bench.call(|disk, now| disk.open(now, "new", Open::New)), Err(DiskError::Full));
    assert_eq!(bench.read(file).unwrap(), b"CONtent");
}

#[test]
fn capacity_is_shared_by_all_files_and_freed_by_removal() {
    let mut bench = Bench::new(DiskOptions { capacity: Some(10), ..options() });
    let (one, two) = (bench.open("one"), bench.open("two"));
    bench.append(one, b"1234567").unwrap();
    assert_eq!(bench.append(two, b"12345"), Err(DiskError::Full));
    assert_eq!(bench.read(two).unwrap(), b"123", "what fitted is written");
    bench.call(|disk, now| disk.remove(now, "one")).unwrap();
    assert_eq!(bench.append(two, b"4567890"), Ok(3));
}

#[test]
fn a_slow_disk_takes_many_times_as_long_and_a_stalled_one_until_the_end() {
    let mut bench = Bench::new(options());
    let file = bench.durable("log", b"");
    bench.begin_fault(DiskFault { slower: Some(7), ..DiskFault::default() });
    bench.append(file, b"x").unwrap();
    assert_eq!(bench.now, millis(7));
    bench.end_fault();
    let stalled = DiskFault { stalled: Some(true), ..DiskFault::default() };
    bench.disk.begin_fault(2, stalled, Some(millis(500)));
    bench.disk.begin_handler();
    bench.sync(file).unwrap();
    assert_eq!(bench.now, millis(500));
}

#[test]
fn rot_flips_bits_of_the_platter_and_of_the_cache_that_shows_it() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("data", &[0; 2_000]);
    bench.write(file, 0, &[0; 512]).unwrap();
    bench.begin_fault(DiskFault { bit_rot: Some(200), ..DiskFault::default() });
    let flipped = |content: &[u8]| content.iter().map(|byte| byte.count_ones()).sum::<u32>();
    let cached = bench.read(file).unwrap();
    assert_eq!(flipped(&cached[..512]), 0, "the cache has a newer sector");
    assert!(flipped(&cached[512..]) > 100);
    bench.disk.power_failure(bench.now);
    let left = bench.content("data");
    assert!(flipped(&left[..512]) > 10);
    assert_eq!(left[512..], cached[512..]);
}

#[test]
fn an_unreadable_sector_can_be_read_again_once_it_is_wholly_written() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("data", &[1; 600]);
    bench.begin_fault(DiskFault { latent_sectors: Some(50), ..DiskFault::default() });
    bench.end_fault();
    assert_eq!(bench.read(file), Err(DiskError::Read));
    bench.write(file, 0, &[2; 512]).unwrap();
    bench.write(file, 590, &[2; 10]).unwrap();
    assert_eq!(bench.read(file), Err(DiskError::Read), "the second is written in part");
    bench.write(file, 512, &[2; 88]).unwrap();
    assert_eq!(bench.read(file).unwrap(), [2; 600]);
    bench.disk.crash(millis(0));
    let file = bench.open("data");
    assert_eq!(bench.read(file), Err(DiskError::Read), "what was undone heals nothing");
}

#[test]
fn a_misdirected_write_lands_in_another_sector() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("data", &[1; 4 * 512]);
    bench.begin_fault(DiskFault { misdirected_write: ALWAYS, ..DiskFault::default() });
    assert_eq!(bench.write(file, 512, &[2; 100]), Ok(()));
    let content = bench.read(file).unwrap();
    assert_eq!(content[512..1_024], [1; 512], "not where it should");
    let place = content.iter().position(|&byte| byte == 2).unwrap();
    assert_eq!(place % 512, 0);
    assert_eq!(content[place..place + 100], [2; 100]);
    bench.disk.crash(millis(0) + Duration::ZERO);
    bench.end_fault();
}

#[test]
fn a_misdirected_append_leaves_zeros_where_it_should_be() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("data", &[1; 512]);
    bench.begin_fault(DiskFault { misdirected_write: ALWAYS, ..DiskFault::default() });
    assert_eq!(bench.append(file, &[2; 100]), Ok(512));
    let content = bench.read(file).unwrap();
    assert_eq!(content, [vec![2; 100], vec![1; 412], vec![0; 100]].concat());
}

#[test]
fn a_fault_that_begins_within_a_handler_waits_for_the_next_one() {
    let mut bench = Bench::new(options());
    let file = bench.durable("log", b"x");
    bench.append(file, b"y").unwrap();
    bench.disk.begin_fault(1, DiskFault { read_error: ALWAYS, ..DiskFault::default() }, None);
    assert!(bench.read(file).is_ok());
    bench.disk.begin_handler();
    assert!(bench.read(file).is_err());
}
