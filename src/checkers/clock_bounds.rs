//! **Clock bounds**: the physical part of a hybrid clock stays near true time, and the clock never goes back.
//!
//! A stamp's physical part is at most the stated bound away from true time, in either direction, and the stamps of a node
//! grow through all its lives. A node whose own wall clock is further off than the bound can do no better: its stamps are
//! not held to the bound. A node whose own clock is right must not be dragged along by others. Source: Kulkarni, Demirbas
//! et al., *Logical Physical Clocks*, 2014, section 3 (boundedness).
//!
//! What it needs to see: `Stamped` with a physical part, and with what the node's own wall clock showed. What it cannot see:
//! whether an error bound that a node states itself is honest (`external-consistency` sees what follows).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::claim::versioning::Stamp;
use crate::kernel::ids::NodeId;
use crate::kernel::time::{Instant, WallTime};
use crate::trace::{Event, Fact, Interest};

/// Judges that hybrid clocks stay near true time.
#[derive(Debug)]
pub struct ClockBounds {
    bound: Duration,
    last: BTreeMap<NodeId, (Stamp, Instant)>,
    judged: u64,
    /// A node whose own clock was too far off to judge it, and when.
    wild: Option<(NodeId, Instant)>,
}

impl ClockBounds {
    /// A judge that allows clocks to be this far off.
    #[must_use]
    pub const fn new(bound: Duration) -> Self {
        Self { bound, last: BTreeMap::new(), judged: 0, wild: None }
    }

    fn is_off(&self, shown: WallTime, at: Instant) -> bool {
        let off = i128::from(shown.as_nanos()) - i128::from(at.as_nanos());
        off.unsigned_abs() > self.bound.as_nanos()
    }

    fn stamped(
        &mut self,
        event: &Event,
        node: NodeId,
        stamped: (Stamp, WallTime),
    ) -> Result<(), Violation> {
        let (stamp, clock) = stamped;
        let before = self.last.insert(node, (stamp, event.at));
        if let Some((last, at)) = before.filter(|(last, _)| *last >= stamp) {
            let message = format!("the hybrid clock of {node} goes back from {last} to {stamp}");
            let violation = Violation::new(event.at, message);
            return Err(violation.because(format!("{at} {node} stamps {last}")).because(event));
        }
        if self.is_off(clock, event.at) {
            self.wild = Some((node, event.at));
            return Ok(());
        }
        self.judged += 1;
        if !self.is_off(stamp.wall, event.at) {
            return Ok(());
        }
        let message = format!(
            "the hybrid clock of {node} shows {}ns at {}, further off than {:?}, though its wall clock is right",
            stamp.wall.as_nanos(),
            event.at,
            self.bound
        );
        Err(Violation::new(event.at, message)
            .because(format!("{} the wall clock of {node} shows {}ns", event.at, clock.as_nanos()))
            .because(event))
    }
}

impl Checker for ClockBounds {
    fn name(&self) -> &'static str {
        "clock-bounds"
    }

    fn interest(&self) -> Interest {
        Interest::PROTOCOL_CLAIMS
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        match (&event.fact, event.node) {
            (&Fact::Claimed(Claim::Stamped { stamp, clock, .. }), Some(node))
                if stamp.wall != WallTime::ZERO || clock != WallTime::ZERO =>
            {
                self.stamped(event, node, (stamp, clock))
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.judged > 0 {
            return Judgement::Ok;
        }
        match self.wild {
            None => Judgement::Vacuous("no node ever stamped anything by a hybrid clock".into()),
            Some((node, at)) => Judgement::Unknown(format!(
                "every wall clock was further off than {:?}, the last one that of {node} at {at}",
                self.bound
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};

    const NAME: &str = "clock-bounds";
    /// The bound that the options state if they are told nothing else.
    const BOUND: i64 = 500;

    impl Script {
        /// The stamp's physical part and what the wall clock shows, in milliseconds.
        fn hybrid(self, node: u32, (wall, counter): (i64, u64), clock: i64) -> Self {
            let millis = |millis: i64| WallTime::from_nanos(millis * 1_000_000);
            let stamp = Stamp { wall: millis(wall), counter };
            self.claim(node, Claim::Stamped { stamp, after: Stamp::NONE, clock: millis(clock) })
        }
    }

    #[test]
    fn a_hybrid_clock_near_true_time_is_bounded() {
        let script = Script::new().at(1000).hybrid(0, (1000, 0), 1000).hybrid(0, (1000, 1), 999);
        let script = script.at(2000).hybrid(0, (2000 + BOUND, 0), 2000).at(3000);
        assert_ok(&script.hybrid(1, (3000 - BOUND, 0), 3000).judged_by(NAME));
    }

    #[test]
    fn a_clock_that_is_dragged_into_the_future_is_a_violation() {
        let judgement = Script::new().at(1000).hybrid(0, (1001 + BOUND, 0), 1000).judged_by(NAME);
        assert_violation(&judgement, "the hybrid clock of node#0 shows 1501000000ns at 1.000000s");
        assert_violation(&judgement, "the wall clock of node#0 shows 1000000000ns");
    }

    #[test]
    fn a_clock_that_only_counts_beside_a_wall_clock_is_a_violation() {
        let judgement = Script::new().at(9000).hybrid(0, (0, 17), 9000).judged_by(NAME);
        assert_violation(&judgement, "shows 0ns at 9.000000s");
        let judgement = Script::new().at(9000).hybrid(0, (8999 - BOUND, 1), 9000).judged_by(NAME);
        assert_violation(&judgement, "further off than 500ms");
    }

    #[test]
    fn a_clock_that_goes_back_over_a_restart_is_a_violation() {
        let script = Script::new().at(1000).hybrid(0, (1000, 3), 1000).stop(0).start(0);
        let judgement = script.clone().hybrid(0, (1000, 2), 1000).judged_by(NAME);
        assert_violation(&judgement, "the hybrid clock of node#0 goes back from 1000000000ns+3");
        assert_violation(&judgement, "node#0 stamps 1000000000ns+3");
        assert_violation(&script.clone().hybrid(0, (1000, 3), 1000).judged_by(NAME), "goes back");
        assert_ok(&script.hybrid(1, (1000, 2), 1000).judged_by(NAME));
    }

    #[test]
    fn a_node_whose_own_clock_is_wild_can_do_no_better() {
        let wild = Script::new().at(1000).hybrid(0, (9000, 0), 9000);
        assert_unknown(&wild.judged_by(NAME), "every wall clock was further off than 500ms");
        assert_unknown(&wild.judged_by(NAME), "that of node#0 at 1.000000s");
        assert_ok(&wild.clone().hybrid(1, (1000, 0), 1000).judged_by(NAME));
        assert_violation(
            &wild.hybrid(1, (9000, 1), 1000).judged_by(NAME),
            "of node#1 shows 9000000000ns",
        );
    }

    #[test]
    fn logical_clocks_have_no_bounds() {
        let logical = Script::new().at(9000).hybrid(0, (0, 17), 0).hybrid(0, (0, 16), 0);
        assert_unknown(&logical.judged_by(NAME), "no node ever stamped anything by a hybrid clock");
        let early = Script::new().at(400).hybrid(0, (1, 0), 0);
        assert_ok(&early.judged_by(NAME));
    }
}
