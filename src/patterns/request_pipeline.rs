//! Request Pipeline: several requests under way at once, in order, and not too many.
//!
//! **Problem**: Waiting for each answer before the next request limits throughput to one request per round trip.
//!
//! **Rule**: Send ahead, up to a window; answers are cumulative. When the receiver refuses (something before it was
//! lost), forget what is under way, go back and send one request at a time until one is accepted: go-back-N.
//!
//! **Invariant**: `bounded-resources` (never more than the window under way); order is kept, because the receiver
//! refuses whatever has a gap before it, and after a refusal nothing later is sent first.
//!
//! **Owner's duty**: Match answers by position, never by order of arrival. Begin anew in a new generation. Send
//! something now and then even if the window is full: its answer frees what lost answers left behind.
//!
//! **Source**: Joshi (2023), ch. 32; for Raft: Ongaro's dissertation (2014), §10.2.1.

use std::collections::VecDeque;

use crate::kernel::ids::LogIndex;

/// How a leader sends to one follower.
#[derive(Clone, Debug)]
pub struct RequestPipeline {
    window: usize,
    mode: Mode,
}

#[derive(Clone, Debug)]
enum Mode {
    /// It is not known what the receiver has: at most one request is under way.
    Probing { under_way: usize },
    /// The last index of each request that is under way, increasing.
    Streaming(VecDeque<LogIndex>),
}

impl RequestPipeline {
    /// A pipeline that begins by probing.
    #[must_use]
    pub fn new(window: usize) -> Self {
        assert!(window > 0, "a window of 0 never sends anything");
        Self { window, mode: Mode::Probing { under_way: 0 } }
    }

    /// Whether another request may be sent.
    #[must_use]
    pub fn has_room(&self) -> bool {
        match &self.mode {
            Mode::Probing { under_way } => *under_way == 0,
            Mode::Streaming(under_way) => under_way.len() < self.window,
        }
    }

    /// Whether it sends ahead, without waiting for answers.
    #[must_use]
    pub const fn is_streaming(&self) -> bool {
        matches!(self.mode, Mode::Streaming(_))
    }

    /// A request that ends at `last` was sent.
    pub fn sent(&mut self, last: LogIndex) {
        match &mut self.mode {
            Mode::Probing { under_way } => *under_way += 1,
            Mode::Streaming(under_way) => {
                assert!(under_way.back().is_none_or(|&before| before < last), "sent in order");
                under_way.push_back(last);
            }
        }
    }

    /// Everything through `through` was accepted.
    pub fn accepted(&mut self, through: LogIndex) {
        match &mut self.mode {
            Mode::Probing { .. } => self.mode = Mode::Streaming(VecDeque::new()),
            Mode::Streaming(under_way) => {
                while under_way.front().is_some_and(|&last| last <= through) {
                    under_way.pop_front();
                }
            }
        }
    }

    /// A request was refused, or nothing is known any more: go back, one at a time.
    pub fn go_back(&mut self) {
        self.mode = Mode::Probing { under_way: 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streaming() -> RequestPipeline {
        let mut pipeline = RequestPipeline::new(3);
        pipeline.accepted(LogIndex(0));
        pipeline
    }

    #[test]
    fn a_probe_goes_alone() {
        let mut pipeline = RequestPipeline::new(3);
        assert!(pipeline.has_room());
        pipeline.sent(LogIndex(1));
        assert!(!pipeline.has_room());
        pipeline.accepted(LogIndex(1));
        assert!(pipeline.is_streaming());
    }

    #[test]
    fn the_window_is_never_exceeded_and_answers_are_cumulative() {
        let mut pipeline = streaming();
        for last in [1, 5, 9] {
            assert!(pipeline.has_room());
            pipeline.sent(LogIndex(last));
        }
        assert!(!pipeline.has_room());
        pipeline.accepted(LogIndex(5)); // frees the first two, though the first answer was lost
        pipeline.sent(LogIndex(10));
        assert!(pipeline.has_room());
        pipeline.sent(LogIndex(11));
        assert!(!pipeline.has_room());
    }

    #[test]
    fn a_refusal_goes_back_to_one_at_a_time() {
        let mut pipeline = streaming();
        pipeline.sent(LogIndex(1));
        pipeline.sent(LogIndex(2));
        pipeline.go_back();
        assert!(!pipeline.is_streaming());
        pipeline.sent(LogIndex(1));
        assert!(!pipeline.has_room());
    }
}
