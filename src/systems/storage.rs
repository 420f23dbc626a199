//! What a replica must not forget: its hard state, its log and its snapshot, on one disk.
//!
//! Why this file is long: half of it is the data that its owner sees and the promises about it, which belong side by side;
//! the work is in the files below.
//!
//! The store is made of three patterns: [`write_ahead_log`](crate::patterns::write_ahead_log) says which
//! bytes count, [`segmented_log`](crate::patterns::segmented_log) how the files hang together,
//! [`low_water_mark`](crate::patterns::low_water_mark) what may go. They are pure; here, and only here, is
//! the disk.
//!
//! ```text
//! <directory>/superblock                     hard state, id and origin of the log, in alternating places
//! <directory>/00000000000000000001.log ...   segments: a header sector, then records
//! <directory>/snapshot-00000000000000000042  the state machine through index 42
//! <directory>/snapshot.partial               the next snapshot while it is written
//! ```
//!
//! # What may be relied on
//!
//! - [`sync`](Storage::sync), [`save_hard_state`](Storage::save_hard_state),
//!   [`save_snapshot`](Storage::save_snapshot), [`install_snapshot`](Storage::install_snapshot),
//!   [`truncate_from`](Storage::truncate_from) and [`reset`](Storage::reset) are durable when they return.
//!   Power may fail between any two disk operations of theirs: then [`open`](Storage::open) finds the state
//!   before or the state after, or finishes what was begun.
//! - What `open` returns is durable. After the crash of a process the files show what the operating system
//!   cached; a vote or a record that was read from there and answered for, and then lost with the power,
//!   would be a broken promise.
//! - Every change of the log as a whole (a fresh log, a log that a snapshot replaces) is one write of the
//!   superblock, which names the log by a fresh id. What belongs to another id does not count.
//!
//! # When a disk operation fails
//!
//! After a failed sync nobody knows which pages reached the disk, and the operating system may have marked
//! them clean: a second sync that succeeds proves nothing (Rebello et al., *Can Applications Recover from
//! fsync Failures?*, USENIX ATC 2020). So the store remembers the failure and refuses all further work with
//! the same error; its owner stops the node. The exceptions are `Full` and `Write` from
//! [`append`](Storage::append), which leave the log as it was before the records that did not fit, and from a
//! snapshot that could not be written, which leave the snapshot before.

mod log;
mod recovery;
mod renewal;
mod snapshots;
mod superblock;

use std::rc::Rc;

use crate::kernel::ids::{Generation, LogIndex, NodeId};
use crate::node::Node;
use crate::node::context::{Context, Disk};
use crate::node::disk::{DiskError, DiskTicket};
use crate::patterns::low_water_mark::{Boundary, LowWaterMark};
use crate::systems::storage::log::Log;
use crate::systems::storage::superblock::SuperblockFile;

/// The torn tail of an append that was never synced was cut.
pub const MARK_TORN_TAIL_CUT: &str = "wal.torn-tail-cut";
/// A power failure kept a record that was never synced, although it lost one before it.
pub const MARK_UNSYNCED_SURVIVED: &str = "wal.unsynced-survived";
/// The log went on in a new segment.
pub const MARK_SEGMENT_ROLLED: &str = "wal.segment-rolled";
/// A segment that nobody needs was removed.
pub const MARK_SEGMENT_DISCARDED: &str = "wal.segment-discarded";
/// A snapshot of another node replaced the log or its beginning.
pub const MARK_SNAPSHOT_INSTALLED: &str = "snapshot.installed";
/// A node does not know what it promised.
pub const MARK_AMNESIA: &str = "storage.amnesia";
/// A node found that its disk lost what was durable.
pub const MARK_DAMAGE_FOUND: &str = "storage.damage-found";

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What the payload is; the store does not care.
    pub kind: u8,
    /// The generation in which the entry was created; it does not decrease along the log.
    pub generation: Generation,
    /// Its place; one more than that of the record before.
    pub index: LogIndex,
    /// The content. Shared, so that a leader encodes an entry once for its disk and all its followers.
    pub payload: Rc<[u8]>,
}

/// Whether a replica may vote and acknowledge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It remembers all that it ever promised.
    #[default]
    Full,
    /// It lost its memory, or a part of it, and the others have not re-admitted it yet.
    Rejoining,
}

/// What a replica promised besides its log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardState {
    /// The greatest generation that it knows of.
    pub generation: Generation,
    /// Who got its vote in that generation.
    pub voted_for: Option<NodeId>,
    /// Whether its word counts. [`Storage::reset`] takes it away, durably; its owner gives it back by saving
    /// [`Standing::Full`], when the others have re-admitted it.
    pub standing: Standing,
}

/// The state machine after one entry, as its owner encoded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last entry that it covers.
    pub index: LogIndex,
    /// The generation of that entry.
    pub generation: Generation,
    /// The state, with everything that belongs to it: sessions, membership.
    pub body: Rc<[u8]>,
}

/// When a write is passed on to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WritePolicy {
    /// At each sync, which returns when it is durable.
    #[default]
    Through,
    /// Later, when the owner's timer calls [`Storage::flush`]: a sync returns at once, and its caller
    /// believes it. What an engineer writes who trusts the page cache.
    Back,
}

/// Which segments may be discarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiscardRule {
    /// Those that a durable snapshot covers and nobody holds.
    #[default]
    LowWaterMark,
    /// Those that the caller names, as a retention by age or size would.
    AsAsked,
}

/// How a store works, as plain data. The defaults are sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageOptions {
    /// The directory that the store has for itself, in the root of the disk.
    pub directory: String,
    /// How many bytes a segment of the log may have.
    pub segment_bytes: u64,
    /// When records become durable.
    pub log: WritePolicy,
    /// When the hard state becomes durable.
    pub hard_state: WritePolicy,
    /// Which part of the log may be discarded.
    pub discard: DiscardRule,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self {
            directory: "data".to_owned(),
            segment_bytes: 64 << 10,
            log: WritePolicy::default(),
            hard_state: WritePolicy::default(),
            discard: DiscardRule::default(),
        }
    }
}

/// How a life of a node begins, as far as its store must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The operator starts the node for the first time, on a disk that was never used.
    pub is_first: bool,
    /// Random bits of this life, from which fresh logs get their ids.
    pub entropy: u128,
    /// Whether what cannot be read may be read later.
    pub patience: Patience,
}

/// What an error of a read means while a store is opened. Nobody can tell a disk that is unwell for a while from one that
/// has lost a sector for ever; but to give up what the disk promised cannot be undone, so it comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It may pass: [`open`](Storage::open) changes nothing, returns the error, and is called again later.
    Left,
    /// It was tried for long enough: what cannot be read is lost.
    Spent,
}

impl Start {
    /// How the life begins that this handler is a part of.
    pub fn of<N: Node>(ctx: &mut Context<'_, N>, patience: Patience) -> Self {
        let (high, low) = (ctx.random().word(), ctx.random().word());
        let entropy = u128::from(high) << 64 | u128::from(low);
        Self { is_first: ctx.is_first_start(), entropy, patience }
    }
}

/// What a node may believe of what its disk kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Everything that it was ever told is durable.
    Sound,
    /// Everything that it was told since its reset is durable, but the others have not re-admitted it yet: it goes on to
    /// catch up where it was.
    Rejoining,
    /// It does not know what it promised: it must not vote or acknowledge before the others re-admit it. The store must
    /// be [`reset`](Storage::reset) before it is used.
    Amnesia(&'static str),
    /// Durable records are gone: as above, and [`Storage::reset`] must come before any other use of the
    /// store.
    Damaged(&'static str),
}

/// What a disk kept.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub storage: Storage,
    /// The hard state; the default, but `Rejoining`, if none is known.
    pub hard_state: HardState,
    /// The newest snapshot.
    pub snapshot: Option<Snapshot>,
    /// The last discarded entry: the first record follows it.
    pub boundary: Boundary,
    /// The log, from the boundary on; it may begin before the end of the snapshot.
    pub records: Vec<Record>,
    /// Whether this is all. If it is not, snapshot and records may be missing.
    pub condition: Condition,
}

/// The durable part of a replica.
#[derive(Debug)]
pub struct Storage {
    options: StorageOptions,
    start: Start,
    logs_begun: u128,
    superblock: Option<SuperblockFile>,
    /// `None` while it must not be used: before the reset of a lost or damaged disk.
    log: Option<Log>,
    snapshot: Boundary,
    low_water_mark: LowWaterMark,
    failed: Option<DiskError>,
}

impl Storage {
    /// Opens the store, in the order of recovery: hard state, snapshot, log; then makes durable what it
    /// found. A disk that was never used is furnished at the first start.
    ///
    /// # Errors
    /// Those of the disk. A file that cannot be read is damage, not an error, unless it is the hard state.
    pub fn open<N: Node>(
        disk: &mut Disk<'_, N>,
        options: StorageOptions,
        start: Start,
    ) -> Result<Opened, DiskError> {
        recovery::open(disk, options, start)
    }

    /// Appends records to the log, in the cache. They are answered for only after a sync.
    ///
    /// # Errors
    /// `Full`, `Write`: some of the first records may be in the log, see [`last_index`](Self::last_index);
    /// the caller may go on. `Sync` from a roll to the next segment: see the module.
    ///
    /// # Panics
    /// If a record does not follow the one before.
    pub fn append<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
        records: &[Record],
    ) -> Result<(), DiskError> {
        self.refuse_if_failed()?;
        let result = self.log_mut().append(disk, records);
        match result {
            Err(DiskError::Full | DiskError::Write) => result,
            _ => self.remember(result),
        }
    }

    /// Makes everything appended so far durable.
    ///
    /// # Errors
    /// `Sync`: the owner must stop the node, see the module.
    pub fn sync<N: Node>(&mut self, disk: &mut Disk<'_, N>) -> Result<(), DiskError> {
        match self.options.log {
            WritePolicy::Through => self.flush_log(disk),
            WritePolicy::Back => self.refuse_if_failed(),
        }
    }

    /// Starts to make everything appended so far durable and does not wait. `None` if there is nothing to
    /// wait for; otherwise the owner's `on_disk` gets the ticket and hands it to
    /// [`sync_ended`](Self::sync_ended).
    ///
    /// # Errors
    /// That of an earlier failure.
    pub fn start_sync<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
    ) -> Result<Option<DiskTicket>, DiskError> {
        self.refuse_if_failed()?;
        Ok(match self.options.log {
            WritePolicy::Through => self.log_mut().start_sync(disk),
            WritePolicy::Back => None,
        })
    }

    /// A sync in the background ended. Returns the last index that may be answered for now.
    ///
    /// # Errors
    /// The result that was handed in: the owner must stop the node, see the module.
    pub fn sync_ended(
        &mut self,
        ticket: DiskTicket,
        result: Result<(), DiskError>,
    ) -> Result<LogIndex, DiskError> {
        self.remember(result)?;
        self.log_mut().sync_ended(ticket);
        Ok(self.answerable_index())
    }

    /// Writes everything back that is only cached: what the owner's timer calls under [`WritePolicy::Back`].
    ///
    /// # Errors
    /// `Sync`: the owner must stop the node, see the module.
    pub fn flush<N: Node>(&mut self, disk: &mut Disk<'_, N>) -> Result<(), DiskError> {
        self.flush_log(disk)?;
        let result = self.superblock_mut().sync(disk);
        self.remember(result)
    }

    /// Removes the records from `from` on, durably. `from` beyond the log's end removes nothing.
    ///
    /// # Errors
    /// Those of the disk: the owner must stop the node, see the module.
    ///
    /// # Panics
    /// If `from` is not in the log: what is discarded is settled and cannot be truncated.
    pub fn truncate_from<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
        from: LogIndex,
    ) -> Result<(), DiskError> {
        self.refuse_if_failed()?;
        assert!(from >= self.first_index(), "what was discarded is not truncated");
        if from > self.last_index() {
            return Ok(());
        }
        let result = self.truncate(disk, from);
        self.remember(result)
    }

    fn truncate<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
        from: LogIndex,
    ) -> Result<(), DiskError> {
        let superblock = self.superblock_mut();
        if superblock.current.durable >= from {
            // The disk must not be held to records that are given up on purpose.
            superblock.current.durable = from.previous();
            superblock.write_through(disk)?;
        }
        self.log_mut().truncate_from(disk, from)
    }

    /// Saves the hard state, durably (under [`WritePolicy::Through`]).
    ///
    /// # Errors
    /// Those of the disk: the owner must stop the node, see the module.
    ///
    /// # Panics
    /// If the generation goes back.
    pub fn save_hard_state<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
        hard_state: HardState,
    ) -> Result<(), DiskError> {
        self.refuse_if_failed()?;
        let (policy, durable) = (self.options.hard_state, self.log_mut().durable());
        let superblock = self.superblock_mut();
        let known = superblock.current.hard_state;
        assert!(hard_state.generation >= known.generation, "a generation never goes back");
        superblock.current.hard_state = hard_state;
        superblock.current.durable = durable;
        let result = match policy {
            WritePolicy::Through => superblock.write_through(disk),
            WritePolicy::Back => superblock.write(disk),
        };
        self.remember(result)
    }

    /// The last index of the log: of its boundary, if it is empty.
    #[must_use]
    pub fn last_index(&self) -> LogIndex {
        self.log().tail().index
    }

    /// The index of the first record, or of the first that will be appended.
    #[must_use]
    pub fn first_index(&self) -> LogIndex {
        self.boundary().index.next()
    }

    /// The last discarded entry: the one that the first record follows.
    #[must_use]
    pub fn boundary(&self) -> Boundary {
        self.log().boundary()
    }

    /// The last index that the owner may answer for: the last durable one, or, under [`WritePolicy::Back`],
    /// the last.
    #[must_use]
    pub fn answerable_index(&self) -> LogIndex {
        match self.options.log {
            WritePolicy::Through => self.log().durable(),
            WritePolicy::Back => self.last_index(),
        }
    }

    /// The hard state as last saved.
    #[must_use]
    pub fn hard_state(&self) -> HardState {
        self.superblock.as_ref().map_or(HardState::default(), |known| known.current.hard_state)
    }

    /// How many bytes of log would be replayed over the newest snapshot: what to take the next one by.
    #[must_use]
    pub fn bytes_since_snapshot(&self) -> u64 {
        self.log().bytes_after(self.snapshot.index)
    }

    /// The mark below which the log may be discarded: for consumers who hold a part of it.
    pub const fn low_water_mark(&mut self) -> &mut LowWaterMark {
        &mut self.low_water_mark
    }

    fn flush_log<N: Node>(&mut self, disk: &mut Disk<'_, N>) -> Result<(), DiskError> {
        self.refuse_if_failed()?;
        let result = self.log_mut().sync(disk);
        self.remember(result)
    }

    fn log(&self) -> &Log {
        self.log.as_ref().expect("a store that is not sound is reset before it is used")
    }

    fn log_mut(&mut self) -> &mut Log {
        self.log.as_mut().expect("a store that is not sound is reset before it is used")
    }

    fn superblock_mut(&mut self) -> &mut SuperblockFile {
        self.superblock.as_mut().expect("a store that is not sound is reset before it is used")
    }

    fn refuse_if_failed(&self) -> Result<(), DiskError> {
        self.failed.map_or(Ok(()), Err)
    }

    fn remember<T>(&mut self, result: Result<T, DiskError>) -> Result<T, DiskError> {
        if let Err(error) = result {
            self.failed.get_or_insert(error);
        }
        result
    }
}

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod memory_disk;
#[cfg(test)]
mod tests;
