//! Which states are still needed, and whether anything left can bring them about (the third rule of
//! [`ordering`](super)).

use std::collections::BTreeSet;

use crate::checkers::models::SequentialSpecification;
use crate::checkers::ordering::classes::{Class, ClassId, Classes, Requires, StateId};

/// Accounts of the operations that are left.
#[derive(Debug, Default)]
pub(super) struct Balance {
    /// For each state how many required operations need exactly it.
    needs: Vec<u32>,
    /// For each state how many operations lead to it, from any state or from a certain other one.
    makers: Vec<u32>,
    /// For each object how many operations may lead to any state.
    wild: Vec<u32>,
    /// For each state the needed ones that it may lead to by such operations.
    leads: Vec<Vec<StateId>>,
    /// For each needed state how many of its makers' states may lead to it like that; `None` if that was too much to
    /// find out.
    roots: Option<Vec<u32>>,
}

/// How many pairs of states may be compared to find out which leads to which.
const PAIRS_MAX: usize = 1 << 22;

impl Balance {
    /// Nothing is left. All classes must have their numbers by now.
    pub fn new<S: SequentialSpecification + ?Sized>(classes: &Classes<'_, S>) -> Self {
        let (states, objects) = (classes.states(), classes.objects());
        let mut balance = Self {
            needs: vec![0; states],
            makers: vec![0; states],
            wild: vec![0; objects],
            leads: vec![Vec::new(); states],
            roots: None,
        };
        let mut made = BTreeSet::new();
        let mut needed = BTreeSet::new();
        for class in classes.all() {
            made.extend(made_by(class));
            if let Requires::Exactly { before, .. } = class.requires {
                needed.insert(before);
            }
        }
        let is_wild = classes.all().any(|class| class.requires == Requires::Something);
        if is_wild && made.len() * needed.len() <= PAIRS_MAX {
            for state in made {
                let led = needed.iter().copied().filter(|&goal| classes.may_lead(state, goal));
                balance.leads[state as usize] = led.collect();
            }
            balance.roots = Some(vec![0; states]);
        }
        balance
    }

    /// One more required operation of this class is left.
    pub fn require<S: SequentialSpecification + ?Sized>(
        &mut self,
        classes: &Classes<'_, S>,
        class: ClassId,
    ) {
        if let Requires::Exactly { before, .. } = classes.class(class).requires {
            self.needs[before as usize] += 1;
        }
        self.allow(classes, class);
    }

    /// A required operation of this class has taken effect.
    pub fn satisfy<S: SequentialSpecification + ?Sized>(
        &mut self,
        classes: &Classes<'_, S>,
        class: ClassId,
    ) {
        if let Requires::Exactly { before, .. } = classes.class(class).requires {
            self.needs[before as usize] -= 1;
        }
        self.spend(classes, class);
    }

    /// One more optional operation of this class is left.
    pub fn allow<S: SequentialSpecification + ?Sized>(
        &mut self,
        classes: &Classes<'_, S>,
        class: ClassId,
    ) {
        let class = classes.class(class);
        if let Some(after) = made_by(class) {
            self.makers[after as usize] += 1;
            if let Some(roots) = &mut self.roots {
                self.leads[after as usize].iter().for_each(|goal| roots[*goal as usize] += 1);
            }
        } else if class.requires == Requires::Something && !class.observes {
            self.wild[class.object] += 1;
        }
    }

    /// An optional operation of this class has taken effect.
    pub fn spend<S: SequentialSpecification + ?Sized>(
        &mut self,
        classes: &Classes<'_, S>,
        class: ClassId,
    ) {
        let class = classes.class(class);
        if let Some(after) = made_by(class) {
            self.makers[after as usize] -= 1;
            if let Some(roots) = &mut self.roots {
                self.leads[after as usize].iter().for_each(|goal| roots[*goal as usize] -= 1);
            }
        } else if class.requires == Requires::Something && !class.observes {
            self.wild[class.object] -= 1;
        }
    }

    /// Whether the state is needed, and can never come about when its object is in the present one.
    pub fn is_lost<S: SequentialSpecification + ?Sized>(
        &self,
        classes: &Classes<'_, S>,
        (state, present): (StateId, StateId),
    ) -> bool {
        let place = state as usize;
        // States that came up during the search are needed by nobody in particular.
        let is_needed = self.needs.get(place).is_some_and(|needs| *needs > 0);
        if !is_needed || state == present || self.makers[place] > 0 {
            return false;
        }
        if self.wild[classes.state(state).0] == 0 {
            return true;
        }
        let roots = self.roots.as_ref();
        roots.is_some_and(|roots| roots[place] == 0) && !classes.may_lead(present, state)
    }

    /// Whether it takes more than the leaving of a state to lose one: operations that may lead to any state lead away
    /// from some for good.
    pub const fn looks_ahead(&self) -> bool {
        self.roots.is_some()
    }

    /// Whether any state is lost when each object is in its present one.
    pub fn any_is_lost<S: SequentialSpecification + ?Sized>(
        &self,
        classes: &Classes<'_, S>,
        present: &[StateId],
    ) -> bool {
        let mut states = 0..self.needs.len() as StateId;
        states.any(|state| self.is_lost(classes, (state, present[classes.state(state).0])))
    }
}

/// The state that an operation leads to, if that is always the same one and not where it came from.
fn made_by(class: &Class) -> Option<StateId> {
    match class.requires {
        Requires::Nothing { after } => Some(after),
        Requires::Exactly { before, after } => after.filter(|after| *after != before),
        Requires::Something => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::models::{Kv, Register};
    use crate::checkers::ordering::recording::{Call, Recording};
    use crate::checkers::testing::Script;
    use crate::history::{Operation, Value};

    /// Operations one after the other, with their answers; those without one have an unknown outcome.
    fn calls<S: SequentialSpecification>(
        specification: &S,
        operations: Vec<(&'static str, Value, Option<Value>)>,
    ) -> Vec<Call> {
        let script = (1..).zip(operations).fold(Script::new(), |script, (process, asked)| {
            let (function, value, answer) = asked;
            let script = script.invoke(process, Operation::new(function, 1, value));
            match answer {
                Some(answer) => script.ok(process, answer),
                None => script,
            }
        });
        Recording::of(&script.recorded(), specification).calls
    }

    #[test]
    fn a_state_that_is_needed_is_lost_when_nothing_left_makes_it() {
        let write = ("write", Value::Int(1), Some(Value::Nil));
        let calls = calls(&Register, vec![write, ("read", Value::Nil, Some(1.into()))]);
        let mut classes = Classes::new(&Register);
        let [write, read] = [0, 1].map(|call| classes.class_of(&calls[call]));
        let nil = classes.initial()[0];
        let one = classes.step(nil, write).expect("it can always be written");
        let mut balance = Balance::new(&classes);
        assert!(!balance.looks_ahead(), "what a write leads to is known");
        balance.require(&classes, write);
        assert!(!balance.any_is_lost(&classes, &[nil]), "nobody needs any state");
        balance.satisfy(&classes, write);
        balance.require(&classes, read);
        assert!(balance.is_lost(&classes, (one, nil)) && balance.any_is_lost(&classes, &[nil]));
        assert!(!balance.is_lost(&classes, (one, one)), "it is there");
        balance.allow(&classes, write);
        assert!(!balance.is_lost(&classes, (one, nil)), "the write is left");
        balance.spend(&classes, write);
        assert!(balance.is_lost(&classes, (one, nil)), "the write has taken effect");
        balance.satisfy(&classes, read);
        assert!(!balance.is_lost(&classes, (one, nil)), "nobody needs it any more");
    }

    #[test]
    fn what_may_lead_to_any_state_leads_to_those_that_the_present_one_may_become() {
        let operations = vec![
            ("put", "a".into(), Some(Value::Nil)),
            ("put", "b".into(), Some(Value::Nil)),
            ("append", "b".into(), None),
            ("get", Value::Nil, Some("ab".into())),
            ("get", Value::Nil, Some(Value::list([]))),
        ];
        let calls = calls(&Kv, operations);
        let mut classes = Classes::new(&Kv);
        let [a, b, append, get, wrong] = [0, 1, 2, 3, 4].map(|call| classes.class_of(&calls[call]));
        let empty = classes.initial()[0];
        let [state_a, state_b] = [a, b].map(|put| classes.step(empty, put).expect("it is a text"));
        let ab = classes.step(state_a, append).expect("it is a text");
        let mut balance = Balance::new(&classes);
        assert!(balance.looks_ahead());
        // An answer that no text explains leads nowhere.
        balance.require(&classes, wrong);
        balance.require(&classes, get);
        assert!(balance.is_lost(&classes, (ab, empty)), "there is nothing to append");
        balance.satisfy(&classes, wrong);
        balance.allow(&classes, append);
        assert!(
            !balance.is_lost(&classes, (ab, empty)) && !balance.is_lost(&classes, (ab, state_a))
        );
        assert!(balance.is_lost(&classes, (ab, state_b)), "a text never loses its front");
        balance.allow(&classes, b);
        assert!(balance.is_lost(&classes, (ab, state_b)), "nor if it is put again");
        balance.allow(&classes, a);
        assert!(!balance.is_lost(&classes, (ab, state_b)), "it may be replaced by the right front");
        balance.spend(&classes, a);
        assert!(balance.is_lost(&classes, (ab, state_b)), "it was replaced already");
        balance.spend(&classes, append);
        assert!(balance.is_lost(&classes, (ab, state_a)), "nothing is left to append");
    }

    #[test]
    fn too_many_pairs_of_states_are_not_compared() {
        // Their product is too much, their sum is not.
        let many = PAIRS_MAX.isqrt() as i64 + 1;
        let put = |number: i64| ("put", Value::Int(number), None);
        let get = |number: i64| ("get", Value::Nil, Some(Value::Int(number)));
        let operations = (0..many).map(put).chain((0..many).map(get));
        let calls = calls(&Kv, operations.chain([("append", 0.into(), None)]).collect());
        let mut classes = Classes::new(&Kv);
        for call in &calls {
            classes.class_of(call);
        }
        assert!(!Balance::new(&classes).looks_ahead());
    }
}
