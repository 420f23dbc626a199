//! **Bounded resources**: queues, disks, stalls and fan-outs stay under the caps that their owners state.
//!
//! A queue that grows without bound is a failure that is only late: by Little's law the waiting time grows with it. Source:
//! Little 1961; Joshi 2023, chapters 5 (low-water mark) and 29 (request batch), for what keeps them bounded.
//!
//! What it needs to see: `Gauge`, whenever the value has grown. What it cannot see: a resource that nobody measures, and
//! whether a cap is a sensible one.

use std::collections::{BTreeMap, VecDeque};

use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// How many values before the one that is too large are told in the evidence.
const TOLD: usize = 4;

/// Judges that gauges stay under their caps.
#[derive(Debug, Default)]
pub struct BoundedResources {
    /// The last values of each gauge.
    values: BTreeMap<(NodeId, &'static str), VecDeque<(Instant, u64)>>,
}

impl BoundedResources {
    fn gauge(
        &mut self,
        event: &Event,
        gauge: (NodeId, &'static str),
        used: (u64, u64),
    ) -> Result<(), Violation> {
        let (node, resource) = gauge;
        let (value, cap) = used;
        let values = self.values.entry(gauge).or_default();
        if value > cap {
            let message = format!("{node} uses {value} of {resource}, of which {cap} are allowed");
            let violation =
                values.iter().fold(Violation::new(event.at, message), |violation, (at, value)| {
                    violation.because(format!("{at} {node} uses {value} of {resource}"))
                });
            return Err(violation.because(event));
        }
        if values.len() == TOLD {
            values.pop_front();
        }
        values.push_back((event.at, value));
        Ok(())
    }
}

impl Checker for BoundedResources {
    fn name(&self) -> &'static str {
        "bounded-resources"
    }

    fn interest(&self) -> Interest {
        Interest::PROTOCOL_CLAIMS
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        match (&event.fact, event.node) {
            (&Fact::Claimed(Claim::Gauge { resource, value, cap }), Some(node)) => {
                self.gauge(event, (node, resource), (value, cap))
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.values.is_empty() {
            return Judgement::Vacuous("no node ever measured a resource".into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};

    const NAME: &str = "bounded-resources";

    impl Script {
        /// Of each resource ten are allowed.
        fn uses(self, node: u32, resource: &'static str, value: u64) -> Self {
            self.claim(node, Claim::Gauge { resource, value, cap: 10 })
        }
    }

    #[test]
    fn what_stays_under_its_cap_is_bounded() {
        let script =
            Script::new().uses(0, "queue", 10).uses(0, "disk-bytes", 9).uses(1, "queue", 0);
        assert_ok(&script.judged_by(NAME));
    }

    #[test]
    fn a_queue_over_its_cap_is_a_violation() {
        let judgement = Script::new().uses(0, "queue", 11).judged_by(NAME);
        assert_violation(&judgement, "node#0 uses 11 of queue, of which 10 are allowed");
    }

    #[test]
    fn the_evidence_shows_how_it_grew() {
        let grows = (1..=6).fold(Script::new(), |script, value| {
            script.uses(0, "queue", value).uses(1, "queue", 0).uses(0, "stall-ns", 9)
        });
        let Judgement::Violation(violation) = grows.uses(0, "queue", 12).judged_by(NAME) else {
            panic!("it is a violation")
        };
        let told: Vec<&str> = violation
            .evidence
            .iter()
            .filter_map(|fact| fact.split("node#0 uses ").nth(1))
            .collect();
        let last = "12 of queue, of which 10 are allowed";
        assert_eq!(told, ["3 of queue", "4 of queue", "5 of queue", "6 of queue", last]);
    }

    #[test]
    fn a_cap_that_is_lowered_counts_from_then_on() {
        let script = Script::new().uses(0, "queue", 8);
        let lowered = script.claim(0, Claim::Gauge { resource: "queue", value: 8, cap: 7 });
        assert_violation(&lowered.judged_by(NAME), "uses 8 of queue, of which 7 are allowed");
    }

    #[test]
    fn without_gauges_there_is_nothing_to_check() {
        assert_unknown(&Script::new().start(0).judged_by(NAME), "no node ever measured");
    }
}
