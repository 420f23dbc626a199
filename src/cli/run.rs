//! `elara run` and `elara replay`.

#![allow(clippy::disallowed_types, reason = "how long a run takes is told by the wall clock")]

use std::time::Instant as WallClock;

use crate::cli::arguments::{Format, OutputArguments, ReplayArguments, RunArguments};
use crate::cli::terminal::Terminal;
use crate::cli::{Failure, command_line, files, progress};
use crate::kernel::time::nanos;
use crate::report::text::Style;
use crate::report::{self, Exit};
use crate::run;
use crate::run::options::RunOptions;
use crate::run::report::RunReport;
use crate::scenario::Scenario;
use crate::trace::{Event, first_difference};

/// A scenario with how it is to be run.
struct Job {
    /// What the user called it.
    name: String,
    scenario: Scenario,
    options: RunOptions,
    /// The command line that runs it again.
    command: String,
}

/// Runs scenarios. All of them are read before the first one runs.
pub fn run(arguments: &RunArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    single_file(arguments)?;
    let jobs: Vec<Job> =
        arguments.scenarios.iter().map(|name| job(name, arguments)).collect::<Result<_, _>>()?;
    let mut reports = Vec::new();
    let mut exit = Exit::AsExpected;
    for job in &jobs {
        write_drawn(job, arguments)?;
        let (report, its_exit) = finish(job, &arguments.output, terminal)?;
        exit = exit.graver(its_exit);
        reports.push(report);
    }
    print_document(&reports, &arguments.output)?;
    Ok(exit)
}

/// Runs a recorded failure again, and sees that it is the same.
pub fn replay(arguments: &ReplayArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let name = &arguments.file;
    let scenario = Scenario::parse(name, &files::read_scenario(name)?, &[])?;
    let Some(recorded) = scenario.failure.clone() else {
        let message = format!("{name} is not a recorded failure; `elara run {name}` runs it");
        return Err(Failure::Other(message));
    };
    if recorded.elara != env!("CARGO_PKG_VERSION") {
        let this = env!("CARGO_PKG_VERSION");
        let text = format!("{name} was recorded by elara {}, this is {this}", recorded.elara);
        terminal.notice(&text);
    }
    let options = options(&arguments.output);
    let command = format!("elara replay {}", command_line::quoted(name));
    let job = Job { name: name.clone(), scenario, options, command };
    let (report, exit) = finish(&job, &arguments.output, terminal)?;
    print_document(std::slice::from_ref(&report), &arguments.output)?;
    if report.digest != recorded.digest {
        let text = format!(
            "the run differs from the recorded one: its digest is {}, not {}",
            report.digest, recorded.digest
        );
        terminal.notice(&text);
        return Ok(Exit::NotDeterministic);
    }
    Ok(exit)
}

/// Writes the scenario with what its seed draws spelled out.
fn write_drawn(job: &Job, arguments: &RunArguments) -> Result<(), Failure> {
    let Some(path) = &arguments.drawn else { return Ok(()) };
    let seed = job.options.seed.unwrap_or(job.scenario.seed);
    let drawn = Scenario { seed, ..run::drawn(&job.scenario, seed) };
    files::write_whole(path, &drawn.to_json())
}

fn single_file(arguments: &RunArguments) -> Result<(), Failure> {
    let output = &arguments.output;
    let files = [&output.trace, &output.history, &arguments.drawn];
    if arguments.scenarios.len() > 1 && files.iter().any(|file| file.is_some()) {
        let message = "--trace, --history and --drawn hold one run; name one scenario";
        return Err(Failure::Other(message.into()));
    }
    Ok(())
}

fn job(name: &str, arguments: &RunArguments) -> Result<Job, Failure> {
    let scenario = Scenario::parse(name, &files::read_scenario(name)?, &arguments.set)?;
    let seed = arguments.seed;
    let options =
        RunOptions { seed, without: arguments.without.clone(), ..options(&arguments.output) };
    let command = command_line::run(name, &arguments.without, &arguments.set);
    let command = format!("{command} --seed {}", seed.unwrap_or(scenario.seed));
    Ok(Job { name: name.to_owned(), scenario, options, command })
}

fn options(output: &OutputArguments) -> RunOptions {
    RunOptions {
        keep_trace: output.trace.is_some(),
        keep_history: output.history.is_some(),
        ..RunOptions::default()
    }
}

/// Runs a job, writes its files, and prints its report if that is text.
fn finish(
    job: &Job,
    output: &OutputArguments,
    terminal: &Terminal,
) -> Result<(RunReport, Exit), Failure> {
    let mut report = perform(job, &job.options)?;
    report.replay.clone_from(&job.command);
    write_files(&report, output)?;
    if output.format == Format::Text {
        let style = Style { detail: output.verbosity.detail(), ink: terminal.ink };
        Terminal::print(&report::text::render(&report, style))?;
    }
    let mut exit = Exit::of(&report);
    if output.check_determinism {
        exit = exit.graver(check_determinism(job, &report, terminal)?);
    }
    Ok((report, exit))
}

fn perform(job: &Job, options: &RunOptions) -> Result<RunReport, Failure> {
    let begin = WallClock::now();
    let length = job.scenario.length();
    let result = progress::watch(&job.scenario.name, length, &options.progress, || {
        run::run(&job.scenario, options)
    });
    let mut report =
        result.map_err(|error| Failure::Other(format!("cannot run {}: {error}", job.name)))?;
    report.wall_ns = nanos(begin.elapsed());
    Ok(report)
}

/// Runs again; if the digests differ, both runs are repeated with traces to find where they part.
fn check_determinism(job: &Job, first: &RunReport, terminal: &Terminal) -> Result<Exit, Failure> {
    let second = perform(job, &job.options)?;
    if second.digest == first.digest {
        terminal.notice(&format!("run twice, the same digest {}", first.digest));
        return Ok(Exit::AsExpected);
    }
    let traced = RunOptions { keep_trace: true, ..job.options.clone() };
    let (one, other) = (perform(job, &traced)?, perform(job, &traced)?);
    let digests = format!("two runs differ: digests {} and {}", first.digest, second.digest);
    terminal.notice(&format!("{digests}; {}", told_difference(&one, &other)));
    Ok(Exit::NotDeterministic)
}

/// The first event that differs, in words.
fn told_difference(one: &RunReport, other: &RunReport) -> String {
    let show = |event: Option<&Event>| match event {
        Some(event) => one.with_names(&event.to_string()),
        None => "the end of the run".into(),
    };
    match first_difference(&one.kept.trace, &other.kept.trace) {
        None => "a third and a fourth run do not differ".into(),
        Some((left, right)) => {
            format!("the first difference is\n  {}\n  {}", show(left), show(right))
        }
    }
}

fn write_files(report: &RunReport, output: &OutputArguments) -> Result<(), Failure> {
    if let Some(path) = &output.trace {
        files::write_whole(path, &report::trace::json_lines(report))?;
    }
    if let Some(path) = &output.history {
        let edn = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("edn"));
        let history = &report.kept.history;
        let render = if edn { report::history::edn } else { report::history::json_lines };
        files::write_whole(path, &render(history))?;
    }
    Ok(())
}

/// Prints the one document of a format for machines.
fn print_document(reports: &[RunReport], output: &OutputArguments) -> Result<(), Failure> {
    match output.format {
        Format::Text => Ok(()),
        Format::Json => Terminal::print(&report::json::render(reports)),
        Format::Junit => Terminal::print(&report::junit::render(reports)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::Instant;
    use crate::trace::{Event, Fact};

    #[test]
    fn the_first_event_that_differs_is_named() {
        let event = |number, fact| Event { at: Instant::ZERO, number, cause: 0, node: None, fact };
        let report = |facts: Vec<Fact>| {
            let mut report = RunReport::default();
            report.kept.trace =
                (1..).zip(facts).map(|(number, fact)| event(number, fact)).collect();
            report
        };
        let one = report(vec![Fact::Paused, Fact::Resumed]);
        let other = report(vec![Fact::Paused, Fact::Wiped]);
        let shorter = report(vec![Fact::Paused]);
        assert!(
            told_difference(&one, &other).contains("#2 0.000000s Resumed\n  #2 0.000000s Wiped")
        );
        assert!(told_difference(&one, &shorter).ends_with("the end of the run"));
    }
}
