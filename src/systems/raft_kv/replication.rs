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
use crate::systems::raft_kv::progress::Progress;
use crate::systems::raft_kv::replica::{Ctx, Done, Replica};

/// Entries from an index on, for all followers that are equally far.
type Batch = Option<(LogIndex, Rc<[Entry<Payload>]>)>;

/// What to send to a follower next.
enum Want {
    /// Nothing but heartbeats: it has everything, or its window is full, or a snapshot is under way.
    Nothing,
    /// A snapshot: what it needs was discarded.
    Snapshot,
    /// Entries from here on.
    Entries(LogIndex),
}

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

    /// Sends entries to one follower until its window is full or it has them all, or a snapshot if it needs what was
    /// discarded. Returns how many messages it took.
    fn send_entries(&mut self, to: NodeId, shared: &mut Batch, ctx: &mut Ctx<'_>) -> usize {
        let mut sent = 0;
        loop {
            match self.want_of(to) {
                Want::Nothing => return sent,
                Want::Snapshot => self.send_snapshot(to, ctx),
                Want::Entries(next) => {
                    let entries = self.entries_from(next, shared);
                    self.send_append(to, entries, ctx);
                }
            }
            sent += 1;
        }
    }

    fn want_of(&self, to: NodeId) -> Want {
        let Some(leading) = &self.leading else { return Want::Nothing };
        let Some(progress) = leading.progress.get(&to) else { return Want::Nothing };
        let log = &self.journal.log;
        if progress.installing.is_some() {
            Want::Nothing
        } else if log.position(progress.next.previous()).is_none() {
            Want::Snapshot
        } else if progress.next <= log.last_index() && progress.pipeline.has_room() {
            Want::Entries(progress.next)
        } else {
            Want::Nothing
        }
    }

    fn entries_from(&self, next: LogIndex, shared: &mut Batch) -> Rc<[Entry<Payload>]> {
        if let Some((from, entries)) = shared
            && *from == next
        {
            return Rc::clone(entries);
        }
        let count = self.options.batch_max;
        let entries: Rc<[_]> = self.journal.log.from(next, count).cloned().collect();
        *shared = Some((next, Rc::clone(&entries)));
        entries
    }

    /// Sends these entries, which follow what was sent before; none make a heartbeat.
    fn send_append(&mut self, to: NodeId, entries: Rc<[Entry<Payload>]>, ctx: &mut Ctx<'_>) {
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
                self.send_append(peer, Rc::from([]), ctx);
            }
        }
        self.advance_proof(ctx)
    }

    /// A probe or a snapshot whose answer was lost is sent again.
    fn resume(&mut self, peer: NodeId, ctx: &Ctx<'_>) {
        let patience = self.options.election_timeout.1 * 2;
        let Some(leading) = &mut self.leading else { return };
        let Some(progress) = leading.progress.get_mut(&peer) else { return };
        if !progress.pipeline.is_streaming() {
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
            leading.progress.get(&node).map_or(LogIndex(0), Progress::counted)
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
