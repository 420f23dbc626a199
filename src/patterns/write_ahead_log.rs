//! Write-Ahead Log: how records lie in a log, and which of them count after a power failure.
//!
//! **Problem**: A node that answered "done" must still know it after a power failure, but to force every data
//! structure to disk at every change is too slow, and not atomic.
//!
//! **Rule**: Append the change as one checksummed record to a log and force the log; only then answer. At the
//! start replay the records up to the first one that is not whole. If nothing that was durable can lie behind
//! it, it is the torn tail of an append that nobody was promised: cut it. Otherwise the disk has lost what
//! was promised: cut nothing.
//!
//! **Invariant**: `durability`, `recovery-equivalence`: the recovered state is the replay of the durable
//! prefix.
//!
//! **Owner's duty**: Sync before any message that promises a record. Cut a torn tail and sync the cut before
//! the next append, or the old bytes may come back in front of new records. Write what was replayed, and is
//! not proven to be durable, once more: if an earlier sync failed, it may be in the cache only. Tell
//! [`append`] truthfully what is durable.
//!
//! **Source**: Joshi, chapter 3. Also: redo log, commit log, journal; Gray, *Notes on Data Base Operating
//! Systems*, 1978; Mohan et al., *ARIES*, ACM TODS 17(1), 1992. Torn or damaged: Alagappan et al.,
//! *Protocol-Aware Recovery for Consensus-Based Storage*, FAST 2018. After a failed sync: Rebello et al.,
//! *Can Applications Recover from fsync Failures?*, USENIX ATC 2020.
//!
//! # Torn, or damaged
//!
//! A power failure keeps any subset of the sectors that were not synced, so a whole record *behind* a bad one
//! proves nothing by itself: both may stem from one append. So each record says how many records before it
//! were not known to be durable when it was appended (its *lag*), and a later record that vouches for the
//! missing one proves damage. What remains undecidable, here as in the paper, is damage to the very last
//! group of records: it looks like a group that was never synced.
//!
//! ```text
//! 0     4        8      9     10           18      26         30
//! | len | crc32c | kind | lag | generation | index | prev_crc | payload, zeros up to a multiple of 8 |
//! ```
//!
//! All numbers are little-endian. The checksum covers the length and everything behind the checksum.
//! `prev_crc` is the checksum of the record before: it chains the records, so a whole record in a recycled
//! place is not taken for the next.

use crate::kernel::crc32c;
use crate::kernel::ids::{Generation, LogIndex};

/// The bytes of a record before its payload.
pub const HEADER_BYTES: usize = 30;

/// The greatest payload, in bytes: a length beyond it is not believed, and nothing is allocated for it.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// The lag of a record that vouches for nothing.
pub const LAG_UNKNOWN: u8 = u8::MAX;

/// The end of a log: what the next record must follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// The index of the last record, 0 if there is none.
    pub index: LogIndex,
    /// The generation of the last record.
    pub generation: Generation,
    /// The checksum of the last record.
    pub checksum: u32,
}

/// One record, with its payload borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordView<'a> {
    /// What the payload is; the log does not care.
    pub kind: u8,
    /// How many of the records directly before it were not known to be durable when it was appended: all
    /// before those were. [`LAG_UNKNOWN`] says nothing.
    pub lag: u8,
    /// The generation in which the record was created.
    pub generation: Generation,
    /// Its place in the log.
    pub index: LogIndex,
    /// The content.
    pub payload: &'a [u8],
}

impl RecordView<'_> {
    /// The last index that was durable when this record was appended, as far as it says.
    #[must_use]
    pub const fn vouches_for(&self) -> LogIndex {
        let unsure = if self.lag == LAG_UNKNOWN { u64::MAX } else { self.lag as u64 };
        LogIndex(self.index.previous().0.saturating_sub(unsure))
    }
}

/// How many bytes a record with this payload takes.
#[must_use]
pub const fn framed_bytes(payload: usize) -> usize {
    (HEADER_BYTES + payload).next_multiple_of(8)
}

/// Appends the record that follows `tail` to `out`, and returns the new tail.
///
/// # Panics
/// If the record does not follow `tail`, or its payload is longer than [`PAYLOAD_BYTES_MAX`].
pub fn append(out: &mut Vec<u8>, tail: Tail, record: &RecordView<'_>) -> Tail {
    assert_eq!(record.index, tail.index.next(), "records are appended without gaps");
    assert!(record.generation >= tail.generation, "generations do not decrease along a log");
    assert!(
        record.payload.len() <= PAYLOAD_BYTES_MAX,
        "a payload is at most {PAYLOAD_BYTES_MAX} bytes"
    );
    let begin = out.len();
    out.extend_from_slice(&(record.payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&[record.kind, record.lag]);
    out.extend_from_slice(&record.generation.0.to_le_bytes());
    out.extend_from_slice(&record.index.0.to_le_bytes());
    out.extend_from_slice(&tail.checksum.to_le_bytes());
    out.extend_from_slice(record.payload);
    let checksum = checksum_of(&out[begin..]);
    out[begin + 4..begin + 8].copy_from_slice(&checksum.to_le_bytes());
    out.resize(begin + framed_bytes(record.payload.len()), 0);
    Tail { index: record.index, generation: record.generation, checksum }
}

/// How the bytes of a log end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With the last record.
    Clean,
    /// With the remains of an append that was never synced: to be cut.
    TornTail {
        /// How many whole records of that append lie behind the tear, and are cut with it.
        stranded: usize,
    },
    /// With a record that is gone although it was durable: nothing may be cut, the content must come from
    /// elsewhere.
    Damaged,
}

/// Replays a log's bytes: an iterator over the records that count.
#[derive(Clone, Debug)]
pub struct Replay<'a> {
    bytes: &'a [u8],
    position: usize,
    tail: Tail,
}

impl<'a> Replay<'a> {
    /// Replays `bytes`, whose first record follows `tail`.
    #[must_use]
    pub const fn new(bytes: &'a [u8], tail: Tail) -> Self {
        Self { bytes, position: 0, tail }
    }

    /// Where the next record begins: after the last record of all, the length of what counts.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// The end of the log as replayed so far.
    #[must_use]
    pub const fn tail(&self) -> Tail {
        self.tail
    }

    /// How the log ends, once the iterator has.
    #[must_use]
    pub fn end(&self) -> End {
        assert!(self.clone().next().is_none(), "the end is judged after the last record");
        if self.position == self.bytes.len() {
            return End::Clean;
        }
        // Nothing behind the tear is chained to what is before it; that a record there is whole and later is
        // all that can be asked. A payload that imitates one makes us refuse too often, never cut too much.
        let mut stranded = 0;
        let mut position = self.position;
        while position < self.bytes.len() {
            let Some(found) = Frame::read(&self.bytes[position..]).filter(|f| self.is_beyond(f))
            else {
                position += 8;
                continue;
            };
            if found.record.vouches_for() > self.tail.index {
                return End::Damaged;
            }
            stranded += 1;
            position += framed_bytes(found.record.payload.len());
        }
        End::TornTail { stranded }
    }

    /// Whether this record belongs behind the one that is missing.
    fn is_beyond(&self, frame: &Frame<'_>) -> bool {
        frame.record.index > self.tail.index.next()
            && frame.record.generation >= self.tail.generation
    }
}

impl<'a> Iterator for Replay<'a> {
    type Item = RecordView<'a>;

    fn next(&mut self) -> Option<RecordView<'a>> {
        let Frame { record, previous, checksum } = Frame::read(&self.bytes[self.position..])?;
        let follows = record.index == self.tail.index.next()
            && record.generation >= self.tail.generation
            && previous == self.tail.checksum;
        if !follows {
            return None;
        }
        self.position += framed_bytes(record.payload.len());
        self.tail = Tail { index: record.index, generation: record.generation, checksum };
        Some(record)
    }
}

/// Whether a whole record begins anywhere in these bytes (at a multiple of 8).
#[must_use]
pub fn holds_a_record(bytes: &[u8]) -> bool {
    (0..bytes.len()).step_by(8).any(|position| Frame::read(&bytes[position..]).is_some())
}

/// A whole record, which may or may not belong where it was found.
struct Frame<'a> {
    record: RecordView<'a>,
    previous: u32,
    checksum: u32,
}

impl<'a> Frame<'a> {
    /// The record that begins these bytes, if it is whole.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.get(..HEADER_BYTES)?;
        let payload_bytes = u32_at(header, 0) as usize;
        if payload_bytes > PAYLOAD_BYTES_MAX || framed_bytes(payload_bytes) > bytes.len() {
            return None;
        }
        let checksum = u32_at(header, 4);
        let covered = &bytes[..HEADER_BYTES + payload_bytes];
        if checksum_of(covered) != checksum {
            return None;
        }
        let record = RecordView {
            kind: header[8],
            lag: header[9],
            generation: Generation(u64_at(header, 10)),
            index: LogIndex(u64_at(header, 18)),
            payload: &covered[HEADER_BYTES..],
        };
        Some(Self { record, previous: u32_at(header, 26), checksum })
    }
}

/// The checksum of a record without its padding: over the length and everything behind the checksum.
fn checksum_of(record: &[u8]) -> u32 {
    crc32c::extend(crc32c::crc32c(&record[..4]), &record[8..])
}

fn u32_at(bytes: &[u8], place: usize) -> u32 {
    u32::from_le_bytes(bytes[place..place + 4].try_into().expect("4 bytes"))
}

fn u64_at(bytes: &[u8], place: usize) -> u64 {
    u64::from_le_bytes(bytes[place..place + 8].try_into().expect("8 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of `groups`, each synced before the next; record i has the payload "payload i".
    fn log(groups: &[usize]) -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut tail, mut begins) = (Vec::new(), Tail::default(), Vec::new());
        for &group in groups {
            for place in 0..group {
                begins.push(bytes.len());
                let index = tail.index.next();
                let payload = format!("payload {}", index.0);
                let record = RecordView {
                    kind: 1,
                    lag: place as u8,
                    generation: Generation(3),
                    index,
                    payload: payload.as_bytes(),
                };
                tail = append(&mut bytes, tail, &record);
            }
        }
        (bytes, begins)
    }

    fn replayed(bytes: &[u8]) -> (u64, End) {
        let mut replay = Replay::new(bytes, Tail::default());
        let count = replay.by_ref().count() as u64;
        assert_eq!(replay.tail().index, LogIndex(count));
        (count, replay.end())
    }

    #[test]
    fn what_was_appended_is_replayed() {
        let (bytes, _) = log(&[1, 2]);
        let payloads: Vec<_> =
            Replay::new(&bytes, Tail::default()).map(|record| record.payload.to_vec()).collect();
        assert_eq!(payloads, [b"payload 1", b"payload 2", b"payload 3"]);
        assert_eq!(replayed(&bytes), (3, End::Clean));
    }

    #[test]
    fn the_format_is_frozen() {
        let mut bytes = Vec::new();
        let record = RecordView {
            kind: 7,
            lag: 1,
            generation: Generation(2),
            index: LogIndex(5),
            payload: b"abc",
        };
        let tail = Tail { index: LogIndex(4), generation: Generation(1), checksum: 0x0102_0304 };
        let tail = append(&mut bytes, tail, &record);
        assert_eq!(bytes.len(), 40); // 30 + 3, up to a multiple of 8
        assert_eq!(bytes[..4], [3, 0, 0, 0]);
        assert_eq!(bytes[4..8], tail.checksum.to_le_bytes());
        assert_eq!(
            bytes[8..30],
            [7, 1, 2, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 4, 3, 2, 1]
        );
        assert_eq!(bytes[30..], [b'a', b'b', b'c', 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(tail.checksum, 0x5b55_3159);
    }

    #[test]
    fn a_log_cut_anywhere_ends_at_the_last_whole_record() {
        let (bytes, begins) = log(&[1, 1, 1]);
        for len in 0..bytes.len() {
            let whole = begins.iter().filter(|&&begin| begin + framed_bytes(9) <= len).count();
            let is_at_a_boundary = begins.contains(&len);
            let end = if is_at_a_boundary { End::Clean } else { End::TornTail { stranded: 0 } };
            assert_eq!(replayed(&bytes[..len]), (whole as u64, end), "cut at {len}");
        }
    }

    #[test]
    fn every_flipped_bit_of_a_record_is_found() {
        let (bytes, begins) = log(&[1, 1]);
        for bit in 0..8 * (HEADER_BYTES + 9) {
            let mut damaged = bytes.clone();
            damaged[begins[1] + bit / 8] ^= 1 << (bit % 8);
            assert_eq!(replayed(&damaged).0, 1, "bit {bit}");
        }
    }

    #[test]
    fn a_bad_record_that_a_later_one_vouches_for_is_damage() {
        // The classic mistake, truncating at the first bad record wherever it is, drops acknowledged records.
        let (mut bytes, begins) = log(&[1, 1, 2]);
        bytes[begins[1] + 31] ^= 1;
        assert_eq!(replayed(&bytes), (1, End::Damaged));
        bytes[begins[2]..begins[3]].fill(0); // the second record of the last group vouches for it too
        assert_eq!(replayed(&bytes), (1, End::Damaged));
    }

    #[test]
    fn a_record_of_unknown_lag_vouches_for_nothing() {
        let record = |index, lag| RecordView {
            kind: 1,
            lag,
            generation: Generation(3),
            index: LogIndex(index),
            payload: b"",
        };
        assert_eq!(record(300, 0).vouches_for(), LogIndex(299));
        assert_eq!(record(300, 2).vouches_for(), LogIndex(297));
        assert_eq!(record(300, LAG_UNKNOWN).vouches_for(), LogIndex(0));
    }

    #[test]
    fn a_hole_in_a_group_that_was_never_synced_is_a_torn_tail() {
        // The opposite mistake: after any power failure under load the node would refuse to start.
        let (mut bytes, begins) = log(&[1, 3]);
        bytes[begins[2]..begins[3]].fill(0);
        assert_eq!(replayed(&bytes), (2, End::TornTail { stranded: 1 }));
    }

    #[test]
    fn zeros_at_the_end_are_a_torn_tail() {
        let (mut bytes, _) = log(&[2]);
        bytes.extend_from_slice(&[0; 512]);
        assert_eq!(replayed(&bytes), (2, End::TornTail { stranded: 0 }));
    }

    #[test]
    fn an_old_record_in_a_recycled_place_is_not_taken_for_the_next() {
        // Both logs have a whole record 2 of the same generation; only the chain tells whose it is.
        let (old, begins) = log(&[1, 1]);
        let mut recycled = Vec::new();
        let record = RecordView {
            kind: 1,
            lag: 0,
            generation: Generation(3),
            index: LogIndex(1),
            payload: b"payload x",
        };
        append(&mut recycled, Tail::default(), &record);
        recycled.extend_from_slice(&old[begins[1]..]);
        assert_eq!(replayed(&recycled), (1, End::TornTail { stranded: 0 }));
    }

    #[test]
    fn an_absurd_length_is_a_bad_record() {
        let (mut bytes, begins) = log(&[1, 1]);
        bytes[begins[1]..begins[1] + 4].fill(0xff);
        assert_eq!(replayed(&bytes), (1, End::TornTail { stranded: 0 }));
    }
}
