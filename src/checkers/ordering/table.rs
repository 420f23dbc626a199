//! A hash table that holds numbers of things which its owner keeps: open addressing with linear probing, one word for
//! each entry, and the same on every machine and in every run.
//!
//! The standard library's maps would do, but not their order and not their speed: this is where the search spends its
//! time.

/// Where no entry is.
const EMPTY: u64 = 0;

/// Numbers by hash. Two things with the same hash are told apart by their owner.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The upper half of the hash, and the number plus one. The length is a power of two.
    slots: Vec<u64>,
    len: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self { slots: vec![EMPTY; 16], len: 0 }
    }
}

impl Table {
    /// The number of the thing with this hash for which `is` holds.
    pub fn find(&self, hash: u64, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut place = self.first(hash);
        loop {
            let slot = self.slots[place];
            if slot == EMPTY {
                return None;
            }
            let number = slot as u32 - 1;
            if slot >> 32 == hash >> 32 && is(number) {
                return Some(number);
            }
            place = (place + 1) & (self.slots.len() - 1);
        }
    }

    /// Adds the number of a thing that was not found.
    pub fn insert(&mut self, hash: u64, number: u32) {
        assert!(number < u32::MAX, "a table numbers at most 2^32 - 1 things");
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            let grown = vec![EMPTY; self.slots.len() * 2];
            for slot in std::mem::replace(&mut self.slots, grown) {
                if slot != EMPTY {
                    self.put(slot);
                }
            }
        }
        self.put((hash >> 32) << 32 | u64::from(number + 1));
        self.len += 1;
    }

    fn put(&mut self, slot: u64) {
        let mut place = self.first(slot);
        while self.slots[place] != EMPTY {
            place = (place + 1) & (self.slots.len() - 1);
        }
        self.slots[place] = slot;
    }

    /// The upper half of the hash decides, since that is all that is kept of it.
    fn first(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::digest::Digest;

    #[test]
    fn what_was_inserted_is_found_and_nothing_else() {
        let mut table = Table::default();
        for number in 0..10_000_u32 {
            assert_eq!(table.find(Digest::of(&number), |found| found == number), None);
            table.insert(Digest::of(&number), number);
        }
        for number in 0..10_000_u32 {
            assert_eq!(table.find(Digest::of(&number), |found| found == number), Some(number));
        }
    }

    #[test]
    fn things_with_the_same_hash_are_told_apart() {
        let mut table = Table::default();
        for number in 0..100 {
            table.insert(7 << 32, number);
        }
        assert_eq!(table.find(7 << 32, |found| found == 99), Some(99));
        assert_eq!(table.find(7 << 32, |found| found == 100), None);
        assert_eq!(table.find(8 << 32, |_| true), None, "its own hash decides first");
    }

    #[test]
    fn a_quarter_of_the_places_is_free() {
        let mut table = Table::default();
        for (len, places) in (1..=24).zip([[16; 12], [32; 12]].concat()) {
            table.insert(Digest::of(&len), len);
            assert_eq!(table.slots.len(), places, "{len} entries");
        }
        table.insert(Digest::of(&25), 25);
        assert_eq!(table.slots.len(), 64);
    }
}
