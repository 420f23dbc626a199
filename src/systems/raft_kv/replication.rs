//! Replication, the leader's side: what to send to whom, and what is committed (§5.3, §5.4.2).
//!
//! To a follower whose log is known to match, messages are sent ahead, a window of them, each on the optimistic
//! assumption that the one before arrives (dissertation §10.2.1). A follower refuses what has a gap before it; then the
//! leader goes back and probes, one message at a time, until the logs match again. Each message carries the commit index
//! and the last round of proof, so neither costs messages of its own.

use std::rc::Rc;

use crate::claim::Claim;
use crate::kernel::ids::{LogIndex, NodeId};
use crate::patterns::generation_clock::Seen;
use crate::patterns::replicated_log::Entry;
use crate::systems::raft_kv::commands::{Command, Payload};
use crate::systems::raft_kv::leading::Proposal;
use crate::systems::raft_kv::messages::{Append, Appended, Message, Voice};
use crate::systems::raft_kv::replica::{Ctx, Done, Replica};

/// Entries from an index on, for all followers that are equally far.
type Batch = Option<(LogIndex, Rc<[Entry<Payload>]>)>;

impl Replica {
    /// Sends what the followers do not have yet, as far as their windows allow.
    pub fn replicate(&mut self, ctx: &mut Ctx<'_>) {
        let Some(leading) = &self.leading else { return };
        let peers: Vec<NodeId> = leading.progress.keys().copied().collect();
        let mut shared = None;
        for peer in peers {
            self.send_entries(peer, &mut shared, ctx);
        }
    }

    /// Sends entries to one follower until its window is full or it has them all. Returns how many messages it took.
    fn send_entries(&mut self, to: NodeId, shared: &mut Batch, ctx: &mut Ctx<'_>) -> usize {
        let mut sent = 0;
        while self.wants_entries(to) {
            sent += 1;
            if !self.send_append(to, shared, ctx) {
                break;
            }
        }
        sent
    }

    fn wants_entries(&self, to: NodeId) -> bool {
        let last = self.journal.log.last_index();
        self.leading.as_ref().and_then(|leading| leading.progress.get(&to)).is_some_and(
            |progress| {
                progress.next <= last
                    && progress.installing.is_none()
                    && progress.pipeline.has_room()
            },
        )
    }

    /// Sends the next entries, or a snapshot if they were discarded. Returns whether it was entries.
    fn send_append(&mut self, to: NodeId, shared: &mut Batch, ctx: &mut Ctx<'_>) -> bool {
        let Some(next) = self.leading.as_ref().and_then(|l| l.progress.get(&to)).map(|p| p.next)
        else {
            return false;
        };
        if self.journal.log.position(next.previous()).is_none() {
            self.send_snapshot(to, ctx);
            return false;
        }
        let entries = match shared {
            Some((from, entries)) if *from == next => Rc::clone(entries),
            _ => {
                let entries: Rc<[_]> =
                    self.journal.log.from(next, self.options.batch_max).cloned().collect();
                *shared = Some((next, Rc::clone(&entries)));
                entries
            }
        };
        self.send_append_with(to, entries, ctx);
        true
    }

    /// Sends these entries, which follow what was sent before; none make a heartbeat.
    fn send_append_with(&mut self, to: NodeId, entries: Rc<[Entry<Payload>]>, ctx: &mut Ctx<'_>) {
        let (generation, commit) = (self.clock.current(), self.mark.get());
        let Some(leading) = &mut self.leading else { return };
        let Some(progress) = leading.progress.get_mut(&to) else { return };
        let log = &self.journal.log;
        let previous = log.position(progress.next.previous()).unwrap_or(log.base());
        if !entries.is_empty() {
            let last = LogIndex(previous.index.0 + entries.len() as u64);
            progress.pipeline.sent(last);
            if progress.pipeline.is_streaming() {
                progress.next = last.next();
            }
        }
        let (round, newest_after) = (leading.round, progress.newest_after);
        let append = Append { generation, round, previous, entries, commit, newest_after };
        self.monitor.expect(to, ctx.now());
        ctx.send(to, Message::Append(append));
    }

    /// Speaks to every follower in a new round of proof: with entries where there are some to send, else without.
    pub fn start_round(&mut self, ctx: &mut Ctx<'_>) -> Done {
        let Some(leading) = &mut self.leading else { return Ok(()) };
        leading.round = leading.round.next();
        leading.round_starts.push_back((leading.round, ctx.now()));
        let peers: Vec<NodeId> = leading.progress.keys().copied().collect();
        let mut shared = None;
        for peer in peers {
            self.resume(peer, ctx);
            if self.send_entries(peer, &mut shared, ctx) == 0 {
                self.send_append_with(peer, Rc::from([]), ctx);
            }
        }
        self.advance_proof(ctx)
    }

    /// A probe or a snapshot whose answer was lost is sent again. A follower to whom a whole window was lost, and what
    /// it needs has been discarded since, cannot refuse anything that would take the leader back: it is probed too, which
    /// sends it the snapshot.
    fn resume(&mut self, peer: NodeId, ctx: &Ctx<'_>) {
        let patience = self.options.election_timeout.1 * 2;
        let Some(leading) = &mut self.leading else { return };
        let Some(progress) = leading.progress.get_mut(&peer) else { return };
        let discarded = self.journal.log.position(progress.next.previous()).is_none();
        if !progress.pipeline.is_streaming() || discarded {
            progress.pipeline.go_back();
        }
        progress.installing.take_if(|(_, since)| ctx.now().since(*since) > patience);
    }

    /// A follower answered.
    pub fn on_appended(&mut self, from: NodeId, appended: Appended, ctx: &mut Ctx<'_>) -> Done {
        match (self.parts.fence)(self.generation(), appended.generation) {
            Seen::Newer => return self.adopt(appended.generation, ctx),
            Seen::Stale => return Ok(()),
            Seen::Current => {}
        }
        self.monitor.heard(from, ctx.now());
        let Some(leading) = &mut self.leading else { return Ok(()) };
        let Some(progress) = leading.progress.get_mut(&from) else { return Ok(()) };
        progress.answered(appended, leading.round);
        if let Voice::Learns { life } = appended.voice {
            self.propose_readmission(from, life, ctx)?;
        }
        self.send_entries(from, &mut None, ctx);
        self.advance_commit(ctx)?;
        self.advance_proof(ctx)?;
        self.advance_change(ctx)
    }

    /// Commits what a majority has durably (§5.3), if the last of it is of this generation (§5.4.2): an entry of an
    /// older one may be on a majority and still be overwritten (fig. 8), and is committed by the entry after it.
    pub fn advance_commit(&mut self, ctx: &mut Ctx<'_>) -> Done {
        let Some(leading) = &self.leading else { return Ok(()) };
        let own = self.journal.durable();
        let has = |node| {
            if node == self.me {
                return own;
            }
            leading.progress.get(&node).map_or(LogIndex(0), |progress| progress.counted())
        };
        let electorate = (self.parts.electorate)(self.configurations.current(), &self.reach(ctx));
        let Some(decided) = electorate.decided(has) else { return Ok(()) };
        let decided = decided.min(self.journal.log.last_index());
        let Some(generation) = self.journal.log.generation_at(decided) else { return Ok(()) };
        if !(self.parts.commits)(generation, self.generation()) {
            return Ok(());
        }
        if let Some(index) = self.mark.advance(decided) {
            ctx.claim(Claim::Commit { index });
            self.apply_committed(ctx)?;
        }
        Ok(())
    }

    /// Appends a command that no client waits for.
    pub fn propose_own(&mut self, command: Command, ctx: &mut Ctx<'_>) -> Done {
        self.append_own(vec![Proposal { command, client: None }], ctx)
    }
}
