//! Directories: what a name means in the cache, what it means on the platter, and the changes in between.
//!
//! A create, a rename or a remove is one [`Change`]: one or two cells (a directory and a name) that get a new
//! meaning together. It happens in the cache at once and is pending until a directory that it touches is
//! synced. A power failure decides for each pending change, independently, whether it survives, and those
//! that do are applied in order.
//!
//! Two rules keep the platter sane. A sync of a directory also makes durable the earlier changes that its own
//! depend on: it cannot keep `b` in its place and forget that `a` moved there. And a file has one name: a
//! rename that survives takes the file from wherever it is.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::mem;

use crate::node::disk::DiskError;
use crate::world::disk::file::FileContent;

/// A file or a directory, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InodeId(u32);

/// The root directory, which always exists.
const ROOT: InodeId = InodeId(0);

#[derive(Debug)]
enum Inode {
    /// Nothing refers to it; its number will be used again.
    Free,
    File(FileContent),
    Directory(Directory),
}

type Names = BTreeMap<Box<str>, InodeId>;

#[derive(Debug, Default)]
struct Directory {
    cached: Names,
    platter: Names,
}

/// The meaning of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cell {
    directory: InodeId,
    name: Box<str>,
    before: Option<InodeId>,
    after: Option<InodeId>,
}

impl Cell {
    fn is_same_name(&self, other: &Self) -> bool {
        self.directory == other.directory && self.name == other.name
    }
}

/// A create, rename or remove: all of its cells change, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change(Vec<Cell>);

/// What a sync of a directory changed, for undoing it.
#[derive(Debug)]
pub struct DirectorySync {
    pending: Vec<Change>,
    /// The cells of the platter that were written; `before` is what the platter had.
    written: Vec<Cell>,
}

/// All files and directories of a disk.
#[derive(Debug)]
pub struct Tree {
    inodes: Vec<Inode>,
    free: Vec<InodeId>,
    pending: Vec<Change>,
    /// How many inodes lost a name since the last collection.
    unnamed: usize,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            inodes: vec![Inode::Directory(Directory::default())],
            free: Vec::new(),
            pending: Vec::new(),
            unnamed: 0,
        }
    }
}

/// A place for a name: the directory, and the name in it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'p> {
    directory: InodeId,
    name: &'p str,
}

impl Tree {
    /// The content of a file.
    ///
    /// # Panics
    /// If `file` is not a file that something refers to.
    pub fn file(&self, file: InodeId) -> &FileContent {
        match &self.inodes[file.0 as usize] {
            Inode::File(content) => content,
            _ => unreachable!("an open file is a file"),
        }
    }

    /// The content of a file, to be changed.
    ///
    /// # Panics
    /// If `file` is not a file that something refers to.
    pub fn file_mut(&mut self, file: InodeId) -> &mut FileContent {
        match &mut self.inodes[file.0 as usize] {
            Inode::File(content) => content,
            _ => unreachable!("an open file is a file"),
        }
    }

    /// All files, named or not, in order.
    pub fn files_mut(&mut self) -> impl Iterator<Item = (InodeId, &mut FileContent)> {
        self.inodes.iter_mut().enumerate().filter_map(|(number, inode)| match inode {
            Inode::File(content) => Some((InodeId(number as u32), content)),
            _ => None,
        })
    }

    /// How many bytes the files that have a name take.
    pub fn used_bytes(&self) -> u64 {
        let named = self.inodes.iter().filter_map(|inode| match inode {
            Inode::Directory(directory) => Some(directory.cached.values()),
            _ => None,
        });
        let size = |inode: &InodeId| match &self.inodes[inode.0 as usize] {
            Inode::File(content) => content.bytes().len() as u64,
            _ => 0,
        };
        named.flatten().map(size).sum()
    }

    /// The directory of this path.
    ///
    /// # Errors
    /// `NotFound`; `WrongKind` if a part of the path is a file.
    pub fn find_directory(&self, path: &str) -> Result<InodeId, DiskError> {
        if path.is_empty() {
            return Ok(ROOT);
        }
        path.split('/').try_fold(ROOT, |directory, name| {
            let inode = *self.directory(directory).cached.get(name).ok_or(DiskError::NotFound)?;
            if self.is_directory(inode) { Ok(inode) } else { Err(DiskError::WrongKind) }
        })
    }

    /// Where the last name of a path belongs.
    ///
    /// # Errors
    /// `NotFound` if the directory does not exist or the name is empty; `WrongKind` if a part of the path is
    /// a file, and for the root.
    pub fn locate<'p>(&self, path: &'p str) -> Result<Place<'p>, DiskError> {
        if path.is_empty() {
            return Err(DiskError::WrongKind);
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let directory = self.find_directory(parent)?;
        if name.is_empty() {
            return Err(DiskError::NotFound);
        }
        Ok(Place { directory, name })
    }

    /// What a place holds.
    pub fn look_up(&self, place: Place<'_>) -> Option<InodeId> {
        self.directory(place.directory).cached.get(place.name).copied()
    }

    pub fn is_directory(&self, inode: InodeId) -> bool {
        matches!(self.inodes[inode.0 as usize], Inode::Directory(_))
    }

    /// The names in a directory, sorted.
    pub fn list(&self, directory: InodeId) -> Vec<String> {
        self.directory(directory).cached.keys().map(ToString::to_string).collect()
    }

    /// Creates an empty file in a place that holds nothing.
    pub fn create_file(&mut self, place: Place<'_>) -> InodeId {
        self.create(place, Inode::File(FileContent::default()))
    }

    /// Creates an empty directory in a place that holds nothing.
    pub fn create_directory(&mut self, place: Place<'_>) -> InodeId {
        self.create(place, Inode::Directory(Directory::default()))
    }

    fn create(&mut self, place: Place<'_>, inode: Inode) -> InodeId {
        let id = if let Some(free) = self.free.pop() {
            self.inodes[free.0 as usize] = inode;
            free
        } else {
            self.inodes.push(inode);
            InodeId(u32::try_from(self.inodes.len() - 1).expect("fewer than 2^32 files"))
        };
        let cell = self.cell(place, Some(id));
        assert!(cell.before.is_none(), "what is created takes the place of nothing");
        self.apply(Change(vec![cell]));
        id
    }

    /// What a rename of a file would change: `None` if it keeps its name.
    ///
    /// # Errors
    /// `NotFound`; `WrongKind` if either is a directory.
    pub fn plan_rename(&self, from: &str, to: &str) -> Result<Option<Change>, DiskError> {
        let (from, to) = (self.locate(from)?, self.locate(to)?);
        let file = self.look_up(from).ok_or(DiskError::NotFound)?;
        let replaced = self.look_up(to);
        if self.is_directory(file) || replaced.is_some_and(|inode| self.is_directory(inode)) {
            return Err(DiskError::WrongKind);
        }
        let cells = || vec![self.cell(from, None), self.cell(to, Some(file))];
        Ok((replaced != Some(file)).then(|| Change(cells())))
    }

    /// What the removal of a file or an empty directory would change.
    ///
    /// # Errors
    /// `NotFound`; `WrongKind` if it is a directory that is not empty.
    pub fn plan_remove(&self, path: &str) -> Result<Change, DiskError> {
        let place = self.locate(path)?;
        let inode = self.look_up(place).ok_or(DiskError::NotFound)?;
        if self.is_directory(inode) && !self.directory(inode).cached.is_empty() {
            return Err(DiskError::WrongKind);
        }
        Ok(Change(vec![self.cell(place, None)]))
    }

    fn cell(&self, place: Place<'_>, after: Option<InodeId>) -> Cell {
        let before = self.look_up(place);
        Cell { directory: place.directory, name: place.name.into(), before, after }
    }

    /// Makes a change in the cache; it is pending from now on.
    pub fn apply(&mut self, change: Change) {
        for cell in &change.0 {
            let names = &mut self.directory_mut(cell.directory).cached;
            let before = set(names, &cell.name, cell.after);
            assert!(before == cell.before, "a change is made in the state it was planned for");
        }
        self.unnamed += change.0.iter().filter(|cell| cell.before.is_some()).count();
        self.pending.push(change);
    }

    /// Undoes the last change that was made.
    ///
    /// # Panics
    /// If no change is pending.
    pub fn undo(&mut self) {
        let change = self.pending.pop().expect("a change that is undone was pending");
        for cell in change.0.iter().rev() {
            let names = &mut self.directory_mut(cell.directory).cached;
            let after = set(names, &cell.name, cell.before);
            assert!(after == cell.after, "changes are undone in reverse order");
        }
        self.unnamed += 1;
    }

    /// Makes durable what was changed in a directory, and the earlier changes that this depends on.
    pub fn sync(&mut self, directory: InodeId) -> DirectorySync {
        let pending = mem::take(&mut self.pending);
        let chosen = durable_with(&pending, directory);
        let mut written = Vec::new();
        for (change, chosen) in pending.iter().zip(chosen) {
            if !chosen {
                self.pending.push(change.clone());
                continue;
            }
            for cell in &change.0 {
                let names = &mut self.directory_mut(cell.directory).platter;
                let before = set(names, &cell.name, cell.after);
                self.unnamed += usize::from(before.is_some());
                written.push(Cell { before, ..cell.clone() });
            }
        }
        DirectorySync { pending, written }
    }

    /// Undoes the last sync of a directory that was not undone.
    pub fn undo_sync(&mut self, sync: DirectorySync) {
        for cell in sync.written.iter().rev() {
            set(&mut self.directory_mut(cell.directory).platter, &cell.name, cell.before);
        }
        self.pending = sync.pending;
    }

    /// The cache is lost: the pending changes that survive are applied, and what the platter has is what
    /// there is.
    pub fn lose_cache(&mut self, mut survives: impl FnMut() -> bool) {
        for change in mem::take(&mut self.pending) {
            if !survives() {
                continue;
            }
            let is_rename = change.0.len() > 1;
            for cell in change.0 {
                if let Some(file) = cell.after.filter(|_| is_rename) {
                    self.forget_on_platter(file);
                }
                set(&mut self.directory_mut(cell.directory).platter, &cell.name, cell.after);
            }
        }
        for inode in &mut self.inodes {
            if let Inode::Directory(directory) = inode {
                directory.cached.clone_from(&directory.platter);
            }
        }
        self.unnamed = self.inodes.len();
    }

    fn forget_on_platter(&mut self, file: InodeId) {
        for inode in &mut self.inodes {
            if let Inode::Directory(directory) = inode {
                directory.platter.retain(|_, &mut named| named != file);
            }
        }
    }

    /// Whether enough inodes lost their names to be worth a [`collect`](Self::collect), so that its cost,
    /// spread over them, is small.
    pub const fn wants_collection(&self) -> bool {
        self.unnamed > self.inodes.len() / 4
    }

    /// Frees the inodes that no name, pending change or `user` refers to.
    pub fn collect(&mut self, users: impl Iterator<Item = InodeId>) {
        let mut used = vec![false; self.inodes.len()];
        let in_changes = self.pending.iter().flat_map(|change| &change.0);
        let mut found: Vec<InodeId> = in_changes
            .flat_map(|cell| [Some(cell.directory), cell.before, cell.after])
            .flatten()
            .chain(users)
            .chain([ROOT])
            .collect();
        while let Some(inode) = found.pop() {
            if mem::replace(&mut used[inode.0 as usize], true) {
                continue;
            }
            if let Inode::Directory(Directory { cached, platter }) = &self.inodes[inode.0 as usize]
            {
                found.extend(cached.values().chain(platter.values()));
            }
        }
        for (number, used) in used.into_iter().enumerate() {
            if !used && !matches!(self.inodes[number], Inode::Free) {
                self.inodes[number] = Inode::Free;
                self.free.push(InodeId(number as u32));
            }
        }
        self.unnamed = 0;
    }

    /// All names and pending changes, for comparing.
    #[cfg(test)]
    pub fn describe(&self) -> String {
        let directories =
            self.inodes.iter().enumerate().filter_map(|(number, inode)| match inode {
                Inode::Directory(directory) => Some((number, directory)),
                _ => None,
            });
        format!("{:?} {:?}", directories.collect::<Vec<_>>(), self.pending)
    }

    fn directory(&self, directory: InodeId) -> &Directory {
        match &self.inodes[directory.0 as usize] {
            Inode::Directory(directory) => directory,
            _ => unreachable!("a name is in a directory"),
        }
    }

    fn directory_mut(&mut self, directory: InodeId) -> &mut Directory {
        match &mut self.inodes[directory.0 as usize] {
            Inode::Directory(directory) => directory,
            _ => unreachable!("a name is in a directory"),
        }
    }
}

/// Gives a name a meaning; returns the one it had.
fn set(names: &mut Names, name: &str, meaning: Option<InodeId>) -> Option<InodeId> {
    match meaning {
        Some(inode) => names.insert(name.into(), inode),
        None => names.remove(name),
    }
}

/// Which pending changes a sync of `directory` makes durable: those that touch it, and, going back, those
/// that gave a cell its meaning which one of them changes.
fn durable_with(pending: &[Change], directory: InodeId) -> Vec<bool> {
    let mut chosen = vec![false; pending.len()];
    let mut needed: Vec<&Cell> = Vec::new();
    for (place, change) in pending.iter().enumerate().rev() {
        let depended_on = |cell: &Cell| needed.iter().any(|later| later.is_same_name(cell));
        if change.0.iter().any(|cell| cell.directory == directory || depended_on(cell)) {
            chosen[place] = true;
            // The cells of the directory itself need no note: all changes of it are chosen.
            needed.extend(change.0.iter().filter(|cell| cell.directory != directory));
        }
    }
    chosen
}
