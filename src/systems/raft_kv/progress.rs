//! What a leader knows of one follower.

use crate::kernel::ids::LogIndex;
use crate::kernel::time::LocalTime;
use crate::patterns::follower_reads::Round;
use crate::patterns::request_pipeline::RequestPipeline;
use crate::systems::raft_kv::messages::{AppendResult, Appended, Moment, Voice};

/// What a leader knows of one follower.
///
/// Invariant: `matched < next`.
#[derive(Debug)]
pub(super) struct Progress {
    /// The follower's log equals the leader's through here, durably.
    pub matched: LogIndex,
    /// What to send next.
    pub next: LogIndex,
    /// How it is sent.
    pub pipeline: RequestPipeline,
    /// Whether its word counts. It does until it says otherwise: an answer says it each time.
    pub voice: Voice,
    /// The last round that it answered.
    pub round: Round,
    /// A moment of the follower, and the first round that started after the leader heard of it.
    pub echo: Option<(Round, Moment)>,
    /// A moment of the follower after which the leader was proven to lead.
    pub newest_after: Option<Moment>,
    /// The snapshot that is under way, by its index, and since when.
    pub installing: Option<(LogIndex, LocalTime)>,
}

impl Progress {
    /// A follower of whom nothing is known; `next` is the optimistic guess (§5.3).
    pub fn new(next: LogIndex, window: usize) -> Self {
        Self {
            matched: LogIndex(0),
            next,
            pipeline: RequestPipeline::new(window),
            voice: Voice::Counts,
            round: Round(0),
            echo: None,
            newest_after: None,
            installing: None,
        }
    }

    /// The position that counts in decisions.
    pub fn counted(&self) -> LogIndex {
        if self.voice == Voice::Counts { self.matched } else { LogIndex(0) }
    }

    /// The round that counts as proof.
    pub fn proof(&self) -> Round {
        if self.voice == Voice::Counts { self.round } else { Round(0) }
    }

    /// The follower answered. `started` is the last round that the leader started.
    pub fn answered(&mut self, appended: Appended, started: Round) {
        if self.voice != appended.voice && appended.voice != Voice::Counts {
            self.forget(appended.voice);
        }
        self.voice = appended.voice;
        self.round = self.round.max(appended.round);
        self.echo.get_or_insert((started.next(), appended.moment));
        match appended.result {
            AppendResult::Matched(through) => self.matched(through),
            AppendResult::Mismatched { previous, may_agree } => {
                self.mismatched(previous, may_agree);
            }
            AppendResult::Stale => {}
        }
        assert!(self.matched < self.next, "what matched is not sent again");
    }

    fn matched(&mut self, through: LogIndex) {
        self.matched = self.matched.max(through);
        self.next = self.next.max(through.next());
        self.pipeline.accepted(through);
        if self.installing.is_some_and(|(index, _)| index <= through) {
            self.installing = None;
        }
    }

    /// Goes back, unless the answer is to a message that has been overtaken by a later one.
    fn mismatched(&mut self, previous: LogIndex, may_agree: LogIndex) {
        let overtaken = previous <= self.matched
            || previous >= self.next
            || (!self.pipeline.is_streaming() && previous.next() != self.next);
        if overtaken || self.installing.is_some() {
            return;
        }
        self.pipeline.go_back();
        self.next = may_agree.min(previous.previous()).max(self.matched).next();
    }

    /// The follower lost its disk: what it once had proves nothing about what it has.
    fn forget(&mut self, voice: Voice) {
        self.matched = LogIndex(0);
        self.installing = None;
        self.pipeline.go_back();
        self.voice = voice;
    }

    /// Rounds through `proven` were confirmed: whether the follower's moment of before is proof of freshness now.
    pub fn proven(&mut self, proven: Round) {
        if let Some((_, moment)) = self.echo.take_if(|(round, _)| *round <= proven) {
            self.newest_after = Some(moment);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::Generation;

    fn answer(result: AppendResult, voice: Voice) -> Appended {
        let moment = Moment { life: 1, at: LocalTime::from_nanos(5) };
        Appended { generation: Generation(1), round: Round(1), result, voice, moment }
    }

    fn at_20() -> Progress {
        let mut progress = Progress::new(LogIndex(21), 4);
        progress.answered(answer(AppendResult::Matched(LogIndex(20)), Voice::Counts), Round(1));
        progress
    }

    #[test]
    fn an_old_answer_takes_nothing_back() {
        let mut progress = at_20();
        progress.answered(answer(AppendResult::Matched(LogIndex(3)), Voice::Counts), Round(1));
        assert_eq!((progress.matched, progress.next), (LogIndex(20), LogIndex(21)));
        let late = AppendResult::Mismatched { previous: LogIndex(15), may_agree: LogIndex(2) };
        progress.answered(answer(late, Voice::Counts), Round(1));
        assert_eq!(progress.next, LogIndex(21));
    }

    #[test]
    fn a_refusal_goes_back_but_never_below_what_matched() {
        let mut progress = at_20();
        progress.next = LogIndex(31);
        let refused = AppendResult::Mismatched { previous: LogIndex(25), may_agree: LogIndex(10) };
        progress.answered(answer(refused, Voice::Counts), Round(1));
        assert_eq!(progress.next, LogIndex(21));
        assert!(!progress.pipeline.is_streaming());
    }

    #[test]
    fn a_follower_that_lost_its_disk_does_not_count_and_starts_over() {
        let mut progress = at_20();
        let lost = AppendResult::Mismatched { previous: LogIndex(20), may_agree: LogIndex(0) };
        progress.answered(answer(lost, Voice::Learns { life: 9 }), Round(1));
        assert_eq!((progress.matched, progress.next), (LogIndex(0), LogIndex(1)));
        progress.answered(
            answer(AppendResult::Matched(LogIndex(7)), Voice::Learns { life: 9 }),
            Round(2),
        );
        assert_eq!((progress.matched, progress.counted()), (LogIndex(7), LogIndex(0)));
        assert_eq!(progress.proof(), Round(0));
    }

    #[test]
    fn a_moment_is_proof_only_after_a_round_that_started_later() {
        let mut progress = at_20(); // answered while round 1 was the last that had started
        progress.proven(Round(1));
        assert_eq!(progress.newest_after, None);
        progress.proven(Round(2));
        assert!(progress.newest_after.is_some());
    }
}
