//! Request Batch: one message and one sync for many requests.
//!
//! **Problem**: Each message and each sync has a fixed cost; with small requests this cost sets the throughput.
//!
//! **Rule**: Collect requests until there are enough of them, or until the first has waited long enough; when nothing is
//! under way, send at once. Answer each request of the batch on its own.
//!
//! **Invariant**: `bounded-resources`; the order in a batch is the order of submission, and no item is left behind: the
//! last one goes when the linger time ends.
//!
//! **Owner's duty**: Set the timer that [`Due::After`] asks for. A batch must not outlive its leadership: drain it and
//! refuse its requests when that ends.
//!
//! **Source**: Joshi (2023), ch. 31; *group commit* in databases.

use std::time::Duration;

/// How much is collected, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// How many items at most, at least 1.
    pub items_max: usize,
    /// How long the first item of a batch waits at most.
    pub linger: Duration,
}

/// Whether something is under way that a batch may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipe {
    /// Nothing is: waiting would only cost time.
    Idle,
    /// The previous batch is.
    Busy,
}

/// When a batch is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// At once.
    Now,
    /// After this time, unless it fills up before.
    After(Duration),
    /// When the timer ends that an earlier item asked for.
    Waiting,
}

/// The items that wait to be sent together.
#[derive(Clone, Debug)]
pub struct RequestBatch<T> {
    limits: BatchLimits,
    items: Vec<T>,
}

impl<T> RequestBatch<T> {
    /// An empty batch.
    #[must_use]
    pub fn new(limits: BatchLimits) -> Self {
        assert!(limits.items_max > 0, "a batch of no items is never sent");
        Self { limits, items: Vec::new() }
    }

    /// Adds an item.
    pub fn add(&mut self, item: T, pipe: Pipe) -> Due {
        self.items.push(item);
        if pipe == Pipe::Idle || self.items.len() >= self.limits.items_max {
            Due::Now
        } else if self.items.len() == 1 {
            Due::After(self.limits.linger)
        } else {
            Due::Waiting
        }
    }

    /// Takes the batch, in the order of submission.
    pub fn take(&mut self) -> Vec<T> {
        std::mem::take(&mut self.items)
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINGER: Duration = Duration::from_millis(1);

    fn batch() -> RequestBatch<u32> {
        RequestBatch::new(BatchLimits { items_max: 3, linger: LINGER })
    }

    #[test]
    fn an_idle_pipe_is_used_at_once() {
        assert_eq!(batch().add(1, Pipe::Idle), Due::Now);
    }

    #[test]
    fn the_first_item_asks_for_the_timer_so_that_none_waits_for_ever() {
        let mut batch = batch();
        assert_eq!(batch.add(1, Pipe::Busy), Due::After(LINGER));
        assert_eq!(batch.add(2, Pipe::Busy), Due::Waiting);
        assert_eq!(batch.add(3, Pipe::Busy), Due::Now);
        assert_eq!(batch.take(), [1, 2, 3]);
        assert!(batch.is_empty());
        assert_eq!(batch.add(4, Pipe::Busy), Due::After(LINGER));
    }
}
