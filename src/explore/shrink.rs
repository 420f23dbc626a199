//! Cuts a failing run down to its cause: the shortest scenario, with nothing random left that matters, in which the same
//! checker still objects.
//!
//! ```text
//!   run that fails -> cut behind the violation -> written down: every fault, every operation
//!                                                     |
//!        +-------- without its beginning, without chance, in large pieces -------+
//!        v
//!   fewer faults -> fewer operations -> fewer clients, nodes -> less time -> simpler faults, network, disks
//!        ^                                                                            |
//!        +------------------------- until nothing changes any more -------------------+
//!                                                     |
//!                    named messages and nodes, round times, and once more: can any fault or operation go? -> record, story
//! ```
//!
//! Everything is one move: make a simpler candidate, run it, keep it if the same checker objects and the objection proves
//! something about the system. A candidate need not resemble the run that failed: a write that goes takes messages with it,
//! elections fall out differently, and the failure that shows may have other details. What counts is that it is shorter and
//! that the same claim is broken.
//!
//! What comes first makes the rest fast: the run is cut behind the violation, so that most candidates take milliseconds;
//! large pieces go before small ones; chance goes early, because a failure that needs no luck survives the cuts that follow.
//! The first cuts, and all cuts once nothing can be left out any more, are tried with a few other seeds too: a cut that shifts
//! an election by a millisecond often fails for no other reason than luck.
//!
//! Source: Zeller and Hildebrandt 2002, *Simplifying and Isolating Failure-Inducing Input*; `MacIver` and Donaldson 2020,
//! *Test-Case Reduction via Test-Case Generation*, for passes until a fixed point.

mod aim;
mod bench;
mod explicit;
mod lists;
mod minimize;
mod operations;
mod simpler;
mod story;
mod times;

use std::fmt;
use std::time::Duration;

use crate::explore::failure::file_name;
use crate::explore::pool::Pool;
use crate::explore::shrink::bench::{Bench, Failing, objection};
use crate::kernel::time::Instant;
use crate::run::options::RunOptions;
use crate::run::report::{RunReport, Verdict};
use crate::run::systems::System;
use crate::run::{RunError, expand, run_on};
use crate::scenario::judgement::{Checks, Expectation, RecordedFailure};
use crate::scenario::{Scenario, names};

/// After so many rounds it ends even if something still changes: two edits may undo each other.
const ROUNDS_MAX: usize = 20;
/// With how many seeds, its own included, a cut is tried at last.
const SEEDS_MAX: u64 = 4;

/// How many runs shrinking may take if nobody says.
pub const RUNS_MAX_DEFAULT: u64 = 20_000;

/// How to shrink.
pub struct ShrinkOptions<'a> {
    /// The checker that must object; `None`: the one that a written-down failure names, or the first one in time.
    pub checker: Option<String>,
    /// How many runs may be made.
    pub runs_max: u64,
    /// Where runs are made side by side. The result does not depend on how many threads it has.
    pub pool: Pool,
    /// The command that found the failure, for the record.
    pub command: String,
    /// Asked before each run: whether to end with the best so far.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Told how far it is, after each step that found something shorter and after each that did not.
    pub watch: &'a (dyn Fn(Step) + Sync),
}

impl Default for ShrinkOptions<'_> {
    /// Whatever checker objected first, on all cores, for [`RUNS_MAX_DEFAULT`] runs at most, and nobody looks on.
    fn default() -> Self {
        Self {
            checker: None,
            runs_max: RUNS_MAX_DEFAULT,
            pool: Pool::default(),
            command: String::new(),
            stop: &|| false,
            watch: &|_| {},
        }
    }
}

/// How far shrinking is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Runs so far.
    pub runs: u64,
    /// What is left.
    pub size: Size,
}

/// How long a scenario is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Entries of the fault schedule.
    pub faults: usize,
    /// Operations that clients invoke before the final reads.
    pub operations: usize,
    /// Clients.
    pub clients: u32,
    /// Nodes.
    pub nodes: usize,
    /// The run's virtual time, in nanoseconds.
    pub virtual_ns: u64,
    /// The run's events.
    pub events: u64,
}

/// A failure, cut down.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The record: a scenario with everything explicit, its story as `about`, and what was found.
    pub scenario: Scenario,
    /// Its run.
    pub report: RunReport,
    /// What happens in it, in sentences.
    pub story: Vec<String>,
    /// The seed of the run that was cut down. What is left may need another one.
    pub seed: u64,
    /// The checker that objects.
    pub checker: String,
    /// Other checkers that objected to the run that was cut down.
    pub also: Vec<String>,
    /// How long the failure was.
    pub before: Size,
    /// How long it is now.
    pub after: Size,
    /// How many runs were needed.
    pub runs: u64,
    /// Whether nothing more can be left out, rather than the budget being spent.
    pub complete: bool,
}

impl Shrunk {
    /// A name for the file of the record: scenario, seed, what was off, and what is violated.
    #[must_use]
    pub fn file_name(&self) -> String {
        let name = file_name(&RunReport { seed: self.seed, ..self.report.clone() });
        let stem = name.strip_suffix(".json").unwrap_or(&name);
        format!("{stem}-{}.json", self.checker)
    }
}

/// Why there is nothing to cut down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShrinkError {
    /// The scenario cannot be run.
    Run(RunError),
    /// The run does not fail, or not with this checker.
    DoesNotFail {
        /// The seed.
        seed: u64,
        /// The checker that was asked for.
        checker: Option<String>,
        /// The verdict.
        verdict: Verdict,
        /// The checkers that object.
        objecting: Vec<String>,
    },
}

impl fmt::Display for ShrinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(error) => error.fmt(f),
            Self::DoesNotFail { seed, checker: Some(checker), objecting, .. }
                if !objecting.is_empty() =>
            {
                let others = objecting.join(", ");
                write!(
                    f,
                    "{checker} does not object to seed {seed}; {others} may be asked for instead"
                )
            }
            Self::DoesNotFail { seed, verdict: Verdict::Unknown, .. } => write!(
                f,
                "the verdict on seed {seed} is unknown, and what proves nothing cannot be cut down; \
                 `elara run` says why"
            ),
            Self::DoesNotFail { seed, .. } => {
                write!(f, "seed {seed} does not fail; `elara sweep` looks for one that does")
            }
        }
    }
}

impl std::error::Error for ShrinkError {}

/// Cuts a failing run down: the run of this scenario, with its seed and the patterns that it switches off.
///
/// # Errors
/// If the scenario cannot be run, or its run does not fail.
pub fn shrink(
    system: &dyn System,
    scenario: &Scenario,
    options: &ShrinkOptions<'_>,
) -> Result<Shrunk, ShrinkError> {
    let recorded = scenario.failure.as_ref().map(|failure| failure.checker.clone());
    let start = bare(&expand(scenario, scenario.seed).map_err(ShrinkError::Run)?);
    let keep = RunOptions { keep_history: true, ..RunOptions::default() };
    let whole = run_on(system, &start, &keep).map_err(ShrinkError::Run)?;
    let objecting = objecting(&whole);
    let wanted = options.checker.clone().or(recorded);
    let candidates = wanted.clone().map_or_else(|| objecting.clone(), |checker| vec![checker]);
    let failing = candidates.into_iter().find_map(|checker| {
        let seated = seated(&start, &checker);
        let mut bench = Bench::new(system, &seated, &checker, options);
        let (_, best) = bench.first(1, &|_| Some(seated.clone()))?;
        bench.bound_events(whole.events);
        Some(Shrinker { bench, best, seeds: 1, options })
    });
    let Some(mut shrinker) = failing else {
        let (seed, verdict) = (start.seed, whole.verdict);
        return Err(ShrinkError::DoesNotFail { seed, checker: wanted, verdict, objecting });
    };
    let before = Size {
        operations: explicit::invoked(&start, &whole).count(),
        virtual_ns: whole.virtual_ns,
        events: whole.events,
        ..shrinker.size()
    };
    cut_down(&mut shrinker, system);
    Ok(shrinker.finish(system, &objecting, (start.seed, before)))
}

/// The scenario without what is about other runs of it.
fn bare(scenario: &Scenario) -> Scenario {
    Scenario {
        // No fault is drawn any more.
        calm: Duration::ZERO,
        coverage: Vec::new(),
        expect: Expectation::Ok,
        ablations: Vec::new(),
        failure: None,
        ..scenario.clone()
    }
}

/// With this checker as the only judge, besides those that a system in code brings.
fn seated(scenario: &Scenario, checker: &str) -> Scenario {
    let checks = if names::checkers().contains(&checker) {
        Checks::Only(vec![checker.to_owned()])
    } else {
        Checks::Default
    };
    Scenario { checks, ..scenario.clone() }
}

/// The checkers that objected, in the order of time.
fn objecting(report: &RunReport) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for violation in report.violations.iter().filter(|found| !found.excused) {
        if !names.contains(&violation.checker) {
            names.push(violation.checker.clone());
        }
    }
    names
}

/// All passes, until none of them finds anything shorter.
fn cut_down(shrinker: &mut Shrinker<'_>, system: &dyn System) {
    while times::cut(shrinker) {}
    explicit::write_down(shrinker);
    // Runs take long while much happens in them, so the large cuts come before all that looks at one thing at a time. A
    // failure that came about by luck is lost by any of them, but another seed has the same luck.
    shrinker.seeds = SEEDS_MAX;
    while times::begin_late(shrinker) {}
    simpler::without_chance(shrinker);
    lists::faults(shrinker);
    times::squeeze(shrinker);
    operations::fewer(shrinker);
    rounds(shrinker);
    if explicit::name_messages(shrinker, system) {
        rounds(shrinker);
    }
    explicit::name_nodes(shrinker);
    simpler::names(shrinker);
    times::round(shrinker);
    while lists::faults(shrinker) | operations::fewer(shrinker) {}
}

/// Pass after pass, until none of them finds anything simpler, under any of a few seeds.
fn rounds(shrinker: &mut Shrinker<'_>) {
    shrinker.seeds = 1;
    for _ in 0..ROUNDS_MAX {
        let passes = [
            simpler::surroundings,
            lists::messages,
            lists::faults,
            times::squeeze,
            operations::fewer,
            lists::clients,
            lists::nodes,
            times::cut,
            simpler::faults,
        ];
        if passes.map(|pass| pass(shrinker)).contains(&true) {
            continue;
        }
        if shrinker.seeds == SEEDS_MAX || shrinker.bench.is_spent() {
            break;
        }
        shrinker.seeds = SEEDS_MAX;
    }
    shrinker.seeds = 1;
}

/// A change that makes a scenario simpler; `None` if it changes nothing, or is not possible.
type Edit = Box<dyn Fn(&Scenario) -> Option<Scenario> + Sync>;

/// The edit that makes this change.
fn set(change: impl Fn(&mut Scenario) + Sync + 'static) -> Edit {
    Box::new(move |scenario| {
        let mut changed = scenario.clone();
        change(&mut changed);
        (changed != *scenario).then_some(changed)
    })
}

/// The shortest failing scenario so far, and where shorter ones are tried.
struct Shrinker<'a> {
    bench: Bench<'a>,
    best: Failing,
    /// With how many seeds each candidate is tried.
    seeds: u64,
    options: &'a ShrinkOptions<'a>,
}

impl Shrinker<'_> {
    fn best(&self) -> &Scenario {
        &self.best.scenario
    }

    /// The run of the best scenario, up to the violation.
    fn report(&self) -> &RunReport {
        &self.best.report
    }

    /// When the violation showed.
    fn found_at(&self) -> Instant {
        let found = objection(self.report(), self.bench.checker());
        let found = found.expect("a candidate is taken only if this checker objects");
        Instant::from_nanos(found.at_ns)
    }

    fn size(&self) -> Size {
        let scenario = self.best();
        Size {
            faults: scenario.faults.len(),
            operations: scenario.workload.script.as_ref().map_or(0, Vec::len),
            clients: lists::clients_of(scenario),
            nodes: scenario.cluster.size(),
            virtual_ns: self.report().virtual_ns,
            events: self.report().events,
        }
    }

    /// Makes each of these changes that keeps the failure; whether there was one.
    #[expect(clippy::needless_pass_by_value, reason = "each caller makes its list for this call")]
    fn pass(&mut self, edits: Vec<Edit>) -> bool {
        let mut next = 0;
        while let Some(place) =
            self.first(edits.len() - next, &|it, number| edits[next + number](it))
        {
            next += place + 1;
        }
        next > 0
    }

    /// Makes the first of these changes that keeps the failure; whether there was one.
    fn pass_until_first(&mut self, edits: &[Edit]) -> bool {
        self.first(edits.len(), &|it, number| edits[number](it)).is_some()
    }

    /// Keeps as few of `len` items as possible; `keep` leaves those of these places in a scenario. Whether one went.
    fn minimize(&mut self, len: usize, keep: impl Fn(&mut Scenario, &[usize]) + Sync) -> bool {
        let kept = minimize::minimize(len, &mut |count, list| {
            self.first(count, &|scenario, number| {
                let mut smaller = scenario.clone();
                keep(&mut smaller, &list(number));
                Some(smaller)
            })
        });
        kept.len() < len
    }

    /// The first of some candidates that fails becomes the best; returns its number.
    fn first(
        &mut self,
        count: usize,
        make: &(dyn Fn(&Scenario, usize) -> Option<Scenario> + Sync),
    ) -> Option<usize> {
        let best = &self.best.scenario;
        let others = (1..).filter(|seed| *seed != best.seed);
        let seeds: Vec<u64> =
            [best.seed].into_iter().chain(others).take(self.seeds as usize).collect();
        let seeded = |number: usize| {
            let candidate = make(best, number / seeds.len())?;
            Some(Scenario { seed: seeds[number % seeds.len()], ..candidate })
        };
        let found = self.bench.first(count * seeds.len(), &seeded);
        let number = found.map(|(number, failing)| {
            let number = number / seeds.len();
            self.best = failing;
            number
        });
        (self.options.watch)(Step { runs: self.bench.runs(), size: self.size() });
        number
    }

    /// Runs the best scenario as whoever replays it will, and writes the record.
    fn finish(
        self,
        system: &dyn System,
        objecting: &[String],
        (seed, before): (u64, Size),
    ) -> Shrunk {
        let complete = !self.bench.is_spent();
        let checker = self.bench.checker().to_owned();
        let mut scenario = self.best.scenario.clone();
        let keep = RunOptions { keep_history: true, ..RunOptions::default() };
        let report = run_on(system, &scenario, &keep).expect("the same scenario has run before");
        let found =
            objection(&report, &checker).expect("a run that goes on begins in the same way");
        let story = story::tell(&scenario, &report, found);
        scenario.about = story.join(" ");
        scenario.failure = Some(RecordedFailure {
            checker: checker.clone(),
            digest: report.digest.clone(),
            elara: report.elara.clone(),
            command: self.options.command.clone(),
        });
        let after = Size { virtual_ns: report.virtual_ns, events: report.events, ..self.size() };
        let also = objecting.iter().filter(|name| **name != checker).cloned().collect();
        let runs = self.bench.runs();
        Shrunk { scenario, report, story, seed, checker, also, before, after, runs, complete }
    }
}
