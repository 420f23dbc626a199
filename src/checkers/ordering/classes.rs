//! Operations and states by number: what asks the same and is answered the same is one *class*, and each step of the
//! specification is taken once.

use std::collections::BTreeMap;

use crate::checkers::models::{Effect, Need, SequentialSpecification};
use crate::checkers::ordering::recording::Call;
use crate::checkers::ordering::table::Table;
use crate::history::{Operation, Value};
use crate::kernel::digest::Digest;

/// The number of a state of one object. States of different objects have different numbers.
pub(super) type StateId = u32;
/// The number of a class.
pub(super) type ClassId = u32;

/// What a class needs, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requires {
    /// Nothing, and this is the state after it.
    Nothing { after: StateId },
    /// This state, and this is the one after it; `None` if it can never take effect.
    Exactly { before: StateId, after: Option<StateId> },
    /// It depends.
    Something,
}

/// Operations that ask the same of the same object and were answered the same, or not at all.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub operation: Operation,
    pub answer: Option<Value>,
    pub object: usize,
    pub observes: bool,
    pub requires: Requires,
}

/// All classes and states of a search.
#[derive(Debug)]
pub(super) struct Classes<'a, S: SequentialSpecification + ?Sized> {
    specification: &'a S,
    objects: BTreeMap<Value, usize>,
    by_question: BTreeMap<(Operation, Option<Value>), ClassId>,
    known: Vec<Class>,
    states: Vec<(usize, S::State)>,
    state_numbers: Table,
    /// State, class, and the state after it.
    steps: Vec<(StateId, ClassId, Option<StateId>)>,
    step_numbers: Table,
}

impl<'a, S: SequentialSpecification + ?Sized> Classes<'a, S> {
    pub fn new(specification: &'a S) -> Self {
        Self {
            specification,
            objects: BTreeMap::new(),
            by_question: BTreeMap::new(),
            known: Vec::new(),
            states: Vec::new(),
            state_numbers: Table::default(),
            steps: Vec::new(),
            step_numbers: Table::default(),
        }
    }

    /// The class of an operation.
    pub fn class_of(&mut self, call: &Call) -> ClassId {
        let answer = call.answer.as_ref().map(|answer| answer.value.clone());
        let question = (call.operation.clone(), answer);
        if let Some(class) = self.by_question.get(&question) {
            return *class;
        }
        let (operation, answer) = question.clone();
        let objects = self.objects.len();
        let object = *self.objects.entry(operation.key.clone()).or_insert(objects);
        let requires = self.requires(object, &operation, answer.as_ref());
        let observes = call.effect == Effect::Observes;
        let class = self.known.len() as ClassId;
        self.known.push(Class { operation, answer, object, observes, requires });
        self.by_question.insert(question, class);
        class
    }

    fn requires(
        &mut self,
        object: usize,
        operation: &Operation,
        answer: Option<&Value>,
    ) -> Requires {
        let take = |state: &S::State| self.take(state, operation, answer);
        match self.specification.need(operation, answer) {
            Need::Nothing => match take(&self.specification.initial()) {
                Some(after) => Requires::Nothing { after: self.number(object, after) },
                None => Requires::Something,
            },
            Need::Exactly(state) => {
                let after = take(&state).map(|after| self.number(object, after));
                Requires::Exactly { before: self.number(object, state), after }
            }
            Need::Something => Requires::Something,
        }
    }

    fn take(
        &self,
        state: &S::State,
        operation: &Operation,
        answer: Option<&Value>,
    ) -> Option<S::State> {
        match answer {
            Some(answer) => self.specification.answered(state, operation, answer),
            None => self.specification.step(state, operation).map(|(state, _)| state),
        }
    }

    /// The initial state of each object.
    pub fn initial(&mut self) -> Vec<StateId> {
        let objects = 0..self.objects.len();
        objects.map(|object| self.number(object, self.specification.initial())).collect()
    }

    fn number(&mut self, object: usize, state: S::State) -> StateId {
        let hash = Digest::of(&(object, &state));
        let known = self.state_numbers.find(hash, |number| {
            let (other, known) = &self.states[number as usize];
            *other == object && *known == state
        });
        known.unwrap_or_else(|| {
            let number = self.states.len() as StateId;
            self.states.push((object, state));
            self.state_numbers.insert(hash, number);
            number
        })
    }

    /// The state after an operation of this class; `None` if it cannot take effect like that in this state.
    pub fn step(&mut self, state: StateId, class: ClassId) -> Option<StateId> {
        match self.known[class as usize].requires {
            Requires::Nothing { after } => return Some(after),
            Requires::Exactly { before, after } => return after.filter(|_| before == state),
            Requires::Something => {}
        }
        let hash = Digest::of(&(u64::from(state) << 32 | u64::from(class)));
        let known = self.step_numbers.find(hash, |step| {
            let (from, by, _) = self.steps[step as usize];
            (from, by) == (state, class)
        });
        if let Some(step) = known {
            return self.steps[step as usize].2;
        }
        let Class { operation, answer, object, .. } = &self.known[class as usize];
        let object = *object;
        let after = self.take(&self.states[state as usize].1, operation, answer.as_ref());
        let after = after.map(|after| self.number(object, after));
        self.step_numbers.insert(hash, self.steps.len() as u32);
        self.steps.push((state, class, after));
        after
    }

    pub fn class(&self, class: ClassId) -> &Class {
        &self.known[class as usize]
    }

    pub fn all(&self) -> impl Iterator<Item = &Class> {
        self.known.iter()
    }

    /// Whether the first state may come into the second by operations that depend on the state.
    pub fn may_lead(&self, state: StateId, goal: StateId) -> bool {
        let ((object, state), (of, goal)) = (self.state(state), self.state(goal));
        object == of && self.specification.may_lead(state, goal)
    }

    pub fn objects(&self) -> usize {
        self.objects.len()
    }

    /// How many states have a number.
    pub fn states(&self) -> usize {
        self.states.len()
    }

    /// The object of a state, and the state itself.
    pub fn state(&self, state: StateId) -> (usize, &S::State) {
        let (object, state) = &self.states[state as usize];
        (*object, state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::models::Kv;
    use crate::checkers::ordering::recording::Recording;
    use crate::checkers::testing::Script;

    fn append(key: i64) -> Operation {
        Operation::new("append", key, "x")
    }

    #[test]
    fn what_asks_the_same_and_is_answered_the_same_is_one_class() {
        let script = Script::new().invoke(1, append(1)).invoke(2, append(1));
        let script = script.invoke(3, append(1)).ok(3, Value::Nil).invoke(4, append(2));
        let calls = Recording::of(&script.recorded(), &Kv).calls;
        let mut classes = Classes::new(&Kv);
        let numbers: Vec<ClassId> = calls.iter().map(|call| classes.class_of(call)).collect();
        assert_eq!(numbers, [0, 0, 1, 2]);
    }

    #[test]
    fn each_step_is_taken_once() {
        let calls = Recording::of(&Script::new().invoke(1, append(1)).recorded(), &Kv).calls;
        let mut classes = Classes::new(&Kv);
        let append = classes.class_of(&calls[0]);
        let empty = classes.initial()[0];
        for _ in 0..3 {
            let x = classes.step(empty, append).expect("it is a text");
            let xx = classes.step(x, append).expect("it is a text");
            assert_eq!(*classes.state(xx).1, Value::from("xx"));
        }
        assert_eq!(classes.steps.len(), 2);
    }

    #[test]
    fn states_whose_hashes_begin_alike_are_told_apart() {
        // Half the hash is kept: among so many there are some that agree in it.
        let mut classes = Classes::new(&Kv);
        let numbers = (0..150_000).map(|state| classes.number(0, Value::Int(state)));
        assert!(numbers.eq(0..150_000));
    }

    #[test]
    fn one_object_never_leads_to_the_state_of_another() {
        let mut classes = Classes::new(&Kv);
        let [x, xy, y, other] = [(0, "x"), (0, "xy"), (0, "y"), (1, "xy")]
            .map(|(object, text)| classes.number(object, text.into()));
        assert!(classes.may_lead(x, xy));
        assert!(!classes.may_lead(y, xy) && !classes.may_lead(x, other));
    }
}
