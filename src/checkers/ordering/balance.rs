//! Which states are still needed, and whether anything left can bring them about (the third rule of
//! [`ordering`](super)).

use crate::checkers::models::SequentialSpecification;
use crate::checkers::ordering::classes::{ClassId, Classes, Requires, StateId};

/// Accounts of the operations that are left.
#[derive(Debug, Default)]
pub(super) struct Balance {
    /// For each state how many required operations need exactly it.
    needs: Vec<u32>,
    /// For each state how many operations lead to it, from any state or from a certain other one.
    makers: Vec<u32>,
    /// For each object how many operations may lead to any state.
    wild: Vec<u32>,
}

impl Balance {
    /// Nothing is left. All classes must have their numbers by now.
    pub fn new<S: SequentialSpecification + ?Sized>(classes: &Classes<'_, S>) -> Self {
        let (states, objects) = (classes.states(), classes.objects());
        Self { needs: vec![0; states], makers: vec![0; states], wild: vec![0; objects] }
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
        if let Some(makers) = self.makers_of(classes, class) {
            *makers += 1;
        }
    }

    /// An optional operation of this class has taken effect.
    pub fn spend<S: SequentialSpecification + ?Sized>(
        &mut self,
        classes: &Classes<'_, S>,
        class: ClassId,
    ) {
        if let Some(makers) = self.makers_of(classes, class) {
            *makers -= 1;
        }
    }

    /// The account that a class is in as one that leads somewhere.
    fn makers_of<S: SequentialSpecification + ?Sized>(
        &mut self,
        classes: &Classes<'_, S>,
        class: ClassId,
    ) -> Option<&mut u32> {
        let class = classes.class(class);
        match class.requires {
            _ if class.observes => None,
            Requires::Nothing { after } => Some(&mut self.makers[after as usize]),
            Requires::Exactly { before, after } => {
                let after = after.filter(|after| *after != before)?;
                Some(&mut self.makers[after as usize])
            }
            Requires::Something => Some(&mut self.wild[class.object]),
        }
    }

    /// Whether the state, which is not the present one of its object, is needed and will never come about.
    pub fn is_lost<S: SequentialSpecification + ?Sized>(
        &self,
        classes: &Classes<'_, S>,
        state: StateId,
    ) -> bool {
        // States that came up during the search are needed by nobody in particular.
        self.needs.get(state as usize).is_some_and(|needs| *needs > 0)
            && self.makers[state as usize] == 0
            && self.wild[classes.state(state).0] == 0
    }

    /// Whether any state but the present ones is lost.
    pub fn any_is_lost<S: SequentialSpecification + ?Sized>(
        &self,
        classes: &Classes<'_, S>,
        present: &[StateId],
    ) -> bool {
        let states = 0..self.needs.len() as StateId;
        states.filter(|state| !present.contains(state)).any(|state| self.is_lost(classes, state))
    }
}
