//! The event queue: a radix heap, ordered by time and, at equal times, by the order of insertion.
//!
//! # Why a radix heap
//!
//! Time in a simulation never goes back, so a monotone queue suffices (Ahuja, Mehlhorn, Orlin and Tarjan,
//! *Faster algorithms for the shortest path problem*, JACM 1990). An item lives in the bucket named by the
//! highest bit in which its time differs from the time of the last pop:
//!
//! ```text
//!     last popped  0110 1000
//!     item         0110 1011   differs first in bit 1   -> bucket 2
//!     item         0111 0000   differs first in bit 4   -> bucket 5
//!     item         0110 1000   equal                    -> bucket 0, popped next
//! ```
//!
//! When bucket 0 is empty, the lowest bucket that is not is dealt out again around its own minimum; each
//! item can only move to lower buckets, at most 64 times in all and usually two or three.
//!
//! # Why the order is total
//!
//! Items of one time are always in the same bucket, are appended to it in the order of insertion, and are
//! dealt out front to back into buckets that are empty at that moment. So among equal times the order of
//! insertion survives: the order is (time, sequence number) without storing the number.

use crate::kernel::time::Instant;

const BUCKETS: usize = 65;

/// A queue of `T` by time. Popped times never decrease.
#[derive(Clone, Debug)]
pub struct Queue<T> {
    /// Bucket 0 holds the items of time `last`, from `front` on.
    buckets: [Vec<(Instant, T)>; BUCKETS],
    /// Bit `b - 1` is set if bucket `b` is not empty.
    occupied: u64,
    /// How many items of bucket 0 were popped already.
    front: usize,
    last: Instant,
    len: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            buckets: [const { Vec::new() }; BUCKETS],
            occupied: 0,
            front: 0,
            last: Instant::ZERO,
            len: 0,
        }
    }
}

impl<T: Copy> Queue<T> {
    /// How many items wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Inserts an item, after all items of the same time.
    ///
    /// # Panics
    /// If `at` is before the time of the last pop: time never goes back.
    #[inline]
    pub fn push(&mut self, at: Instant, item: T) {
        assert!(at >= self.last, "an event at {at} is before now, {}", self.last);
        self.len += 1;
        self.place(at, item);
    }

    #[inline]
    fn place(&mut self, at: Instant, item: T) {
        let difference = at.as_nanos() ^ self.last.as_nanos();
        let bucket = (64 - difference.leading_zeros()) as usize;
        if bucket > 0 {
            self.occupied |= 1 << (bucket - 1);
        }
        self.buckets[bucket].push((at, item));
    }

    /// Removes the first item by (time, order of insertion).
    #[inline]
    pub fn pop(&mut self) -> Option<(Instant, T)> {
        self.refill()?;
        let item = self.buckets[0][self.front];
        self.front += 1;
        self.len -= 1;
        Some(item)
    }

    /// The time of the first item. It may be the time of the last pop again, never less.
    pub fn next_at(&mut self) -> Option<Instant> {
        self.refill()?;
        Some(self.last)
    }

    /// Makes sure that bucket 0 has an unpopped item, or says that there is none.
    #[inline]
    fn refill(&mut self) -> Option<()> {
        if self.front < self.buckets[0].len() {
            return Some(());
        }
        self.buckets[0].clear();
        self.front = 0;
        if self.occupied == 0 {
            return None;
        }
        let bucket = self.occupied.trailing_zeros() as usize + 1;
        self.occupied &= !(1 << (bucket - 1));
        self.deal(bucket);
        Some(())
    }

    /// Deals the items of a bucket out again, around their minimum.
    fn deal(&mut self, bucket: usize) {
        let mut items = std::mem::take(&mut self.buckets[bucket]);
        self.last = items.iter().map(|&(at, _)| at).min().expect("an occupied bucket has an item");
        for &(at, item) in &items {
            self.place(at, item);
        }
        // The bucket keeps its memory: steady state allocates nothing.
        items.clear();
        self.buckets[bucket] = items;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::{Purpose, Stream};
    use std::time::Duration;

    #[test]
    fn equal_times_leave_in_the_order_of_insertion() {
        let mut queue = Queue::default();
        let at = Instant::from_nanos(1_000);
        for item in 0..100 {
            queue.push(at, item);
        }
        for item in 0..100 {
            assert_eq!(queue.pop(), Some((at, item)));
        }
        assert_eq!(queue.pop(), None);
    }

    /// Against the definition: a sorted list of (time, sequence).
    #[test]
    fn the_order_is_time_then_sequence() {
        let mut stream = Stream::new(1, Purpose::User, 0, 0);
        let mut queue = Queue::default();
        let mut model: Vec<(Instant, u32)> = Vec::new();
        let mut now = Instant::ZERO;
        for sequence in 0..20_000u32 {
            let spread = [4, 1_000, 1_000_000_000][stream.below(3) as usize];
            let at = now + Duration::from_nanos(stream.below(spread));
            queue.push(at, sequence);
            model.push((at, sequence));
            if stream.below(3) > 0 {
                let first = *model.iter().min().expect("just pushed");
                model.retain(|&item| item != first);
                assert_eq!(queue.next_at(), Some(first.0));
                assert_eq!(queue.pop(), Some(first));
                now = first.0;
            }
            assert_eq!(queue.len(), model.len());
        }
    }

    #[test]
    #[should_panic(expected = "is before now")]
    fn time_never_goes_back() {
        let mut queue = Queue::default();
        queue.push(Instant::from_nanos(10), ());
        queue.pop();
        queue.push(Instant::from_nanos(9), ());
    }
}
