//! How the log begins and ends: snapshots that cover it, segments that go, logs that begin anew.
//!
//! Whatever replaces the log as a whole goes through one function, `begin_log`, and one write of the
//! superblock.

use crate::kernel::ids::LogIndex;
use crate::node::Node;
use crate::node::context::Disk;
use crate::node::disk::DiskError;
use crate::patterns::low_water_mark::{Boundary, LowWaterMark};
use crate::patterns::segmented_log::LogId;
use crate::systems::storage::log::{Log, Place};
use crate::systems::storage::{
    DiscardRule, MARK_SNAPSHOT_INSTALLED, Snapshot, Standing, Storage, recovery, snapshots,
};

impl Storage {
    /// Saves a snapshot of the node's own state machine, durably, in place of the one before. The log stays
    /// as it is: see [`discard_through`](Self::discard_through).
    ///
    /// # Errors
    /// `Full`, `Write`: the snapshot before is still there, and the caller may go on. Otherwise see the
    /// module.
    ///
    /// # Panics
    /// If it is beyond the log's end.
    pub fn save_snapshot<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
        snapshot: &Snapshot,
    ) -> Result<(), DiskError> {
        self.refuse_if_failed()?;
        assert!(snapshot.index <= self.last_index(), "a state has its entries in the log");
        if snapshot.index <= self.snapshot.index {
            return Ok(());
        }
        self.write_snapshot(disk, snapshot)?;
        let published = self.publish_snapshot(disk, snapshot);
        self.remember(published)
    }

    /// Installs a snapshot that another node took. If the log has the snapshot's last entry, it keeps what
    /// follows (Ongaro and Ousterhout, extended version, section 7); otherwise it begins anew after the
    /// snapshot.
    ///
    /// A snapshot that is not newer than the one at hand changes nothing.
    ///
    /// # Errors
    /// As [`save_snapshot`](Self::save_snapshot).
    pub fn install_snapshot<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
        snapshot: &Snapshot,
    ) -> Result<(), DiskError> {
        self.refuse_if_failed()?;
        if snapshot.index <= self.snapshot.index {
            return Ok(());
        }
        self.write_snapshot(disk, snapshot)?;
        let result = self.publish_and_supersede(disk, snapshot);
        self.remember(result)?;
        disk.mark(MARK_SNAPSHOT_INSTALLED);
        Ok(())
    }

    /// Writes a snapshot under a name that does not count yet.
    fn write_snapshot<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
        snapshot: &Snapshot,
    ) -> Result<(), DiskError> {
        let written = snapshots::write_partial(disk, &self.options.directory, snapshot);
        match written {
            Err(DiskError::Full | DiskError::Write) => written,
            _ => self.remember(written),
        }
    }

    /// Gives the written snapshot its name.
    fn publish_snapshot<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
        snapshot: &Snapshot,
    ) -> Result<(), DiskError> {
        snapshots::publish(disk, &self.options.directory, snapshot.index)?;
        self.snapshot = Boundary { index: snapshot.index, generation: snapshot.generation };
        self.low_water_mark.snapshot_is_durable(snapshot.index);
        Ok(())
    }

    /// Makes the written snapshot and the log agree. A power failure between the two steps is healed by
    /// `open`, which finds a snapshot that the log does not have the last entry of.
    fn publish_and_supersede<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
        snapshot: &Snapshot,
    ) -> Result<(), DiskError> {
        self.publish_snapshot(disk, snapshot)?;
        if self.log().generation_at(snapshot.index) == Some(snapshot.generation) {
            return Ok(());
        }
        self.begin_log(disk, self.snapshot)
    }

    /// Discards the oldest segments, as far as nobody needs them and `through` allows. Returns how many went.
    ///
    /// # Errors
    /// Those of the disk: the owner must stop the node, see the module.
    pub fn discard_through<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
        through: LogIndex,
    ) -> Result<u64, DiskError> {
        self.refuse_if_failed()?;
        let asked: Vec<_> = self.log_mut().closed_last_indices().collect();
        let asked = asked.into_iter().take_while(|&last| last <= through);
        let count = match self.options.discard {
            DiscardRule::LowWaterMark => self.low_water_mark.removable(asked),
            DiscardRule::AsAsked => asked.count(),
        };
        let result = self.log_mut().discard(disk, count);
        self.remember(result)?;
        if count > 0 && self.options.discard == DiscardRule::LowWaterMark {
            let boundary = self.boundary();
            self.low_water_mark.discarded(boundary);
        }
        Ok(count as u64)
    }

    /// Gives up the log and the snapshot and begins an empty log, durably. The hard state stays as far as it
    /// is known, but without standing: whatever happens next, the node will not be taken for one that
    /// remembers its log.
    ///
    /// # Errors
    /// Those of the disk: the owner must stop the node, see the module.
    pub fn reset<N: Node>(&mut self, disk: &mut Disk<'_, N>) -> Result<(), DiskError> {
        self.refuse_if_failed()?;
        let result = self.begin_without_memory(disk);
        self.remember(result)
    }

    fn begin_without_memory<N: Node>(&mut self, disk: &mut Disk<'_, N>) -> Result<(), DiskError> {
        if self.superblock.is_none() {
            self.superblock = Some(recovery::furnish(disk, &self.options.directory)?);
        }
        self.superblock_mut().current.hard_state.standing = Standing::Rejoining;
        self.snapshot = Boundary::default();
        self.begin_log(disk, Boundary::default())
    }

    /// Begins a log that follows `origin`, in place of the one there is. The write of the superblock is the
    /// moment of the change; the rest is repeated by `open` if power fails in it.
    pub(super) fn begin_log<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
        origin: Boundary,
    ) -> Result<(), DiskError> {
        let id = LogId(self.start.entropy ^ self.logs_begun);
        self.logs_begun += 1;
        self.superblock_mut().begin_log(disk, id, origin)?;
        self.finish_log(disk)
    }

    /// Makes the log that the superblock announces: removes what is not of it, creates its first segment.
    pub(super) fn finish_log<N: Node>(&mut self, disk: &mut Disk<'_, N>) -> Result<(), DiskError> {
        if let Some(log) = self.log.take() {
            log.close(disk);
        }
        let announced = self.superblock_mut().current;
        let directory = self.options.directory.clone();
        recovery::clear(disk, &directory, announced.origin.index)?;
        let place = Place { directory, segment_bytes: self.options.segment_bytes };
        self.log = Some(Log::create(disk, place, announced.log, announced.origin)?);
        self.low_water_mark = LowWaterMark::new(announced.origin, announced.origin.index);
        self.superblock_mut().log_is_begun(disk)
    }
}
