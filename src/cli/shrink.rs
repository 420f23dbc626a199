//! `elara shrink`.

#![allow(
    clippy::disallowed_types,
    reason = "how long it takes is told, and bounded, by the wall clock"
)]

use std::path::PathBuf;
use std::time::{Duration, Instant as WallClock};

use crate::cli::arguments::ListFormat;
use crate::cli::arguments::shrink::ShrinkArguments;
use crate::cli::progress::ShrinkBar;
use crate::cli::terminal::Terminal;
use crate::cli::{Failure, command_line, files, interrupt};
use crate::explore::pool::Pool;
use crate::explore::shrink::{ShrinkOptions, Shrunk, shrink as cut_down};
use crate::kernel::time::nanos;
use crate::report::Exit;
use crate::report::shrink::{Filed, json, text};
use crate::report::text::{Detail, Style};
use crate::run::systems::shipped;
use crate::scenario::Scenario;

/// Cuts a failure down, writes the record, and tells the story.
pub fn shrink(arguments: &ShrinkArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let name = &arguments.file;
    let mut scenario = Scenario::parse(name, &files::read_scenario(name)?, &arguments.set)?;
    scenario.seed = arguments.seed.unwrap_or(scenario.seed);
    scenario.without = scenario.without_also(&arguments.without);
    if let Some(file) = &arguments.output {
        files::expect_writable(file)?;
    }
    let (shrunk, wall) = timed(arguments, &scenario)?;
    let file = arguments.output.clone().unwrap_or_else(|| PathBuf::from(shrunk.file_name()));
    files::write_whole(&file, &shrunk.scenario.to_json())?;
    let shown = file.display().to_string();
    let replay = format!("elara replay {}", command_line::quoted(&shown));
    let filed = Filed { file: shown, replay, wall_ns: nanos(wall) };
    let detail = if arguments.quiet { Detail::Quiet } else { Detail::Normal };
    Terminal::print(&match arguments.format {
        ListFormat::Text => text(&shrunk, &filed, Style { detail, ink: terminal.ink }),
        ListFormat::Json => json(&shrunk, &filed),
    })?;
    Ok(Exit::AsExpected)
}

fn timed(arguments: &ShrinkArguments, scenario: &Scenario) -> Result<(Shrunk, Duration), Failure> {
    let name = &arguments.file;
    let cannot = |why: String| Failure::Other(format!("cannot shrink {name}: {why}"));
    let system = shipped(&scenario.system).map_err(|error| cannot(error.to_string()))?;
    interrupt::note();
    let begin = WallClock::now();
    let bar = ShrinkBar::new(&scenario.name);
    let is_late = || arguments.time.is_some_and(|time| begin.elapsed() >= time);
    let options = ShrinkOptions {
        checker: arguments.checker.clone(),
        runs_max: arguments.runs,
        pool: arguments.jobs.map_or_else(Pool::default, Pool::new),
        command: command(arguments, scenario),
        stop: &|| interrupt::noted() || is_late(),
        watch: &|step| bar.show(step),
    };
    let result = cut_down(system, scenario, &options);
    bar.clear();
    Ok((result.map_err(|error| cannot(error.to_string()))?, begin.elapsed()))
}

/// The command line that shows the failure as it was found.
fn command(arguments: &ShrinkArguments, scenario: &Scenario) -> String {
    let ShrinkArguments { file, without, set, .. } = arguments;
    match &scenario.failure {
        Some(failure) => failure.command.clone(),
        None => format!("{} --seed {}", command_line::run(file, without, set), scenario.seed),
    }
}
