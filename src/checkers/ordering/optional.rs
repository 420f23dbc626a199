//! The operations of unknown outcome: they need not take effect, and those that ask the same are interchangeable.

use std::collections::BTreeMap;

use crate::checkers::models::SequentialSpecification;
use crate::checkers::ordering::classes::{ClassId, Classes, Requires, StateId};

/// Operations that ask the same.
#[derive(Debug)]
pub(super) struct Group {
    pub class: ClassId,
    /// Their numbers among the optional operations, in the order of their invocations.
    pub calls: Vec<u32>,
}

/// The groups of one object, by number.
#[derive(Debug, Default)]
pub(super) struct OnObject {
    /// Those that set the state, whatever it was, by the state that they set.
    pub setters: BTreeMap<StateId, Vec<u32>>,
    /// The others.
    pub modifiers: Vec<u32>,
}

/// All operations of unknown outcome.
#[derive(Debug, Default)]
pub(super) struct Optional {
    pub groups: Vec<Group>,
    /// The groups of each object.
    pub on: Vec<OnObject>,
}

impl Optional {
    /// Groups the operations, whose classes these are.
    pub fn new<S: SequentialSpecification + ?Sized>(
        classes: &Classes<'_, S>,
        calls: &[ClassId],
    ) -> Self {
        let mut optional = Self::default();
        optional.on.resize_with(classes.objects(), OnObject::default);
        let mut group_of: BTreeMap<ClassId, u32> = BTreeMap::new();
        for (call, &class) in calls.iter().enumerate() {
            let call = call as u32;
            if let Some(group) = group_of.get(&class) {
                optional.groups[*group as usize].calls.push(call);
                continue;
            }
            let group = optional.groups.len() as u32;
            group_of.insert(class, group);
            optional.groups.push(Group { class, calls: vec![call] });
            let known = classes.class(class);
            let on = &mut optional.on[known.object];
            match known.requires {
                Requires::Nothing { after } => on.setters.entry(after).or_default().push(group),
                _ => on.modifiers.push(group),
            }
        }
        optional
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::models::KeyValue;
    use crate::checkers::ordering::recording::Recording;
    use crate::checkers::testing::Script;
    use crate::history::Operation;

    #[test]
    fn what_asks_the_same_is_one_group_that_sets_the_state_or_depends_on_it() {
        let lost = [("write", 5), ("increment", 1), ("write", 5), ("increment", 2), ("write", 6)];
        let script = (1..).zip(lost).fold(Script::new(), |script, (process, (function, value))| {
            script.invoke(process, Operation::new(function, 1, value))
        });
        let calls = Recording::of(&script.recorded(), &KeyValue).calls;
        let mut classes = Classes::new(&KeyValue);
        let of: Vec<ClassId> = calls.iter().map(|call| classes.class_of(call)).collect();
        let optional = Optional::new(&classes, &of);
        let grouped: Vec<&[u32]> = optional.groups.iter().map(|group| &*group.calls).collect();
        assert_eq!(grouped, [&[0, 2][..], &[1], &[3], &[4]]);
        let on = &optional.on[0];
        assert_eq!(on.modifiers, [1, 2]);
        assert!(on.setters.values().eq([&vec![0], &vec![3]]), "{:?}", on.setters);
    }
}
