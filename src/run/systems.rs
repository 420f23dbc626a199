//! What can be put to the test: how a scenario becomes a cluster of nodes.
//!
//! The systems that come with elara are found by their name. A library user makes one of nodes and checkers in code, with
//! [`OwnSystem`]; everything that runs scenarios runs it like ours.

use std::sync::Arc;

use crate::ablations;
use crate::checkers::Checker;
use crate::client::Sessions;
use crate::kernel::ids::NodeId;
use crate::node::Node;
use crate::run::RunError;
use crate::run::options::Progress;
use crate::scenario::systems::{OWN, OptionValue, SystemChoice};
use crate::simulation::options::SimulationOptions;
use crate::simulation::outcome::Outcome;
use crate::simulation::{RECOVERY_INTERRUPTED, Simulation};
use crate::systems::raft_kv::options::RaftOptions;
use crate::systems::raft_kv::{RaftKv, marks};

/// What a system is given to run.
pub struct Setup<'a> {
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

/// What a scenario puts to the test. One value serves many runs, on several threads.
pub trait System: Sync {
    /// Runs a cluster of it once.
    ///
    /// # Errors
    /// If it cannot be set up like this.
    fn simulate(&self, setup: Setup<'_>) -> Result<Outcome, RunError>;

    /// The coverage marks that a run of it can reach, whatever the scenario.
    fn marks(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// New judges of its own for one run, besides those that a scenario can name.
    fn checkers(&self) -> Vec<Box<dyn Checker>> {
        Vec::new()
    }
}

/// The system that a scenario names, of those that come with elara.
///
/// # Errors
/// If it is one that only code can build.
pub fn shipped(choice: &SystemChoice) -> Result<&'static dyn System, RunError> {
    match choice.kind.as_str() {
        "raft-kv" => Ok(&RaftKvSystem),
        OWN => Err(RunError::new(format!(
            "the system `{}` is built in code; run the test that knows it",
            choice.name()
        ))),
        kind => Err(RunError::new(format!("the system {kind} cannot be run by this version"))),
    }
}

/// A system of nodes and checkers that a library user has written.
pub struct OwnSystem<F> {
    factory: Arc<F>,
    checkers: Vec<Box<dyn Fn() -> Box<dyn Checker> + Send + Sync>>,
    sessions: Sessions,
}

impl<N: Node, F: Fn(NodeId) -> N + Send + Sync + 'static> OwnSystem<F> {
    /// A system whose nodes `factory` builds, at each of their starts.
    #[must_use]
    pub fn new(factory: F) -> Self {
        Self { factory: Arc::new(factory), checkers: Vec::new(), sessions: Sessions::None }
    }

    /// Each run is judged by a checker that this builds.
    #[must_use]
    pub fn checker<C: Checker + 'static>(
        mut self,
        build: impl Fn() -> C + Send + Sync + 'static,
    ) -> Self {
        self.checkers.push(Box::new(move || Box::new(build())));
        self
    }

    /// Clients open a session before their first operation.
    #[must_use]
    pub fn sessions(mut self) -> Self {
        self.sessions = Sessions::Opened;
        self
    }
}

impl<N: Node, F: Fn(NodeId) -> N + Send + Sync + 'static> System for OwnSystem<F> {
    fn simulate(&self, mut setup: Setup<'_>) -> Result<Outcome, RunError> {
        if let Some(pattern) = setup.without.first() {
            let name = setup.choice.name();
            let message = format!("the system {name} has no pattern `{pattern}` to switch off");
            return Err(RunError::new(message));
        }
        setup.simulation.sessions = self.sessions;
        let factory = Arc::clone(&self.factory);
        Ok(simulate(setup, move |node| factory(node)))
    }

    fn checkers(&self) -> Vec<Box<dyn Checker>> {
        self.checkers.iter().map(|build| build()).collect()
    }
}

struct RaftKvSystem;

impl System for RaftKvSystem {
    fn simulate(&self, mut setup: Setup<'_>) -> Result<Outcome, RunError> {
        let parts = ablations::without(setup.without)
            .map_err(|unknown| RunError::new(unknown.to_string()))?
            .raft_kv;
        let options = raft_options(setup.choice);
        setup.simulation.sessions = Sessions::Opened;
        Ok(simulate(setup, move |_| RaftKv::new(options.clone(), parts)))
    }

    fn marks(&self) -> Vec<&'static str> {
        marks::MARKS.iter().copied().chain([RECOVERY_INTERRUPTED]).collect()
    }
}

fn simulate<N: Node>(setup: Setup<'_>, factory: impl Fn(NodeId) -> N + 'static) -> Outcome {
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
