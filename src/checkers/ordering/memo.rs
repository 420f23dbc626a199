//! The configurations that were entered. They are kept whole, so that the verdict does not hang on a hash.

use crate::checkers::ordering::table::Table;
use crate::kernel::digest::Digest;

/// How many operations of unknown outcome were used, by the number of what they ask; in order, never zero.
pub(super) type Used = Vec<(u32, u32)>;

/// No further alternative.
const LAST: u32 = u32::MAX;

/// What was entered: sequences of words, and for each the least that was used to get there.
#[derive(Clone, Debug, Default)]
pub(super) struct Memo {
    table: Table,
    /// All sequences, one after the other.
    words: Vec<u64>,
    /// For each sequence where it ends, and its first alternative.
    entries: Vec<(usize, u32)>,
    /// What was used, and the next alternative of the same sequence.
    alternatives: Vec<(Used, u32)>,
}

impl Memo {
    /// Whether the configuration is new: it was not entered before with as much of everything left, or more.
    pub fn enter(&mut self, key: &[u64], used: &Used) -> bool {
        let mut hash = Digest::default();
        for word in key {
            hash.word(*word);
        }
        let hash = hash.value();
        let new = self.alternatives.len() as u32;
        let Some(entry) = self.table.find(hash, |entry| self.key(entry) == key) else {
            self.table.insert(hash, self.entries.len() as u32);
            self.words.extend_from_slice(key);
            self.entries.push((self.words.len(), new));
            self.alternatives.push((used.clone(), LAST));
            return true;
        };
        let first = &mut self.entries[entry as usize].1;
        let mut place = *first;
        while place != LAST {
            let (less, next) = &self.alternatives[place as usize];
            if uses_no_more(less, used) {
                return false;
            }
            place = *next;
        }
        self.alternatives.push((used.clone(), *first));
        *first = new;
        true
    }

    fn key(&self, entry: u32) -> &[u64] {
        let entry = entry as usize;
        let start = if entry == 0 { 0 } else { self.entries[entry - 1].0 };
        &self.words[start..self.entries[entry].0]
    }
}

/// Adds one to what was used.
pub(super) fn use_one(used: &mut Used, class: u32) {
    match used.binary_search_by_key(&class, |&(class, _)| class) {
        Ok(place) => used[place].1 += 1,
        Err(place) => used.insert(place, (class, 1)),
    }
}

/// Takes it back.
pub(super) fn unuse_one(used: &mut Used, class: u32) {
    let place = used.binary_search_by_key(&class, |&(class, _)| class);
    let place = place.expect("only what was used is taken back");
    used[place].1 -= 1;
    if used[place].1 == 0 {
        used.remove(place);
    }
}

/// How many were used.
pub(super) fn count(used: &Used, class: u32) -> usize {
    let place = used.binary_search_by_key(&class, |&(class, _)| class);
    place.map_or(0, |place| used[place].1 as usize)
}

/// Whether the first used no more of anything than the second.
fn uses_no_more(first: &Used, second: &Used) -> bool {
    first.iter().all(|&(class, uses)| uses as usize <= count(second, class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_entered_once() {
        let mut memo = Memo::default();
        assert!(memo.enter(&[1, 2], &vec![]));
        assert!(!memo.enter(&[1, 2], &vec![]));
        assert!(memo.enter(&[1], &vec![]) && memo.enter(&[1, 2, 0], &vec![]));
        assert!(!memo.enter(&[1], &vec![]) && !memo.enter(&[1, 2, 0], &vec![]));
    }

    #[test]
    fn it_is_entered_again_only_if_less_of_something_is_used() {
        let mut memo = Memo::default();
        assert!(memo.enter(&[1], &vec![(3, 2)]));
        assert!(!memo.enter(&[1], &vec![(3, 2), (5, 1)]));
        assert!(memo.enter(&[1], &vec![(3, 1), (5, 1)]));
        assert!(!memo.enter(&[1], &vec![(3, 1), (5, 4)]));
        assert!(memo.enter(&[1], &vec![(5, 9)]));
    }

    #[test]
    fn what_is_taken_back_was_not_used() {
        let mut used = Used::new();
        use_one(&mut used, 4);
        use_one(&mut used, 2);
        use_one(&mut used, 4);
        assert_eq!(used, [(2, 1), (4, 2)]);
        unuse_one(&mut used, 2);
        assert_eq!((used.len(), count(&used, 4), count(&used, 2)), (1, 2, 0));
    }
}
