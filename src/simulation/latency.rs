//! Latencies in bounded memory: a histogram whose buckets grow with the value, so that a percentile is off by at most one
//! part in sixteen.

use std::time::Duration;

const SUB: u64 = 16;

/// A histogram of durations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latencies {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: vec![0; (61 * SUB) as usize], total: 0, max: 0 }
    }
}

impl Latencies {
    /// Takes in one duration.
    pub fn add(&mut self, duration: Duration) {
        let nanos = crate::kernel::time::nanos(duration);
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
        self.max = self.max.max(nanos);
    }

    /// How many durations there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.total
    }

    /// The greatest duration.
    #[must_use]
    pub const fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// A duration that `percent` of all do not exceed, rounded down to its bucket; zero if there were none.
    #[must_use]
    pub fn percentile(&self, percent: u64) -> Duration {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(lower(place as u64));
            }
        }
        Duration::ZERO
    }
}

/// The sixteenth of its power of two that a value falls into.
const fn bucket(nanos: u64) -> usize {
    if nanos < SUB {
        return nanos as usize;
    }
    let power = nanos.ilog2() as u64;
    ((power - 3) * SUB + (nanos >> (power - 4)) - SUB) as usize
}

const fn lower(bucket: u64) -> u64 {
    if bucket < SUB {
        return bucket;
    }
    let power = bucket / SUB + 3;
    (SUB + bucket % SUB) << (power - 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_begins_at_most_a_sixteenth_below_its_values() {
        for nanos in (0..2_000).chain([1 << 20, (1 << 40) + 12_345, u64::MAX / 2, u64::MAX]) {
            let begin = lower(bucket(nanos) as u64);
            assert!(begin <= nanos && nanos - begin <= nanos / SUB, "{nanos} in {begin}");
        }
    }

    #[test]
    fn percentiles_count_from_below() {
        let mut latencies = Latencies::default();
        (1..=10).for_each(|nanos| latencies.add(Duration::from_nanos(nanos)));
        assert_eq!(latencies.percentile(50), Duration::from_nanos(5));
        assert_eq!(latencies.percentile(99), Duration::from_nanos(10));
        assert_eq!(latencies.max(), Duration::from_nanos(10));
    }
}
