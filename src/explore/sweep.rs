//! The same scenario under many seeds, on all cores.
//!
//! What comes out does not depend on how many threads there are: runs are looked at in the order of the queue, and what
//! ends a sweep early (time, an interruption, enough failures) cuts that order at one place.
//!
//! About one seed in twenty is run twice, and the two runs are compared. Which ones is decided by the seed alone, so every
//! shard and every repetition decides alike.

use std::any::Any;
use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::explore::failure::Failure;
use crate::explore::pool::Pool;
use crate::explore::queue::{Queue, Turn};
use crate::explore::seeds::{Seeds, Shard};
use crate::explore::summary::{Again, Stopped, SweepReport};
use crate::kernel::digest::Digest;
use crate::run::options::RunOptions;
use crate::run::report::RunReport;
use crate::run::systems::System;
use crate::run::{RunError, run_on};
use crate::scenario::Scenario;

/// One in so many seeds is run twice.
const TWICE_EVERY: u64 = 20;

/// How a sweep is made.
#[derive(Clone, Debug, Default)]
pub struct SweepOptions {
    /// The range of seeds.
    pub seeds: Seeds,
    /// Which shard of it; `None` for the whole.
    pub shard: Option<Shard>,
    /// The threads.
    pub pool: Pool,
    /// Patterns that are off, besides those that the scenario switches off.
    pub without: Vec<String>,
    /// After so many failing seeds the sweep ends; `None` for never.
    pub failures_max: Option<NonZeroU64>,
    /// Seeds to run first, of the range or not.
    pub remembered: BTreeSet<u64>,
    /// The command line that runs the scenario, to which ` --seed N` is added for each failure; empty if there is none.
    pub command: String,
}

/// Who looks on while a sweep runs.
pub struct Watch<'a> {
    /// Asked before each run, by the thread that would make it: whether to stop, and why.
    pub stop: &'a (dyn Fn() -> Option<Stopped> + Sync),
    /// Told of each run, in the order of the queue, by the thread that called [`sweep_watched`].
    pub ended: &'a mut dyn FnMut(Ended<'_>),
}

/// A run of a sweep that has ended.
pub struct Ended<'a> {
    /// The run.
    pub run: &'a RunReport,
    /// The failure that it is, if it is one; whoever writes it down says here where.
    pub failure: Option<&'a mut Failure>,
    /// How many runs there are in all.
    pub runs: u64,
}

/// Runs a scenario under many seeds.
///
/// # Errors
/// As [`run_on`]; the first error ends the sweep.
///
/// # Panics
/// If a run does: node code that panics is a violation, so this is a bug of elara or of a checker.
pub fn sweep(
    system: &dyn System,
    scenario: &Scenario,
    options: &SweepOptions,
) -> Result<SweepReport, RunError> {
    let mut watch = Watch { stop: &|| None, ended: &mut |_| {} };
    sweep_watched(system, scenario, options, &mut watch)
}

/// Runs a scenario under many seeds, while somebody looks on and may stop it.
///
/// # Errors
/// As [`sweep`].
///
/// # Panics
/// As [`sweep`].
pub fn sweep_watched(
    system: &dyn System,
    scenario: &Scenario,
    options: &SweepOptions,
    watch: &mut Watch<'_>,
) -> Result<SweepReport, RunError> {
    let queue =
        Queue::new(options.seeds, options.shard.unwrap_or(Shard::WHOLE), &options.remembered);
    let mut report = blank(system, scenario, options);
    let stop = watch.stop;
    let work = |place| {
        if let Some(why) = stop() {
            return ControlFlow::Break(Ok(why));
        }
        // A place whose seed had its turn before costs nothing.
        let Some(turn) = queue.turn(place) else { return ControlFlow::Continue(None) };
        match run_turn(system, scenario, options, turn) {
            Ok(ran) => ControlFlow::Continue(Some(ran)),
            Err(error) => ControlFlow::Break(Err(error)),
        }
    };
    let end = options.pool.in_order(queue.places(), work, |_, ran| {
        let Some(ran) = ran else { return ControlFlow::Continue(()) };
        let mut failure = Failure::of(&ran.run);
        let told = Ended { run: &ran.run, failure: failure.as_mut(), runs: queue.runs() };
        (watch.ended)(told);
        take(&mut report, ran, failure);
        match options.failures_max {
            Some(max) if report.failures.len() as u64 >= max.get() => {
                ControlFlow::Break(Ok(Stopped::MaxFailures))
            }
            _ => ControlFlow::Continue(()),
        }
    });
    report.stopped = end.break_value().transpose()?;
    // Enough failures in the very last run have stopped nothing.
    let all = report.runs + report.remembered.runs == queue.runs();
    report.stopped = report.stopped.filter(|_| !all);
    Ok(report)
}

/// The report of a sweep that has made no run yet.
fn blank(system: &dyn System, scenario: &Scenario, options: &SweepOptions) -> SweepReport {
    let marks = system.marks().into_iter().map(str::to_owned);
    SweepReport {
        elara: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: scenario.name.clone(),
        scenario_digest: format!("{:016x}", Digest::of(&scenario.to_json())),
        system: scenario.system.name().to_owned(),
        without: scenario.without_also(&options.without),
        seeds: options.seeds,
        shard: options.shard,
        never_reached: marks.chain(scenario.coverage.iter().cloned()).collect(),
        ..SweepReport::default()
    }
}

/// A run that was made for a turn.
struct Ran {
    turn: Turn,
    run: RunReport,
    again: Again,
}

fn run_turn(
    system: &dyn System,
    scenario: &Scenario,
    options: &SweepOptions,
    turn: Turn,
) -> Result<Ran, RunError> {
    let seed = turn.seed;
    let run_options =
        RunOptions { seed: Some(seed), without: options.without.clone(), ..RunOptions::default() };
    let run = || {
        catch_unwind(AssertUnwindSafe(|| run_on(system, scenario, &run_options))).unwrap_or_else(
            |panic| panic!("the run of seed {seed} panicked: {}", message_of(&*panic)),
        )
    };
    let mut first = run()?;
    if !options.command.is_empty() {
        first.replay = format!("{} --seed {seed}", options.command);
    }
    let again = if !is_run_twice(seed) {
        Again::No
    } else if run()?.digest == first.digest {
        Again::Same
    } else {
        Again::Different
    };
    Ok(Ran { turn, run: first, again })
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// Whether a seed is one of those that are run twice: scattered over every range, and always the same ones.
fn is_run_twice(seed: u64) -> bool {
    Digest::of(&("run twice", seed)).is_multiple_of(TWICE_EVERY)
}

fn take(report: &mut SweepReport, ran: Ran, failure: Option<Failure>) {
    if ran.turn.in_range {
        report.count(&ran.run);
    } else {
        report.remembered.runs += 1;
        report.remembered.failures += u64::from(failure.is_some());
    }
    report.judge(&ran.run, ran.again);
    if let Some(failure) = failure {
        report.fail(failure);
        report.first_failure.get_or_insert_with(|| Box::new(ran.run));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_one_seed_in_twenty_is_run_twice() {
        let twice = (0..10_000).filter(|seed| is_run_twice(*seed)).count();
        assert!((450..=550).contains(&twice), "{twice}");
    }
}
