//! `elara sweep` and `elara merge` from outside: documents, exit codes, and the files that they write.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A store whose leaders need no majority: the node that is cut off goes on alone, and what it acknowledged is lost.
const SPLIT: &str = r#"{
  "elara": 1, "name": "split", "system": { "kind": "raft-kv" }, "cluster": { "nodes": 3 },
  "network": { "delay": { "uniform": ["0.5ms", "2ms"] } },
  "workload": { "clients": [{ "count": 3 }], "operations": { "write": 1, "read": 1 }, "keys": 2, "think": "20ms" },
  "faults": [{ "at": "1s", "partition": ["n1", ["n2", "n3"]], "for": "2s" }],
  "duration": "4s", "quiet": "6s", "without": ["majority-quorum"]
}"#;

/// A folder of its own for each test, with two scenarios in it: one that fails and one that does not.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("there is room"));
        place.write("split.json", SPLIT);
        place
            .write("calm.json", &SPLIT.replace("\"majority-quorum\"", "").replace("split", "calm"));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("it can be written");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("it is there")
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).expect("a folder");
        let name = |entry: std::io::Result<fs::DirEntry>| {
            entry.expect("an entry").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_elara"));
        command.args(arguments.split(' ')).current_dir(self.0.path());
        for variable in ["SLURM_ARRAY_TASK_ID", "CI_NODE_INDEX", "JOB_COMPLETION_INDEX"] {
            command.env_remove(variable);
        }
        command
    }

    fn elara(&self, arguments: &str) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    /// The document that a command prints, and how it ends.
    fn document(&self, arguments: &str) -> (Value, Option<i32>) {
        let output = self.elara(arguments);
        let problem = || format!("{arguments}: {}", complaint(&output));
        (
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", problem())),
            output.status.code(),
        )
    }

    fn refused(&self, arguments: &str, because: &str) {
        let output = self.elara(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {}", complaint(&output));
        assert!(complaint(&output).contains(because), "{arguments}: {}", complaint(&output));
    }
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("it is text")
}

/// A document without the one field that differs from sweep to sweep.
fn timeless(text: &str) -> String {
    text.lines().filter(|line| !line.contains("\"wall-ns\"")).collect::<Vec<_>>().join("\n")
}

#[test]
fn threads_and_merged_shards_give_the_same_document() {
    let place = Place::new();
    let sweep = "sweep split.json calm.json --seeds 8 --no-remember -q";
    let code = place.elara(&format!("{sweep} --jobs 1 --out one.json")).status.code();
    assert_eq!(code, Some(1));
    let one = timeless(&place.read("one.json"));
    place.elara(&format!("{sweep} --jobs 2 --out two.json"));
    assert_eq!(timeless(&place.read("two.json")), one);
    for index in 1..=4 {
        place.elara(&format!("{sweep} --shard {index}/4 --out s{index}.json"));
    }
    let merged =
        place.elara("merge s4.json s2.json s1.json s3.json --out merged.json --format json");
    assert_eq!(merged.status.code(), Some(1), "{}", complaint(&merged));
    assert_eq!(timeless(&place.read("merged.json")), one);
    assert_eq!(timeless(&text(&merged)), one.trim_end());
    place.refused("merge s1.json s2.json s3.json", "shard 4/4 is missing");
    place.refused("merge s1.json s1.json", "are both shard 1/4");
    place.refused("merge calm.json", "is not the result of a sweep");
    let older = place.read("one.json").replace(env!("CARGO_PKG_VERSION"), "0.0.1");
    place.write("older.json", &older);
    place.refused("merge older.json", "was written by elara 0.0.1");
}

#[test]
fn every_format_says_what_was_found_and_how_to_run_it_again() {
    let place = Place::new();
    let output = place.elara("sweep split.json --seeds 3 --no-remember --jobs 2");
    let report = text(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(report.contains("What happened"), "the first failure is told in full: {report}");
    for seed in 1..=3 {
        let line = format!("elara run split.json --seed {seed}\n");
        assert!(report.contains(&line), "{report}");
    }
    assert!(report.contains("3 of 3 runs failed"), "{report}");
    let junit = text(&place.elara("sweep split.json --seeds 3 --no-remember --format junit"));
    assert_eq!(junit.matches("<failure ").count(), 3, "{junit}");
    let (document, code) = place.document("sweep calm.json --seeds 4..=5 --format json");
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(document["seeds"], serde_json::json!({ "from": 4, "to": 5 }));
    assert_eq!((&document["runs"], &document["ok"]), (&2.into(), &2.into()));
    let never = document["never-reached"].as_array().expect("a list");
    assert!(never.contains(&"raft.joint-entered".into()), "{document}");
    let vacuous = "sweep calm.json --seeds 2 --format json --set coverage=[\"raft.joint-entered\"]";
    assert_eq!(place.document(vacuous).1, Some(3));
}

#[test]
fn a_failure_that_was_kept_is_replayed_elsewhere() {
    let place = Place::new();
    let sweep = "sweep calm.json --seeds 2 --without majority-quorum --keep found --format json";
    let (document, code) = place.document(sweep);
    assert_eq!(code, Some(1));
    let failure = &document["failures"][0];
    assert_eq!(failure["file"], "found/calm-seed-1-without-majority-quorum.json");
    assert_eq!(place.files("found").len(), 2, "one file for each failure, and no drafts");
    let elsewhere = Place::new();
    let record = place.read(failure["file"].as_str().expect("a name"));
    elsewhere.write("moved.json", &record);
    let (replayed, code) = elsewhere.document("replay moved.json --format json");
    assert_eq!((&replayed["digest"], code), (&failure["digest"], Some(1)));
    assert_eq!(replayed["violations"][0]["checker"], failure["checker"]);
}

#[test]
fn failing_seeds_are_remembered_beside_the_scenario_and_run_first() {
    let place = Place::new();
    place.elara("sweep split.json --seeds 3..=4 -q");
    let remembered = place.read("split.seeds.jsonl");
    let seeds: Vec<Value> =
        remembered.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((&seeds[0]["seed"], &seeds[1]["seed"], seeds.len()), (&3.into(), &4.into(), 2));
    let (document, _) = place.document("sweep split.json --seeds 1 --max-failures 1 --format json");
    assert_eq!(document["remembered"], serde_json::json!({ "runs": 1, "failures": 1 }));
    assert_eq!((&document["runs"], &document["stopped"]), (&0.into(), &"max-failures".into()));
    assert_eq!(place.read("split.seeds.jsonl"), remembered, "a known seed changes nothing");
    let (document, _) = place.document("sweep split.json --seeds 1 --no-remember --format json");
    assert_eq!((&document["runs"], &document["remembered"]["runs"]), (&1.into(), &0.into()));
    place.elara("sweep split.json --seeds 1 -q --set quiet=2s");
    place.elara("sweep calm.json --seeds 1 -q --without majority-quorum");
    assert_eq!(place.read("split.seeds.jsonl"), remembered, "another scenario's failures");
    assert!(!place.path("calm.seeds.jsonl").exists());
    place.write("split.seeds.jsonl", &format!("{remembered}{{\"seed\": \"x\"}}\n"));
    place.refused("sweep split.json", "split.seeds.jsonl:3: invalid type");
}

#[test]
fn bad_usage_is_told_before_anything_runs() {
    let place = Place::new();
    place.refused("sweep calm.json --seeds 9..3", "there is no seed in it");
    place.refused("sweep calm.json --shard 5/4", "1/4 to 4/4");
    place.refused("sweep calm.json --shard auto", "write --shard I/N");
    place.refused("sweep calm.json --jobs 0", "from 1 to");
    place.refused("sweep calm.json --for 10", "with a unit");
    place.refused("sweep calm.json --out no/such/folder.json", "cannot write no/such/folder.json");
    place.refused("sweep calm.json --keep split.json", "cannot make the folder split.json");
    place.refused("sweep calm.json calm.json --keep found", "two have the same");
    place.refused("merge nothing.json", "cannot read nothing.json");
    let mut kubernetes = place.command("sweep calm.json --seeds 2 --shard auto/2 --format json");
    let output = kubernetes.env("JOB_COMPLETION_INDEX", "1").output().expect("the program runs");
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!(document["shard"], serde_json::json!({ "index": 2, "of": 2 }));
}

/// A sweep that would take days.
fn endless(place: &Place) -> Child {
    let mut command = place
        .command("sweep split.json --seeds 10000000 --keep found --out out.json --format json");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let found = place.path("found");
    while !found.exists() || fs::read_dir(&found).expect("a folder").count() < 3 {
        std::thread::yield_now();
    }
    child
}

fn whole_json(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.extension().is_some_and(|extension| extension == "json") && !hidden {
            let text = fs::read_to_string(&path).expect("it is text");
            assert!(serde_json::from_str::<Value>(&text).is_ok(), "{}", path.display());
        }
    }
}

#[test]
fn a_killed_sweep_leaves_no_half_written_file_and_can_be_run_again() {
    let place = Place::new();
    let mut child = endless(&place);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert!(!place.path("out.json").exists());
    whole_json(&place.path("found"));
    let (_, code) =
        place.document("sweep split.json --seeds 2 --keep found --out out.json --format json");
    assert_eq!(code, Some(1));
    whole_json(&place.path("found"));
    whole_json(&place.path(""));
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_ends_in_order_with_what_it_found() {
    let place = Place::new();
    let child = endless(&place);
    let id = child.id().to_string();
    Command::new("kill").args(["-INT", &id]).status().expect("there is a kill");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{}", complaint(&output));
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!(document["stopped"], "interrupted");
    let runs = document["runs"].as_u64().expect("a number");
    let failures = document["failures"].as_array().expect("a list");
    assert!(
        runs >= 3 && failures.iter().all(|one| one["seed"].as_u64() <= Some(runs)),
        "{document}"
    );
    assert_eq!(place.read("out.json"), text(&output));
    assert_eq!(place.read("split.seeds.jsonl").lines().count(), failures.len());
}

#[test]
fn what_cannot_be_set_up_is_found_before_the_first_run() {
    let place = Place::new();
    let own = r#"{ "kind": "own", "options": { "name": "mine" } }"#;
    place.write("own.json", &SPLIT.replace(r#"{ "kind": "raft-kv" }"#, own));
    // The first sweep would not end by itself.
    place.refused("sweep calm.json own.json --seeds 1..1000000000", "cannot run own.json");
}

#[test]
fn a_sweep_ends_when_its_time_is_up() {
    let place = Place::new();
    let (documents, code) = place.document("sweep calm.json calm.json --for 1s --format json");
    assert_eq!(code, Some(0));
    for document in documents.as_array().expect("a list") {
        assert_eq!((&document["stopped"], &document["seeds"]["from"]), (&"time".into(), &1.into()));
        assert!(document["runs"].as_u64() > Some(0), "{document}");
    }
}
