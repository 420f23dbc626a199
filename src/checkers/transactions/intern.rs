//! Values become small numbers: the first that is seen is 0, the next new one is 1, and so on.
//!
//! An analysis asks a million times who wrote element 5 of key 3. Numbers make that an index into an array. The table
//! is open addressing over a frozen hash; the numbers depend on the order of the history only, never on the hash.

use std::hash::Hash;

use crate::history::Value;
use crate::kernel::digest::Digest;

const EMPTY: u32 = u32::MAX;

/// Numbers for values, apart for each scope (a key, say).
#[derive(Debug, Default)]
pub(super) struct Interner<'a> {
    entries: Vec<(u32, &'a Value)>,
    slots: Vec<u32>,
}

impl<'a> Interner<'a> {
    /// How many values have a number.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The value behind a number.
    pub fn value(&self, number: u32) -> &'a Value {
        self.entries[number as usize].1
    }

    /// The scope of a number.
    pub fn scope(&self, number: u32) -> u32 {
        self.entries[number as usize].0
    }

    /// The number of a value, new or not.
    pub fn intern(&mut self, scope: u32, value: &'a Value) -> u32 {
        // Never more than half full, so probes stay short.
        if self.entries.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let slot = self.slot(scope, value);
        if self.slots[slot] == EMPTY {
            self.slots[slot] = u32::try_from(self.entries.len()).expect("fewer than 2^32 values");
            self.entries.push((scope, value));
        }
        self.slots[slot]
    }

    /// The number of a value that has one.
    pub fn find(&self, scope: u32, value: &Value) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let number = self.slots[self.slot(scope, value)];
        (number != EMPTY).then_some(number)
    }

    /// The slot of a value, or the empty one where it belongs.
    fn slot(&self, scope: u32, value: &Value) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash(scope, value) & mask;
        loop {
            let number = self.slots[slot];
            if number == EMPTY || self.entries[number as usize] == (scope, value) {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(16);
        self.slots = vec![EMPTY; slots];
        let mask = slots - 1;
        for (number, (scope, value)) in self.entries.iter().enumerate() {
            let mut slot = hash(*scope, value) & mask;
            while self.slots[slot] != EMPTY {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = number as u32;
        }
    }
}

fn hash(scope: u32, value: &Value) -> usize {
    let mut digest = Digest::default();
    digest.word(u64::from(scope));
    match value {
        // Most keys and elements are numbers.
        Value::Int(number) => digest.word(*number as u64),
        _ => value.hash(&mut digest),
    }
    digest.value() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_given_in_order_and_found_again() {
        let values: Vec<Value> = (0..1_000).map(Value::Int).collect();
        let mut interner = Interner::default();
        assert_eq!(interner.find(0, &values[0]), None);
        for (number, value) in values.iter().enumerate() {
            assert_eq!(interner.intern(7, value), number as u32);
            assert!(
                2 * interner.len() <= interner.slots.len(),
                "{} are too few",
                interner.slots.len()
            );
        }
        assert_eq!(interner.intern(7, &values[500]), 500);
        assert_eq!(interner.len(), 1_000);
        assert_eq!(interner.find(7, &values[999]), Some(999));
        assert_eq!((interner.value(3), interner.scope(3)), (&Value::Int(3), 7));
    }

    #[test]
    fn scopes_and_kinds_of_values_are_apart() {
        let values = [Value::Int(1), Value::from("1"), Value::list([Value::Int(1)]), Value::Nil];
        let mut interner = Interner::default();
        for (number, value) in values.iter().enumerate() {
            assert_eq!(interner.intern(0, value), number as u32);
        }
        assert_eq!(interner.find(1, &values[0]), None);
        assert_eq!(interner.intern(1, &values[0]), 4);
        assert_eq!(interner.find(0, &values[0]), Some(0));
    }
}
