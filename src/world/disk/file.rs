//! One file: the bytes in the cache, and how the platter differs from them.
//!
//! ```text
//!   cache     [ sector 0 ][ sector 1 ][ sector 2 ][ sec]         bytes
//!   unsynced               [ image 1  ]            [ ...]         what the platter has there instead
//!   platter   [ sector 0 ][ image 1  ][ sector 2 ]|               platter_len
//! ```
//!
//! The platter is not stored: it is the cache, except where a sector is listed as unsynced; then the image
//! kept with it says what the platter has. A sector beyond the platter's end has an empty image. So a sync
//! costs as much as there is to sync, whatever the size of the file, and an append copies less than a sector.
//!
//! A file that was cut keeps the sectors that it lost listed, beyond the end of the cache, until the cut is
//! synced.

use std::mem;

use crate::world::disk::PowerLoss;
use crate::world::disk::sectors::{BufferLength, Entry, SECTOR_BYTES, Sector, SectorList, State};

/// The greatest length of a file, in bytes. Beyond it the disk says that it is full.
pub const FILE_BYTES_MAX: u64 = 1 << 31;

/// A file's content.
#[derive(Clone, Debug, Default)]
pub struct FileContent {
    bytes: Vec<u8>,
    unsynced: Unsynced,
    /// Sectors that cannot be read until they are written again, in order.
    unreadable: Vec<Sector>,
}

/// How the platter differs from the cache.
#[derive(Clone, Debug, Default)]
pub struct Unsynced {
    /// The sectors that differ, each with what the platter has there. What is missing of an image before
    /// `platter_len` is zeros.
    pub sectors: SectorList,
    /// The length of the file on the platter.
    pub platter_len: usize,
    /// The least length to which the file was cut since the last sync.
    pub shrunk_to: Option<usize>,
}

/// What a background sync will write: the content of the dirty sectors when it was started.
#[derive(Clone, Debug, Default)]
pub struct Capture {
    /// The sectors, each with its content.
    pub sectors: SectorList,
    /// The length that the file will have on the platter.
    pub platter_len: usize,
    /// The cut that it will make durable.
    pub shrunk_to: Option<usize>,
}

impl Capture {
    /// Whether a sector with this content on the platter keeps it when the capture is written.
    fn leaves(&self, sector: Sector, content: &[u8]) -> bool {
        let end = sector.start() + content.len();
        let written = self.sectors.find(sector);
        self.shrunk_to.is_none_or(|cut| end <= cut)
            && written.is_none_or(|entry| self.sectors.bytes_of(entry) == content)
    }
}

/// What edits overwrote, for undoing them in reverse order.
#[derive(Debug, Default)]
pub struct Saved {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Saved {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }
}

/// One change of a file's bytes or length, as [`FileContent::undo`] needs it.
#[derive(Debug)]
pub struct Edit {
    /// Where the bytes were written.
    pub offset: usize,
    /// How many; 0 if only the length changed.
    pub written: usize,
    start: usize,
    len_before: usize,
    sectors: (Sector, Sector),
    saved_bytes: usize,
    saved_entries: usize,
    buffer_len: BufferLength,
    shrunk_before: Option<usize>,
    healed: Vec<Sector>,
}

/// What a power failure does to an unsynced sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is as the platter has it.
    Lost,
    /// It is as the cache had it.
    Survived,
    /// So many bytes of it are as in the cache, and the rest as on the platter.
    Torn(usize),
}

impl FileContent {
    /// The bytes that the node sees.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How the platter differs.
    pub const fn unsynced(&self) -> &Unsynced {
        &self.unsynced
    }

    /// Whether every byte from `start` to `end` can be read.
    pub fn is_readable(&self, start: usize, end: usize) -> bool {
        !self.unreadable.iter().any(|sector| sector.start() < end && start < sector.end())
    }

    /// Writes at least one byte at `offset`; what lies between the old end and `offset` becomes zeros.
    pub fn write(&mut self, offset: usize, data: &[u8], saved: &mut Saved) -> Edit {
        assert!(!data.is_empty(), "a write of nothing is no edit");
        let len_before = self.bytes.len();
        let end = offset + data.len();
        let edit = self.prepare(offset.min(len_before), end, saved);
        if offset > len_before {
            self.bytes.resize(offset, 0);
        }
        let (over, beyond) = data.split_at((self.bytes.len() - offset).min(data.len()));
        self.bytes[offset..offset + over.len()].copy_from_slice(over);
        self.bytes.extend_from_slice(beyond);
        Edit { offset, written: data.len(), ..edit }
    }

    /// Cuts the file or extends it with zeros, to a length that it does not have.
    pub fn set_len(&mut self, len: usize, saved: &mut Saved) -> Edit {
        let len_before = self.bytes.len();
        assert!(len != len_before, "a file that keeps its length is not edited");
        let edit = self.prepare(len.min(len_before), len.max(len_before), saved);
        self.bytes.resize(len, 0);
        if len < len_before {
            self.unsynced.shrunk_to = min_of(self.unsynced.shrunk_to, Some(len));
        }
        edit
    }

    /// Keeps what the platter and the cache have from `start` to `end`, before it changes.
    fn prepare(&mut self, start: usize, end: usize, saved: &mut Saved) -> Edit {
        let len_before = self.bytes.len();
        let sectors = (Sector::of(start), Sector::of(end - 1));
        let edit = Edit {
            offset: start,
            written: 0,
            start,
            len_before,
            sectors,
            saved_bytes: saved.bytes.len(),
            saved_entries: saved.entries.len(),
            buffer_len: self.unsynced.sectors.buffer_len(),
            shrunk_before: self.unsynced.shrunk_to,
            healed: self.heal(start, end),
        };
        saved.bytes.extend_from_slice(&self.bytes[start..end.min(len_before)]);
        let Unsynced { sectors: list, platter_len, .. } = &mut self.unsynced;
        saved.entries.extend_from_slice(&list.entries()[list.places(sectors.0, sectors.1)]);
        // A sector that is not listed is on the platter as it is in the cache.
        let platter = &self.bytes[..len_before.min(*platter_len)];
        list.make_dirty(sectors, &saved.entries[edit.saved_entries..], |sector| {
            sector.of_bytes(platter)
        });
        edit
    }

    /// Sectors that are wholly written can be read again.
    fn heal(&mut self, start: usize, end: usize) -> Vec<Sector> {
        if self.unreadable.is_empty() {
            return Vec::new();
        }
        let to_the_end = end >= self.bytes.len();
        let covered = |sector: &Sector| {
            start <= sector.start() && (sector.end() <= end || (to_the_end && sector.start() < end))
        };
        let healed = self.unreadable.iter().copied().filter(covered).collect();
        self.unreadable.retain(|sector| !covered(sector));
        healed
    }

    /// Undoes the last edit that was not undone.
    pub fn undo(&mut self, edit: Edit, saved: &mut Saved) {
        let list = &mut self.unsynced.sectors;
        list.restore(edit.sectors, &saved.entries[edit.saved_entries..], edit.buffer_len);
        saved.entries.truncate(edit.saved_entries);
        self.unsynced.shrunk_to = edit.shrunk_before;
        let old = &saved.bytes[edit.saved_bytes..];
        self.bytes.truncate(edit.len_before);
        let (over, beyond) = old.split_at((self.bytes.len() - edit.start).min(old.len()));
        self.bytes[edit.start..edit.start + over.len()].copy_from_slice(over);
        self.bytes.extend_from_slice(beyond);
        saved.bytes.truncate(edit.saved_bytes);
        self.unreadable.extend(edit.healed);
        self.unreadable.sort_unstable();
        assert!(self.bytes.len() == edit.len_before, "an undone edit restores the length");
    }

    /// Makes durable what is dirty; returns how the platter differed before. `spare` is an old one to be used
    /// again.
    pub fn sync(&mut self, mut spare: Unsynced) -> Unsynced {
        spare.sectors.clear();
        spare.platter_len = self.synced_len();
        spare.shrunk_to = None;
        let old = mem::replace(&mut self.unsynced, spare);
        for entry in old.sectors.entries() {
            if entry.state == State::Abandoned && entry.sector.start() < self.bytes.len() {
                let image = old.sectors.bytes_of(entry);
                self.unsynced.sectors.push(entry.sector, State::Abandoned, image);
            }
        }
        old
    }

    /// Drops what is dirty: the cache keeps it, and no sync writes it. Returns how the platter differed
    /// before.
    pub fn abandon(&mut self, mut spare: Unsynced) -> Unsynced {
        spare.sectors.clear();
        spare.platter_len = self.unsynced.platter_len;
        spare.shrunk_to = self.unsynced.shrunk_to;
        let old = mem::replace(&mut self.unsynced, spare);
        for entry in old.sectors.entries() {
            let image = old.sectors.bytes_of(entry);
            self.unsynced.sectors.push(entry.sector, State::Abandoned, image);
        }
        old
    }

    /// What a background sync that starts now will write. The cut, if there was one, goes with it.
    pub fn capture(&mut self, mut spare: Capture) -> Capture {
        spare.sectors.clear();
        spare.platter_len = self.synced_len();
        spare.shrunk_to = self.unsynced.shrunk_to.take();
        for entry in self.unsynced.sectors.entries() {
            if entry.state == State::Dirty && entry.sector.start() < self.bytes.len() {
                let content = entry.sector.of_bytes(&self.bytes);
                spare.sectors.push(entry.sector, State::Dirty, content);
            }
        }
        spare
    }

    /// Gives the cut of a capture back, because it was not made durable.
    pub fn return_cut(&mut self, shrunk_to: Option<usize>) {
        self.unsynced.shrunk_to = min_of(self.unsynced.shrunk_to, shrunk_to);
    }

    /// Takes back the cut that a capture took, whose start is undone.
    pub const fn set_cut(&mut self, shrunk_to: Option<usize>) {
        self.unsynced.shrunk_to = shrunk_to;
    }

    /// A background sync ended: the platter has what was captured. `later` are the captures of this file that
    /// are still to be written. Returns how the platter differed before.
    pub fn complete<'a>(
        &mut self,
        capture: &Capture,
        later: &(impl Iterator<Item = &'a Capture> + Clone),
        mut spare: Unsynced,
    ) -> Unsynced {
        spare.sectors.clear();
        spare.platter_len = capture.platter_len;
        spare.shrunk_to = self.unsynced.shrunk_to;
        let old = mem::replace(&mut self.unsynced, spare);
        let mut captured = capture.sectors.entries().iter().peekable();
        for entry in old.sectors.entries() {
            while let Some(early) = captured.next_if(|early| early.sector < entry.sector) {
                self.platter_gets(early.sector, capture.sectors.bytes_of(early), later.clone());
            }
            let found = captured.next_if(|found| found.sector == entry.sector);
            let image = old.sectors.bytes_of(entry);
            match (found, entry.state) {
                (Some(found), State::Dirty) => {
                    self.platter_gets(entry.sector, capture.sectors.bytes_of(found), later.clone());
                }
                (_, state) => self.platter_keeps(entry.sector, state, image),
            }
        }
        for late in captured {
            self.platter_gets(late.sector, capture.sectors.bytes_of(late), later.clone());
        }
        old
    }

    /// The platter now has `content` in a sector. It is dirty if the cache has something else by now, and also
    /// if what is still to come will make the platter differ: a cut, or a sync that is under way. The cache
    /// got its content after that, so the next sync must write it.
    fn platter_gets<'a>(
        &mut self,
        sector: Sector,
        content: &[u8],
        mut later: impl Iterator<Item = &'a Capture>,
    ) {
        let end = sector.start() + content.len();
        let is_clean = sector.of_bytes(&self.bytes) == content
            && self.unsynced.shrunk_to.is_none_or(|cut| end <= cut)
            && later.all(|later| later.leaves(sector, content));
        if !is_clean {
            self.unsynced.sectors.push(sector, State::Dirty, content);
        }
    }

    /// A sector that was not captured stays listed, unless the captured cut removed it from the platter and
    /// the cache does not have it either.
    fn platter_keeps(&mut self, sector: Sector, state: State, image: &[u8]) {
        let len = self.unsynced.platter_len.saturating_sub(sector.start()).min(image.len());
        if len > 0 || sector.start() < self.bytes.len() {
            self.unsynced.sectors.push(sector, state, &image[..len]);
        }
    }

    /// A background sync failed: what it captured is dropped, unless it was written again since.
    pub fn abandon_captured(&mut self, capture: &Capture, mut spare: Unsynced) -> Unsynced {
        spare.sectors.clear();
        spare.platter_len = self.unsynced.platter_len;
        spare.shrunk_to = self.unsynced.shrunk_to;
        let old = mem::replace(&mut self.unsynced, spare);
        for entry in old.sectors.entries() {
            let content = entry.sector.of_bytes(&self.bytes);
            let unchanged = capture
                .sectors
                .find(entry.sector)
                .is_some_and(|found| capture.sectors.bytes_of(found) == content);
            let state = if unchanged { State::Abandoned } else { entry.state };
            self.unsynced.sectors.push(entry.sector, state, old.sectors.bytes_of(entry));
        }
        old
    }

    /// Undoes a sync of any kind, given what it returned; returns what is of no use any more.
    pub const fn undo_sync(&mut self, old: Unsynced) -> Unsynced {
        mem::replace(&mut self.unsynced, old)
    }

    /// The length that the platter has after a sync: as far as the last sector that is written reaches.
    fn synced_len(&self) -> usize {
        let Unsynced { sectors, platter_len, shrunk_to } = &self.unsynced;
        let kept = (*platter_len).min(shrunk_to.unwrap_or(usize::MAX)).min(self.bytes.len());
        let written = sectors
            .entries()
            .iter()
            .rfind(|entry| entry.state == State::Dirty && entry.sector.start() < self.bytes.len());
        kept.max(written.map_or(0, |entry| entry.sector.end().min(self.bytes.len())))
    }

    /// The sectors that a sync would write now.
    pub fn dirty(&self) -> impl Iterator<Item = Sector> + '_ {
        let entries = self.unsynced.sectors.entries().iter();
        entries
            .filter(|entry| entry.state == State::Dirty && entry.sector.start() < self.bytes.len())
            .map(|entry| entry.sector)
    }

    /// The cache is lost. `fate` decides for each dirty sector, in order; `cut` is the length to which the
    /// file was cut, if that cut survives. The length is what the surviving sectors imply, and holes are
    /// zeros.
    pub fn lose_cache(
        &mut self,
        cut: Option<usize>,
        mut fate: impl FnMut(Sector) -> Fate,
    ) -> PowerLoss {
        let Unsynced { sectors, platter_len, .. } = mem::take(&mut self.unsynced);
        let cached_len = self.bytes.len();
        let platter_len = platter_len.min(cut.unwrap_or(usize::MAX));
        let mut len = platter_len;
        let mut loss = PowerLoss::default();
        self.bytes.resize(cached_len.max(platter_len), 0);
        for entry in sectors.entries() {
            let sector = entry.sector;
            let cached = sector.start() < cached_len;
            let decided = match entry.state {
                State::Dirty if cached => fate(sector),
                _ => Fate::Lost,
            };
            let kept = match decided {
                Fate::Lost => 0,
                Fate::Survived => SECTOR_BYTES,
                Fate::Torn(kept) => kept,
            };
            if cached {
                loss.count(decided);
            }
            if decided != Fate::Lost {
                len = len.max(sector.end().min(cached_len));
            }
            let image = sectors.bytes_of(entry);
            let image = &image[..image.len().min(platter_len.saturating_sub(sector.start()))];
            overlay(&mut self.bytes, sector, kept, image);
        }
        self.bytes.truncate(len);
        self.unreadable.retain(|sector| sector.start() < len);
        self.unsynced.platter_len = len;
        loss
    }

    /// Flips a bit of the platter's content; in the cache too, unless the cache has something newer.
    pub fn rot(&mut self, offset: usize, bit: u32) {
        assert!(offset < self.unsynced.platter_len, "only what is on the platter rots");
        let sector = Sector::of(offset);
        let mask = 1 << (bit % 8);
        match self.unsynced.sectors.find(sector).copied() {
            None => self.bytes[offset] ^= mask,
            Some(entry) => {
                let image = self.unsynced.sectors.bytes_of_mut(&entry);
                // What is missing of an image is a hole, which has no place on the platter and cannot rot.
                if let Some(byte) = image.get_mut(offset - sector.start()) {
                    *byte ^= mask;
                }
            }
        }
    }

    /// Makes a sector unreadable until it is written again.
    pub fn make_unreadable(&mut self, sector: Sector) {
        if let Err(place) = self.unreadable.binary_search(&sector) {
            self.unreadable.insert(place, sector);
        }
    }
}

/// Puts the image into a sector, from byte `kept` of the sector on, and zeros after the image.
fn overlay(bytes: &mut [u8], sector: Sector, kept: usize, image: &[u8]) {
    let start = (sector.start() + kept).min(bytes.len());
    let end = sector.end().min(bytes.len());
    let target = &mut bytes[start..end.max(start)];
    let image = image.get(kept..).unwrap_or(&[]);
    let len = image.len().min(target.len());
    target[..len].copy_from_slice(&image[..len]);
    target[len..].fill(0);
}

/// The smaller of those that there are.
pub fn min_of(a: Option<usize>, b: Option<usize>) -> Option<usize> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}
