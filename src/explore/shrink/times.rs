//! When things happen: the run is cut behind the violation, time in which nothing happens is taken out, times are rounded.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::explore::shrink::{Edit, Shrinker, set};
use crate::kernel::time::{Instant, nanos};
use crate::scenario::Scenario;

/// Gaps that are shorter are left alone: a script is not a benchmark.
const GAP_LEAST: Duration = Duration::from_millis(20);
/// The checker for which the quiet tail must stay: without one it would judge the final reads, and the story would be about
/// them.
const JUDGES_THE_TAIL: &str = "progress";
/// A run that is shorter than this has no beginning to be left out at once.
const BEGINNING_LEAST: Duration = Duration::from_secs(4);
/// What follows a left-out beginning waits for so long, so that there is a leader who can serve it.
const FOUNDING: Duration = Duration::from_secs(1);
/// Of so many moments each gap is looked at; of more only those that are worth it.
const MOMENTS_MAX: usize = 80;
/// The units to which times are rounded, the coarsest first.
const UNITS: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_millis(100),
    Duration::from_millis(10),
    Duration::from_millis(1),
];

/// Ends the run right behind the violation, or, if it shows only at the end, as early as possible.
pub(super) fn cut(shrinker: &mut Shrinker<'_>) -> bool {
    let scenario = shrinker.best();
    let (duration, quiet) = (scenario.duration, scenario.quiet);
    let behind = shrinker.found_at().since(Instant::ZERO) + Duration::from_millis(1);
    let behind = rounded_up(behind, Duration::from_millis(10));
    let mut ends = Vec::new();
    if behind < duration {
        ends.push((behind, Duration::ZERO));
    } else if behind < duration + quiet {
        ends.push((duration, behind.saturating_sub(duration)));
    }
    ends.extend([1, 2, 4, 6, 7].map(|eighths| (duration * eighths / 8, quiet)));
    if shrinker.bench.checker() != JUDGES_THE_TAIL {
        ends.extend([0, 1, 2, 4, 6, 7].map(|eighths| (duration, quiet * eighths / 8)));
    }
    let ending = |(duration, quiet)| -> Edit {
        Box::new(move |scenario| ending_at(scenario, duration, quiet))
    };
    let edits: Vec<Edit> = ends.into_iter().map(ending).collect();
    shrinker.pass_until_first(&edits)
}

/// The scenario with an earlier end, without what would happen behind it.
fn ending_at(scenario: &Scenario, duration: Duration, quiet: Duration) -> Option<Scenario> {
    let end = Instant::ZERO + duration + quiet;
    if duration + quiet >= scenario.length() || duration.is_zero() {
        return None;
    }
    let mut shorter = scenario.clone();
    (shorter.duration, shorter.quiet) = (duration, quiet);
    shorter.faults.retain(|fault| fault.at <= Instant::ZERO + duration);
    if let Some(script) = &mut shorter.workload.script {
        script.retain(|entry| entry.at < end);
    }
    if let Some(watch) = &mut shorter.watch {
        watch.to = watch.to.min(end);
        if watch.from >= watch.to {
            return None;
        }
    }
    Some(shorter)
}

/// Leaves out the beginning: what happens shortly before the violation often suffices, and makes a much shorter run.
pub(super) fn begin_late(shrinker: &mut Shrinker<'_>) -> bool {
    let found = shrinker.found_at();
    let before = found.since(Instant::ZERO);
    let edits = [15, 14, 12, 8, 4].map(|sixteenths| -> Edit {
        let by = Duration::from_millis((before * sixteenths / 16).as_millis() as u64);
        Box::new(move |scenario| beginning_at(scenario, Instant::ZERO + by))
    });
    before >= BEGINNING_LEAST && shrinker.pass_until_first(&edits)
}

/// The scenario without what happens before this time; a cluster needs some time to be founded, so the rest waits for it.
fn beginning_at(scenario: &Scenario, begin: Instant) -> Option<Scenario> {
    let mut shorter = scenario.clone();
    shorter.faults.retain(|fault| fault.at >= begin);
    shorter.workload.script.as_mut()?.retain(|entry| entry.at >= begin);
    let first = moments(&shorter).into_iter().find(|at| *at > Instant::ZERO)?;
    let by = first.since(Instant::ZERO).checked_sub(FOUNDING)?;
    earlier(&shorter, first, by)
}

/// Takes out time in which nothing is asked and no fault begins: the whole gap, or at least a part of it.
pub(super) fn squeeze(shrinker: &mut Shrinker<'_>) -> bool {
    let scenario = shrinker.best();
    let moments: Vec<Instant> = moments(scenario).into_iter().collect();
    let worth_it = if moments.len() <= MOMENTS_MAX { GAP_LEAST } else { scenario.length() / 50 };
    let gaps = moments.windows(2).map(|two| (two[1], two[1].since(two[0])));
    let gaps = gaps.filter(|(_, gap)| *gap >= worth_it.max(GAP_LEAST));
    let parts = |(at, gap): (Instant, Duration)| {
        [8, 6, 4, 2, 1].map(|eighths| -> Edit {
            let by = Duration::from_millis((gap * eighths / 8).as_millis() as u64);
            Box::new(move |scenario| earlier(scenario, at, by))
        })
    };
    // From the last gap to the first: what happens before a gap stays where it is.
    let edits: Vec<Edit> = gaps.rev().flat_map(parts).collect();
    shrinker.pass(edits)
}

/// The times that a scenario names.
fn moments(scenario: &Scenario) -> BTreeSet<Instant> {
    let end = Instant::ZERO + scenario.duration;
    let mut moments = BTreeSet::from([Instant::ZERO, end, end + scenario.quiet]);
    moments.extend(scenario.faults.iter().map(|fault| fault.at));
    moments.extend(scenario.workload.script.iter().flatten().map(|entry| entry.at));
    moments.extend(scenario.watch.iter().flat_map(|watch| [watch.from, watch.to]));
    moments
}

/// Everything from `from` on happens this much earlier; `None` unless just before it nothing happens for so long.
fn earlier(scenario: &Scenario, from: Instant, by: Duration) -> Option<Scenario> {
    let moments = moments(scenario);
    let before = moments.range(..from).next_back()?;
    if by.is_zero() || !moments.contains(&from) || from.since(*before) < by {
        return None;
    }
    let shifted = |at: Instant| {
        if at < from { at } else { Instant::from_nanos(at.as_nanos() - nanos(by)) }
    };
    let mut shorter = scenario.clone();
    let duration = shifted(Instant::ZERO + scenario.duration);
    let end = shifted(Instant::ZERO + scenario.length());
    shorter.duration = duration.since(Instant::ZERO);
    shorter.quiet = end.since(duration);
    for fault in &mut shorter.faults {
        fault.at = shifted(fault.at);
    }
    for entry in shorter.workload.script.iter_mut().flatten() {
        entry.at = shifted(entry.at);
    }
    if let Some(watch) = &mut shorter.watch {
        (watch.from, watch.to) = (shifted(watch.from), shifted(watch.to));
    }
    (!shorter.duration.is_zero()).then_some(shorter)
}

/// Rounds times to whole seconds, or to what is possible.
pub(super) fn round(shrinker: &mut Shrinker<'_>) {
    let faults = shrinker.best().faults.len();
    let operations = shrinker.best().workload.script.as_ref().map_or(0, Vec::len);
    let mut edits: Vec<Edit> = Vec::new();
    for unit in UNITS {
        edits.push(set(move |it| {
            round_end(it, unit);
            (0..faults).for_each(|place| round_fault(it, place, unit));
            (0..operations).for_each(|place| round_operation(it, place, unit));
        }));
    }
    for unit in UNITS {
        edits.push(set(move |it| round_end(it, unit)));
        edits.extend((0..faults).map(|place| set(move |it| round_fault(it, place, unit))));
        edits.push(set(move |it| (0..operations).for_each(|at| round_operation(it, at, unit))));
        if operations <= MOMENTS_MAX {
            let single = |place| set(move |it| round_operation(it, place, unit));
            edits.extend((0..operations).map(single));
        }
    }
    shrinker.pass(edits);
}

fn round_end(scenario: &mut Scenario, unit: Duration) {
    scenario.duration = rounded_up(scenario.duration, unit);
    scenario.quiet = rounded_up(scenario.quiet, unit);
}

fn round_fault(scenario: &mut Scenario, place: usize, unit: Duration) {
    let Some(fault) = scenario.faults.get_mut(place) else { return };
    fault.at = rounded_time(fault.at, unit);
    fault.lasts = fault.lasts.map(|lasts| rounded_up(lasts, unit));
}

fn round_operation(scenario: &mut Scenario, place: usize, unit: Duration) {
    let entry = scenario.workload.script.as_mut().and_then(|script| script.get_mut(place));
    if let Some(entry) = entry {
        entry.at = rounded_time(entry.at, unit);
    }
}

fn rounded_time(at: Instant, unit: Duration) -> Instant {
    let unit = nanos(unit);
    Instant::from_nanos((at.as_nanos() + unit / 2) / unit * unit)
}

pub(super) fn rounded_up(span: Duration, unit: Duration) -> Duration {
    Duration::from_nanos(nanos(span).next_multiple_of(nanos(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::systems::SystemChoice;
    use crate::world::cluster::Cluster;
    use crate::world::fault::{Fault, ScheduledFault, Target};

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    /// Pauses after these many milliseconds, in a run of ten seconds and five more.
    fn pauses(millis: &[u64]) -> Scenario {
        let pause =
            |&millis: &u64| ScheduledFault::new(at(millis), Fault::Pause { target: Target::Any });
        Scenario {
            faults: millis.iter().map(pause).collect(),
            duration: Duration::from_secs(10),
            quiet: Duration::from_secs(5),
            ..Scenario::new("pauses", SystemChoice::named("raft-kv"), Cluster::of_size(3))
        }
    }

    fn times(scenario: &Scenario) -> Vec<Instant> {
        scenario.faults.iter().map(|fault| fault.at).collect()
    }

    #[test]
    fn only_what_is_behind_a_gap_moves_and_only_by_the_gap() {
        let scenario = pauses(&[1_000, 4_000]);
        let moved = earlier(&scenario, at(4_000), Duration::from_secs(2)).expect("nothing between");
        assert_eq!(times(&moved), [at(1_000), at(2_000)]);
        assert_eq!((moved.duration.as_secs(), moved.quiet.as_secs()), (8, 5));
        assert_eq!(earlier(&scenario, at(4_000), Duration::from_secs(4)), None);
        assert_eq!(earlier(&scenario, at(3_000), Duration::from_secs(1)), None);
    }

    #[test]
    fn an_earlier_end_leaves_out_what_would_happen_behind_it() {
        let quiet = Duration::from_secs(1);
        let ended = ending_at(&pauses(&[1_000, 4_000]), Duration::from_secs(3), quiet);
        assert_eq!(times(&ended.expect("it is earlier")), [at(1_000)]);
        assert_eq!(ending_at(&pauses(&[]), Duration::from_secs(10), Duration::from_secs(5)), None);
    }
}
