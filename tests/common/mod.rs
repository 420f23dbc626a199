//! What the tests of whole scenarios share.

use std::fs;
use std::path::{Path, PathBuf};

use elara::run::options::RunOptions;
use elara::run::report::RunReport;
use elara::scenario::Scenario;

/// All shipped scenario files, in order, by their path from the root of the crate.
#[allow(dead_code, reason = "not every test file needs all of them")]
pub fn shipped() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("scenarios"), &mut files);
    let inside = |path: PathBuf| {
        path.strip_prefix(root).expect("a path under the root").display().to_string()
    };
    files.into_iter().map(inside).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("a folder of scenarios");
    let mut entries: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}

/// A shipped scenario.
pub fn load(file: &str) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let bytes = fs::read(&path).expect("a shipped scenario");
    Scenario::parse(file, &bytes, &[]).unwrap_or_else(|error| panic!("{error}"))
}

/// One run of a scenario, with some patterns off.
#[allow(dead_code, reason = "not every test file needs all of them")]
pub fn run(scenario: &Scenario, seed: u64, without: &[String]) -> RunReport {
    let options =
        RunOptions { seed: Some(seed), without: without.to_vec(), ..RunOptions::default() };
    elara::run::run(scenario, &options).unwrap_or_else(|error| panic!("{error}"))
}

/// What a failed expectation shows: enough to run it again.
#[allow(dead_code, reason = "not every test file needs all of them")]
pub fn shown(file: &str, report: &RunReport) -> String {
    let off: Vec<&str> =
        report.without.iter().flat_map(|name| [" --without ", name.as_str()]).collect();
    let off = off.concat();
    let seed = report.seed;
    format!("{file}: {report}\n  replay: cargo run --release -- run {file} --seed {seed}{off}")
}
