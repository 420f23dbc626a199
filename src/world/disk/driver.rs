//! The operations that a node calls: what each costs, what faults do to it, and its entry in the journal.

use std::time::Duration;

use crate::kernel::random::{Draws, scaled};
use crate::kernel::time::Instant;
use crate::node::disk::{DiskDriver, DiskError, DiskTicket, FileId, Open, Timed};
use crate::world::disk::SimulatedDisk;
use crate::world::disk::background::{Background, SyncOutcome};
use crate::world::disk::faults::Fates;
use crate::world::disk::file::FILE_BYTES_MAX;
use crate::world::disk::journal::Undo;
use crate::world::disk::sectors::{SECTOR_BYTES, Sector};
use crate::world::disk::tree::InodeId;

/// One operation: the times between which it happens, and its luck.
#[derive(Clone, Copy)]
struct Running {
    began: Instant,
    ended: Instant,
    draws: Draws,
}

impl Running {
    const fn fates(&self) -> Fates {
        Fates::of(self.draws[1])
    }

    /// A uniform choice below `bound`, for what a fault leaves open.
    const fn choice(&self, bound: usize) -> usize {
        scaled(self.draws[2], bound as u64) as usize
    }

    /// The outcome, as the node gets it that called at `now`.
    fn timed<T>(&self, now: Instant, result: Result<T, DiskError>) -> Timed<T> {
        Timed { result, took: self.ended.since(now) }
    }
}

/// An operation that is refused before the disk has anything to do.
const fn at_once<T>(error: DiskError) -> Timed<T> {
    Timed { result: Err(error), took: Duration::ZERO }
}

impl DiskDriver for SimulatedDisk {
    fn open(&mut self, now: Instant, path: &str, how: Open) -> Timed<FileId> {
        self.journal.called += 1;
        let running = self.run_in_cache(now, 0);
        let result = self.try_open(&running, path, how);
        running.timed(now, result)
    }

    fn close(&mut self, file: FileId) {
        self.open.remove(&file);
    }

    fn len(&mut self, _now: Instant, file: FileId) -> Timed<u64> {
        self.journal.called += 1;
        let len = |inode: &InodeId| self.tree.file(*inode).bytes().len() as u64;
        let result = self.open.get(&file).map(len).ok_or(DiskError::NotFound);
        Timed { result, took: Duration::ZERO }
    }

    fn read(&mut self, now: Instant, file: FileId, offset: u64, buffer: &mut [u8]) -> Timed<usize> {
        self.journal.called += 1;
        let Some(&inode) = self.open.get(&file) else { return at_once(DiskError::NotFound) };
        let len = self.tree.file(inode).bytes().len();
        let start = len.min(usize::try_from(offset).unwrap_or(len));
        let end = len.min(start.saturating_add(buffer.len()));
        let running = self.run_in_cache(now, end - start);
        let content = self.tree.file(inode);
        if self.faults.fails_read(running.fates()) || !content.is_readable(start, end) {
            return running.timed(now, Err(DiskError::Read));
        }
        buffer[..end - start].copy_from_slice(&content.bytes()[start..end]);
        running.timed(now, Ok(end - start))
    }

    fn write(&mut self, now: Instant, file: FileId, offset: u64, bytes: &[u8]) -> Timed<()> {
        self.journal.called += 1;
        let Some(&inode) = self.open.get(&file) else { return at_once(DiskError::NotFound) };
        let running = self.run_in_cache(now, bytes.len());
        let result = self.try_write(&running, inode, offset, bytes);
        running.timed(now, result)
    }

    fn append(&mut self, now: Instant, file: FileId, bytes: &[u8]) -> Timed<u64> {
        self.journal.called += 1;
        let Some(&inode) = self.open.get(&file) else { return at_once(DiskError::NotFound) };
        let running = self.run_in_cache(now, bytes.len());
        let end = self.tree.file(inode).bytes().len() as u64;
        let result = self.try_write(&running, inode, end, bytes);
        running.timed(now, result.map(|()| end))
    }

    fn set_len(&mut self, now: Instant, file: FileId, len: u64) -> Timed<()> {
        self.journal.called += 1;
        let Some(&inode) = self.open.get(&file) else { return at_once(DiskError::NotFound) };
        let running = self.run_in_cache(now, 0);
        let result = self.try_set_len(&running, inode, len);
        running.timed(now, result)
    }

    fn sync(&mut self, now: Instant, file: FileId) -> Timed<()> {
        self.journal.called += 1;
        let Some(&inode) = self.open.get(&file) else { return at_once(DiskError::NotFound) };
        let running = self.run_on_device(now, Some(inode));
        let outcome = self.faults.sync_outcome(running.fates());
        let spare = self.spares.unsynced();
        let content = self.tree.file_mut(inode);
        let old = match outcome {
            SyncOutcome::Durable => content.sync(spare),
            SyncOutcome::Failed => content.abandon(spare),
            SyncOutcome::Lied => content.unsynced().clone(),
        };
        self.statistics.syncs += 1;
        self.journal.push(running.began, running.ended, Undo::Sync(inode, old));
        running.timed(now, outcome.result())
    }

    fn start_sync(&mut self, now: Instant, file: FileId) -> (DiskTicket, Instant) {
        self.journal.called += 1;
        let ticket = DiskTicket(self.next_ticket);
        self.next_ticket += 1;
        let Some(&file) = self.open.get(&file) else {
            self.finished.push((ticket, Err(DiskError::NotFound)));
            return (ticket, now);
        };
        self.complete_until(now);
        let capture = self.tree.file_mut(file).capture(self.spares.capture());
        let running = self.occupy_device(now, capture.sectors.len());
        let outcome = self.faults.sync_outcome(running.fates());
        let Running { began, ended, .. } = running;
        let call = self.journal.called;
        self.backgrounds.push_back(Background {
            ticket,
            file,
            called: now,
            call,
            began,
            ended,
            outcome,
            capture,
        });
        self.statistics.syncs += 1;
        self.journal.push(now, now, Undo::StartSync);
        (ticket, ended)
    }

    fn create_directory(&mut self, now: Instant, path: &str) -> Timed<()> {
        self.journal.called += 1;
        let running = self.run_in_cache(now, 0);
        let result = self.try_create_directory(&running, path);
        running.timed(now, result)
    }

    fn list(&mut self, now: Instant, path: &str) -> Timed<Vec<String>> {
        self.journal.called += 1;
        let running = self.run_in_cache(now, 0);
        let result = self.tree.find_directory(path).and_then(|directory| {
            if self.faults.fails_read(running.fates()) {
                return Err(DiskError::Read);
            }
            Ok(self.tree.list(directory))
        });
        running.timed(now, result)
    }

    fn sync_directory(&mut self, now: Instant, path: &str) -> Timed<()> {
        self.journal.called += 1;
        let directory = match self.tree.find_directory(path) {
            Ok(directory) => directory,
            Err(error) => return at_once(error),
        };
        let running = self.run_on_device(now, None);
        let outcome = self.faults.sync_outcome(running.fates());
        let durable = outcome == SyncOutcome::Durable;
        let undo = Undo::SyncDirectory(durable.then(|| self.tree.sync(directory)));
        self.statistics.syncs += 1;
        self.journal.push(running.began, running.ended, undo);
        running.timed(now, outcome.result())
    }

    fn rename(&mut self, now: Instant, from: &str, to: &str) -> Timed<()> {
        self.journal.called += 1;
        let running = self.run_in_cache(now, 0);
        let result = self.tree.plan_rename(from, to).and_then(|change| {
            self.may_change_names(&running)?;
            if let Some(change) = change {
                self.tree.apply(change);
                self.journal.push(running.began, running.ended, Undo::Name);
            }
            Ok(())
        });
        running.timed(now, result)
    }

    fn remove(&mut self, now: Instant, path: &str) -> Timed<()> {
        self.journal.called += 1;
        let running = self.run_in_cache(now, 0);
        let result = self.tree.plan_remove(path).and_then(|change| {
            self.may_change_names(&running)?;
            self.tree.apply(change);
            self.journal.push(running.began, running.ended, Undo::Name);
            Ok(())
        });
        running.timed(now, result)
    }
}

impl SimulatedDisk {
    /// An operation on the cache begins, which moves so many bytes. It does not wait for the device.
    fn run_in_cache(&mut self, now: Instant, bytes: usize) -> Running {
        self.complete_until(now);
        let draws = self.next_draws();
        let took = self.options.access.sample(draws[0]) + self.moving(bytes);
        Running { began: now, ended: self.faults.end_of(now, took), draws }
    }

    /// A sync begins as soon as the device is free, and all earlier syncs have ended then.
    fn run_on_device(&mut self, now: Instant, file: Option<InodeId>) -> Running {
        self.complete_until(now.max(self.free_at));
        let dirty = file.map_or(0, |file| self.tree.file(file).unsynced().sectors.len());
        self.occupy_device(now, dirty)
    }

    fn occupy_device(&mut self, now: Instant, sectors: usize) -> Running {
        let draws = self.next_draws();
        let began = now.max(self.free_at);
        let took = self.options.sync.sample(draws[0]) + self.moving(sectors * SECTOR_BYTES);
        self.free_at = self.faults.end_of(began, took);
        Running { began, ended: self.free_at, draws }
    }

    /// What each operation draws is addressed by its number.
    fn next_draws(&mut self) -> Draws {
        self.operations += 1;
        self.luck.draws(self.operations)
    }

    const fn moving(&self, bytes: usize) -> Duration {
        Duration::from_nanos((bytes as u64).saturating_mul(self.options.nanos_per_kib) / 1024)
    }

    fn try_open(&mut self, running: &Running, path: &str, how: Open) -> Result<FileId, DiskError> {
        let place = self.tree.locate(path)?;
        let inode = match (self.tree.look_up(place), how) {
            (Some(_), Open::New) => return Err(DiskError::Exists),
            (Some(inode), _) if self.tree.is_directory(inode) => return Err(DiskError::WrongKind),
            (Some(inode), _) => inode,
            (None, Open::Existing) => return Err(DiskError::NotFound),
            (None, _) => {
                self.may_create(running)?;
                let inode = self.tree.create_file(place);
                self.journal.push(running.began, running.ended, Undo::Name);
                inode
            }
        };
        let file = FileId(self.next_file);
        self.next_file += 1;
        self.open.insert(file, inode);
        Ok(file)
    }

    fn try_create_directory(&mut self, running: &Running, path: &str) -> Result<(), DiskError> {
        if path.is_empty() {
            return Err(DiskError::Exists);
        }
        let place = self.tree.locate(path)?;
        if self.tree.look_up(place).is_some() {
            return Err(DiskError::Exists);
        }
        self.may_create(running)?;
        self.tree.create_directory(place);
        self.journal.push(running.began, running.ended, Undo::Name);
        Ok(())
    }

    fn may_create(&self, running: &Running) -> Result<(), DiskError> {
        if self.faults.is_full() {
            return Err(DiskError::Full);
        }
        self.may_change_names(running)
    }

    fn may_change_names(&self, running: &Running) -> Result<(), DiskError> {
        if self.faults.fails_write(running.fates()) { Err(DiskError::Write) } else { Ok(()) }
    }

    /// Writes all of the bytes, or a prefix and says why no more.
    fn try_write(
        &mut self,
        running: &Running,
        file: InodeId,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), DiskError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let end = offset.saturating_add(bytes.len() as u64);
        let room_end = self.room_for(file, end);
        let fits = bytes.len().min(usize::try_from(room_end.saturating_sub(offset)).unwrap_or(0));
        let (prefix, result) = if self.faults.fails_write(running.fates()) {
            (running.choice(fits + 1), Err(DiskError::Write))
        } else if fits < bytes.len() {
            (fits, Err(DiskError::Full))
        } else {
            (fits, Ok(()))
        };
        if prefix > 0 {
            self.put(running, file, offset as usize, &bytes[..prefix]);
        }
        result
    }

    /// How far a file can reach, if it is to reach `end`: its present end, at least.
    fn room_for(&self, file: InodeId, end: u64) -> u64 {
        let len = self.tree.file(file).bytes().len() as u64;
        if end <= len {
            return end;
        }
        if self.faults.is_full() {
            return len;
        }
        let free = self
            .options
            .capacity
            .map_or(u64::MAX, |capacity| capacity.saturating_sub(self.tree.used_bytes()));
        end.min(len.saturating_add(free)).min(FILE_BYTES_MAX)
    }

    fn put(&mut self, running: &Running, file: InodeId, offset: usize, bytes: &[u8]) {
        let mut place = offset;
        if self.faults.misdirects(running.fates()) {
            place = self.misdirect(running, file, offset, bytes.len());
        }
        let content = self.tree.file_mut(file);
        let edit = content.write(place, bytes, &mut self.journal.saved);
        self.journal.push(running.began, running.ended, Undo::Edit(file, edit));
        self.statistics.writes += 1;
        self.statistics.bytes += bytes.len() as u64;
    }

    /// Another place for a write in the same file, at the start of a sector. The file becomes as long as if
    /// the write had gone where it should.
    fn misdirect(&mut self, running: &Running, file: InodeId, offset: usize, len: usize) -> usize {
        let content = self.tree.file_mut(file);
        let file_len = content.bytes().len();
        if file_len < offset + len {
            let edit = content.set_len(offset + len, &mut self.journal.saved);
            self.journal.push(running.began, running.ended, Undo::Edit(file, edit));
        }
        let sectors = Sector::of((offset + len).max(file_len) - 1).0 as usize + 1;
        let aimed = Sector::of(offset).0 as usize;
        // A uniform choice among the other sectors; a file of one sector has none, and the write hits its
        // start.
        let other = running.choice((sectors - 1).max(1));
        let sector = if sectors > 1 && other >= aimed { other + 1 } else { other };
        Sector(sector as u32).start()
    }

    fn try_set_len(&mut self, running: &Running, file: InodeId, len: u64) -> Result<(), DiskError> {
        if self.faults.fails_write(running.fates()) {
            return Err(DiskError::Write);
        }
        if self.room_for(file, len) < len {
            return Err(DiskError::Full);
        }
        let content = self.tree.file_mut(file);
        if content.bytes().len() as u64 != len {
            let edit = content.set_len(len as usize, &mut self.journal.saved);
            self.journal.push(running.began, running.ended, Undo::Edit(file, edit));
        }
        Ok(())
    }
}
