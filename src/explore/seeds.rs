//! Which seeds a sweep is about, and which of them are one shard's.
//!
//! A shard's seeds are spread over the whole range, not cut from it: sweeps that are stopped early have then all looked at
//! the beginning of the range, and shards take equally long.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// How many seeds a sweep tries if nobody says.
pub const SEEDS_DEFAULT: u64 = 100;

/// A sweep may have at most so many seeds, which is more than anybody can wait for.
pub const SEEDS_MAX: u64 = 1_000_000_000_000;

/// What a user may write for seeds, in words.
pub const SEEDS_EXPECTED: &str =
    "how many seeds (`1000`: the seeds 1 to 1000), or a range (`5..10`, or `5..=10` with 10)";

/// The seeds from `from` to `to`, both of them included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seeds {
    /// The first seed.
    pub from: u64,
    /// The last seed, not before the first one.
    pub to: u64,
}

impl Default for Seeds {
    fn default() -> Self {
        Self { from: 1, to: SEEDS_DEFAULT }
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.to)
    }
}

impl Seeds {
    /// Reads how many seeds (from 1 on), or a range as Rust writes it: `A..B` without `B`, `A..=B` with it.
    ///
    /// # Errors
    /// If it is neither, if the range is empty, or if it has more than [`SEEDS_MAX`] seeds.
    pub fn parse(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            text.trim().parse::<u64>().map_err(|_| format!("expected {SEEDS_EXPECTED}"))
        };
        let seeds = match text.split_once("..") {
            None => (1, number(text)?.checked_add(1)),
            Some((from, to)) => match to.strip_prefix('=') {
                Some(to) => (number(from)?, number(to)?.checked_add(1)),
                None => (number(from)?, Some(number(to)?)),
            },
        };
        let (from, Some(end)) = seeds else {
            return Err(format!("the last seed is at most {}", u64::MAX - 1));
        };
        if from >= end {
            return Err("there is no seed in it: begin with a smaller one".into());
        }
        if end - from > SEEDS_MAX {
            return Err(format!("these are more than {SEEDS_MAX} seeds"));
        }
        Ok(Self { from, to: end - 1 })
    }

    /// How many they are.
    #[must_use]
    pub const fn count(self) -> u64 {
        self.to - self.from + 1
    }

    /// Whether a seed is one of them.
    #[must_use]
    pub const fn contains(self, seed: u64) -> bool {
        self.from <= seed && seed <= self.to
    }
}

/// One of several sweeps that share the seeds. Of each `of` seeds in a row, it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// Which one, from 1 to `of`.
    pub index: u64,
    /// How many there are.
    pub of: u64,
}

impl Shard {
    /// The whole: one shard of one.
    pub const WHOLE: Self = Self { index: 1, of: 1 };

    /// The shard of this index, if there is one.
    #[must_use]
    pub fn new(index: u64, of: NonZeroU64) -> Option<Self> {
        (1..=of.get()).contains(&index).then_some(Self { index, of: of.get() })
    }

    /// Reads `I/N`.
    ///
    /// # Errors
    /// If it is something else, or `I` is not from 1 to `N`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        let (index, of) = numbers.ok_or("expected I/N, as in 1/4 to 4/4")?;
        Self::new(index, of).ok_or_else(|| format!("the shards of {of} are 1/{of} to {of}/{of}"))
    }

    /// Whether the seed at this place of the range, from 0, is this shard's.
    #[must_use]
    pub const fn has(self, place: u64) -> bool {
        place % self.of == self.index - 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_number_or_a_range_as_in_rust() {
        let parsed = |text| Seeds::parse(text).map(|seeds| (seeds.from, seeds.to));
        assert_eq!(parsed("1000"), Ok((1, 1_000)));
        assert_eq!(parsed("5..10"), Ok((5, 9)));
        assert_eq!(parsed("5..=10"), Ok((5, 10)));
        assert_eq!(parsed("0..1"), Ok((0, 0)));
        for bad in ["", "0", "x", "5..", "..5", "5..5", "9..=8", "-1", "1.5", "0..=2000000000000"] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
        assert!(parsed("18446744073709551615").is_err(), "no overflow");
    }

    #[test]
    fn every_seed_is_in_exactly_one_shard() {
        let shards: Vec<Shard> =
            (1..=3).map(|index| Shard::parse(&format!("{index}/3")).expect("a shard")).collect();
        for place in 0..20 {
            assert_eq!(shards.iter().filter(|shard| shard.has(place)).count(), 1, "{place}");
        }
        for bad in ["", "1", "0/3", "4/3", "1/0", "1/", "a/b", "-1/3"] {
            assert!(Shard::parse(bad).is_err(), "{bad}");
        }
    }
}
