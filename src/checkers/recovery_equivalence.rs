//! **Recovery equivalence**: a restarted node finds exactly what was durable, perhaps something that was
//! not yet, and nothing that never was; and its state is the one that the replay of that log yields.
//!
//! Three things are judged at each `Recovered`:
//!
//! 1. every entry that was durable before the stop is there, or a snapshot covers it;
//! 2. every other entry was once appended by somebody at that index. An entry beyond the end of the old
//!    log, of a generation no older than its last, may be unknown: power may fail after a write reached the
//!    disk and before the node could say so;
//! 3. the state after the last applied index is the one that any other node had there.
//!
//! A recovery that is itself interrupted is compared, once it ends, with the log of the last life that had
//! ended one: so recovering twice must give the same as recovering once. Source: Mohan et al., *ARIES*,
//! 1992, section 1.1.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkers::logs::{Entry, Log, Logs};
use crate::checkers::window::{Floor, Window};
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::kernel::ids::{Generation, LogIndex, NodeId};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// How many states are remembered.
const STATES_KEPT: usize = 1024;

/// What was ever appended at one index: rarely more than one entry.
#[derive(Debug)]
struct Appended {
    first: (Generation, u64),
    others: Vec<(Generation, u64)>,
}

impl Appended {
    fn contains(&self, entry: (Generation, u64)) -> bool {
        self.first == entry || self.others.contains(&entry)
    }
}

/// Judges that recovery yields what was durable.
#[derive(Debug, Default)]
pub struct RecoveryEquivalence {
    logs: Logs,
    appended: Window<Appended>,
    states: BTreeMap<LogIndex, (u64, NodeId, Instant)>,
    floor: Floor,
    /// Recoveries of nodes that had something durable.
    recoveries: u64,
    /// Nodes whose disks may have broken their promises.
    suspects: BTreeSet<NodeId>,
}

/// What a node says at the end of its recovery.
#[derive(Clone, Copy)]
struct Recovered {
    node: NodeId,
    last: LogIndex,
    applied: LogIndex,
    state: u64,
}

impl RecoveryEquivalence {
    fn remember(&mut self, index: LogIndex, entry: (Generation, u64)) {
        match self.appended.get_mut(index) {
            None => self.appended.set(index, Appended { first: entry, others: Vec::new() }),
            Some(known) if known.contains(entry) => {}
            Some(known) => known.others.push(entry),
        }
    }

    fn remember_state(&mut self, event: &Event, node: NodeId, state: (LogIndex, u64)) {
        self.states.entry(state.0).or_insert((state.1, node, event.at));
        if self.states.len() > STATES_KEPT {
            self.states.pop_first();
        }
    }

    fn recovered(&mut self, event: &Event, recovered: Recovered) -> Result<(), Violation> {
        let Recovered { node, last, applied, state } = recovered;
        let known = self.logs.of(node);
        let before = known.before.clone().unwrap_or_default();
        let found = known.log.clone();
        self.recoveries += u64::from(before.durable > LogIndex(0));
        let wrong = lost(node, &before, &found)
            .or_else(|| self.invented(node, &before, &found))
            .or_else(|| (found.last() != last).then(|| wrong_end(node, &found, last)))
            .or_else(|| self.other_state(node, applied, state));
        if let Some((message, because)) = wrong {
            return Err(Violation::new(event.at, message).because(because).because(event));
        }
        for index in (found.base.0 + 1..=found.last().0).map(LogIndex) {
            if let Some(&entry) = found.get(index) {
                self.remember(index, (entry.generation, entry.digest));
            }
        }
        self.remember_state(event, node, (applied, state));
        Ok(())
    }

    /// The first entry that nobody ever appended.
    fn invented(&self, node: NodeId, before: &Log, found: &Log) -> Option<(String, String)> {
        (found.base.0 + 1..=found.last().0).map(LogIndex).find_map(|index| {
            let new = found.get(index)?;
            let beyond = index > before.last() && new.generation >= before.last_generation();
            let known = self.appended.get(index);
            let never = match known {
                Some(known) => !known.contains((new.generation, new.digest)),
                None => index > self.appended.last(),
            };
            (never && !beyond).then(|| {
                let message = format!(
                    "{node} recovered {} at {index}, which nobody ever appended there",
                    describe(new)
                );
                (message, format!("the log of {node} ended at {} before", before.last()))
            })
        })
    }

    fn other_state(&self, node: NodeId, applied: LogIndex, state: u64) -> Option<(String, String)> {
        let &(known, other, at) = self.states.get(&applied)?;
        (known != state).then(|| {
            let message =
                format!("{node} recovered another state after {applied} than {other} had");
            let because = format!(
                "{at} the state of {other} after {applied} is {known:016x}; that of {node} is now \
                 {state:016x}"
            );
            (message, because)
        })
    }
}

/// The first durable entry that is not there any more.
fn lost(node: NodeId, before: &Log, found: &Log) -> Option<(String, String)> {
    let was_durable = format!(
        "{node} had its log durable through {}, {} of it in a snapshot, when it stopped",
        before.durable, before.base
    );
    if replaced(before, found) {
        return None;
    }
    if found.last() < before.durable {
        let message = format!(
            "{node} recovered its log through {}, but it was durable through {}",
            found.last(),
            before.durable
        );
        return Some((message, was_durable));
    }
    (before.base.0 + 1..=before.durable.0).map(LogIndex).find_map(|index| {
        let old = before.get(index)?;
        (!found.holds(index, old.generation, old.digest)).then(|| {
            let new = found.get(index).map_or_else(|| "nothing".to_owned(), describe);
            let message =
                format!("{node} recovered {new} at {index}, where {} was durable", describe(old));
            (message, was_durable.clone())
        })
    })
}

/// Whether a snapshot of another history took the place of the whole log: power failed after it was
/// installed and before the node could say so.
fn replaced(before: &Log, found: &Log) -> bool {
    let old = before.get(found.base);
    old.is_some_and(|old| old.generation != found.base_generation)
}

fn describe(entry: &Entry) -> String {
    format!("an entry of {} ({:016x})", entry.generation, entry.digest)
}

fn wrong_end(node: NodeId, found: &Log, last: LogIndex) -> (String, String) {
    let message = format!("{node} says that it recovered its log through {last}");
    (message, format!("what {node} found ends at {}", found.last()))
}

impl Checker for RecoveryEquivalence {
    fn name(&self) -> &'static str {
        "recovery-equivalence"
    }

    fn interest(&self) -> Interest {
        Interest::CLAIMS.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        match (&event.fact, event.node) {
            // What such a node finds on its disk proves nothing about the node.
            (Fact::DiskSuspect, Some(node)) => {
                self.suspects.insert(node);
            }
            (&Fact::Claimed(Claim::Recovered { .. }), Some(node))
                if self.suspects.contains(&node) => {}
            (&Fact::Claimed(Claim::Recovered { last, applied, state }), Some(node)) => {
                self.recovered(event, Recovered { node, last, applied, state })?;
            }
            (&Fact::Claimed(Claim::Append { index, generation, digest }), Some(node))
                if !self.logs.of(node).is_recovering() =>
            {
                self.remember(index, (generation, digest));
            }
            (&Fact::Claimed(Claim::Snapshot { index, state, .. }), Some(node))
                if !self.logs.of(node).is_recovering() =>
            {
                self.remember_state(event, node, (index, state));
            }
            _ => {}
        }
        self.logs.observe(event);
        if let Some(floor) = self.floor.observe(event) {
            self.appended.forget(floor, |_, _| {});
        }
        Ok(())
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.recoveries == 0 {
            let why = "no node that had something durable was restarted";
            return Judgement::Vacuous(why.into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};

    const NAME: &str = "recovery-equivalence";

    /// Two durable entries, a third that is not, and power fails.
    fn stopped() -> Script {
        Script::new()
            .append(0, (1, 1), 11)
            .append(0, (2, 1), 12)
            .durable(0, 2)
            .append(0, (3, 1), 13)
            .stop(0)
            .start(0)
            .recovering(0)
    }

    #[test]
    fn what_was_durable_is_there_and_the_rest_may_be() {
        let short = stopped().append(0, (1, 1), 11).append(0, (2, 1), 12);
        assert_ok(&short.clone().recovered(0, 2, (0, 0)).judged_by(NAME));
        let long = short.append(0, (3, 1), 13).recovered(0, 3, (0, 0));
        assert_ok(&long.judged_by(NAME));
    }

    #[test]
    fn a_durable_entry_that_is_missing_is_a_violation() {
        let judgement = stopped().append(0, (1, 1), 11).recovered(0, 1, (0, 0)).judged_by(NAME);
        assert_violation(&judgement, "recovered its log through index 1, but it was durable");
    }

    #[test]
    fn a_durable_entry_that_changed_is_a_violation() {
        let script = stopped().append(0, (1, 1), 11).append(0, (2, 1), 99);
        let judgement = script.recovered(0, 2, (0, 0)).judged_by(NAME);
        assert_violation(&judgement, "at index 2, where an entry of generation 1 (00000");
        let known = Script::new().append(1, (1, 1), 11).append(1, (2, 0), 22);
        let script = known.append(0, (1, 1), 11).append(0, (2, 1), 12).durable(0, 2).stop(0);
        let script = script.recovering(0).append(0, (1, 1), 11).append(0, (2, 0), 22);
        let judgement = script.recovered(0, 2, (0, 0)).judged_by(NAME);
        assert_violation(&judgement, "at index 2, where an entry of generation 1 (00000");
    }

    #[test]
    fn an_entry_that_nobody_appended_is_a_violation() {
        let script = stopped().append(0, (1, 1), 11).append(0, (2, 1), 12).append(0, (3, 1), 99);
        let judgement = script.recovered(0, 3, (0, 0)).judged_by(NAME);
        assert_violation(&judgement, "at index 3, which nobody ever appended there");
    }

    #[test]
    fn an_entry_beyond_the_old_end_is_allowed_unless_it_is_of_an_older_generation() {
        let whole = |script: Script| {
            script.append(0, (1, 1), 11).append(0, (2, 1), 12).append(0, (3, 1), 13)
        };
        let newer = whole(stopped()).append(0, (4, 1), 14).recovered(0, 4, (0, 0));
        assert_ok(&newer.judged_by(NAME));
        // From then on it is an entry like any other.
        let again = whole(newer.stop(0).start(0).recovering(0)).append(0, (4, 1), 14);
        assert_ok(&again.recovered(0, 4, (0, 0)).judged_by(NAME));
        let older = whole(stopped()).append(0, (4, 0), 14).recovered(0, 4, (0, 0));
        assert_violation(&older.judged_by(NAME), "at index 4, which nobody ever appended");
    }

    #[test]
    fn an_entry_that_was_truncated_may_come_back() {
        let script = Script::new()
            .append(0, (1, 1), 11)
            .append(0, (2, 1), 12)
            .durable(0, 2)
            .truncate(0, 2)
            .append(0, (2, 2), 22)
            .stop(0)
            .start(0)
            .recovering(0)
            .append(0, (1, 1), 11)
            .append(0, (2, 1), 12)
            .recovered(0, 2, (0, 0));
        assert_ok(&script.judged_by(NAME));
    }

    #[test]
    fn an_interrupted_recovery_does_not_excuse_a_loss() {
        let script = stopped().append(0, (1, 1), 11).stop(0).start(0).recovering(0);
        let judgement = script.append(0, (1, 1), 11).recovered(0, 1, (0, 0)).judged_by(NAME);
        assert_violation(&judgement, "but it was durable through index 2");
    }

    #[test]
    fn a_snapshot_covers_durable_entries_and_is_itself_durable() {
        let covered = stopped().snapshot(0, (2, 1), 7).recovered(0, 2, (2, 7));
        assert_ok(&covered.judged_by(NAME));
        let script = covered.stop(0).start(0).recovering(0).recovered(0, 0, (0, 0));
        assert_violation(&script.judged_by(NAME), "durable through index 2");
    }

    #[test]
    fn an_installed_snapshot_of_another_history_takes_the_place_of_the_log() {
        // The log had a durable entry of generation 1 at index 2 and one after it.
        let script = stopped().stop(0).append(0, (1, 1), 11).append(0, (2, 1), 12);
        let script = script.append(0, (3, 1), 13).durable(0, 3).recovered(0, 3, (0, 0));
        let again = script.stop(0).start(0).recovering(0);
        let other = again.clone().snapshot(0, (2, 5), 7).recovered(0, 2, (2, 7));
        assert_ok(&other.judged_by(NAME));
        let same = again.snapshot(0, (2, 1), 7).recovered(0, 2, (2, 7));
        assert_violation(&same.judged_by(NAME), "durable through index 3");
    }

    #[test]
    fn another_state_than_others_had_is_a_violation() {
        let script = stopped().snapshot(1, (2, 1), 7).append(0, (1, 1), 11).append(0, (2, 1), 12);
        assert_ok(&script.clone().recovered(0, 2, (2, 7)).judged_by(NAME));
        let judgement = script.recovered(0, 2, (2, 8)).judged_by(NAME);
        assert_violation(&judgement, "another state after index 2 than node#1 had");
    }

    #[test]
    fn what_was_recovered_is_what_others_must_recover() {
        let recovers = |script: Script, node, state| {
            let script = script.append(node, (1, 1), 11).durable(node, 1).stop(node).start(node);
            script.recovering(node).append(node, (1, 1), 11).recovered(node, 1, (1, state))
        };
        let first = recovers(Script::new(), 0, 7);
        assert_ok(&recovers(first.clone(), 1, 7).judged_by(NAME));
        let says = "node#1 recovered another state after index 1 than node#0 had";
        assert_violation(&recovers(first, 1, 8).judged_by(NAME), says);
    }

    #[test]
    fn a_snapshot_that_is_told_in_an_interrupted_recovery_proves_no_state() {
        let script = stopped().snapshot(0, (2, 1), 8).stop(0).start(0).recovering(0);
        let script = script.snapshot(0, (2, 1), 7).recovered(0, 2, (2, 7));
        assert_ok(&script.judged_by(NAME));
    }

    #[test]
    fn what_another_node_appended_there_is_known() {
        let script = stopped().append(1, (1, 1), 11).append(1, (2, 1), 12).append(1, (3, 0), 33);
        let script = script.append(0, (1, 1), 11).append(0, (2, 1), 12).append(0, (3, 0), 33);
        assert_ok(&script.recovered(0, 3, (0, 0)).judged_by(NAME));
    }

    #[test]
    fn what_was_forgotten_is_not_invented() {
        let script =
            Script::new().start(0).append(0, (1, 1), 11).append(0, (2, 1), 12).durable(0, 2);
        let script = script.snapshot(0, (2, 1), 7).stop(0).start(0).recovering(0);
        let script = script.append(0, (1, 1), 11).append(0, (2, 1), 12).recovered(0, 2, (2, 7));
        assert_ok(&script.judged_by(NAME));
    }

    #[test]
    fn a_disk_that_may_have_broken_its_promise_proves_nothing() {
        let script = stopped().disk_suspect(0).append(0, (1, 1), 11).recovered(0, 1, (0, 0));
        assert_unknown(&script.judged_by(NAME), "no node that had something durable");
    }

    #[test]
    fn memory_stays_flat_as_snapshots_are_taken() {
        let mut checker = RecoveryEquivalence::default();
        let mut script = Script::new().start(0).start(1);
        let count = 2 * STATES_KEPT as u64;
        for index in 1..=count {
            script = script.append(0, (index, 1), index).append(1, (index, 1), index);
            script = script.snapshot(0, (index, 1), index);
        }
        let script = script.snapshot(1, (count - 1, 1), count - 1);
        assert!(script.events().iter().all(|event| checker.observe(event).is_ok()));
        assert_eq!(checker.states.len(), STATES_KEPT);
        assert_eq!(
            (checker.appended.first(), checker.appended.last()),
            (LogIndex(count), LogIndex(count))
        );
        let last = checker.appended.get(LogIndex(count)).expect("it is not in both snapshots");
        assert!(last.others.is_empty(), "both nodes have appended the same");
    }

    #[test]
    fn the_claimed_end_is_the_end_of_what_was_told() {
        let script = stopped().append(0, (1, 1), 11).append(0, (2, 1), 12).recovered(0, 5, (0, 0));
        assert_violation(&script.judged_by(NAME), "says that it recovered its log through index 5");
    }

    #[test]
    fn a_replaced_disk_is_expected_to_be_empty() {
        let script = Script::new().append(0, (1, 1), 11).durable(0, 1).stop(0).wipe(0).start(0);
        let script = script.recovering(0).recovered(0, 0, (0, 0));
        assert_unknown(&script.judged_by(NAME), "no node that had something durable");
    }

    #[test]
    fn a_first_start_is_no_recovery() {
        let script = Script::new().start(0).recovering(0).recovered(0, 0, (0, 0));
        assert_unknown(&script.judged_by(NAME), "no node that had something durable");
    }
}
