//! High-Water Mark: nothing is shown before a quorum has it.
//!
//! **Problem**: An entry on the leader's disk may still disappear with that leader.
//!
//! **Rule**: Keep the highest index known to be on a quorum; apply and show only what is not above it; tell it to the
//! followers with the next message. A follower trusts the mark only as far as that same message proved its own log to
//! be the leader's.
//!
//! **Invariant**: `no-dirty-read`, `state-machine-safety`; the mark of a node never goes back.
//!
//! **Owner's duty**: A leader advances it only to an entry of its own generation that a quorum has durably (Raft §5.4.2,
//! fig. 8); earlier entries are then below it. Never truncate *to* the mark after a restart: a mark that lags would cut
//! off acknowledged entries (Kafka before KIP-101).
//!
//! **Source**: Joshi (2023), ch. 10. *Commit index* in Raft.

use crate::kernel::ids::LogIndex;

/// The highest index known to be on a quorum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HighWaterMark {
    mark: LogIndex,
}

impl HighWaterMark {
    /// The mark of a log of which everything through `mark` is known to be decided (a snapshot's index).
    #[must_use]
    pub const fn at(mark: LogIndex) -> Self {
        Self { mark }
    }

    /// The mark.
    #[must_use]
    pub const fn get(self) -> LogIndex {
        self.mark
    }

    /// A quorum has everything through `decided`: the new mark, if it moved.
    pub fn advance(&mut self, decided: LogIndex) -> Option<LogIndex> {
        if decided <= self.mark {
            return None;
        }
        self.mark = decided;
        Some(decided)
    }

    /// A leader told its mark in a message that verified this node's log through `verified`: the new mark, if it moved.
    pub fn learn(&mut self, leader_mark: LogIndex, verified: LogIndex) -> Option<LogIndex> {
        self.advance(leader_mark.min(verified))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_never_goes_back() {
        let mut mark = HighWaterMark::at(LogIndex(5));
        assert_eq!(mark.advance(LogIndex(4)), None);
        assert_eq!(mark.advance(LogIndex(7)), Some(LogIndex(7)));
        assert_eq!(mark.get(), LogIndex(7));
    }

    #[test]
    fn an_unverified_tail_is_not_shown_because_the_leaders_mark_is_beyond_it() {
        // The follower's log goes on to 9, but the message proved it only through 4.
        let mut mark = HighWaterMark::at(LogIndex(3));
        assert_eq!(mark.learn(LogIndex(8), LogIndex(4)), Some(LogIndex(4)));
    }

    #[test]
    fn a_follower_is_never_ahead_of_its_leader() {
        let mut mark = HighWaterMark::default();
        assert_eq!(mark.learn(LogIndex(2), LogIndex(9)), Some(LogIndex(2)));
    }
}
