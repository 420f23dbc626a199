//! From a scenario to a report.
//!
//! [`run`] looks the system up, sets it up as the scenario says, with the patterns taken away that are to be off, seats the
//! judges, runs, and tells what happened. It is the one function behind the command line, the tests and whatever runs many
//! seeds.

mod assumptions;
pub mod builder;
pub mod check;
mod essentials;
mod judges;
mod nemesis;
pub mod options;
pub mod report;
mod story;
pub mod systems;

use std::fmt;

use crate::run::judges::Panel;
pub use crate::run::nemesis::{drawn, expand};
use crate::run::options::RunOptions;
use crate::run::report::RunReport;
use crate::run::story::Frame;
use crate::run::systems::{Setup, System};
use crate::scenario::Scenario;
use crate::simulation::options::{Keep, SimulationOptions};
use crate::world::assumptions::{Assumptions, Budget};

/// Why a scenario cannot be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunError {
    /// What is wrong, and what to do about it.
    pub message: String,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RunError {}

impl RunError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// Runs a scenario once.
///
/// # Errors
/// If the scenario asks for what this version cannot do: a pattern that its system cannot do without, a checker that is not
/// built yet; if its nemesis draws too many faults; or if the run is to stop at a checker that does not judge it.
pub fn run(scenario: &Scenario, options: &RunOptions) -> Result<RunReport, RunError> {
    run_on(systems::shipped(&scenario.system)?, scenario, options)
}

/// Runs a scenario once, on a system that the caller brings: nodes of one's own, say.
///
/// # Errors
/// As [`run`].
pub fn run_on(
    system: &dyn System,
    scenario: &Scenario,
    options: &RunOptions,
) -> Result<RunReport, RunError> {
    let told = nemesis::told(scenario, options.seed.unwrap_or(scenario.seed));
    let scenario = &expand(scenario, options.seed.unwrap_or(scenario.seed))?;
    let without = scenario.without_also(&options.without);
    let panel = Panel::of(scenario, system.checkers())?;
    if let Some(name) = options.stop_at.as_ref().filter(|name| !panel.has(name)) {
        let message =
            format!("the run cannot end when {name} objects: it is not among its checkers");
        return Err(RunError::new(message));
    }
    let simulation = simulation_options(scenario, options);
    let mut frame = frame(scenario, options, &without, &panel);
    frame.schedule.clone_from(&simulation.faults);
    frame.drawn = told;
    let outcome = system.simulate(Setup {
        choice: &scenario.system,
        without: &without,
        simulation,
        checkers: panel.checkers,
        progress: &options.progress,
    })?;
    Ok(story::report(frame, outcome))
}

fn simulation_options(scenario: &Scenario, options: &RunOptions) -> SimulationOptions {
    let keep = match (options.keep_trace, options.keep_history) {
        (true, _) => Keep::Trace,
        (false, true) => Keep::History,
        (false, false) => Keep::Digest,
    };
    SimulationOptions {
        seed: options.seed.unwrap_or(scenario.seed),
        cluster: scenario.cluster.clone(),
        network: scenario.network.clone(),
        disk: scenario.disk,
        clock: scenario.clock,
        cpu: scenario.cpu,
        workload: scenario.workload.clone(),
        faults: scenario.faults.clone(),
        duration: scenario.duration,
        quiet: scenario.quiet,
        budget: match scenario.budget {
            Budget::Assumptions => Some(assumptions(scenario)),
            Budget::Unlimited => None,
        },
        tail: scenario.tail,
        keep,
        events_max: options.events_max,
        stop_at: options.stop_at.clone(),
        ..SimulationOptions::default()
    }
}

fn frame(scenario: &Scenario, options: &RunOptions, without: &[String], panel: &Panel) -> Frame {
    let cluster = &scenario.cluster;
    let group = |near: Option<usize>| {
        near.map_or_else(|| "clients".to_owned(), |place| cluster.regions[place].name.clone())
    };
    Frame {
        scenario: scenario.name.clone(),
        about: scenario.about.clone(),
        system: scenario.system.name().to_owned(),
        seed: options.seed.unwrap_or(scenario.seed),
        without: without.to_vec(),
        nodes: cluster.names.clone(),
        regions: cluster.regions.iter().map(|region| region.name.clone()).collect(),
        groups: scenario.workload.clients.iter().map(|clients| group(clients.near)).collect(),
        expect: scenario.expect.clone(),
        coverage: scenario.coverage.clone(),
        required: panel.required.clone(),
        reads_count: panel.reads_count,
        schedule: Vec::new(),
        drawn: Vec::new(),
        assumptions: assumptions(scenario),
    }
}

fn assumptions(scenario: &Scenario) -> Assumptions {
    Assumptions { voters: judges::voters(scenario), repair: judges::progress_within(scenario) }
}
