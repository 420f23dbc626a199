//! **Consensus**: in each instance one value is chosen, and it was proposed.
//!
//! Agreement: no two nodes learn different choices, and no node changes its mind, in any of its lives (integrity).
//! Validity: what is chosen was proposed before. Termination: once the faults are over, every node that proposed something
//! and has been up since learns the choice within a stated time. Source: Lamport, *Paxos Made Simple*, 2001, section 2.1;
//! Chandra and Toueg 1996, section 2.4; Fischer, Lynch and Paterson 1985 for why termination needs the calm.
//!
//! What it needs to see: `Proposed` and `Chosen`. What it cannot see: two values that were both accepted by majorities, as
//! long as nobody learns of one of them; and that a proposer which stopped should have been helped.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checkers::recent::Recent;
use crate::checkers::tail::Tail;
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::claim::agreement::Agreement;
use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

#[derive(Debug, Default)]
struct Instance {
    /// Who proposed each value first.
    proposed: BTreeMap<u64, (NodeId, Instant)>,
    /// Who proposed something, and when first.
    proposers: BTreeMap<NodeId, Instant>,
    /// What each node learned first.
    learned: BTreeMap<NodeId, (u64, Instant)>,
    /// The choice that was learned first.
    chosen: Option<(u64, NodeId, Instant)>,
}

impl Instance {
    fn prove(&self, violation: Violation) -> Violation {
        self.proposed.iter().fold(violation, |violation, (value, (node, at))| {
            violation.because(format!("{at} {node} proposes {value:016x}"))
        })
    }
}

/// Judges agreement, validity, integrity and termination.
#[derive(Debug)]
pub struct Consensus {
    settle: Duration,
    tail: Tail,
    instances: Recent<u64, Instance>,
    chosen: u64,
}

impl Consensus {
    /// A judge that gives the nodes this long to learn the choice, once the faults are over.
    #[must_use]
    pub fn new(settle: Duration) -> Self {
        Self { settle, tail: Tail::default(), instances: Recent::default(), chosen: 0 }
    }

    fn learn(&mut self, id: u64, value: u64, event: (NodeId, Instant)) -> Result<(), Violation> {
        let (node, at) = event;
        self.chosen += 1;
        let forgotten = self.instances.has_forgotten();
        let instance = self.instances.entry(id);
        let now = format!("{at} {node} learns {value:016x}");
        if !instance.proposed.contains_key(&value) && !forgotten {
            let message =
                format!("{value:016x} is chosen for instance {id}, and nobody has proposed it");
            return Err(instance.prove(Violation::new(at, message).because(now)));
        }
        let own = *instance.learned.entry(node).or_insert((value, at));
        let (first, by, since) = *instance.chosen.get_or_insert((value, node, at));
        let (before, who, when) =
            if own.0 == value { (first, by, since) } else { (own.0, node, own.1) };
        if before == value {
            return Ok(());
        }
        let message = if who == node {
            format!("{node} changes its mind on instance {id}, from {before:016x} to {value:016x}")
        } else {
            format!("two values are chosen for instance {id}: {before:016x} and {value:016x}")
        };
        let violation = Violation::new(at, message);
        let violation =
            violation.because(format!("{when} {who} learns {before:016x}")).because(now);
        Err(instance.prove(violation))
    }

    /// A proposer that has been up and does not know the choice.
    fn left_in_doubt(&self, end: Instant) -> Option<Violation> {
        self.instances.iter().find_map(|(id, instance)| {
            let waits = |(node, since): &(&NodeId, &Instant)| {
                self.tail.live_since(**node).is_some_and(|live| live <= **since)
                    && !instance.learned.contains_key(*node)
                    && self.tail.overdue(**since, self.settle, end)
            };
            let (node, since) = instance.proposers.iter().find(waits)?;
            let settle = self.settle;
            let message = format!(
                "{node} has not learned what was chosen for instance {id} within {settle:?} after the faults"
            );
            let violation = Violation::new(end, message);
            Some(instance.prove(violation.because(format!("{since} {node} proposes a value"))))
        })
    }
}

impl Checker for Consensus {
    fn name(&self) -> &'static str {
        "consensus"
    }

    fn interest(&self) -> Interest {
        Interest::PROTOCOL_CLAIMS.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        self.tail.observe(event);
        let (&Fact::Claimed(Claim::Agreement(claim)), Some(node)) = (&event.fact, event.node)
        else {
            return Ok(());
        };
        match claim {
            Agreement::Proposed { instance, value } => {
                let instance = self.instances.entry(instance);
                instance.proposed.entry(value).or_insert((node, event.at));
                instance.proposers.entry(node).or_insert(event.at);
                Ok(())
            }
            Agreement::Chosen { instance, value } => self.learn(instance, value, (node, event.at)),
            _ => Ok(()),
        }
    }

    fn finish(&mut self, end: Instant) -> Judgement {
        if let Some(violation) = self.left_in_doubt(end) {
            return Judgement::Violation(violation);
        }
        if self.chosen == 0 {
            return Judgement::Vacuous("no node ever learned that a value is chosen".into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation, settling};

    const NAME: &str = "consensus";

    fn judge(script: &Script) -> Judgement {
        script.judged(NAME, &settling())
    }

    impl Script {
        fn proposes(self, node: u32, instance: u64, value: u64) -> Self {
            self.claim(node, Agreement::Proposed { instance, value })
        }

        fn learns(self, node: u32, instance: u64, value: u64) -> Self {
            self.claim(node, Agreement::Chosen { instance, value })
        }
    }

    /// Nodes 0 and 1 have proposed 10 and 11 for instance 3, and 11 was chosen.
    fn chosen() -> Script {
        let script = Script::new().start(0).start(1).start(2);
        script.proposes(0, 3, 10).proposes(1, 3, 11).learns(1, 3, 11)
    }

    #[test]
    fn one_proposed_value_for_each_instance_is_consensus() {
        let script = chosen().learns(0, 3, 11).learns(2, 3, 11).stop(2).start(2).learns(2, 3, 11);
        let script = script.proposes(0, 4, 10).learns(0, 4, 10).at(100).phase("quiet").at(200);
        assert_ok(&judge(&script));
    }

    #[test]
    fn two_chosen_values_are_a_violation() {
        let judgement = judge(&chosen().learns(2, 3, 10));
        assert_violation(&judgement, "two values are chosen for instance 3");
        assert_violation(&judgement, "node#1 learns 000000000000000b");
        assert_violation(&judgement, "node#2 learns 000000000000000a");
        assert_violation(&judgement, "node#0 proposes 000000000000000a");
    }

    #[test]
    fn a_node_that_changes_its_mind_is_a_violation() {
        let script = chosen().stop(1).start(1).learns(1, 3, 10);
        assert_violation(&judge(&script), "node#1 changes its mind on instance 3");
    }

    #[test]
    fn a_value_that_nobody_proposed_is_a_violation() {
        let judgement = judge(&chosen().learns(0, 4, 11));
        assert_violation(&judgement, "nobody has proposed it");
        assert_violation(&judge(&chosen().learns(0, 3, 99)), "node#1 proposes 000000000000000b");
        assert_violation(&judge(&Script::new().learns(0, 1, 5)), "node#0 learns 0000000000000005");
    }

    #[test]
    fn a_proposer_that_never_learns_the_choice_is_a_violation() {
        let script = chosen().at(100).phase("quiet");
        let judgement = judge(&script.clone().at(111));
        assert_violation(&judgement, "node#0 has not learned what was chosen for instance 3");
        assert_violation(&judgement, "node#0 proposes a value");
        assert_ok(&judge(&script.clone().at(110)));
        assert_ok(&judge(&script.clone().learns(0, 3, 11).at(200)));
        let proposes = script.learns(0, 3, 11).at(150).proposes(2, 4, 12);
        assert_ok(&judge(&proposes.clone().at(160)));
        assert_violation(&judge(&proposes.at(161)), "node#2 has not learned");
    }

    #[test]
    fn a_proposer_that_stopped_is_not_waited_for() {
        assert_ok(&judge(&chosen().stop(0).at(100).phase("quiet").at(200)));
        assert_ok(&judge(&chosen().stop(0).start(0).at(100).phase("quiet").at(200)));
        let both = Script::new().start(0).at_once().proposes(0, 3, 10).start(1).learns(1, 3, 10);
        assert_violation(&judge(&both.at(100).phase("quiet").at(200)), "node#0 has not learned");
    }

    #[test]
    fn without_a_choice_there_is_nothing_to_check() {
        assert_unknown(&judge(&Script::new().start(0).proposes(0, 1, 1)), "no node ever learned");
    }
}
