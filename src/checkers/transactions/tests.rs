//! Hand-made histories: one for each anomaly, by name and in words, and good ones that look like it.

use super::*;

/// A key, an element, nil or a list of elements.
fn value(text: &str) -> Value {
    if let Some(list) = text.strip_prefix('[') {
        let elements = list.trim_end_matches(']').split(',').filter(|element| !element.is_empty());
        return Value::list(elements.map(value));
    }
    match (text, text.parse::<i64>()) {
        ("nil", _) => Value::Nil,
        (_, Ok(number)) => Value::Int(number),
        _ => Value::from(text),
    }
}

pub(super) fn operations(text: &str) -> Vec<MicroOperation> {
    let operation = |text: &str| {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let function = match parts[0] {
            "r" => Function::Read,
            "a" => Function::Append,
            "w" => Function::Write,
            other => panic!("{other}"),
        };
        MicroOperation { function, key: value(parts[1]), value: value(parts[2]) }
    };
    text.split(';').map(str::trim).filter(|text| !text.is_empty()).map(operation).collect()
}

/// Lines such as `0 invoke a x 1; r y nil`.
pub(super) fn history(lines: &str) -> Vec<TransactionEvent> {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .zip(0..)
        .map(|(line, index)| {
            let mut parts = line.splitn(3, ' ');
            let process = parts.next().expect("a process").parse().expect("a number");
            let phase = match parts.next().expect("a phase") {
                "invoke" => Phase::Invoke,
                "ok" => Phase::Ok,
                "fail" => Phase::Fail,
                "info" => Phase::Info,
                other => panic!("{other}"),
            };
            let operations = operations(parts.next().unwrap_or_default());
            TransactionEvent { index, process, phase, operations }
        })
        .collect()
}

/// Transactions that are all concurrent, each by a process of its own; `fail:` and `info:` begin those that end so.
/// Their indices are n, n + 1 and so on, if there are n of them.
pub(super) fn concurrent(lines: &str) -> Vec<TransactionEvent> {
    let lines: Vec<&str> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let event = |phase: Option<Phase>, process: usize, line: &str| {
        let (end, text) = match (line.strip_prefix("fail:"), line.strip_prefix("info:")) {
            (Some(text), _) => (Phase::Fail, text),
            (_, Some(text)) => (Phase::Info, text),
            _ => (Phase::Ok, line),
        };
        let index = if phase.is_some() { process } else { process + lines.len() } as u64;
        let (phase, process) = (phase.unwrap_or(end), process as u64);
        TransactionEvent { index, process, phase, operations: operations(text) }
    };
    let invoked = lines.iter().enumerate().map(|(n, line)| event(Some(Phase::Invoke), n, line));
    invoked.chain(lines.iter().enumerate().map(|(n, line)| event(None, n, line))).collect()
}

fn judged(history: &[TransactionEvent], workload: Workload, level: &str) -> Verdict {
    let level = Consistency::named(level).expect("the level is known");
    check(history, workload, level).expect("the history is well formed")
}

pub(super) fn anomalies(
    history: &[TransactionEvent],
    workload: Workload,
    level: &str,
) -> Vec<Anomaly> {
    match judged(history, workload, level) {
        Verdict::Violation { anomalies, .. } => anomalies,
        Verdict::Ok => Vec::new(),
        Verdict::Unknown(why) => panic!("{why}"),
    }
}

/// The names of what is found under a level, in order and each once.
fn names(history: &[TransactionEvent], workload: Workload, level: &str) -> Vec<&'static str> {
    let found = anomalies(history, workload, level);
    let mut names: Vec<&'static str> = found.iter().map(|anomaly| anomaly.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A level forbids just this in concurrent transactions on lists; and under a weaker one they are fine.
#[track_caller]
fn lists(lines: &str, level: &str, expected: &[&str], weaker: &str) {
    let history = concurrent(lines);
    assert_eq!(names(&history, Workload::ListAppend, level), expected);
    if !weaker.is_empty() {
        assert_eq!(judged(&history, Workload::ListAppend, weaker), Verdict::Ok);
    }
}

#[track_caller]
fn registers(lines: &str, level: &str, expected: &[&str], weaker: &str) {
    let history = concurrent(lines);
    assert_eq!(names(&history, Workload::RwRegister, level), expected);
    if !weaker.is_empty() {
        assert_eq!(judged(&history, Workload::RwRegister, weaker), Verdict::Ok);
    }
}

#[test]
fn writes_over_writes_in_a_circle_are_g0() {
    lists("a x 1; a y 1\n a x 2; a y 2\n r x [1,2]; r y [2,1]", "read-uncommitted", &["G0"], "");
    lists("a x 1; a y 1\n a x 2; a y 2\n r x [1,2]; r y [1,2]", "strict-serializable", &[], "");
}

#[test]
fn appends_that_nobody_read_come_last() {
    // T5 appends to y before T6, and T6's append to x was read when T5's was not.
    let lines = "a x 1; a y 1\n a x 2; a y 2\n r x [2]\n r y [1,2]";
    lists(lines, "read-uncommitted", &["G0"], "");
}

#[test]
fn information_that_flows_in_a_circle_is_g1c() {
    let lines = "a x 1; r y [1]\n a y 1; r x [1]";
    lists(lines, "read-committed", &["G1c"], "read-uncommitted");
    registers("w x 1; r y 1\n w y 1; r x 1", "read-committed", &["G1c"], "read-uncommitted");
}

#[test]
fn aborted_reads_are_g1a() {
    lists("fail: a x 1\n r x [1]", "read-committed", &["G1a"], "read-uncommitted");
    registers("fail: w x 1\n r x 1", "read-committed", &["G1a"], "read-uncommitted");
    // Nobody knows whether it aborted, but it was read, so it did not.
    lists("info: a x 1\n r x [1]", "strict-serializable", &[], "");
    registers("info: w x 1\n r x 1", "strict-serializable", &[], "");
}

#[test]
fn each_aborted_element_is_told_once() {
    let history = concurrent("fail: a x 1; a x 2\n r x [1,2]\n r x [1]");
    let told = anomalies(&history, Workload::ListAppend, "read-committed");
    let messages: Vec<&str> = told.iter().map(|anomaly| anomaly.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "T4 read \"x\" = [1, 2], but T3, which appended 1, aborted",
            "T4 read \"x\" = [1, 2], but T3, which appended 2, aborted",
        ]
    );
}

#[test]
fn intermediate_reads_are_g1b() {
    let lines = "a x 1; a x 2\n r x [1]\n r x [1,2]";
    lists(lines, "read-committed", &["G1b"], "read-uncommitted");
    // Also if it does something else between the two.
    let lines = "a x 1; a y 1; a x 2\n r x [1]\n r x [1,2]";
    lists(lines, "read-committed", &["G1b"], "read-uncommitted");
    lists("a x 1; r x [1]; a x 2\n r x [1,2]", "strict-serializable", &[], "");
    registers("w x 1; w x 2\n r x 1", "read-committed", &["G1b"], "read-uncommitted");
    registers("w x 1; r x 1; w x 2\n r x 2", "strict-serializable", &[], "");
}

#[test]
fn updates_of_what_was_rolled_back_are_dirty() {
    let lines = "fail: a x 1\n a x 2\n r x [1,2]";
    lists(lines, "read-committed", &["G1a", "dirty-update"], "read-uncommitted");
    // Between them somebody whose fate nobody knows.
    let lines = "fail: a x 1\n info: a x 2\n a x 3\n r x [1,2,3]";
    lists(lines, "read-committed", &["G1a", "dirty-update"], "read-uncommitted");
    // What was rolled back came last: nothing was built on it.
    lists("fail: a x 1\n a x 2\n r x [2,1]", "read-committed", &["G1a"], "read-uncommitted");
}

#[test]
fn read_skew_is_g_single() {
    let lines = "r x nil; r y [1]\n a x 1; a y 1";
    lists(lines, "snapshot-isolation", &["G-single"], "read-committed");
    lists(lines, "repeatable-read", &["G-single"], "monotonic-atomic-view");
    let lines = "r x nil; r y 1\n w x 1; w y 1";
    registers(lines, "snapshot-isolation", &["G-single"], "read-committed");
    // Nobody knows whether the writes took effect, but one of them was read.
    let lines = "r x nil; r y 1\n info: w x 1; w y 1";
    registers(lines, "snapshot-isolation", &["G-single"], "read-committed");
}

#[test]
fn a_cycle_is_told_with_the_reason_for_each_dependency() {
    let history = concurrent("r x [5]; r y [1]\n a x 1; a y 1\n a x 5\n r x [5,1]");
    let told = anomalies(&history, Workload::ListAppend, "serializable");
    let expected = Anomaly {
        name: "G-single",
        message: "T4 -> T5 -> T4: each must come before the next, so none can be first".into(),
        because: vec![
            "T4 of process 0: r \"x\" [5], r \"y\" [1]".into(),
            "T5 of process 1: append \"x\" 1, append \"y\" 1".into(),
            "T4 -> T5: T4 read \"x\" = [5], without the 1 that T5 appended next: T7 read [5, 1]"
                .into(),
            "T5 -> T4: T4 read \"y\" = [1], whose last element 1 T5 appended".into(),
        ],
        operations: vec![4, 5],
    };
    assert_eq!(told, [expected]);
}

#[test]
fn reasons_name_what_nobody_read() {
    let history =
        concurrent("a x 1; a y 1\n a x 2; a y 2\n r x [2]\n r y [1,2]\n info: r x [2]; r z nil");
    let told = anomalies(&history, Workload::ListAppend, "read-uncommitted");
    assert_eq!(
        told[0].because[2..],
        [
            "T5 -> T6: T5 appended 1 to \"y\" before T6 appended 2: T8 read [1, 2]",
            "T6 -> T5: T6 appended 2 to \"x\" before T5 appended 1: T7 read [2], which is not there yet",
        ]
    );
    let history = concurrent("r x nil; a y 1\n r y nil; a x 1");
    let told = anomalies(&history, Workload::ListAppend, "serializable");
    assert_eq!(
        told[0].because[2..],
        [
            "T2 -> T3: T2 read \"x\" = [], which T3 appended to: nobody read that yet",
            "T3 -> T2: T3 read \"y\" = [], which T2 appended to: nobody read that yet",
        ]
    );
}

#[test]
fn reasons_of_registers_name_both_versions() {
    let history = concurrent("r x nil; r y 1\n w x 1; w y 1");
    let told = anomalies(&history, Workload::RwRegister, "serializable");
    assert_eq!(
        told[0].because,
        [
            "T2 of process 0: r \"x\" nil, r \"y\" 1",
            "T3 of process 1: w \"x\" 1, w \"y\" 1",
            "T2 -> T3: T2 read \"x\" = nil, and T3 wrote 1, which is newer",
            "T3 -> T2: T2 read \"y\" = 1, which T3 wrote",
        ]
    );
}

#[test]
fn write_skew_is_g2_item() {
    let lines = "r x nil; a y 1\n r y nil; a x 1";
    lists(lines, "serializable", &["G2-item"], "strong-snapshot-isolation");
    lists(lines, "repeatable-read", &["G2-item"], "snapshot-isolation");
    let lines = "r x nil; w y 1\n r y nil; w x 1";
    registers(lines, "serializable", &["G2-item"], "strong-snapshot-isolation");
}

#[test]
fn a_long_fork_is_g_nonadjacent() {
    let lines = "a x 1\n a y 1\n r x [1]; r y nil\n r x nil; r y [1]";
    lists(lines, "snapshot-isolation", &["G-nonadjacent"], "read-committed");
    lists(lines, "serializable", &["G-nonadjacent"], "read-committed");
    let lines = "w x 1\n w y 1\n r x 1; r y nil\n r x nil; r y 1";
    registers(lines, "snapshot-isolation", &["G-nonadjacent"], "read-committed");
}

#[test]
fn two_updates_of_one_version_are_a_lost_update() {
    let lines = "r x nil; a x 1\n r x nil; a x 2\n r x [1,2]";
    lists(lines, "snapshot-isolation", &["G-single", "lost-update"], "read-committed");
    // Without the last read nobody knows which came first, but one was lost.
    let lines = "r x nil; a x 1\n r x nil; a x 2";
    lists(lines, "snapshot-isolation", &["lost-update"], "read-committed");
    let lines = "r x nil; w x 1\n r x nil; w x 2";
    registers(lines, "snapshot-isolation", &["lost-update"], "read-committed");
    // Who writes before it reads, or reads only, has not updated what it read.
    lists("a x 1; r x [1]\n r x [1]; a x 2\n r x [1,2]", "strict-serializable", &[], "");
    lists("r x nil\n r x nil; a x 1\n r x [1]", "strict-serializable", &[], "");
    registers("r x nil\n r x nil; w x 1", "strict-serializable", &[], "");
}

#[test]
fn updates_are_lost_key_by_key() {
    let appends = "r x nil; a x 1; r y nil; a y 1\n r x nil; a x 2; r y nil; a y 2";
    let writes = "r x nil; w x 1; r y nil; w y 1\n r x nil; w x 2; r y nil; w y 2";
    for (lines, workload) in [(appends, Workload::ListAppend), (writes, Workload::RwRegister)] {
        let told = anomalies(&concurrent(lines), workload, "snapshot-isolation");
        let told: Vec<(&str, &[u64])> =
            told.iter().map(|anomaly| (anomaly.name, &anomaly.operations[..])).collect();
        assert_eq!(told, [("lost-update", &[2, 3][..]), ("lost-update", &[2, 3])]);
    }
    // Also where the lists contradict each other later.
    let lines = "r x nil; a x 1\n r x nil; a x 2\n a x 3\n r x [1,3]\n r x [3,1]";
    let expected = ["incompatible-order", "lost-update"];
    lists(lines, "snapshot-isolation", &expected, "read-uncommitted");
}

#[test]
fn who_wrote_a_register_twice_does_not_come_before_itself() {
    // Many replace nil, and so does 6, which one of them overwrote itself.
    let mut lines: Vec<String> =
        (1..6).map(|number| format!("{number} invoke r x nil; w x {number}")).collect();
    lines[0] = "1 invoke r x nil; w x 6; w x 1".into();
    let completed: Vec<String> = lines.iter().map(|line| line.replace("invoke", "ok")).collect();
    lines.push("9 invoke r x nil\n 9 ok r x nil\n 9 invoke r x 6\n 9 ok r x 6".into());
    let history = history(&[lines, completed].concat().join("\n"));
    let found = |level| names(&history, Workload::RwRegister, level);
    assert_eq!(found("strong-session-snapshot-isolation"), ["G1b", "lost-update"]);
    assert_eq!(found("strong-session-serializable"), ["G1b", "G2-item", "lost-update"]);
}

#[test]
fn a_transaction_that_disagrees_with_itself_is_internal() {
    for lines in [
        "a x 1; r x nil",
        "a x 1; a x 2; r x [2]\n r x [1,2]",
        "r x nil; r x [1]\n a x 1",
        "r x [1]; a x 2; r x [2]\n a x 1",
        "r x [1]; a x 2; r x [3,2]\n a x 1\n a x 3",
    ] {
        let history = concurrent(lines);
        let found = names(&history, Workload::ListAppend, "snapshot-isolation");
        assert!(found.contains(&"internal"), "{lines}: {found:?}");
        let found = names(&history, Workload::ListAppend, "repeatable-read");
        assert!(!found.contains(&"internal"), "{lines}: {found:?}");
    }
    let lines = "r x [1]; a x 2; a x 3; r x [1,2,3]; a x 4; r x [1,2,3,4]\n a x 1";
    lists(lines, "strict-serializable", &[], "");
    registers("w x 1; r x 2\n w x 2", "snapshot-isolation", &["internal"], "");
    registers("w x 1; w x 2; r x 1", "serializable", &["internal"], "");
    registers("w x 1; w x 2; r x 2; w x 3; r x 3", "serializable", &[], "");
}

#[test]
fn a_transaction_that_reads_its_own_future_is_told() {
    lists("r x [1]; a x 1", "read-committed", &["future-read"], "read-uncommitted");
    registers("r x 1; w x 1", "read-committed", &["future-read"], "read-uncommitted");
}

#[test]
fn elements_that_nobody_wrote_are_garbage() {
    lists("r x [7]", "read-uncommitted", &["garbage-read"], "");
    lists("a x 1\n r x [7,1]", "read-uncommitted", &["garbage-read"], "");
    registers("r x 7", "read-uncommitted", &["garbage-read"], "");
}

#[test]
fn elements_that_stand_twice_are_duplicates() {
    lists("a x 1\n r x [1,1]", "read-uncommitted", &["duplicate-elements"], "");
    // Also in a list that another one contradicts.
    let lines = "a x 1\n a x 2\n a x 3\n r x [1,2,3]\n r x [2,2]";
    lists(lines, "read-committed", &["duplicate-elements", "incompatible-order"], "");
}

#[test]
fn lists_that_contradict_each_other_are_of_incompatible_orders() {
    let lines = "a x 1\n a x 2\n r x [1,2]\n r x [2]";
    lists(lines, "read-committed", &["incompatible-order"], "read-uncommitted");
    // What such a key says of aborted elements stands.
    let lines = "fail: a x 1\n a x 2\n a x 3\n r x [2,3]\n r x [1]";
    lists(lines, "read-committed", &["G1a", "incompatible-order"], "read-uncommitted");
}

#[test]
fn the_order_of_a_process_counts_from_strong_session_on() {
    let history = history(
        "0 invoke a x 1
         0 ok a x 1
         0 invoke r x nil
         0 ok r x nil",
    );
    let found = |level| names(&history, Workload::ListAppend, level);
    assert_eq!(found("serializable"), [""; 0]);
    assert_eq!(found("strong-session-serializable"), ["G-single-process"]);
    assert_eq!(found("strong-session-snapshot-isolation"), ["G-single-process"]);
    assert_eq!(found("strong-session-read-committed"), [""; 0]);
    assert_eq!(found("strict-serializable"), ["G-single-process"]);
    let told = anomalies(&history, Workload::ListAppend, "strong-session-serializable");
    let reason = "T1 -> T3: process 0 executed T1 first";
    assert!(told[0].because.contains(&reason.into()), "{:?}", told[0].because);
}

#[test]
fn real_time_counts_from_the_strong_levels_on() {
    let stale = "0 invoke a x 1
                 0 ok a x 1
                 1 invoke r x nil
                 1 ok r x nil";
    let found = |level| names(&history(stale), Workload::ListAppend, level);
    assert_eq!(found("strong-session-serializable"), [""; 0]);
    assert_eq!(found("strict-serializable"), ["G-single-realtime"]);
    assert_eq!(found("strong-snapshot-isolation"), ["G-single-realtime"]);
    assert_eq!(found("strong-read-committed"), [""; 0]);
    let told = anomalies(&history(stale), Workload::ListAppend, "strict-serializable");
    let reason = "T1 -> T3: T1 completed before T3 was invoked";
    assert!(told[0].because.contains(&reason.into()), "{:?}", told[0].because);
    // The same while the write is under way.
    let concurrent = "0 invoke a x 1
                      1 invoke r x nil
                      0 ok a x 1
                      1 ok r x nil";
    assert_eq!(names(&history(concurrent), Workload::ListAppend, "strict-serializable"), [""; 0]);
}

#[test]
fn real_time_reaches_over_others() {
    // Many completions and invocations lie between the write and the stale read.
    let others: Vec<String> = (1..20)
        .map(|process| format!("{process} invoke r y nil\n {process} ok r y nil\n"))
        .collect();
    let others = others.concat();
    let lines = format!("0 invoke a x 1\n 0 ok a x 1\n {others} 20 invoke r x nil\n 20 ok r x nil");
    let told = anomalies(&history(&lines), Workload::ListAppend, "strict-serializable");
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].name, &told[0].operations[..]), ("G-single-realtime", &[41, 1][..]));
}

#[test]
fn writes_in_the_wrong_order_are_g0_with_the_order_that_shows_it() {
    let lines = "0 invoke a x 1
                 0 ok a x 1
                 1 invoke a x 2
                 1 ok a x 2
                 2 invoke r x [2,1]
                 2 ok r x [2,1]";
    let found = |level| names(&history(lines), Workload::ListAppend, level);
    assert_eq!(found("strong-read-uncommitted"), ["G0-realtime"]);
    assert_eq!(found("serializable"), [""; 0]);
    let one_process = lines.replace("1 invoke a", "0 invoke a").replace("1 ok a", "0 ok a");
    let found = |level| names(&history(&one_process), Workload::ListAppend, level);
    assert_eq!(found("strong-session-read-uncommitted"), ["G0-process"]);
    // Reading backwards is a matter of read committed.
    let lines = "0 invoke r x [1]
                 0 ok r x [1]
                 0 invoke a x 1
                 0 ok a x 1";
    let found = |level| names(&history(lines), Workload::ListAppend, level);
    assert_eq!(found("strong-session-read-committed"), ["G1c-process"]);
    assert_eq!(found("strong-session-read-uncommitted"), [""; 0]);
}

#[test]
fn unknown_transactions_may_take_effect_later_or_never() {
    for workload in [Workload::ListAppend, Workload::RwRegister] {
        let (write, nothing, written) = match workload {
            Workload::ListAppend => ("a x 1", "r x nil", "r x [1]"),
            Workload::RwRegister => ("w x 1", "r x nil", "r x 1"),
        };
        for (first, second) in [(nothing, written), (nothing, nothing), (written, written)] {
            let lines = format!(
                "0 invoke {write}
                 0 info {write}
                 0 invoke {first}
                 0 ok {first}
                 0 invoke {second}
                 0 ok {second}"
            );
            assert_eq!(
                names(&history(&lines), workload, "strict-serializable"),
                [""; 0],
                "{lines}"
            );
        }
        // But not before they were asked for.
        let lines =
            format!("0 invoke {written}\n 0 ok {written}\n 0 invoke {write}\n 0 info {write}");
        assert_eq!(names(&history(&lines), workload, "strict-serializable"), ["G1c-process"]);
        assert_eq!(names(&history(&lines), workload, "serializable"), [""; 0]);
    }
}

#[test]
fn a_history_may_end_while_transactions_are_open() {
    let lines = "0 invoke a x 1\n 1 invoke r x nil\n 1 ok r x [1]\n 2 invoke r x nil";
    assert_eq!(judged(&history(lines), Workload::ListAppend, "strict-serializable"), Verdict::Ok);
    // What they name as results means nothing yet.
    let lines = "0 invoke r x 7\n 1 invoke r x nil\n 1 ok r x nil";
    assert_eq!(judged(&history(lines), Workload::ListAppend, "strict-serializable"), Verdict::Ok);
}

#[test]
fn registers_learn_the_order_of_versions_from_the_level() {
    let stale = "0 invoke w x 1
                 0 ok w x 1
                 1 invoke w x 2
                 1 ok w x 2
                 2 invoke r x 1
                 2 ok r x 1";
    let found = |level| names(&history(stale), Workload::RwRegister, level);
    assert_eq!(found("strict-serializable"), ["G-single-realtime", "cyclic-versions"]);
    assert_eq!(found("strong-snapshot-isolation"), ["G-single-realtime", "cyclic-versions"]);
    assert_eq!(found("strong-session-serializable"), [""; 0]);
    // What is read may be old below snapshot isolation.
    assert_eq!(found("strong-read-committed"), [""; 0]);
    let one_process = stale.replace("1 invoke", "0 invoke").replace("1 ok", "0 ok");
    let one_process = one_process.replace("2 invoke", "0 invoke").replace("2 ok", "0 ok");
    let found = |level| names(&history(&one_process), Workload::RwRegister, level);
    assert_eq!(found("strong-session-serializable"), ["G-single-process", "cyclic-versions"]);
    assert_eq!(found("serializable"), [""; 0]);
}

#[test]
fn registers_learn_the_order_of_versions_from_reads() {
    // 1 and 2 are written concurrently; 1 is read, then 2, then 1 again.
    let lines = "0 invoke w x 1
                 1 invoke w x 2
                 2 invoke r x 1
                 2 ok r x 1
                 2 invoke r x 2
                 2 ok r x 2
                 2 invoke r x 1
                 2 ok r x 1
                 0 ok w x 1
                 1 ok w x 2";
    let found = |level| names(&history(lines), Workload::RwRegister, level);
    assert_eq!(found("strict-serializable"), ["cyclic-versions"]);
    assert_eq!(found("strong-session-snapshot-isolation"), ["cyclic-versions"]);
    assert_eq!(found("strong-read-committed"), [""; 0]);
    assert_eq!(found("serializable"), [""; 0]);
    let told = anomalies(&history(lines), Workload::RwRegister, "strict-serializable");
    assert_eq!(told[0].message, "the versions 1, 2 of \"x\" come before each other");
}

#[test]
fn updates_of_registers_that_replace_each_other_are_cyclic() {
    let lines = "r x 1; w x 2\n r x 2; w x 1";
    registers(lines, "read-committed", &["G1c", "cyclic-versions"], "read-uncommitted");
}

#[test]
fn a_history_without_committed_reads_cannot_be_judged() {
    for lines in ["", "a x 1\n a x 2", "info: r x nil\n fail: r x nil"] {
        let verdict = judged(&concurrent(lines), Workload::ListAppend, "strict-serializable");
        assert!(
            matches!(&verdict, Verdict::Unknown(why) if why.contains("no read")),
            "{verdict:?}"
        );
    }
}

#[test]
fn malformed_histories_are_refused_with_place_and_cure() {
    let lists = Workload::ListAppend;
    let cases = [
        ("0 ok r x nil", lists, "index 0: process 0 has `ok` without an `invoke` before it"),
        (
            "0 invoke r x nil\n 0 invoke r x nil",
            lists,
            "index 1: process 0 invokes while its transaction of index 0",
        ),
        ("0 invoke w x 1", lists, "index 0: list-append has no `w`"),
        ("0 invoke a x 1", Workload::RwRegister, "index 0: rw-register has no `append`"),
        ("0 invoke w x nil", Workload::RwRegister, "index 0: nil is written to \"x\""),
        (
            "0 invoke r x nil\n 0 ok r x 7",
            lists,
            "index 1: the read of \"x\" returned 7, not a list",
        ),
        (
            "0 invoke a x 1\n 1 invoke a x 1",
            lists,
            "index 1: 1 is written to \"x\" here and by the transaction of index 0",
        ),
        (
            "0 invoke a x 1; a x 1",
            lists,
            "index 0: 1 is written to \"x\" here and by the transaction of index 0",
        ),
    ];
    let level = Consistency::named("serializable").expect("the level is known");
    for (lines, workload, says) in cases {
        let malformed = check(&history(lines), workload, level).expect_err("it is malformed");
        assert!(malformed.to_string().starts_with(says), "{malformed}");
    }
}

#[test]
fn long_lists_and_transactions_are_shown_in_part() {
    let writes: Vec<String> = (0..20).map(|element| format!("a x {element}")).collect();
    let elements: Vec<String> = (0..20).map(|element| element.to_string()).collect();
    let lines = format!("fail: {}\n r x [{}]", writes.join("; "), elements.join(","));
    let verdict = judged(&concurrent(&lines), Workload::ListAppend, "read-committed");
    let Verdict::Violation { anomalies, counts } = verdict else { panic!("{verdict:?}") };
    assert_eq!((anomalies.len(), counts["G1a"]), (8, 20));
    assert!(anomalies[0].message.contains("[..., 8, 9, 10,"), "{}", anomalies[0].message);
    assert!(
        anomalies[0].because[0].ends_with("append \"x\" 11, ..."),
        "{:?}",
        anomalies[0].because
    );
}
