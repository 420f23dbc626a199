//! Each test tells how a write was kept, or how it was lost.

use super::*;
use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};
use crate::history::{Operation, functions};

const NAME: &str = "durability";

fn write(value: i64) -> Operation {
    Operation::new(functions::WRITE, 1, value)
}

/// Node 0 leads, applies the write and acknowledges it; node 1 has it as well.
fn acknowledged() -> Script {
    Script::new()
        .start(0)
        .start(1)
        .leader(0, 1)
        .invoke(7, write(5))
        .append(0, (1, 1), 11)
        .append(1, (1, 1), 11)
        .apply_for(0, 1, 11, 1)
        .ok(7, 5)
        .apply_for(1, 1, 11, 1)
}

#[test]
fn a_write_in_the_log_of_the_last_leader_is_kept() {
    assert_ok(&acknowledged().judged_by(NAME));
    assert_ok(&acknowledged().stop(0).leader(1, 2).judged_by(NAME));
}

#[test]
fn a_write_that_the_last_leader_lacks_is_lost() {
    let judgement = acknowledged().start(2).leader(2, 2).judged_by(NAME);
    assert_violation(&judgement, "1 acknowledged write is lost; the first is write k1 5 of c7");
    assert_violation(&judgement, "the log of node#2 ends at index 0");
    assert_violation(&judgement, "node#0 applies index 1");
}

#[test]
fn the_write_that_was_acknowledged_first_is_told_first() {
    let script = Script::new().leader(0, 1).invoke(7, write(5)).invoke(8, write(6));
    let script = script.append(0, (1, 1), 11).append(0, (2, 1), 12);
    let script = script.apply_for(0, 1, 11, 1).apply_for(0, 2, 12, 2).ok(8, 6).ok(7, 5);
    let judgement = script.start(2).leader(2, 2).judged_by(NAME);
    assert_violation(&judgement, "2 acknowledged writes are lost; the first is write k1 6 of c8");
}

#[test]
fn a_write_whose_place_was_taken_is_lost() {
    let judgement = acknowledged().append(2, (1, 2), 99).leader(2, 2).judged_by(NAME);
    assert_violation(&judgement, "node#2 has another entry at index 1 (0000000000000063)");
}

#[test]
fn a_write_that_was_acknowledged_before_anybody_applied_it_must_be_applied() {
    let early = Script::new().leader(0, 1).invoke(7, write(5)).ok(7, 5);
    let other = early.invoke(8, write(6)).append(0, (1, 1), 12).apply_for(0, 1, 12, 2).ok(8, 6);
    assert_violation(&other.judged_by(NAME), "no node ever applied it");
    let late = other.append(0, (2, 1), 11).apply_for(0, 2, 11, 1);
    assert_ok(&late.judged_by(NAME));
}

#[test]
fn a_write_that_lost_power_is_lost_even_if_nobody_leads_in_the_end() {
    let dark = acknowledged().stop(0).stop(1);
    assert_ok(&dark.judged_by(NAME));
    let back = |script: Script, node| {
        script.start(node).recovering(node).recovered(node, 0, (0, 0)).follower(node, 2)
    };
    let one = back(dark, 0);
    assert_ok(&one.judged_by(NAME)); // node 1 may still have it
    let judgement = back(one, 1).judged_by(NAME);
    assert_violation(&judgement, "the log of node#0 ends at index 0; the log of node#1 ends");
}

#[test]
fn an_isolated_leader_of_an_older_generation_is_not_the_final_order() {
    let script = Script::new()
        .leader(0, 1)
        .leader(1, 2)
        .invoke(7, write(5))
        .append(1, (1, 2), 11)
        .apply_for(1, 1, 11, 1)
        .ok(7, 5);
    assert_ok(&script.judged_by(NAME));
    assert_ok(&script.stop(1).judged_by(NAME));
}

#[test]
fn of_two_sides_that_both_acknowledge_one_loses() {
    let split = acknowledged()
        .leader(2, 2)
        .invoke(8, write(6))
        .append(2, (1, 2), 22)
        .apply_for(2, 1, 22, 2)
        .ok(8, 6);
    assert_violation(&split.judged_by(NAME), "write k1 5 of c7");
    // The same after everybody has taken a snapshot over the contested place.
    let covered = [0, 1, 2].iter().fold(split, |script, &node| script.snapshot(node, (1, 2), 7));
    let judgement = covered.clone().leader(2, 3).judged_by(NAME);
    assert_violation(&judgement, "1 acknowledged write is lost; the first is write k1 5 of c7");
    assert_violation(&judgement, "node#2 has another entry at index 1 (0000000000000016)");
    let judgement = covered.clone().leader(0, 3).judged_by(NAME);
    assert_violation(&judgement, "1 acknowledged write is lost; the first is write k1 6 of c8");
    assert_violation(&judgement, "node#0 has another entry at index 1 (000000000000000b)");
    // Node 1 applied what node 0 had applied before it, which is not kept: nobody can say.
    assert_ok(&covered.leader(1, 3).judged_by(NAME));
}

#[test]
fn of_two_entries_that_a_node_applied_at_one_place_the_later_counts() {
    let split = acknowledged()
        .leader(2, 2)
        .invoke(8, write(6))
        .append(2, (1, 2), 22)
        .apply_for(2, 1, 22, 2)
        .ok(8, 6)
        .apply_for(2, 1, 11, 1)
        .leader(2, 3);
    let covered = [0, 1, 2].iter().fold(split, |script, &node| script.snapshot(node, (1, 2), 7));
    assert_violation(&covered.judged_by(NAME), "the first is write k1 6 of c8");
}

#[test]
fn a_failed_write_and_one_of_unknown_outcome_may_be_missing() {
    let script = acknowledged()
        .invoke(8, write(6))
        .apply_for(1, 2, 12, 2)
        .info(8)
        .invoke(9, write(7))
        .apply_for(1, 3, 13, 3)
        .fail(9);
    assert_ok(&script.judged_by(NAME));
}

#[test]
fn a_write_that_was_executed_twice_is_kept_if_one_place_is() {
    let script = acknowledged().append(0, (2, 1), 12).apply_for(0, 2, 12, 1);
    let second = script.clone().append(2, (1, 2), 99).append(2, (2, 1), 12).leader(2, 3);
    assert_ok(&second.judged_by(NAME));
    let first = script.append(2, (1, 1), 11).append(2, (2, 2), 99).leader(2, 3);
    assert_ok(&first.judged_by(NAME));
}

#[test]
fn a_write_that_was_executed_twice_in_the_same_way_has_two_places() {
    let script = acknowledged().append(0, (2, 1), 11).apply_for(0, 2, 11, 1);
    let second = script.append(2, (1, 2), 99).append(2, (2, 1), 11).leader(2, 3);
    assert_ok(&second.judged_by(NAME));
}

#[test]
fn the_same_place_on_two_nodes_is_told_once() {
    let judgement = acknowledged().start(2).leader(2, 2).judged_by(NAME);
    let Judgement::Violation(violation) = judgement else { panic!("not {judgement:?}") };
    assert_eq!(
        violation.evidence,
        [
            "0.006000s node#0 applies index 1 (000000000000000b)",
            "0.007000s c7 is told that write k1 5 is done (request s1.1), but the log of node#2 \
             ends at index 0",
        ]
    );
}

#[test]
fn a_delete_may_change_nothing_and_a_read_does() {
    let deleted = acknowledged().invoke(8, Operation::new(functions::DELETE, 2, 0)).ok(8, 0);
    assert_ok(&deleted.judged_by(NAME));
    let read = acknowledged().invoke(8, Operation::new(functions::READ, 1, 0)).ok(8, 5);
    assert_ok(&read.judged_by(NAME));
    let incremented = acknowledged().invoke(8, Operation::new(functions::INCREMENT, 2, 1)).ok(8, 1);
    assert_violation(&incremented.judged_by(NAME), "increment k2 1 of c8");
}

#[test]
fn a_write_is_settled_when_all_its_places_are() {
    // It is applied at index 1, which everybody has in a snapshot, and again at index 2.
    let begun = Script::new().start(0).leader(0, 1).invoke(7, write(5));
    let applied = begun.append(0, (1, 1), 11).apply_for(0, 1, 11, 1).snapshot(0, (1, 1), 7);
    let again = applied.append(0, (2, 1), 12).apply_for(0, 2, 12, 1).ok(7, 5);
    let judgement = again.leader(2, 2).judged_by(NAME);
    assert_violation(&judgement, "1 acknowledged write is lost; the first is write k1 5 of c7");
}

#[test]
fn the_last_settled_write_stands_for_all() {
    let second = acknowledged().invoke(8, write(6)).append(0, (2, 1), 12).append(1, (2, 1), 12);
    let second = second.apply_for(0, 2, 12, 2).apply_for(1, 2, 12, 2).ok(8, 6);
    let settled = second.snapshot(0, (2, 1), 7).snapshot(1, (2, 1), 7);
    let shorter = |script: Script, node| {
        script.stop(node).start(node).recovering(node).snapshot(node, (1, 1), 7).recovered(
            node,
            1,
            (1, 7),
        )
    };
    let judgement = shorter(shorter(settled, 0), 1).judged_by(NAME);
    let says = "the final log ends at index 1, but request s1.2 was applied at index 2";
    assert_violation(&judgement, says);
}

#[test]
fn a_settled_write_is_missed_if_the_final_log_ends_before_it() {
    let settled = acknowledged().snapshot(0, (1, 1), 7).snapshot(1, (1, 1), 7);
    assert_ok(&settled.judged_by(NAME));
    let empty = |script: Script, node| {
        script.stop(node).start(node).recovering(node).recovered(node, 0, (0, 0))
    };
    let judgement = empty(empty(settled, 0), 1).leader(0, 1).judged_by(NAME);
    assert_violation(&judgement, "the final log ends at index 0");
}

#[test]
fn what_was_not_acknowledged_or_applied_cannot_be_judged() {
    let unacknowledged = Script::new().invoke(7, write(5)).apply_for(0, 1, 11, 1);
    assert_unknown(&unacknowledged.judged_by(NAME), "no write was acknowledged");
    let silent = Script::new().invoke(7, write(5)).ok(7, 5);
    assert_unknown(&silent.judged_by(NAME), "no node ever said");
}

#[test]
fn memory_stays_flat_as_snapshots_are_taken() {
    let mut checker = Durability::default();
    let mut script = Script::new().start(0).leader(0, 1);
    for index in 1..=500 {
        script = script
            .invoke(7, write(5))
            .append(0, (index, 1), index)
            .apply_for(0, index, index, index);
        // Now and then the snapshot is faster than the answer, and sometimes there is none.
        script = match index % 10 {
            0 => script.snapshot(0, (index, 1), 0).ok(7, 5),
            3 => script.fail(7),
            7 => script.info(7),
            _ => script.ok(7, 5),
        };
    }
    assert!(script.events().iter().all(|event| checker.observe(event).is_ok()));
    assert_eq!(checker.records.len(), 0);
    assert_eq!(checker.finish(Instant::ZERO), Judgement::Ok);
}

#[test]
fn memory_is_bounded_for_a_system_that_never_says_what_it_applied() {
    let mut checker = Durability::default();
    let asked = 0..records::KEPT_UNAPPLIED + 10;
    let script = asked.fold(Script::new(), |script, _| script.invoke(7, write(5)).ok(7, 5));
    assert!(script.events().iter().all(|event| checker.observe(event).is_ok()));
    assert_eq!(checker.records.len(), records::KEPT_UNAPPLIED);
}
