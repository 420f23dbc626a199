//! The program from outside: exit codes, and what goes to standard output and what to standard error.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// The smallest scenario.
const SMALL: &str = concat!(
    r#"{ "elara": 1, "name": "small", "duration": "1s", "system": { "kind": "raft-kv" }, "#,
    r#""cluster": { "nodes": 3 } }"#
);

fn elara(arguments: &[&str]) -> Output {
    elara_reading(arguments, "")
}

fn elara_reading(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_elara"))
        .args(arguments)
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

fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("it is text")
}

/// Ends with 2, says why on standard error, and nothing on standard output.
fn refused(output: &Output, because: &str) {
    assert_eq!(output.status.code(), Some(2), "{}", complaint(output));
    assert_eq!(out(output), "");
    assert!(complaint(output).contains(because), "{}", complaint(output));
}

#[test]
fn without_arguments_and_with_help_the_examples_come_first() {
    for arguments in
        [&[][..], &["--help"], &["run", "--help"], &["replay", "--help"], &["new", "--help"]]
    {
        let output = elara(arguments);
        assert_eq!(output.status.code(), Some(0));
        assert!(out(&output).starts_with("Examples:\n  elara"), "{arguments:?}");
        assert_eq!(complaint(&output), "");
    }
}

#[test]
fn bad_usage_ends_with_2_and_names_the_cure() {
    refused(&elara(&["rum"]), "'run'");
    refused(&elara(&["run"]), "SCENARIO");
    refused(&elara(&["run", "x", "--sede", "1"]), "--seed");
    refused(&elara(&["run", "x", "--seed", "x"]), "git commit hash");
    refused(&elara(&["run", "x", "--without", "prevote"]), "did you mean `pre-vote`?");
    refused(&elara(&["run", "x", "-q", "-v"]), "cannot be used with");
    refused(
        &elara(&["run", "a", "b", "--trace", "t"]),
        "--trace, --history and --drawn hold one run",
    );
    refused(&elara(&["list", "checkrs"]), "checkers");
}

#[test]
fn a_scenario_that_is_not_there_ends_with_2() {
    refused(&elara(&["run", "west-cost-partition"]), "did you mean `west-coast-partition`?");
    refused(&elara(&["run", "no/such/file.json"]), "`elara list scenarios`");
    refused(&elara(&["run", env!("CARGO_TARGET_TMPDIR")]), "is a directory");
}

#[test]
fn a_wrong_scenario_is_shown_with_its_line() {
    let wrong = SMALL.replace("\"duration\"", "\"durration\"");
    let output = elara_reading(&["run", "-"], &wrong);
    refused(
        &output,
        "-:1:32: durration: unknown key `durration` in the scenario; did you mean `duration`?",
    );
    let lines: Vec<String> = complaint(&output).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1].find("\"durration\""), lines[2].find('^'));
}

#[test]
fn a_file_too_large_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("large.json");
    let file = fs::File::create(&path).expect("it can be made");
    file.set_len(100 << 20).expect("it can be sparse");
    refused(&elara(&["run", path.to_str().expect("it is text")]), "larger than 16 MiB");
}

#[test]
fn only_a_recorded_failure_is_replayed() {
    refused(&elara_reading(&["replay", "-"], SMALL), "is not a recorded failure");
}

#[test]
fn a_new_scenario_runs_and_is_never_written_over() {
    let folder = tempfile::tempdir().expect("there is room");
    let name = folder.path().join("my \"first\"");
    let file = folder.path().join("my \"first\".json");
    let (name, file) = (name.to_str().expect("it is text"), file.to_str().expect("it is text"));
    let made = elara(&["new", name]);
    assert_eq!(made.status.code(), Some(0), "{}", complaint(&made));
    assert!(out(&made).contains(&format!("elara run '{file}'\n")), "{}", out(&made));
    let run = elara(&["run", file, "-q"]);
    assert_eq!(run.status.code(), Some(0), "{}", out(&run));
    assert!(out(&run).starts_with("my \"first\" seed 1: ok"), "{}", out(&run));

    fs::write(file, "mine").expect("it can be written");
    refused(&elara(&["new", file]), "exists already; choose another name, or remove it first");
    assert_eq!(fs::read_to_string(file).expect("it is there"), "mine");
    refused(&elara(&["new", "no/such/folder/first"]), "cannot write no/such/folder/first.json");
    refused(&elara(&["new", ""]), "a value is required");
}

#[test]
fn completions_are_for_known_shells() {
    let script = elara(&["completions", "bash"]);
    assert_eq!(script.status.code(), Some(0));
    assert!(out(&script).contains("complete -F"));
    refused(&elara(&["completions", "cmd"]), "possible values: bash");
}

#[test]
fn overrides_are_checked_like_the_file() {
    let output = elara_reading(&["run", "-", "--set", "cluster.nodes=0"], SMALL);
    refused(
        &output,
        "--set cluster.nodes=0: cluster.nodes: expected a whole number from 1 to 10000",
    );
}

#[test]
fn lists_and_explanations_come_from_the_registries() {
    let everything = out(&elara(&["list"]));
    for heading in ["systems", "patterns", "checkers", "faults", "workloads", "scenarios"] {
        assert!(everything.lines().any(|line| line == heading), "{heading}");
        let one = out(&elara(&["list", heading]));
        assert!(one.starts_with(heading) && everything.contains(&one), "{heading}");
    }
    let listed = out(&elara(&["list", "--format", "json"]));
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("it is JSON");
    for entry in listed.as_array().expect("it is a list") {
        let name = entry["name"].as_str().expect("a name is a text");
        let page = elara(&["explain", name]);
        assert_eq!(page.status.code(), Some(0));
        assert!(out(&page).starts_with(name), "{name}");
    }
    refused(&elara(&["explain", "majority-qorum"]), "did you mean `majority-quorum`?");
}

#[test]
fn colours_are_used_when_asked_for_only() {
    assert!(!out(&elara(&["list"])).contains('\x1b'));
    assert!(out(&elara(&["list", "--color", "always"])).contains('\x1b'));
}

#[test]
fn the_schema_is_json() {
    let output = elara(&["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&out(&output)).expect("it is JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn what_a_seed_draws_is_told_and_written_down_as_a_scenario() {
    let folder = std::env::temp_dir().join(format!("elara-drawn-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for the test");
    let file = folder.join("drawn.json");
    let file = file.to_str().expect("a path in UTF-8");
    let swarm = ["run", "-", "--seed", "5", "--set", "nemesis=\"swarm\""];
    let told = elara_reading(&[&swarm[..], &["--drawn", file]].concat(), SMALL);
    assert!(out(&told).contains("Drawn by the seed"), "{}", complaint(&told));
    let digest = |output: &Output| {
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        json["digest"].clone()
    };
    let drawn = elara_reading(&[&swarm[..], &["--format", "json"]].concat(), SMALL);
    let again = elara(&["run", file, "--format", "json"]);
    assert_eq!(digest(&drawn), digest(&again), "the file knows its seed");
    fs::remove_dir_all(&folder).expect("the folder of the test");
}
