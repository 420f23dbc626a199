//! A node's disk as the node sees it: files and directories behind a write-back cache.
//!
//! The rules are POSIX's, taken at their word:
//!
//! - a write is durable only after `sync` of the *file*;
//! - a create, a rename or a delete is durable only after `sync_directory` of the *directory*;
//! - what is not synced may survive a power failure or not, sector by sector, and one sector may be torn;
//! - a process crash loses nothing: the cache belongs to the operating system;
//! - after a failed `sync` nobody knows what is on the disk, and a second `sync` that succeeds proves nothing.

use std::fmt;
use std::time::Duration;

use crate::kernel::time::Instant;

/// An open file. It ends with the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A background operation, until its `on_disk`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiskTicket(pub u64);

/// Why a disk operation did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiskError {
    /// There is no such file or directory.
    NotFound,
    /// It exists already.
    Exists,
    /// It is a directory where a file is needed, or the reverse, or not an empty directory.
    WrongKind,
    /// No space is left.
    Full,
    /// The device could not read.
    Read,
    /// The device could not write.
    Write,
    /// The sync failed: the unsynced writes of this file are lost, whatever a later sync says.
    Sync,
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "no such file or directory",
            Self::Exists => "the file exists already",
            Self::WrongKind => "not a file, or not an empty directory",
            Self::Full => "no space left on the disk",
            Self::Read => "read error",
            Self::Write => "write error",
            Self::Sync => "sync failed",
        })
    }
}

impl std::error::Error for DiskError {}

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// It must exist.
    Existing,
    /// It must not exist.
    New,
    /// It is created if it does not exist.
    Any,
}

/// What an operation did, for the trace and the statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiskAction {
    /// A file was opened or created.
    Open,
    /// Bytes were read.
    Read,
    /// Bytes were written to the cache.
    Write,
    /// A file was cut or extended.
    SetLength,
    /// A file was made durable.
    Sync,
    /// A directory was made durable.
    SyncDirectory,
    /// A directory was created or listed.
    Directory,
    /// A file was renamed.
    Rename,
    /// A file or a directory was removed.
    Remove,
}

/// The outcome of a disk operation and the virtual time that it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timed<T> {
    /// The outcome, known at once.
    pub result: Result<T, DiskError>,
    /// How long the node waited for it.
    pub took: Duration,
}

/// The driver of a disk: the simulated one in [`world`](crate::world), or one over real files.
///
/// `now` is the true time at which the node calls. Paths are relative, with `/` between their parts; the empty path
/// is the root directory, which always exists.
pub trait DiskDriver {
    /// Opens or creates a file.
    fn open(&mut self, now: Instant, path: &str, how: Open) -> Timed<FileId>;
    /// Closes a file.
    fn close(&mut self, file: FileId);
    /// The length of a file, in bytes.
    fn len(&mut self, now: Instant, file: FileId) -> Timed<u64>;
    /// Reads from `offset` on, up to the length of the buffer or the end of the file; returns how much.
    fn read(&mut self, now: Instant, file: FileId, offset: u64, buffer: &mut [u8]) -> Timed<usize>;
    /// Writes all bytes at `offset`, extending the file with zeros if needed.
    fn write(&mut self, now: Instant, file: FileId, offset: u64, bytes: &[u8]) -> Timed<()>;
    /// Writes all bytes at the end of the file; returns the offset at which they begin.
    fn append(&mut self, now: Instant, file: FileId, bytes: &[u8]) -> Timed<u64>;
    /// Cuts the file, or extends it with zeros.
    fn set_len(&mut self, now: Instant, file: FileId, len: u64) -> Timed<()>;
    /// Makes the file's content and length durable.
    fn sync(&mut self, now: Instant, file: FileId) -> Timed<()>;
    /// Starts to make durable what was written to the file so far; `on_disk` tells the end.
    ///
    /// Returns the ticket and when the operation will end; the driver owes `on_disk` then.
    fn start_sync(&mut self, now: Instant, file: FileId) -> (DiskTicket, Instant);
    /// Creates a directory; its parent must exist.
    fn create_directory(&mut self, now: Instant, path: &str) -> Timed<()>;
    /// The names in a directory, sorted.
    fn list(&mut self, now: Instant, path: &str) -> Timed<Vec<String>>;
    /// Makes the entries of a directory durable: what was created, renamed or removed in it.
    fn sync_directory(&mut self, now: Instant, path: &str) -> Timed<()>;
    /// Renames a file, replacing what has the new name, within one directory or across two. Atomic.
    fn rename(&mut self, now: Instant, from: &str, to: &str) -> Timed<()>;
    /// Removes a file or an empty directory.
    fn remove(&mut self, now: Instant, path: &str) -> Timed<()>;
}
