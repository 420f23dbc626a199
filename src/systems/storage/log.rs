//! The log as files: the disk operations of the segmented write-ahead log, in the order that keeps it one
//! chain.
//!
//! Every record is written at a place that the log knows, never "at the end of the file": after a write that
//! failed half way, the end of the file is not the end of the log.

use crate::kernel::crc32c;
use crate::kernel::ids::{Generation, LogIndex};
use crate::node::Node;
use crate::node::context::Disk;
use crate::node::disk::{DiskError, DiskTicket, FileId, Open};
use crate::patterns::low_water_mark::Boundary;
use crate::patterns::segmented_log::{self, LogId, SegmentHeader};
use crate::patterns::write_ahead_log::{self, RecordView, Tail};
use crate::systems::storage::{MARK_SEGMENT_DISCARDED, MARK_SEGMENT_ROLLED, Record};

/// Where a log lies, and how long its segments may be.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The directory of the store.
    pub directory: String,
    /// How many bytes a segment may have.
    pub segment_bytes: u64,
}

impl Place {
    /// The path of the segment that begins with `first`.
    pub(super) fn path(&self, first: LogIndex) -> String {
        format!("{}/{}", self.directory, segmented_log::file_name(first))
    }
}

/// Where a record lies in its segment, and what is needed to make it the last one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// The offset of its first byte in the file.
    pub offset: u64,
    /// Its generation.
    pub generation: Generation,
    /// Its checksum, which the next record is chained to.
    pub checksum: u32,
}

/// One segment.
///
/// Invariant: the slot of index `first + n` is `slots[n]`.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// What it says about itself.
    pub header: SegmentHeader,
    /// Its records.
    pub slots: Vec<Slot>,
    /// The end of its last record: how many bytes of the file count.
    pub bytes: u64,
}

impl Segment {
    /// A segment without records.
    pub(super) const fn new(header: SegmentHeader) -> Self {
        Self { header, slots: Vec::new(), bytes: segmented_log::HEADER_BYTES as u64 }
    }

    fn first(&self) -> LogIndex {
        self.header.first_index()
    }

    fn last(&self) -> LogIndex {
        LogIndex(self.header.previous.index.0 + self.slots.len() as u64)
    }

    /// The end of the log if `index`, which this segment holds or follows, were the last one.
    fn tail_at(&self, index: LogIndex) -> Tail {
        let Some(place) = index.0.checked_sub(self.first().0) else {
            return self.header.previous;
        };
        let slot = self.slots[place as usize];
        Tail { index, generation: slot.generation, checksum: slot.checksum }
    }

    /// Where the record `index` begins, or would begin as the next one.
    fn offset_of(&self, index: LogIndex) -> u64 {
        let place = (index.0 - self.first().0) as usize;
        self.slots.get(place).map_or(self.bytes, |slot| slot.offset)
    }

    /// Where what follows `proven`, the last record that is known to be durable, begins. If no record is, the header belongs
    /// to it.
    pub(super) fn begin_after(&self, proven: LogIndex) -> u64 {
        if proven < self.first() { 0 } else { self.offset_of(proven.next()) }
    }
}

/// Records that are encoded but not written.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    tail: Tail,
}

/// The log.
///
/// Invariant: there is at least one segment; they are one chain; all but the last are durable and closed.
#[derive(Debug)]
pub(super) struct Log {
    place: Place,
    id: LogId,
    segments: Vec<Segment>,
    /// The last segment's file.
    active: FileId,
    tail: Tail,
    durable: LogIndex,
    /// Syncs under way, and what each will have made durable.
    syncing: Vec<(DiskTicket, LogIndex)>,
    batch: Batch,
    /// The file may be longer than what counts: a write failed.
    is_ragged: bool,
}

impl Log {
    /// Creates a log that follows `origin`, durably.
    pub(super) fn create<N: Node>(
        disk: &mut Disk<'_, N>,
        place: Place,
        id: LogId,
        origin: Boundary,
    ) -> Result<Self, DiskError> {
        // The chain begins with the id, so that no record of another log can be the first of this one.
        let checksum = crc32c::crc32c(&id.0.to_le_bytes());
        let previous = Tail { index: origin.index, generation: origin.generation, checksum };
        let header = SegmentHeader { log: id, number: 1, previous };
        let active = create_segment(disk, &place, &header)?;
        Ok(Self::recovered(place, vec![Segment::new(header)], active))
    }

    /// The log that consists of these segments, all durable; `active` is the file of the last.
    pub(super) fn recovered(place: Place, segments: Vec<Segment>, active: FileId) -> Self {
        let last = segments.last().expect("a log has at least one segment");
        let (id, tail) = (last.header.log, last.tail_at(last.last()));
        Self {
            place,
            id,
            segments,
            active,
            tail,
            durable: tail.index,
            syncing: Vec::new(),
            batch: Batch::default(),
            is_ragged: false,
        }
    }

    /// Closes its file; the log is not used any more.
    pub(super) fn close<N: Node>(self, disk: &mut Disk<'_, N>) {
        disk.close(self.active);
    }

    /// Appends records into the cache, rolling to new segments as needed.
    pub(super) fn append<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
        records: &[Record],
    ) -> Result<(), DiskError> {
        self.batch.tail = self.tail;
        for record in records {
            let segment_bytes = self.active_segment().bytes + self.batch.bytes.len() as u64;
            let record_bytes = write_ahead_log::framed_bytes(record.payload.len()) as u64;
            if segmented_log::must_roll(segment_bytes, record_bytes, self.place.segment_bytes) {
                self.write_batch(disk)?;
                self.roll(disk)?;
            }
            self.encode(record);
        }
        self.write_batch(disk)
    }

    fn encode(&mut self, record: &Record) {
        let lag = self.batch.tail.index.0 - self.durable.0;
        let view = RecordView {
            kind: record.kind,
            lag: u8::try_from(lag).unwrap_or(write_ahead_log::LAG_UNKNOWN),
            generation: record.generation,
            index: record.index,
            payload: &record.payload,
        };
        let offset = self.active_segment().bytes + self.batch.bytes.len() as u64;
        let batch = &mut self.batch;
        batch.tail = write_ahead_log::append(&mut batch.bytes, batch.tail, &view);
        let (generation, checksum) = (batch.tail.generation, batch.tail.checksum);
        batch.slots.push(Slot { offset, generation, checksum });
    }

    /// Writes the batch where the log ends. If that fails, the log ends where it did.
    fn write_batch<N: Node>(&mut self, disk: &mut Disk<'_, N>) -> Result<(), DiskError> {
        let result = self.try_write_batch(disk);
        if result.is_ok() {
            let segment = self.segments.last_mut().expect("a log has at least one segment");
            segment.slots.append(&mut self.batch.slots);
            segment.bytes += self.batch.bytes.len() as u64;
            self.tail = self.batch.tail;
        }
        self.batch.bytes.clear();
        self.batch.slots.clear();
        result
    }

    fn try_write_batch<N: Node>(&mut self, disk: &mut Disk<'_, N>) -> Result<(), DiskError> {
        let end = self.active_segment().bytes;
        if self.batch.bytes.is_empty() {
            return Ok(());
        }
        if self.is_ragged {
            disk.set_len(self.active, end)?;
        }
        self.is_ragged = true;
        disk.write(self.active, end, &self.batch.bytes)?;
        self.is_ragged = false;
        Ok(())
    }

    /// Goes on in a new segment. The old one is durable before the new one exists, so that the new one proves
    /// it.
    fn roll<N: Node>(&mut self, disk: &mut Disk<'_, N>) -> Result<(), DiskError> {
        assert!(self.batch.bytes.is_empty(), "a record never spans segments");
        self.sync(disk)?;
        let number = self.active_segment().header.number + 1;
        let header = SegmentHeader { log: self.id, number, previous: self.tail };
        let file = create_segment(disk, &self.place, &header)?;
        disk.close(self.active);
        self.active = file;
        self.is_ragged = false;
        self.segments.push(Segment::new(header));
        disk.mark(MARK_SEGMENT_ROLLED);
        Ok(())
    }

    /// Makes everything durable. Costs nothing if it is.
    pub(super) fn sync<N: Node>(&mut self, disk: &mut Disk<'_, N>) -> Result<(), DiskError> {
        if self.durable < self.tail.index {
            disk.sync(self.active)?;
            self.durable = self.tail.index;
        }
        Ok(())
    }

    /// Starts to make everything durable; `None` if it is.
    pub(super) fn start_sync<N: Node>(&mut self, disk: &mut Disk<'_, N>) -> Option<DiskTicket> {
        if self.durable == self.tail.index {
            return None;
        }
        let ticket = disk.start_sync(self.active);
        self.syncing.push((ticket, self.tail.index));
        Some(ticket)
    }

    /// A sync in the background succeeded.
    pub(super) fn sync_ended(&mut self, ticket: DiskTicket) {
        // A ticket that is not known belongs to a log that was replaced since.
        if let Some(place) = self.syncing.iter().position(|&(known, _)| known == ticket) {
            let (_, index) = self.syncing.remove(place);
            self.durable = self.durable.max(index);
        }
        assert!(self.durable <= self.tail.index, "only what is in the log is durable");
    }

    /// Removes the records from `from` on, durably.
    ///
    /// Whole segments go newest first, each durably before the one before it: power may fail anywhere, and
    /// what is left must be a prefix. (If the cut came first, a later segment that survived would look like
    /// the far side of a gap.)
    pub(super) fn truncate_from<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
        from: LogIndex,
    ) -> Result<(), DiskError> {
        assert!(self.boundary().index < from && from <= self.tail.index, "{from} is in the log");
        let count = self.segments.len();
        while self.segments.len() > 1 && self.active_segment().first() > from {
            let removed = self.segments.pop().expect("there is more than one");
            disk.remove(&self.place.path(removed.first()))?;
            disk.sync_directory(&self.place.directory)?;
        }
        if self.segments.len() < count {
            disk.close(self.active);
            let path = self.place.path(self.active_segment().first());
            self.active = disk.open(&path, Open::Existing)?;
        }
        let segment = self.segments.last_mut().expect("a log has at least one segment");
        segment.bytes = segment.offset_of(from);
        segment.slots.truncate((from.0 - segment.first().0) as usize);
        self.tail = segment.tail_at(from.previous());
        disk.set_len(self.active, segment.bytes)?;
        disk.sync(self.active)?;
        self.is_ragged = false;
        self.durable = self.tail.index;
        // A sync that was started before the truncation must not vouch for what is appended after it.
        for (_, index) in &mut self.syncing {
            *index = (*index).min(self.tail.index);
        }
        Ok(())
    }

    /// Removes the `count` oldest segments, the oldest first; never the last one.
    ///
    /// If power fails, any of them may come back. That is no damage: a snapshot covers them.
    pub(super) fn discard<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
        count: usize,
    ) -> Result<(), DiskError> {
        assert!(count < self.segments.len(), "the segment that is written to stays");
        if count == 0 {
            return Ok(());
        }
        for segment in &self.segments[..count] {
            disk.remove(&self.place.path(segment.first()))?;
        }
        disk.sync_directory(&self.place.directory)?;
        self.segments.drain(..count);
        disk.mark(MARK_SEGMENT_DISCARDED);
        Ok(())
    }

    /// The last indices of all segments but the one that is written to, oldest first.
    pub(super) fn closed_last_indices(&self) -> impl Iterator<Item = LogIndex> {
        self.segments[..self.segments.len() - 1].iter().map(Segment::last)
    }

    /// The end of the log.
    pub(super) const fn tail(&self) -> Tail {
        self.tail
    }

    /// The last durable index.
    pub(super) const fn durable(&self) -> LogIndex {
        self.durable
    }

    /// The entry that the first record follows.
    pub(super) fn boundary(&self) -> Boundary {
        let previous = self.segments[0].header.previous;
        Boundary { index: previous.index, generation: previous.generation }
    }

    /// The generation of the record `index`, or of the boundary; `None` if the log does not reach it.
    pub(super) fn generation_at(&self, index: LogIndex) -> Option<Generation> {
        if index < self.boundary().index || index > self.tail.index {
            return None;
        }
        let segment = self.segments.iter().rev().find(|s| s.header.previous.index < index);
        Some(segment.map_or(self.boundary().generation, |s| s.tail_at(index).generation))
    }

    /// How many bytes the records after `index` take.
    pub(super) fn bytes_after(&self, index: LogIndex) -> u64 {
        let bytes_in = |segment: &Segment| {
            let first = segment.first().max(index.next());
            if first > segment.last() { 0 } else { segment.bytes - segment.offset_of(first) }
        };
        self.segments.iter().rev().map(bytes_in).take_while(|&bytes| bytes > 0).sum()
    }

    fn active_segment(&self) -> &Segment {
        self.segments.last().expect("a log has at least one segment")
    }
}

/// Creates the file of a segment, durably: content first, then name.
fn create_segment<N: Node>(
    disk: &mut Disk<'_, N>,
    place: &Place,
    header: &SegmentHeader,
) -> Result<FileId, DiskError> {
    // What is left of an attempt that failed for want of space may be there.
    let file = disk.open(&place.path(header.first_index()), Open::Any)?;
    disk.set_len(file, 0)?;
    disk.write(file, 0, &header.encode())?;
    disk.sync(file)?;
    disk.sync_directory(&place.directory)?;
    Ok(file)
}
