//! Segmented Log: one log in several files, each small enough to be read, and dropped, as a whole.
//!
//! **Problem**: One file that grows for ever makes the start slow, and to delete its old records means to
//! rewrite it.
//!
//! **Rule**: Roll to a new file at a size limit: sync the old tail, create the file with its header, sync it,
//! sync the directory, and only then append. Each header tells which log it belongs to and which record it
//! follows, so that the files form one chain without gap and overlap. Only the last file may end torn, for a
//! later one is the proof that it was synced. Drop whole files only.
//!
//! **Invariant**: `recovery-equivalence` across rolls and drops; `bounded-resources`: nothing ever rewrites
//! live records.
//!
//! **Owner's duty**: The order of the disk operations above. Give every log that starts anew an id of its
//! own, so that files which an earlier log left behind cannot be taken for its own.
//!
//! **Source**: Joshi, chapter 4. Also: log rolling, log rotation; Kreps, Narkhede, Rao, *Kafka: a Distributed
//! Messaging System for Log Processing*, 2011.

use crate::kernel::crc32c;
use crate::kernel::ids::{Generation, LogIndex};
use crate::patterns::write_ahead_log::Tail;

/// The bytes of a segment before its first record: one sector.
pub const HEADER_BYTES: usize = 512;

const MAGIC: [u8; 8] = *b"elaraseg";
const VERSION: u32 = 1;
/// The bytes of the header that mean something, the checksum behind them included.
const MEANING: usize = 68;

/// Which log a segment belongs to: drawn at random whenever a log starts anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogId(pub u128);

/// What a segment says about itself. The name of the file repeats the first index as a hint; the header is
/// the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The log that it is a part of.
    pub log: LogId,
    /// Its number in that log, from 1.
    pub number: u64,
    /// The record that its first record follows. It stays known here when the segment that held it is
    /// dropped, so the check of the previous entry works at the boundary.
    pub previous: Tail,
}

/// Why a segment does not continue the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// It belongs to another log.
    Foreign,
    /// Records are missing between the log's end and its first.
    Gap,
    /// It begins before the log's end.
    Overlap,
    /// It begins at the right index, but behind another record.
    Fork,
}

impl SegmentHeader {
    /// The index of the segment's first record.
    #[must_use]
    pub const fn first_index(&self) -> LogIndex {
        self.previous.index.next()
    }

    /// The header as the first sector of the file.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.log.0.to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.first_index().0.to_le_bytes());
        bytes.extend_from_slice(&self.previous.generation.0.to_le_bytes());
        bytes.extend_from_slice(&self.previous.checksum.to_le_bytes());
        bytes.resize(MEANING - 4, 0);
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes.resize(HEADER_BYTES, 0);
        bytes.try_into().expect("resized to one sector")
    }

    /// The header that begins these bytes, if it is whole and of a format that is known.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let sector = bytes.get(..HEADER_BYTES)?;
        let (covered, checksum) = sector[..MEANING].split_at(MEANING - 4);
        let is_whole = crc32c::crc32c(covered).to_le_bytes() == checksum;
        if !is_whole || covered[..8] != MAGIC || covered[8..12] != VERSION.to_le_bytes() {
            return None;
        }
        let word = |place: usize| {
            u64::from_le_bytes(covered[place..place + 8].try_into().expect("8 bytes"))
        };
        let first = LogIndex(word(36));
        let previous = Tail {
            index: first.previous(),
            generation: Generation(word(44)),
            checksum: word(52) as u32,
        };
        let log = u128::from(word(12)) | u128::from(word(20)) << 64;
        (first >= LogIndex(1)).then_some(Self { log: LogId(log), number: word(28), previous })
    }

    /// Whether this segment continues the log `log`, which ends with `tail`.
    ///
    /// # Errors
    /// Why it does not.
    pub fn follows(&self, log: LogId, tail: Tail) -> Result<(), Break> {
        if self.log != log {
            Err(Break::Foreign)
        } else if self.previous.index > tail.index {
            Err(Break::Gap)
        } else if self.previous.index < tail.index {
            Err(Break::Overlap)
        } else if self.previous != tail {
            Err(Break::Fork)
        } else {
            Ok(())
        }
    }
}

/// Whether a record of `record_bytes` belongs into a new segment, when the last one has `segment_bytes` and
/// may have `segment_bytes_max`. A record never spans segments; one that is too long for any gets a segment
/// of its own.
#[must_use]
pub const fn must_roll(segment_bytes: u64, record_bytes: u64, segment_bytes_max: u64) -> bool {
    assert!(segment_bytes >= HEADER_BYTES as u64, "a segment has at least its header");
    let is_empty = segment_bytes == HEADER_BYTES as u64;
    !is_empty && segment_bytes + record_bytes > segment_bytes_max
}

/// The name of the segment whose first record is `first`: of fixed width, so that names sort as indices do.
#[must_use]
pub fn file_name(first: LogIndex) -> String {
    format!("{:020}.log", first.0)
}

/// The first index that a file's name hints at; `None` if it is not the name of a segment.
#[must_use]
pub fn first_index_of(name: &str) -> Option<LogIndex> {
    let digits = name.strip_suffix(".log")?;
    let is_fixed_width = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_fixed_width { digits.parse().ok().map(LogIndex) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(index: u64) -> Tail {
        Tail { index: LogIndex(index), generation: Generation(4), checksum: index as u32 + 100 }
    }

    const HEADER: SegmentHeader = SegmentHeader {
        log: LogId(7 << 64 | 9),
        number: 3,
        previous: Tail { index: LogIndex(10), generation: Generation(4), checksum: 110 },
    };

    #[test]
    fn a_header_says_what_it_was_made_of() {
        assert_eq!(SegmentHeader::decode(&HEADER.encode()), Some(HEADER));
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_found() {
        for bit in 0..8 * MEANING {
            let mut bytes = HEADER.encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&bytes), None, "bit {bit}");
        }
        assert_eq!(SegmentHeader::decode(&HEADER.encode()[..511]), None);
    }

    #[test]
    fn a_chain_has_no_gap_no_overlap_and_no_fork() {
        assert_eq!(HEADER.follows(HEADER.log, tail(10)), Ok(()));
        assert_eq!(HEADER.follows(HEADER.log, tail(9)), Err(Break::Gap));
        assert_eq!(HEADER.follows(HEADER.log, tail(11)), Err(Break::Overlap));
        let other = Tail { checksum: 1, ..tail(10) };
        assert_eq!(HEADER.follows(HEADER.log, other), Err(Break::Fork));
    }

    #[test]
    fn a_segment_that_an_earlier_log_left_behind_is_foreign() {
        assert_eq!(HEADER.follows(LogId(1), tail(10)), Err(Break::Foreign));
    }

    #[test]
    fn a_record_that_does_not_fit_goes_into_a_new_segment() {
        assert!(!must_roll(1000, 24, 1024));
        assert!(must_roll(1000, 32, 1024));
    }

    #[test]
    fn a_record_that_fits_nowhere_gets_a_segment_of_its_own() {
        assert!(!must_roll(512, 5000, 1024));
        assert!(must_roll(5512, 8, 1024));
    }

    #[test]
    fn names_sort_as_indices_do() {
        assert_eq!(file_name(LogIndex(42)), "00000000000000000042.log");
        assert!(file_name(LogIndex(9)) < file_name(LogIndex(10)));
        assert!(file_name(LogIndex(9)) < file_name(LogIndex(u64::MAX)));
        assert_eq!(first_index_of(&file_name(LogIndex(u64::MAX))), Some(LogIndex(u64::MAX)));
    }

    #[test]
    fn other_names_are_not_segments() {
        for name in ["42.log", "00000000000000000042", "+0000000000000000042.log", "superblock"] {
            assert_eq!(first_index_of(name), None, "{name}");
        }
    }
}
