//! **Eventual accuracy** of failure detectors: once the faults are over, a node that lives is trusted.
//!
//! In the quiet tail no live node suspects another live one for longer than R, and none makes more than a stated number
//! of such mistakes in a minute (those of the first R are not counted: the tail has just begun). Source: Chandra and Toueg
//! 1996, section 2.2 (eventual strong accuracy); Chen, Toueg and Aguilera, *On the Quality of Service of Failure
//! Detectors*, 2002, section 2.2 (mistake duration and mistake rate).
//!
//! What it needs to see: `Thinks`. What it cannot see: whether a suspicion under faults was reasonable.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checkers::opinions::{Held, Opinions, Pair};
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::membership::Opinion;
use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

const MINUTE: Duration = Duration::from_secs(60);

/// Judges that live nodes are trusted in the end.
#[derive(Debug)]
pub struct FailureDetectorAccuracy {
    within: Duration,
    mistakes_per_minute: u64,
    opinions: Opinions,
    /// When each pair made its mistakes, from R after the begin of the tail on.
    mistakes: BTreeMap<Pair, Vec<Instant>>,
}

impl FailureDetectorAccuracy {
    /// A judge that allows a mistake to last this long (the time R), and so many of them in a minute for each pair.
    #[must_use]
    pub fn new(within: Duration, mistakes_per_minute: u64) -> Self {
        let (opinions, mistakes) = (Opinions::default(), BTreeMap::new());
        Self { within, mistakes_per_minute, opinions, mistakes }
    }

    /// A suspicion that lasts, or ended, at `now` must not have lasted too long.
    fn has_lasted(&self, pair: Pair, held: Held, now: Instant) -> Result<(), Violation> {
        let Some(live) = self.opinions.both_live_since(pair) else { return Ok(()) };
        let since = live.max(held.since);
        if held.opinion != Opinion::Suspects || !self.opinions.tail.overdue(since, self.within, now)
        {
            return Ok(());
        }
        let (who, of) = pair;
        let message =
            format!("{who} suspects {of}, which lives, for longer than {:?}", self.within);
        Err(Violation::new(now, message)
            .because(format!("{live} both live from here on"))
            .because(format!("{} {who} suspects {of}", held.since)))
    }

    fn count(&mut self, pair: Pair, at: Instant) -> Result<(), Violation> {
        let Some(from) = self.opinions.tail.deadline(Instant::ZERO, self.within) else {
            return Ok(());
        };
        if at < from || self.opinions.both_live_since(pair).is_none() {
            return Ok(());
        }
        let mistakes = self.mistakes.entry(pair).or_default();
        mistakes.push(at);
        mistakes.retain(|mistake| at.since(*mistake) < MINUTE);
        if mistakes.len() as u64 <= self.mistakes_per_minute {
            return Ok(());
        }
        let (who, of) = pair;
        let message = format!(
            "{who} suspected {of}, which lives, {} times within a minute; {} are allowed",
            mistakes.len(),
            self.mistakes_per_minute
        );
        let violation = Violation::new(at, message);
        Err(mistakes.iter().fold(violation, |violation, mistake| {
            violation.because(format!("{mistake} {who} suspects {of}"))
        }))
    }

    /// Somebody stops: the suspicions of him, and his own, end here.
    fn gone(&self, node: NodeId, at: Instant) -> Result<(), Violation> {
        let mut concerned =
            self.opinions.all().filter(|((who, of), _)| *who == node || *of == node);
        concerned.try_for_each(|(pair, held)| self.has_lasted(pair, held, at))
    }
}

impl Checker for FailureDetectorAccuracy {
    fn name(&self) -> &'static str {
        "failure-detector-accuracy"
    }

    fn interest(&self) -> Interest {
        Interest::PROTOCOL_CLAIMS.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        if let (Fact::Stopped(_) | Fact::Paused, Some(node)) = (&event.fact, event.node) {
            self.gone(node, event.at)?;
        }
        if let Some((pair, opinion)) = Opinions::told(event) {
            let held = self.opinions.of(pair).filter(|held| held.opinion != opinion);
            if let Some(held) = held {
                self.has_lasted(pair, held, event.at)?;
            }
            let is_news = held.is_some() || self.opinions.of(pair).is_none();
            if opinion == Opinion::Suspects && is_news {
                self.count(pair, event.at)?;
            }
        }
        self.opinions.observe(event);
        Ok(())
    }

    fn finish(&mut self, end: Instant) -> Judgement {
        let mut judged = 0;
        for (pair, held) in self.opinions.all() {
            if let Err(violation) = self.has_lasted(pair, held, end) {
                return Judgement::Violation(violation);
            }
            let live = self.opinions.both_live_since(pair);
            let had_time = |since| self.opinions.tail.overdue(since, self.within, end);
            judged += u64::from(held.opinion != Opinion::Ignores && live.is_some_and(had_time));
        }
        if judged == 0 {
            let why = "in the quiet tail no node watched a live one for long";
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

    const NAME: &str = "failure-detector-accuracy";

    fn judge(script: &Script) -> Judgement {
        script.judged(NAME, &settling())
    }

    /// Node 0 watches node 1; quiet from 100 ms on.
    fn quiet(opinion: Opinion) -> Script {
        Script::new().start(0).start(1).thinks(0, 1, opinion).at(100).phase("quiet")
    }

    #[test]
    fn a_suspicion_that_is_withdrawn_in_time_is_accurate_in_the_end() {
        assert_ok(&judge(&quiet(Suspects).at(110).thinks(0, 1, Trusts).at(200)));
        assert_ok(&judge(
            &quiet(Suspects).at(110).thinks(0, 1, Ignores).thinks(0, 1, Trusts).at(200),
        ));
        assert_ok(&judge(
            &quiet(Trusts).at(120).thinks(0, 1, Suspects).thinks(0, 1, Trusts).at(200),
        ));
    }

    #[test]
    fn a_suspicion_that_stays_is_a_violation() {
        let judgement = judge(&quiet(Suspects).at(111));
        assert_violation(&judgement, "node#0 suspects node#1, which lives, for longer than 10ms");
        assert_violation(&judgement, "0.002000s node#0 suspects node#1");
        assert_unknown(&judge(&quiet(Suspects).at(110)), "no node watched a live one");
    }

    #[test]
    fn a_suspicion_that_is_withdrawn_late_is_a_violation() {
        for late in [Trusts, Ignores] {
            assert_violation(
                &judge(&quiet(Suspects).at(111).thinks(0, 1, late)),
                "for longer than",
            );
        }
        let again = quiet(Suspects).at(105).thinks(0, 1, Suspects).at(111).thinks(0, 1, Trusts);
        assert_violation(&judge(&again), "for longer than 10ms");
        assert_violation(&judge(&quiet(Suspects).at(111).stop(1)), "for longer than");
        assert_violation(&judge(&quiet(Suspects).at(111).pause(0)), "for longer than");
    }

    #[test]
    fn mistakes_that_come_too_often_are_a_violation() {
        let mistake = |script: Script| script.thinks(0, 1, Suspects).thinks(0, 1, Trusts);
        let judgement = judge(&mistake(mistake(quiet(Trusts).at(120)).at(60_119)));
        assert_violation(&judgement, "2 times within a minute; 1 are allowed");
        assert_violation(&judgement, "60.119000s node#0 suspects node#1");
        assert_ok(&judge(&mistake(mistake(quiet(Trusts).at(120)).at(60_120)).at(61_000)));
        assert_ok(&judge(&mistake(mistake(quiet(Trusts).at(104)).at(110)).at(200)));
        assert_violation(&judge(&mistake(mistake(quiet(Trusts).at(110)).at(130))), "2 times");
        let first = Script::new().start(0).start(1).at(100).phase("quiet").at(120);
        assert_violation(&judge(&mistake(mistake(first))), "2 times");
        let said_twice = quiet(Trusts).at(120).thinks(0, 1, Suspects).thinks(0, 1, Suspects);
        assert_ok(&judge(&said_twice.thinks(0, 1, Trusts).at(200)));
    }

    #[test]
    fn who_suspects_a_node_that_is_down_is_right() {
        let down = quiet(Trusts).stop(1).thinks(0, 1, Suspects).at(150).thinks(0, 1, Trusts);
        let down = down.thinks(0, 1, Suspects).at(190).start(1);
        assert_ok(&judge(&down.clone().at(200).thinks(0, 1, Trusts).at(250)));
        assert_violation(&judge(&down.at(201)), "0.190000s both live");
    }

    #[test]
    fn what_is_not_watched_in_the_tail_cannot_be_judged() {
        let why = "no node watched a live one for long";
        assert_unknown(&judge(&quiet(Ignores).at(200)), why);
        assert_unknown(&judge(&quiet(Trusts).stop(0).at(200)), why);
        assert_unknown(&judge(&Script::new().start(0).start(1).thinks(0, 1, Suspects).at(99)), why);
    }
}
