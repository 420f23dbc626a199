//! **Log matching**: if two logs have an entry of the same generation at the same index, they are equal
//! through it.
//!
//! Source: Ongaro and Ousterhout 2014, figure 3. Two prefixes are compared in one step, by the digest that
//! chains each entry to all before it. The comparison is with every log that ever was, not only with those
//! of the moment: an entry is made once, by the leader of its generation, after a prefix that never
//! changes.
//!
//! A log that begins with an installed snapshot takes over the history of the first entry that it shares
//! with a log whose history is known.

use crate::checkers::logs::{Entry, Logs};
use crate::checkers::window::{Floor, Window};
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::kernel::ids::{Generation, LogIndex, NodeId};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// Where an entry of one generation was seen first at an index.
#[derive(Clone, Copy, Debug)]
struct Sighting {
    entry: Entry,
    node: NodeId,
    at: Instant,
}

/// What was seen at one index, for each generation. There is rarely more than one.
#[derive(Debug)]
struct Sightings {
    first: Sighting,
    others: Vec<Sighting>,
}

impl Sightings {
    fn of(&mut self, generation: Generation) -> Option<&mut Sighting> {
        std::iter::once(&mut self.first)
            .chain(&mut self.others)
            .find(|sighting| sighting.entry.generation == generation)
    }
}

/// Judges that logs which share an entry share everything before it.
#[derive(Debug, Default)]
pub struct LogMatching {
    logs: Logs,
    seen: Window<Sightings>,
    floor: Floor,
    compared: u64,
}

impl LogMatching {
    fn appended(&mut self, event: &Event, node: NodeId, index: LogIndex) -> Result<(), Violation> {
        let log = &mut self.logs.of(node).log;
        let entry = log.get_mut(index).expect("the model has appended the entry");
        let new = Sighting { entry: *entry, node, at: event.at };
        let Some(sightings) = self.seen.get_mut(index) else {
            self.seen.set(index, Sightings { first: new, others: Vec::new() });
            return Ok(());
        };
        let Some(known) = sightings.of(entry.generation) else {
            sightings.others.push(new);
            return Ok(());
        };
        self.compared += u64::from(known.node != node);
        let equal = match (known.entry.chain, entry.chain) {
            (Some(known), Some(own)) => known == own,
            _ => known.entry.digest == entry.digest,
        };
        if !equal {
            let known = *known;
            return Err(self.violation(event, index, &known, &new));
        }
        let chain = known.entry.chain.or(entry.chain);
        known.entry.chain = chain;
        entry.chain = chain;
        Ok(())
    }

    fn violation(
        &mut self,
        event: &Event,
        index: LogIndex,
        known: &Sighting,
        new: &Sighting,
    ) -> Violation {
        let (one, other) = (known.node, new.node);
        let generation = new.entry.generation;
        let message = format!(
            "the logs of {one} and {other} both have an entry of {generation} at {index}, but differ \
             through it"
        );
        let tell = |sighting: &Sighting| {
            let Sighting { entry, node, at } = sighting;
            format!("{at} {node} appends {index} of {generation} ({:016x})", entry.digest)
        };
        let violation = Violation::new(event.at, message).because(tell(known)).because(tell(new));
        match self.first_difference(one, other, index) {
            Some(text) => violation.because(text),
            None => violation,
        }
    }

    /// Where the two logs begin to differ, if both still have it.
    fn first_difference(&mut self, one: NodeId, other: NodeId, last: LogIndex) -> Option<String> {
        let (one_log, other_log) = (self.logs.of(one).log.clone(), self.logs.of(other).log.clone());
        (one_log.base.next().0..=last.0).map(LogIndex).find_map(|index| {
            let (a, b) = (one_log.get(index)?, other_log.get(index)?);
            (a.generation != b.generation || a.digest != b.digest).then(|| {
                format!(
                    "they differ first at {index}: {} ({:016x}) at {one}, {} ({:016x}) at {other}",
                    a.generation, a.digest, b.generation, b.digest
                )
            })
        })
    }

    /// A log that begins with a snapshot has the history of whoever appended the entry there.
    fn based(&mut self, node: NodeId, index: LogIndex, generation: Generation) {
        let log = &mut self.logs.of(node).log;
        if log.base == index && log.base_chain.is_none() {
            let known = self.seen.get_mut(index).and_then(|seen| seen.of(generation));
            log.base_chain = known.and_then(|sighting| sighting.entry.chain);
        }
    }
}

impl Checker for LogMatching {
    fn name(&self) -> &'static str {
        "log-matching"
    }

    fn interest(&self) -> Interest {
        Interest::CLAIMS.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        let claim = match (&event.fact, event.node) {
            (Fact::Claimed(claim), Some(node)) => Some((claim, node)),
            _ => None,
        };
        if let Some((&Claim::Append { index, .. }, node)) = claim {
            let last = self.logs.of(node).log.last();
            if index > last.next() {
                let message = format!("{node} appends {index}, but its log ends at {last}");
                return Err(Violation::new(event.at, message).because(event));
            }
        }
        self.logs.observe(event);
        match claim {
            Some((&Claim::Append { index, .. }, node)) => self.appended(event, node, index)?,
            Some((&Claim::Snapshot { index, generation, .. }, node)) => {
                self.based(node, index, generation);
            }
            _ => {}
        }
        if let Some(floor) = self.floor.observe(event) {
            // The entry at the floor stays: it tells the next snapshot's history.
            self.seen.forget(floor.previous(), |_, _| {});
        }
        Ok(())
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.compared == 0 {
            return Judgement::Vacuous("no two nodes ever had an entry at the same index".into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};

    fn both(entries: &[(u64, u64, u64)]) -> Script {
        entries.iter().fold(Script::new(), |script, &(index, generation, digest)| {
            script.append(0, (index, generation), digest).append(1, (index, generation), digest)
        })
    }

    #[test]
    fn equal_logs_match_as_do_logs_that_differ_by_generation() {
        let script = both(&[(1, 1, 11), (2, 1, 12)]).append(0, (3, 1), 13).append(1, (3, 2), 23);
        assert_ok(&script.judged_by("log-matching"));
    }

    #[test]
    fn one_generation_with_two_entries_at_one_index_is_a_violation() {
        let script = both(&[(1, 1, 11)]).append(0, (2, 1), 12).append(1, (2, 1), 99);
        let judgement = script.judged_by("log-matching");
        assert_violation(&judgement, "both have an entry of generation 1 at index 2");
        assert_violation(&judgement, "they differ first at index 2");
    }

    #[test]
    fn a_common_entry_after_different_prefixes_is_a_violation() {
        // What a follower does that never compares the previous entry.
        let script = Script::new()
            .append(0, (1, 1), 11)
            .append(1, (1, 2), 21)
            .append(1, (2, 2), 22)
            .append(0, (2, 2), 22);
        let judgement = script.judged_by("log-matching");
        assert_violation(&judgement, "they differ first at index 1: generation 2");
    }

    #[test]
    fn an_entry_that_was_truncated_is_still_compared() {
        let script = both(&[(1, 1, 11)]).append(0, (2, 1), 12).truncate(0, 2).append(1, (2, 1), 13);
        assert_violation(&script.judged_by("log-matching"), "at index 2");
    }

    #[test]
    fn a_log_goes_on_after_a_snapshot_with_the_history_of_the_snapshot() {
        let entries = [(1, 1, 11), (2, 1, 12), (3, 1, 13)];
        let installed = both(&entries).snapshot(2, (3, 1), 7).append(0, (4, 1), 14);
        assert_ok(&installed.clone().append(2, (4, 1), 14).judged_by("log-matching"));
        let judgement = installed.append(2, (4, 1), 15).judged_by("log-matching");
        assert_violation(&judgement, "at index 4");
    }

    #[test]
    fn a_log_of_unknown_history_takes_over_that_of_a_shared_entry() {
        let script = Script::new()
            .snapshot(2, (1, 1), 7)
            .append(2, (2, 1), 12)
            .append(0, (1, 1), 11)
            .append(0, (2, 1), 12)
            .append(2, (3, 1), 13);
        assert_ok(&script.clone().append(0, (3, 1), 13).judged_by("log-matching"));
        let judgement = script.append(0, (3, 1), 14).judged_by("log-matching");
        assert_violation(&judgement, "at index 3");
    }

    #[test]
    fn what_is_known_of_a_history_is_compared_further_on() {
        // Node 1 has another entry at index 2, and the same at index 3.
        let other = both(&[(1, 1, 11)]).truncate(1, 1).append(1, (1, 1), 11).append(1, (2, 9), 99);
        let other = other.append(0, (2, 1), 12);
        let adopted = other.clone().snapshot(2, (1, 1), 7).append(2, (2, 1), 12);
        for based in [adopted, other.snapshot(2, (2, 1), 7)] {
            let script = based.append(2, (3, 2), 13);
            let judgement = script.append(1, (3, 2), 13).judged_by("log-matching");
            assert_violation(&judgement, "of generation 2 at index 3, but differ through it");
        }
        // Node 3 learns its history only from the entry at index 2, and hands it on.
        let unknown = Script::new().snapshot(3, (1, 1), 7).append(0, (1, 1), 11);
        let learned = unknown.append(0, (2, 1), 12).append(3, (2, 1), 12).append(3, (3, 2), 13);
        let other = learned.append(1, (1, 1), 11).append(1, (2, 9), 99).append(1, (3, 2), 13);
        assert_violation(&other.judged_by("log-matching"), "they differ first at index 2");
    }

    #[test]
    fn a_history_that_becomes_known_later_is_compared_as_well() {
        // Node 2 appends the entry first, and node 0, which has it as well, tells what was before.
        let learned = Script::new().snapshot(2, (1, 1), 7).append(2, (2, 1), 12);
        let learned = learned.append(0, (1, 1), 11).append(0, (2, 1), 12);
        let other = learned.append(1, (1, 9), 99).append(1, (2, 1), 12);
        assert_violation(
            &other.judged_by("log-matching"),
            "of generation 1 at index 2, but differ",
        );
    }

    #[test]
    fn an_older_snapshot_says_nothing_about_a_history() {
        let entries = [(1, 1, 11), (2, 1, 12), (3, 1, 13)];
        let script = both(&entries).start(0).start(1);
        let script = script.snapshot(2, (5, 1), 7).snapshot(2, (3, 1), 7);
        let script = script.append(2, (6, 1), 16).append(0, (4, 1), 14).append(0, (5, 1), 15);
        assert_ok(&script.append(0, (6, 1), 16).judged_by("log-matching"));
    }

    #[test]
    fn a_restarted_node_that_tells_another_log_is_compared_with_its_former_self() {
        let script = both(&[(1, 1, 11)]).stop(0).start(0).recovering(0);
        assert_ok(&script.clone().append(0, (1, 1), 11).judged_by("log-matching"));
        assert_violation(&script.append(0, (1, 1), 12).judged_by("log-matching"), "at index 1");
    }

    #[test]
    fn a_hole_is_a_violation() {
        let judgement = both(&[(1, 1, 11)]).append(0, (3, 1), 13).judged_by("log-matching");
        assert_violation(&judgement, "appends index 3, but its log ends at index 1");
    }

    #[test]
    fn with_one_log_only_there_is_nothing_to_compare() {
        let script = Script::new().append(0, (1, 1), 11).append(0, (2, 1), 12);
        assert_unknown(&script.judged_by("log-matching"), "no two nodes");
    }

    #[test]
    fn what_all_have_in_a_snapshot_is_forgotten() {
        let mut checker = LogMatching::default();
        let mut script = Script::new().start(0).start(1);
        for index in 1..=1000 {
            script = script.append(0, (index, 1), index).append(1, (index, 1), index);
            if index % 10 == 0 {
                script = script.snapshot(0, (index, 1), 0).snapshot(1, (index, 1), 0);
            }
        }
        assert!(script.events().iter().all(|event| checker.observe(event).is_ok()));
        assert_eq!((checker.seen.first(), checker.seen.last()), (LogIndex(1000), LogIndex(1000)));
    }
}
