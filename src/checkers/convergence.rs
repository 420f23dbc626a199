//! **Convergence**: once the faults are over and an object rests, all its live replicas are equal, and soon.
//!
//! An object rests when nobody brings news of it: a state that none of its replicas has claimed lately. From then on (or
//! from the begin of the tail, or the start of a replica) the live replicas have the bound to become equal. An object that
//! changes all the time is not judged: its replicas are never asked to be equal at one moment. Source: Demers et al.,
//! *Epidemic Algorithms for Replicated Database Maintenance*, 1987, section 1; Shapiro et al. 2011 (strong eventual
//! consistency), section 2.
//!
//! What it needs to see: `Holds`, at every change of a replica and after each start. What it cannot see: a node that never
//! claims an object; so state that everybody must have should be claimed as one object, for example a whole member table.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::checkers::tail::Tail;
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// How many states of an object are remembered: one that comes back is no news.
const STATES_KEPT: usize = 64;
/// How many replicas are told in the evidence.
const TOLD: usize = 8;

#[derive(Debug, Default)]
struct Object {
    /// What each replica holds, and since when.
    replicas: BTreeMap<NodeId, (u64, Instant)>,
    states: VecDeque<u64>,
    /// When a state was claimed last that was not known.
    news: Instant,
    unequal: bool,
}

impl Object {
    fn claim(&mut self, node: NodeId, digest: u64, at: Instant) {
        if !self.states.contains(&digest) {
            self.states.push_back(digest);
            if self.states.len() > STATES_KEPT {
                self.states.pop_front();
            }
            self.news = at;
        }
        self.replicas.insert(node, (digest, at));
    }

    /// Whether the live replicas differ, and since when they should not, the tail's begin aside. Nothing if fewer than
    /// two of them live.
    fn compare(&self, tail: &Tail) -> Option<(bool, Instant)> {
        let live: Vec<(u64, Instant)> = self
            .replicas
            .iter()
            .filter_map(|(node, (digest, _))| Some((*digest, tail.live_since(*node)?)))
            .collect();
        let (first, _) = *live.first().filter(|_| live.len() > 1)?;
        let differ = live.iter().any(|(digest, _)| *digest != first);
        let since = live.iter().map(|(_, since)| *since).fold(self.news, Instant::max);
        Some((differ, since))
    }

    fn prove(&self, violation: Violation) -> Violation {
        let violation = violation.because(format!("{} the last news of it", self.news));
        self.replicas.iter().take(TOLD).fold(violation, |violation, (node, (digest, at))| {
            violation.because(format!("{at} {node} holds {digest:016x}"))
        })
    }
}

/// Judges that replicas become equal.
#[derive(Debug)]
pub struct Convergence {
    settle: Duration,
    tail: Tail,
    objects: BTreeMap<u64, Object>,
}

impl Convergence {
    /// A judge that gives the replicas this long to become equal.
    #[must_use]
    pub fn new(settle: Duration) -> Self {
        Self { settle, tail: Tail::default(), objects: BTreeMap::new() }
    }

    fn holds(
        &mut self,
        id: u64,
        (node, digest): (NodeId, u64),
        at: Instant,
    ) -> Result<(), Violation> {
        let object = self.objects.entry(id).or_default();
        object.claim(node, digest, at);
        let Some((differ, since)) = object.compare(&self.tail) else { return Ok(()) };
        let was_unequal = std::mem::replace(&mut object.unequal, differ);
        if differ || !was_unequal || !self.tail.overdue(since, self.settle, at) {
            return Ok(());
        }
        let message = format!(
            "the replicas of object {id} took longer than {:?} to become equal",
            self.settle
        );
        Err(object.prove(Violation::new(at, message)))
    }
}

impl Checker for Convergence {
    fn name(&self) -> &'static str {
        "convergence"
    }

    fn interest(&self) -> Interest {
        Interest::PROTOCOL_CLAIMS.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        self.tail.observe(event);
        match (&event.fact, event.node) {
            (&Fact::Claimed(Claim::Holds { object, digest }), Some(node)) => {
                self.holds(object, (node, digest), event.at)
            }
            (Fact::Stopped(_), Some(node)) => {
                for object in self.objects.values_mut() {
                    object.replicas.remove(&node);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, end: Instant) -> Judgement {
        let mut judged = false;
        for (id, object) in &self.objects {
            let Some((differ, since)) = object.compare(&self.tail) else { continue };
            if !self.tail.overdue(since, self.settle, end) {
                continue;
            }
            if differ {
                let settle = self.settle;
                let message = format!(
                    "the live replicas of object {id} still differ after {settle:?} of rest"
                );
                return Judgement::Violation(object.prove(Violation::new(end, message)));
            }
            judged = true;
        }
        if !judged {
            let why = "in the quiet tail no object with two live replicas rested for long";
            return Judgement::Vacuous(why.into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation, settling};

    const NAME: &str = "convergence";

    fn judge(script: &Script) -> Judgement {
        script.judged(NAME, &settling())
    }

    impl Script {
        fn holds_of(self, node: u32, object: u64, digest: u64) -> Self {
            self.claim(node, Claim::Holds { object, digest })
        }
    }

    /// Two nodes differ on object 7 when the quiet begins.
    fn differing() -> Script {
        let script = Script::new().start(0).start(1).start(2);
        script.holds_of(0, 7, 1).holds_of(1, 7, 2).at(100).phase("quiet")
    }

    #[test]
    fn replicas_that_become_equal_in_time_converge() {
        assert_ok(&judge(&differing().at(110).holds_of(1, 7, 1).at(200)));
        let merged = differing().at(150).holds_of(0, 7, 3).at(160).holds_of(1, 7, 3).at(200);
        assert_violation(&judge(&merged.clone().at(201).holds_of(0, 7, 1).at(250)), "still differ");
        assert_ok(&judge(&merged));
    }

    #[test]
    fn replicas_that_differ_in_the_end_are_a_violation() {
        let judgement = judge(&differing().at(111));
        assert_violation(&judgement, "the live replicas of object 7 still differ after 10ms");
        assert_violation(&judgement, "node#0 holds 0000000000000001");
        assert_violation(&judgement, "node#1 holds 0000000000000002");
        assert_violation(&judgement, "0.004000s the last news of it");
        assert_unknown(&judge(&differing().at(110)), "no object with two live replicas");
    }

    #[test]
    fn replicas_that_become_equal_too_late_are_a_violation() {
        let judgement = judge(&differing().at(111).holds_of(1, 7, 1).at(200));
        assert_violation(&judgement, "took longer than 10ms to become equal");
        assert_violation(&judgement, "0.111000s node#1 holds 0000000000000001");
    }

    #[test]
    fn what_was_equal_or_still_differs_is_not_late() {
        let equal = differing().holds_of(1, 7, 1).at(150).holds_of(1, 7, 1).at(200);
        assert_ok(&judge(&equal));
        let differs = differing().holds_of(2, 7, 1).at(150).holds_of(2, 7, 2).at(200);
        assert_violation(&judge(&differs), "still differ");
    }

    #[test]
    fn news_give_new_time_and_old_states_do_not() {
        let swap = differing().at(109).holds_of(0, 7, 2).holds_of(1, 7, 1);
        assert_violation(&judge(&swap.at(112)), "still differ");
        let news = differing().at(109).holds_of(0, 7, 3);
        assert_unknown(&judge(&news.clone().at(119)), "rested for long");
        assert_violation(&judge(&news.at(120)), "still differ");
    }

    #[test]
    fn a_replica_that_starts_or_resumes_late_has_its_full_time() {
        let late = differing().stop(1).at(150).start(1).holds_of(1, 7, 2);
        assert_unknown(&judge(&late.clone().at(160)), "rested for long");
        assert_violation(&judge(&late.at(161)), "still differ");
        let paused = differing().pause(1).at(150).resume(1);
        assert_violation(&judge(&paused.clone().at(161)), "still differ");
        assert_ok(&judge(&paused.at(160).holds_of(1, 7, 1).at(200)));
    }

    #[test]
    fn the_stopped_and_the_paused_are_not_compared() {
        let two = differing().holds_of(2, 7, 1);
        assert_ok(&judge(&two.clone().stop(1).at(200)));
        assert_ok(&judge(&two.clone().pause(1).at(200)));
        assert_ok(&judge(&two.clone().stop(1).start(1).at(200)));
        assert_unknown(&judge(&differing().stop(1).at(200)), "no object with two live replicas");
    }

    #[test]
    fn objects_are_independent() {
        let other = differing().holds_of(1, 7, 1).holds_of(0, 8, 5).at(200).holds_of(1, 8, 6);
        assert_ok(&judge(&other.clone().at(205)));
        assert_violation(&judge(&other.at(300)), "object 8 still differ");
    }

    #[test]
    fn before_the_quiet_nobody_must_be_equal() {
        let script = Script::new().start(0).start(1).holds_of(0, 7, 1).holds_of(1, 7, 2).at(500);
        assert_unknown(&judge(&script), "no object with two live replicas");
    }

    #[test]
    fn only_the_last_states_are_remembered() {
        let states = 1_000..1_000 + STATES_KEPT as u64;
        let many = states.fold(differing().holds_of(1, 7, 1).at(200), |script, state| {
            script.holds_of(0, 7, state)
        });
        let last = many.at(270);
        assert_unknown(&judge(&last.clone().holds_of(0, 7, 2).at(275)), "rested for long");
        assert_violation(&judge(&last.holds_of(0, 7, 1_000).at(275)), "still differ");
    }
}
