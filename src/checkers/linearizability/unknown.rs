//! Operations of unknown outcome: they may take effect at any later moment, or never.

use std::collections::BTreeMap;

use crate::checkers::models::{Need, SequentialSpecification};
use crate::history::Operation;

/// The number of a group of operations that ask the same.
pub(super) type GroupId = u32;

/// How many operations of each group a configuration has used, in order of the group; never zero.
pub(super) type Used = Vec<(GroupId, u32)>;

/// Operations that ask the same are interchangeable.
#[derive(Clone, Debug)]
pub(super) struct Group<T> {
    pub operation: Operation,
    /// How many there are that not every configuration has used.
    pub count: u32,
    /// The state after any of them, if that does not depend on the state before.
    sets: Option<T>,
}

/// All operations of unknown outcome on one object.
#[derive(Clone, Debug)]
pub(super) struct Unknown<T> {
    groups: BTreeMap<GroupId, Group<T>>,
    by_operation: BTreeMap<Operation, GroupId>,
    /// The groups that set the state whatever it was, by the state that they set.
    setters: BTreeMap<T, Vec<GroupId>>,
    /// The other groups.
    modifiers: Vec<GroupId>,
    next: GroupId,
}

impl<T> Default for Unknown<T> {
    fn default() -> Self {
        Self {
            groups: BTreeMap::new(),
            by_operation: BTreeMap::new(),
            setters: BTreeMap::new(),
            modifiers: Vec::new(),
            next: 0,
        }
    }
}

impl<T: Clone + Ord> Unknown<T> {
    /// One more operation has an unknown outcome: it joins its group.
    pub fn add<S>(&mut self, specification: &S, operation: &Operation)
    where
        S: SequentialSpecification<State = T>,
    {
        if let Some(&id) = self.by_operation.get(operation) {
            self.groups.get_mut(&id).expect("a listed group exists").count += 1;
            return;
        }
        let id = self.next;
        self.next += 1;
        let sets = match specification.need(operation, None) {
            Need::Nothing => specification.step(&specification.initial(), operation),
            Need::Exactly(_) | Need::Something => None,
        };
        let sets = sets.map(|(state, _)| state);
        match &sets {
            Some(state) => self.setters.entry(state.clone()).or_default().push(id),
            None => self.modifiers.push(id),
        }
        self.groups.insert(id, Group { operation: operation.clone(), count: 1, sets });
        self.by_operation.insert(operation.clone(), id);
    }

    /// The group's operation, if one of the group is left to a configuration that used these.
    pub fn left(&self, id: GroupId, used: &Used) -> Option<&Operation> {
        let group = self.groups.get(&id)?;
        let place = used.binary_search_by_key(&id, |&(id, _)| id);
        let taken = place.map_or(0, |place| used[place].1);
        (taken < group.count).then_some(&group.operation)
    }

    /// A group that sets this state and of which one is left.
    pub fn setter_of(&self, state: &T, used: &Used) -> Option<GroupId> {
        let groups = self.setters.get(state)?;
        groups.iter().copied().find(|&id| self.left(id, used).is_some())
    }

    /// The states that can be set, and by which group each.
    pub fn setters(&self, used: &Used) -> impl Iterator<Item = (&T, GroupId)> {
        self.setters.keys().filter_map(|state| Some((state, self.setter_of(state, used)?)))
    }

    /// The groups whose effect depends on the state.
    pub fn modifiers(&self) -> &[GroupId] {
        &self.modifiers
    }

    /// All groups, in the order in which they came up.
    pub fn groups(&self) -> impl Iterator<Item = &Group<T>> {
        self.groups.values()
    }

    /// How many operations there are.
    pub fn len(&self) -> u64 {
        self.groups.values().map(|group| u64::from(group.count)).sum()
    }

    /// This many of the group were used in every configuration: they are history.
    pub fn settle(&mut self, id: GroupId, count: u32) {
        let group = self.groups.get_mut(&id).expect("a used group exists");
        assert!(count <= group.count, "no more were used than there are");
        group.count -= count;
        if group.count > 0 {
            return;
        }
        let group = self.groups.remove(&id).expect("it was just there");
        self.by_operation.remove(&group.operation);
        match &group.sets {
            None => self.modifiers.retain(|&other| other != id),
            Some(state) => {
                let same = self.setters.get_mut(state).expect("a setter is listed");
                same.retain(|&other| other != id);
                if same.is_empty() {
                    self.setters.remove(state);
                }
            }
        }
    }
}

/// Adds one to the count of a group.
pub(super) fn use_one(used: &mut Used, id: GroupId) {
    match used.binary_search_by_key(&id, |&(id, _)| id) {
        Ok(place) => used[place].1 += 1,
        Err(place) => used.insert(place, (id, 1)),
    }
}

/// Whether the first used no more of any group than the second.
pub(super) fn uses_no_more(first: &Used, second: &Used) -> bool {
    first.iter().all(|&(id, count)| {
        let place = second.binary_search_by_key(&id, |&(id, _)| id);
        place.is_ok_and(|place| count <= second[place].1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::models::KeyValue;
    use crate::history::Value;

    fn unknown(operations: &[(&'static str, Value)]) -> Unknown<Value> {
        let mut unknown = Unknown::default();
        for (function, value) in operations {
            unknown.add(&KeyValue, &Operation::new(function, 1, value.clone()));
        }
        unknown
    }

    #[test]
    fn operations_that_ask_the_same_are_counted_until_none_is_left() {
        let lost = ("increment", Value::Int(1));
        let mut unknown = unknown(&[lost.clone(), lost, ("increment", 2.into())]);
        let counts = |unknown: &Unknown<Value>| -> Vec<u32> {
            unknown.groups().map(|group| group.count).collect()
        };
        assert_eq!((counts(&unknown), unknown.modifiers().len()), (vec![2, 1], 2));
        unknown.settle(0, 1);
        assert_eq!((counts(&unknown), unknown.modifiers().len()), (vec![1, 1], 2));
        unknown.settle(0, 1);
        assert_eq!((counts(&unknown), unknown.modifiers()), (vec![1], &[1][..]));
        assert_eq!(unknown.left(0, &Used::new()), None);
    }

    #[test]
    fn two_groups_may_set_the_same_state() {
        let mut unknown = unknown(&[("write", Value::Nil), ("delete", Value::Nil)]);
        let nothing = Used::new();
        assert_eq!(unknown.setter_of(&Value::Nil, &nothing), Some(0));
        assert_eq!(unknown.setter_of(&Value::Nil, &vec![(0, 1)]), Some(1));
        unknown.settle(0, 1);
        assert_eq!(unknown.setters[&Value::Nil], [1], "the other is left");
        unknown.settle(1, 1);
        assert!(unknown.setters.is_empty(), "{:?}", unknown.setters);
    }

    #[test]
    fn no_more_of_each_group_is_no_more() {
        let used = vec![(1, 2), (3, 1)];
        assert!(uses_no_more(&Used::new(), &used) && uses_no_more(&used, &used));
        assert!(uses_no_more(&vec![(3, 1)], &used));
        assert!(!uses_no_more(&vec![(1, 1), (3, 2)], &used));
        assert!(!uses_no_more(&vec![(1, 2), (2, 1)], &used));
    }
}
