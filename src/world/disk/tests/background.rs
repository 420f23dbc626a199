//! Background syncs.

use std::time::Duration;

use super::{Bench, merciful, merciless, millis};
use crate::kernel::random::Probability;
use crate::kernel::time::Instant;
use crate::node::disk::{DiskDriver, DiskError, DiskTicket, FileId};
use crate::world::fault::DiskFault;

impl Bench {
    fn start_sync(&mut self, file: FileId) -> (DiskTicket, Instant) {
        self.disk.start_sync(self.now, file)
    }
}

#[test]
fn it_covers_what_was_written_before_it_and_nothing_after() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("log", b"");
    bench.append(file, b"before").unwrap();
    let (ticket, end) = bench.start_sync(file);
    assert_eq!(end, millis(11), "1 ms for the append, 10 ms for the sync");
    bench.append(file, b" after").unwrap();
    assert_eq!(bench.now, millis(2), "the node does not wait");
    bench.disk.begin_handler();
    assert_eq!(bench.disk.background_ended(ticket), Ok(()));
    assert_eq!(bench.read(file).unwrap(), b"before after");
    bench.disk.power_failure(millis(20));
    assert_eq!(bench.content("log"), b"before");
}

#[test]
fn a_sector_overwritten_meanwhile_is_durable_as_it_was() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("data", &[1; 1_500]);
    bench.write(file, 0, &[2; 600]).unwrap();
    let (ticket, _) = bench.start_sync(file);
    bench.write(file, 300, &[3; 1_200]).unwrap();
    bench.disk.begin_handler();
    bench.disk.background_ended(ticket).unwrap();
    bench.disk.power_failure(millis(20));
    assert_eq!(bench.content("data"), [vec![2; 600], vec![1; 900]].concat());
}

#[test]
fn it_makes_an_earlier_cut_durable_but_not_a_later_one() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("log", &[1; 2_000]);
    bench.set_len(file, 1_000);
    let (ticket, _) = bench.start_sync(file);
    bench.set_len(file, 10);
    bench.disk.begin_handler();
    bench.disk.background_ended(ticket).unwrap();
    bench.disk.power_failure(millis(20));
    assert_eq!(bench.content("log"), [1; 1_000]);
}

#[test]
fn before_its_end_nothing_is_durable_and_after_it_all_is() {
    for (at, content) in [(10, &b""[..]), (11, b"synced")] {
        let mut bench = Bench::new(merciless());
        let file = bench.durable("log", b"");
        bench.append(file, b"synced").unwrap();
        bench.start_sync(file);
        bench.disk.power_failure(millis(at));
        assert_eq!(bench.content("log"), content, "{at} ms");
    }
}

#[test]
fn it_goes_on_when_the_process_crashes_but_not_if_it_had_not_begun() {
    for (crash_at, content) in [(1, &b"synced"[..]), (0, b"")] {
        let mut bench = Bench::new(merciless());
        let file = bench.durable("log", b"");
        bench.append(file, b"synced").unwrap();
        let (ticket, end) = bench.start_sync(file);
        bench.disk.crash(millis(crash_at));
        bench.disk.power_failure(end);
        assert_eq!(bench.content("log"), content, "{crash_at} ms");
        assert_eq!(bench.disk.background_ended(ticket), Err(DiskError::Sync), "nobody waits");
    }
}

#[test]
fn an_end_within_a_handler_is_kept_when_the_rest_of_the_handler_is_undone() {
    // The sync ends at 11 ms; the handler overwrites the sector at 12 ms, having run ahead, and crashes at
    // 11.5 ms.
    let mut bench = Bench::new(merciless());
    let file = bench.durable("log", b"");
    bench.append(file, b"synced").unwrap();
    let (ticket, end) = bench.start_sync(file);
    bench.disk.begin_handler();
    bench.now = millis(12);
    bench.write(file, 0, b"SYN").unwrap();
    assert_eq!(bench.disk.background_ended(ticket), Ok(()));
    let at = end + Duration::from_micros(500);
    bench.disk.crash(at);
    assert_eq!(bench.content("log"), b"synced");
    bench.disk.power_failure(millis(100));
    assert_eq!(bench.content("log"), b"synced");
}

#[test]
fn the_device_does_one_sync_at_a_time() {
    let mut bench = Bench::new(merciless());
    let (one, two) = (bench.durable("one", b""), bench.durable("two", b""));
    assert_eq!(bench.start_sync(one).1, millis(10));
    assert_eq!(bench.start_sync(two).1, millis(20));
    bench.append(two, b"x").unwrap();
    bench.sync(two).unwrap();
    assert_eq!(bench.now, millis(30), "a sync in line waits its turn");
}

#[test]
fn a_content_that_came_back_is_not_clean_before_the_platter_has_it() {
    // A, then B, then A again, with a background sync of the first A and one of B.
    let mut bench = Bench::new(merciless());
    let file = bench.durable("data", b"");
    bench.append(file, b"A").unwrap();
    bench.start_sync(file);
    bench.write(file, 0, b"B").unwrap();
    let (_, end) = bench.start_sync(file);
    bench.write(file, 0, b"A").unwrap();
    bench.disk.begin_handler();
    bench.disk.power_failure(end);
    assert_eq!(bench.content("data"), b"B");
}

#[test]
fn a_content_that_came_back_is_not_clean_while_one_of_another_content_is_under_way() {
    // A, then B, then A again, with a background sync of each. The third is started when the first has ended,
    // and the platter has an A; but the second is still going to write its B.
    let mut bench = Bench::new(merciless());
    let file = bench.durable("data", b"");
    bench.append(file, b"A").unwrap();
    let (_, first) = bench.start_sync(file);
    bench.write(file, 0, b"B").unwrap();
    bench.start_sync(file);
    bench.write(file, 0, b"A").unwrap();
    bench.now = first;
    let (_, third) = bench.start_sync(file);
    bench.disk.power_failure(third);
    assert_eq!(bench.content("data"), b"A");
}

#[test]
fn what_was_cut_and_came_back_is_not_clean_before_the_cut_is_durable() {
    // The first sync leaves on the platter what the cache has, and the cut would take it away again.
    for cut_is_captured in [false, true] {
        let mut bench = Bench::new(merciless());
        let file = bench.durable("data", b"");
        bench.append(file, &[7; 2_048]).unwrap();
        let (_, first) = bench.start_sync(file);
        bench.set_len(file, 0);
        if cut_is_captured {
            bench.start_sync(file);
        }
        bench.append(file, &[7; 2_048]).unwrap();
        bench.now = first;
        bench.sync(file).unwrap();
        bench.disk.power_failure(bench.now);
        assert_eq!(bench.content("data"), [7; 2_048], "cut captured: {cut_is_captured}");
    }
}

#[test]
fn what_came_back_after_a_cut_may_survive_with_the_cut() {
    let mut bench = Bench::new(merciful());
    let file = bench.durable("data", b"");
    bench.append(file, &[7; 2_048]).unwrap();
    let (_, end) = bench.start_sync(file);
    bench.set_len(file, 0);
    bench.append(file, &[7; 2_048]).unwrap();
    bench.disk.power_failure(end);
    assert_eq!(bench.content("data"), [7; 2_048]);
}

#[test]
fn a_failed_one_drops_its_pages_but_not_what_was_written_since() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("log", &[1; 1_024]);
    let failing = DiskFault { sync_failure: Some(Probability::ALWAYS), ..DiskFault::default() };
    bench.disk.begin_fault(1, failing, None);
    bench.disk.begin_handler();
    bench.write(file, 0, &[2; 1_024]).unwrap();
    let (ticket, _) = bench.start_sync(file);
    bench.write(file, 512, &[3; 512]).unwrap();
    bench.disk.end_fault(1);
    bench.disk.begin_handler();
    assert_eq!(bench.disk.background_ended(ticket), Err(DiskError::Sync));
    bench.now = millis(20);
    bench.sync(file).unwrap();
    bench.disk.power_failure(bench.now);
    assert_eq!(bench.content("log"), [[1; 512], [3; 512]].concat());
}

#[test]
fn a_pause_puts_off_one_that_had_not_been_started() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("log", b"");
    bench.append(file, b"synced").unwrap();
    bench.start_sync(file);
    bench.disk.postpone(millis(0), Duration::from_millis(5));
    bench.disk.power_failure(millis(15));
    assert!(bench.content("log").is_empty(), "it ends at 16 ms");
}
