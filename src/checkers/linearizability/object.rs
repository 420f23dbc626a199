//! One object: what is under way, and in which ways its past may have gone.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;

use crate::checkers::Violation;
use crate::checkers::linearizability::calls::{Call, CallId, Calls, Line, Outcome};
use crate::checkers::linearizability::search::{
    BudgetSpent, Configuration, Search, UnderWay, reduce,
};
use crate::checkers::linearizability::unknown::Unknown;
use crate::checkers::models::{Effect, SequentialSpecification};
use crate::history::HistoryEvent;
use crate::kernel::time::Instant;

/// How many lines may wait for the outcome of an operation before them.
pub(super) const WAITING_MAX: usize = 1 << 16;
/// How many ended operations are kept for the evidence.
const RECENT: usize = 8;
/// How many states and operations of one kind are told in the evidence.
const TOLD: usize = 6;

/// Why an object cannot be judged any further.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It does not behave like a sequential one.
    NotLinearizable(Violation),
    /// Too much was under way at once.
    BudgetSpent,
}

/// What an object is compared with, and how much work that may be.
#[derive(Debug)]
pub(super) struct Model<'a, S> {
    pub specification: &'a S,
    pub budget: usize,
}

/// The history of one object, as far as it still matters.
#[derive(Clone, Debug)]
pub(super) struct Object<T> {
    calls: Calls,
    /// Operations that have begun and are going to return.
    under_way: BTreeMap<CallId, Call>,
    unknown: Unknown<T>,
    /// Invariant: not empty, reduced, and in order.
    configurations: Vec<Configuration<T>>,
    recent: VecDeque<Call>,
    /// Operations that have taken effect and were judged.
    pub judged: u64,
}

impl<T: Clone + Ord + std::fmt::Debug + std::fmt::Display> Object<T> {
    /// An object in this state that nobody has touched.
    pub fn new(state: T) -> Self {
        Self {
            calls: Calls::default(),
            under_way: BTreeMap::new(),
            unknown: Unknown::default(),
            configurations: vec![Configuration::new(state)],
            recent: VecDeque::new(),
            judged: 0,
        }
    }

    /// Takes in one line of the history.
    pub fn take<S>(
        &mut self,
        model: &Model<'_, S>,
        history: &HistoryEvent,
        effect: Effect,
    ) -> Result<(), Trouble>
    where
        S: SequentialSpecification<State = T>,
    {
        self.calls.take(history, effect);
        self.go_on(model)
    }

    /// The history ends.
    pub fn close<S>(&mut self, model: &Model<'_, S>, at: Instant) -> Result<(), Trouble>
    where
        S: SequentialSpecification<State = T>,
    {
        self.calls.close(at);
        self.go_on(model)
    }

    /// Judges what need not wait any longer.
    fn go_on<S>(&mut self, model: &Model<'_, S>) -> Result<(), Trouble>
    where
        S: SequentialSpecification<State = T>,
    {
        if self.calls.len() > WAITING_MAX {
            return Err(Trouble::BudgetSpent);
        }
        while let Some(line) = self.calls.next() {
            match line {
                Line::Begins(id, call) => self.begin(model, id, call),
                Line::Ends(id) => self.end(model, id)?,
            }
        }
        Ok(())
    }

    fn begin<S>(&mut self, model: &Model<'_, S>, id: CallId, call: Call)
    where
        S: SequentialSpecification<State = T>,
    {
        match &call.end {
            Some((_, Outcome::Returned(_))) => {
                self.under_way.insert(id, call);
            }
            Some((_, Outcome::Unknown)) if call.effect == Effect::Changes => {
                self.unknown.add(model.specification, &call.operation);
                self.remember(call);
            }
            _ => self.remember(call),
        }
    }

    fn end<S>(&mut self, model: &Model<'_, S>, id: CallId) -> Result<(), Trouble>
    where
        S: SequentialSpecification<State = T>,
    {
        let mut found = Vec::new();
        let mut search = self.search(model);
        for configuration in &self.configurations {
            let searched = search.extend(configuration, id, &mut found);
            searched.map_err(|BudgetSpent| Trouble::BudgetSpent)?;
        }
        reduce(&mut found);
        let call = self.under_way.remove(&id).expect("an operation begins before it ends");
        if found.is_empty() {
            let violation = self.no_place(model.specification, &call);
            return Err(Trouble::NotLinearizable(violation));
        }
        self.configurations = found;
        self.settle();
        self.remember(call);
        self.judged += 1;
        Ok(())
    }

    fn search<'a, S>(&'a self, model: &Model<'a, S>) -> Search<'a, S>
    where
        S: SequentialSpecification<State = T>,
    {
        let Model { specification, budget } = *model;
        let under_way = self.under_way.iter().filter_map(|(&id, call)| match &call.end {
            Some((_, Outcome::Returned(returned))) => {
                let Call { operation, effect, .. } = call;
                Some(UnderWay { id, operation, effect: *effect, returned })
            }
            _ => None,
        });
        Search { specification, under_way: under_way.collect(), unknown: &self.unknown, budget }
    }

    /// Forgets operations of unknown outcome that took effect in every configuration.
    fn settle(&mut self) {
        let candidates = self.configurations.first().map(|first| first.used.clone());
        for (group, _) in candidates.unwrap_or_default() {
            let uses = self.configurations.iter().map(|configuration| {
                let used = &configuration.used;
                used.iter().find(|&&(id, _)| id == group).map_or(0, |&(_, count)| count)
            });
            let common = uses.min().unwrap_or(0);
            if common == 0 {
                continue;
            }
            for configuration in &mut self.configurations {
                for (id, count) in &mut configuration.used {
                    *count -= if *id == group { common } else { 0 };
                }
                configuration.used.retain(|&(_, count)| count > 0);
            }
            self.unknown.settle(group, common);
        }
    }

    fn remember(&mut self, call: Call) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(call);
    }

    /// How much is under way, in words.
    pub fn concurrency(&self) -> String {
        format!(
            "{} operations are under way, {} lines wait for an outcome, and {} outcomes are unknown",
            self.under_way.len(),
            self.calls.len(),
            self.unknown.len()
        )
    }

    /// The violation that an operation has no place in any legal order.
    fn no_place<S>(&self, specification: &S, call: &Call) -> Violation
    where
        S: SequentialSpecification<State = T>,
    {
        let Call { operation, client, end, .. } = call;
        let Some((at, Outcome::Returned(returned))) = end else {
            unreachable!("only an operation that returned is given a place");
        };
        let mut states: Vec<&T> = self.configurations.iter().map(|known| &known.state).collect();
        // They are in order, as the configurations are.
        states.dedup();
        states.truncate(TOLD);
        let told: Vec<String> = states.iter().map(ToString::to_string).collect();
        let message = format!(
            "{operation} of {client} is answered with {returned}, which no order of the operations \
             explains: before it, without what was still under way, the state was {}",
            told.join(" or ")
        );
        let mut violation = self.with_history(Violation::new(*at, message)).because(describe(call));
        for state in states {
            let why = specification.step(state, operation).map_or_else(
                || "it would have failed".to_owned(),
                |(_, result)| format!("it would have been answered with {result}"),
            );
            violation = violation.because(format!("if the state was {state}, {why}"));
        }
        violation
    }

    /// The operations before, those under way, and those of unknown outcome.
    fn with_history(&self, mut violation: Violation) -> Violation {
        for call in &self.recent {
            violation = violation.because(describe(call));
        }
        for call in self.under_way.values().take(TOLD) {
            violation = violation.because(describe(call));
        }
        for group in self.unknown.groups().take(TOLD) {
            let line = format!("{}, {} times with unknown outcome", group.operation, group.count);
            violation = violation.because(line);
        }
        violation
    }
}

fn describe(call: &Call) -> String {
    let Call { operation, client, from, end, .. } = call;
    let mut line = from.to_string();
    match end {
        Some((to, Outcome::Returned(value))) => {
            write!(line, " to {to} {client} {operation}: ok {value}")
        }
        Some((to, Outcome::Failed)) => write!(line, " to {to} {client} {operation}: fail"),
        Some((_, Outcome::Unknown)) | None => {
            write!(line, " to ? {client} {operation}: outcome unknown")
        }
    }
    .expect("writing to a string never fails");
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::models::KeyValue;
    use crate::checkers::testing::Script;
    use crate::history::{Operation, Value};

    #[test]
    fn what_every_configuration_used_is_forgotten() {
        let model = Model { specification: &KeyValue, budget: 10 };
        let mut object = Object::new(Value::Nil);
        let script = Script::new().invoke(1, Operation::new("write", 1, 5)).info(1);
        let script = script.invoke(2, Operation::new("read", 1, Value::Nil)).ok(2, 5);
        for line in script.recorded() {
            let effect = KeyValue.effect(&line.operation).expect("the model knows it");
            object.take(&model, &line, effect).expect("it is in order");
        }
        assert_eq!(object.configurations, [Configuration::new(5.into())]);
        assert_eq!(object.unknown.len(), 0);
    }
}
