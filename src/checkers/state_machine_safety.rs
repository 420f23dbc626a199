//! **State machine safety**: no index is applied with two different digests, on any node, in any incarnation.
//!
//! Source: Ongaro and Ousterhout 2014, figure 3. Two consequences are judged as well: a node applies the
//! log in order without leaving anything out, and nodes that have applied the same prefix are in the same
//! state (Schneider 1990, *Implementing Fault-Tolerant Services Using the State Machine Approach*, section
//! 2).

use std::collections::BTreeMap;

use crate::checkers::window::{Floor, Window};
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::kernel::ids::{LogIndex, NodeId};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// How many states are remembered: nodes take snapshots at different indices.
const STATES_KEPT: usize = 1024;

/// Who said first what is at an index, and when.
#[derive(Clone, Copy, Debug)]
struct First {
    digest: u64,
    node: NodeId,
    at: Instant,
}

/// Judges that all state machines go the same way.
#[derive(Debug, Default)]
pub struct StateMachineSafety {
    applied: Window<First>,
    /// The digests of states after an index.
    states: BTreeMap<LogIndex, First>,
    /// How far each node's state machine has come in this life, where it has said so.
    reached: Vec<Option<LogIndex>>,
    floor: Floor,
    applications: u64,
}

impl StateMachineSafety {
    fn reached(&mut self, node: NodeId) -> &mut Option<LogIndex> {
        if self.reached.len() <= node.index() {
            self.reached.resize(node.index() + 1, None);
        }
        &mut self.reached[node.index()]
    }

    fn apply(
        &mut self,
        event: &Event,
        node: NodeId,
        entry: (LogIndex, u64),
    ) -> Result<(), Violation> {
        let (index, digest) = entry;
        self.applications += 1;
        let reached = self.reached(node).replace(index);
        if let Some(reached) = reached
            && index != reached.next()
        {
            let message = format!("{node} applies {index} after {reached}");
            return Err(Violation::new(event.at, message).because(event));
        }
        let Some(first) = self.applied.get(index) else {
            self.applied.set(index, First { digest, node, at: event.at });
            return Ok(());
        };
        if first.digest == digest {
            return Ok(());
        }
        let First { digest: other, node: one, at } = *first;
        let message = format!("{one} and {node} applied different entries at {index}");
        Err(Violation::new(event.at, message)
            .because(format!("{at} {one} applies {index} ({other:016x})"))
            .because(event))
    }

    fn state(
        &mut self,
        event: &Event,
        node: NodeId,
        state: (LogIndex, u64),
    ) -> Result<(), Violation> {
        let (index, digest) = state;
        if index == LogIndex(0) {
            return Ok(());
        }
        let first = *self.states.entry(index).or_insert(First { digest, node, at: event.at });
        if self.states.len() > STATES_KEPT {
            self.states.pop_first();
        }
        if first.digest == digest {
            return Ok(());
        }
        let First { digest: other, node: one, at } = first;
        let message = format!("{one} and {node} are in different states after {index}");
        Err(Violation::new(event.at, message)
            .because(format!("{at} the state of {one} after {index} is {other:016x}"))
            .because(format!("{} the state of {node} after {index} is {digest:016x}", event.at)))
    }
}

impl Checker for StateMachineSafety {
    fn name(&self) -> &'static str {
        "state-machine-safety"
    }

    fn interest(&self) -> Interest {
        Interest::CLAIMS.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        let Some(node) = event.node else { return Ok(()) };
        match event.fact {
            Fact::Claimed(Claim::Apply { index, digest, .. }) => {
                self.apply(event, node, (index, digest))?;
            }
            Fact::Claimed(Claim::Snapshot { index, state, .. }) => {
                let reached = self.reached(node);
                *reached = reached.map(|reached| reached.max(index));
                self.state(event, node, (index, state))?;
            }
            Fact::Claimed(Claim::Recovered { applied, state, .. }) => {
                *self.reached(node) = Some(applied);
                self.state(event, node, (applied, state))?;
            }
            Fact::Claimed(Claim::Recovering) | Fact::Started { .. } | Fact::Stopped(_) => {
                *self.reached(node) = None;
            }
            _ => {}
        }
        if let Some(floor) = self.floor.observe(event) {
            self.applied.forget(floor, |_, _| {});
        }
        Ok(())
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.applications == 0 {
            return Judgement::Vacuous("no node ever applied an entry".into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};

    const NAME: &str = "state-machine-safety";

    #[test]
    fn equal_orders_are_safe_across_nodes_and_lives() {
        let script = Script::new()
            .apply(0, 1, 11)
            .apply(1, 1, 11)
            .apply(0, 2, 12)
            .snapshot(0, (1, 1), 7)
            .stop(0)
            .start(0)
            .recovering(0)
            .snapshot(0, (1, 1), 7)
            .recovered(0, 2, (1, 7))
            .apply(0, 2, 12)
            .snapshot(1, (1, 1), 7);
        assert_ok(&script.judged_by(NAME));
    }

    #[test]
    fn two_entries_at_one_index_are_a_violation() {
        let script = Script::new().apply(0, 1, 11).apply(0, 2, 12).apply(1, 1, 11).apply(1, 2, 99);
        let judgement = script.judged_by(NAME);
        assert_violation(&judgement, "node#0 and node#1 applied different entries at index 2");
        assert_violation(&judgement, "node#0 applies index 2 (000000000000000c)");
    }

    #[test]
    fn a_node_that_applies_something_else_in_its_next_life_is_a_violation() {
        let script = Script::new().apply(0, 1, 11).stop(0).start(0).apply(0, 1, 12);
        assert_violation(&script.judged_by(NAME), "node#0 and node#0 applied different entries");
    }

    #[test]
    fn leaving_an_entry_out_is_a_violation_unless_a_snapshot_stands_for_it() {
        let script = Script::new().apply(0, 1, 11);
        assert_violation(&script.clone().apply(0, 3, 13).judged_by(NAME), "index 3 after index 1");
        assert_violation(&script.clone().apply(0, 1, 11).judged_by(NAME), "index 1 after index 1");
        assert_ok(&script.snapshot(0, (2, 1), 7).apply(0, 3, 13).judged_by(NAME));
    }

    #[test]
    fn a_node_goes_on_where_its_recovery_has_brought_it() {
        let script = Script::new().apply(0, 1, 11).stop(0).start(0).recovering(0);
        let recovered = script.recovered(0, 1, (1, 7));
        assert_ok(&recovered.clone().apply(0, 2, 12).judged_by(NAME));
        let judgement = recovered.apply(0, 3, 13).judged_by(NAME);
        assert_violation(&judgement, "node#0 applies index 3 after index 1");
    }

    #[test]
    fn memory_stays_flat_as_snapshots_are_taken() {
        let mut checker = StateMachineSafety::default();
        let count = 2 * STATES_KEPT as u64;
        let script = (1..=count).fold(Script::new().start(0), |script, index| {
            script.apply(0, index, index).snapshot(0, (index, 1), index)
        });
        assert!(script.events().iter().all(|event| checker.observe(event).is_ok()));
        assert_eq!(checker.states.len(), STATES_KEPT);
        assert_eq!(checker.applied.first(), LogIndex(count + 1));
    }

    #[test]
    fn different_states_after_the_same_index_are_a_violation() {
        let script = Script::new().apply(0, 1, 11).snapshot(0, (1, 1), 7);
        let judgement = script.clone().snapshot(1, (1, 1), 8).judged_by(NAME);
        assert_violation(&judgement, "node#0 and node#1 are in different states after index 1");
        let judgement = script.recovered(2, 1, (1, 8)).judged_by(NAME);
        assert_violation(&judgement, "node#0 and node#2 are in different states after index 1");
    }

    #[test]
    fn without_an_application_nobody_can_say() {
        let script = Script::new().append(0, (1, 1), 11).snapshot(0, (1, 1), 7);
        assert_unknown(&script.judged_by(NAME), "no node ever applied");
    }
}
