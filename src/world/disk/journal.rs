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
    /// How many operations were called since the disk is new, but for those that a crash forestalled.
    pub called: u64,
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
    /// The number of the call that it belongs to, from 1.
    pub call: u64,
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
    /// Whether nothing of this operation is forestalled by a crash.
    ///
    /// A change of a name or of a length is atomic: once begun, the operating system finishes it. A write may
    /// stop half-way, and a sync has synced nothing before its end.
    pub const fn stands(&self, cut: Cut) -> bool {
        match &self.undo {
            Undo::Edit(_, edit) if edit.written == 0 => self.has_begun(cut),
            Undo::Name | Undo::StartSync => self.has_begun(cut),
            Undo::Edit(..) | Undo::Sync(..) | Undo::SyncDirectory(_) => {
                cut.comes_after(self.ended, self.call)
            }
            // The device does it by itself, whoever called meanwhile.
            Undo::Completed => self.ended.as_nanos() <= cut.at.as_nanos(),
        }
    }

    /// Whether the operation was under way or done.
    pub const fn has_begun(&self, cut: Cut) -> bool {
        cut.comes_after(self.began, self.call)
    }
}

/// Where a crash, a power failure or a pause cuts a handler.
///
/// The time alone does not say it: an operation begins in the very nanosecond in which the one before it ends, and on a
/// disk without latency all of them happen in one. So the cut also counts the calls whose ends the event loop has
/// reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// When.
    pub at: Instant,
    /// How many of all calls to this disk were carried out before; later ones that begin at this time have not begun.
    pub carried_out: u64,
}

impl Cut {
    /// Whether a moment in the call of this number lies before the cut.
    #[must_use]
    pub const fn comes_after(self, moment: Instant, call: u64) -> bool {
        let (moment, at) = (moment.as_nanos(), self.at.as_nanos());
        moment < at || (moment == at && call <= self.carried_out)
    }
}

/// A cut by time alone: what begins at this very moment has begun.
impl From<Instant> for Cut {
    fn from(at: Instant) -> Self {
        Self { at, carried_out: u64::MAX }
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
        let call = self.called;
        self.records.push(Record { began, ended, call, undo });
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
