//! **Leader completeness**: what a leader committed is in the log of each later leader, from its election
//! on; and when it was committed, it was durable on a majority.
//!
//! Source: Ongaro and Ousterhout 2014, figure 3 and section 5.4. *Later* is by generation, not by time: a
//! candidate of an older generation may learn late that it had won, lead nobody, and lack what was
//! committed meanwhile.
//!
//! The majority is counted only while the number of voters is known and constant: after a `reconfigure`
//! this part of the claim is no longer judged. A replaced disk counts as having had what it had
//! acknowledged.

use crate::checkers::logs::Logs;
use crate::checkers::window::{Floor, Window};
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::{Claim, Role};
use crate::kernel::ids::{Generation, LogIndex, NodeId};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// One committed entry and who committed it first.
#[derive(Clone, Copy, Debug)]
struct Committed {
    generation: Generation,
    digest: u64,
    leader: NodeId,
    under: Generation,
    at: Instant,
}

/// Judges that leaders have what was committed before them.
#[derive(Debug, Default)]
pub struct LeaderCompleteness {
    logs: Logs,
    committed: Window<Committed>,
    floor: Floor,
    /// How far each node has committed in its current leadership.
    through: Vec<LogIndex>,
    voters: Option<usize>,
    commits: u64,
}

impl LeaderCompleteness {
    /// A judge for a cluster with this many voters; `None` if that is not constant.
    #[must_use]
    pub fn new(voters: Option<usize>) -> Self {
        Self { voters, ..Self::default() }
    }

    fn through(&mut self, node: NodeId) -> &mut LogIndex {
        if self.through.len() <= node.index() {
            self.through.resize(node.index() + 1, LogIndex(0));
        }
        &mut self.through[node.index()]
    }

    fn elected(&mut self, event: &Event, node: NodeId, term: Generation) -> Result<(), Violation> {
        *self.through(node) = LogIndex(0);
        let log = &self.logs.of(node).log;
        for index in (self.committed.first().0..=self.committed.last().0).map(LogIndex) {
            let Some(known) = self.committed.get(index) else { continue };
            if known.under < term && !log.holds(index, known.generation, known.digest) {
                let what = format!("{node} leads {term} without the committed entry at {index}");
                return Err(self.lacking(event, node, (index, *known), what));
            }
        }
        Ok(())
    }

    fn committed(&mut self, event: &Event, node: NodeId, index: LogIndex) -> Result<(), Violation> {
        let Some(under) = self.logs.of(node).leads() else { return Ok(()) };
        self.commits += 1;
        let last = self.logs.of(node).log.last();
        if index > last {
            let message = format!("{node} commits {index}, but its log ends at {last}");
            return Err(Violation::new(event.at, message).because(event));
        }
        let is_new = index > self.committed.last();
        let base = self.logs.of(node).log.base;
        let from = self.through(node).max(&mut base.clone()).next();
        for index in (from.0..=index.0).map(LogIndex) {
            self.commit_one(event, node, (index, under))?;
        }
        let through = self.through(node);
        *through = index.max(*through);
        if is_new {
            self.count_holders(event, node, index)?;
        }
        Ok(())
    }

    fn commit_one(
        &mut self,
        event: &Event,
        leader: NodeId,
        (index, under): (LogIndex, Generation),
    ) -> Result<(), Violation> {
        let entry = *self.logs.of(leader).log.get(index).expect("the index is in the log");
        let (generation, digest) = (entry.generation, entry.digest);
        if let Some(known) = self.committed.get(index) {
            if known.generation == generation && known.digest == digest {
                return Ok(());
            }
            let what = format!(
                "{leader} commits another entry at {index} ({generation}, {digest:016x}) than was \
                 committed before"
            );
            return Err(self.lacking(event, leader, (index, *known), what));
        }
        let new = Committed { generation, digest, leader, under, at: event.at };
        self.committed.set(index, new);
        let lacks = self.logs.all().find_map(|(node, known)| {
            let leads = known.leads().filter(|&leads| leads > under)?;
            (!known.log.holds(index, generation, digest)).then_some((node, leads))
        });
        lacks.map_or(Ok(()), |(node, leads)| {
            let what = format!("{node} leads {leads} without {index}, which is now committed");
            Err(self.lacking(event, node, (index, new), what))
        })
    }

    fn lacking(
        &mut self,
        event: &Event,
        node: NodeId,
        (index, known): (LogIndex, Committed),
        what: String,
    ) -> Violation {
        let Committed { generation, digest, leader, under, at } = known;
        let log = &self.logs.of(node).log;
        let there = log.get(index).map_or_else(
            || format!("{node}'s log ends at {}", log.last()),
            |own| format!("{node} has {} ({:016x}) at {index}", own.generation, own.digest),
        );
        Violation::new(event.at, what)
            .because(format!(
                "{at} {leader}, leader of {under}, commits {index} of {generation} ({digest:016x})"
            ))
            .because(format!("{} {there}", event.at))
    }

    /// At the commit, a majority must have the entry on disk.
    fn count_holders(
        &self,
        event: &Event,
        leader: NodeId,
        index: LogIndex,
    ) -> Result<(), Violation> {
        let Some(voters) = self.voters else { return Ok(()) };
        // Of what only a snapshot stands for nobody can say which entry it was.
        let Some(entry) = self.committed.get(index) else { return Ok(()) };
        let (holders, others): (Vec<_>, Vec<_>) = self.logs.all().partition(|(_, known)| {
            let log = known.on_disk();
            known.lost_through >= index
                || log.durable >= index && log.holds(index, entry.generation, entry.digest)
        });
        let needed = voters / 2 + 1;
        if holders.len() >= needed {
            return Ok(());
        }
        let message = format!(
            "{leader} commits {index}, which is durable on {} of {voters} nodes; a majority is {needed}",
            holders.len()
        );
        let violation = Violation::new(event.at, message).because(event);
        Err(others.iter().fold(violation, |violation, (node, known)| {
            let log = known.on_disk();
            violation.because(format!(
                "{node} has its log durable through {}, and it ends at {}",
                log.durable,
                log.last()
            ))
        }))
    }
}

impl Checker for LeaderCompleteness {
    fn name(&self) -> &'static str {
        "leader-completeness"
    }

    fn interest(&self) -> Interest {
        Interest::CLAIMS.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        self.logs.observe(event);
        match (&event.fact, event.node) {
            (&Fact::Claimed(Claim::Role { generation, role: Role::Leader }), Some(node)) => {
                self.elected(event, node, generation)?;
            }
            (&Fact::Claimed(Claim::Commit { index }), Some(node)) => {
                self.committed(event, node, index)?;
            }
            (Fact::FaultBegan { kind: "reconfigure", .. }, _) => self.voters = None,
            _ => {}
        }
        if let Some(floor) = self.floor.observe(event) {
            self.committed.forget(floor, |_, _| {});
        }
        Ok(())
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.commits == 0 {
            return Judgement::Vacuous("no leader ever committed an entry".into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::CheckerOptions;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};

    const NAME: &str = "leader-completeness";

    /// Node 0 leads generation 1 and commits an entry that nodes 0 and 1 have on disk.
    fn committed() -> Script {
        Script::new()
            .leader(0, 1)
            .append(0, (1, 1), 11)
            .durable(0, 1)
            .append(1, (1, 1), 11)
            .durable(1, 1)
            .commit(0, 1)
    }

    #[test]
    fn a_later_leader_that_has_what_was_committed_is_complete() {
        let script = committed().leader(1, 2).append(1, (2, 2), 22).commit(1, 1);
        assert_ok(&script.judged_by(NAME));
    }

    #[test]
    fn a_later_leader_that_lacks_a_committed_entry_is_a_violation() {
        let judgement = committed().leader(2, 2).judged_by(NAME);
        assert_violation(&judgement, "node#2 leads generation 2 without the committed entry");
        assert_violation(&judgement, "node#0, leader of generation 1, commits index 1");
        assert_violation(&judgement, "node#2's log ends at index 0");
    }

    #[test]
    fn a_later_leader_with_another_entry_there_is_a_violation() {
        let judgement = committed().append(2, (1, 2), 99).leader(2, 3).judged_by(NAME);
        assert_violation(&judgement, "node#2 has generation 2");
    }

    #[test]
    fn a_leader_of_an_older_generation_that_learns_late_of_its_election_may_lack_it() {
        let script = Script::new()
            .leader(0, 5)
            .append(0, (1, 5), 11)
            .append(1, (1, 5), 11)
            .durable(0, 1)
            .durable(1, 1)
            .commit(0, 1)
            .leader(2, 4);
        assert_ok(&script.judged_by(NAME));
    }

    #[test]
    fn a_commit_that_a_newer_leader_does_not_have_is_a_violation() {
        let script = Script::new()
            .leader(0, 1)
            .append(0, (1, 1), 11)
            .durable(0, 1)
            .append(1, (1, 1), 11)
            .durable(1, 1)
            .leader(2, 2)
            .commit(0, 1);
        assert_violation(&script.judged_by(NAME), "node#2 leads generation 2 without index 1");
    }

    #[test]
    fn two_leaders_that_commit_different_entries_are_a_violation() {
        // The second leads the older generation, so only its commit shows that something is wrong.
        for (generation, digest) in [(0, 99), (0, 11), (1, 99)] {
            let other = committed().append(2, (1, generation), digest).durable(2, 1);
            let script = other.leader(2, 0).commit(2, 1);
            assert_violation(&script.judged_by(NAME), "node#2 commits another entry at index 1");
        }
    }

    #[test]
    fn a_leader_that_commits_something_else_in_its_next_life_is_a_violation() {
        let script = committed().stop(0).start(0).append(0, (1, 1), 99).leader(0, 1).commit(0, 1);
        assert_violation(&script.judged_by(NAME), "node#0 commits another entry at index 1");
    }

    #[test]
    fn a_second_leader_of_the_same_generation_is_not_a_later_one() {
        assert_ok(&committed().leader(2, 1).judged_by(NAME));
        let script = Script::new().leader(2, 1).leader(0, 1).append(0, (1, 1), 11).durable(0, 1);
        let script = script.append(1, (1, 1), 11).durable(1, 1).commit(0, 1);
        assert_ok(&script.judged_by(NAME));
    }

    #[test]
    fn the_majority_is_counted_when_an_entry_is_committed_first() {
        let fewer = committed().stop(1).start(1).truncate(1, 1);
        assert_ok(&fewer.clone().commit(0, 1).judged_by(NAME));
        let next = fewer.append(0, (2, 1), 12).durable(0, 2).commit(0, 2);
        assert_violation(&next.judged_by(NAME), "commits index 2, which is durable on 1 of 3");
    }

    #[test]
    fn a_commit_without_a_durable_majority_is_a_violation() {
        let script = Script::new()
            .leader(0, 1)
            .append(0, (1, 1), 11)
            .durable(0, 1)
            .append(1, (1, 1), 11)
            .commit(0, 1);
        let judgement = script.judged_by(NAME);
        assert_violation(&judgement, "durable on 1 of 3 nodes; a majority is 2");
        assert_violation(&judgement, "node#1 has its log durable through index 0");
        let unknown_voters = CheckerOptions { voters: None, ..CheckerOptions::new(3) };
        assert_ok(&script.judged(NAME, &unknown_voters));
    }

    #[test]
    fn another_entry_at_the_index_does_not_count_for_the_majority() {
        let script = Script::new()
            .leader(0, 2)
            .append(0, (1, 2), 11)
            .durable(0, 1)
            .append(1, (1, 1), 99)
            .durable(1, 1)
            .commit(0, 1);
        assert_violation(&script.judged_by(NAME), "durable on 1 of 3 nodes");
    }

    #[test]
    fn the_majority_is_not_counted_after_a_change_of_members() {
        let script = Script::new()
            .fault("reconfigure")
            .leader(0, 1)
            .append(0, (1, 1), 11)
            .durable(0, 1)
            .commit(0, 1);
        assert_ok(&script.judged_by(NAME));
    }

    #[test]
    fn a_disk_that_is_down_or_was_replaced_counts_for_what_it_had() {
        let appended = Script::new()
            .leader(0, 1)
            .append(0, (1, 1), 11)
            .durable(0, 1)
            .append(1, (1, 1), 11)
            .durable(1, 1)
            .stop(1);
        assert_ok(&appended.clone().commit(0, 1).judged_by(NAME));
        assert_ok(&appended.clone().start(1).recovering(1).commit(0, 1).judged_by(NAME));
        assert_ok(&appended.wipe(1).commit(0, 1).judged_by(NAME));
    }

    #[test]
    fn a_commit_beyond_the_log_is_a_violation() {
        let judgement = committed().commit(0, 2).judged_by(NAME);
        assert_violation(&judgement, "commits index 2, but its log ends at index 1");
    }

    #[test]
    fn what_a_snapshot_covers_is_taken_to_be_there() {
        let script = committed().snapshot(2, (1, 1), 7).leader(2, 2);
        assert_ok(&script.judged_by(NAME));
    }

    #[test]
    fn what_all_have_in_a_snapshot_is_forgotten() {
        let mut checker = LeaderCompleteness::new(Some(1));
        let mut script = Script::new().start(0).leader(0, 1);
        for index in 1..=1000 {
            script = script.append(0, (index, 1), index).durable(0, index).commit(0, index);
            if index % 10 == 0 {
                script = script.snapshot(0, (index, 1), 0);
            }
        }
        assert!(script.events().iter().all(|event| checker.observe(event).is_ok()));
        assert_eq!(checker.committed.first(), LogIndex(1001));
        assert_eq!(checker.through, [LogIndex(1000)]);
    }

    #[test]
    fn without_a_commit_of_a_leader_nobody_can_say() {
        let script = Script::new().leader(0, 1).append(1, (1, 1), 1).commit(1, 1);
        assert_unknown(&script.judged_by(NAME), "no leader ever committed");
    }
}
