//! What the disk promises, and above all what it does not.
//!
//! In all tests an operation on the cache takes 1 ms and a sync 10 ms, so that the times in them can be
//! counted.

mod background;
mod faults;
mod handlers;
mod model;
mod power;
mod replay;

use std::time::Duration;

use crate::kernel::distribution::Distribution;
use crate::kernel::random::{Probability, Purpose, Stream};
use crate::kernel::time::Instant;
use crate::node::disk::{DiskDriver, DiskError, FileId, Open, Timed};
use crate::world::disk::SimulatedDisk;
use crate::world::options::DiskOptions;

fn millis(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn options() -> DiskOptions {
    DiskOptions {
        access: Distribution::Constant(Duration::from_millis(1)),
        sync: Distribution::Constant(Duration::from_millis(10)),
        ..DiskOptions::default()
    }
}

/// Power failures lose all that is not synced.
fn merciless() -> DiskOptions {
    DiskOptions { survival: Probability::NEVER, tearing: Probability::NEVER, ..options() }
}

/// Power failures lose nothing, but may not have happened yet.
fn merciful() -> DiskOptions {
    DiskOptions { survival: Probability::ALWAYS, tearing: Probability::NEVER, ..options() }
}

/// A disk, and the node's time on it.
struct Bench {
    disk: SimulatedDisk,
    now: Instant,
}

impl Bench {
    fn new(options: DiskOptions) -> Self {
        Self::seeded(options, 1)
    }

    fn seeded(options: DiskOptions, seed: u64) -> Self {
        let stream = |purpose| Stream::new(seed, purpose, 0, 0);
        let disk = SimulatedDisk::new(options, stream(Purpose::Disk), stream(Purpose::Power));
        Self { disk, now: Instant::ZERO }
    }

    /// Calls the disk, and waits for it.
    fn call<T>(
        &mut self,
        act: impl FnOnce(&mut SimulatedDisk, Instant) -> Timed<T>,
    ) -> Result<T, DiskError> {
        let timed = act(&mut self.disk, self.now);
        self.now = self.now + timed.took;
        timed.result
    }

    fn open(&mut self, path: &str) -> FileId {
        self.call(|disk, now| disk.open(now, path, Open::Any)).unwrap()
    }

    /// A file with a durable name and this durable content; a new handler begins at 0 ms.
    fn durable(&mut self, path: &str, content: &[u8]) -> FileId {
        let file = self.open(path);
        self.append(file, content).unwrap();
        self.sync(file).unwrap();
        self.call(|disk, now| disk.sync_directory(now, "")).unwrap();
        self.disk.begin_handler();
        self.disk.free_at = Instant::ZERO;
        self.now = Instant::ZERO;
        file
    }

    fn append(&mut self, file: FileId, bytes: &[u8]) -> Result<u64, DiskError> {
        self.call(|disk, now| disk.append(now, file, bytes))
    }

    fn write(&mut self, file: FileId, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.call(|disk, now| disk.write(now, file, offset, bytes))
    }

    fn set_len(&mut self, file: FileId, len: u64) {
        self.call(|disk, now| disk.set_len(now, file, len)).unwrap();
    }

    fn sync(&mut self, file: FileId) -> Result<(), DiskError> {
        self.call(|disk, now| disk.sync(now, file))
    }

    fn read(&mut self, file: FileId) -> Result<Vec<u8>, DiskError> {
        let len = self.call(|disk, now| disk.len(now, file))?;
        let mut content = vec![0; len as usize];
        let read = self.call(|disk, now| disk.read(now, file, 0, &mut content))?;
        assert_eq!(read, content.len());
        Ok(content)
    }

    /// What a restarted process finds in a file.
    fn content(&mut self, path: &str) -> Vec<u8> {
        let file = self.call(|disk, now| disk.open(now, path, Open::Existing)).unwrap();
        self.read(file).unwrap()
    }

    fn names(&mut self) -> Vec<String> {
        self.call(|disk, now| disk.list(now, "")).unwrap()
    }
}
