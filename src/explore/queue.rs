//! In which order a sweep makes its runs: the remembered seeds first, then the range.
//!
//! A range may have a billion seeds, so it is never written out: a place in the queue is turned into a seed when its turn
//! has come.

use std::collections::BTreeSet;

use crate::explore::seeds::{Seeds, Shard};

/// The runs of one sweep, or of one shard of it.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    seeds: Seeds,
    shard: Shard,
    /// The remembered seeds that are run here, in order.
    first: Vec<u64>,
}

/// One place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// The seed of the run.
    pub seed: u64,
    /// Whether it is a seed of the range; else it is run only because it is remembered.
    pub in_range: bool,
}

impl Queue {
    /// The queue of a shard. Remembered seeds outside the range are the first shard's.
    pub fn new(seeds: Seeds, shard: Shard, remembered: &BTreeSet<u64>) -> Self {
        let ours = |seed: &&u64| {
            if seeds.contains(**seed) { shard.has(**seed - seeds.from) } else { shard.index == 1 }
        };
        let first = remembered.iter().filter(ours).copied().collect();
        Self { seeds, shard, first }
    }

    /// How many places there are.
    pub fn places(&self) -> u64 {
        self.first.len() as u64 + self.in_shard()
    }

    /// How many runs there are: a remembered seed of the range is run once.
    pub fn runs(&self) -> u64 {
        let extra = self.first.iter().filter(|seed| !self.seeds.contains(**seed)).count();
        extra as u64 + self.in_shard()
    }

    /// Whose turn it is at a place; `None` if that seed had its turn before.
    pub fn turn(&self, place: u64) -> Option<Turn> {
        if let Some(&seed) = self.first.get(place as usize) {
            return Some(Turn { seed, in_range: self.seeds.contains(seed) });
        }
        let nth = place - self.first.len() as u64;
        let seed = self.seeds.from + nth * self.shard.of + self.shard.index - 1;
        let before = self.first.binary_search(&seed).is_ok();
        (!before).then_some(Turn { seed, in_range: true })
    }

    /// How many seeds of the range are the shard's.
    const fn in_shard(&self) -> u64 {
        let (count, of, index) = (self.seeds.count(), self.shard.of, self.shard.index);
        count / of + if count % of >= index { 1 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seeds: &str, shard: Shard, remembered: &[u64]) -> Vec<u64> {
        let seeds = Seeds::parse(seeds).expect("seeds");
        let queue = Queue::new(seeds, shard, &remembered.iter().copied().collect());
        let turns: Vec<u64> =
            (0..queue.places()).filter_map(|n| queue.turn(n)).map(|turn| turn.seed).collect();
        assert_eq!(turns.len() as u64, queue.runs());
        turns
    }

    #[test]
    fn remembered_seeds_come_first_and_are_run_once() {
        assert_eq!(run("5..10", Shard::WHOLE, &[]), [5, 6, 7, 8, 9]);
        assert_eq!(run("5..10", Shard::WHOLE, &[2, 7, 70]), [2, 7, 70, 5, 6, 8, 9]);
    }

    #[test]
    fn shards_together_run_what_the_whole_runs() {
        for of in 1..=7 {
            let mut all: Vec<u64> =
                (1..=of).flat_map(|index| run("5..10", Shard { index, of }, &[2, 7])).collect();
            all.sort_unstable();
            assert_eq!(all, [2, 5, 6, 7, 8, 9], "{of} shards");
        }
    }
}
