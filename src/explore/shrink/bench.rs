//! Tries candidates: does this simpler scenario still fail in the same way?
//!
//! Candidates are tried side by side, but what is found does not depend on how many at a time: the first one in their order
//! that fails is taken, and what was tried behind it is forgotten and not counted.

use std::collections::BTreeSet;
use std::ops::ControlFlow::{self, Break, Continue};

use crate::explore::shrink::ShrinkOptions;
use crate::kernel::digest::Digest;
use crate::run::options::RunOptions;
use crate::run::report::{RunReport, ViolationReport};
use crate::run::run_on;
use crate::run::systems::System;
use crate::scenario::Scenario;

/// A run that takes so many times the events of the run that failed is no simplification, and may never end.
const EVENTS_GROWTH_MAX: u64 = 4;
/// Runs of few events may grow beyond that.
const EVENTS_MAX_LEAST: u64 = 200_000;

/// A scenario that fails, with its run up to the violation.
#[derive(Clone, Debug)]
pub(super) struct Failing {
    /// The scenario.
    pub scenario: Scenario,
    /// Its run, with the history.
    pub report: RunReport,
}

/// Makes a candidate from its number; `None` if there is none of this number.
pub(super) type Make<'a> = &'a (dyn Fn(usize) -> Option<Scenario> + Sync);

/// Where candidates are tried.
pub(super) struct Bench<'a> {
    system: &'a dyn System,
    /// The checker that must object.
    checker: String,
    options: &'a ShrinkOptions<'a>,
    /// How many runs were needed so far.
    runs: u64,
    /// How many events a run may take.
    events_max: Option<u64>,
    /// The digests of the candidates that did not fail.
    tried: BTreeSet<u64>,
    /// Whether candidates must be what a scenario file can say. A scenario made in code may ask for what no file can.
    as_files: bool,
    /// Whether nothing fails in the failing scenario with all parts of the system on. Then it must stay so, or the story would
    /// end as one about something else: a judge that no longer fits the scenario, say.
    blames_the_parts: bool,
}

/// What came of a candidate that did not fail: its digest, if it was run.
type Passed = Option<u64>;

/// Why no further candidates are tried.
enum End {
    /// This one fails.
    Found(usize, Box<Failing>),
    /// The budget of runs or of time is spent.
    Spent,
}

impl<'a> Bench<'a> {
    /// A bench for the failure of a scenario that this checker finds.
    pub fn new(
        system: &'a dyn System,
        scenario: &Scenario,
        checker: &str,
        options: &'a ShrinkOptions<'a>,
    ) -> Self {
        let mut bench = Self {
            system,
            checker: checker.to_owned(),
            options,
            runs: 0,
            events_max: None,
            tried: BTreeSet::new(),
            as_files: can_be_read(scenario, &scenario.to_json()),
            blames_the_parts: false,
        };
        bench.blames_the_parts =
            !scenario.without.is_empty() && bench.run(complete(scenario)).is_none();
        bench
    }

    /// How many runs were needed so far.
    pub const fn runs(&self) -> u64 {
        self.runs
    }

    /// The checker that must object.
    pub fn checker(&self) -> &str {
        &self.checker
    }

    /// From now on no run may take much more than this many events.
    pub fn bound_events(&mut self, events: u64) {
        self.events_max = Some((events * EVENTS_GROWTH_MAX).max(EVENTS_MAX_LEAST));
    }

    /// Whether the budget of runs or of time is spent.
    pub fn is_spent(&self) -> bool {
        self.runs >= self.options.runs_max || (self.options.stop)()
    }

    /// The first of `count` candidates that fails, with its number.
    pub fn first(&mut self, count: usize, make: Make<'_>) -> Option<(usize, Failing)> {
        let mut tried = BTreeSet::new();
        let room = self.options.runs_max - self.runs;
        let end = self.options.pool.in_order(
            count as u64,
            |number| self.attempt(number as usize, make),
            |_, passed: Passed| {
                // The same candidate may come twice, and be run twice side by side; it counts once.
                tried.extend(passed);
                if tried.len() as u64 == room { Break(End::Spent) } else { Continue(()) }
            },
        );
        self.runs += tried.len() as u64;
        self.tried.append(&mut tried);
        match end {
            Break(End::Found(number, failing)) => {
                self.runs += 1;
                Some((number, *failing))
            }
            Break(End::Spent) | Continue(()) => None,
        }
    }

    fn attempt(&self, number: usize, make: Make<'_>) -> ControlFlow<End, Passed> {
        if self.is_spent() {
            return Break(End::Spent);
        }
        let Some(scenario) = make(number) else { return Continue(None) };
        let text = scenario.to_json();
        let digest = Digest::of(text.as_str());
        if self.tried.contains(&digest) {
            return Continue(None);
        }
        // Few candidates fail, and to read one takes as long as a short run, so only those are read that do.
        match self.run(scenario) {
            Some(failing)
                if (!self.as_files || can_be_read(&failing.scenario, &text))
                    && !(self.blames_the_parts
                        && self.run(complete(&failing.scenario)).is_some()) =>
            {
                Break(End::Found(number, Box::new(failing)))
            }
            _ => Continue(Some(digest)),
        }
    }

    /// Runs a scenario up to the violation; `None` if there is none that proves something about the system.
    fn run(&self, scenario: Scenario) -> Option<Failing> {
        let options = RunOptions {
            keep_history: true,
            stop_at: Some(self.checker.clone()),
            events_max: self.events_max,
            ..RunOptions::default()
        };
        let report = run_on(self.system, &scenario, &options).ok()?;
        objection(&report, &self.checker)?;
        Some(Failing { scenario, report })
    }
}

/// What this checker found in a run, if it proves something about the system.
pub(super) fn objection<'a>(report: &'a RunReport, checker: &str) -> Option<&'a ViolationReport> {
    report.violations.iter().find(|found| found.checker == checker && !found.excused)
}

/// Whether reading a scenario's text gives the same scenario.
fn can_be_read(scenario: &Scenario, text: &str) -> bool {
    Scenario::parse("candidate", text.as_bytes(), &[]).is_ok_and(|read| read == *scenario)
}

/// The scenario with all parts of the system on.
fn complete(scenario: &Scenario) -> Scenario {
    Scenario { without: Vec::new(), ..scenario.clone() }
}
