//! What a sweep found: plain data that grows run by run, and the JSON document of `elara sweep` and `elara merge`.
//!
//! Whatever is in the document can be put together from those of the shards, and is then the same as if there had been no
//! shards. So nothing in it depends on the order of the runs, and nothing is left out by chance.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::explore::failure::Failure;
use crate::explore::seeds::{Seeds, Shard};
use crate::run::report::{RunReport, Verdict};

/// So many reasons for doubt are kept: the first ones in the order of the alphabet, which is the same for all shards.
pub const REASONS_MAX: usize = 100;

/// The result of a sweep over the seeds of one scenario, or of one shard of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SweepReport {
    /// The version of elara.
    pub elara: String,
    /// The scenario's name.
    pub scenario: String,
    /// The digest of everything that the scenario says, as 16 hexadecimal digits.
    pub scenario_digest: String,
    /// The system's name.
    pub system: String,
    /// The patterns that were off.
    pub without: Vec<String>,
    /// The range of seeds.
    pub seeds: Seeds,
    /// Which shard of the range it is; `None` for the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Why it ended before the last seed; `None` if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// How many seeds of the range were run.
    pub runs: u64,
    /// Runs in which every claim held.
    pub ok: u64,
    /// Runs with a violation, expected or not.
    pub violations: u64,
    /// Runs about which nobody can say.
    pub unknown: u64,
    /// Remembered seeds that are not of the range, and were run first.
    pub remembered: Remembering,
    /// The runs that could be judged and were not as expected, remembered ones too, by their seeds.
    pub failures: Vec<Failure>,
    /// Why nobody can say, by reason.
    pub unknown_because: BTreeMap<String, Doubt>,
    /// Whether there were more reasons than [`REASONS_MAX`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown_because_cut: bool,
    /// How many runs were made twice, to compare them.
    pub run_twice: u64,
    /// The seeds whose two runs were different.
    pub not_deterministic: Vec<u64>,
    /// Events of all runs.
    pub events: u64,
    /// Virtual time of all runs, in nanoseconds.
    pub virtual_ns: u64,
    /// How long the sweep took, in nanoseconds. The only field that differs from sweep to sweep.
    pub wall_ns: u64,
    /// In how many runs each kind of fault happened.
    pub faults: BTreeMap<String, u64>,
    /// In how many runs the nemesis held each kind of fault back, to keep what the system relies on.
    pub held_back: BTreeMap<String, u64>,
    /// In how many runs each coverage mark was reached.
    pub coverage: BTreeMap<String, u64>,
    /// The marks of the system and of the scenario that no run reached.
    pub never_reached: BTreeSet<String>,
    /// The first failing run, in whole, for the text report.
    #[serde(skip)]
    pub first_failure: Option<Box<RunReport>>,
}

/// Why a sweep ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// It had run for as long as it was allowed to.
    Time,
    /// Somebody interrupted it.
    Interrupted,
    /// It had found as many failing seeds as were asked for.
    MaxFailures,
}

/// What was run besides the range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembering {
    /// How many runs.
    pub runs: u64,
    /// How many of them failed.
    pub failures: u64,
}

/// How often a reason for doubt was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Doubt {
    /// In how many runs.
    pub runs: u64,
    /// The least seed of them.
    pub first_seed: u64,
}

/// A run that was made again right after it, to see whether it is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It was not made again.
    No,
    /// It was the same.
    Same,
    /// It was different.
    Different,
}

impl SweepReport {
    /// Whether every run was as expected, and the same each time.
    #[must_use]
    pub fn as_expected(&self) -> bool {
        self.failures.is_empty()
            && self.unknown_because.is_empty()
            && self.not_deterministic.is_empty()
    }

    /// Takes in a run of the range.
    pub(super) fn count(&mut self, run: &RunReport) {
        self.runs += 1;
        match run.verdict {
            Verdict::Ok => self.ok += 1,
            Verdict::Violation => self.violations += 1,
            Verdict::Unknown => self.unknown += 1,
        }
        self.events += run.events;
        self.virtual_ns += run.virtual_ns;
        for (runs, names) in [
            (&mut self.faults, &run.faults),
            (&mut self.held_back, &run.held_back),
            (&mut self.coverage, &run.coverage),
        ] {
            for name in names.keys() {
                *runs.entry(name.clone()).or_default() += 1;
            }
        }
        self.never_reached.retain(|mark| !run.coverage.contains_key(mark));
    }

    /// Takes in what any run, of the range or remembered, has to complain about.
    pub(super) fn judge(&mut self, run: &RunReport, again: Again) {
        if run.verdict == Verdict::Unknown && !run.as_expected {
            let reasons: BTreeSet<&String> = run.unknown_because.iter().collect();
            for reason in reasons {
                self.doubt(reason, Doubt { runs: 1, first_seed: run.seed });
            }
        }
        self.run_twice += u64::from(again != Again::No);
        if again == Again::Different {
            insert_sorted(&mut self.not_deterministic, run.seed, |seed| *seed);
        }
    }

    /// Takes in a failure.
    pub(super) fn fail(&mut self, failure: Failure) {
        insert_sorted(&mut self.failures, failure, |failure| failure.seed);
    }

    /// Takes in a reason for doubt. What the limit drops is greater than all that stays, so it never comes back.
    pub(super) fn doubt(&mut self, reason: &str, doubt: Doubt) {
        let known = self
            .unknown_because
            .entry(reason.to_owned())
            .or_insert(Doubt { runs: 0, first_seed: doubt.first_seed });
        known.runs += doubt.runs;
        known.first_seed = known.first_seed.min(doubt.first_seed);
        if self.unknown_because.len() > REASONS_MAX {
            self.unknown_because.pop_last();
            self.unknown_because_cut = true;
        }
    }
}

/// Inserts into a list that is sorted by its key; most of the time that is at its end.
fn insert_sorted<T>(list: &mut Vec<T>, item: T, key: impl Fn(&T) -> u64) {
    let place = list.partition_point(|known| key(known) <= key(&item));
    list.insert(place, item);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reasons_that_are_kept_do_not_depend_on_the_order_in_which_they_come() {
        let seeds: Vec<u64> = (0..1_000).collect();
        let summary = |seeds: &mut dyn Iterator<Item = &u64>| {
            let mut report = SweepReport::default();
            for &seed in seeds {
                let doubt = Doubt { runs: 1, first_seed: seed };
                report.doubt(&format!("reason {}", seed * 7 % 150), doubt);
            }
            report
        };
        let (forth, back) = (summary(&mut seeds.iter()), summary(&mut seeds.iter().rev()));
        assert_eq!(forth, back);
        assert_eq!(forth.unknown_because.len(), REASONS_MAX);
        assert!(forth.unknown_because_cut);
        // Each reason has come 6 or 7 times among 1,000 seeds, also those that came while the list was full.
        assert!(forth.unknown_because.values().all(|doubt| doubt.runs >= 6));
    }

    #[test]
    fn failures_stand_in_the_order_of_their_seeds() {
        let mut report = SweepReport::default();
        for seed in [70, 2, 5, 9] {
            report.fail(Failure { seed, ..Failure::default() });
        }
        let seeds: Vec<u64> = report.failures.iter().map(|failure| failure.seed).collect();
        assert_eq!(seeds, [2, 5, 9, 70]);
    }
}
