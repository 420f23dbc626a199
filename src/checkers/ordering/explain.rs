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
        let mut keys: Vec<&Value> = unplaced.iter().map(|call| &call.operation.key).collect();
        keys.sort();
        keys.dedup();
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
