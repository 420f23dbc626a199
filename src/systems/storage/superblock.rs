//! The superblock: what a replica promised besides its log, and which log is its own.
//!
//! It is never overwritten in place: versions alternate between two places, so that a write which power
//! interrupts leaves the version before. In each place it lies twice, in two sectors, because a sector that
//! decays must not make the node fall back to the version before: it would forget a vote. The newest valid
//! copy wins.
//!
//! It also keeps a lower bound of what is durable in the log, written along whenever something else is saved.
//! A log that ends before it was damaged, even if its end looks like a torn tail.

use crate::kernel::crc32c;
use crate::kernel::ids::{Generation, LogIndex, NodeId};
use crate::node::Node;
use crate::node::context::Disk;
use crate::node::disk::{DiskError, FileId, Open};
use crate::patterns::low_water_mark::Boundary;
use crate::patterns::segmented_log::LogId;
use crate::systems::storage::{HardState, Patience, Standing};

const MAGIC: [u8; 8] = *b"elarasup";
const FORMAT: u32 = 1;
const SECTOR: usize = 512;
const COPIES: usize = 2;
const PLACES: usize = 2;
/// The bytes of a sector that mean something, the checksum behind them included.
const MEANING: usize = 84;
const NOBODY: u32 = u32::MAX;

/// Whether the log that a superblock names exists yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its first segment may not be there, and other logs' files may be.
    Announced,
    /// It is there; if it is not, the disk lost it.
    Begun,
}

/// The content of a superblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Superblock {
    /// Its version; the greatest counts.
    pub version: u64,
    /// What the replica promised.
    pub hard_state: HardState,
    /// The log that counts.
    pub log: LogId,
    /// Whether it exists yet.
    pub stage: Stage,
    /// What the log's very first record follows: the last entry of the snapshot that replaced the log before
    /// it.
    pub origin: Boundary,
    /// The log is durable at least through this index, unless a snapshot covers it.
    pub durable: LogIndex,
}

impl Superblock {
    /// The superblock of a disk that was never used.
    pub(super) const NEW: Self = Self {
        version: 0,
        hard_state: HardState {
            generation: Generation(0),
            voted_for: None,
            standing: Standing::Full,
        },
        log: LogId(0),
        stage: Stage::Announced,
        origin: Boundary { index: LogIndex(0), generation: Generation(0) },
        durable: LogIndex(0),
    };

    fn encode(&self) -> [u8; SECTOR] {
        let mut bytes = Vec::with_capacity(SECTOR);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&self.version.to_le_bytes());
        bytes.extend_from_slice(&self.hard_state.generation.0.to_le_bytes());
        let voted_for = self.hard_state.voted_for.map_or(NOBODY, |node| node.0);
        bytes.extend_from_slice(&voted_for.to_le_bytes());
        bytes.push(match self.hard_state.standing {
            Standing::Full => 0,
            Standing::Rejoining => 1,
        });
        bytes.push(match self.stage {
            Stage::Announced => 0,
            Stage::Begun => 1,
        });
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(&self.log.0.to_le_bytes());
        bytes.extend_from_slice(&self.origin.index.0.to_le_bytes());
        bytes.extend_from_slice(&self.origin.generation.0.to_le_bytes());
        bytes.extend_from_slice(&self.durable.0.to_le_bytes());
        bytes.resize(MEANING - 4, 0);
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes.resize(SECTOR, 0);
        bytes.try_into().expect("resized to one sector")
    }

    fn decode(sector: &[u8]) -> Option<Self> {
        let (covered, checksum) = sector.get(..MEANING)?.split_at(MEANING - 4);
        let is_whole = crc32c::crc32c(covered).to_le_bytes() == checksum;
        if !is_whole || covered[..8] != MAGIC || covered[8..12] != FORMAT.to_le_bytes() {
            return None;
        }
        let word = |place: usize| {
            u64::from_le_bytes(covered[place..place + 8].try_into().expect("8 bytes"))
        };
        let voted_for = u32::from_le_bytes(covered[28..32].try_into().expect("4 bytes"));
        let hard_state = HardState {
            generation: Generation(word(20)),
            voted_for: (voted_for != NOBODY).then_some(NodeId(voted_for)),
            standing: if covered[32] == 0 { Standing::Full } else { Standing::Rejoining },
        };
        Some(Self {
            version: word(12),
            hard_state,
            log: LogId(u128::from(word(36)) | u128::from(word(44)) << 64),
            stage: if covered[33] == 0 { Stage::Announced } else { Stage::Begun },
            origin: Boundary { index: LogIndex(word(52)), generation: Generation(word(60)) },
            durable: LogIndex(word(68)),
        })
    }
}

/// What was found in a superblock's file.
pub(super) enum Found {
    /// There is no such file.
    Nothing,
    /// There is one, without a valid copy.
    Invalid,
    /// The newest valid copy.
    Valid(SuperblockFile),
}

/// The file of the superblock, and what it says.
#[derive(Debug)]
pub(super) struct SuperblockFile {
    file: FileId,
    /// What is written by the next write.
    pub current: Superblock,
}

impl SuperblockFile {
    /// Reads the newest valid copy.
    ///
    /// A place of which no copy is valid, and one could not be read, may hold the newest version.
    ///
    /// # Errors
    /// `Read` if there is such a place, as long as that may pass. To go on with the other place's version would be to forget
    /// a vote; so if it does not pass, the superblock is invalid.
    pub(super) fn read<N: Node>(
        disk: &mut Disk<'_, N>,
        path: &str,
        patience: Patience,
    ) -> Result<Found, DiskError> {
        let file = match disk.open(path, Open::Existing) {
            Ok(file) => file,
            Err(DiskError::NotFound) => return Ok(Found::Nothing),
            Err(error) => return Err(error),
        };
        let mut newest: Option<Superblock> = None;
        let mut unreadable = Ok(());
        for place in 0..PLACES {
            let (mut valid, mut error) = (None, Ok(()));
            for copy in 0..COPIES {
                let mut bytes = [0; SECTOR];
                match disk.read(file, ((place * COPIES + copy) * SECTOR) as u64, &mut bytes) {
                    Ok(_) => valid = valid.or(Superblock::decode(&bytes)),
                    Err(failed) => error = Err(failed),
                }
            }
            newest = newest.into_iter().chain(valid).max_by_key(|one| one.version);
            if valid.is_none() {
                unreadable = unreadable.and(error);
            }
        }
        let found = match (newest, unreadable, patience) {
            (Some(current), Ok(()), _) => return Ok(Found::Valid(Self { file, current })),
            (_, Err(error), Patience::Left) => Err(error),
            (None, Ok(()), _) | (_, Err(_), Patience::Spent) => Ok(Found::Invalid),
        };
        disk.close(file);
        found
    }

    /// Creates the file, with nothing in it that is valid.
    pub(super) fn create<N: Node>(disk: &mut Disk<'_, N>, path: &str) -> Result<Self, DiskError> {
        let file = disk.open(path, Open::Any)?;
        disk.set_len(file, 0)?;
        Ok(Self { file, current: Superblock::NEW })
    }

    /// Writes the current content, as a new version, into the cache.
    pub(super) fn write<N: Node>(&mut self, disk: &mut Disk<'_, N>) -> Result<(), DiskError> {
        self.current.version += 1;
        self.write_in_place(disk)
    }

    /// Writes what was read once more, durably: it may have been in the cache only. If power fails meanwhile, the version
    /// before is still there, and nobody was promised anything by this one.
    pub(super) fn write_back<N: Node>(&mut self, disk: &mut Disk<'_, N>) -> Result<(), DiskError> {
        self.write_in_place(disk)?;
        self.sync(disk)
    }

    fn write_in_place<N: Node>(&self, disk: &mut Disk<'_, N>) -> Result<(), DiskError> {
        let place = self.current.version as usize % PLACES * COPIES * SECTOR;
        let mut bytes = [0; COPIES * SECTOR];
        for copy in bytes.chunks_exact_mut(SECTOR) {
            copy.copy_from_slice(&self.current.encode());
        }
        disk.write(self.file, place as u64, &bytes)
    }

    /// Makes durable what was written.
    pub(super) fn sync<N: Node>(&mut self, disk: &mut Disk<'_, N>) -> Result<(), DiskError> {
        disk.sync(self.file)
    }

    /// Writes the current content, as a new version, durably.
    pub(super) fn write_through<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
    ) -> Result<(), DiskError> {
        self.write(disk)?;
        self.sync(disk)
    }

    /// From now on the log `log` counts, which follows `origin`. It does not exist yet.
    pub(super) fn begin_log<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
        log: LogId,
        origin: Boundary,
    ) -> Result<(), DiskError> {
        let durable = origin.index;
        self.current = Superblock { log, stage: Stage::Announced, origin, durable, ..self.current };
        self.write_through(disk)
    }

    /// The announced log exists.
    pub(super) fn log_is_begun<N: Node>(
        &mut self,
        disk: &mut Disk<'_, N>,
    ) -> Result<(), DiskError> {
        self.current.stage = Stage::Begun;
        self.write_through(disk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Superblock {
        Superblock {
            version: 7,
            hard_state: HardState {
                generation: Generation(5),
                voted_for: Some(NodeId(2)),
                standing: Standing::Rejoining,
            },
            log: LogId(3 << 64 | 4),
            stage: Stage::Begun,
            origin: Boundary { index: LogIndex(10), generation: Generation(4) },
            durable: LogIndex(12),
        }
    }

    #[test]
    fn a_superblock_says_what_it_was_made_of() {
        assert_eq!(Superblock::decode(&sample().encode()), Some(sample()));
        let new = Superblock::NEW;
        assert_eq!(Superblock::decode(&new.encode()), Some(new));
    }

    #[test]
    fn every_flipped_bit_of_a_superblock_is_found() {
        for bit in 0..8 * MEANING {
            let mut sector = sample().encode();
            sector[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Superblock::decode(&sector), None, "bit {bit}");
        }
    }

    #[test]
    fn a_sector_of_zeros_is_not_a_superblock() {
        assert_eq!(Superblock::decode(&[0; SECTOR]), None);
    }
}
