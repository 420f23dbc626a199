//! Elections: who leads next (§5.2, §5.4.1), without disturbing who leads now (dissertation §9.6).
//!
//! ```text
//!   silence            pre-vote              pre-vote won           vote won
//!  ---------> wait  -------------> ask, -------------------> ask, ------------> lead
//!                       ^   without changing anything    in a new generation,
//!                       |                                own vote durable first
//!                       +--- no majority answered: ask again, later and later
//! ```
//!
//! A pre-vote changes nothing anywhere: no generation, no disk. It is refused by whoever heard from a leader within the
//! least election timeout, so a node that comes back from isolation cannot depose a healthy leader; and a vote is refused
//! for the same reason. That alone could leave a node with a greater generation outside for ever (it refuses the leader,
//! and the others refuse it), so a leader that is told of a greater generation steps down, and the next election is above
//! it (the deadlock of pre-vote and check-quorum that raft-rs met).
//!
//! A node that finds no majority asks less and less often, up to four times its timeout, so a minority is nearly silent.

use std::time::Duration;

use crate::claim::Claim;
use crate::kernel::ids::{Generation, NodeId};
use crate::patterns::leader_and_followers::{Happening, Part};
use crate::patterns::majority_quorum::{Ballot, VoteResult};
use crate::systems::raft_kv::Timer;
use crate::systems::raft_kv::messages::{Answer, Canvass, Message, Vote};
use crate::systems::raft_kv::options::{Campaign, Watch};
use crate::systems::raft_kv::replica::{Ctx, Done, Replica};

/// The back-off doubles at most this often.
const DOUBLINGS_MAX: u32 = 2;

impl Replica {
    /// Sets or moves the timer that ends the patience with a silent leader.
    pub fn arm_election(&mut self, ctx: &mut Ctx<'_>) {
        if self.part != Part::Leading {
            let patience = self.patience(ctx);
            ctx.set_timer(Timer::Election, patience);
        }
    }

    /// At the founding of the cluster the node that is to lead first gets a head start; see
    /// [`first_leader`](crate::systems::raft_kv::options::RaftOptions::first_leader).
    pub fn arm_first_election(&mut self, ctx: &mut Ctx<'_>) {
        self.arm_election(ctx);
        let yields = self.options.first_leader.is_some_and(|first| first != self.me);
        if yields && ctx.is_first_start() && self.part != Part::Leading {
            let patience = self.patience(ctx) + self.options.election_timeout.1;
            ctx.set_timer(Timer::Election, patience);
        }
    }

    fn patience(&self, ctx: &mut Ctx<'_>) -> Duration {
        let factor = 1 << self.election.unanswered.min(DOUBLINGS_MAX);
        let (low, high) = self.options.election_timeout;
        (self.parts.patience)(ctx.random(), (low * factor, high * factor))
    }

    /// The leader was silent for too long, or nobody won an election in time.
    pub fn on_election_timeout(&mut self, ctx: &mut Ctx<'_>) -> Done {
        if (self.parts.watch)(self.journal.log.last()) == Watch::Waits {
            return Ok(());
        }
        self.part = self.part.after(Happening::Silence);
        self.announce(ctx);
        self.refuse_asked_reads(ctx);
        if !self.may_vote() {
            return Ok(());
        }
        self.back_off(ctx);
        match self.parts.campaign {
            Campaign::Probed => self.probe(ctx)?,
            Campaign::Direct => self.stand(ctx)?,
        }
        self.arm_election(ctx);
        Ok(())
    }

    /// Whether the last request for votes was answered by a majority decides how long to wait for the next.
    fn back_off(&mut self, ctx: &Ctx<'_>) {
        let asked_before = !self.election.ballots.is_empty();
        let answered = self.tally(ctx, |ballot| match ballot {
            Ballot::Missing => Ballot::Missing,
            Ballot::Granted | Ballot::Refused => Ballot::Granted,
        });
        match answered {
            VoteResult::Won => self.election.unanswered = 0,
            _ if asked_before => self.election.unanswered += 1,
            _ => {}
        }
    }

    fn tally(&self, ctx: &Ctx<'_>, read: impl Fn(Ballot) -> Ballot + Copy) -> VoteResult {
        let electorate = (self.parts.electorate)(self.configurations.current(), &self.reach(ctx));
        let ballots = &self.election.ballots;
        electorate.tally(|node| read(ballots.get(&node).copied().unwrap_or(Ballot::Missing)))
    }

    /// Asks whether a majority would vote for this node.
    fn probe(&mut self, ctx: &mut Ctx<'_>) -> Done {
        let generation = self.generation().next();
        self.canvass(&Message::PreVote(self.canvass_of(generation)), ctx);
        self.count_pre_votes(ctx)
    }

    /// Stands for election in a new generation. The own vote is durable before anybody is asked for theirs.
    fn stand(&mut self, ctx: &mut Ctx<'_>) -> Done {
        self.part = self.part.after(Happening::ProbeWon);
        assert_eq!(self.part, Part::Candidate, "who stands for election waited before");
        let generation = self.clock.advance();
        self.voted_for = Some(self.me);
        self.save_hard_state(ctx)?;
        self.announce(ctx);
        ctx.claim(Claim::Vote { generation, candidate: self.me });
        self.canvass(&Message::Vote(self.canvass_of(generation)), ctx);
        self.count_votes(ctx)
    }

    fn canvass_of(&self, generation: Generation) -> Canvass {
        Canvass { generation, last: self.journal.log.last() }
    }

    /// Begins to count: the own ballot, and a question to each other member.
    fn canvass(&mut self, message: &Message, ctx: &mut Ctx<'_>) {
        self.election.ballots.clear();
        self.election.ballots.insert(self.me, Ballot::Granted);
        for peer in self.configurations.current().members().filter(|&node| node != self.me) {
            self.monitor.expect(peer, ctx.now());
            ctx.send(peer, message.clone());
        }
    }

    /// Somebody asks whether this node would vote for them.
    pub fn on_pre_vote(&mut self, from: NodeId, canvass: Canvass, ctx: &mut Ctx<'_>) {
        self.monitor.heard(from, ctx.now());
        if !self.remembers() {
            return;
        }
        let grants = canvass.generation > self.generation()
            && !self.has_leader(ctx)
            && (self.parts.up_to_date)(canvass.last, self.journal.log.last());
        let answer = if grants {
            Answer { generation: canvass.generation, vote: Vote::Granted }
        } else {
            ctx.mark("raft.pre-vote-refused");
            Answer { generation: self.generation(), vote: Vote::Refused }
        };
        ctx.send(from, Message::PreVoteReply(answer));
    }

    /// A node that forgot what it promised gives no vote, whoever asks and whatever the configuration.
    const fn remembers(&self) -> bool {
        !matches!(self.part, Part::Learning(_))
    }

    /// Whether this node leads, or heard from its leader within the least election timeout.
    fn has_leader(&self, ctx: &Ctx<'_>) -> bool {
        let recently = self.options.election_timeout.0;
        match self.part {
            Part::Leading => true,
            Part::Following(leader) => self.monitor.heard_within(leader, recently, ctx.now()),
            Part::Waiting | Part::Candidate | Part::Learning(_) => false,
        }
    }

    /// Somebody answered whether they would vote for this node.
    pub fn on_pre_vote_reply(&mut self, from: NodeId, answer: Answer, ctx: &mut Ctx<'_>) -> Done {
        self.monitor.heard(from, ctx.now());
        let asked = self.generation().next();
        if answer.vote == Vote::Refused && answer.generation >= asked {
            return self.adopt(answer.generation, ctx);
        }
        let current = answer.vote == Vote::Refused || answer.generation == asked;
        if self.part == Part::Waiting && current && !self.election.ballots.is_empty() {
            self.election.ballots.insert(from, answer.vote.into());
            self.count_pre_votes(ctx)?;
        }
        Ok(())
    }

    fn count_pre_votes(&mut self, ctx: &mut Ctx<'_>) -> Done {
        if self.tally(ctx, |ballot| ballot) == VoteResult::Won {
            self.stand(ctx)?;
            self.arm_election(ctx);
        }
        Ok(())
    }

    /// Somebody asks for this node's vote.
    pub fn on_vote(&mut self, from: NodeId, canvass: Canvass, ctx: &mut Ctx<'_>) -> Done {
        self.monitor.heard(from, ctx.now());
        let disturbs = self.parts.campaign == Campaign::Probed && self.has_leader(ctx);
        if !self.remembers() || (disturbs && canvass.generation > self.generation()) {
            return Ok(());
        }
        if canvass.generation > self.generation() {
            self.enter(canvass.generation, ctx);
        }
        let generation = self.generation();
        let grants = canvass.generation == generation
            && self.voted_for.is_none_or(|candidate| candidate == from)
            && self.part == Part::Waiting
            && (self.parts.up_to_date)(canvass.last, self.journal.log.last());
        if grants {
            self.voted_for = Some(from);
        }
        self.save_hard_state(ctx)?;
        self.announce(ctx);
        let vote = if grants { Vote::Granted } else { Vote::Refused };
        if grants {
            ctx.claim(Claim::Vote { generation, candidate: from });
            self.arm_election(ctx);
        }
        ctx.send(from, Message::VoteReply(Answer { generation, vote }));
        Ok(())
    }

    /// Somebody answered to this node's request for their vote.
    pub fn on_vote_reply(&mut self, from: NodeId, answer: Answer, ctx: &mut Ctx<'_>) -> Done {
        self.monitor.heard(from, ctx.now());
        if answer.generation > self.generation() {
            return self.adopt(answer.generation, ctx);
        }
        if self.part == Part::Candidate && answer.generation == self.generation() {
            self.election.ballots.insert(from, answer.vote.into());
            self.count_votes(ctx)?;
        }
        Ok(())
    }

    fn count_votes(&mut self, ctx: &mut Ctx<'_>) -> Done {
        if self.tally(ctx, |ballot| ballot) == VoteResult::Won {
            self.lead(ctx)?;
        }
        Ok(())
    }

    /// Adopts a newer generation and steps down; durable when it returns.
    pub fn adopt(&mut self, generation: Generation, ctx: &mut Ctx<'_>) -> Done {
        self.enter(generation, ctx);
        self.save_hard_state(ctx)?;
        self.announce(ctx);
        Ok(())
    }

    /// Enters a newer generation, in memory: the caller makes it durable before it says anything.
    pub fn enter(&mut self, generation: Generation, ctx: &mut Ctx<'_>) {
        assert!(generation > self.generation(), "a generation is entered once");
        self.clock.observe(generation);
        self.voted_for = None;
        self.step_down(Happening::Deposed, ctx);
    }
}
