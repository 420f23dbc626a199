//! What the current handler did to the disk, for undoing what a crash or a loss of power forestalls.
//!
//! A handler runs at once, with times in the future of the event loop. The journal keeps each of its
//! operations with its times until the next handler begins; only then has all of it happened.

use crate::kernel::time::Instant;
use crate::world::disk::background::Background;
use crate::world::disk::file::{Capture, Edit, Saved, Unsynced};
use crate::world::disk::tree::{DirectorySync, InodeId};

/// The operations of the current handler, in order, and what it takes to undo them.
#[derive(Debug, Default)]
pub struct Journal {
    pub records: Vec<Record>,
    /// What the edits overwrote.
    pub saved: Saved,
    /// The background syncs that ended during the handler, and how the platter differed before.
    pub completed: Vec<(Background, Unsynced)>,
}

/// One operation.
#[derive(Debug)]
pub struct Record {
    /// When the device or the cache began with it.
    pub began: Instant,
    /// When it ended.
    pub ended: Instant,
    /// What it takes to undo it.
    pub undo: Undo,
}

/// What it takes to undo an operation, if all later ones are undone.
#[derive(Debug)]
pub enum Undo {
    /// A file was written, cut or extended.
    Edit(InodeId, Edit),
    /// A file was synced; this is how the platter differed before.
    Sync(InodeId, Unsynced),
    /// A background sync was started: the last one in the queue.
    StartSync,
    /// A background sync ended: the last of the completed ones.
    Completed,
    /// A name was changed: the last pending change.
    Name,
    /// A directory was synced; `None` if the sync failed or lied.
    SyncDirectory(Option<DirectorySync>),
}

impl Record {
    /// Whether nothing of this operation is forestalled by a crash at `at`.
    ///
    /// A change of a name or of a length is atomic: once begun, the operating system finishes it. A write may
    /// stop half-way, and a sync has synced nothing before its end.
    pub const fn stands(&self, at: Instant) -> bool {
        let until = match &self.undo {
            Undo::Edit(_, edit) if edit.written == 0 => self.began,
            Undo::Name | Undo::StartSync => self.began,
            Undo::Edit(..) | Undo::Sync(..) | Undo::Completed | Undo::SyncDirectory(_) => {
                self.ended
            }
        };
        until.as_nanos() <= at.as_nanos()
    }
}

/// Used buffers, to be used again: a steady state allocates nothing.
#[derive(Debug, Default)]
pub struct Spares {
    unsynced: Vec<Unsynced>,
    captures: Vec<Capture>,
}

/// How many used buffers of a kind are kept.
const SPARES_MAX: usize = 16;

impl Spares {
    pub fn unsynced(&mut self) -> Unsynced {
        self.unsynced.pop().unwrap_or_default()
    }

    pub fn capture(&mut self) -> Capture {
        self.captures.pop().unwrap_or_default()
    }

    pub fn keep(&mut self, unsynced: Unsynced) {
        if self.unsynced.len() < SPARES_MAX {
            self.unsynced.push(unsynced);
        }
    }

    pub fn keep_capture(&mut self, capture: Capture) {
        if self.captures.len() < SPARES_MAX {
            self.captures.push(capture);
        }
    }
}

impl Journal {
    /// Notes an operation.
    pub fn push(&mut self, began: Instant, ended: Instant, undo: Undo) {
        assert!(began <= ended, "an operation begins before it ends");
        self.records.push(Record { began, ended, undo });
    }

    /// All of it happened: nothing will be undone.
    pub fn settle(&mut self, spares: &mut Spares) {
        for record in self.records.drain(..) {
            if let Undo::Sync(_, old) = record.undo {
                spares.keep(old);
            }
        }
        for (background, old) in self.completed.drain(..) {
            spares.keep(old);
            spares.keep_capture(background.capture);
        }
        self.saved.clear();
    }
}
