//! What makes a run a failure, and how a failure is written down so that it can be kept and run again.

use serde::{Deserialize, Serialize};

use crate::run::expand;
use crate::run::report::{Expectation, RunReport, Verdict};
use crate::scenario::Scenario;
use crate::scenario::judgement::RecordedFailure;

/// A run that was not as expected, although it could be judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The checker that objected first, or the one that was expected to and did not.
    pub checker: String,
    /// What it says.
    pub message: String,
    /// The digest of the run.
    pub digest: String,
    /// The file that the failure was written down in, if it was.
    pub file: Option<String>,
    /// The command line that runs it again; empty if nobody gave one.
    pub replay: String,
}

impl Failure {
    /// The failure that a run is, if it is one: as expected or unknown is none.
    #[must_use]
    pub fn of(run: &RunReport) -> Option<Self> {
        if run.as_expected || run.verdict == Verdict::Unknown {
            return None;
        }
        let objection = run.violations.iter().find(|violation| !violation.excused);
        let (checker, message) = match (objection, &run.story.expect) {
            (Some(found), _) => (found.checker.clone(), found.message.clone()),
            (None, Expectation::Violation(checker)) => {
                (checker.clone(), "the expected violation did not come".to_owned())
            }
            (None, Expectation::Ok) => unreachable!("a violation is somebody's objection"),
        };
        Some(Self {
            seed: run.seed,
            checker,
            message,
            digest: run.digest.clone(),
            file: None,
            replay: run.replay.clone(),
        })
    }
}

/// The scenario that runs exactly this failing run of `scenario` again, wherever it is: with its seed, with the faults that
/// the seed drew, with what was switched off, and with what was found. `None` if the run is no failure.
///
/// # Panics
/// If the run cannot be one of this scenario, because its faults cannot be drawn.
#[must_use]
pub fn written_down(scenario: &Scenario, run: &RunReport) -> Option<Scenario> {
    let failure = Failure::of(run)?;
    let explicit = expand(scenario, run.seed).expect("they were drawn for the run");
    Some(Scenario {
        seed: run.seed,
        without: run.without.clone(),
        // They are about other runs than this one.
        ablations: Vec::new(),
        failure: Some(RecordedFailure {
            checker: failure.checker,
            digest: failure.digest,
            elara: run.elara.clone(),
            command: failure.replay,
        }),
        ..explicit
    })
}

/// A name for the file of a written-down failure: scenario, seed, and what was off.
#[must_use]
pub fn file_name(run: &RunReport) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let scenario: String = run.scenario.chars().map(plain).collect();
    let off: Vec<&str> =
        run.without.iter().flat_map(|pattern| ["-without-", pattern.as_str()]).collect();
    let off = off.concat();
    format!("{}-seed-{}{off}.json", scenario.trim_start_matches('.'), run.seed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::ViolationReport;

    fn violated(checkers: &[(&str, bool)]) -> RunReport {
        let violation = |&(checker, excused): &(&str, bool)| ViolationReport {
            checker: checker.into(),
            excused,
            ..ViolationReport::default()
        };
        RunReport {
            verdict: Verdict::Violation,
            violations: checkers.iter().map(violation).collect(),
            ..RunReport::default()
        }
    }

    #[test]
    fn the_first_objection_that_proves_something_names_the_failure() {
        let failure = Failure::of(&violated(&[("durability", true), ("panic", false)]));
        assert_eq!(failure.expect("a failure").checker, "panic");
    }

    #[test]
    fn a_violation_that_did_not_come_is_a_failure_and_a_doubt_is_none() {
        let mut run = RunReport { verdict: Verdict::Ok, ..RunReport::default() };
        run.story.expect = Expectation::Violation("durability".into());
        let failure = Failure::of(&run).expect("a failure");
        assert_eq!(failure.checker, "durability");
        assert!(failure.message.contains("did not come"));
        run.verdict = Verdict::Unknown;
        assert_eq!(Failure::of(&run), None);
        run = violated(&[("panic", false)]);
        run.as_expected = true;
        assert_eq!(Failure::of(&run), None);
    }

    #[test]
    fn a_file_name_has_nothing_that_a_file_system_minds() {
        let mut run = RunReport { scenario: "../a b/c".into(), seed: 7, ..RunReport::default() };
        assert_eq!(file_name(&run), "-a-b-c-seed-7.json");
        run.without = vec!["pre-vote".into(), "follower-reads".into()];
        run.scenario = "coast".into();
        assert_eq!(file_name(&run), "coast-seed-7-without-pre-vote-without-follower-reads.json");
    }
}
