//! The judges: one claim about a run per file.
//!
//! A checker is shown the trace, event by event, while the run goes on, and asked for its judgement at the end. It
//! never sees a node's memory, and it does not know which system runs. If it saw nothing that it could have judged, it
//! says *vacuous*, not *ok*: a run in which nobody had anything to check is *unknown*.

pub mod at_most_once;
pub mod atomic_commitment;
pub mod bounded_resources;
pub mod bounded_staleness;
pub mod causal_consistency;
mod causality;
pub mod clock_bounds;
pub mod clock_condition;
pub mod consensus;
pub mod convergence;
pub mod durability;
pub mod election_safety;
pub mod external_consistency;
pub mod failure_detector_accuracy;
pub mod failure_detector_completeness;
pub mod leader_agreement;
pub mod leader_append_only;
pub mod leader_completeness;
pub mod linearizability;
pub mod log_matching;
mod logs;
pub mod mapping_stability;
pub mod models;
mod multiversion;
pub mod mutual_exclusion;
pub mod no_dirty_read;
pub mod no_lost_update;
mod opinions;
pub mod options;
pub mod ordered_channel;
mod ordering;
pub mod ownership_cover;
pub mod progress;
pub mod quiet_minority;
mod recent;
pub mod recorded;
pub mod recovery_equivalence;
pub mod registry;
pub mod sequential_consistency;
pub mod session_guarantees;
pub mod snapshot_read;
pub mod stability;
pub mod state_machine_safety;
mod tail;
#[cfg(test)]
pub(crate) mod testing;
pub mod transactions;
pub mod watch_completeness;
mod window;

pub use options::{Bounds, CheckerOptions, Conserved, Watch};
pub use registry::{CHECKERS, CheckerEntry, Kind, PANIC, build};

use std::fmt;

use crate::kernel::time::Instant;
use crate::trace::{Event, Interest};

/// What a checker found wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When it showed.
    pub at: Instant,
    /// What is wrong, in a sentence that names nodes, indices and values.
    pub message: String,
    /// The facts that prove it, in order.
    pub evidence: Vec<String>,
}

impl Violation {
    /// A violation that showed at `at`.
    #[must_use]
    pub fn new(at: Instant, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), evidence: Vec::new() }
    }

    /// With one more fact that proves it.
    #[must_use]
    pub fn because(mut self, fact: impl fmt::Display) -> Self {
        self.evidence.push(fact.to_string());
        self
    }

    /// The same violation, found to show at `at`.
    #[must_use]
    const fn dated(mut self, at: Instant) -> Self {
        self.at = at;
        self
    }
}

/// A checker's judgement of a whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The claim held, and there was something to check.
    Ok,
    /// It did not hold.
    Violation(Violation),
    /// There was nothing to check; here is why.
    Vacuous(String),
    /// Nobody can say; here is why.
    Unknown(String),
}

/// One claim about runs.
pub trait Checker {
    /// Its name, in kebab-case.
    fn name(&self) -> &'static str;

    /// Which facts it wants to be shown.
    fn interest(&self) -> Interest;

    /// Looks at one event.
    ///
    /// # Errors
    /// The violation that this event proves. The checker is not shown further events then.
    fn observe(&mut self, event: &Event) -> Result<(), Violation>;

    /// Judges the run, which ended at `end`, if nothing was found wrong before.
    fn finish(&mut self, end: Instant) -> Judgement;
}
