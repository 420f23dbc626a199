//! Scenarios as tests: what a plain `#[test]` and a property test need, in one line each.
//!
//! ```no_run
//! use elara::explore::testing::expect_ok;
//!
//! #[test]
//! fn the_west_waits_while_the_coasts_are_cut() {
//!     expect_ok("scenarios/west-coast-partition.json", 1..=20);
//! }
//! ```
//!
//! A failing test says what was found and how to see it again. A scenario that exists only in code is written down first,
//! under [`FOLDER`]; paths are relative to the working directory, which `cargo test` sets to the root of the package.
//! Nothing else of the library touches files: this is code for tests, which have no command line to do it for them.

use std::ops::RangeInclusive;
use std::path::Path;
use std::{fmt, fs, io, process, thread};

use crate::explore::failure::{file_name, written_down};
use crate::explore::seeds::Seeds;
use crate::explore::summary::SweepReport;
use crate::explore::sweep::{SweepOptions, sweep};
use crate::run::options::RunOptions;
use crate::run::report::{RunReport, Verdict};
use crate::run::systems::{System, shipped};
use crate::run::{RunError, run_on};
use crate::scenario::Scenario;
use crate::scenario::judgement::Expectation;
use crate::scenario::systems::OWN;

/// Where failing scenarios are written down.
pub const FOLDER: &str = "target/elara";

/// Reads a scenario file.
///
/// # Panics
/// If it cannot be read, or is wrong; the message says where and what to do.
#[must_use]
#[track_caller]
pub fn load(file: &str) -> Scenario {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("cannot read {file}: {error}"));
    Scenario::parse(file, &bytes, &[]).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a scenario file with each of these seeds, side by side, and expects every run to be ok.
///
/// # Panics
/// If a run is not ok, with what was found under the first such seed and the command line that shows it again; if the file
/// is wrong; if there is no seed.
#[track_caller]
pub fn expect_ok(file: &str, seeds: RangeInclusive<u64>) {
    let scenario = load(file);
    let system = shipped(&scenario.system).unwrap_or_else(|error| panic!("{file}: {error}"));
    let report = swept(system, &scenario, seeds, format!("elara run {file}"));
    if let Some(problem) = problem_of(&report) {
        panic!("{problem}");
    }
}

/// Runs a scenario on a system of one's own with each of these seeds, side by side, and expects every run to be ok.
///
/// # Panics
/// As [`expect_ok`]; the failing run is written down under [`FOLDER`].
#[track_caller]
pub fn expect_ok_on(system: &dyn System, scenario: &Scenario, seeds: RangeInclusive<u64>) {
    let mut report = swept(system, scenario, seeds, String::new());
    if let Some(run) = &mut report.first_failure {
        write_down(scenario, run);
    }
    if let Some(problem) = problem_of(&report) {
        panic!("{problem}");
    }
}

#[track_caller]
fn swept(
    system: &dyn System,
    scenario: &Scenario,
    seeds: RangeInclusive<u64>,
    command: String,
) -> SweepReport {
    let (from, to) = seeds.into_inner();
    assert!(from <= to, "a test of no seed tests nothing");
    let scenario = Scenario { expect: Expectation::Ok, ..scenario.clone() };
    let options = SweepOptions { seeds: Seeds { from, to }, command, ..SweepOptions::default() };
    let swept = sweep(system, &scenario, &options);
    swept.unwrap_or_else(|error| panic!("cannot run {}: {error}", scenario.name))
}

/// Why not every run was ok and the same each time.
fn problem_of(report: &SweepReport) -> Option<String> {
    let (name, runs) = (&report.scenario, report.runs);
    if let Some(run) = &report.first_failure {
        let failed = report.failures.len();
        return Some(format!("{failed} of {runs} runs failed; the first:\n{run}"));
    }
    if let Some(seed) = report.not_deterministic.first() {
        return Some(format!(
            "two runs of {name} with seed {seed} differ: it is not deterministic"
        ));
    }
    let (why, doubt) = report.unknown_because.first_key_value()?;
    let (doubted, seed) = (doubt.runs, doubt.first_seed);
    Some(format!("{doubted} of {runs} runs of {name} are unknown, with seed {seed} first: {why}"))
}

/// A claim that did not hold, or a scenario that cannot be run. With `?` it fails a case of a property test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What was found, and how to see it again.
    pub message: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Broken {}

impl From<RunError> for Broken {
    fn from(error: RunError) -> Self {
        Self { message: format!("the scenario cannot be run: {error}") }
    }
}

/// Runs a scenario once, with its own seed: the body of a property. A run about which nobody can say breaks nothing; whether
/// it was ok is in the report.
///
/// # Errors
/// If a claim does not hold. The scenario is written down under [`FOLDER`], and the message says how to run it again: since
/// shrinking ends with the smallest case that fails, the last file that was written holds it.
pub fn hold(system: &dyn System, scenario: &Scenario) -> Result<RunReport, Broken> {
    let mut run = run_on(system, scenario, &RunOptions::default())?;
    if run.verdict != Verdict::Violation {
        return Ok(run);
    }
    write_down(scenario, &mut run);
    Err(Broken { message: run.to_string() })
}

/// Runs a written-down failure again, on the system that it was found in.
///
/// # Panics
/// If the file is no written-down failure, or if the run is not the recorded one: the code has changed since.
#[must_use]
#[track_caller]
pub fn replay_on(system: &dyn System, file: &str) -> RunReport {
    let scenario = load(file);
    let recorded = scenario.failure.as_ref();
    let recorded = recorded.unwrap_or_else(|| panic!("{file} is not a recorded failure"));
    let run = run_on(system, &scenario, &RunOptions::default());
    let run = run.unwrap_or_else(|error| panic!("cannot run {file}: {error}"));
    assert_eq!(run.digest, recorded.digest, "{file}: the run differs from the recorded one\n{run}");
    run
}

/// Writes a failing run of a scenario that exists only in code into a file, and says in the report how to run it again.
fn write_down(scenario: &Scenario, run: &mut RunReport) {
    let path = Path::new(FOLDER).join(file_name(run));
    let file = path.display();
    let own = scenario.system.kind == OWN;
    let command =
        if own { format!("cargo test{}", this_test()) } else { format!("elara run {file}") };
    run.replay.clone_from(&command);
    let Some(record) = written_down(scenario, run) else { return };
    run.replay = match write_whole(&path, &record.to_json()) {
        Err(error) => format!("{command} (not kept: cannot write {file}: {error})"),
        Ok(()) if own => {
            format!("{command}, or this run alone: testing::replay_on(&system, \"{file}\")")
        }
        Ok(()) => command,
    };
}

/// The test that runs on this thread, as an argument: the test harness calls its threads by their tests.
fn this_test() -> String {
    match thread::current().name() {
        Some(name) if name != "main" => format!(" {name}"),
        _ => String::new(),
    }
}

/// A reader sees the whole file or none: two tests may write the same one.
fn write_whole(path: &Path, content: &str) -> io::Result<()> {
    fs::create_dir_all(FOLDER)?;
    let thread = thread::current().id();
    let draft = path.with_extension(format!("{}-{thread:?}.tmp", process::id()));
    fs::write(&draft, content)?;
    fs::rename(&draft, path)
}
