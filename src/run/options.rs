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
