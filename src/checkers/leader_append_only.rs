//! **Leader append-only**: while a node leads, it never removes or rewrites an entry of its own log.
//!
//! Source: Ongaro and Ousterhout 2014, figure 3. Taking a snapshot of a prefix removes nothing from the
//! order; a snapshot that throws the log away does.

use crate::checkers::logs::Logs;
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// Judges that leaders only append.
#[derive(Debug, Default)]
pub struct LeaderAppendOnly {
    logs: Logs,
    appended: u64,
}

impl LeaderAppendOnly {
    /// What a leader does wrong, if the claim shows it; to be asked before the claim changes the model.
    fn wrong(&mut self, event: &Event, claim: &Claim) -> Option<Violation> {
        let node = event.node?;
        let known = self.logs.of(node);
        let generation = known.leads()?;
        let last = known.log.last();
        let what = match *claim {
            Claim::Append { index, .. } if index <= last => {
                format!("writes {index} of its log anew, which ends at {last}")
            }
            Claim::Truncate { from } if from <= last => {
                format!("truncates its log, which ends at {last}, from {from} on")
            }
            Claim::Snapshot { index, generation, .. }
                if index > last
                    || known.log.get(index).is_some_and(|own| own.generation != generation) =>
            {
                format!("replaces its log, which ends at {last}, by a snapshot through {index}")
            }
            Claim::Append { .. } => {
                self.appended += 1;
                return None;
            }
            _ => return None,
        };
        let message = format!("{node} leads {generation} and {what}");
        Some(Violation::new(event.at, message).because(event))
    }
}

impl Checker for LeaderAppendOnly {
    fn name(&self) -> &'static str {
        "leader-append-only"
    }

    fn interest(&self) -> Interest {
        Interest::CLAIMS.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        if let Fact::Claimed(claim) = &event.fact
            && let Some(violation) = self.wrong(event, claim)
        {
            return Err(violation);
        }
        self.logs.observe(event);
        Ok(())
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.appended == 0 {
            return Judgement::Vacuous("no leader ever appended to its log".into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};

    fn led() -> Script {
        Script::new().append(0, (1, 1), 1).append(0, (2, 1), 2).leader(0, 2).append(0, (3, 2), 3)
    }

    #[test]
    fn a_leader_appends_and_takes_snapshots() {
        let script = led().snapshot(0, (3, 2), 9).append(0, (4, 2), 4);
        let script = script.append(0, (5, 2), 5).snapshot(0, (4, 2), 9).truncate(0, 6);
        assert_ok(&script.judged_by("leader-append-only"));
    }

    #[test]
    fn a_follower_may_truncate_as_may_a_leader_that_was() {
        assert_ok(&led().follower(0, 3).truncate(0, 1).judged_by("leader-append-only"));
        let script = led().stop(0).start(0).truncate(0, 2);
        assert_ok(&script.judged_by("leader-append-only"));
    }

    #[test]
    fn a_leader_that_truncates_is_a_violation() {
        let judgement = led().truncate(0, 3).judged_by("leader-append-only");
        assert_violation(&judgement, "truncates its log, which ends at index 3, from index 3 on");
    }

    #[test]
    fn a_leader_that_writes_an_index_anew_is_a_violation() {
        let judgement = led().append(0, (3, 2), 5).judged_by("leader-append-only");
        assert_violation(&judgement, "node#0 leads generation 2 and writes index 3");
    }

    #[test]
    fn a_leader_that_installs_a_snapshot_is_a_violation() {
        for entry in [(9, 2), (2, 7)] {
            let judgement = led().snapshot(0, entry, 0).judged_by("leader-append-only");
            assert_violation(&judgement, "replaces its log");
        }
    }

    #[test]
    fn without_a_leader_that_appends_nobody_can_say() {
        let script = Script::new().append(0, (1, 1), 1).leader(0, 2);
        assert_unknown(&script.judged_by("leader-append-only"), "no leader ever appended");
    }
}
