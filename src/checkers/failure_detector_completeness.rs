//! **Strong completeness** of failure detectors: a node that has stopped is suspected by every live node that watches it.
//!
//! Judged in the quiet tail: the suspicion must be there within D after the node stopped, or the tail began, or its watcher
//! started, whichever is last, and it must stay. Source: Chandra and Toueg, *Unreliable Failure Detectors for Reliable
//! Distributed Systems*, 1996, section 2.2.
//!
//! What it needs to see: `Thinks`. A node watches another one from its first opinion of it on until it `Ignores` it or stops.
//! What it cannot see: that a node never began to watch another one (`convergence` of the member tables shows that).

use std::time::Duration;

use crate::checkers::opinions::{Opinions, Pair};
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::membership::Opinion;
use crate::kernel::time::Instant;
use crate::trace::{Event, Interest};

/// Judges that stopped nodes are suspected in time.
#[derive(Debug)]
pub struct FailureDetectorCompleteness {
    within: Duration,
    opinions: Opinions,
    judged: u64,
}

impl FailureDetectorCompleteness {
    /// A judge that gives each watcher this long: the time D.
    #[must_use]
    pub fn new(within: Duration) -> Self {
        Self { within, opinions: Opinions::default(), judged: 0 }
    }

    /// Whether the watcher has had its time, when `now` comes, to suspect the node, which is stopped.
    fn is_due(&self, pair: Pair, now: Instant) -> bool {
        let since = self.opinions.one_stopped_since(pair);
        since.is_some_and(|since| self.opinions.tail.overdue(since, self.within, now))
    }

    fn late(&self, pair: Pair, at: Instant, what: &str) -> Violation {
        let (who, of) = pair;
        let stopped = self.opinions.tail.stopped_since(of).expect("it is stopped");
        let message =
            format!("{who} {what} {of}, which has stopped, for {:?} and more", self.within);
        let violation = Violation::new(at, message).because(format!("{stopped} {of} stopped"));
        match self.opinions.of(pair) {
            Some(held) => violation.because(format!("{} {who} trusts {of}", held.since)),
            None => violation,
        }
    }
}

impl Checker for FailureDetectorCompleteness {
    fn name(&self) -> &'static str {
        "failure-detector-completeness"
    }

    fn interest(&self) -> Interest {
        Interest::PROTOCOL_CLAIMS.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        if let Some((pair, opinion)) = Opinions::told(event)
            && let Some(held) = self.opinions.of(pair)
            && held.opinion != opinion
            && self.is_due(pair, event.at)
        {
            let violation = match (held.opinion, opinion) {
                (Opinion::Trusts, _) => Some(self.late(pair, event.at, "went on to trust")),
                (_, Opinion::Trusts) => Some(self.late(pair, event.at, "suspected and now trusts")),
                _ => None,
            };
            if let Some(violation) = violation {
                return Err(violation.because(event));
            }
        }
        self.opinions.observe(event);
        Ok(())
    }

    fn finish(&mut self, end: Instant) -> Judgement {
        for (pair, held) in self.opinions.all() {
            if held.opinion == Opinion::Ignores || !self.is_due(pair, end) {
                continue;
            }
            if held.opinion == Opinion::Trusts {
                return Judgement::Violation(self.late(pair, end, "trusts"));
            }
            self.judged += 1;
        }
        if self.judged == 0 {
            let why = "in the quiet tail no node was stopped for long that a live one watched";
            return Judgement::Vacuous(why.into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation, settling};
    use Opinion::{Ignores, Suspects, Trusts};

    const NAME: &str = "failure-detector-completeness";

    fn judge(script: &Script) -> Judgement {
        script.judged(NAME, &settling())
    }

    /// Nodes 0 and 1 watch node 2, which has stopped; quiet from 100 ms on.
    fn stopped() -> Script {
        let script = Script::new().start(0).start(1).start(2);
        script.thinks(0, 2, Trusts).thinks(1, 2, Trusts).stop(2).at(100).phase("quiet")
    }

    #[test]
    fn a_stopped_node_that_all_suspect_in_time_is_detected() {
        let script =
            stopped().at(105).thinks(0, 2, Suspects).at(110).thinks(1, 2, Suspects).at(200);
        assert_ok(&judge(&script.clone().thinks(0, 2, Suspects)));
        assert_ok(&judge(&stopped().at(105).thinks(0, 2, Suspects).thinks(1, 2, Ignores).at(200)));
        assert_ok(&judge(&script.thinks(0, 2, Ignores)));
    }

    #[test]
    fn a_watcher_that_never_suspects_is_a_violation() {
        let script = stopped().thinks(0, 2, Suspects);
        let judgement = judge(&script.clone().at(111));
        assert_violation(&judgement, "node#1 trusts node#2, which has stopped, for 10ms and more");
        assert_violation(&judgement, "node#2 stopped");
        assert_unknown(&judge(&script.at(110)), "no node was stopped for long");
    }

    #[test]
    fn a_suspicion_that_comes_too_late_is_a_violation() {
        let judgement = judge(&stopped().thinks(0, 2, Suspects).at(111).thinks(1, 2, Suspects));
        assert_violation(&judgement, "node#1 went on to trust node#2");
        assert_violation(&judgement, "0.004000s node#1 trusts node#2");
        assert_violation(&judgement, "suspects node#2");
    }

    #[test]
    fn a_suspicion_that_is_withdrawn_is_a_violation() {
        let script = stopped().thinks(0, 2, Suspects).thinks(1, 2, Suspects);
        let judgement = judge(&script.clone().at(150).thinks(1, 2, Trusts).thinks(1, 2, Suspects));
        assert_violation(&judgement, "node#1 suspected and now trusts node#2");
        assert_ok(&judge(&script.thinks(1, 2, Trusts).thinks(1, 2, Suspects).at(200)));
    }

    #[test]
    fn a_watcher_that_starts_or_resumes_late_has_its_full_time() {
        let script = stopped().thinks(0, 2, Suspects).stop(1).at(195).start(1).thinks(1, 2, Trusts);
        assert_ok(&judge(&script.clone().at(205)));
        assert_violation(&judge(&script.at(206)), "node#1 trusts node#2");
        let paused = stopped().thinks(0, 2, Suspects).pause(1).at(195).resume(1);
        assert_ok(&judge(&paused.clone().at(205)));
        assert_violation(&judge(&paused.at(206)), "node#1 trusts node#2");
    }

    #[test]
    fn nobody_must_suspect_a_node_that_lives_or_came_back() {
        assert_unknown(&judge(&stopped().start(2).at(200)), "no node was stopped for long");
        let live =
            Script::new().start(0).start(1).thinks(0, 1, Trusts).at(100).phase("quiet").at(200);
        assert_unknown(&judge(&live), "no node was stopped for long");
        let before = Script::new().start(0).start(1).thinks(0, 1, Trusts).stop(1).at(50);
        assert_unknown(&judge(&before.thinks(0, 1, Suspects).at(90)), "no node was stopped");
    }

    #[test]
    fn the_opinions_of_the_stopped_do_not_count() {
        assert_ok(&judge(&stopped().thinks(0, 2, Suspects).stop(1).at(200)));
        assert_ok(&judge(&stopped().thinks(0, 2, Suspects).stop(1).start(1).at(200)));
    }
}
