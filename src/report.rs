//! Reports: pure functions from what a run was to what somebody reads.
//!
//! A report knows no simulation and touches no file. One format per file.

#![allow(
    clippy::format_push_string,
    reason = "a report is small, and `write!` to a text cannot fail"
)]

mod chaos;
pub mod check;
pub mod history;
pub mod history_page;
pub mod json;
pub mod junit;
#[cfg(test)]
mod sample;
pub mod shrink;
pub mod sweep;
pub mod text;
mod timeline;
pub mod trace;

use crate::explore::summary::SweepReport;
use crate::run::check::CheckReport;
use crate::run::report::{RunReport, Verdict};

/// What the program's exit says about a run: `elara run` and `elara replay` end with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// As expected.
    AsExpected = 0,
    /// Nobody can say: vacuous, budget exhausted, or an assumption broken.
    Unknown = 3,
    /// A violation that was not expected, or an expected one that did not come.
    Unexpected = 1,
    /// Bad usage or bad input.
    BadInput = 2,
    /// Two runs of the same seed differ.
    NotDeterministic = 4,
}

impl Exit {
    /// The exit that a report asks for.
    #[must_use]
    pub const fn of(report: &RunReport) -> Self {
        match (report.as_expected, report.verdict) {
            (true, _) => Self::AsExpected,
            (false, Verdict::Unknown) => Self::Unknown,
            (false, _) => Self::Unexpected,
        }
    }

    /// The exit that the result of a check asks for.
    #[must_use]
    pub const fn of_check(check: &CheckReport) -> Self {
        match check.verdict {
            Verdict::Ok => Self::AsExpected,
            Verdict::Violation => Self::Unexpected,
            Verdict::Unknown => Self::Unknown,
        }
    }

    /// The exit that the result of a sweep asks for.
    #[must_use]
    pub fn of_sweep(sweep: &SweepReport) -> Self {
        if !sweep.not_deterministic.is_empty() {
            Self::NotDeterministic
        } else if !sweep.failures.is_empty() {
            Self::Unexpected
        } else if !sweep.as_expected() {
            Self::Unknown
        } else {
            Self::AsExpected
        }
    }

    /// The graver of two.
    #[must_use]
    pub const fn graver(self, other: Self) -> Self {
        if self.gravity() >= other.gravity() { self } else { other }
    }

    /// How grave it is: of several, the gravest decides.
    #[must_use]
    pub const fn gravity(self) -> u8 {
        match self {
            Self::AsExpected => 0,
            Self::Unknown => 1,
            Self::Unexpected => 2,
            Self::NotDeterministic => 3,
            Self::BadInput => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::failure::Failure;
    use crate::explore::summary::Doubt;

    #[test]
    fn the_gravest_exit_decides() {
        let (ok, doubt) = (Exit::AsExpected, Exit::Unknown);
        assert_eq!(Exit::Unexpected.graver(doubt), Exit::Unexpected);
        assert_eq!(ok.graver(doubt), doubt);
        assert_eq!(Exit::NotDeterministic.graver(Exit::Unexpected), Exit::NotDeterministic);
    }

    #[test]
    fn a_sweep_ends_with_the_gravest_thing_that_it_found() {
        let mut sweep = SweepReport::default();
        assert_eq!(Exit::of_sweep(&sweep), Exit::AsExpected);
        sweep.unknown_because.insert("why".into(), Doubt { runs: 1, first_seed: 1 });
        assert_eq!(Exit::of_sweep(&sweep), Exit::Unknown);
        sweep.failures.push(Failure::default());
        assert_eq!(Exit::of_sweep(&sweep), Exit::Unexpected);
        sweep.not_deterministic.push(1);
        assert_eq!(Exit::of_sweep(&sweep), Exit::NotDeterministic);
    }
}
