//! Snapshots (§7): the state machine instead of the log that led to it.

use std::rc::Rc;

use crate::claim::Claim;
use crate::kernel::ids::{LogIndex, NodeId};
use crate::patterns::generation_clock::Seen;
use crate::patterns::replicated_log::Position;
use crate::systems::raft_kv::messages::{AppendResult, Install, Message};
use crate::systems::raft_kv::replica::{Ctx, Done, Replica};
use crate::systems::raft_kv::state_machine::StateMachine;
use crate::systems::storage::Snapshot;

impl Replica {
    /// The last index that the newest snapshot covers.
    fn snapshot_index(&self) -> LogIndex {
        self.snapshot.as_ref().map_or(LogIndex(0), |snapshot| snapshot.index)
    }

    /// Takes a snapshot if enough was applied since the last one, and lets go of the log before it.
    pub fn take_snapshot_if_due(&mut self, ctx: &mut Ctx<'_>) -> Done {
        let index = self.applied;
        if index.0 - self.snapshot_index().0 < self.options.snapshot_every {
            return Ok(());
        }
        let Some(generation) = self.journal.log.generation_at(index) else { return Ok(()) };
        let snapshot = Snapshot { index, generation, body: self.state.encode().into() };
        self.journal.save_snapshot(&snapshot, self.options.log_kept, ctx)?;
        ctx.claim(Claim::Snapshot { index, generation, state: self.state.digest() });
        self.configurations.settle(index, self.state.configuration());
        self.snapshot = Some(snapshot);
        Ok(())
    }

    /// Sends the newest snapshot to a follower that needs entries which were discarded.
    pub fn send_snapshot(&mut self, to: NodeId, ctx: &mut Ctx<'_>) {
        let generation = self.generation();
        let snapshot = self.snapshot.as_ref().expect("a log is discarded only behind a snapshot");
        let Some(leading) = &mut self.leading else { return };
        let Some(progress) = leading.progress.get_mut(&to) else { return };
        let position = Position { generation: snapshot.generation, index: snapshot.index };
        progress.pipeline.go_back();
        progress.installing = Some((position.index, ctx.now()));
        let (round, body) = (leading.round, Rc::clone(&snapshot.body));
        self.monitor.expect(to, ctx.now());
        ctx.send(to, Message::Install(Install { generation, round, position, body }));
    }

    /// A leader sent a snapshot.
    pub fn on_install(&mut self, from: NodeId, install: Install, ctx: &mut Ctx<'_>) -> Done {
        let Install { generation, round, position, body } = install;
        if (self.parts.fence)(self.generation(), generation) == Seen::Stale {
            self.answer(from, (round, AppendResult::Stale), ctx);
            return Ok(());
        }
        self.follow(from, generation, ctx)?;
        if position.index > self.mark.get() {
            let state = StateMachine::decode(&body).expect("a leader's snapshot is whole");
            let (index, generation) = (position.index, position.generation);
            self.restore(Snapshot { index, generation, body }, state, ctx)?;
        } else {
            self.journal.make_durable(position.index, ctx)?;
        }
        self.answer(from, (round, AppendResult::Matched(position.index)), ctx);
        self.apply_committed(ctx)
    }

    /// Puts a snapshot in the place of the state, and of the log as far as it disagrees.
    fn restore(&mut self, snapshot: Snapshot, state: StateMachine, ctx: &mut Ctx<'_>) -> Done {
        let Snapshot { index, generation, .. } = snapshot;
        self.journal.install_snapshot(&snapshot, self.mark.get(), ctx)?;
        ctx.mark("raft.snapshot-installed");
        ctx.claim(Claim::Snapshot { index, generation, state: state.digest() });
        if self.journal.log.last_index() == index {
            self.configurations.truncate_from(index.next());
        }
        self.configurations.settle(index, state.configuration());
        self.mark.advance(index);
        self.applied = index;
        self.state = state;
        self.snapshot = Some(snapshot);
        Ok(())
    }
}
