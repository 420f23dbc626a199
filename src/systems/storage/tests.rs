//! What the store promises, call by call, on disks that fail in one way at a time.

mod damage;

use std::rc::Rc;

use crate::kernel::ids::{Generation, LogIndex, NodeId};
use crate::node::disk::DiskError;
use crate::patterns::low_water_mark::{Consumer, Hold};
use crate::systems::storage::memory_disk::{Fate, Machine};
use crate::systems::storage::{
    Condition, DiscardRule, HardState, MARK_AMNESIA, MARK_DAMAGE_FOUND, MARK_SEGMENT_ROLLED,
    MARK_SNAPSHOT_INSTALLED, MARK_TORN_TAIL_CUT, MARK_UNSYNCED_SURVIVED, Opened, Patience, Record,
    Snapshot, Standing, Start, Storage, StorageOptions, WritePolicy,
};

/// The first record's first byte in its segment; each record takes 48 bytes, and 10 fit into a segment.
const FIRST_RECORD: usize = 512;
const RECORD_BYTES: usize = 48;
const SEGMENT_1: &str = "data/00000000000000000001.log";
const SEGMENT_2: &str = "data/00000000000000000011.log";

/// A store on its machine.
struct Replica {
    machine: Machine,
    storage: Storage,
    options: StorageOptions,
}

impl Replica {
    fn new() -> Self {
        Self::with(StorageOptions::default())
    }

    fn with(options: StorageOptions) -> Self {
        let options = StorageOptions { segment_bytes: 1000, ..options };
        let mut machine = Machine::new();
        let start = Start { is_first: true, entropy: 7, patience: Patience::Left };
        let opened = machine.with(|disk| Storage::open(disk, options.clone(), start));
        let opened = opened.expect("the disk works");
        assert_eq!(opened.condition, Condition::Sound);
        Self { machine, storage: opened.storage, options }
    }

    /// The machine fails; what does the next life find?
    fn restart(&mut self, fate: Fate<'_>) -> Opened {
        self.machine.disk.fail(fate);
        self.open().expect("the disk works")
    }

    fn open(&mut self) -> Result<Opened, DiskError> {
        self.open_with(Patience::Left)
    }

    fn open_with(&mut self, patience: Patience) -> Result<Opened, DiskError> {
        let start = Start { is_first: false, entropy: 8, patience };
        self.machine.with(|disk| Storage::open(disk, self.options.clone(), start))
    }

    fn append(&mut self, indices: std::ops::RangeInclusive<u64>) -> Result<(), DiskError> {
        let records: Vec<_> = indices.map(record).collect();
        self.machine.with(|disk| self.storage.append(disk, &records))
    }

    fn sync(&mut self) -> Result<(), DiskError> {
        self.machine.with(|disk| self.storage.sync(disk))
    }

    fn append_and_sync(&mut self, indices: std::ops::RangeInclusive<u64>) {
        self.append(indices).expect("the disk works");
        self.sync().expect("the disk works");
    }

    fn vote(&mut self, generation: u64) {
        let hard_state = vote(generation);
        let result = self.machine.with(|disk| self.storage.save_hard_state(disk, hard_state));
        result.expect("the disk works");
    }

    fn save_snapshot(&mut self, index: u64) {
        let result = self.machine.with(|disk| self.storage.save_snapshot(disk, &snapshot(index)));
        result.expect("the disk works");
    }

    fn discard(&mut self) -> u64 {
        let all = LogIndex(u64::MAX);
        let result = self.machine.with(|disk| self.storage.discard_through(disk, all));
        result.expect("the disk works")
    }

    fn damage_record(&mut self, path: &str, place: usize) {
        let byte = FIRST_RECORD + place * RECORD_BYTES + 40;
        self.machine.disk.damage(path, |bytes| bytes[byte] ^= 1);
    }
}

fn record(index: u64) -> Record {
    let payload = Rc::from(format!("entry {index:010}").into_bytes());
    Record { kind: 1, generation: Generation(1), index: LogIndex(index), payload }
}

fn records(indices: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    indices.map(record).collect()
}

fn snapshot(index: u64) -> Snapshot {
    let body = Rc::from(vec![index as u8; 700]);
    Snapshot { index: LogIndex(index), generation: Generation(1), body }
}

fn vote(generation: u64) -> HardState {
    let voted_for = Some(NodeId(generation as u32));
    HardState { generation: Generation(generation), voted_for, standing: Standing::Full }
}

#[test]
fn what_was_synced_is_found_and_what_was_not_may_be_lost() {
    let mut replica = Replica::new();
    replica.vote(3);
    replica.append_and_sync(1..=3);
    replica.append(4..=5).expect("the disk works");
    assert_eq!(replica.storage.answerable_index(), LogIndex(3));
    let opened = replica.restart(Fate::IsLost);
    assert_eq!((opened.condition, opened.hard_state), (Condition::Sound, vote(3)));
    assert_eq!(opened.records, records(1..=3));
}

#[test]
fn the_log_goes_on_over_segments() {
    let mut replica = Replica::new();
    replica.append_and_sync(1..=25);
    assert!(replica.machine.has_marked(MARK_SEGMENT_ROLLED));
    assert_eq!(replica.machine.disk.files().len(), 4); // the superblock and three segments
    assert_eq!(replica.storage.bytes_since_snapshot(), 25 * RECORD_BYTES as u64);
    assert_eq!(replica.restart(Fate::IsLost).records, records(1..=25));
}

#[test]
fn a_reset_store_is_distrusted_until_it_is_readmitted() {
    let mut replica = Replica::new();
    replica.vote(3);
    replica.append_and_sync(1..=15);
    replica.machine.with(|disk| replica.storage.reset(disk)).expect("the disk works");
    assert_eq!(replica.storage.last_index(), LogIndex(0));
    replica.append_and_sync(1..=2);
    let opened = replica.restart(Fate::IsLost);
    assert_eq!(opened.condition, Condition::Rejoining);
    assert_eq!(opened.hard_state, HardState { standing: Standing::Rejoining, ..vote(3) });
    assert_eq!(opened.records, records(1..=2)); // it may go on to catch up
    replica.storage = opened.storage;
    replica.vote(4);
    assert_eq!(replica.restart(Fate::IsLost).condition, Condition::Sound);
}

#[test]
fn a_wiped_disk_is_furnished_by_its_reset() {
    let mut replica = Replica::new();
    replica.machine = Machine::new();
    replica.storage = replica.restart(Fate::IsLost).storage;
    replica.machine.with(|disk| replica.storage.reset(disk)).expect("the disk works");
    replica.append_and_sync(1..=2);
    assert_eq!(replica.restart(Fate::IsLost).records, records(1..=2));
}

#[test]
fn after_a_failed_sync_nothing_is_believed_any_more() {
    let mut replica = Replica::new();
    replica.append(1..=2).expect("the disk works");
    replica.machine.disk.next_error = Some((0, DiskError::Sync));
    assert_eq!(replica.sync(), Err(DiskError::Sync));
    assert_eq!(replica.sync(), Err(DiskError::Sync)); // the disk would say ok now
    assert_eq!(replica.append(3..=3), Err(DiskError::Sync));
    assert_eq!(replica.storage.answerable_index(), LogIndex(0));
}

#[test]
fn a_full_disk_leaves_the_log_as_it_was() {
    let mut replica = Replica::new();
    replica.append_and_sync(1..=2);
    replica.machine.disk.next_error = Some((0, DiskError::Full)); // after half of the bytes
    assert_eq!(replica.append(3..=6), Err(DiskError::Full));
    assert_eq!(replica.storage.last_index(), LogIndex(2));
    replica.append_and_sync(3..=3);
    assert_eq!(replica.restart(Fate::IsLost).records, records(1..=3));
}

#[test]
fn a_roll_that_finds_no_space_may_be_tried_again() {
    let mut replica = Replica::new();
    replica.append_and_sync(1..=10);
    replica.machine.disk.next_error = Some((2, DiskError::Full)); // the new segment's header
    assert_eq!(replica.append(11..=11), Err(DiskError::Full));
    replica.append_and_sync(11..=12);
    assert_eq!(replica.restart(Fate::IsLost).records, records(1..=12));
}

#[test]
fn a_snapshot_that_finds_no_space_leaves_the_one_before() {
    let mut replica = Replica::new();
    replica.append_and_sync(1..=5);
    replica.save_snapshot(2);
    replica.machine.disk.next_error = Some((2, DiskError::Full));
    let result = replica.machine.with(|disk| replica.storage.save_snapshot(disk, &snapshot(4)));
    assert_eq!(result, Err(DiskError::Full));
    assert_eq!(replica.restart(Fate::IsLost).snapshot, Some(snapshot(2)));
}

#[test]
fn a_sync_in_the_background_vouches_for_what_was_appended_before_it() {
    let mut replica = Replica::new();
    replica.append(1..=3).expect("the disk works");
    let ticket = replica.machine.with(|disk| replica.storage.start_sync(disk));
    let ticket = ticket.expect("the disk works").expect("there is something to sync");
    replica.append(4..=5).expect("the disk works");
    assert_eq!(replica.storage.answerable_index(), LogIndex(0));
    assert_eq!(replica.storage.sync_ended(ticket, Ok(())), Ok(LogIndex(3)));
}

#[test]
fn a_sync_in_the_background_does_not_vouch_for_what_took_the_place_of_what_it_synced() {
    let mut replica = Replica::new();
    replica.append(1..=5).expect("the disk works");
    let ticket = replica.machine.with(|disk| replica.storage.start_sync(disk));
    let ticket = ticket.expect("the disk works").expect("there is something to sync");
    let from = LogIndex(3);
    replica.machine.with(|disk| replica.storage.truncate_from(disk, from)).expect("it works");
    replica.append(3..=5).expect("the disk works");
    assert_eq!(replica.storage.sync_ended(ticket, Ok(())), Ok(LogIndex(2)));
}

#[test]
fn nothing_is_synced_twice() {
    let mut replica = Replica::new();
    replica.append_and_sync(1..=3);
    let operations = replica.machine.disk.operations;
    replica.sync().expect("the disk works");
    assert_eq!(replica.machine.with(|disk| replica.storage.start_sync(disk)), Ok(None));
    assert_eq!(replica.machine.disk.operations, operations);
}

#[test]
fn a_truncation_takes_later_segments_with_it() {
    let mut replica = Replica::new();
    replica.append_and_sync(1..=25);
    let from = LogIndex(11); // the first record of the second segment: that one stays, empty
    replica.machine.with(|disk| replica.storage.truncate_from(disk, from)).expect("it works");
    assert_eq!(replica.restart(Fate::IsLost).records, records(1..=10));
    assert_eq!(replica.machine.disk.files().len(), 3);
}

#[test]
fn a_truncated_log_is_not_held_to_what_was_durable_in_it() {
    let mut replica = Replica::new();
    replica.append_and_sync(1..=5);
    replica.vote(3);
    let from = LogIndex(4);
    replica.machine.with(|disk| replica.storage.truncate_from(disk, from)).expect("it works");
    let opened = replica.restart(Fate::IsLost);
    assert_eq!((opened.condition, opened.records), (Condition::Sound, records(1..=3)));
}

#[test]
fn only_what_the_snapshot_covers_and_nobody_holds_is_discarded() {
    let mut replica = Replica::new();
    replica.append_and_sync(1..=35);
    assert_eq!(replica.discard(), 0); // there is no snapshot
    replica.save_snapshot(29);
    assert_eq!(replica.storage.low_water_mark().hold(Consumer(2), LogIndex(12)), Hold::Held);
    assert_eq!(replica.discard(), 1);
    assert_eq!(replica.storage.first_index(), LogIndex(11));
    replica.storage.low_water_mark().release(Consumer(2));
    assert_eq!(replica.discard(), 1); // record 30 is not covered, so its segment stays
    assert_eq!(replica.storage.bytes_since_snapshot(), 6 * RECORD_BYTES as u64);
    let opened = replica.restart(Fate::IsLost);
    assert_eq!((opened.condition, opened.records), (Condition::Sound, records(21..=35)));
    assert_eq!((opened.boundary.index, opened.boundary.generation), (LogIndex(20), Generation(1)));
}

#[test]
fn discarding_by_retention_alone_leaves_a_hole() {
    let options = StorageOptions { discard: DiscardRule::AsAsked, ..StorageOptions::default() };
    let mut replica = Replica::with(options);
    replica.append_and_sync(1..=25);
    assert_eq!(replica.discard(), 2);
    let opened = replica.restart(Fate::IsLost);
    let hole = "records are missing between the snapshot and the log";
    assert_eq!(opened.condition, Condition::Damaged(hole));
}

#[test]
fn an_installed_snapshot_keeps_the_log_that_agrees_with_it() {
    let mut replica = Replica::new();
    replica.append_and_sync(1..=5);
    let install =
        |r: &mut Replica, s: &Snapshot| r.machine.with(|disk| r.storage.install_snapshot(disk, s));
    install(&mut replica, &snapshot(3)).expect("the disk works");
    assert!(replica.machine.has_marked(MARK_SNAPSHOT_INSTALLED));
    assert_eq!(replica.storage.last_index(), LogIndex(5));
    install(&mut replica, &snapshot(2)).expect("the disk works"); // late and old
    let opened = replica.restart(Fate::IsLost);
    assert_eq!((opened.snapshot, opened.records), (Some(snapshot(3)), records(1..=5)));
    replica.storage = opened.storage;
    let other = Snapshot { generation: Generation(2), ..snapshot(4) };
    install(&mut replica, &other).expect("the disk works");
    assert_eq!(replica.storage.last_index(), LogIndex(4));
    let opened = replica.restart(Fate::IsLost);
    assert_eq!((opened.snapshot, opened.records), (Some(other), Vec::new()));
    assert_eq!((opened.boundary.index, opened.boundary.generation), (LogIndex(4), Generation(2)));
}

#[test]
fn with_write_back_a_sync_promises_what_a_power_failure_breaks() {
    let options = StorageOptions { log: WritePolicy::Back, ..StorageOptions::default() };
    let mut replica = Replica::with(options);
    replica.append_and_sync(1..=2);
    replica.machine.with(|disk| replica.storage.flush(disk)).expect("the disk works");
    replica.append_and_sync(3..=4);
    assert_eq!(replica.storage.answerable_index(), LogIndex(4));
    assert_eq!(replica.machine.with(|disk| replica.storage.start_sync(disk)), Ok(None));
    let opened = replica.restart(Fate::IsLost);
    assert_eq!((opened.condition, opened.records), (Condition::Sound, records(1..=2)));
}

#[test]
fn with_a_hard_state_in_write_back_a_vote_is_forgotten() {
    let options = StorageOptions { hard_state: WritePolicy::Back, ..StorageOptions::default() };
    let mut replica = Replica::with(options);
    replica.vote(3);
    replica.machine.with(|disk| replica.storage.flush(disk)).expect("the disk works");
    replica.vote(4);
    assert_eq!(replica.storage.hard_state(), vote(4));
    assert_eq!(replica.restart(Fate::IsLost).hard_state, vote(3));
}
