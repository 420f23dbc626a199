//! **Stability**: the leader before a partition is the leader after it, in the same generation.
//!
//! A minority that was cut off and comes back must not depose a leader that has a majority. This is a claim
//! about liveness: a leader that is deposed without need costs time, not correctness. Source: Ongaro 2014
//! (dissertation), section 9.6; Howard and Abraham, *Raft does not guarantee liveness in the face of
//! network faults*, 2020.

use crate::checkers::Watch;
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::{Claim, Role};
use crate::kernel::ids::{Generation, NodeId};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// Judges that leadership does not move from the start of the watched window to the end of the run.
#[derive(Debug)]
pub struct Stability {
    watch: Option<Watch>,
    /// The newest leadership and since when; `None` when the leader has stepped down or stopped.
    leader: Option<(Generation, NodeId, Instant)>,
    /// Why nobody can say.
    stopped: Option<String>,
}

impl Stability {
    /// A judge of this watch.
    #[must_use]
    pub const fn new(watch: Option<Watch>) -> Self {
        Self { watch, leader: None, stopped: None }
    }

    fn role(
        &mut self,
        event: &Event,
        node: NodeId,
        claimed: (Generation, Role),
    ) -> Result<(), Violation> {
        let (generation, role) = claimed;
        let watched = self.watch.as_ref().is_some_and(|watch| watch.from <= event.at);
        let known = self.leader;
        match (role, known) {
            (Role::Leader, Some((newest, ..))) if newest > generation => return Ok(()),
            (Role::Leader, Some((newest, leader, _))) if (newest, leader) == (generation, node) => {
                return Ok(());
            }
            (Role::Leader, _) => self.leader = Some((generation, node, event.at)),
            (_, Some((_, leader, _))) if leader == node => self.leader = None,
            _ => return Ok(()),
        }
        let Some((newest, leader, since)) = known.filter(|_| watched && self.stopped.is_none())
        else {
            return Ok(());
        };
        let message = format!("{leader} led {newest} when the watch began, and was deposed");
        Err(Violation::new(event.at, message)
            .because(format!("{since} {leader} leads {newest}"))
            .because(event))
    }

    fn stop(&mut self, event: &Event, node: NodeId) {
        if self.leader.is_some_and(|(_, leader, _)| leader == node) {
            self.leader = None;
            if self.watch.as_ref().is_some_and(|watch| watch.from <= event.at) {
                self.stopped = Some(format!("{node}, the leader, stopped at {}", event.at));
            }
        }
    }
}

impl Checker for Stability {
    fn name(&self) -> &'static str {
        "stability"
    }

    fn interest(&self) -> Interest {
        Interest::CLAIMS.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        match (&event.fact, event.node) {
            (&Fact::Claimed(Claim::Role { generation, role }), Some(node)) => {
                self.role(event, node, (generation, role))
            }
            (Fact::Stopped(_), Some(node)) => {
                self.stop(event, node);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, end: Instant) -> Judgement {
        let Some(watch) = &self.watch else {
            return Judgement::Vacuous("the scenario names no window to watch".into());
        };
        if let Some(why) = &self.stopped {
            return Judgement::Vacuous(why.clone());
        }
        if end < watch.to {
            return Judgement::Vacuous(format!("the run ended before {}", watch.to));
        }
        match self.leader {
            Some((.., since)) if since < watch.from => Judgement::Ok,
            _ => Judgement::Vacuous("nobody led when the watch began".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::CheckerOptions;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};

    const NAME: &str = "stability";

    /// Watched from 100 ms to 200 ms, in a run of 300 ms.
    fn judge(script: Script) -> Judgement {
        judge_until(script, 300)
    }

    fn judge_until(script: Script, end: u64) -> Judgement {
        let watch = Watch {
            from: Instant::from_nanos(100_000_000),
            to: Instant::from_nanos(200_000_000),
            nodes: vec![NodeId(2)],
            clients: Vec::new(),
            messages_max: 0,
        };
        let options = CheckerOptions { watch: Some(watch), ..CheckerOptions::new(3) };
        script.at(end).judged(NAME, &options)
    }

    fn led() -> Script {
        Script::new().leader(1, 1).leader(0, 2).follower(1, 2).at(100)
    }

    #[test]
    fn a_leader_that_stays_is_stable() {
        assert_ok(&judge(led()));
        assert_ok(&judge(led().leader(0, 2).follower(1, 2)));
        assert_ok(&judge(led().leader(1, 1).at(210).follower(1, 2)));
    }

    #[test]
    fn a_new_leader_is_a_violation_even_after_the_window() {
        let judgement = judge(led().leader(2, 3));
        assert_violation(&judgement, "node#0 led generation 2 when the watch began, and was");
        assert_violation(&judge(led().at(250).leader(2, 3)), "deposed");
        assert_violation(&judge(led().at(250).leader(0, 3)), "deposed");
        assert_violation(&judge(led().leader(2, 2)), "deposed");
    }

    #[test]
    fn a_leader_that_steps_down_is_a_violation() {
        assert_violation(&judge(led().follower(0, 3)), "deposed");
    }

    #[test]
    fn without_a_leader_before_nobody_can_say() {
        assert_unknown(&judge(Script::new().at(150).leader(0, 1)), "nobody led");
        assert_unknown(&judge(Script::new().leader(0, 1).follower(0, 1)), "nobody led");
        assert_unknown(&judge(Script::new().leader(0, 1).stop(0)), "nobody led");
        assert_unknown(&judge(Script::new().at(100).leader(0, 1)), "nobody led");
        assert_unknown(&led().judged_by(NAME), "names no window");
    }

    #[test]
    fn a_leader_that_a_fault_stops_says_nothing_about_stability() {
        assert_unknown(&judge(led().stop(0).leader(1, 3)), "node#0, the leader, stopped");
    }

    #[test]
    fn a_run_that_ends_early_says_nothing() {
        assert_unknown(&judge_until(led(), 199), "the run ended before 0.200000s");
        assert_ok(&judge_until(led(), 200));
    }
}
