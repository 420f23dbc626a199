//! **Clock condition**: if one event happened before another, its stamp is smaller; and for version vectors the converse.
//!
//! The stamps that a node gives out grow, through all its lives, and each is greater than that of what the node acts upon.
//! A replica that drops a version for another one says that the other comes after it: then whoever wrote the other must
//! have known it. A dot names one write in all time. Source: Lamport, *Time, Clocks, and the Ordering of Events in a
//! Distributed System*, 1978 (the condition); Fidge 1988 and Mattern 1989 (the converse).
//!
//! What it needs to see: `Stamped`; `Wrote`, `Supersedes` and `Discarded`. What it cannot see: a cause that the node was not
//! told of, because a message or a client carried no stamp (`session-guarantees` and `linearizability` see what follows).

use std::collections::BTreeMap;

use crate::checkers::causality::{Causality, Knows, Version};
use crate::checkers::recent::Recent;
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::claim::versioning::{Dot, Stamp, Versioning};
use crate::kernel::ids::{NodeId, RequestId};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// Judges that stamps follow causes, and causes stamps.
#[derive(Debug, Default)]
pub struct ClockCondition {
    /// The last stamp of each node.
    last: BTreeMap<NodeId, (Stamp, Instant)>,
    causality: Causality,
    /// For whom each version was written.
    written: Recent<Version, (RequestId, NodeId, Instant)>,
    judged: u64,
}

impl ClockCondition {
    fn stamped(
        &mut self,
        event: &Event,
        node: NodeId,
        (stamp, after): (Stamp, Stamp),
    ) -> Result<(), Violation> {
        self.judged += 1;
        let before = self.last.insert(node, (stamp, event.at));
        if let Some((last, at)) = before.filter(|(last, _)| *last >= stamp) {
            let message = format!("the clock of {node} gives out {stamp} after {last}");
            let violation = Violation::new(event.at, message);
            return Err(violation.because(format!("{at} {node} stamps {last}")).because(event));
        }
        if after != Stamp::NONE && after >= stamp {
            let message = format!("{node} stamps {stamp} what happened after {after}");
            return Err(Violation::new(event.at, message).because(event));
        }
        Ok(())
    }

    fn wrote(
        &mut self,
        event: &Event,
        version: Version,
        write: (RequestId, NodeId),
    ) -> Result<(), Violation> {
        let (request, node) = write;
        self.causality.wrote(version);
        let (first, by, at) = *self.written.or_insert_with(version, || (request, node, event.at));
        if first == request {
            return Ok(());
        }
        let (object, dot) = version;
        let message = format!(
            "version {dot} of object {object} names the writes of requests {first} and {request}"
        );
        let violation = Violation::new(event.at, message);
        Err(violation.because(format!("{at} {by} writes it for request {first}")).because(event))
    }

    fn discarded(
        &mut self,
        event: &Event,
        object: u64,
        (dot, by): (Dot, Dot),
    ) -> Result<(), Violation> {
        self.judged += 1;
        if dot == by || self.causality.knows((object, by), dot) != Knows::No {
            return Ok(());
        }
        let message = format!(
            "version {dot} of object {object} is dropped for {by}, whose writer did not know it: they are concurrent"
        );
        let writers = [dot, by].map(|dot| (dot, self.written.get(&(object, dot))));
        let violation =
            writers.into_iter().fold(Violation::new(event.at, message), |violation, writer| {
                match writer {
                    (dot, Some((request, node, at))) => {
                        violation.because(format!("{at} {node} writes {dot} for request {request}"))
                    }
                    (_, None) => violation,
                }
            });
        Err(violation.because(event))
    }
}

impl Checker for ClockCondition {
    fn name(&self) -> &'static str {
        "clock-condition"
    }

    fn interest(&self) -> Interest {
        Interest::PROTOCOL_CLAIMS
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        let (Fact::Claimed(claim), Some(node)) = (&event.fact, event.node) else { return Ok(()) };
        match *claim {
            Claim::Stamped { stamp, after, .. } => self.stamped(event, node, (stamp, after)),
            Claim::Versioning(Versioning::Wrote { object, dot, request }) => {
                self.wrote(event, (object, dot), (request, node))
            }
            Claim::Versioning(Versioning::Supersedes { object, newer, older }) => {
                self.causality.supersedes((object, newer), older);
                Ok(())
            }
            Claim::Versioning(Versioning::Discarded { object, dot, by }) => {
                self.discarded(event, object, (dot, by))
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.judged == 0 {
            return Judgement::Vacuous("no node ever gave out a stamp or dropped a version".into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{
        Script, assert_ok, assert_unknown, assert_violation, dot, request,
    };
    use crate::kernel::time::WallTime;

    const NAME: &str = "clock-condition";

    fn stamp((wall, counter): (i64, u64)) -> Stamp {
        Stamp { wall: WallTime::from_nanos(wall), counter }
    }

    impl Script {
        /// A node stamps something that came after something else.
        fn stamps(self, node: u32, now: (i64, u64), after: (i64, u64)) -> Self {
            let (stamp, after) = (stamp(now), stamp(after));
            self.claim(node, Claim::Stamped { stamp, after, clock: WallTime::ZERO })
        }

        fn drops(self, old: (u32, u64), new: (u32, u64)) -> Self {
            self.claim(0, Versioning::Discarded { object: 7, dot: dot(old), by: dot(new) })
        }
    }

    #[test]
    fn stamps_that_grow_along_every_message_satisfy_the_condition() {
        let script = Script::new().stamps(0, (0, 1), (0, 0)).stamps(1, (0, 2), (0, 1));
        let script = script.stamps(0, (0, 3), (0, 2)).stamps(2, (0, 1), (0, 0)).stop(0);
        assert_ok(&script.start(0).stamps(0, (0, 4), (0, 0)).judged_by(NAME));
    }

    #[test]
    fn a_clock_that_goes_back_is_a_violation_also_over_a_restart() {
        let script = Script::new().stamps(0, (90, 5), (0, 0)).stop(0).start(0);
        let judgement = script.clone().stamps(0, (80, 9), (0, 0)).judged_by(NAME);
        assert_violation(&judgement, "the clock of node#0 gives out 80ns+9 after 90ns+5");
        assert_violation(&judgement, "node#0 stamps 90ns+5");
        assert_violation(&script.stamps(0, (90, 5), (0, 0)).judged_by(NAME), "90ns+5 after 90ns+5");
    }

    #[test]
    fn an_effect_that_is_not_stamped_later_than_its_cause_is_a_violation() {
        for after in [(0, 7), (0, 8), (1, 0)] {
            let judgement = Script::new().stamps(1, (0, 7), after).judged_by(NAME);
            assert_violation(&judgement, "node#1 stamps 7 what happened after");
        }
    }

    #[test]
    fn a_version_that_is_dropped_for_one_that_knew_it_satisfies_the_converse() {
        let script =
            Script::new().writes(7, (1, 1), 1).supersedes(7, (2, 1), (1, 1)).writes(7, (2, 1), 2);
        let script = script.supersedes(7, (1, 2), (2, 1)).writes(7, (1, 2), 3);
        assert_ok(&script.clone().drops((1, 1), (1, 2)).drops((2, 1), (2, 1)).judged_by(NAME));
        assert_ok(&script.drops((1, 1), (5, 5)).judged_by(NAME));
    }

    #[test]
    fn a_concurrent_version_that_is_dropped_is_a_violation() {
        let script = Script::new().writes(7, (1, 1), 1).writes(7, (2, 1), 2);
        let judgement = script.drops((1, 1), (2, 1)).judged_by(NAME);
        assert_violation(
            &judgement,
            "version 1:1 of object 7 is dropped for 2:1, whose writer did not",
        );
        assert_violation(&judgement, "node#0 writes 1:1 for request s1.1");
        assert_violation(&judgement, "node#0 writes 2:1 for request s1.2");
    }

    #[test]
    fn a_newer_version_that_is_dropped_for_an_older_one_is_a_violation() {
        let script =
            Script::new().writes(7, (1, 1), 1).supersedes(7, (2, 1), (1, 1)).writes(7, (2, 1), 2);
        assert_violation(
            &script.drops((2, 1), (1, 1)).judged_by(NAME),
            "2:1 of object 7 is dropped for 1:1",
        );
    }

    #[test]
    fn a_dot_that_names_two_writes_is_a_violation() {
        let script = Script::new().writes(7, (1, 1), 1).writes(7, (1, 1), 1).writes(8, (1, 1), 3);
        let judgement = script.clone().writes(7, (1, 1), 2).judged_by(NAME);
        assert_violation(
            &judgement,
            "version 1:1 of object 7 names the writes of requests s1.1 and s1.2",
        );
        assert_violation(&judgement, "writes it for request s1.1");
        assert_eq!(request(1).sequence, 1);
        assert_unknown(&script.judged_by(NAME), "no node ever gave out a stamp");
    }
}
