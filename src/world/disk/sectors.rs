//! Sectors, the unit in which a disk keeps or loses what it was given, and sorted lists of them with bytes.
//!
//! A list keeps all its bytes in one buffer, so that a file which is written and synced for ever allocates
//! nothing: the buffers go from hand to hand and are used again.

use std::ops::Range;

/// The size of a sector, in bytes: the most that a disk writes at once.
pub const SECTOR_BYTES: usize = 512;

/// The number of a sector within its file, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sector(pub u32);

impl Sector {
    /// The sector that holds the byte at `offset`.
    pub const fn of(offset: usize) -> Self {
        Self((offset / SECTOR_BYTES) as u32)
    }

    /// The offset of its first byte.
    pub const fn start(self) -> usize {
        self.0 as usize * SECTOR_BYTES
    }

    /// The offset after its last byte.
    pub const fn end(self) -> usize {
        self.start() + SECTOR_BYTES
    }

    /// The part of a file's bytes that is in this sector: less than a sector at the end of the file, and
    /// nothing beyond it.
    pub fn of_bytes(self, bytes: &[u8]) -> &[u8] {
        let end = self.end().min(bytes.len());
        &bytes[self.start().min(end)..end]
    }
}

/// What will become of a sector that differs from the platter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The next sync writes it.
    Dirty,
    /// A sync of it failed: no sync writes it until the node does.
    Abandoned,
}

/// One sector of a list. Its bytes are in the list's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub sector: Sector,
    pub state: State,
    len: u16,
    at: u32,
}

/// Sectors in increasing order, each once, with some bytes each.
///
/// Invariant: the buffer only grows until the list is cleared or an edit is undone, so an entry that was
/// copied out of the list can be put back.
#[derive(Clone, Debug, Default)]
pub struct SectorList {
    entries: Vec<Entry>,
    bytes: Vec<u8>,
}

impl SectorList {
    pub fn clear(&mut self) {
        self.entries.clear();
        self.bytes.clear();
    }

    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The bytes kept with an entry of this list.
    pub fn bytes_of(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.at as usize..][..usize::from(entry.len)]
    }

    /// The bytes kept with an entry of this list, to be changed.
    pub fn bytes_of_mut(&mut self, entry: &Entry) -> &mut [u8] {
        &mut self.bytes[entry.at as usize..][..usize::from(entry.len)]
    }

    pub fn find(&self, sector: Sector) -> Option<&Entry> {
        let place = self.entries.binary_search_by_key(&sector, |entry| entry.sector).ok()?;
        Some(&self.entries[place])
    }

    /// Adds a sector, which must be beyond all others.
    pub fn push(&mut self, sector: Sector, state: State, bytes: &[u8]) {
        assert!(self.entries.last().is_none_or(|last| last.sector < sector), "sectors increase");
        let entry = store(&mut self.bytes, sector, bytes);
        self.entries.push(Entry { state, ..entry });
    }

    /// The places of the entries for the sectors `first..=last`.
    pub fn places(&self, first: Sector, last: Sector) -> Range<usize> {
        // Most writes are at the end of the file, beyond all that is listed but at most the last sector.
        if self.entries.last().is_none_or(|end| end.sector < first) {
            return self.entries.len()..self.entries.len();
        }
        let start = self.entries.partition_point(|entry| entry.sector < first);
        let count = self.entries[start..].partition_point(|entry| entry.sector <= last);
        start..start + count
    }

    /// Lists all sectors `first..=last` as dirty. A sector that is listed already, at `places`, keeps its
    /// bytes; for another, `image` says what to keep.
    pub fn make_dirty<'a>(
        &mut self,
        (first, last): (Sector, Sector),
        known: &[Entry],
        image: impl Fn(Sector) -> &'a [u8],
    ) {
        let places = self.places(first, last);
        assert!(places.len() == known.len(), "what is known is what is listed");
        let Self { entries, bytes } = self;
        let mut known = known.iter().peekable();
        let merged = (first.0..=last.0).map(|number| {
            let sector = Sector(number);
            known.next_if(|entry| entry.sector == sector).map_or_else(
                || store(bytes, sector, image(sector)),
                |entry| Entry { state: State::Dirty, ..*entry },
            )
        });
        if places.end == entries.len() {
            entries.truncate(places.start);
            entries.extend(merged);
        } else {
            entries.splice(places, merged);
        }
    }

    /// Undoes [`make_dirty`](Self::make_dirty): the sectors `first..=last` are as `known` says, and the
    /// buffer as long as it was.
    pub fn restore(
        &mut self,
        (first, last): (Sector, Sector),
        known: &[Entry],
        buffer_len: BufferLength,
    ) {
        let places = self.places(first, last);
        self.entries.splice(places, known.iter().copied());
        self.bytes.truncate(buffer_len.0);
    }

    /// How long the buffer is, for [`restore`](Self::restore).
    pub const fn buffer_len(&self) -> BufferLength {
        BufferLength(self.bytes.len())
    }
}

/// A length of a list's buffer.
#[derive(Clone, Copy, Debug)]
pub struct BufferLength(usize);

fn store(buffer: &mut Vec<u8>, sector: Sector, bytes: &[u8]) -> Entry {
    assert!(bytes.len() <= SECTOR_BYTES, "a sector's bytes fit in a sector");
    let at = u32::try_from(buffer.len()).expect("a file has at most 2^31 bytes");
    buffer.extend_from_slice(bytes);
    Entry { sector, state: State::Dirty, len: bytes.len() as u16, at }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(list: &SectorList) -> Vec<(u32, Vec<u8>)> {
        list.entries().iter().map(|e| (e.sector.0, list.bytes_of(e).to_vec())).collect()
    }

    #[test]
    fn a_listed_sector_keeps_its_bytes_and_the_others_get_theirs() {
        let mut list = SectorList::default();
        list.push(Sector(2), State::Abandoned, b"two");
        list.push(Sector(5), State::Dirty, b"five");
        let known = list.entries()[..1].to_vec();
        list.make_dirty((Sector(1), Sector(3)), &known, |_| b"new");
        let expected = [(1, &b"new"[..]), (2, b"two"), (3, b"new"), (5, b"five")];
        assert_eq!(listed(&list), expected.map(|(n, bytes)| (n, bytes.to_vec())));
        assert_eq!(list.find(Sector(2)).unwrap().state, State::Dirty);
    }

    #[test]
    fn restoring_puts_a_list_back_as_it_was() {
        let mut list = SectorList::default();
        list.push(Sector(2), State::Abandoned, b"two");
        let (before, buffer_len) = (listed(&list), list.buffer_len());
        let known = list.entries().to_vec();
        list.make_dirty((Sector(0), Sector(9)), &known, |_| b"new");
        list.restore((Sector(0), Sector(9)), &known, buffer_len);
        assert_eq!(listed(&list), before);
        assert_eq!(list.find(Sector(2)).unwrap().state, State::Abandoned);
    }
}
