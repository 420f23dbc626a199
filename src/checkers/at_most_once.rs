//! **At-most-once execution**: a request changes the state at most once, and all answers to it are equal.
//!
//! A node that applies an entry says whose request it was, or nobody's if it recognised a repeat. The same
//! request at two indices was executed twice, on whichever nodes. Source: Birrell and Nelson, *Implementing
//! Remote Procedure Calls*, 1984, section 1.4; Ongaro, *Consensus: Bridging Theory and Practice*, 2014,
//! section 6.3.
//!
//! The last [`KEPT`] requests are remembered: a repeat that comes later than that is not seen.

use std::collections::{BTreeMap, VecDeque};

use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::history::{HistoryEvent, Phase, Value};
use crate::kernel::ids::{LogIndex, NodeId, RequestId};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// How many requests are remembered.
pub const KEPT: usize = 1 << 16;

/// The first execution of a request, and the first answer.
#[derive(Clone, Debug)]
struct Execution {
    index: LogIndex,
    node: NodeId,
    at: Instant,
    answer: Option<(Instant, Value)>,
}

/// Judges that no request is executed twice.
#[derive(Debug, Default)]
pub struct AtMostOnce {
    executions: BTreeMap<RequestId, Execution>,
    oldest: VecDeque<RequestId>,
    executed: u64,
}

impl AtMostOnce {
    fn execute(
        &mut self,
        event: &Event,
        (node, index): (NodeId, LogIndex),
        request: RequestId,
    ) -> Result<(), Violation> {
        self.executed += 1;
        if let Some(first) = self.executions.get(&request) {
            if first.index == index {
                return Ok(());
            }
            let Execution { index: first_index, node: first_node, at, .. } = first;
            let message =
                format!("request {request} was executed twice, at {first_index} and at {index}");
            return Err(Violation::new(event.at, message)
                .because(format!("{at} {first_node} applies {first_index} for request {request}"))
                .because(format!("{} {node} applies {index} for request {request}", event.at)));
        }
        if self.oldest.len() >= KEPT
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.executions.remove(&oldest);
        }
        self.oldest.push_back(request);
        self.executions.insert(request, Execution { index, node, at: event.at, answer: None });
        Ok(())
    }

    fn answer(&mut self, history: &HistoryEvent) -> Result<(), Violation> {
        let Some(execution) = self.executions.get_mut(&history.request) else { return Ok(()) };
        let value = &history.operation.value;
        let (at, first) = execution.answer.get_or_insert_with(|| (history.at, value.clone()));
        if first == value {
            return Ok(());
        }
        let request = history.request;
        let message = format!("request {request} was answered with {first} and with {value}");
        Err(Violation::new(history.at, message)
            .because(format!("{at} request {request} is answered with {first}"))
            .because(format!("{} request {request} is answered with {value}", history.at)))
    }
}

impl Checker for AtMostOnce {
    fn name(&self) -> &'static str {
        "at-most-once"
    }

    fn interest(&self) -> Interest {
        Interest::CLAIMS.and(Interest::HISTORY)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        match (&event.fact, event.node) {
            (&Fact::Claimed(Claim::Apply { index, request: Some(request), .. }), Some(node)) => {
                self.execute(event, (node, index), request)
            }
            (Fact::History(history), _) if history.phase == Phase::Ok => self.answer(history),
            _ => Ok(()),
        }
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.executed == 0 {
            return Judgement::Vacuous("no node ever said whose request it applied".into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};
    use crate::history::{Operation, functions};

    const NAME: &str = "at-most-once";

    #[test]
    fn the_same_entry_on_all_nodes_and_in_all_lives_is_one_execution() {
        let script = Script::new()
            .apply_for(0, 1, 11, 1)
            .apply_for(1, 1, 11, 1)
            .stop(0)
            .start(0)
            .apply_for(0, 1, 11, 1)
            .apply_for(0, 2, 12, 2)
            .apply(0, 3, 11);
        assert_ok(&script.judged_by(NAME));
    }

    #[test]
    fn a_request_at_two_indices_is_a_violation() {
        let script = Script::new().apply_for(0, 1, 11, 1).apply_for(0, 2, 12, 2);
        let judgement = script.clone().apply_for(0, 3, 11, 1).judged_by(NAME);
        assert_violation(&judgement, "request s1.1 was executed twice, at index 1 and at index 3");
        assert_violation(&script.apply_for(1, 3, 11, 1).judged_by(NAME), "node#1 applies index 3");
    }

    #[test]
    fn two_different_answers_to_one_request_are_a_violation() {
        let script = Script::new()
            .invoke(1, Operation::new(functions::INCREMENT, 1, 1))
            .apply_for(0, 1, 11, 1)
            .ok(1, 1);
        assert_ok(&script.clone().ok(1, 1).judged_by(NAME));
        assert_violation(&script.ok(1, 2).judged_by(NAME), "answered with 1 and with 2");
    }

    #[test]
    fn a_client_that_gives_up_was_not_answered() {
        let asked = Script::new().invoke(1, Operation::new(functions::INCREMENT, 1, 1));
        assert_ok(&asked.apply_for(0, 1, 11, 1).info(1).ok(1, 6).judged_by(NAME));
    }

    #[test]
    fn without_requests_nobody_can_say() {
        assert_unknown(&Script::new().apply(0, 1, 11).judged_by(NAME), "no node ever said");
    }

    #[test]
    fn memory_stays_flat_over_any_number_of_requests() {
        let mut checker = AtMostOnce::default();
        let count = KEPT as u64 + 100;
        let script = (1..=count)
            .fold(Script::new(), |script, index| script.apply_for(0, index, index, index));
        assert!(script.events().iter().all(|event| checker.observe(event).is_ok()));
        assert_eq!((checker.executions.len(), checker.oldest.len()), (KEPT, KEPT));
    }
}
