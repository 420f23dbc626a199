//! The simulated disk: files and directories in a write-back cache, and a platter that lags behind.
//!
//! # What a node may rely on
//!
//! Only on what POSIX promises, taken at its word. A write is in the
//! cache; a sync of the file takes it to the platter. A name is in the cache; a sync of the directory takes
//! it to the platter. When power fails, each 512-byte sector that is dirty is lost or survives by a draw of
//! its own, as is each pending change of a name, and one of the sectors being written may be torn: a prefix
//! new, the rest old.
//!
//! # Why there is a journal
//!
//! A node's handler runs at once, and its disk operations carry times in the future of the event loop. If the
//! node crashes or loses power at one of those times, part of the handler has not happened:
//!
//! ```text
//!   handler    append ----> sync =========> rename -> (the handler returned long ago)
//!   time       |            |       ^       |
//!                                   power fails here: the append is in the cache, the sync is under way
//!                                   and may be torn, the rename never was
//! ```
//!
//! So each operation of the current handler is in the journal with what it takes to undo it, and [`crash`]
//! and [`power_failure`] first undo what had not happened. [`begin_handler`] settles the journal.
//!
//! Background syncs go on while later operations are already made. They are completed in the order of their
//! times among those operations, and that too is in the journal.
//!
//! # What things cost
//!
//! An operation on the cache (open, read, write, a change of a name or a length, a listing) takes `access`
//! and what its bytes cost; reads are not cheaper than writes, because nothing says what is cached after a
//! restart. The length of a file is known and costs nothing. A sync takes `sync` and what the bytes of the
//! dirty sectors cost. The device does one sync at a time, in the order in which they were asked for, in line
//! or in the background; operations on the cache do not wait for it, or a background sync would buy nothing.
//!
//! A sync of a directory that fails drops nothing: its names stay pending, as after one that lies.
//!
//! Faults begin and end with the next handler. What an operation draws (its latency, its faults) is addressed
//! by its number; what a crash or a power failure decides is drawn from the stream for power.
//!
//! [`crash`]: SimulatedDisk::crash
//! [`power_failure`]: SimulatedDisk::power_failure
//! [`begin_handler`]: SimulatedDisk::begin_handler

mod background;
mod driver;
mod faults;
mod file;
mod journal;
mod recovery;
mod sectors;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use crate::kernel::random::{Stream, scaled};
use crate::kernel::time::Instant;
use crate::node::disk::{DiskError, DiskTicket, FileId};
use crate::world::disk::background::{Background, SyncOutcome};
use crate::world::disk::faults::{Damage, Faults};
use crate::world::disk::file::{Fate, min_of};
pub use crate::world::disk::journal::Cut;
use crate::world::disk::journal::{Journal, Spares, Undo};
use crate::world::disk::sectors::Sector;
use crate::world::disk::tree::{InodeId, Tree};
use crate::world::fault::DiskFault;
use crate::world::options::DiskOptions;

/// What a disk did so far. Operations that were undone by a crash are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskStatistics {
    /// Writes to files.
    pub writes: u64,
    /// Syncs of files and directories, successful or not.
    pub syncs: u64,
    /// Bytes written to files.
    pub bytes: u64,
    /// Unsynced sectors that a power failure lost.
    pub lost_sectors: u64,
    /// Sectors that a power failure tore.
    pub torn_sectors: u64,
}

/// What a power failure did to the unsynced sectors of a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PowerLoss {
    /// They are as they were at their last sync.
    pub lost_sectors: u64,
    /// They are as they were in the cache.
    pub survived_sectors: u64,
    /// They are partly the one, partly the other.
    pub torn_sectors: u64,
}

impl PowerLoss {
    const fn count(&mut self, fate: Fate) {
        match fate {
            Fate::Lost => self.lost_sectors += 1,
            Fate::Survived => self.survived_sectors += 1,
            Fate::Torn(_) => self.torn_sectors += 1,
        }
    }

    const fn add(&mut self, other: Self) {
        self.lost_sectors += other.lost_sectors;
        self.survived_sectors += other.survived_sectors;
        self.torn_sectors += other.torn_sectors;
    }
}

/// One node's disk. See the module's documentation for its rules.
#[derive(Debug)]
pub struct SimulatedDisk {
    options: DiskOptions,
    /// Latencies and faults, addressed by operation.
    luck: Stream,
    /// What crashes and power failures decide, consumed.
    power: Stream,
    /// How many operations drew their luck.
    operations: u64,
    tree: Tree,
    open: BTreeMap<FileId, InodeId>,
    next_file: u32,
    journal: Journal,
    spares: Spares,
    /// The background syncs that have not ended, in the order in which they will.
    backgrounds: VecDeque<Background>,
    /// The results of those that ended, until they are asked for.
    finished: Vec<(DiskTicket, Result<(), DiskError>)>,
    next_ticket: u64,
    /// When the device has done all syncs that it was given.
    free_at: Instant,
    faults: Faults,
    statistics: DiskStatistics,
}

/// The luck of faults that destroy something is drawn far beyond that of all operations.
const DAMAGE_LUCK: u64 = 1 << 56;
/// How many draws each such fault may take, for bits and for sectors.
const DAMAGE_DRAWS: u64 = 1 << 20;

impl SimulatedDisk {
    /// An empty disk that draws its latencies and faults from `luck` ([`Purpose::Disk`]) and what crashes and
    /// power failures decide from `power` ([`Purpose::Power`]).
    ///
    /// [`Purpose::Disk`]: crate::kernel::random::Purpose::Disk
    /// [`Purpose::Power`]: crate::kernel::random::Purpose::Power
    #[must_use]
    pub fn new(options: DiskOptions, luck: Stream, power: Stream) -> Self {
        Self {
            options,
            luck,
            power,
            operations: 0,
            tree: Tree::default(),
            open: BTreeMap::new(),
            next_file: 0,
            journal: Journal::default(),
            spares: Spares::default(),
            backgrounds: VecDeque::new(),
            finished: Vec::new(),
            next_ticket: 0,
            free_at: Instant::ZERO,
            faults: Faults::default(),
            statistics: DiskStatistics::default(),
        }
    }

    /// What the disk did so far.
    #[must_use]
    pub const fn statistics(&self) -> DiskStatistics {
        self.statistics
    }

    /// The node's next handler begins: what the last one did has all happened, and faults that were announced
    /// since begin and end. Costs next to nothing if there was neither.
    #[inline]
    pub fn begin_handler(&mut self) {
        if !self.journal.records.is_empty() || !self.faults.is_settled() {
            self.settle();
        }
    }

    /// A fault begins with the next handler. It ends with the first handler after
    /// [`end_fault`](Self::end_fault); `until` is when that is planned, if it is, which is how long a stalled
    /// operation takes. An operation on a disk that is stalled for an unknown time takes 30 seconds.
    pub fn begin_fault(&mut self, id: u32, fault: DiskFault, until: Option<Instant>) {
        self.faults.begin(id, fault, until);
    }

    /// The fault of this id ends with the next handler. Nothing happens if there is none.
    pub fn end_fault(&mut self, id: u32) {
        self.faults.end(id);
    }

    /// A background sync reached the end that [`start_sync`] announced: what it captured is durable.
    ///
    /// # Errors
    /// `Sync` if it failed, or if a crash or a power failure left nobody who waits for it; `NotFound` if the
    /// file was not open.
    ///
    /// [`start_sync`]: crate::node::disk::DiskDriver::start_sync
    pub fn background_ended(&mut self, ticket: DiskTicket) -> Result<(), DiskError> {
        if let Some(background) = self.backgrounds.iter().find(|b| b.ticket == ticket) {
            self.complete_until(background.ended);
        }
        let place = self.finished.iter().position(|&(finished, _)| finished == ticket);
        place.map_or(Err(DiskError::Sync), |place| self.finished.swap_remove(place).1)
    }

    /// The disk is replaced by an empty one. What was open is closed, and what was under way never ends. The
    /// faults of the moment stay: they end when they are told to.
    pub fn wipe(&mut self) {
        self.settle();
        self.backgrounds.clear();
        self.finished.clear();
        self.close_all();
        self.tree = Tree::default();
    }

    fn close_all(&mut self) {
        self.open.clear();
        self.next_file = 0;
    }

    fn settle(&mut self) {
        self.journal.settle(&mut self.spares);
        if self.tree.wants_collection() {
            self.collect();
        }
        if !self.faults.is_settled() {
            for damage in self.faults.turn() {
                self.damage(damage);
            }
        }
    }

    /// Frees the files that nobody can reach any more. Nothing may be undone after it.
    fn collect(&mut self) {
        assert!(self.journal.records.is_empty(), "the journal may refer to what is freed");
        let written = self.backgrounds.iter().map(|background| background.file);
        self.tree.collect(self.open.values().copied().chain(written));
    }

    /// Ends the background syncs that end by `now`, in their order.
    #[inline]
    fn complete_until(&mut self, now: Instant) {
        while self.backgrounds.front().is_some_and(|background| background.ended <= now) {
            self.complete_first();
        }
    }

    fn complete_first(&mut self) {
        let Some(background) = self.backgrounds.pop_front() else { return };
        let Background { ticket, file, ended, outcome, ref capture, .. } = background;
        let spare = self.spares.unsynced();
        let content = self.tree.file_mut(file);
        let old = match outcome {
            SyncOutcome::Durable => {
                let later = self.backgrounds.iter().filter(|later| later.file == file);
                content.complete(capture, &later.map(|later| &later.capture), spare)
            }
            SyncOutcome::Failed => content.abandon_captured(capture, spare),
            SyncOutcome::Lied => content.unsynced().clone(),
        };
        if outcome != SyncOutcome::Durable {
            // The cut is not durable: the next sync makes it so, which may be under way already.
            match self.backgrounds.iter_mut().find(|next| next.file == file) {
                Some(next) => {
                    next.capture.shrunk_to = min_of(next.capture.shrunk_to, capture.shrunk_to);
                }
                None => content.return_cut(capture.shrunk_to),
            }
        }
        self.finished.push((ticket, outcome.result()));
        self.journal.completed.push((background, old));
        self.journal.push(ended, ended, Undo::Completed);
    }

    /// Flips bits and makes sectors unreadable, anywhere in what is on the platter.
    fn damage(&mut self, Damage { id, bits, sectors }: Damage) {
        let draw = DAMAGE_LUCK + u64::from(id) * DAMAGE_DRAWS * 2;
        for number in 0..u64::from(bits).min(DAMAGE_DRAWS) {
            let [place, bit, ..] = self.luck.draws(draw + number);
            if let Some((file, offset)) = self.durable_byte(place) {
                self.tree.file_mut(file).rot(offset, (bit >> 32) as u32);
            }
        }
        for number in 0..u64::from(sectors).min(DAMAGE_DRAWS) {
            let [place, ..] = self.luck.draws(draw + DAMAGE_DRAWS + number);
            if let Some((file, offset)) = self.durable_byte(place) {
                self.tree.file_mut(file).make_unreadable(Sector::of(offset));
            }
        }
    }

    /// The byte of the platter that belongs to a uniform word.
    fn durable_byte(&mut self, word: u64) -> Option<(InodeId, usize)> {
        let lengths = self.tree.files_mut().map(|(_, content)| content.unsynced().platter_len);
        let mut offset = scaled(word, lengths.sum::<usize>() as u64) as usize;
        for (file, content) in self.tree.files_mut() {
            let len = content.unsynced().platter_len;
            if offset < len {
                return Some((file, offset));
            }
            offset -= len;
        }
        None
    }
}
