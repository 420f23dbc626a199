//! The timers of one node: at most one for each value.
//!
//! A timer that is moved to a later time (an election time-out, at each heartbeat) leaves its event where it is; when
//! the event comes up too early, it is put back at the right time. So a timer that is moved a thousand times costs two
//! events, not a thousand.
//!
//! A timer that runs out while its node is busy waits until the node gets to it. It waits here, not only in the mailbox,
//! because a handler that runs before may still cancel or move it, and a cancelled timer must not be heard of.

use crate::kernel::time::Instant;

#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    timer: T,
    /// When it runs out; `Instant::MAX` if it is not set.
    deadline: Instant,
    /// When its one event in the queue comes up; `Instant::MAX` if there is none.
    queued: Instant,
    /// It ran out, and the node has not got to it yet.
    waits: bool,
}

impl<T> Entry<T> {
    const fn unset(timer: T) -> Self {
        Self { timer, deadline: Instant::MAX, queued: Instant::MAX, waits: false }
    }

    fn is_idle(&self) -> bool {
        self.deadline == Instant::MAX && self.queued == Instant::MAX && !self.waits
    }
}

/// The timers of one node.
#[derive(Clone, Debug)]
pub struct Timers<T> {
    /// Sorted by timer.
    entries: Vec<Entry<T>>,
    /// Events to put into the queue, when the handler has returned.
    pending: Vec<(Instant, T)>,
    idle: usize,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), pending: Vec::new(), idle: 0 }
    }
}

impl<T: Copy + Ord> Timers<T> {
    /// Sets or moves a timer.
    pub fn set(&mut self, timer: T, deadline: Instant) {
        let entry = self.entry(timer);
        entry.deadline = deadline;
        entry.waits = false;
        if entry.queued > deadline {
            entry.queued = deadline;
            self.pending.push((deadline, timer));
        }
    }

    /// Forgets a timer.
    pub fn cancel(&mut self, timer: T) {
        if let Ok(place) = self.entries.binary_search_by(|entry| entry.timer.cmp(&timer)) {
            self.entries[place].deadline = Instant::MAX;
            self.entries[place].waits = false;
        }
    }

    /// The event of `timer` came up at `now`: whether the timer has run out. If it was moved, its next event is
    /// pending.
    pub fn fires(&mut self, timer: T, now: Instant) -> bool {
        let Ok(place) = self.entries.binary_search_by(|entry| entry.timer.cmp(&timer)) else {
            return false;
        };
        let entry = &mut self.entries[place];
        if entry.queued != now {
            return false; // an event of an earlier life of this timer
        }
        entry.queued = Instant::MAX;
        if entry.deadline == Instant::MAX {
            self.forget_idle();
            return false;
        }
        if entry.deadline > now {
            entry.queued = entry.deadline;
            self.pending.push((entry.deadline, timer));
            return false;
        }
        entry.deadline = Instant::MAX;
        self.forget_idle();
        true
    }

    /// `timer` ran out while the node was busy: it waits for the node.
    pub fn wait(&mut self, timer: T) {
        self.entry(timer).waits = true;
    }

    /// The node gets to a timer that waited: whether it still does, or was cancelled or moved meanwhile.
    pub fn take_waiting(&mut self, timer: T) -> bool {
        let Ok(place) = self.entries.binary_search_by(|entry| entry.timer.cmp(&timer)) else {
            return false;
        };
        std::mem::take(&mut self.entries[place].waits)
    }

    /// Takes one event that belongs into the queue.
    pub fn take_pending(&mut self) -> Option<(Instant, T)> {
        self.pending.pop()
    }

    fn entry(&mut self, timer: T) -> &mut Entry<T> {
        let found = self.entries.binary_search_by(|entry| entry.timer.cmp(&timer));
        let place = found.unwrap_or_else(|place| {
            self.entries.insert(place, Entry::unset(timer));
            place
        });
        &mut self.entries[place]
    }

    /// Timers of one-off values (a request's number, say) must not pile up.
    fn forget_idle(&mut self) {
        self.idle += 1;
        if self.idle > 16 + self.entries.len() / 2 {
            self.entries.retain(|entry| !entry.is_idle());
            self.idle = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn a_timer_that_moves_on_keeps_one_event() {
        let mut timers = Timers::default();
        timers.set('e', at(10));
        assert_eq!(timers.take_pending(), Some((at(10), 'e')));
        timers.set('e', at(20));
        timers.set('e', at(30));
        assert_eq!(timers.take_pending(), None);
        assert!(!timers.fires('e', at(10)));
        assert_eq!(timers.take_pending(), Some((at(30), 'e')));
        assert!(timers.fires('e', at(30)));
    }

    #[test]
    fn a_timer_that_moves_forward_fires_at_the_earlier_time_only() {
        let mut timers = Timers::default();
        timers.set('e', at(30));
        timers.set('e', at(10));
        assert_eq!(timers.take_pending(), Some((at(10), 'e')));
        assert_eq!(timers.take_pending(), Some((at(30), 'e')));
        assert!(timers.fires('e', at(10)));
        assert!(!timers.fires('e', at(30)));
    }

    #[test]
    fn a_cancelled_timer_does_not_fire_and_can_be_set_again() {
        let mut timers = Timers::default();
        timers.set('e', at(10));
        timers.cancel('e');
        assert!(!timers.fires('e', at(10)));
        timers.take_pending();
        timers.set('e', at(20));
        assert_eq!(timers.take_pending(), Some((at(20), 'e')));
        assert!(timers.fires('e', at(20)));
    }

    #[test]
    fn a_timer_that_waits_for_its_node_can_still_be_cancelled_or_moved() {
        let mut timers = Timers::default();
        for timer in ['c', 'm', 'k'] {
            timers.set(timer, at(10));
            assert!(timers.fires(timer, at(10)));
            timers.wait(timer);
        }
        timers.cancel('c');
        timers.set('m', at(20));
        assert!(!timers.take_waiting('c'));
        assert!(!timers.take_waiting('m'));
        assert!(timers.take_waiting('k'));
        assert!(!timers.take_waiting('k'), "it waited once");
        assert!(timers.fires('m', at(20)));
    }

    #[test]
    fn one_off_timers_do_not_pile_up() {
        let mut timers = Timers::default();
        for number in 0..10_000 {
            timers.set(number, at(number));
            timers.take_pending();
            assert!(timers.fires(number, at(number)));
        }
        assert!(timers.entries.len() < 100);
    }
}
