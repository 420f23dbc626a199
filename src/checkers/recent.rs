//! A map that forgets its oldest keys: what checkers remember of a run that may last for days.
//!
//! What was forgotten is not judged: a checker may then miss a violation, but it never invents one. So whoever
//! concludes something from an *absence* must ask [`Recent::has_forgotten`] first.

use std::collections::{BTreeMap, VecDeque};

/// How many keys are remembered.
pub(super) const KEPT: usize = 1 << 16;

/// A map of the [`KEPT`] keys that came last.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    items: BTreeMap<K, V>,
    oldest: VecDeque<K>,
    forgotten: bool,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), oldest: VecDeque::new(), forgotten: false }
    }
}

impl<K: Ord + Copy, V> Recent<K, V> {
    /// The value of a key; if it is new, it begins with this one.
    pub fn or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        if !self.items.contains_key(&key) {
            if self.oldest.len() >= KEPT
                && let Some(oldest) = self.oldest.pop_front()
            {
                self.items.remove(&oldest);
                self.forgotten = true;
            }
            self.oldest.push_back(key);
        }
        self.items.entry(key).or_insert_with(value)
    }

    /// The value of a key; if it is new, the default.
    pub fn entry(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.or_insert_with(key, V::default)
    }

    /// The value of a key that is remembered.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.items.get(key)
    }

    /// Everything that is remembered, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.items.iter()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether a key was ever forgotten.
    pub const fn has_forgotten(&self) -> bool {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_key_goes_when_there_is_no_more_room() {
        let mut recent = Recent::default();
        assert!(recent.is_empty());
        for key in 0..KEPT {
            *recent.entry(key) = 1;
        }
        *recent.entry(0) += 1;
        assert_eq!((recent.get(&0), recent.has_forgotten()), (Some(&2), false));
        assert_eq!(*recent.or_insert_with(KEPT, || 7), 7);
        assert_eq!(
            (recent.get(&0), recent.get(&1), recent.has_forgotten()),
            (None, Some(&1), true)
        );
        assert_eq!(recent.iter().next(), Some((&1, &1)));
        assert_eq!(recent.iter().count(), KEPT);
    }
}
