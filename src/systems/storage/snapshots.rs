//! Snapshots as files: written aside, made durable, then given their name.
//!
//! A snapshot counts when its name is durable and its checksums hold. The one before stays until then, so
//! there is no moment without one. The order is everything: a rename that is durable before the content is,
//! or a log that is discarded before the rename is durable, loses the state.

use std::rc::Rc;

use crate::kernel::crc32c;
use crate::kernel::ids::{Generation, LogIndex};
use crate::node::Node;
use crate::node::context::Disk;
use crate::node::disk::{DiskError, Open};
use crate::systems::storage::{Patience, Snapshot};

const MAGIC: [u8; 8] = *b"elarasnp";
const FORMAT: u32 = 1;
const HEADER_BYTES: usize = 44;
const PREFIX: &str = "snapshot-";

/// The name of a snapshot that does not count yet.
pub(super) const PARTIAL: &str = "snapshot.partial";

/// Writes a snapshot under a name that does not count, durably.
///
/// # Errors
/// After `Full` and `Write` nothing has changed.
pub(super) fn write_partial<N: Node>(
    disk: &mut Disk<'_, N>,
    directory: &str,
    snapshot: &Snapshot,
) -> Result<(), DiskError> {
    let path = format!("{directory}/{PARTIAL}");
    let file = disk.open(&path, Open::Any)?;
    let result = disk
        .set_len(file, 0)
        .and_then(|()| disk.write(file, 0, &encode(snapshot)))
        .and_then(|()| disk.sync(file));
    disk.close(file);
    result
}

/// Gives the written snapshot its name, durably, and removes the one before.
pub(super) fn publish<N: Node>(
    disk: &mut Disk<'_, N>,
    directory: &str,
    index: LogIndex,
) -> Result<(), DiskError> {
    let name = file_name(index);
    disk.rename(&format!("{directory}/{PARTIAL}"), &format!("{directory}/{name}"))?;
    disk.sync_directory(directory)?;
    for other in disk.list(directory)? {
        if index_of(&other).is_some() && other != name {
            // Not synced: if it comes back, `open` takes the newest and removes it again.
            disk.remove(&format!("{directory}/{other}"))?;
        }
    }
    Ok(())
}

/// Reads the newest of the snapshots among `names` that is whole.
///
/// # Errors
/// Those of the disk, except `Read`: a snapshot that cannot be read is not whole.
pub(super) fn read_newest<N: Node>(
    disk: &mut Disk<'_, N>,
    directory: &str,
    names: &[String],
    patience: Patience,
) -> Result<Option<Snapshot>, DiskError> {
    for name in names.iter().rev().filter(|name| index_of(name).is_some()) {
        let bytes = match disk.read_all(&format!("{directory}/{name}")) {
            Err(DiskError::Read) if patience == Patience::Spent => continue,
            result => result?,
        };
        if let Some(snapshot) = decode(&bytes) {
            return Ok(Some(snapshot));
        }
    }
    Ok(None)
}

/// The name of the snapshot through `index`: of fixed width, so that names sort as indices do.
pub(super) fn file_name(index: LogIndex) -> String {
    format!("{PREFIX}{:020}", index.0)
}

/// The index that a file's name hints at; `None` if it is not the name of a snapshot.
pub(super) fn index_of(name: &str) -> Option<LogIndex> {
    name.strip_prefix(PREFIX)?.parse().ok().map(LogIndex)
}

fn encode(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + snapshot.body.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&snapshot.index.0.to_le_bytes());
    bytes.extend_from_slice(&snapshot.generation.0.to_le_bytes());
    bytes.extend_from_slice(&(snapshot.body.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&snapshot.body).to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    assert_eq!(bytes.len(), HEADER_BYTES, "the format is frozen");
    bytes.extend_from_slice(&snapshot.body);
    bytes
}

fn decode(bytes: &[u8]) -> Option<Snapshot> {
    let (header, body) = bytes.split_at_checked(HEADER_BYTES)?;
    let number =
        |place: usize| u32::from_le_bytes(header[place..place + 4].try_into().expect("4 bytes"));
    let word =
        |place: usize| u64::from_le_bytes(header[place..place + 8].try_into().expect("8 bytes"));
    let is_whole = header[..8] == MAGIC
        && number(8) == FORMAT
        && number(40) == crc32c::crc32c(&header[..40])
        && word(28) == body.len() as u64
        && number(36) == crc32c::crc32c(body);
    is_whole.then(|| Snapshot {
        index: LogIndex(word(12)),
        generation: Generation(word(20)),
        body: Rc::from(body),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Snapshot {
        Snapshot { index: LogIndex(42), generation: Generation(3), body: Rc::from(*b"the state") }
    }

    #[test]
    fn a_snapshot_says_what_it_was_made_of() {
        assert_eq!(decode(&encode(&sample())), Some(sample()));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_of_a_snapshot_is_found() {
        let whole = encode(&sample());
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bytes), None, "bit {bit}");
        }
        for len in 0..whole.len() {
            assert_eq!(decode(&whole[..len]), None, "cut at {len}");
        }
    }

    #[test]
    fn a_partial_snapshot_has_no_name_that_counts() {
        assert_eq!(index_of(&file_name(LogIndex(42))), Some(LogIndex(42)));
        assert_eq!(index_of(PARTIAL), None);
    }
}
