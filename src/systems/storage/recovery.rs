//! What a disk kept: the order of recovery.
//!
//! 1. The superblock. Without a valid one, a disk that was used, or that is empty and should not be, means
//!    amnesia.
//! 2. The newest whole snapshot.
//! 3. The segments, as one chain that the snapshot's index reaches. What does not hang together is damage,
//!    unless the snapshot covers everything before it: then it is what a discard left behind.
//! 4. What was found is made durable: a torn tail is cut and synced before anything can be appended behind
//!    it.
//!
//! To read something does not prove that it is on the platter. If the process before this one died because a sync had
//! failed, the cache still shows what it wrote, but holds it for clean, and no later sync writes it: the next power failure
//! takes it back (Rebello et al., *Can Applications Recover from fsync Failures?*, USENIX ATC 2020). So the superblock, and
//! all of the log that nothing proves to be durable, are written once more before they are relied on.
//!
//! Nothing is changed on a damaged disk, nor on one that cannot be read: an error may pass, and the caller tries again until
//! its [`Patience`](crate::systems::storage::Patience) is spent. A node that took errors for damage gave up a log that was
//! whole; a minority of such disks is repaired by the others, but errors of many disks at once are no rare event.

use std::rc::Rc;

use crate::kernel::ids::LogIndex;
use crate::node::Node;
use crate::node::context::Disk;
use crate::node::disk::{DiskError, Open};
use crate::patterns::low_water_mark::{Boundary, LowWaterMark};
use crate::patterns::segmented_log::{self, SegmentHeader};
use crate::patterns::write_ahead_log::{self, End, Replay, Tail};
use crate::systems::storage::log::{Log, Place, Segment, Slot};
use crate::systems::storage::superblock::{Found, Stage, Superblock, SuperblockFile};
use crate::systems::storage::{
    Condition, HardState, MARK_AMNESIA, MARK_DAMAGE_FOUND, MARK_TORN_TAIL_CUT,
    MARK_UNSYNCED_SURVIVED, Opened, Patience, Record, Snapshot, Standing, Start, Storage,
    StorageOptions, snapshots,
};

/// Opens a store. See [`Storage::open`].
pub(super) fn open<N: Node>(
    disk: &mut Disk<'_, N>,
    options: StorageOptions,
    start: Start,
) -> Result<Opened, DiskError> {
    let found = SuperblockFile::read(disk, &superblock_path(&options.directory), start.patience)?;
    let storage = Storage {
        options,
        start,
        logs_begun: 0,
        superblock: None,
        log: None,
        snapshot: Boundary::default(),
        low_water_mark: LowWaterMark::default(),
        failed: None,
    };
    match found {
        Found::Valid(superblock) => {
            open_used(disk, Storage { superblock: Some(superblock), ..storage })
        }
        Found::Nothing if start.is_first && is_empty(disk, &storage.options.directory)? => {
            open_new(disk, storage)
        }
        Found::Nothing => Ok(forgotten(disk, storage, "there is no hard state on the disk")),
        Found::Invalid => Ok(forgotten(disk, storage, "no copy of the hard state is valid")),
    }
}

fn open_new<N: Node>(disk: &mut Disk<'_, N>, mut storage: Storage) -> Result<Opened, DiskError> {
    storage.superblock = Some(furnish(disk, &storage.options.directory)?);
    storage.begin_log(disk, Boundary::default())?;
    Ok(opened(disk, storage, None, Vec::new()))
}

fn open_used<N: Node>(disk: &mut Disk<'_, N>, mut storage: Storage) -> Result<Opened, DiskError> {
    let directory = storage.options.directory.clone();
    storage.superblock_mut().write_back(disk)?;
    let superblock = storage.superblock_mut().current;
    let names = disk.list(&directory)?;
    let patience = storage.start.patience;
    let snapshot = snapshots::read_newest(disk, &directory, &names, patience)?;
    let covered = snapshot.as_ref().map_or(Boundary::default(), |snapshot| Boundary {
        index: snapshot.index,
        generation: snapshot.generation,
    });
    if superblock.stage == Stage::Announced {
        // An empty log was about to begin after this snapshot, or at the beginning without one.
        if superblock.origin != Boundary::default() && superblock.origin != covered {
            return Ok(damaged(disk, storage, "the snapshot that replaced the log is lost"));
        }
        let snapshot = snapshot.filter(|_| covered == superblock.origin);
        storage.snapshot = superblock.origin;
        storage.finish_log(disk)?;
        return Ok(opened(disk, storage, snapshot, Vec::new()));
    }
    let Some(files) = read_segments(disk, &directory, patience)? else {
        return Ok(damaged(disk, storage, "a segment cannot be read"));
    };
    let chain = match link(files, &superblock, covered.index) {
        Ok(chain) => chain,
        Err(reason) => return Ok(damaged(disk, storage, reason)),
    };
    storage.snapshot = covered;
    let records = adopt(disk, &mut storage, chain)?;
    Ok(opened(disk, storage, snapshot, records))
}

/// A store that has all that it was told, be its owner re-admitted or not.
fn opened<N: Node>(
    disk: &mut Disk<'_, N>,
    storage: Storage,
    snapshot: Option<Snapshot>,
    records: Vec<Record>,
) -> Opened {
    let (hard_state, boundary) = (storage.hard_state(), storage.boundary());
    let condition = match hard_state.standing {
        Standing::Full => Condition::Sound,
        Standing::Rejoining => {
            disk.mark(MARK_AMNESIA);
            Condition::Rejoining
        }
    };
    Opened { storage, hard_state, snapshot, boundary, records, condition }
}

fn forgotten<N: Node>(disk: &mut Disk<'_, N>, storage: Storage, reason: &'static str) -> Opened {
    disk.mark(MARK_AMNESIA);
    let hard_state = HardState { standing: Standing::Rejoining, ..HardState::default() };
    unsound(storage, hard_state, Condition::Amnesia(reason))
}

fn damaged<N: Node>(disk: &mut Disk<'_, N>, storage: Storage, reason: &'static str) -> Opened {
    disk.mark(MARK_DAMAGE_FOUND);
    let hard_state = storage.hard_state();
    unsound(storage, hard_state, Condition::Damaged(reason))
}

fn unsound(storage: Storage, hard_state: HardState, condition: Condition) -> Opened {
    let boundary = Boundary::default();
    Opened { storage, hard_state, snapshot: None, boundary, records: Vec::new(), condition }
}

/// Creates the directory, durably, and an empty superblock in it, whose name becomes durable with that of the
/// first segment: before that nothing can be promised.
pub(super) fn furnish<N: Node>(
    disk: &mut Disk<'_, N>,
    directory: &str,
) -> Result<SuperblockFile, DiskError> {
    match disk.create_directory(directory) {
        Ok(()) | Err(DiskError::Exists) => disk.sync_directory("")?,
        Err(error) => return Err(error),
    }
    SuperblockFile::create(disk, &superblock_path(directory))
}

/// Removes all segments, and all snapshots but the one through `keep`; durably with the next sync of the
/// directory, and until then again.
pub(super) fn clear<N: Node>(
    disk: &mut Disk<'_, N>,
    directory: &str,
    keep: LogIndex,
) -> Result<(), DiskError> {
    for name in disk.list(directory)? {
        let is_segment = segmented_log::first_index_of(&name).is_some();
        let is_other_snapshot = snapshots::index_of(&name).is_some_and(|index| index != keep);
        if is_segment || is_other_snapshot || name == snapshots::PARTIAL {
            disk.remove(&format!("{directory}/{name}"))?;
        }
    }
    Ok(())
}

/// A chain of segments as read, not yet changed in any way.
#[derive(Default)]
struct Chain {
    segments: Vec<Segment>,
    records: Vec<Record>,
    tail: Tail,
    /// The bytes of the last segment.
    bytes: Vec<u8>,
    /// Through which index the log was durable, as far as superblock and records say.
    proven: LogIndex,
    /// How the last segment ends.
    end: Option<End>,
    /// Segments that are not a part of it, and not needed.
    obsolete: Vec<String>,
}

/// One file that may be a segment.
struct File {
    name: String,
    header: Option<SegmentHeader>,
    bytes: Vec<u8>,
}

impl File {
    /// Where the file belongs in the chain, as far as it can be told.
    fn first_index(&self) -> LogIndex {
        let hint = segmented_log::first_index_of(&self.name);
        let truth = self.header.as_ref().map(SegmentHeader::first_index);
        truth.or(hint).expect("only files with the name of a segment are read")
    }

    /// Whether the file is the rest of a roll that did not end: no record was ever appended to it.
    fn was_never_used(&self) -> bool {
        let body = self.bytes.get(segmented_log::HEADER_BYTES..).unwrap_or(&[]);
        self.header.is_none() && !write_ahead_log::holds_a_record(body)
    }
}

/// Reads all segments, oldest first; `None` if one of them is lost.
fn read_segments<N: Node>(
    disk: &mut Disk<'_, N>,
    directory: &str,
    patience: Patience,
) -> Result<Option<Vec<File>>, DiskError> {
    let mut files = Vec::new();
    for name in disk.list(directory)? {
        if segmented_log::first_index_of(&name).is_none() {
            continue;
        }
        let bytes = match disk.read_all(&format!("{directory}/{name}")) {
            Err(DiskError::Read) if patience == Patience::Spent => return Ok(None),
            result => result?,
        };
        files.push(File { name, header: SegmentHeader::decode(&bytes), bytes });
    }
    files.sort_by_key(File::first_index);
    Ok(Some(files))
}

/// Links the files, oldest first, into the chain that ends with the newest: the log that `superblock` names; `covered` is
/// the last index of the snapshot. `Err` is damage.
fn link(
    mut files: Vec<File>,
    superblock: &Superblock,
    covered: LogIndex,
) -> Result<Chain, &'static str> {
    let mut chain = Chain { proven: superblock.durable, ..Chain::default() };
    // The roll synced the segment before it created this one, which nothing was appended to.
    let rolling = files.pop_if(|last| last.was_never_used());
    let is_last_synced = rolling.is_some();
    chain.obsolete.extend(rolling.map(|file| file.name));
    let count = files.len();
    for (place, file) in files.into_iter().enumerate() {
        let Some(header) = file.header else {
            chain.end = Some(End::Damaged);
            chain.obsolete.push(file.name);
            continue;
        };
        if header.log != superblock.log {
            return Err("a segment belongs to another log");
        }
        if !chain.segments.is_empty() || chain.end.is_some() {
            let follows = header.follows(superblock.log, chain.tail).is_ok();
            if !follows && header.first_index() > covered.next() {
                return Err("records are missing in the middle of the log");
            }
            if !follows {
                chain.restart();
            }
        }
        chain.replay(header, file.bytes);
        let may_be_torn = place + 1 == count && !is_last_synced;
        if !may_be_torn && chain.end != Some(End::Clean) {
            chain.end = Some(End::Damaged);
        }
    }
    chain.judge(superblock, covered)
}

impl Chain {
    /// Forgets what was linked so far: the snapshot covers it.
    fn restart(&mut self) {
        let forgotten = self.segments.drain(..).map(|segment| segment.header.first_index());
        self.obsolete.extend(forgotten.map(segmented_log::file_name));
        self.records.clear();
    }

    /// Takes in the next segment.
    fn replay(&mut self, header: SegmentHeader, bytes: Vec<u8>) {
        let mut replay = Replay::new(&bytes[segmented_log::HEADER_BYTES..], header.previous);
        let mut segment = Segment::new(header);
        while let Some(record) = {
            segment.bytes = position(&replay);
            replay.next()
        } {
            let (offset, tail) = (segment.bytes, replay.tail());
            let (generation, checksum) = (tail.generation, tail.checksum);
            segment.slots.push(Slot { offset, generation, checksum });
            self.proven = self.proven.max(record.vouches_for());
            self.records.push(Record {
                kind: record.kind,
                generation: record.generation,
                index: record.index,
                payload: Rc::from(record.payload),
            });
        }
        self.segments.push(segment);
        self.tail = replay.tail();
        self.end = Some(replay.end());
        self.bytes = bytes;
    }

    /// Whether this chain is the whole log.
    fn judge(self, superblock: &Superblock, covered: LogIndex) -> Result<Self, &'static str> {
        let Some(first) = self.segments.first() else {
            return Err("the log is gone");
        };
        if first.header.previous.index > covered {
            return Err("records are missing between the snapshot and the log");
        }
        if self.end == Some(End::Damaged) {
            return Err("a record is damaged that was durable");
        }
        if self.tail.index < superblock.durable && covered < superblock.durable {
            return Err("the log ends before its last durable record");
        }
        Ok(self)
    }
}

fn position(replay: &Replay<'_>) -> u64 {
    (segmented_log::HEADER_BYTES + replay.position()) as u64
}

/// Makes the chain the store's log: removes what is not needed, cuts the torn tail, makes everything durable.
fn adopt<N: Node>(
    disk: &mut Disk<'_, N>,
    storage: &mut Storage,
    chain: Chain,
) -> Result<Vec<Record>, DiskError> {
    let directory = storage.options.directory.clone();
    let place =
        Place { directory: directory.clone(), segment_bytes: storage.options.segment_bytes };
    if let Some(End::TornTail { stranded }) = chain.end {
        disk.mark(MARK_TORN_TAIL_CUT);
        if stranded > 0 {
            disk.mark(MARK_UNSYNCED_SURVIVED);
        }
    }
    let last = chain.segments.last().expect("a judged chain has a segment");
    let active = disk.open(&place.path(last.header.first_index()), Open::Existing)?;
    disk.set_len(active, last.bytes)?;
    let unproven = last.begin_after(chain.proven);
    if unproven < last.bytes {
        disk.write(active, unproven, &chain.bytes[unproven as usize..last.bytes as usize])?;
    }
    disk.sync(active)?;
    let kept = storage.snapshot.index;
    for name in disk.list(&directory)? {
        let is_older_snapshot = snapshots::index_of(&name).is_some_and(|index| index != kept);
        if is_older_snapshot || name == snapshots::PARTIAL || chain.obsolete.contains(&name) {
            disk.remove(&format!("{directory}/{name}"))?;
        }
    }
    disk.sync_directory(&directory)?;
    let log = Log::recovered(place, chain.segments, active);
    let (boundary, snapshot) = (log.boundary(), storage.snapshot);
    let reaches = log.generation_at(snapshot.index) == Some(snapshot.generation);
    storage.log = Some(log);
    if !reaches && snapshot.index > LogIndex(0) {
        // The node lost power between an install and the replacement of the log, or its own log was behind
        // its state.
        storage.begin_log(disk, snapshot)?;
        return Ok(Vec::new());
    }
    storage.low_water_mark = LowWaterMark::new(boundary, snapshot.index);
    let last_index = storage.last_index();
    let superblock = storage.superblock_mut();
    superblock.current.durable = last_index;
    superblock.write_through(disk)?;
    Ok(chain.records)
}

fn superblock_path(directory: &str) -> String {
    format!("{directory}/superblock")
}

fn is_empty<N: Node>(disk: &mut Disk<'_, N>, directory: &str) -> Result<bool, DiskError> {
    match disk.list(directory) {
        Ok(names) => Ok(names.is_empty()),
        Err(DiskError::NotFound) => Ok(true),
        Err(error) => Err(error),
    }
}
