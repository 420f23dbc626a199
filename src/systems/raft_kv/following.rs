//! Replication, the follower's side (§5.3).
//!
//! A follower syncs before it answers. It answers with what the message *verified*, never with its own last index: what
//! lies beyond may be the tail of an older leader.

use crate::claim::Claim;
use crate::kernel::ids::{Generation, LogIndex, NodeId};
use crate::patterns::follower_reads::Round;
use crate::patterns::generation_clock::Seen;
use crate::patterns::leader_and_followers::{Happening, Part};
use crate::systems::raft_kv::commands::Command;
use crate::systems::raft_kv::messages::{Append, AppendResult, Appended, Message};
use crate::systems::raft_kv::replica::{Ctx, Done, Replica};

impl Replica {
    /// A leader sent entries, or a heartbeat.
    pub fn on_append(&mut self, from: NodeId, append: &Append, ctx: &mut Ctx<'_>) -> Done {
        if (self.parts.fence)(self.generation(), append.generation) == Seen::Stale {
            self.answer(from, (append.round, AppendResult::Stale), ctx);
            return Ok(());
        }
        self.follow(from, append.generation, ctx)?;
        if let Err(mismatch) = (self.parts.previous)(&self.journal.log, append.previous) {
            let (previous, may_agree) = (append.previous.index, mismatch.may_agree);
            let result = AppendResult::Mismatched { previous, may_agree };
            self.answer(from, (append.round, result), ctx);
            return Ok(());
        }
        let verified = self.accept(append, ctx)?;
        self.answer(from, (append.round, AppendResult::Matched(verified)), ctx);
        if let Some(index) = self.mark.learn(append.commit, verified) {
            ctx.claim(Claim::Commit { index });
            self.apply_committed(ctx)?;
        }
        self.note_freshness(append);
        Ok(())
    }

    /// Takes the entries, durably; returns the index through which they prove this log to be the leader's.
    fn accept(
        &mut self,
        append: &Append,
        ctx: &mut Ctx<'_>,
    ) -> Result<LogIndex, crate::node::disk::DiskError> {
        let accepted = self.journal.accept(append.previous, &append.entries, ctx)?;
        if let Some(from) = accepted.truncated_from {
            self.configurations.truncate_from(from);
        }
        let first = append.previous.index.next();
        for (place, entry) in append.entries.iter().enumerate() {
            let index = LogIndex(first.0 + place as u64);
            if let Command::Configure(configuration) = entry.command.command()
                && index >= accepted.new_from
            {
                self.configurations.enter(index, configuration.clone());
            }
        }
        self.journal.make_durable(accepted.verified, ctx)?;
        Ok(accepted.verified)
    }

    /// Follows the leader of this generation; the generation is durable when it returns.
    pub fn follow(&mut self, leader: NodeId, generation: Generation, ctx: &mut Ctx<'_>) -> Done {
        if generation > self.generation() {
            self.enter(generation, ctx);
        }
        if self.part == Part::Leading || self.part == Part::Candidate {
            self.step_down(Happening::Deposed, ctx);
        }
        self.part = self.part.after(Happening::LeaderSpoke(leader));
        self.save_hard_state(ctx)?;
        self.announce(ctx);
        self.monitor.heard(leader, ctx.now());
        self.election.ballots.clear();
        self.election.unanswered = 0;
        self.arm_election(ctx);
        Ok(())
    }

    /// Answers a leader.
    pub fn answer(&self, leader: NodeId, answer: (Round, AppendResult), ctx: &mut Ctx<'_>) {
        let (round, result) = answer;
        let (generation, voice, moment) = (self.generation(), self.voice(), self.moment(ctx));
        let appended = Appended { generation, round, result, voice, moment };
        ctx.send(leader, Message::Appended(appended));
    }
}
