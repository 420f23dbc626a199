//! Same seed, same digest: twice in one process, in two processes, in debug and release builds, and for ever.

mod common;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// The digests that must not change by accident. Where a change of them is meant, run the tests with
/// `ELARA_WRITE_DIGESTS=1` and say why in the changelog.
const PINNED: &str = "tests/digests.txt";

#[test]
fn every_shipped_scenario_gives_the_same_digest_twice() {
    for file in common::shipped() {
        let scenario = common::load(&file);
        let (first, second) = (common::run(&scenario, 7, &[]), common::run(&scenario, 7, &[]));
        assert_eq!(first.digest, second.digest, "{file}");
        assert_eq!(first.events, second.events, "{file}");
        let other = common::run(&scenario, 8, &[]);
        assert_ne!(first.digest, other.digest, "{file}: another seed is another run");
    }
}

/// Debug and release builds run the same test against the same file.
#[test]
fn the_digests_are_pinned() {
    let mut digests = String::new();
    for file in common::shipped() {
        let scenario = common::load(&file);
        let report = common::run(&scenario, scenario.seed, &[]);
        writeln!(digests, "{} {} {file}", report.digest, report.events).expect("a text grows");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PINNED);
    if std::env::var_os("ELARA_WRITE_DIGESTS").is_some() {
        std::fs::write(&path, &digests).expect("the digests can be written");
    }
    let pinned = std::fs::read_to_string(&path).expect("the pinned digests");
    assert_eq!(digests, pinned, "a run has changed; if that is meant, pin it again");
}

#[test]
fn another_process_gives_the_same_digest() {
    let file = "scenarios/west-coast-partition.json";
    let here = common::run(&common::load(file), 3, &[]).digest;
    let output = Command::new(env!("CARGO_BIN_EXE_elara"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["run", file, "--seed", "3", "--format", "json"])
        .output()
        .expect("elara runs");
    let json: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(json["digest"], here.as_str());
}
