//! How a scenario is run: what the command line or a library user decides, and the scenario does not say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::kernel::time::Instant;

/// How one run is made.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// The seed; the scenario's own if `None`.
    pub seed: Option<u64>,
    /// Patterns that are off, besides those that the scenario switches off.
    pub without: Vec<String>,
    /// Whether the report keeps every event, which costs memory in proportion to the run.
    pub keep_trace: bool,
    /// Whether the report keeps what clients invoked and saw.
    pub keep_history: bool,
    /// The checker at whose first objection the run ends, without asking the others: all that a search needs which only
    /// wants to know whether it still objects. One that judges at the end of a run ends none early.
    pub stop_at: Option<String>,
    /// How many events the run may take; `None`: no limit. A run that reaches it is *unknown*.
    pub events_max: Option<u64>,
    /// Told now and then how far the run is.
    pub progress: Progress,
}

/// How far a run is, in true virtual time: written by the run, read by whoever waits for it.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicU64>);

impl Progress {
    /// The run is at this time. Cheap, but not free: tell it once in a thousand events.
    pub fn reached(&self, at: Instant) {
        self.0.store(at.as_nanos(), Ordering::Relaxed);
    }

    /// The last time that the run told.
    #[must_use]
    pub fn at(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Relaxed))
    }
}
