//! The systems by name: how a scenario's options become a cluster of nodes.

use crate::ablations;
use crate::checkers::Checker;
use crate::client::Sessions;
use crate::node::Node;
use crate::run::RunError;
use crate::run::options::Progress;
use crate::scenario::systems::{OptionValue, SystemChoice};
use crate::simulation::Simulation;
use crate::simulation::options::SimulationOptions;
use crate::simulation::outcome::Outcome;
use crate::systems::raft_kv::RaftKv;
use crate::systems::raft_kv::options::RaftOptions;

/// What a system is given to run.
pub(super) struct Setup<'a> {
    /// Its options.
    pub choice: &'a SystemChoice,
    /// The patterns that are off.
    pub without: &'a [String],
    /// Everything around it.
    pub simulation: SimulationOptions,
    /// Who judges.
    pub checkers: Vec<Box<dyn Checker>>,
    /// Whom to tell how far the run is.
    pub progress: &'a Progress,
}

/// Runs one system.
pub(super) type Runner = fn(Setup<'_>) -> Result<Outcome, RunError>;

/// The runners, by the name of the system.
const RUNNERS: &[(&str, Runner)] = &[("raft-kv", raft_kv)];

/// The runner of a system.
pub(super) fn find(kind: &str) -> Result<Runner, RunError> {
    let found = RUNNERS.iter().find(|(known, _)| *known == kind);
    found
        .map(|(_, runner)| *runner)
        .ok_or_else(|| RunError::new(format!("the system {kind} cannot be run by this version")))
}

fn raft_kv(mut setup: Setup<'_>) -> Result<Outcome, RunError> {
    let parts = ablations::without(setup.without)
        .map_err(|unknown| RunError::new(unknown.to_string()))?
        .raft_kv;
    let options = raft_options(setup.choice);
    setup.simulation.sessions = Sessions::Opened;
    Ok(simulate(setup, move |_| RaftKv::new(options.clone(), parts)))
}

fn simulate<N: Node>(
    setup: Setup<'_>,
    factory: impl Fn(crate::kernel::ids::NodeId) -> N + 'static,
) -> Outcome {
    let simulation = Simulation::new(setup.simulation, factory, setup.checkers);
    simulation.run_watched(&mut |now| setup.progress.reached(now))
}

fn raft_options(choice: &SystemChoice) -> RaftOptions {
    let mut options = RaftOptions::default();
    for (name, value) in &choice.options {
        match (name.as_str(), value) {
            ("election-timeout", OptionValue::DurationRange(low, high)) => {
                options.election_timeout = (*low, *high);
            }
            ("heartbeat", OptionValue::Duration(every)) => options.heartbeat = *every,
            ("batch-linger", OptionValue::Duration(linger)) => options.batch_linger = *linger,
            ("batch-max", OptionValue::Count(max)) => options.batch_max = *max as usize,
            ("window", OptionValue::Count(window)) => options.window = *window as usize,
            ("segment-bytes", OptionValue::Size(bytes)) => options.segment_bytes = *bytes,
            ("snapshot-every", OptionValue::Count(every)) => options.snapshot_every = *every,
            ("log-kept", OptionValue::Count(kept)) => options.log_kept = *kept,
            ("request-deadline", OptionValue::Duration(deadline)) => {
                options.request_deadline = *deadline;
            }
            ("staleness-bound", OptionValue::Duration(bound)) => options.staleness_bound = *bound,
            ("session-expiry", OptionValue::Duration(expiry)) => options.session_expiry = *expiry,
            ("first-leader", OptionValue::Node(node)) => options.first_leader = Some(*node),
            ("members", OptionValue::Nodes(members)) => options.members = Some(members.clone()),
            (name, value) => unreachable!("the scenario's table has no option {name} = {value:?}"),
        }
    }
    options
}
