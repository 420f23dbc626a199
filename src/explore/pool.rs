//! Many calls of one function side by side, as if they had been made one after the other.
//!
//! ```text
//! threads      take item 0, 1, 2 ... whenever they are free
//! collector    puts the results into the order of the items, and only then looks at them
//! ```
//!
//! So whoever uses a pool cannot tell how many threads it has, except by the time that it takes. Some calls may be made for
//! nothing: those for items behind the one at which the work ends.

use std::any::Any;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// As large as the first thread's usually is: what runs alone must not overflow the stack in a pool.
const STACK_BYTES: usize = 8 << 20;

/// A number of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    jobs: NonZeroUsize,
}

impl Default for Pool {
    /// As many threads as the machine can run at once; one if nobody knows.
    fn default() -> Self {
        Self { jobs: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN) }
    }
}

impl Pool {
    /// A pool of so many threads.
    #[must_use]
    pub const fn new(jobs: NonZeroUsize) -> Self {
        Self { jobs }
    }

    /// Calls `work` for the items from 0 to `count`, and `take` with what it returned, in the order of the items and on
    /// this thread. The first item, in that order, for which one of them breaks off is the last one that is looked at.
    ///
    /// # Panics
    /// If `work` panics for an item that is looked at, with the same panic, or if the system has no room for a thread.
    pub fn in_order<T: Send, B: Send>(
        &self,
        count: u64,
        work: impl Fn(u64) -> ControlFlow<B, T> + Sync,
        take: impl FnMut(u64, T) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let line = Line { next: AtomicU64::new(0), end: AtomicU64::new(count) };
        let (results, arriving) = channel();
        thread::scope(|scope| {
            for _ in 0..count.min(self.jobs.get() as u64) {
                let (line, work, results) = (&line, &work, results.clone());
                thread::Builder::new()
                    .stack_size(STACK_BYTES)
                    .spawn_scoped(scope, move || line.serve(work, &results))
                    .expect("the system has room for a thread");
            }
            drop(results);
            // When nobody listens any more, the threads end.
            in_turn(arriving, take)
        })
    }

    /// The first item of those from 0 to `count` for which `find` finds something, and what it found.
    ///
    /// # Panics
    /// As [`in_order`](Self::in_order).
    pub fn first<T: Send>(
        &self,
        count: u64,
        find: impl Fn(u64) -> Option<T> + Sync,
    ) -> Option<(u64, T)> {
        let work = |item| match find(item) {
            Some(found) => ControlFlow::Break((item, found)),
            None => ControlFlow::Continue(()),
        };
        self.in_order(count, work, |_, ()| ControlFlow::Continue(())).break_value()
    }
}

/// What came of one item; the error is what `work` panicked with.
type Arrived<T, B> = (u64, Result<ControlFlow<B, T>, Box<dyn Any + Send>>);

/// The items that wait for a thread.
struct Line {
    next: AtomicU64,
    /// The items from here on are not wanted.
    end: AtomicU64,
}

impl Line {
    /// Works on one item after the other, until there are no more or nobody listens any more.
    fn serve<T, B>(
        &self,
        work: &impl Fn(u64) -> ControlFlow<B, T>,
        results: &Sender<Arrived<T, B>>,
    ) {
        loop {
            let item = self.next.fetch_add(1, Ordering::Relaxed);
            if item >= self.end.load(Ordering::Relaxed) {
                return;
            }
            // The panic goes on in the thread that collects.
            let result = catch_unwind(AssertUnwindSafe(|| work(item)));
            if !matches!(result, Ok(ControlFlow::Continue(_))) {
                self.end.fetch_min(item, Ordering::Relaxed);
            }
            if results.send((item, result)).is_err() {
                return;
            }
        }
    }
}

/// Puts results into the order of their items.
fn in_turn<T, B>(
    arriving: Receiver<Arrived<T, B>>,
    mut take: impl FnMut(u64, T) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let mut early = BTreeMap::new();
    let mut turn = 0;
    for (item, result) in arriving {
        early.insert(item, result);
        while let Some(result) = early.remove(&turn) {
            let value = result.unwrap_or_else(|panic| resume_unwind(panic))?;
            take(turn, value)?;
            turn += 1;
        }
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    fn pool(jobs: usize) -> Pool {
        Pool::new(NonZeroUsize::new(jobs).expect("at least one"))
    }

    /// Work whose early items take longest.
    fn uneven(item: u64) -> u64 {
        (0..(100 - item) * 1_000).fold(item, |sum, n| std::hint::black_box(sum ^ n));
        item * item
    }

    #[test]
    fn results_come_in_the_order_of_the_items_whatever_the_number_of_threads() {
        for jobs in [1, 2, 3, 7] {
            let mut taken = Vec::new();
            let work = |item| ControlFlow::<(), _>::Continue(uneven(item));
            let end = pool(jobs).in_order(100, work, |item, square| {
                taken.push((item, square));
                ControlFlow::Continue(())
            });
            assert_eq!(end, ControlFlow::Continue(()));
            assert_eq!(taken, (0..100).map(|item| (item, item * item)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_item_that_breaks_off_is_the_end_even_if_a_later_one_does_so_sooner() {
        let both = Barrier::new(2);
        let work = |item| match item {
            // The later one is certainly done when the earlier one breaks off.
            3 | 4 => {
                if item == 4 {
                    both.wait();
                    return ControlFlow::Break("late");
                }
                both.wait();
                ControlFlow::Break("early")
            }
            _ => ControlFlow::Continue(item),
        };
        let mut taken = Vec::new();
        let end = pool(2).in_order(1_000, work, |item, _| {
            taken.push(item);
            ControlFlow::Continue(())
        });
        assert_eq!((end, taken), (ControlFlow::Break("early"), vec![0, 1, 2]));
    }

    #[test]
    fn whoever_takes_can_end_the_work() {
        for jobs in [1, 2, 3] {
            let mut taken = 0;
            let work = |_| ControlFlow::Continue(());
            let end = pool(jobs).in_order(u64::MAX, work, |item, ()| {
                taken += 1;
                if item == 9 { ControlFlow::Break(item) } else { ControlFlow::Continue(()) }
            });
            assert_eq!((end, taken), (ControlFlow::Break(9), 10));
        }
    }

    #[test]
    fn the_first_find_is_the_first_in_order() {
        let find = |item| (item % 7 == 6 && uneven(item) > 100).then_some(item * 10);
        for jobs in [1, 2, 3, 7] {
            assert_eq!(pool(jobs).first(90, find), Some((13, 130)));
            assert_eq!(pool(jobs).first(13, find), None);
            assert_eq!(pool(jobs).first(0, find), None);
        }
    }

    #[test]
    fn a_panic_ends_the_work_and_goes_on_in_the_caller() {
        for jobs in [1, 3] {
            let work = |item| {
                if item == 5 {
                    resume_unwind(Box::new("broken"));
                }
                ControlFlow::<()>::Continue(())
            };
            let mut taken = 0;
            let result = catch_unwind(AssertUnwindSafe(|| {
                pool(jobs).in_order(u64::MAX, work, |_, ()| {
                    taken += 1;
                    ControlFlow::Continue(())
                })
            }));
            assert_eq!(result.expect_err("it panics").downcast_ref(), Some(&"broken"));
            assert_eq!(taken, 5);
        }
    }
}
