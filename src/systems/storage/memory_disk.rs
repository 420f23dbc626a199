//! A disk for the tests of the store: two views of every file, the cached and the durable one, and a power
//! switch that counts operations.
//!
//! It is smaller and blunter than the simulated disk, and it takes no time, so that every crash point can be
//! tried.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::kernel::ids::NodeId;
use crate::kernel::random::Stream;
use crate::kernel::time::Instant;
use crate::node::context::{Context, Disk};
use crate::node::disk::{DiskDriver, DiskError, DiskTicket, FileId, Open, Timed};
use crate::node::effects::{Effect, Effects};
use crate::node::{Message, Node};

const SECTOR: usize = 512;

/// A machine without a node: its disk, and the effects of using it.
pub(super) struct Machine {
    pub disk: MemoryDisk,
    effects: Effects<Nobody>,
    moment: Instant,
}

impl Machine {
    pub(super) fn new() -> Self {
        let disk = MemoryDisk::default();
        Self { disk, effects: Effects::default(), moment: Instant::from_nanos(0) }
    }

    /// Uses the disk as a handler does.
    pub(super) fn with<T>(&mut self, use_disk: impl FnOnce(&mut Disk<'_, Nobody>) -> T) -> T {
        use_disk(&mut Disk::over(&mut self.disk, &mut self.moment, &mut self.effects))
    }

    /// Whether the mark was reached since the last question about it.
    pub(super) fn has_marked(&mut self, mark: &str) -> bool {
        let count = self.effects.list.len();
        self.effects.list.retain(|(_, effect)| !matches!(effect, Effect::Mark(m) if *m == mark));
        self.effects.list.len() < count
    }
}

/// What becomes of what was not synced.
pub(super) enum Fate<'a> {
    /// The process died; the machine did not.
    StaysCached,
    /// The process died because a sync failed: the cache shows what was written, and no sync writes it any more.
    StaysUnwritten,
    /// All of it is lost.
    IsLost,
    /// All of it reached the disk.
    Survives,
    /// Each sector and each name on its own, and one sector is torn.
    IsDrawn(&'a mut Stream),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    Directory,
    File(usize),
}

#[derive(Clone, Default)]
struct Inode {
    cached: Vec<u8>,
    durable: Vec<u8>,
    /// The sectors that are held for clean, although the medium has something else.
    abandoned: BTreeSet<usize>,
}

/// One unsynced change of a directory: atomic, whatever it consists of.
#[derive(Clone)]
struct Change {
    directory: String,
    entries: Vec<(String, Option<Entry>)>,
}

#[derive(Clone, Default)]
pub(super) struct MemoryDisk {
    inodes: Vec<Inode>,
    cached: BTreeMap<String, Entry>,
    durable: BTreeMap<String, Entry>,
    pending: Vec<Change>,
    open: BTreeMap<u32, usize>,
    opened: u32,
    /// How many operations have changed anything.
    pub operations: u64,
    /// Power fails after this many of them: the others do nothing.
    pub operations_max: Option<u64>,
    /// The error of the next operation that could have one, and how many operations to let pass before.
    pub next_error: Option<(u64, DiskError)>,
    /// This file cannot be read.
    pub unreadable: Option<String>,
}

impl MemoryDisk {
    /// Power fails, or the process dies, and comes back.
    pub(super) fn fail(&mut self, fate: Fate<'_>) {
        self.open.clear();
        self.operations_max = None;
        if !matches!(fate, Fate::StaysCached | Fate::StaysUnwritten) {
            self.inodes.iter_mut().for_each(Inode::lose_abandoned);
        }
        match fate {
            Fate::StaysCached => return,
            Fate::StaysUnwritten => {
                self.inodes.iter_mut().for_each(Inode::abandon);
                return;
            }
            Fate::IsLost => {
                self.inodes.iter_mut().for_each(|inode| inode.cached = inode.durable.clone());
            }
            Fate::Survives => {
                self.inodes.iter_mut().for_each(|inode| inode.durable = inode.cached.clone());
                self.durable = self.cached.clone();
            }
            Fate::IsDrawn(stream) => {
                let survivors: Vec<_> =
                    self.pending.drain(..).filter(|_| stream.below(2) == 0).collect();
                apply(&mut self.durable, &survivors);
                self.inodes.iter_mut().for_each(|inode| inode.draw(stream));
            }
        }
        self.pending.clear();
        self.cached = self.durable.clone();
    }

    /// Changes durable bytes of a file, as a decaying medium does.
    pub(super) fn damage(&mut self, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let Some(&Entry::File(inode)) = self.cached.get(path) else { panic!("{path} is no file") };
        change(&mut self.inodes[inode].cached);
        self.inodes[inode].durable = self.inodes[inode].cached.clone();
    }

    /// The paths of all files.
    pub(super) fn files(&self) -> Vec<String> {
        let files = self.cached.iter().filter(|(_, entry)| matches!(entry, Entry::File(_)));
        files.map(|(path, _)| path.clone()).collect()
    }

    /// Counts an operation that changes something, if there is still power for it.
    fn change(&mut self) -> Result<(), DiskError> {
        if self.operations_max.is_some_and(|max| self.operations >= max) {
            return Err(DiskError::Write);
        }
        self.operations += 1;
        match &mut self.next_error {
            Some((0, error)) => {
                let error = *error;
                self.next_error = None;
                Err(error)
            }
            Some((count, _)) => {
                *count -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn note(&mut self, path: &str, entries: Vec<(String, Option<Entry>)>) {
        let change = Change { directory: parent(path).to_owned(), entries };
        apply(&mut self.cached, std::slice::from_ref(&change));
        self.pending.push(change);
    }

    fn inode(&mut self, file: FileId) -> &mut Inode {
        &mut self.inodes[self.open[&file.0]]
    }
}

impl Inode {
    fn write(&mut self, begin: usize, bytes: &[u8]) {
        let end = begin + bytes.len();
        self.cached.resize(self.cached.len().max(end), 0);
        self.cached[begin..end].copy_from_slice(bytes);
        self.abandoned.retain(|sector| (sector + 1) * SECTOR <= begin || end <= sector * SECTOR);
    }

    fn sync(&mut self) {
        let mut medium = self.clone();
        medium.lose_abandoned();
        self.durable = medium.cached;
    }

    fn abandon(&mut self) {
        let sectors = 0..self.cached.len().div_ceil(SECTOR);
        let is_dirty = |sector: &usize| {
            let end = self.cached.len().min((sector + 1) * SECTOR);
            self.durable.get(sector * SECTOR..end) != Some(&self.cached[sector * SECTOR..end])
        };
        self.abandoned = sectors.filter(is_dirty).collect();
    }

    /// The medium's content of the abandoned sectors is all that is left of them.
    fn lose_abandoned(&mut self) {
        for sector in std::mem::take(&mut self.abandoned) {
            let end = self.cached.len().min((sector + 1) * SECTOR);
            for place in sector * SECTOR..end {
                self.cached[place] = self.durable.get(place).copied().unwrap_or(0);
            }
        }
    }

    fn draw(&mut self, stream: &mut Stream) {
        if self.cached == self.durable {
            return;
        }
        let (new, old) = (&self.cached, &self.durable);
        let shrinks = new.len() < old.len() && stream.below(2) == 0;
        let mut left = old.clone();
        if shrinks {
            left.truncate(new.len());
        }
        let mut may_tear = true;
        for begin in (0..new.len()).step_by(SECTOR) {
            let end = new.len().min(begin + SECTOR);
            if old.get(begin..end) == Some(&new[begin..end]) || stream.below(2) == 0 {
                continue;
            }
            left.resize(left.len().max(end), 0);
            let torn = may_tear && stream.below(4) == 0;
            let whole =
                if torn { stream.below((end - begin) as u64) as usize } else { end - begin };
            may_tear &= !torn;
            left[begin..begin + whole].copy_from_slice(&new[begin..begin + whole]);
        }
        self.durable.clone_from(&left);
        self.cached = left;
    }
}

fn apply(tree: &mut BTreeMap<String, Entry>, changes: &[Change]) {
    for (path, entry) in changes.iter().flat_map(|change| &change.entries) {
        match entry {
            Some(entry) => tree.insert(path.clone(), *entry),
            None => tree.remove(path),
        };
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

const fn timed<T>(result: Result<T, DiskError>) -> Timed<T> {
    Timed { result, took: Duration::ZERO }
}

impl DiskDriver for MemoryDisk {
    fn open(&mut self, _: Instant, path: &str, how: Open) -> Timed<FileId> {
        let inode = match (self.cached.get(path), how) {
            (Some(Entry::File(inode)), Open::Existing | Open::Any) => *inode,
            (Some(Entry::File(_)), Open::New) => return timed(Err(DiskError::Exists)),
            (Some(Entry::Directory), _) => return timed(Err(DiskError::WrongKind)),
            (None, Open::Existing) => return timed(Err(DiskError::NotFound)),
            (None, _) => {
                if let Err(error) = self.change() {
                    return timed(Err(error));
                }
                self.inodes.push(Inode::default());
                let inode = self.inodes.len() - 1;
                self.note(path, vec![(path.to_owned(), Some(Entry::File(inode)))]);
                inode
            }
        };
        self.opened += 1;
        self.open.insert(self.opened, inode);
        timed(Ok(FileId(self.opened)))
    }

    fn close(&mut self, file: FileId) {
        assert!(self.open.remove(&file.0).is_some(), "a file is closed once");
    }

    fn len(&mut self, _: Instant, file: FileId) -> Timed<u64> {
        timed(Ok(self.inode(file).cached.len() as u64))
    }

    fn read(&mut self, _: Instant, file: FileId, offset: u64, buffer: &mut [u8]) -> Timed<usize> {
        let lost = self.unreadable.as_ref().and_then(|path| self.cached.get(path)).copied();
        if lost == Some(Entry::File(self.open[&file.0])) {
            return timed(Err(DiskError::Read));
        }
        let bytes = self.inode(file).cached.get(offset as usize..).unwrap_or(&[]);
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        timed(Ok(count))
    }

    fn write(&mut self, _: Instant, file: FileId, offset: u64, bytes: &[u8]) -> Timed<()> {
        let result = self.change();
        // A write that fails for want of space or power may have done a part of its work.
        let count = if result.is_ok() { bytes.len() } else { bytes.len() / 2 };
        if self.operations_max.is_none_or(|max| self.operations <= max) {
            self.inode(file).write(offset as usize, &bytes[..count]);
        }
        timed(result)
    }

    fn append(&mut self, now: Instant, file: FileId, bytes: &[u8]) -> Timed<u64> {
        let end = self.inode(file).cached.len() as u64;
        timed(self.write(now, file, end, bytes).result.map(|()| end))
    }

    fn set_len(&mut self, _: Instant, file: FileId, len: u64) -> Timed<()> {
        timed(self.change().map(|()| self.inode(file).cached.resize(len as usize, 0)))
    }

    fn sync(&mut self, _: Instant, file: FileId) -> Timed<()> {
        timed(self.change().map(|()| self.inode(file).sync()))
    }

    fn start_sync(&mut self, now: Instant, file: FileId) -> (DiskTicket, Instant) {
        let _ = self.sync(now, file);
        (DiskTicket(self.operations), now)
    }

    fn create_directory(&mut self, _: Instant, path: &str) -> Timed<()> {
        if self.cached.contains_key(path) {
            return timed(Err(DiskError::Exists));
        }
        let entries = vec![(path.to_owned(), Some(Entry::Directory))];
        timed(self.change().map(|()| self.note(path, entries)))
    }

    fn list(&mut self, _: Instant, path: &str) -> Timed<Vec<String>> {
        if !path.is_empty() && self.cached.get(path) != Some(&Entry::Directory) {
            return timed(Err(DiskError::NotFound));
        }
        let names = self.cached.keys().filter(|name| parent(name) == path);
        timed(Ok(names.map(|name| name.rsplit('/').next().unwrap_or(name).to_owned()).collect()))
    }

    fn sync_directory(&mut self, _: Instant, path: &str) -> Timed<()> {
        timed(self.change().map(|()| {
            let (synced, others): (Vec<_>, Vec<_>) =
                self.pending.drain(..).partition(|change| change.directory == path);
            self.pending = others;
            apply(&mut self.durable, &synced);
        }))
    }

    fn rename(&mut self, _: Instant, from: &str, to: &str) -> Timed<()> {
        let Some(&entry) = self.cached.get(from) else { return timed(Err(DiskError::NotFound)) };
        let entries = vec![(from.to_owned(), None), (to.to_owned(), Some(entry))];
        timed(self.change().map(|()| self.note(to, entries)))
    }

    fn remove(&mut self, _: Instant, path: &str) -> Timed<()> {
        if !self.cached.contains_key(path) {
            return timed(Err(DiskError::NotFound));
        }
        timed(self.change().map(|()| self.note(path, vec![(path.to_owned(), None)])))
    }
}

/// A node that does nothing: a disk belongs to somebody.
pub(super) struct Nobody;

#[derive(Clone, Debug, Hash)]
pub(super) struct Silence;

impl Message for Silence {}

impl Node for Nobody {
    type Message = Silence;
    type Timer = ();

    fn on_start(&mut self, _: &mut Context<'_, Self>) {}
    fn on_message(&mut self, _: NodeId, _: Silence, _: &mut Context<'_, Self>) {}
}
