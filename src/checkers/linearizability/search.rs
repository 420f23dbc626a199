//! One step of the just-in-time search: all ways in which a configuration can go on until an operation has
//! taken effect.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkers::linearizability::calls::CallId;
use crate::checkers::linearizability::unknown::{GroupId, Unknown, Used, use_one, uses_no_more};
use crate::checkers::models::{Effect, Need, SequentialSpecification};
use crate::history::{Operation, Value};

/// One way in which the past may have gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Configuration<T> {
    /// The state of the object.
    pub state: T,
    /// The operations under way that can change the state and have taken effect, in order.
    pub changed: Vec<CallId>,
    /// The operations under way that only observe and have taken effect, in order.
    pub observed: Vec<CallId>,
    /// The operations of unknown outcome that have taken effect.
    pub used: Used,
}

impl<T> Configuration<T> {
    /// An object in this state that nobody has touched.
    pub const fn new(state: T) -> Self {
        Self { state, changed: Vec::new(), observed: Vec::new(), used: Vec::new() }
    }

    fn is_done(&self, id: CallId) -> bool {
        self.changed.binary_search(&id).is_ok() || self.observed.binary_search(&id).is_ok()
    }

    /// Forgets an operation that has ended; whether it had taken effect.
    pub fn end(&mut self, id: CallId) -> bool {
        [&mut self.changed, &mut self.observed].into_iter().any(|done| {
            let place = done.binary_search(&id);
            place.is_ok_and(|place| done.remove(place) == id)
        })
    }
}

/// An operation under way, with the result that it is going to return.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnderWay<'a> {
    pub id: CallId,
    pub operation: &'a Operation,
    pub effect: Effect,
    pub returned: &'a Value,
}

/// Whether an order under construction ends with an operation that did not have to take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    /// It does: what follows must need it (the third rule).
    Optional,
    /// It does not.
    Required,
}

/// What is the same for all configurations while one operation ends.
pub(super) struct Search<'a, S: SequentialSpecification> {
    pub specification: &'a S,
    /// Everything under way.
    pub under_way: Vec<UnderWay<'a>>,
    pub unknown: &'a Unknown<S::State>,
    /// How many more configurations may be looked at.
    pub budget: usize,
}

/// The budget was spent before the search ended.
#[derive(Debug)]
pub(super) struct BudgetSpent;

impl<S: SequentialSpecification> Search<'_, S> {
    /// Adds to `found` each configuration in which the operation has taken effect, and forgets the
    /// operation there.
    pub fn extend(
        &mut self,
        root: &Configuration<S::State>,
        ends: CallId,
        found: &mut Vec<Configuration<S::State>>,
    ) -> Result<(), BudgetSpent> {
        if let Some(next) = self.only_way(root, ends) {
            found.push(next);
            return Ok(());
        }
        let mut seen = BTreeSet::new();
        let mut open = vec![(root.clone(), Ending::Required)];
        while let Some((mut configuration, ending)) = open.pop() {
            self.budget = self.budget.checked_sub(1).ok_or(BudgetSpent)?;
            if configuration.end(ends) {
                found.push(configuration);
                continue;
            }
            self.go_on(&configuration, ending, |next, ending| {
                if seen.insert((next.clone(), ending)) {
                    open.push((next, ending));
                }
            });
        }
        Ok(())
    }

    /// The configuration in which the operation takes effect at once, if nothing else is worth a try: it
    /// has done so already, or nothing else has to take effect, and a detour would lead to the same state
    /// and use more (the second rule).
    fn only_way(
        &self,
        root: &Configuration<S::State>,
        ends: CallId,
    ) -> Option<Configuration<S::State>> {
        let mut next = root.clone();
        if next.end(ends) {
            return Some(next);
        }
        let mut left = self.under_way.iter().filter(|call| !root.is_done(call.id));
        let call = left.next().filter(|call| call.id == ends)?;
        let need = self.specification.need(call.operation, Some(call.returned));
        if left.next().is_some() || need == Need::Something {
            return None;
        }
        next.state = self.step(&root.state, call.operation, Some(call.returned))?;
        Some(next)
    }

    /// Each operation that can take effect next does.
    fn go_on(
        &self,
        from: &Configuration<S::State>,
        ending: Ending,
        mut add: impl FnMut(Configuration<S::State>, Ending),
    ) {
        for call in &self.under_way {
            if from.is_done(call.id) {
                continue;
            }
            self.take_effect(from, ending, (call.operation, Some(call.returned)), |mut next| {
                if call.effect == Effect::Changes {
                    insert(&mut next.changed, call.id);
                }
                self.observe(&mut next);
                add(next, Ending::Required);
            });
        }
        for &group in self.unknown.modifiers() {
            let Some(operation) = self.unknown.left(group, &from.used) else { continue };
            self.take_effect(from, ending, (operation, None), |mut next| {
                use_one(&mut next.used, group);
                let observers = next.observed.len();
                self.observe(&mut next);
                let is_needed = next.observed.len() > observers;
                add(next, if is_needed { Ending::Required } else { Ending::Optional });
            });
        }
    }

    /// Lets an operation take effect next: as things are, or after an operation of unknown outcome has set
    /// the state that it needs (the fourth rule).
    fn take_effect(
        &self,
        from: &Configuration<S::State>,
        ending: Ending,
        (operation, returned): (&Operation, Option<&Value>),
        mut add: impl FnMut(Configuration<S::State>),
    ) {
        let need = self.specification.need(operation, returned);
        if need == Need::Nothing && ending == Ending::Optional {
            return;
        }
        if let Some(state) = self.step(&from.state, operation, returned) {
            add(Configuration { state, ..from.clone() });
        }
        let mut after = |set: &S::State, setter: GroupId| {
            let Some(state) = self.step(set, operation, returned) else { return };
            let mut next = Configuration { state, ..from.clone() };
            use_one(&mut next.used, setter);
            add(next);
        };
        match need {
            Need::Nothing => {}
            Need::Exactly(state) if state == from.state => {}
            Need::Exactly(state) => {
                if let Some(setter) = self.unknown.setter_of(&state, &from.used) {
                    after(&state, setter);
                }
            }
            Need::Something => {
                for (state, setter) in self.unknown.setters(&from.used) {
                    if *state != from.state {
                        after(state, setter);
                    }
                }
            }
        }
    }

    /// Lets each observer under way take effect that can do so in this state: that is never a loss, since
    /// it changes nothing and must take effect some time.
    fn observe(&self, configuration: &mut Configuration<S::State>) {
        for call in &self.under_way {
            if call.effect == Effect::Observes
                && configuration.observed.binary_search(&call.id).is_err()
                && self.step(&configuration.state, call.operation, Some(call.returned)).is_some()
            {
                insert(&mut configuration.observed, call.id);
            }
        }
    }

    /// The state after an operation, if it can take effect here with its result.
    fn step(
        &self,
        state: &S::State,
        operation: &Operation,
        returned: Option<&Value>,
    ) -> Option<S::State> {
        match returned {
            Some(returned) => self.specification.answered(state, operation, returned),
            None => self.specification.step(state, operation).map(|(state, _)| state),
        }
    }
}

fn insert(done: &mut Vec<CallId>, id: CallId) {
    if let Err(place) = done.binary_search(&id) {
        done.insert(place, id);
    }
}

/// What the configurations in one state after the same changes have observed, and what they used.
type Alternatives = Vec<(Vec<CallId>, Used)>;

/// Drops each configuration that another can stand for (the second rule): one in the same state after the
/// same changes, with at least the same observations, that used no more.
pub(super) fn reduce<T: Clone + Ord>(found: &mut Vec<Configuration<T>>) {
    if found.len() < 2 {
        return;
    }
    let mut best: BTreeMap<(T, Vec<CallId>), Alternatives> = BTreeMap::new();
    for Configuration { state, changed, observed, used } in found.drain(..) {
        let kept = best.entry((state, changed)).or_default();
        if kept.iter().any(|(more, less)| includes(more, &observed) && uses_no_more(less, &used)) {
            continue;
        }
        kept.retain(|(less, more)| !(includes(&observed, less) && uses_no_more(&used, more)));
        kept.push((observed, used));
    }
    for ((state, changed), kept) in best {
        for (observed, used) in kept {
            let (state, changed) = (state.clone(), changed.clone());
            found.push(Configuration { state, changed, observed, used });
        }
    }
}

/// Whether all of `part` is in `whole`; both are in order.
fn includes(whole: &[CallId], part: &[CallId]) -> bool {
    part.iter().all(|id| whole.binary_search(id).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One in the same state as all others, that observed this and used so many of the group 1.
    fn configuration(observed: &[CallId], used: u32) -> Configuration<u8> {
        let used = if used == 0 { Used::new() } else { vec![(1, used)] };
        Configuration { observed: observed.to_vec(), used, ..Configuration::new(0) }
    }

    #[test]
    fn a_configuration_is_dropped_for_one_that_observed_more_or_used_less() {
        let cases = [
            (configuration(&[], 1), configuration(&[], 2)),
            (configuration(&[], 0), configuration(&[], 1)),
            (configuration(&[3, 7], 1), configuration(&[7], 1)),
        ];
        for (better, worse) in cases {
            for mut found in [vec![better.clone(), worse.clone()], vec![worse, better.clone()]] {
                reduce(&mut found);
                assert_eq!((found.len(), &found[0]), (1, &better));
            }
        }
    }

    #[test]
    fn configurations_that_cannot_stand_for_each_other_are_kept() {
        let mut found = vec![
            configuration(&[3], 1),
            configuration(&[], 0),
            configuration(&[7], 0),
            Configuration { changed: vec![5], ..configuration(&[], 1) },
            Configuration { state: 1, ..configuration(&[], 2) },
        ];
        reduce(&mut found);
        assert_eq!(found.len(), 4, "[7] stands for []: {found:?}");
        assert!(!found.contains(&configuration(&[], 0)));
    }
}
