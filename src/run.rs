//! From a scenario to a report.

pub mod builder;
pub mod options;
pub mod report;

use std::fmt;

use crate::run::options::RunOptions;
use crate::run::report::RunReport;
use crate::scenario::Scenario;

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

/// Runs a scenario once.
///
/// # Errors
/// If the scenario asks for what this version cannot do.
pub fn run(scenario: &Scenario, options: &RunOptions) -> Result<RunReport, RunError> {
    let _ = options;
    if !scenario.nemesis.is_none() {
        let message = "random faults (`nemesis`) cannot be generated yet; list them in `faults`";
        return Err(RunError { message: message.into() });
    }
    let message = format!("the system {} cannot be run yet", scenario.system.kind);
    Err(RunError { message })
}
