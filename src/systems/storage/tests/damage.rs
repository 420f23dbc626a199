//! Disks that lost something: what is amnesia, what is damage, and what is only a torn tail.

use super::*;

#[test]
fn an_empty_disk_at_a_later_start_is_amnesia() {
    let mut replica = Replica::new();
    replica.vote(3);
    replica.machine = Machine::new();
    let opened = replica.restart(Fate::IsLost);
    assert!(matches!(opened.condition, Condition::Amnesia(_)));
    assert_eq!(opened.hard_state.standing, Standing::Rejoining);
    assert!(replica.machine.has_marked(MARK_AMNESIA));
}

#[test]
fn a_used_disk_without_a_superblock_is_amnesia_even_at_the_first_start() {
    let mut replica = Replica::new();
    replica.machine.with(|disk| disk.remove("data/superblock")).expect("the disk works");
    let start = Start { is_first: true, entropy: 9, patience: Patience::Left };
    let opened = replica.machine.with(|disk| Storage::open(disk, replica.options.clone(), start));
    assert!(matches!(opened.expect("the disk works").condition, Condition::Amnesia(_)));
}

#[test]
fn a_decayed_copy_of_the_superblock_does_not_forget_a_vote() {
    for sector in 0..4 {
        let mut replica = Replica::new();
        replica.vote(3);
        replica.vote(4);
        replica.machine.disk.damage("data/superblock", |bytes| bytes[512 * sector + 20] ^= 1);
        assert_eq!(replica.restart(Fate::IsLost).hard_state, vote(4), "sector {sector}");
    }
}

#[test]
fn a_superblock_without_a_valid_copy_is_amnesia() {
    let mut replica = Replica::new();
    replica.machine.disk.damage("data/superblock", |bytes| bytes.fill(0));
    let opened = replica.restart(Fate::IsLost);
    assert!(matches!(opened.condition, Condition::Amnesia(_)));
}

#[test]
fn a_superblock_that_cannot_be_read_is_an_error_and_not_amnesia() {
    let mut replica = Replica::new();
    replica.machine.disk.fail(Fate::IsLost);
    replica.machine.disk.unreadable = Some("data/superblock".to_owned());
    assert_eq!(replica.open().map(|opened| opened.condition), Err(DiskError::Read));
    let last = replica.open_with(Patience::Spent).expect("the rest of the disk works");
    assert!(matches!(last.condition, Condition::Amnesia(_)));
}

#[test]
fn what_cannot_be_read_for_a_while_is_there_afterwards() {
    for path in ["data/superblock", SEGMENT_1] {
        let mut replica = Replica::new();
        replica.append_and_sync(1..=15);
        replica.machine.disk.fail(Fate::IsLost);
        replica.machine.disk.unreadable = Some(path.to_owned());
        assert_eq!(replica.open().map(|opened| opened.condition), Err(DiskError::Read), "{path}");
        replica.machine.disk.unreadable = None;
        let opened = replica.open().expect("the disk works");
        assert_eq!((opened.condition, opened.records), (Condition::Sound, records(1..=15)));
    }
}

#[test]
fn a_torn_tail_is_cut_and_does_not_come_back() {
    let mut replica = Replica::new();
    replica.append_and_sync(1..=2);
    replica.append(3..=5).expect("the disk works");
    replica.damage_record(SEGMENT_1, 2);
    let opened = replica.restart(Fate::IsLost);
    assert_eq!((opened.condition, opened.records), (Condition::Sound, records(1..=2)));
    assert!(replica.machine.has_marked(MARK_TORN_TAIL_CUT));
    assert!(replica.machine.has_marked(MARK_UNSYNCED_SURVIVED)); // records 4 and 5 were whole
    assert_eq!(replica.restart(Fate::IsLost).records, records(1..=2));
    assert!(!replica.machine.has_marked(MARK_TORN_TAIL_CUT));
}

#[test]
fn a_durable_record_that_is_bad_is_damage_and_nothing_is_cut() {
    let mut replica = Replica::new();
    replica.vote(3);
    replica.append_and_sync(1..=2);
    replica.append_and_sync(3..=3);
    replica.damage_record(SEGMENT_1, 1);
    let opened = replica.restart(Fate::IsLost);
    assert_eq!(opened.condition, Condition::Damaged("a record is damaged that was durable"));
    assert_eq!(opened.hard_state, vote(3));
    assert!(replica.machine.has_marked(MARK_DAMAGE_FOUND));
    replica.damage_record(SEGMENT_1, 1); // the same bit again: had anything been cut, this would not heal it
    assert_eq!(replica.restart(Fate::IsLost).records, records(1..=3));
}

#[test]
fn a_bad_record_at_the_end_is_damage_if_the_superblock_says_that_it_was_durable() {
    let mut replica = Replica::new();
    replica.append_and_sync(1..=3);
    replica.vote(3); // saves the bound along
    replica.damage_record(SEGMENT_1, 2);
    let opened = replica.restart(Fate::IsLost);
    assert_eq!(opened.condition, Condition::Damaged("the log ends before its last durable record"));
}

#[test]
fn a_bad_record_in_an_earlier_segment_is_damage_unless_the_snapshot_covers_it() {
    let mut replica = Replica::new();
    replica.append_and_sync(1..=15);
    replica.damage_record(SEGMENT_1, 9);
    let damaged = Condition::Damaged("records are missing in the middle of the log");
    assert_eq!(replica.restart(Fate::IsLost).condition, damaged);
    let mut replica = Replica::new();
    replica.append_and_sync(1..=15);
    replica.save_snapshot(10);
    replica.damage_record(SEGMENT_1, 9);
    let opened = replica.restart(Fate::IsLost);
    assert_eq!((opened.condition, opened.records), (Condition::Sound, records(11..=15)));
    assert!(!replica.machine.disk.files().contains(&SEGMENT_1.to_owned()));
}

#[test]
fn a_lost_or_foreign_or_unreadable_segment_is_damage() {
    type Damage = fn(&mut Replica);
    let damage: [(Damage, &str); 4] = [
        (
            |r| r.machine.disk.damage(SEGMENT_1, |b| b[0] ^= 1),
            "records are missing in the middle of the log",
        ),
        (
            |r| r.machine.disk.damage(SEGMENT_2, |b| b[0] ^= 1),
            "a record is damaged that was durable",
        ),
        (|r| r.machine.disk.unreadable = Some(SEGMENT_1.to_owned()), "a segment cannot be read"),
        (put_foreign_segment, "a segment belongs to another log"),
    ];
    for (damage, reason) in damage {
        let mut replica = Replica::new();
        replica.append_and_sync(1..=15);
        damage(&mut replica);
        replica.machine.disk.fail(Fate::IsLost);
        let opened = replica.open_with(Patience::Spent).expect("the rest of the disk works");
        assert_eq!(opened.condition, Condition::Damaged(reason));
    }
}

/// Puts the second segment of another replica in place of this one's.
fn put_foreign_segment(replica: &mut Replica) {
    let mut other = Replica::new();
    let reset = other.machine.with(|disk| other.storage.reset(disk)); // under a fresh id
    reset.expect("the disk works");
    other.append_and_sync(1..=15);
    let bytes = other.machine.with(|disk| disk.read_all(SEGMENT_2)).expect("the disk works");
    replica.machine.disk.damage(SEGMENT_2, |old| *old = bytes);
}

#[test]
fn a_log_that_is_gone_is_damage() {
    let mut replica = Replica::new();
    let removed = replica.machine.with(|disk| {
        disk.remove(SEGMENT_1)?;
        disk.sync_directory("data")
    });
    removed.expect("the disk works");
    let opened = replica.restart(Fate::IsLost);
    assert_eq!(opened.condition, Condition::Damaged("the log is gone"));
}

#[test]
fn a_bad_snapshot_is_damage_only_if_the_log_does_not_begin_at_1() {
    for (discards, expected) in [
        (false, Condition::Sound),
        (true, Condition::Damaged("records are missing between the snapshot and the log")),
    ] {
        let mut replica = Replica::new();
        replica.append_and_sync(1..=15);
        replica.save_snapshot(12);
        if discards {
            assert_eq!(replica.discard(), 1);
        }
        let name = "data/snapshot-00000000000000000012";
        replica.machine.disk.damage(name, |bytes| bytes[100] ^= 1);
        assert_eq!(replica.restart(Fate::IsLost).condition, expected);
    }
}
