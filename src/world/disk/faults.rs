//! The faults that a disk has at the moment.
//!
//! Several may overlap and end separately. While they do, the greatest of each kind holds: if slownesses multiplied, three of
//! them would make one sync last for minutes.
//! What one operation suffers is decided by its own draws, so a fault that is removed
//! from a scenario does not shift the luck of other operations.

use std::mem;
use std::time::Duration;

use crate::kernel::random::Probability;
use crate::kernel::time::Instant;
use crate::world::disk::background::SyncOutcome;
use crate::world::fault::DiskFault;

/// How long an operation takes on a stalled disk if nobody knows when the stall ends: the time after which
/// Linux gives up on a command to a SCSI disk.
pub const STALL_WITHOUT_END: Duration = Duration::from_secs(30);

/// The faults that hold now, and those that will from the next handler on.
#[derive(Debug, Default)]
pub struct Faults {
    active: Vec<Active>,
    queued: Vec<Turn>,
    /// All active faults in one.
    merged: DiskFault,
    /// When the last stall ends, if there is one whose end is known.
    stalled_until: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Active {
    id: u32,
    fault: DiskFault,
    until: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
enum Turn {
    Begin(Active),
    End(u32),
}

/// What a fault destroys when it begins.
#[derive(Clone, Copy, Debug)]
pub struct Damage {
    /// The fault.
    pub id: u32,
    /// How many bits flip.
    pub bits: u32,
    /// How many sectors become unreadable.
    pub sectors: u32,
}

impl Faults {
    /// Lets a fault begin with the next [`turn`](Self::turn).
    pub fn begin(&mut self, id: u32, fault: DiskFault, until: Option<Instant>) {
        self.queued.push(Turn::Begin(Active { id, fault, until }));
    }

    /// Lets a fault end with the next [`turn`](Self::turn).
    pub fn end(&mut self, id: u32) {
        self.queued.push(Turn::End(id));
    }

    /// Whether a [`turn`](Self::turn) would change anything.
    pub const fn is_settled(&self) -> bool {
        self.queued.is_empty()
    }

    /// Lets faults begin and end; returns what those that began destroy.
    pub fn turn(&mut self) -> Vec<Damage> {
        let mut damages = Vec::new();
        for turn in mem::take(&mut self.queued) {
            match turn {
                Turn::Begin(active) => {
                    self.active.push(active);
                    damages.push(Damage {
                        id: active.id,
                        bits: active.fault.bit_rot.unwrap_or(0),
                        sectors: active.fault.latent_sectors.unwrap_or(0),
                    });
                }
                Turn::End(id) => self.active.retain(|active| active.id != id),
            }
        }
        self.merge();
        damages
    }

    fn merge(&mut self) {
        self.merged = DiskFault::default();
        self.stalled_until = None;
        for Active { fault, until, .. } in &self.active {
            let merged = &mut self.merged;
            merged.sync_failure = merged.sync_failure.max(fault.sync_failure);
            merged.lying_sync = merged.lying_sync.max(fault.lying_sync);
            merged.read_error = merged.read_error.max(fault.read_error);
            merged.write_error = merged.write_error.max(fault.write_error);
            merged.full = merged.full.max(fault.full);
            merged.stalled = merged.stalled.max(fault.stalled);
            merged.misdirected_write = merged.misdirected_write.max(fault.misdirected_write);
            merged.slower = merged.slower.max(fault.slower);
            if fault.stalled == Some(true) {
                self.stalled_until = self.stalled_until.max(*until);
            }
        }
    }

    /// When an operation ends that begins at `start` and takes `took` on a healthy disk.
    pub fn end_of(&self, start: Instant, took: Duration) -> Instant {
        let end = match self.merged.slower {
            None | Some(1) => start + took,
            Some(times) => start + took.saturating_mul(times),
        };
        if self.merged.stalled != Some(true) {
            return end;
        }
        end.max(self.stalled_until.unwrap_or(start + STALL_WITHOUT_END))
    }

    /// Whether there is no space for anything new.
    pub fn is_full(&self) -> bool {
        self.merged.full == Some(true)
    }

    /// What becomes of a sync with these fates.
    pub fn sync_outcome(&self, fates: Fates) -> SyncOutcome {
        if holds(self.merged.sync_failure, fates.first) {
            SyncOutcome::Failed
        } else if holds(self.merged.lying_sync, fates.second) {
            SyncOutcome::Lied
        } else {
            SyncOutcome::Durable
        }
    }

    /// Whether a read with these fates fails.
    pub fn fails_read(&self, fates: Fates) -> bool {
        holds(self.merged.read_error, fates.first)
    }

    /// Whether a write with these fates fails.
    pub fn fails_write(&self, fates: Fates) -> bool {
        holds(self.merged.write_error, fates.first)
    }

    /// Whether a write with these fates goes to another place.
    pub fn misdirects(&self, fates: Fates) -> bool {
        holds(self.merged.misdirected_write, fates.second)
    }
}

/// The luck of one operation: two uniform draws of 32 bits.
#[derive(Clone, Copy, Debug)]
pub struct Fates {
    first: u32,
    second: u32,
}

impl Fates {
    /// The fates in a uniform word.
    pub const fn of(word: u64) -> Self {
        Self { first: (word >> 32) as u32, second: word as u32 }
    }
}

fn holds(probability: Option<Probability>, draw: u32) -> bool {
    probability.is_some_and(|probability| probability.holds(draw))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_faults_end_separately() {
        let mut faults = Faults::default();
        let slow = |times| DiskFault { slower: Some(times), ..DiskFault::default() };
        faults.begin(1, slow(2), None);
        faults.begin(2, slow(5), None);
        faults.turn();
        let took = Duration::from_nanos(10);
        // 10 ns * 5, then 10 ns * 2, then 10 ns.
        assert_eq!(faults.end_of(Instant::ZERO, took), Instant::from_nanos(50));
        faults.end(2);
        faults.turn();
        assert_eq!(faults.end_of(Instant::ZERO, took), Instant::from_nanos(20));
        faults.end(1);
        faults.turn();
        assert_eq!(faults.end_of(Instant::ZERO, took), Instant::from_nanos(10));
    }

    #[test]
    fn a_stalled_operation_ends_with_the_stall() {
        let mut faults = Faults::default();
        let stalled = DiskFault { stalled: Some(true), ..DiskFault::default() };
        faults.begin(1, stalled, Some(Instant::from_nanos(500)));
        faults.turn();
        let took = Duration::from_nanos(10);
        assert_eq!(faults.end_of(Instant::from_nanos(100), took), Instant::from_nanos(500));
        assert_eq!(faults.end_of(Instant::from_nanos(495), took), Instant::from_nanos(505));
        faults.end(1);
        faults.begin(2, stalled, None);
        faults.turn();
        assert_eq!(faults.end_of(Instant::ZERO, took), Instant::ZERO + STALL_WITHOUT_END);
    }
}
