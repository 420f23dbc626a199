//! Heartbeat: who owes a word and stays silent too long is suspected.
//!
//! **Problem**: Silence is ambiguous, and without traffic nobody notices that a peer died.
//!
//! **Rule**: A word is owed from a stated moment on: a leader owes one all the time, a follower owes an answer to each
//! heartbeat. Who has owed one for longer than the time-out is suspected; any word clears the debt. Somebody who owes
//! nothing is not suspected for being silent.
//!
//! **Invariant**: `failure-detector-completeness` (a crashed peer that owes a word is suspected within time-out plus
//! interval), `progress` after a leader's crash. Never safety: a suspicion may be wrong.
//!
//! **Owner's duty**: Pass the time of a monotonic clock, never of the wall clock. Choose a time-out of several
//! intervals and a round trip. Count only words of the present generation. Do not let heartbeats wait behind the disk.
//!
//! **Source**: Joshi (2023), ch. 7. Leader side: check-quorum, Ongaro's dissertation (2014), §6.2.

use std::time::Duration;

use crate::kernel::ids::NodeId;
use crate::kernel::time::LocalTime;

#[derive(Clone, Copy, Debug, Default)]
struct Watched {
    /// Since when it has owed a word, if it owes one.
    owes_since: Option<LocalTime>,
    /// When it last said something, if ever.
    heard_at: Option<LocalTime>,
}

/// Watches peers for silence.
#[derive(Clone, Debug)]
pub struct FailureMonitor {
    timeout: Duration,
    /// By the node's place.
    watched: Vec<Watched>,
}

impl FailureMonitor {
    /// A monitor of `nodes` nodes, which suspects after `timeout` of owed silence.
    #[must_use]
    pub fn new(nodes: usize, timeout: Duration) -> Self {
        assert!(!timeout.is_zero(), "a time-out of zero suspects everybody");
        Self { timeout, watched: vec![Watched::default(); nodes] }
    }

    /// From now on (or from earlier, if it owed one already) `node` owes a word.
    pub fn expect(&mut self, node: NodeId, now: LocalTime) {
        let watched = &mut self.watched[node.index()];
        watched.owes_since.get_or_insert(now);
    }

    /// `node` said something.
    pub fn heard(&mut self, node: NodeId, now: LocalTime) {
        self.watched[node.index()] = Watched { owes_since: None, heard_at: Some(now) };
    }

    /// Nobody owes anything any more; what was heard stays known.
    pub fn forgive(&mut self) {
        for watched in &mut self.watched {
            watched.owes_since = None;
        }
    }

    /// Whether `node` has owed a word for longer than the time-out.
    #[must_use]
    pub fn suspects(&self, node: NodeId, now: LocalTime) -> bool {
        let owes_since = self.watched[node.index()].owes_since;
        owes_since.is_some_and(|since| now.since(since) > self.timeout)
    }

    /// Whether `node` said something within the last `span`.
    #[must_use]
    pub fn heard_within(&self, node: NodeId, span: Duration, now: LocalTime) -> bool {
        self.watched[node.index()].heard_at.is_some_and(|heard| now.since(heard) < span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: NodeId = NodeId(1);

    fn monitor() -> FailureMonitor {
        FailureMonitor::new(2, Duration::from_millis(300))
    }

    fn at(millis: u64) -> LocalTime {
        LocalTime::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_crashed_peer_is_suspected_after_the_timeout() {
        let mut monitor = monitor();
        monitor.expect(PEER, at(100));
        assert!(!monitor.suspects(PEER, at(400))); // exactly 300 ms: not longer than the time-out
        assert!(monitor.suspects(PEER, at(401)));
    }

    #[test]
    fn asking_again_does_not_forgive_the_first_silence() {
        let mut monitor = monitor();
        for time in [0, 100, 200, 300] {
            monitor.expect(PEER, at(time));
        }
        assert!(monitor.suspects(PEER, at(301)));
    }

    #[test]
    fn a_word_clears_the_debt() {
        let mut monitor = monitor();
        monitor.expect(PEER, at(0));
        monitor.heard(PEER, at(299));
        assert!(!monitor.suspects(PEER, at(10_000)));
    }

    #[test]
    fn silence_of_somebody_who_owes_nothing_means_nothing() {
        assert!(!monitor().suspects(PEER, at(1_000_000)));
    }

    #[test]
    fn contact_is_recent_for_a_span() {
        let mut monitor = monitor();
        assert!(!monitor.heard_within(PEER, Duration::from_secs(9), at(5)));
        monitor.heard(PEER, at(100));
        assert!(monitor.heard_within(PEER, Duration::from_millis(300), at(399)));
        assert!(!monitor.heard_within(PEER, Duration::from_millis(300), at(400)));
    }
}
