//! `elara check` from outside: verdicts, exit codes, the JSON document, the page, what broken histories are told, and that
//! it reads what `elara run` writes.

mod common;

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use elara::history::Phase;
use elara::report::history as written;
use elara::run::check::{CheckReport, Level, Model, Objects, read};
use elara::run::options::RunOptions;
use elara::run::report::{RunReport, Verdict};
use serde_json::Value;

/// One broken history in a block: the arguments, the history, and what is told.
const CASES: &str = include_str!("golden/check_errors.txt");

fn elara(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_elara"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("it was piped");
    // A program that does not read its input may close it first.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the program ends")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("it is text")
}

/// A history of one process and its verdict as JSON; the exit code agrees with it.
fn judged(arguments: &[&str], input: &str) -> Value {
    let output = elara(&[&["check", "-", "--format", "json"], arguments].concat(), input);
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let code = match document["verdict"].as_str() {
        Some("ok") => 0,
        Some("violation") => 1,
        _ => 3,
    };
    assert_eq!(output.status.code(), Some(code));
    document
}

/// Operations one after the other: a process, a function, the argument and the answer.
fn sequential(operations: &[(u32, &str, &str, &str)]) -> String {
    let lines = operations.iter().map(|(process, f, argument, answer)| {
        format!(
            "{{:process {process} :type :invoke :f :{f} :value {argument}}}\n\
             {{:process {process} :type :ok :f :{f} :value {answer}}}\n"
        )
    });
    lines.collect()
}

#[test]
fn each_broken_history_is_told_its_line_and_the_cure() {
    let blocks: Vec<&str> = CASES.trim_end().split("\n\n").collect();
    assert!(blocks.len() > 40, "all cases are read");
    for block in blocks {
        let (head, expected) = block.split_once("error: ").expect("a block says what is told");
        let (arguments, history) = head.split_once('\n').expect("arguments have their line");
        let output = elara(&arguments.split(' ').collect::<Vec<_>>(), history);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(told.trim_end(), format!("error: {expected}"), "{block}");
        assert_eq!(output.status.code(), Some(2), "{block}");
        assert_eq!(out(&output), "", "{block}");
    }
}

#[test]
fn the_document_has_the_promised_keys_in_order() {
    let stale =
        sequential(&[(0, "write", "1", "1"), (0, "write", "2", "2"), (1, "read", "nil", "1")]);
    let document = judged(&["--model", "register"], &stale);
    let keys: Vec<&str> =
        document.as_object().expect("it is an object").keys().map(String::as_str).collect();
    let promised = "history model consistency verdict operations anomalies unknown-because wall-ns";
    assert_eq!(keys, promised.split(' ').collect::<Vec<_>>());
    assert_eq!(document["history"], "-");
    assert_eq!(document["model"], "register");
    assert_eq!(document["consistency"], "linearizable");
    assert_eq!(document["operations"], 3);
    let anomaly = &document["anomalies"][0];
    assert_eq!(anomaly["type"], "linearizability");
    assert_eq!(anomaly["operations"], serde_json::json!([4]), "the read, by its index");
    assert!(anomaly["message"].as_str().is_some_and(|text| text.contains("answered with 1")));
    let first = anomaly["evidence"][0].as_str().expect("facts are texts");
    assert_eq!(first, "the shortest part that fails ends with index 5 on line 6; 0 are left");
}

#[test]
fn each_level_forbids_what_it_is_about_and_no_more() {
    let stale =
        sequential(&[(0, "write", "1", "1"), (0, "write", "2", "2"), (1, "read", "nil", "1")]);
    let back = sequential(&[
        (0, "write", "1", "1"),
        (0, "write", "2", "2"),
        (1, "read", "nil", "2"),
        (1, "read", "nil", "1"),
    ]);
    for (level, of_stale, of_back) in [
        ("linearizable", "violation", "violation"),
        ("sequential", "ok", "violation"),
        ("causal", "ok", "violation"),
        ("causal-convergence", "ok", "violation"),
        ("session", "ok", "violation"),
        ("monotonic-reads", "unknown", "ok"),
        ("bounded-staleness=1h", "ok", "ok"),
        ("bounded-staleness=0s", "violation", "violation"),
    ] {
        for (history, expected) in [(&stale, of_stale), (&back, of_back)] {
            let document = judged(&["--model", "register", "--consistency", level], history);
            assert_eq!(document["verdict"], expected, "{level}\n{history}\n{document:#}");
            assert_eq!(
                document["consistency"].as_str().map(|name| name.split('=').next()),
                Some(level.split('=').next())
            );
        }
    }
}

#[test]
fn levels_of_transactions_decide_which_anomalies_count() {
    let skew = fs::read_to_string("docs/examples/histories/list-append.edn").expect("it is there");
    let strict = judged(&["--model", "list-append"], &skew);
    assert_eq!(strict["consistency"], "strict-serializable");
    assert_eq!(strict["anomalies"][0]["type"], "G2-item");
    assert_eq!(strict["anomalies"][0]["operations"], serde_json::json!([2, 3]));
    let snapshot =
        judged(&["--model", "list-append", "--consistency", "snapshot-isolation"], &skew);
    assert_eq!(snapshot["verdict"], "ok", "write skew is allowed there");
}

#[test]
fn what_nobody_can_say_is_unknown_and_why_is_told() {
    let vacuous = judged(&["--model", "register"], "{:process :nemesis :type :info :f :start}");
    assert_eq!(vacuous["verdict"], "unknown");
    let why = vacuous["unknown-because"].to_string();
    assert!(why.contains("no operation") && why.contains("1 entries were ignored"), "{why}");
    // Writes of unknown outcome by many, and a read that none of them explains alone.
    let adds = (0..14).map(|n| format!("{{:process {n} :type :invoke :f :add :value {}}}", 1 << n));
    let mut hard = adds.collect::<Vec<_>>().join("\n");
    hard += "\n";
    hard += "{:process 99 :type :invoke :f :read}\n{:process 99 :type :ok :f :read :value 16384}\n";
    let spent = judged(&["--model", "counter", "--budget", "10"], &hard);
    assert!(spent["unknown-because"].to_string().contains("the budget of 10 steps is spent"));
    let timed = judged(&["--model", "counter", "--for", "1m"], &hard);
    assert_eq!(timed["verdict"], "violation", "all of them together are 16,383");
}

#[test]
fn the_examples_are_what_their_text_says() {
    for (file, model, code) in [
        ("register.edn", "register", 1),
        ("lin-kv.jsonl", "cas-register", 0),
        ("list-append.edn", "list-append", 1),
    ] {
        let path = format!("docs/examples/histories/{file}");
        let output = elara(&["check", &path, "--model", model], "");
        assert_eq!(output.status.code(), Some(code), "{}", out(&output));
        assert!(out(&output).starts_with(&path));
    }
    let both = ["docs/examples/histories/register.edn", "docs/examples/histories/register.edn"];
    let output = elara(&["check", both[0], both[1], "--model", "register", "--format", "json"], "");
    let document: Value = serde_json::from_str(&out(&output)).expect("it is JSON");
    assert_eq!(document.as_array().map(Vec::len), Some(2));
}

#[test]
fn the_page_draws_the_history_and_marks_the_proof() {
    let folder = tempfile::tempdir().expect("there is room");
    let page = folder.path().join("page.html");
    let page = page.to_str().expect("a path in UTF-8");
    let example = "docs/examples/histories/register.edn";
    let output = elara(&["check", example, "--model", "register", "--report", page], "");
    assert_eq!(output.status.code(), Some(1));
    let page = fs::read_to_string(page).expect("it was written");
    assert_eq!(page.matches("<rect").count(), 4, "one bar for each operation");
    assert!(page.contains("class=\"ok bad\"><title>p3 read: 1"), "{page}");
    assert!(page.contains("class=\"info\"><title>p2 write 3"));
}

/// What is said of a run's history after it was written and read again.
fn again(run: &RunReport, file: &str) -> CheckReport {
    let render = if file.ends_with("edn") { written::edn } else { written::json_lines };
    let text = render(&run.kept.history);
    let model = Model::named("key-value").expect("it is a model");
    let recording = read(file, text.as_bytes(), (model, Objects::Guess));
    let recording = recording.unwrap_or_else(|error| panic!("{error}"));
    let invoked = run.kept.history.iter().filter(|event| event.phase == Phase::Invoke);
    let report = recording.judge(&Level::of(&model), 4_000_000).expect("it is a history");
    assert_eq!(report.operations, invoked.count() as u64);
    report
}

#[test]
fn what_run_writes_check_reads_and_judges_as_the_run_was_judged() {
    let scenario = common::load("scenarios/raft-kv/paused-leader.json");
    let options = RunOptions { keep_history: true, ..RunOptions::default() };
    let sound = elara::run::run(&scenario, &options).expect("it runs");
    for file in ["history.jsonl", "history.edn"] {
        assert_eq!(again(&sound, file).verdict, Verdict::Ok);
    }
    let scenario = common::load("scenarios/west-coast-partition.json");
    let options = RunOptions { without: vec!["follower-reads".into()], ..options };
    let stale = elara::run::run(&scenario, &options).expect("it runs");
    assert!(stale.violations.iter().any(|violation| violation.checker == "linearizability"));
    let found = ["history.jsonl", "history.edn"].map(|file| again(&stale, file));
    assert_eq!(found[0].verdict, Verdict::Violation);
    assert_eq!(found[0].anomalies, found[1].anomalies, "both forms say the same");
}
