//! Reports: pure functions from what a run was to what somebody reads.
//!
//! A report knows no simulation and touches no file. One format per file.

#![allow(
    clippy::format_push_string,
    reason = "a report is small, and `write!` to a text cannot fail"
)]

mod chaos;
pub mod history;
pub mod json;
pub mod junit;
#[cfg(test)]
mod sample;
pub mod text;
mod timeline;
pub mod trace;

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
