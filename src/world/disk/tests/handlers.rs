//! Crashes and power failures at each point of a handler.

use std::time::Duration;

use super::{Bench, merciful, merciless, millis};
use crate::node::disk::{DiskDriver, DiskError};
use crate::world::disk::Cut;
use crate::world::options::DiskOptions;

/// A handler that appends (0 to 1 ms), syncs (1 to 11 ms), renames (11 to 12 ms) and syncs the directory (12
/// to 22 ms).
fn handler(bench: &mut Bench) {
    let file = bench.durable("log", b"old");
    bench.append(file, b"new").unwrap();
    bench.sync(file).unwrap();
    bench.call(|disk, now| disk.rename(now, "log", "done")).unwrap();
    bench.call(|disk, now| disk.sync_directory(now, "")).unwrap();
    assert_eq!(bench.now, millis(22));
}

#[test]
fn each_point_between_two_operations_is_a_crash_point() {
    // Half-milliseconds, and what a power failure then leaves at worst.
    for (half_millis, name, content) in [
        (1, "log", &b"old"[..]),
        (2, "log", b"old"),
        (21, "log", b"old"),
        (22, "log", b"oldnew"),
        (24, "log", b"oldnew"),
        (43, "log", b"oldnew"),
        (44, "done", b"oldnew"),
    ] {
        let mut bench = Bench::new(merciless());
        handler(&mut bench);
        let at = millis(0) + half_millis * Duration::from_micros(500);
        bench.disk.power_failure(at);
        assert_eq!(bench.names(), [name], "{at}");
        assert_eq!(bench.content(name), content, "{at}");
    }
}

#[test]
fn a_crash_loses_what_had_not_begun_and_nothing_else() {
    for (at, name, content) in [
        (1, "log", &b"oldnew"[..]),
        (5, "log", b"oldnew"),
        (10, "log", b"oldnew"),
        // The rename begins at 11 ms, and what begins the operating system finishes.
        (11, "done", b"oldnew"),
        (15, "done", b"oldnew"),
    ] {
        let mut bench = Bench::new(merciless());
        handler(&mut bench);
        bench.disk.crash(millis(at));
        assert_eq!(bench.names(), [name], "{at} ms");
        assert_eq!(bench.content(name), content, "{at} ms");
    }
}

#[test]
fn a_sync_under_way_at_a_crash_has_synced_nothing() {
    for (crash_at, content) in [(10, &b"old"[..]), (11, b"oldnew")] {
        let mut bench = Bench::new(merciless());
        handler(&mut bench);
        bench.disk.crash(millis(crash_at));
        bench.disk.power_failure(millis(100));
        assert_eq!(bench.content("log"), content, "{crash_at} ms");
    }
}

#[test]
fn a_write_under_way_at_a_crash_is_done_in_part() {
    let mut lengths = [false; 8];
    for seed in 0..100 {
        let mut bench = Bench::seeded(merciful(), seed);
        let file = bench.durable("log", b"");
        bench.append(file, b"12345678").unwrap();
        bench.disk.crash(millis(0));
        let left = bench.content("log");
        assert_eq!(left, b"12345678"[..left.len()]);
        lengths[left.len()] = true;
    }
    assert_eq!(lengths, [true; 8], "a prefix of each length, but not all of it");
}

#[test]
fn what_a_settled_handler_did_is_not_undone() {
    let mut bench = Bench::new(merciful());
    let file = bench.durable("log", b"old");
    bench.append(file, b"new").unwrap();
    bench.disk.begin_handler();
    bench.disk.crash(millis(0));
    assert_eq!(bench.content("log"), b"oldnew");
}

#[test]
fn a_pause_puts_off_what_had_not_begun() {
    // Appends from 0 to 1, 1 to 2, 2 to 3 ms; paused at 1 ms for 10 ms: the third begins at 12 ms.
    let paused = || {
        let mut bench = Bench::new(merciful());
        let file = bench.durable("log", b"");
        for letter in [b"a", b"b", b"c"] {
            bench.append(file, letter).unwrap();
        }
        bench.disk.postpone(millis(1), Duration::from_millis(10));
        bench
    };
    for (at, content) in [(2, &b"ab"[..]), (11, b"ab"), (13, b"abc")] {
        let mut bench = paused();
        bench.disk.crash(millis(at));
        assert_eq!(bench.content("log"), content, "{at} ms");
    }
}

#[test]
fn the_operations_of_one_instant_are_told_apart_by_their_count() {
    // Nothing takes any time: an append, a sync and another append, all at 0 ms.
    for (carried_out, in_cache, durable) in
        [(0, &b""[..], &b""[..]), (1, b"a", b""), (2, b"a", b"a"), (3, b"ab", b"a")]
    {
        let handler = || {
            let mut bench = Bench::new(DiskOptions {
                survival: merciless().survival,
                tearing: merciless().tearing,
                ..DiskOptions::default()
            });
            let file = bench.durable("log", b"");
            let before = bench.disk.journal.called;
            bench.append(file, b"a").unwrap();
            bench.sync(file).unwrap();
            bench.append(file, b"b").unwrap();
            (bench, Cut { at: millis(0), carried_out: before + carried_out })
        };
        let (mut bench, cut) = handler();
        bench.disk.crash(cut);
        assert_eq!(bench.content("log"), in_cache, "a crash after {carried_out}");
        let (mut bench, cut) = handler();
        bench.disk.power_failure(cut);
        assert_eq!(bench.content("log"), durable, "a power failure after {carried_out}");
    }
}

#[test]
fn files_are_closed_by_a_crash() {
    let mut bench = Bench::new(merciful());
    let file = bench.durable("log", b"x");
    bench.disk.crash(millis(1));
    assert_eq!(bench.append(file, b"y"), Err(DiskError::NotFound));
    assert_eq!(bench.sync(file), Err(DiskError::NotFound));
}

#[test]
fn undone_operations_are_not_counted() {
    let mut bench = Bench::new(merciful());
    let file = bench.durable("log", b"old");
    let before = bench.disk.statistics();
    bench.append(file, b"new").unwrap();
    bench.sync(file).unwrap();
    bench.append(file, b"newer").unwrap();
    bench.disk.crash(millis(1));
    let after = bench.disk.statistics();
    assert_eq!((after.writes, after.bytes), (before.writes + 1, before.bytes + 3));
    assert_eq!(after.syncs, before.syncs);
}
