//! A report in a few lines: what a failing test shows. The reports for people are in `report`.

use std::fmt;

use crate::kernel::time::Instant;
use crate::run::report::{RunReport, Verdict};

/// So many facts prove a violation here; the text report shows more.
const EVIDENCE_MAX: usize = 5;

impl fmt::Display for RunReport {
    /// Scenario, seed and verdict, what was found, and how to run it again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} seed {}", self.scenario, self.seed)?;
        if !self.without.is_empty() {
            write!(f, " without {}", self.without.join(", "))?;
        }
        f.write_str(match self.verdict {
            Verdict::Ok => ": ok",
            Verdict::Violation => ": violation",
            Verdict::Unknown => ": unknown",
        })?;
        for violation in &self.violations {
            let at = Instant::from_nanos(violation.at_ns);
            write!(f, "\n  {} at {at}: {}", violation.checker, violation.message)?;
            for fact in violation.evidence.iter().take(EVIDENCE_MAX) {
                write!(f, "\n    {fact}")?;
            }
            if violation.evidence.len() > EVIDENCE_MAX {
                write!(f, "\n    and {} more", violation.evidence.len() - EVIDENCE_MAX)?;
            }
        }
        for why in &self.unknown_because {
            write!(f, "\n  unknown: {why}")?;
        }
        if !self.replay.is_empty() {
            write!(f, "\n  replay: {}", self.replay)?;
        }
        Ok(())
    }
}
