//! **No dirty read**: what a reader was shown as committed stays in the committed prefix.
//!
//! The owner of a log shows entries up to its high-water mark. If it shows more, the entry may vanish with a leader, and a
//! later reader finds another one in its place, or none. Source: Adya 1999, chapter 4 (G1a, of transactions); Kreps,
//! Narkhede and Rao 2011 (Kafka), and Junqueira, Reed and Serafini 2011 (committed prefixes).
//!
//! What it needs to see: `Shown`, for each entry in each answer to a reader, with the mark that the reader was told. Two
//! different entries shown at one index, and an entry above its own mark, are a violation at any time. A mark is held
//! against what was shown before only in the quiet tail, because a follower's mark may lag. What it cannot see: an entry
//! that was shown too early and survived (that was luck; `leader-completeness` judges the commitment itself), and one that
//! nobody asked for again.

use std::time::Duration;

use crate::checkers::recent::Recent;
use crate::checkers::tail::Tail;
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::kernel::ids::{LogIndex, NodeId};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// Which entry a node showed, and when.
#[derive(Clone, Copy, Debug)]
struct Sight {
    index: LogIndex,
    digest: u64,
    node: NodeId,
    at: Instant,
}

impl Sight {
    fn told(&self) -> String {
        format!(
            "{} {} shows {} ({:016x}) as committed",
            self.at, self.node, self.index, self.digest
        )
    }
}

/// Judges that nothing vanishes that was shown.
#[derive(Debug)]
pub struct NoDirtyRead {
    /// How long the nodes may take, in the quiet tail, to learn what is committed.
    settle: Duration,
    tail: Tail,
    seen: Recent<LogIndex, Sight>,
    highest: Option<Sight>,
    /// Whether a mark in the tail covered everything that was shown.
    confirmed: bool,
}

impl NoDirtyRead {
    /// A judge that gives the nodes this long to learn what is committed, once the faults are over.
    #[must_use]
    pub fn new(settle: Duration) -> Self {
        Self {
            settle,
            tail: Tail::default(),
            seen: Recent::default(),
            highest: None,
            confirmed: false,
        }
    }

    fn shown(&mut self, sight: Sight, mark: LogIndex) -> Result<(), Violation> {
        if mark < sight.index {
            let message = format!(
                "{} shows {} as committed, above its own mark, {mark}",
                sight.node, sight.index
            );
            return Err(Violation::new(sight.at, message).because(sight.told()));
        }
        let first = *self.seen.or_insert_with(sight.index, || sight);
        if first.digest != sight.digest {
            let message = format!(
                "two readers were shown different entries at {}: a read was dirty",
                sight.index
            );
            let violation = Violation::new(sight.at, message);
            return Err(violation.because(first.told()).because(sight.told()));
        }
        if self.highest.is_none_or(|highest| highest.index < sight.index) {
            self.highest = Some(sight);
        }
        let Some(highest) = self.highest else { return Ok(()) };
        if highest.index <= mark {
            self.confirmed |= self.tail.has_begun();
        } else if self.tail.overdue(highest.at, self.settle, sight.at) {
            let message = format!(
                "{} was shown as committed, but the committed prefix ends at {mark} now",
                highest.index
            );
            let now = format!("{} {} tells a reader the mark {mark}", sight.at, sight.node);
            return Err(Violation::new(sight.at, message).because(highest.told()).because(now));
        }
        Ok(())
    }
}

impl Checker for NoDirtyRead {
    fn name(&self) -> &'static str {
        "no-dirty-read"
    }

    fn interest(&self) -> Interest {
        Interest::PROTOCOL_CLAIMS.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        self.tail.observe(event);
        match (&event.fact, event.node) {
            (&Fact::Claimed(Claim::Shown { index, digest, mark }), Some(node)) => {
                self.shown(Sight { index, digest, node, at: event.at }, mark)
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        match self.highest {
            None => Judgement::Vacuous("no node ever showed an entry to a reader".into()),
            Some(_) if self.confirmed => Judgement::Ok,
            Some(highest) => Judgement::Unknown(format!(
                "{} was shown, but no reader was told a mark of it in the quiet tail",
                highest.index
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::CheckerOptions;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation, settling};

    const NAME: &str = "no-dirty-read";

    fn judge(script: &Script) -> Judgement {
        script.judged(NAME, &settling())
    }

    /// Node 0 shows two entries.
    fn shown() -> Script {
        Script::new().shown(0, (1, 11), 1).shown(0, (2, 12), 2)
    }

    #[test]
    fn readers_of_one_growing_prefix_read_clean() {
        let script = shown().shown(1, (1, 11), 1).at(100).phase("quiet");
        assert_ok(&judge(&script.clone().shown(1, (2, 12), 2)));
        assert_ok(&judge(&script.shown(1, (1, 11), 1).shown(2, (1, 11), 2).shown(2, (3, 13), 3)));
    }

    #[test]
    fn another_entry_at_the_same_index_is_a_violation() {
        let judgement = judge(&shown().shown(1, (2, 99), 2));
        assert_violation(&judgement, "two readers were shown different entries at index 2");
        assert_violation(&judgement, "node#0 shows index 2 (000000000000000c)");
        assert_violation(&judgement, "node#1 shows index 2 (0000000000000063)");
    }

    #[test]
    fn a_shorter_prefix_after_the_faults_is_a_violation() {
        let late = shown().at(100).phase("quiet").at(111).shown(1, (1, 11), 1);
        assert_violation(&judge(&late), "the committed prefix ends at index 1 now");
        assert_violation(&judge(&late), "node#0 shows index 2");
    }

    #[test]
    fn a_mark_that_falls_back_after_new_entries_is_a_violation() {
        let script = shown().at(100).phase("quiet").at(150).shown(1, (3, 13), 3);
        assert_violation(
            &judge(&script.clone().at(161).shown(0, (2, 12), 2)),
            "ends at index 2 now",
        );
        assert_ok(&judge(&script.at(160).shown(0, (2, 12), 2)));
    }

    #[test]
    fn an_entry_that_is_shown_again_has_no_more_time_to_vanish() {
        let again = shown().at(100).phase("quiet").at(109).shown(0, (2, 12), 2);
        assert_ok(&judge(&again.clone().at(110).shown(1, (1, 11), 1)));
        assert_violation(&judge(&again.at(111).shown(1, (1, 11), 1)), "ends at index 1 now");
    }

    #[test]
    fn an_entry_above_its_own_mark_is_a_violation() {
        let judgement = judge(&shown().shown(1, (3, 13), 2));
        assert_violation(
            &judgement,
            "node#1 shows index 3 as committed, above its own mark, index 2",
        );
    }

    #[test]
    fn a_mark_may_lag_before_the_faults_are_over_and_a_while_after() {
        let lagging = shown().at(90).shown(1, (1, 11), 1).phase("quiet");
        let script = lagging.at(101).shown(1, (1, 11), 1).at(120).shown(1, (2, 12), 2);
        assert_ok(&judge(&script));
    }

    #[test]
    fn what_nobody_asked_for_again_is_unknown() {
        assert_unknown(&judge(&shown().at(100).phase("quiet")), "index 2 was shown, but no reader");
        let script = shown().at(100).phase("quiet").shown(1, (1, 11), 1);
        assert_unknown(&judge(&script), "index 2 was shown");
        assert_unknown(&Script::new().judged(NAME, &CheckerOptions::new(3)), "no node ever showed");
    }
}
