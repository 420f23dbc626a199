//! Two clocks, two types: what the time *is* ([`Instant`]) and what a node *reads* ([`LocalTime`],
//! [`WallTime`]).
//!
//! True time drives the event loop, the world and the checkers. A node never sees it: it reads its own
//! monotonic clock, which drifts, and its own wall clock, which is also off and can be stepped. Since
//! the types differ, code that compares one with the other does not compile.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// True virtual time: nanoseconds since the start of the run.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Instant(u64);

/// What a node's monotonic clock shows: nanoseconds since an arbitrary origin, never going back while
/// the node runs. Timers and time-outs belong to this clock.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct LocalTime(u64);

/// What a node's wall clock shows: nanoseconds since the start of the run *as this node believes*. It has
/// an offset, drifts, and may be stepped in either direction.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct WallTime(i64);

/// A duration in whole nanoseconds.
///
/// # Panics
/// If the duration is longer than 584 years.
#[must_use]
#[inline]
pub fn nanos(duration: Duration) -> u64 {
    duration
        .as_secs()
        .checked_mul(1_000_000_000)
        .and_then(|n| n.checked_add(u64::from(duration.subsec_nanos())))
        .expect("a duration of the simulation fits in 584 years")
}

macro_rules! moment {
    ($name:ident) => {
        impl $name {
            /// The origin of this clock.
            pub const ZERO: Self = Self(0);

            /// The moment `nanos` nanoseconds after the origin.
            #[must_use]
            pub const fn from_nanos(nanos: u64) -> Self {
                Self(nanos)
            }

            /// Nanoseconds since the origin.
            #[must_use]
            pub const fn as_nanos(self) -> u64 {
                self.0
            }

            /// How long after `earlier` this is; zero if it is not after.
            #[must_use]
            pub const fn since(self, earlier: Self) -> Duration {
                Duration::from_nanos(self.0.saturating_sub(earlier.0))
            }
        }

        impl Add<Duration> for $name {
            type Output = Self;

            /// Saturates at the end of time (584 years).
            fn add(self, duration: Duration) -> Self {
                Self(self.0.saturating_add(nanos(duration)))
            }
        }
    };
}

moment!(Instant);
moment!(LocalTime);

impl Instant {
    /// The end of time: "never".
    pub const MAX: Self = Self(u64::MAX);
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000_000, self.0 % 1_000_000_000 / 1_000)
    }
}

impl WallTime {
    /// The origin of wall clocks: where one that is right stands when the run starts.
    pub const ZERO: Self = Self(0);

    /// The wall time `nanos` nanoseconds after (or before, if negative) the true start of the run.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds after the true start of the run, as this clock believes.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }
}

/// A reading of the wall clock with its stated error bound: if the bound is honest, true time lies
/// between `earliest` and `latest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallReading {
    /// The lower end of the interval.
    pub earliest: WallTime,
    /// What the clock shows.
    pub shown: WallTime,
    /// The upper end of the interval.
    pub latest: WallTime,
}

/// A node's clock between two clock faults: a straight line from true time to what the node reads.
///
/// Invariant: `rate` is positive, so the monotonic reading never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockLine {
    /// Where the line begins, in true time.
    pub origin: Instant,
    /// What the monotonic clock shows there.
    pub local: LocalTime,
    /// What the wall clock shows there.
    pub wall: WallTime,
    /// How fast it runs: local nanoseconds per 10^9 true ones.
    pub rate: u64,
    /// The error bound that the clock states there, in nanoseconds.
    pub bound: u64,
    /// How fast the stated bound grows: nanoseconds per 10^9 true ones.
    pub bound_growth: u64,
}

/// A clock that neither gains nor loses: local nanoseconds per 10^9 true ones.
pub const RATE_TRUE: u64 = 1_000_000_000;

impl Default for ClockLine {
    fn default() -> Self {
        Self {
            origin: Instant::ZERO,
            local: LocalTime::ZERO,
            wall: WallTime::default(),
            rate: RATE_TRUE,
            bound: 0,
            bound_growth: 0,
        }
    }
}

impl ClockLine {
    fn elapsed(&self, at: Instant) -> u64 {
        let nanos = at.0 - self.origin.0;
        if self.rate == RATE_TRUE {
            return nanos;
        }
        scale(nanos, self.rate, RATE_TRUE)
    }

    /// What the monotonic clock shows at true time `at`, which must not be before the line begins.
    #[must_use]
    pub fn local(&self, at: Instant) -> LocalTime {
        LocalTime(self.local.0 + self.elapsed(at))
    }

    /// What the wall clock shows at true time `at`, with its stated bound.
    #[must_use]
    pub fn wall(&self, at: Instant) -> WallReading {
        let shown = self.wall.0 + self.elapsed(at) as i64;
        let bound = self.bound_at(at) as i64;
        WallReading {
            earliest: WallTime(shown - bound),
            shown: WallTime(shown),
            latest: WallTime(shown + bound),
        }
    }

    /// The error bound that the clock states at true time `at`, in nanoseconds. Before the line begins, it is
    /// that of the beginning.
    #[must_use]
    pub const fn bound_at(&self, at: Instant) -> u64 {
        if self.bound_growth == 0 {
            return self.bound;
        }
        self.bound + scale(at.0.saturating_sub(self.origin.0), self.bound_growth, RATE_TRUE)
    }

    /// How much true time passes while this clock counts `local`.
    #[must_use]
    pub fn true_span(&self, local: Duration) -> Duration {
        if self.rate == RATE_TRUE {
            return local;
        }
        Duration::from_nanos(scale(nanos(local), RATE_TRUE, self.rate))
    }
}

/// `value * numerator / denominator`, without overflow in between.
const fn scale(value: u64, numerator: u64, denominator: u64) -> u64 {
    (value as u128 * numerator as u128 / denominator as u128) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_counts_more_and_its_timers_fire_early() {
        // 100 ppm fast: 1 s of true time is 1.0001 s of local time.
        let line = ClockLine { rate: RATE_TRUE + 100_000, ..ClockLine::default() };
        let second = Instant::ZERO + Duration::from_secs(1);
        assert_eq!(line.local(second).as_nanos(), 1_000_100_000);
        assert_eq!(line.true_span(Duration::from_micros(1_000_100)), Duration::from_secs(1));
    }

    #[test]
    fn a_wall_reading_is_an_interval() {
        let line = ClockLine { wall: WallTime(-5), bound: 10, ..ClockLine::default() };
        let reading = line.wall(Instant::from_nanos(100));
        assert_eq!(reading.earliest, WallTime(85));
        assert_eq!(reading.shown, WallTime(95));
        assert_eq!(reading.latest, WallTime(105));
    }

    #[test]
    fn a_growing_bound_covers_the_drift_that_it_allows() {
        // 50 ppm for 20 s is 1 ms.
        let line = ClockLine { bound: 10, bound_growth: 50_000, ..ClockLine::default() };
        assert_eq!(line.bound_at(Instant::from_nanos(20_000_000_000)), 10 + 1_000_000);
    }

    #[test]
    fn instants_print_in_seconds() {
        assert_eq!(Instant::from_nanos(1_500_000_000).to_string(), "1.500000s");
    }
}
