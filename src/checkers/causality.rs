//! Which version was written by somebody who knew which other one: the model that the checkers of versions share.
//!
//! The facts are the contexts that clients sent with their writes (`Supersedes`), not the nodes' version vectors, which may
//! be wrong. A version of which nothing is remembered may know anything: what depends on it is answered with
//! [`Knows::Perhaps`], and not held against anybody.

use std::collections::BTreeSet;

use crate::checkers::recent::Recent;
use crate::claim::versioning::Dot;

/// A version of an object.
pub(super) type Version = (u64, Dot);

/// Whether one version was written knowing another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knows {
    Yes,
    No,
    /// Part of its history is not remembered.
    Perhaps,
}

/// The contexts of the versions that were written last.
#[derive(Debug, Default)]
pub(super) struct Causality {
    contexts: Recent<Version, Vec<Dot>>,
}

impl Causality {
    /// A version was written.
    pub fn wrote(&mut self, version: Version) {
        self.contexts.entry(version);
    }

    /// A version was written by somebody who knew an older one.
    pub fn supersedes(&mut self, (object, newer): Version, older: Dot) {
        let context = self.contexts.entry((object, newer));
        if !context.contains(&older) {
            context.push(older);
        }
    }

    /// Whether the newer version was written knowing the older one, directly or through others.
    pub fn knows(&self, (object, newer): Version, older: Dot) -> Knows {
        let mut seen = BTreeSet::from([newer]);
        let mut asked = vec![newer];
        let mut answer = Knows::No;
        while let Some(dot) = asked.pop() {
            let Some(context) = self.contexts.get(&(object, dot)) else {
                answer = Knows::Perhaps;
                continue;
            };
            if context.contains(&older) {
                return Knows::Yes;
            }
            asked.extend(context.iter().filter(|known| seen.insert(**known)));
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(counter: u64) -> Dot {
        Dot { actor: 1, counter }
    }

    /// 3 knows 2, which knows 1; 4 knows nothing; all of object 7.
    fn chain() -> Causality {
        let mut causality = Causality::default();
        (1..=4).for_each(|counter| causality.wrote((7, dot(counter))));
        causality.supersedes((7, dot(3)), dot(2));
        causality.supersedes((7, dot(2)), dot(1));
        causality
    }

    #[test]
    fn knowledge_is_transitive_and_has_a_direction() {
        let causality = chain();
        let knows = |newer, older| causality.knows((7, dot(newer)), dot(older));
        assert_eq!((knows(3, 2), knows(3, 1), knows(2, 1)), (Knows::Yes, Knows::Yes, Knows::Yes));
        assert_eq!((knows(1, 3), knows(4, 1), knows(3, 4)), (Knows::No, Knows::No, Knows::No));
        assert_eq!(knows(3, 3), Knows::No);
    }

    #[test]
    fn what_is_not_remembered_may_know_anything() {
        let mut causality = chain();
        assert_eq!(causality.knows((8, dot(3)), dot(1)), Knows::Perhaps);
        causality.supersedes((7, dot(4)), dot(9));
        assert_eq!(causality.knows((7, dot(4)), dot(1)), Knows::Perhaps);
        assert_eq!(causality.knows((7, dot(4)), dot(9)), Knows::Yes);
    }

    #[test]
    fn a_circle_of_contexts_comes_to_an_end() {
        let mut causality = chain();
        causality.supersedes((7, dot(1)), dot(3));
        assert_eq!(causality.knows((7, dot(1)), dot(2)), Knows::Yes);
        assert_eq!(causality.knows((7, dot(1)), dot(4)), Knows::No);
    }
}
