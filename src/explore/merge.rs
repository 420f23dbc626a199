//! Putting the shards of a sweep together again.
//!
//! Whatever can be counted is added up; whatever does not fit is refused, because a sum over different sweeps, or with a
//! shard missing, would look like a result and be none.

use std::collections::BTreeMap;
use std::fmt;

use crate::explore::failure::Failure;
use crate::explore::seeds::Shard;
use crate::explore::summary::SweepReport;

/// A shard's result, with the name of the file that it was in.
#[derive(Clone, Debug)]
pub struct Part {
    /// The file.
    pub file: String,
    /// What was found.
    pub report: SweepReport,
}

/// Why shards do not fit together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeError {
    /// What is wrong, in which files, and what to do about it.
    pub message: String,
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for MergeError {}

fn refused<T>(message: String) -> Result<T, MergeError> {
    Err(MergeError { message })
}

/// What the sweep would have found without shards. `wall_ns` is that of the shard that took longest.
///
/// # Errors
/// If there is no part, if a shard is missing or there twice, or if parts are of different sweeps.
pub fn merge(parts: &[Part]) -> Result<SweepReport, MergeError> {
    let Some((first, others)) = parts.split_first() else {
        return refused("there is nothing to merge".into());
    };
    for other in others {
        same_sweep(first, other)?;
    }
    complete(parts)?;
    let mut whole = first.report.clone();
    whole.shard = None;
    for other in others {
        add(&mut whole, &other.report);
    }
    Ok(whole)
}

/// Whether two parts are of one sweep.
fn same_sweep(one: &Part, other: &Part) -> Result<(), MergeError> {
    let (a, b) = (&one.report, &other.report);
    let differs = |what: &str, of_one: String, of_other: String| {
        let (one, other) = (&one.file, &other.file);
        refused(format!(
            "{one} and {other} are of different sweeps: {what} {of_one} and {of_other}; merge the shards of one sweep"
        ))
    };
    if a.elara != b.elara {
        return differs("elara", a.elara.clone(), b.elara.clone());
    }
    if a.scenario != b.scenario {
        return differs("the scenarios", a.scenario.clone(), b.scenario.clone());
    }
    if a.scenario_digest != b.scenario_digest {
        let (of_one, of_other) = (a.scenario_digest.clone(), b.scenario_digest.clone());
        return differs("two versions of the scenario, with the digests", of_one, of_other);
    }
    if a.without != b.without {
        let off = |without: &[String]| match without {
            [] => "nothing".to_owned(),
            some => some.join(", "),
        };
        return differs("without", off(&a.without), off(&b.without));
    }
    if a.seeds != b.seeds {
        return differs("the seeds", a.seeds.to_string(), b.seeds.to_string());
    }
    Ok(())
}

/// Whether every shard is there, once.
fn complete(parts: &[Part]) -> Result<(), MergeError> {
    let of = shard(&parts[0]).of;
    let mut there: BTreeMap<u64, &Part> = BTreeMap::new();
    for part in parts {
        let file = &part.file;
        let shard = shard(part);
        if shard.of != of {
            let first = &parts[0].file;
            return refused(format!(
                "{first} is one of {of} shards, {file} is one of {}",
                shard.of
            ));
        }
        if let Some(other) = there.insert(shard.index, part) {
            return refused(format!("{} and {file} are both shard {shard}; name one", other.file));
        }
    }
    match (1..=of).find(|index| !there.contains_key(index)) {
        None => Ok(()),
        Some(missing) => {
            refused(format!("shard {missing}/{of} is missing; name the results of all {of} shards"))
        }
    }
}

fn shard(part: &Part) -> Shard {
    part.report.shard.unwrap_or(Shard::WHOLE)
}

fn add(whole: &mut SweepReport, part: &SweepReport) {
    whole.stopped = whole.stopped.or(part.stopped);
    whole.runs += part.runs;
    whole.ok += part.ok;
    whole.violations += part.violations;
    whole.unknown += part.unknown;
    whole.remembered.runs += part.remembered.runs;
    whole.remembered.failures += part.remembered.failures;
    whole.failures.extend(part.failures.iter().cloned());
    whole.failures.sort_by_key(|Failure { seed, .. }| *seed);
    whole.unknown_because_cut |= part.unknown_because_cut;
    for (reason, doubt) in &part.unknown_because {
        whole.doubt(reason, *doubt);
    }
    whole.run_twice += part.run_twice;
    whole.not_deterministic.extend(&part.not_deterministic);
    whole.not_deterministic.sort_unstable();
    whole.events += part.events;
    whole.virtual_ns += part.virtual_ns;
    whole.wall_ns = whole.wall_ns.max(part.wall_ns);
    for (sum, more) in [
        (&mut whole.faults, &part.faults),
        (&mut whole.held_back, &part.held_back),
        (&mut whole.coverage, &part.coverage),
    ] {
        for (name, runs) in more {
            *sum.entry(name.clone()).or_default() += runs;
        }
    }
    // A mark that one part has not reached is on its list; what all of them have on it, nobody has reached.
    whole.never_reached.retain(|mark| part.never_reached.contains(mark));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(file: &str, shard: Option<Shard>) -> Part {
        let report =
            SweepReport { scenario: "coast".into(), shard, runs: 10, ..SweepReport::default() };
        Part { file: file.into(), report }
    }

    fn message(parts: &[Part]) -> String {
        merge(parts).expect_err("they do not fit").message
    }

    #[test]
    fn the_shards_of_a_sweep_are_added_up() {
        let shards =
            [2, 1, 3].map(|index| part(&format!("{index}.json"), Some(Shard { index, of: 3 })));
        let whole = merge(&shards).expect("they fit");
        assert_eq!((whole.runs, whole.shard), (30, None));
        assert_eq!(merge(&[part("whole.json", None)]).map(|whole| whole.runs), Ok(10));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_names_of_the_files() {
        let one = part("a.json", Some(Shard { index: 1, of: 2 }));
        let two = part("b.json", Some(Shard { index: 2, of: 2 }));
        assert!(message(&[]).contains("nothing to merge"));
        assert!(message(std::slice::from_ref(&one)).contains("shard 2/2 is missing"));
        assert!(message(&[one.clone(), one.clone()]).contains("are both shard 1/2"));
        let third = part("c.json", Some(Shard { index: 3, of: 3 }));
        assert!(message(&[one.clone(), third]).contains("c.json is one of 3"));
        let changed = |change: fn(&mut SweepReport)| {
            let mut other = two.clone();
            change(&mut other.report);
            message(&[one.clone(), other])
        };
        let told = changed(|report| report.scenario = "power".into());
        assert!(told.starts_with("a.json and b.json are of different sweeps: the scenarios coast"));
        assert!(changed(|report| report.elara = "9.9".into()).contains("elara  and 9.9"));
        assert!(changed(|report| report.scenario_digest = "x".into()).contains("two versions"));
        assert!(changed(|report| report.seeds.to = 7).contains("1 to 100 and 1 to 7"));
        let told = changed(|report| report.without.push("pre-vote".into()));
        assert!(told.contains("without nothing and pre-vote"), "{told}");
    }
}
