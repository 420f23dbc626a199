//! The log of a node in memory and on its disk, and what is claimed about it.
//!
//! Claims that promise (`Durable`, `Snapshot`) are made after the disk operation that makes them true; claims that
//! announce or give up (`Append`, `Truncate`) before the one that carries them out. So whichever disk operation power
//! fails in, the disk has all that was promised and nothing that was never mentioned.

use std::rc::Rc;

use crate::claim::Claim;
use crate::kernel::ids::{Generation, LogIndex};
use crate::node::context::Context;
use crate::node::disk::{DiskError, DiskTicket};
use crate::patterns::replicated_log::{Accepted, Entry, Position, ReplicatedLog};
use crate::systems::raft_kv::RaftKv;
use crate::systems::raft_kv::commands::Payload;
use crate::systems::storage::{HardState, Record, Snapshot, Storage};

/// The kind of the records that hold entries.
const ENTRY: u8 = 1;

/// A log, in memory and on disk.
///
/// Invariant: `durable <= log.last_index()`, but for an ablated disk.
#[derive(Debug)]
pub struct Journal {
    /// The log.
    pub log: ReplicatedLog<Payload>,
    storage: Storage,
    durable: LogIndex,
    /// The sync in the background, and through which index it will have made the log durable. `None` for the index: the
    /// log was truncated meanwhile, and the sync proves nothing any more.
    syncing: Option<(DiskTicket, Option<LogIndex>)>,
}

impl Journal {
    /// The journal of a log that was read from its disk: all of it is durable.
    #[must_use]
    pub fn new(log: ReplicatedLog<Payload>, storage: Storage) -> Self {
        let durable = log.last_index();
        Self { log, storage, durable, syncing: None }
    }

    /// Through which index the log is durable.
    #[must_use]
    pub const fn durable(&self) -> LogIndex {
        self.durable
    }

    /// Whether a sync in the background is under way.
    #[must_use]
    pub const fn is_syncing(&self) -> bool {
        self.syncing.is_some()
    }

    /// Appends a leader's own entries. They are not durable yet.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn append(
        &mut self,
        generation: Generation,
        payloads: impl IntoIterator<Item = Payload>,
        ctx: &mut Context<'_, RaftKv>,
    ) -> Result<(), DiskError> {
        let from = self.log.last_index().next();
        for payload in payloads {
            self.log.append(generation, payload);
        }
        self.store_from(from, ctx)
    }

    /// Takes a leader's entries after a position that this log has. They are not durable yet; a truncation is.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn accept(
        &mut self,
        previous: Position,
        entries: &[Entry<Payload>],
        ctx: &mut Context<'_, RaftKv>,
    ) -> Result<Accepted, DiskError> {
        let accepted = self.log.accept(previous, entries);
        if let Some(from) = accepted.truncated_from {
            ctx.claim(Claim::Truncate { from });
            ctx.mark("raft.conflict-truncated");
            self.durable = self.durable.min(from.previous());
            if let Some((_, covered)) = &mut self.syncing {
                *covered = None;
            }
            self.storage.truncate_from(&mut ctx.disk(), from)?;
        }
        self.store_from(accepted.new_from, ctx)?;
        Ok(accepted)
    }

    fn store_from(
        &mut self,
        from: LogIndex,
        ctx: &mut Context<'_, RaftKv>,
    ) -> Result<(), DiskError> {
        let mut records = Vec::new();
        for (place, entry) in self.log.from(from, usize::MAX).enumerate() {
            let index = LogIndex(from.0 + place as u64);
            let (generation, payload) = (entry.generation, Rc::clone(entry.command.bytes()));
            ctx.claim(Claim::Append { index, generation, digest: entry.command.digest() });
            records.push(Record { kind: ENTRY, generation, index, payload });
        }
        if records.is_empty() {
            return Ok(());
        }
        self.storage.append(&mut ctx.disk(), &records)
    }

    /// Makes the log durable through `through`, and waits for it.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn make_durable(
        &mut self,
        through: LogIndex,
        ctx: &mut Context<'_, RaftKv>,
    ) -> Result<(), DiskError> {
        if self.durable >= through {
            return Ok(());
        }
        self.storage.sync(&mut ctx.disk())?;
        self.durable_through(self.log.last_index(), ctx);
        Ok(())
    }

    /// Starts to make the whole log durable, if that is not under way.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn start_sync(&mut self, ctx: &mut Context<'_, RaftKv>) -> Result<(), DiskError> {
        let last = self.log.last_index();
        if self.syncing.is_some() || self.durable >= last {
            return Ok(());
        }
        match self.storage.start_sync(&mut ctx.disk())? {
            Some(ticket) => self.syncing = Some((ticket, Some(last))),
            None => self.durable_through(last, ctx),
        }
        Ok(())
    }

    /// A sync in the background ended.
    ///
    /// # Errors
    /// The result: a sync that failed proves that nothing can be relied on any more.
    pub fn sync_ended(
        &mut self,
        ticket: DiskTicket,
        result: Result<(), DiskError>,
        ctx: &mut Context<'_, RaftKv>,
    ) -> Result<(), DiskError> {
        self.storage.sync_ended(ticket, result)?;
        let ended = self.syncing.take_if(|(known, _)| *known == ticket);
        if let Some((_, Some(covered))) = ended {
            self.durable_through(covered, ctx);
        }
        Ok(())
    }

    fn durable_through(&mut self, index: LogIndex, ctx: &mut Context<'_, RaftKv>) {
        if index > self.durable {
            self.durable = index;
            ctx.claim(Claim::Durable { index });
        }
    }

    /// Saves generation, vote and standing, durably.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn save_hard_state(
        &mut self,
        hard_state: HardState,
        ctx: &mut Context<'_, RaftKv>,
    ) -> Result<(), DiskError> {
        if hard_state == self.storage.hard_state() {
            return Ok(());
        }
        self.storage.save_hard_state(&mut ctx.disk(), hard_state)
    }

    /// Saves a snapshot of the node's own state and lets go of the log before it, but for `kept` entries.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn save_snapshot(
        &mut self,
        snapshot: &Snapshot,
        kept: u64,
        ctx: &mut Context<'_, RaftKv>,
    ) -> Result<(), DiskError> {
        self.make_durable(snapshot.index, ctx)?;
        self.storage.save_snapshot(&mut ctx.disk(), snapshot)?;
        let through = LogIndex(snapshot.index.0.saturating_sub(kept));
        if through > self.log.base().index {
            self.log.discard_through(through);
            self.storage.discard_through(&mut ctx.disk(), through)?;
        }
        Ok(())
    }

    /// Installs another node's snapshot. What of the log agrees with it stays; otherwise the log begins anew after it.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn install_snapshot(
        &mut self,
        snapshot: &Snapshot,
        committed: LogIndex,
        ctx: &mut Context<'_, RaftKv>,
    ) -> Result<(), DiskError> {
        let agrees = self.log.generation_at(snapshot.index) == Some(snapshot.generation);
        if agrees {
            self.make_durable(snapshot.index, ctx)?;
        } else {
            if self.log.last_index() > committed {
                ctx.claim(Claim::Truncate { from: committed.next() });
            }
            self.syncing = self.syncing.map(|(ticket, _)| (ticket, None));
        }
        self.storage.install_snapshot(&mut ctx.disk(), snapshot)?;
        if !agrees {
            let base = Position { generation: snapshot.generation, index: snapshot.index };
            self.log = ReplicatedLog::after(base);
            self.durable = snapshot.index;
        }
        Ok(())
    }

    /// Begins an empty log without standing, durably: what this node knew is lost.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn reset(storage: Storage, ctx: &mut Context<'_, RaftKv>) -> Result<Self, DiskError> {
        let mut journal = Self::new(ReplicatedLog::default(), storage);
        journal.storage.reset(&mut ctx.disk())?;
        Ok(journal)
    }

    /// Writes back what an ablated disk has only cached.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn flush(&mut self, ctx: &mut Context<'_, RaftKv>) -> Result<(), DiskError> {
        self.storage.flush(&mut ctx.disk())
    }
}
