//! Chance: one independent ChaCha8 stream for each consumer that has a name.
//!
//! # Why named streams
//!
//! If everything drew from one stream, removing a fault or a client would shift what all others draw, and
//! neither a paired run (one pattern off, everything else equal) nor shrinking would mean anything. Here
//! the key of a stream is `(seed, purpose, a, b)`: what one consumer draws depends on its name only.
//!
//! # Why our own sampling
//!
//! A recorded failure must replay for years. The distributions of the `rand` crate may change from release
//! to release, so integers are sampled here, on the raw words of ChaCha8 (Bernstein 2008), and the
//! known-answer tests below freeze both. Nothing uses floating point.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::kernel::time::nanos;

/// Who draws from a stream. The numbers are part of the recorded format: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// The fates of the messages on one link; `a`, `b` name its ends.
    Link = 1,
    /// The latencies and losses of one node's disk.
    Disk = 2,
    /// One node's clock: offset, drift.
    Clock = 3,
    /// What one node's own code draws.
    Node = 4,
    /// What one client asks, and when.
    Client = 5,
    /// The generation of faults.
    Nemesis = 6,
    /// Power: which sectors survive, when power returns.
    Power = 7,
    /// How one listed fault resolves what it leaves open; `a` is its place in the timeline.
    Fault = 8,
    /// Anything a library user wants; `a`, `b` are theirs.
    User = 9,
}

/// A probability, as a number of parts in 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probability(u64);

impl Probability {
    /// Never.
    pub const NEVER: Self = Self(0);
    /// Always.
    pub const ALWAYS: Self = Self(1 << 32);

    /// The probability `parts` in a million.
    ///
    /// # Panics
    /// If `parts` is more than a million.
    #[must_use]
    pub const fn per_million(parts: u64) -> Self {
        assert!(parts <= 1_000_000, "a probability is at most 1");
        Self((parts << 32) / 1_000_000)
    }

    /// The probability nearest to `value`, or `None` if that is not between 0 and 1.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        // A power of two scales exactly, so this is the same everywhere.
        (0.0..=1.0).contains(&value).then_some(Self((value * 4_294_967_296.0) as u64))
    }

    /// The probability as a number between 0 and 1, for reports.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 4_294_967_296.0
    }

    /// Whether a uniform 32-bit draw falls within this probability.
    #[must_use]
    #[inline]
    pub const fn holds(self, draw: u32) -> bool {
        (draw as u64) < self.0
    }

    /// Whether this is [`Probability::NEVER`].
    #[must_use]
    pub const fn is_never(self) -> bool {
        self.0 == 0
    }
}

/// Four uniform words: all the chance that one message's fate needs.
pub type Draws = [u64; 4];

const WORDS_PER_DRAWS: u128 = 8; // 32-bit words

/// One consumer's source of chance. It costs nothing until it is first drawn from.
#[derive(Clone, Debug)]
pub struct Stream {
    key: [u64; 4],
    source: Option<ChaCha8Rng>,
    /// The number of the [`Draws`] that the source stands at, if `draws` is what it is used for.
    position: u64,
}

impl Stream {
    /// The stream of this name under `seed`.
    #[must_use]
    pub const fn new(seed: u64, purpose: Purpose, a: u64, b: u64) -> Self {
        Self { key: [seed, purpose as u64, a, b], source: None, position: 0 }
    }

    #[inline]
    fn source(&mut self) -> &mut ChaCha8Rng {
        let key = &self.key;
        self.source.get_or_insert_with(|| {
            let mut seed = [0; 32];
            for (chunk, word) in seed.chunks_exact_mut(8).zip(key) {
                chunk.copy_from_slice(&word.to_le_bytes());
            }
            ChaCha8Rng::from_seed(seed)
        })
    }

    /// A uniform 64-bit word.
    #[inline]
    pub fn word(&mut self) -> u64 {
        self.source().next_u64()
    }

    /// The draws of number `number`, whatever was drawn before: addressed, not consumed.
    ///
    /// A stream is either addressed with this or consumed with the other methods, not both.
    #[inline]
    pub fn draws(&mut self, number: u64) -> Draws {
        let expected = self.position;
        self.position = number + 1;
        let source = self.source();
        if number != expected {
            source.set_word_pos(u128::from(number) * WORDS_PER_DRAWS);
        }
        [source.next_u64(), source.next_u64(), source.next_u64(), source.next_u64()]
    }

    /// A uniform integer below `bound`: Lemire's multiply-shift with rejection (2019), so there is no bias.
    ///
    /// # Panics
    /// If `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no integer below 0");
        loop {
            let product = u128::from(self.word()) * u128::from(bound);
            let low = product as u64;
            if low >= bound || low >= bound.wrapping_neg() % bound {
                return (product >> 64) as u64;
            }
        }
    }

    /// A uniform duration from `low` to `high`, both included, in nanoseconds.
    ///
    /// # Panics
    /// If `low` is greater than `high`.
    pub fn duration(&mut self, low: Duration, high: Duration) -> Duration {
        assert!(low <= high, "a range of durations goes from the smaller to the greater");
        low + Duration::from_nanos(self.below(nanos(high) - nanos(low) + 1))
    }

    /// Whether an event of this probability happens. Draws once, whatever the probability.
    pub fn chance(&mut self, probability: Probability) -> bool {
        probability.holds((self.word() >> 32) as u32)
    }

    /// A uniform element, or `None` of an empty slice.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() {
            return None;
        }
        let place = self.below(items.len() as u64) as usize;
        items.get(place)
    }

    /// Puts the items into a uniformly random order (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// Maps a uniform word onto `0..bound` by multiply-shift: one word, no rejection, a bias below
/// `bound / 2^64`. For fates, which must take a fixed number of words.
#[must_use]
#[inline]
pub const fn scaled(word: u64, bound: u64) -> u64 {
    ((word as u128 * bound as u128) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Stream {
        Stream::new(42, Purpose::User, 1, 2)
    }

    #[test]
    fn the_raw_stream_is_frozen() {
        let mut stream = stream();
        let words: Vec<u64> = (0..4).map(|_| stream.word()).collect();
        // Computed by an independent ChaCha8: the key is the four words 42, 9, 1, 2 in little-endian
        // order, block counter and stream are 0, and a word is two 32-bit outputs, the lower first.
        let expected = [
            0x1e01_dbe1_0b76_1865,
            0x1268_55f1_f276_0cb6,
            0x34a5_dbe0_681f_5f50,
            0x3955_6e3e_4417_7fff,
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn the_sampling_is_frozen() {
        let mut stream = stream();
        let sample: Vec<u64> = (0..8).map(|_| stream.below(100)).collect();
        assert_eq!(sample, [11, 7, 20, 22, 5, 57, 80, 70]);
        let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
        stream.shuffle(&mut items);
        assert_eq!(items, [0, 5, 2, 1, 6, 7, 3, 4]);
        let low = Duration::from_millis(1);
        assert_eq!(stream.duration(low, 2 * low), Duration::from_nanos(1_389_720));
        assert!(stream.chance(Probability::ALWAYS));
        assert!(!stream.chance(Probability::NEVER));
    }

    #[test]
    fn addressed_draws_are_frozen() {
        // Four words each, so the fifth draws are the words 20 to 23 of the stream: block 2, from its
        // ninth 32-bit output on.
        let expected = [
            0x5af4_fb4d_1c83_5759,
            0xd50d_ede0_ba5e_ec49,
            0xec6e_38f0_0b8e_c603,
            0xe0d6_9ae4_627e_3b44,
        ];
        assert_eq!(stream().draws(5), expected);
    }

    #[test]
    fn draws_are_addressed_not_consumed() {
        let mut forward = stream();
        let in_order: Vec<Draws> = (0..50).map(|number| forward.draws(number)).collect();
        let mut backward = stream();
        for number in (0..50).rev() {
            assert_eq!(backward.draws(number), in_order[number as usize]);
        }
    }

    #[test]
    fn streams_of_different_names_are_independent() {
        let mut others = [
            Stream::new(43, Purpose::User, 1, 2),
            Stream::new(42, Purpose::Node, 1, 2),
            Stream::new(42, Purpose::User, 2, 2),
            Stream::new(42, Purpose::User, 1, 3),
        ];
        let first = stream().word();
        assert!(others.iter_mut().all(|other| other.word() != first));
    }

    #[test]
    fn below_is_within_its_bound_and_reaches_every_value() {
        let mut stream = stream();
        let mut seen = [false; 7];
        for _ in 0..1_000 {
            seen[stream.below(7) as usize] = true;
        }
        assert_eq!(seen, [true; 7]);
    }
}
