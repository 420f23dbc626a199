//! Why there is no legal order, in words: how far the longest one goes, and what has no place in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkers::models::SequentialSpecification;
use crate::checkers::ordering::recording::Call;
use crate::history::Value;

/// How many operations of one kind are told.
const TOLD: usize = 8;

/// The end of an order that cannot be continued.
#[derive(Debug)]
pub(in crate::checkers) struct Dead<'a, S: SequentialSpecification + ?Sized> {
    specification: &'a S,
    calls: &'a [Call],
    order: Vec<usize>,
    states: BTreeMap<&'a Value, S::State>,
}

impl<'a, S: SequentialSpecification + ?Sized> Dead<'a, S> {
    /// The order is of places in `calls`.
    pub fn new(specification: &'a S, calls: &'a [Call], order: Vec<usize>) -> Self {
        let mut states = BTreeMap::new();
        for call in calls {
            states.insert(&call.operation.key, specification.initial());
        }
        for call in order.iter().map(|place| &calls[*place]) {
            let state = states.get_mut(&call.operation.key).expect("every key has a state");
            let after = match &call.answer {
                Some(answer) => specification.answered(state, &call.operation, &answer.value),
                None => specification.step(state, &call.operation).map(|(after, _)| after),
            };
            *state = after.expect("the order is legal");
        }
        Self { specification, calls, order, states }
    }

    /// The operations that are known to have taken effect and have no place in the order.
    pub fn unplaced(&self) -> Vec<&'a Call> {
        let placed: BTreeSet<usize> = self.order.iter().copied().collect();
        let calls = self.calls.iter().enumerate();
        let left = calls.filter(|(place, call)| call.answer.is_some() && !placed.contains(place));
        left.map(|(_, call)| call).collect()
    }

    /// The lines on which the operations of the order were invoked.
    pub fn order(&self) -> Vec<usize> {
        self.order.iter().map(|place| self.calls[*place].line).collect()
    }

    /// The facts: the end of the order, the state there, and for each operation that is left why it is. `waits_for` says
    /// whether the first of two operations may only take effect after the second.
    pub fn evidence(&self, waits_for: impl Fn(&Call, &Call) -> bool) -> Vec<String> {
        let answered = self.calls.iter().filter(|call| call.answer.is_some()).count();
        let unplaced = self.unplaced();
        let placed = answered - unplaced.len();
        let mut facts = vec![format!(
            "the longest legal order has a place for {placed} of {answered} answered operations{}",
            if self.order.len() > TOLD { "; it ends:" } else { ":" }
        )];
        let told = self.order.len().saturating_sub(TOLD);
        facts.extend(self.order[told..].iter().map(|place| describe(&self.calls[*place])));
        let keys: BTreeSet<&Value> = unplaced.iter().map(|call| &call.operation.key).collect();
        for key in keys.into_iter().take(TOLD) {
            let of_key = if *key == Value::Nil { String::new() } else { format!(" of k{key}") };
            facts.push(format!("after it, the state{of_key} is {}", self.states[key]));
        }
        for call in unplaced.iter().take(TOLD) {
            let blocker = unplaced.iter().find(|other| waits_for(call, other));
            facts.push(format!("no place for {}: {}", describe(call), self.why(call, blocker)));
        }
        if unplaced.len() > TOLD {
            facts.push(format!("and for {} more", unplaced.len() - TOLD));
        }
        let unknown = self.calls.iter().filter(|call| call.answer.is_none());
        facts.extend(unknown.take(TOLD).map(describe));
        facts
    }

    fn why(&self, call: &Call, blocker: Option<&&Call>) -> String {
        if let Some(blocker) = blocker {
            return format!("it comes after p{} {}", blocker.process, blocker.operation);
        }
        let Call { operation, answer, .. } = call;
        let answer = &answer.as_ref().expect("it was answered").value;
        let state = &self.states[&operation.key];
        if let Some(next) = self.specification.answered(state, operation, answer) {
            return format!(
                "it could come next and leave the state {next}, but the rest could not"
            );
        }
        match self.specification.step(state, operation) {
            Some((_, expected)) => format!("its answer would be {expected}"),
            None => "it would fail".to_owned(),
        }
    }
}

/// An operation in words.
pub(in crate::checkers) fn describe(call: &Call) -> String {
    let Call { process, operation, at, answer, .. } = call;
    match answer {
        Some(answer) => {
            format!("{at} to {} p{process} {operation}: ok {}", answer.at, answer.value)
        }
        None => format!("{at} to ? p{process} {operation}: outcome unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::models::Register;
    use crate::checkers::ordering::recording::Recording;
    use crate::checkers::testing::Script;
    use crate::history::Operation;

    fn read(key: impl Into<Value>) -> Operation {
        Operation::new("read", key, Value::Nil)
    }

    fn evidence(script: &Script, order: Vec<usize>) -> Vec<String> {
        let calls = Recording::of(&script.recorded(), &Register).calls;
        Dead::new(&Register, &calls, order).evidence(|_, _| false)
    }

    #[test]
    fn the_order_is_told_then_the_states_then_what_has_no_place_then_what_is_unknown() {
        let script = Script::new()
            .invoke(4, read(2))
            .ok(4, 7)
            .invoke(1, Operation::new("write", 1, 1))
            .ok(1, Value::Nil)
            .invoke(2, read(1))
            .ok(2, 5)
            .invoke(2, read(1))
            .ok(2, 6)
            .invoke(3, Operation::new("write", 1, 9));
        assert_eq!(
            evidence(&script, vec![1]),
            [
                "the longest legal order has a place for 1 of 4 answered operations:",
                "0.002000s to 0.003000s p1 write k1 1: ok nil",
                "after it, the state of k1 is 1",
                "after it, the state of k2 is nil",
                "no place for 0.000000s to 0.001000s p4 read k2: ok 7: its answer would be nil",
                "no place for 0.004000s to 0.005000s p2 read k1: ok 5: its answer would be 1",
                "no place for 0.006000s to 0.007000s p2 read k1: ok 6: its answer would be 1",
                "0.008000s to ? p3 write k1 9: outcome unknown",
            ]
        );
        let calls = Recording::of(&script.recorded(), &Register).calls;
        assert_eq!(Dead::new(&Register, &calls, vec![1]).order(), [2]);
    }

    /// So many writes in order, and so many reads without a place.
    fn facts(placed: i64, unplaced: usize) -> Vec<String> {
        let script = (1..=placed).fold(Script::new(), |script, value| {
            script.invoke(1, Operation::new("write", Value::Nil, value)).ok(1, Value::Nil)
        });
        let script =
            (0..unplaced).fold(script, |script, _| script.invoke(1, read(Value::Nil)).ok(1, 99));
        evidence(&script, (0..placed as usize).collect())
    }

    #[test]
    fn of_a_long_order_and_of_much_without_a_place_a_part_is_told() {
        let all = facts(TOLD as i64, TOLD);
        assert!(all[0].ends_with("answered operations:"), "{all:#?}");
        assert!(all[1].contains("write 1: ok"), "{all:#?}");
        assert_eq!((&*all[TOLD + 1], all.len()), ("after it, the state is 8", 2 * TOLD + 2));
        let part = facts(TOLD as i64 + 1, TOLD + 1);
        assert!(part[0].ends_with("answered operations; it ends:"), "{part:#?}");
        assert!(part[1].contains("write 2: ok"), "{part:#?}");
        assert_eq!((&*part[2 * TOLD + 2], part.len()), ("and for 1 more", 2 * TOLD + 3));
    }

    #[test]
    fn of_many_keys_and_of_much_that_is_unknown_a_part_is_told() {
        let many = TOLD as i64 + 1;
        let script = (0..many).fold(Script::new(), |script, key| {
            let script = script.invoke(1, read(key)).ok(1, 99);
            script.invoke(2, Operation::new("write", key, 1)).info(2)
        });
        let facts = evidence(&script, Vec::new());
        let told = |what: &str| facts.iter().filter(|fact| fact.contains(what)).count();
        assert_eq!((told("after it, the state of k"), told("outcome unknown")), (TOLD, TOLD));
    }
}
