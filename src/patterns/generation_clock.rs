//! Generation Clock: leaderships are numbered, and what an older one says is refused.
//!
//! **Problem**: A leader that was paused or cut off comes back and still believes that it leads.
//!
//! **Rule**: Each leadership has a number that only grows. It is in every message and every record; whoever has seen a
//! greater one refuses the smaller, and whoever hears a greater one adopts it and stops leading.
//!
//! **Invariant**: `election-safety`; a node's generation never decreases, over restarts too; no node accepts a
//! replication message of a generation below one that it has promised.
//!
//! **Owner's duty**: Make the generation durable before any answer that was given under it leaves: a promise that is
//! forgotten at the next power failure was never one. Forget the vote when the generation changes.
//!
//! **Source**: Joshi, *Patterns of Distributed Systems* (2023), ch. 9. *Term* in Raft (Ongaro and Ousterhout 2014,
//! §5.1), *ballot* in Paxos, *view* in Viewstamped Replication, *epoch* in Zab and Kafka.

use crate::kernel::ids::Generation;

/// What a generation that was seen in a message is to the one that sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Of an older leadership: refuse it, and tell the speaker.
    Stale,
    /// Of the present leadership.
    Current,
    /// Of a newer leadership: adopt it and step down before anything else.
    Newer,
}

/// Compares a generation that was seen with the present one.
#[must_use]
pub fn compare(current: Generation, seen: Generation) -> Seen {
    match seen.cmp(&current) {
        std::cmp::Ordering::Less => Seen::Stale,
        std::cmp::Ordering::Equal => Seen::Current,
        std::cmp::Ordering::Greater => Seen::Newer,
    }
}

/// The greatest generation that this node has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GenerationClock {
    current: Generation,
}

impl GenerationClock {
    /// The clock as its owner's durable state left it.
    #[must_use]
    pub const fn at(current: Generation) -> Self {
        Self { current }
    }

    /// The present generation.
    #[must_use]
    pub const fn current(self) -> Generation {
        self.current
    }

    /// Takes note of a generation that was seen, and adopts it if it is newer.
    pub fn observe(&mut self, seen: Generation) -> Seen {
        let seen_as = compare(self.current, seen);
        self.current = self.current.max(seen);
        seen_as
    }

    /// Begins a generation that nobody has been in yet as far as this node knows, and returns it.
    pub fn advance(&mut self) -> Generation {
        let before = self.current;
        self.current = before.next();
        assert!(self.current > before, "a generation number never comes back");
        self.current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deposed_leader_is_stale() {
        let mut clock = GenerationClock::at(Generation(5));
        assert_eq!(clock.observe(Generation(6)), Seen::Newer);
        assert_eq!(clock.observe(Generation(5)), Seen::Stale);
        assert_eq!(clock.current(), Generation(6));
    }

    #[test]
    fn a_newer_generation_is_adopted_once() {
        let mut clock = GenerationClock::default();
        assert_eq!(clock.observe(Generation(3)), Seen::Newer);
        assert_eq!(clock.observe(Generation(3)), Seen::Current);
    }

    #[test]
    fn advancing_goes_beyond_everything_seen() {
        let mut clock = GenerationClock::at(Generation(2));
        clock.observe(Generation(9));
        assert_eq!(clock.advance(), Generation(10));
    }
}
