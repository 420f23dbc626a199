//! `elara sweep`.

#![allow(clippy::disallowed_types, reason = "how long a sweep takes is told by the wall clock")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant as WallClock};

use crate::cli::arguments::Format;
use crate::cli::arguments::sweep::{SweepArguments, SweepOutput};
use crate::cli::progress::SweepBar;
use crate::cli::remember::Memory;
use crate::cli::terminal::Terminal;
use crate::cli::{Failure, command_line, files, interrupt};
use crate::explore::failure::{file_name, written_down};
use crate::explore::pool::Pool;
use crate::explore::seeds::Seeds;
use crate::explore::summary::{Stopped, SweepReport};
use crate::explore::sweep::{Ended, SweepOptions, Watch, sweep_watched};
use crate::kernel::time::nanos;
use crate::report::text::Style;
use crate::report::{self, Exit};
use crate::run::options::RunOptions;
use crate::run::report::RunReport;
use crate::run::systems::{self, System};
use crate::run::{RunError, run_on};
use crate::scenario::Scenario;

/// How many seeds there are if only the time is limited: more than a sweep of a month can run.
const SEEDS_WITHOUT_END: Seeds = Seeds { from: 1, to: 1_000_000_000 };

/// A scenario with how it is to be swept.
struct Job {
    /// What the user called it.
    name: String,
    system: &'static dyn System,
    scenario: Scenario,
    options: SweepOptions,
    /// Where its failing seeds are remembered, if they are.
    memory: Option<Memory>,
}

/// Sweeps over scenarios, one after the other. All of them are read before the first one runs.
pub fn sweep(arguments: &SweepArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let jobs: Vec<Job> =
        arguments.scenarios.iter().map(|name| job(name, arguments)).collect::<Result<_, _>>()?;
    prepare(&jobs, arguments)?;
    interrupt::note();
    let begin = WallClock::now();
    let mut reports = Vec::new();
    for (place, job) in jobs.iter().enumerate() {
        // Scenarios share the time that is left.
        let left = arguments.time.map(|time| time.saturating_sub(begin.elapsed()));
        let time = left.map(|left| left / (jobs.len() - place) as u32);
        let report = perform(job, time, arguments.keep.as_deref())?;
        if let Some(Err(failure)) = job.memory.as_ref().map(|memory| memory.add(&report)) {
            terminal.notice(&format!("the failing seeds are not remembered: {failure}"));
        }
        print_text(&report, &arguments.output, terminal)?;
        reports.push(report);
    }
    finish(&reports, &arguments.output)
}

fn job(name: &str, arguments: &SweepArguments) -> Result<Job, Failure> {
    let scenario = Scenario::parse(name, &files::read_scenario(name)?, &arguments.set)?;
    let system = systems::shipped(&scenario.system).map_err(|error| cannot_run(name, &error))?;
    // What fails with something else than the file says need not fail with what it says.
    let as_written = arguments.without.is_empty() && arguments.set.is_empty();
    let memory = if as_written && !arguments.no_remember { Memory::beside(name) } else { None };
    let seeds = match (arguments.seeds, arguments.time) {
        (Some(seeds), _) => seeds,
        (None, Some(_)) => SEEDS_WITHOUT_END,
        (None, None) => Seeds::default(),
    };
    let options = SweepOptions {
        seeds,
        shard: arguments.shard.map(super::shard::ShardChoice::shard).transpose()?,
        pool: arguments.jobs.map_or_else(Pool::default, Pool::new),
        without: arguments.without.clone(),
        failures_max: arguments.max_failures,
        remembered: memory.as_ref().map_or(Ok(BTreeSet::new()), Memory::seeds)?,
        command: command_line::run(name, &arguments.without, &arguments.set),
    };
    // What cannot be set up is found out now, not after all scenarios before it: one event of the first run.
    let one_event = RunOptions {
        seed: Some(options.seeds.from),
        without: options.without.clone(),
        events_max: Some(1),
        ..RunOptions::default()
    };
    run_on(system, &scenario, &one_event).map_err(|error| cannot_run(name, &error))?;
    Ok(Job { name: name.to_owned(), system, scenario, options, memory })
}

fn cannot_run(name: &str, error: &RunError) -> Failure {
    Failure::Other(format!("cannot run {name}: {error}"))
}

/// Finds out now what would otherwise be found out when hours of work are to be written down.
fn prepare(jobs: &[Job], arguments: &SweepArguments) -> Result<(), Failure> {
    if let Some(path) = &arguments.output.out {
        files::expect_writable(path)?;
    }
    let Some(folder) = &arguments.keep else { return Ok(()) };
    let names: BTreeSet<&str> = jobs.iter().map(|job| job.scenario.name.as_str()).collect();
    if names.len() < jobs.len() {
        let message = "--keep names files after the scenarios' names, and two have the same; sweep them one by one";
        return Err(Failure::Other(message.into()));
    }
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::Other(format!("cannot make the folder {}: {error}", folder.display()))
    })
}

fn perform(job: &Job, time: Option<Duration>, keep: Option<&Path>) -> Result<SweepReport, Failure> {
    let begin = WallClock::now();
    let stop = || match time {
        _ if interrupt::noted() => Some(Stopped::Interrupted),
        Some(time) if begin.elapsed() >= time => Some(Stopped::Time),
        _ => None,
    };
    let mut bar = SweepBar::new(&job.scenario.name, time);
    let mut not_kept = None;
    let mut ended = |ended: Ended<'_>| {
        bar.ended(ended.runs, ended.failure.is_some());
        if let (Some(failure), Some(folder)) = (ended.failure, keep) {
            match write_down(&job.scenario, ended.run, folder) {
                Ok(file) => failure.file = Some(file),
                Err(failure) => not_kept = Some(failure),
            }
        }
    };
    let mut watch = Watch { stop: &stop, ended: &mut ended };
    let result = sweep_watched(job.system, &job.scenario, &job.options, &mut watch);
    bar.clear();
    let mut report = result.map_err(|error| cannot_run(&job.name, &error))?;
    if let Some(failure) = not_kept {
        return Err(failure);
    }
    report.wall_ns = nanos(begin.elapsed());
    Ok(report)
}

/// Writes a failure down; returns the name of the file.
fn write_down(scenario: &Scenario, run: &RunReport, folder: &Path) -> Result<String, Failure> {
    let record = written_down(scenario, run).expect("it is a failure");
    let path = folder.join(file_name(run));
    files::write_whole(&path, &record.to_json())?;
    Ok(path.display().to_string())
}

/// Prints the report of one sweep, if it is text.
pub fn print_text(
    report: &SweepReport,
    output: &SweepOutput,
    terminal: &Terminal,
) -> Result<(), Failure> {
    if output.format != Format::Text {
        return Ok(());
    }
    let style = Style { detail: output.verbosity.detail(), ink: terminal.ink };
    Terminal::print(&report::sweep::render(report, style))
}

/// Writes and prints the documents for machines, and says how to end.
pub fn finish(reports: &[SweepReport], output: &SweepOutput) -> Result<Exit, Failure> {
    if let Some(path) = &output.out {
        files::write_whole(path, &report::json::render_sweeps(reports))?;
    }
    match output.format {
        Format::Text => {}
        Format::Json => Terminal::print(&report::json::render_sweeps(reports))?,
        Format::Junit => Terminal::print(&report::junit::render_sweeps(reports))?,
    }
    let exits = reports.iter().map(Exit::of_sweep);
    Ok(exits.fold(Exit::AsExpected, Exit::graver))
}
