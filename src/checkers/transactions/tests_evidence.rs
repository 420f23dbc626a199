//! What is told of an anomaly: which transactions, in which words, and how often.

use super::Workload::{ListAppend, RwRegister};
use super::tests::{anomalies, concurrent, history};
use super::*;

/// The messages of one kind of anomaly.
fn messages(lines: &str, level: &str, name: &str) -> Vec<String> {
    let told = anomalies(&concurrent(lines), ListAppend, level);
    told.into_iter().filter(|anomaly| anomaly.name == name).map(|anomaly| anomaly.message).collect()
}

#[test]
fn reads_of_transactions_that_did_not_commit_are_not_shown() {
    let told =
        anomalies(&concurrent("fail: a x 1; r y nil\n r x [1]"), ListAppend, "read-committed");
    assert_eq!(
        told[0].because,
        ["T2 of process 0, aborted: append \"x\" 1, r \"y\" ?", "T3 of process 1: r \"x\" [1]"]
    );
    let history = concurrent("info: w x 1; w x 2; r y nil\n r x 1");
    let told = anomalies(&history, RwRegister, "read-committed");
    assert_eq!(
        told[0].because[0],
        "T2 of process 0, outcome unknown: w \"x\" 1, w \"x\" 2, r \"y\" ?"
    );
}

#[test]
fn twelve_operations_and_elements_are_shown() {
    let told = |count: usize| {
        let appends: Vec<String> = (1..=count).map(|element| format!("a x {element}")).collect();
        let elements: Vec<String> = (1..=count).map(|element| element.to_string()).collect();
        let lines = format!("fail: {}\n r x [{}]", appends.join("; "), elements.join(","));
        anomalies(&concurrent(&lines), ListAppend, "read-committed").swap_remove(0).because
    };
    let all = told(12);
    assert!(all[0].ends_with("append \"x\" 11, append \"x\" 12"), "{}", all[0]);
    assert!(all[1].ends_with("r \"x\" [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]"), "{}", all[1]);
    let cut = told(13);
    assert!(cut[0].ends_with("append \"x\" 11, append \"x\" 12, ..."), "{}", cut[0]);
    assert!(cut[1].ends_with("[..., 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]"), "{}", cut[1]);
}

#[test]
fn the_first_of_the_longest_lists_is_the_witness() {
    let lines = "a x 1\n a x 2\n r x [1,2]\n r x [2,1]\n r x [1,2]";
    assert_eq!(
        messages(lines, "read-committed", "incompatible-order"),
        ["T8 read \"x\" = [2, 1] and T7 read \"x\" = [1, 2]: neither is a beginning of the other"]
    );
}

#[test]
fn a_disagreement_names_what_the_transaction_had_done_before() {
    for (lines, expected) in [
        ("a x 1; r x nil", "T1 read \"x\" = [], though it had appended 1"),
        ("r x nil; r x [1]\n a x 1", "T2 read \"x\" = [1], though it had read [] before"),
        (
            "r x [1]; a x 2; r x [2]\n a x 1",
            "T2 read \"x\" = [2], though it had read [1] and appended 2",
        ),
    ] {
        assert_eq!(messages(lines, "snapshot-isolation", "internal"), [expected], "{lines}");
    }
}

#[test]
fn an_element_that_stands_twice_is_named_wherever_it_stands() {
    assert_eq!(
        messages("a x 1\n a x 2\n r x [1,2,1]", "read-committed", "duplicate-elements"),
        ["T5 read \"x\" = [1, 2, 1], where 1 stands twice, though it was appended once"]
    );
}

#[test]
fn only_the_first_update_of_what_was_rolled_back_is_told() {
    let lines = "fail: a x 1\n a x 2\n a x 3\n r x [1,2,3]";
    assert_eq!(
        messages(lines, "read-committed", "dirty-update"),
        ["T4 aborted, but its 1 stayed in \"x\", and T5 committed 2 after it"]
    );
}

#[test]
fn a_transaction_whose_versions_come_before_each_other_is_named_once() {
    let lines = "0 invoke w x 1; w x 2
                 1 invoke r x 1
                 1 ok r x 1
                 1 invoke r x 2
                 1 ok r x 2
                 1 invoke r x 1
                 1 ok r x 1";
    let told = anomalies(&history(lines), RwRegister, "strict-serializable");
    let cyclic: Vec<&Anomaly> = told.iter().filter(|a| a.name == "cyclic-versions").collect();
    assert_eq!(cyclic.len(), 1);
    assert_eq!(cyclic[0].operations, [0]);
}

/// A version that was read before another one was written is older, whoever of its writers completed first.
#[test]
fn writes_over_writes_of_registers_name_both_versions() {
    let lines = "0 invoke w z 9
                 1 invoke w x 1; r z nil; r y nil
                 2 invoke r x nil; r z nil
                 2 ok r x 1; r z 9
                 3 invoke w x 2; w z 10; w y 2
                 0 ok w z 9
                 1 ok w x 1; r z 9; r y 2
                 3 ok w x 2; w z 10; w y 2";
    let told = anomalies(&history(lines), RwRegister, "strong-read-committed");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].name, "G1c");
    assert_eq!(
        told[0].because[2..],
        [
            "T7 -> T6: T6 read \"y\" = 2, which T7 wrote",
            "T6 -> T7: T6 wrote \"x\" = 1, and T7 wrote 2, which is newer",
        ]
    );
}
