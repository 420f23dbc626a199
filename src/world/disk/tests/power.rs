//! What a power failure leaves.

use super::{Bench, merciful, merciless, millis, options};
use crate::kernel::random::Probability;
use crate::node::disk::DiskDriver;
use crate::world::disk::PowerLoss;
use crate::world::options::DiskOptions;

const END: u64 = 1_000_000;

#[test]
fn what_was_synced_is_there_and_what_was_not_is_gone() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("log", b"durable");
    bench.append(file, b" and not").unwrap();
    let loss = bench.disk.power_failure(millis(END));
    assert_eq!(bench.content("log"), b"durable");
    assert_eq!(loss, PowerLoss { lost_sectors: 1, ..PowerLoss::default() });
}

#[test]
fn an_overwrite_that_was_not_synced_leaves_the_old_bytes() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("data", &[1; 2_000]);
    bench.write(file, 500, &[2; 600]).unwrap();
    bench.write(file, 700, &[3; 100]).unwrap();
    bench.disk.power_failure(millis(END));
    assert_eq!(bench.content("data"), [1; 2_000]);
}

#[test]
fn a_synced_file_without_a_synced_name_is_lost() {
    let mut bench = Bench::new(merciless());
    let file = bench.open("log");
    bench.append(file, b"synced").unwrap();
    bench.sync(file).unwrap();
    bench.disk.power_failure(millis(END));
    assert!(bench.names().is_empty());
}

#[test]
fn a_synced_name_of_a_file_that_was_not_synced_is_an_empty_file() {
    let mut bench = Bench::new(merciless());
    let file = bench.open("log");
    bench.append(file, b"not synced").unwrap();
    bench.call(|disk, now| disk.sync_directory(now, "")).unwrap();
    bench.disk.power_failure(millis(END));
    assert!(bench.content("log").is_empty());
}

#[test]
fn a_rename_without_a_sync_of_the_directory_comes_back() {
    let mut bench = Bench::new(merciless());
    bench.durable("current", b"old");
    let file = bench.durable("next", b"new");
    bench.sync(file).unwrap();
    bench.call(|disk, now| disk.rename(now, "next", "current")).unwrap();
    assert_eq!(bench.content("current"), b"new");
    bench.disk.power_failure(millis(END));
    assert_eq!(bench.names(), ["current", "next"]);
    assert_eq!(bench.content("current"), b"old");
}

#[test]
fn each_unsynced_sector_survives_or_not_on_its_own() {
    // Four sectors of one write: over the seeds, each of the 16 subsets survives at some time. The last
    // survivor says how long the file is, and the sectors lost before it are holes.
    let no_tearing = DiskOptions { tearing: Probability::NEVER, ..options() };
    let mut seen = [false; 16];
    for seed in 0..400 {
        let mut bench = Bench::seeded(no_tearing, seed);
        let file = bench.durable("data", b"");
        let content: Vec<u8> = (0..4 * 512).map(|place| 1 + (place / 512) as u8).collect();
        bench.append(file, &content).unwrap();
        let loss = bench.disk.power_failure(millis(END));
        let left = bench.content("data");
        assert_eq!(left.len() % 512, 0);
        let survivors = left.chunks(512).enumerate().filter(|(place, sector)| {
            let whole = *sector == [1 + *place as u8; 512];
            assert!(whole || *sector == [0; 512], "a sector survives whole or not at all");
            whole
        });
        let subset = survivors.fold(0, |subset, (place, _)| subset | 1 << place);
        assert_eq!(u64::from(u32::count_ones(subset as u32)), loss.survived_sectors);
        assert_eq!(loss.lost_sectors + loss.survived_sectors, 4);
        seen[subset] = true;
    }
    assert_eq!(seen, [true; 16]);
}

#[test]
fn at_most_one_sector_is_torn_and_it_is_a_new_prefix_and_an_old_rest() {
    let all_torn =
        DiskOptions { tearing: Probability::ALWAYS, survival: Probability::NEVER, ..options() };
    let mut torn_places = [false; 3];
    for seed in 0..100 {
        let mut bench = Bench::seeded(all_torn, seed);
        let file = bench.durable("data", &[1; 3 * 512]);
        bench.write(file, 0, &[2; 3 * 512]).unwrap();
        let loss = bench.disk.power_failure(millis(END));
        assert_eq!((loss.torn_sectors, loss.lost_sectors), (1, 2));
        let left = bench.content("data");
        for (place, sector) in left.chunks(512).enumerate() {
            let kept = sector.iter().take_while(|&&byte| byte == 2).count();
            assert!(kept < 512 && sector[kept..].iter().all(|&byte| byte == 1));
            torn_places[place] |= kept > 0;
        }
    }
    assert_eq!(torn_places, [true; 3]);
}

#[test]
fn the_torn_sector_is_one_that_is_being_written() {
    let all_torn =
        DiskOptions { tearing: Probability::ALWAYS, survival: Probability::NEVER, ..options() };
    for seed in 0..50 {
        let mut bench = Bench::seeded(all_torn, seed);
        let (synced, other) =
            (bench.durable("synced", &[1; 512]), bench.durable("other", &[1; 512]));
        bench.write(other, 0, &[2; 512]).unwrap();
        bench.write(synced, 0, &[2; 512]).unwrap();
        let sync_begins = bench.now;
        bench.sync(synced).unwrap();
        let during = sync_begins + std::time::Duration::from_millis(5);
        assert_eq!(bench.disk.power_failure(during).torn_sectors, 1);
        assert_eq!(bench.content("other"), [1; 512]);
    }
}

#[test]
fn a_cut_that_was_not_synced_survives_or_not() {
    for (options, expected) in [(merciful(), &b"du"[..]), (merciless(), b"durable")] {
        let mut bench = Bench::new(options);
        let file = bench.durable("log", b"durable");
        bench.set_len(file, 2);
        bench.disk.power_failure(millis(END));
        assert_eq!(bench.content("log")[..2], expected[..2]);
        // The cut sector is dirty: if it survived and the cut did not, its rest would be zeros.
        assert_eq!(bench.content("log"), expected);
    }
}

#[test]
fn a_lost_cut_brings_back_whole_sectors_behind_it() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("log", &[7; 3_000]);
    bench.set_len(file, 100);
    bench.append(file, &[8; 50]).unwrap();
    bench.disk.power_failure(millis(END));
    assert_eq!(bench.content("log"), [7; 3_000]);
}

#[test]
fn a_synced_cut_is_durable() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("log", &[7; 3_000]);
    bench.set_len(file, 100);
    bench.sync(file).unwrap();
    bench.set_len(file, 2_000);
    bench.disk.power_failure(millis(END));
    assert_eq!(bench.content("log"), [7; 100]);
}

#[test]
fn a_removed_file_that_is_open_can_be_used_until_the_process_ends() {
    let mut bench = Bench::new(merciless());
    let file = bench.durable("log", b"durable");
    bench.call(|disk, now| disk.remove(now, "log")).unwrap();
    bench.append(file, b"!").unwrap();
    for _ in 0..100 {
        bench.disk.begin_handler();
        let other = bench.open("other");
        bench.disk.close(other);
        bench.call(|disk, now| disk.remove(now, "other")).unwrap();
    }
    assert_eq!(bench.read(file).unwrap(), b"durable!");
    bench.disk.power_failure(millis(END));
    assert_eq!(bench.content("log"), b"durable");
}

#[test]
fn files_that_come_and_go_are_freed() {
    let mut bench = Bench::new(options());
    for _ in 0..1_000 {
        let file = bench.open("segment");
        bench.append(file, &[1; 100]).unwrap();
        bench.disk.close(file);
        bench.call(|disk, now| disk.remove(now, "segment")).unwrap();
        bench.call(|disk, now| disk.sync_directory(now, "")).unwrap();
        bench.disk.begin_handler();
    }
    assert!(bench.disk.tree.files_mut().count() <= 4);
}

#[test]
fn a_wiped_disk_is_empty() {
    let mut bench = Bench::new(options());
    let file = bench.durable("log", b"durable");
    bench.disk.wipe();
    assert!(bench.names().is_empty());
    assert!(bench.read(file).is_err(), "what was open is closed");
}
