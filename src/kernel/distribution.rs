//! How long things take: durations drawn from a distribution, in integers only.
//!
//! Virtual time must not depend on a platform's `ln` or `exp`, so logarithms and powers are computed in
//! fixed point: 32 fractional bits, one squaring for each bit. A sample is a pure function of one uniform
//! word, which makes every delay addressable.

use std::time::Duration;

use crate::kernel::random::{Stream, scaled};
use crate::kernel::time::nanos;

/// A distribution of durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Always the same.
    Constant(Duration),
    /// Uniform between two durations, both included.
    Uniform(Duration, Duration),
    /// Exponential with this mean: the gaps of a Poisson process.
    Exponential(Duration),
    /// Log-normal with this median; `sigma` is the standard deviation of the natural logarithm, in
    /// thousandths (500 means 0.5).
    LogNormal {
        /// Half of the samples are shorter.
        median: Duration,
        /// In thousandths.
        sigma: u32,
    },
    /// Pareto: never shorter than `minimum`, with a heavy tail of exponent `alpha`, in thousandths
    /// (1500 means 1.5). The tail is cut at 1,000 times the minimum.
    Pareto {
        /// The shortest possible sample.
        minimum: Duration,
        /// In thousandths; smaller is heavier.
        alpha: u32,
    },
}

impl Default for Distribution {
    fn default() -> Self {
        Self::Constant(Duration::ZERO)
    }
}

/// One, in fixed point.
const ONE: u64 = 1 << 32;
/// ln 2, in fixed point.
const LN_2: u64 = 2_977_044_472;
/// log2 e, in fixed point.
const LOG2_E: u64 = 6_196_328_019;
const PARETO_CUT: u64 = 1_000;

impl Distribution {
    /// The sample that belongs to a uniform word.
    #[must_use]
    #[inline]
    pub fn sample(&self, word: u64) -> Duration {
        Duration::from_nanos(self.sample_nanos(word))
    }

    /// The sample that belongs to a uniform word, in nanoseconds: what the event loop adds to `now`.
    ///
    /// # Panics
    /// If the bounds of a uniform distribution are not in order.
    #[must_use]
    #[inline]
    pub fn sample_nanos(&self, word: u64) -> u64 {
        match *self {
            Self::Constant(duration) => nanos(duration),
            Self::Uniform(low, high) => {
                let (low, high) = (nanos(low), nanos(high));
                assert!(low <= high, "a uniform distribution goes from the smaller to the greater");
                low + scaled(word, (high - low).saturating_add(1))
            }
            // Logarithms and powers cost ten times as much; they stay out of the caller's code.
            Self::Exponential(_) | Self::LogNormal { .. } | Self::Pareto { .. } => {
                self.sample_curve(word)
            }
        }
    }

    fn sample_curve(&self, word: u64) -> u64 {
        match *self {
            Self::Constant(_) | Self::Uniform(..) => unreachable!("these are not curves"),
            Self::Exponential(mean) => fixed_times(nanos(mean), scaled_ln(word)),
            Self::LogNormal { median, sigma } => log_normal(nanos(median), sigma, word),
            Self::Pareto { minimum, alpha } => {
                let exponent = minus_log2(word) * 1_000 / u64::from(alpha.max(1));
                let factor = exp2(exponent.min(10 * ONE)).min(PARETO_CUT * ONE);
                fixed_times(nanos(minimum), factor)
            }
        }
    }

    /// Draws a sample from a stream: one word, whatever the distribution.
    pub fn draw(&self, stream: &mut Stream) -> Duration {
        self.sample(stream.word())
    }

    /// A duration that samples exceed rarely (exponential, log-normal: about once in a thousand; Pareto:
    /// its cut) or never (constant, uniform). Liveness bounds are computed from it.
    #[must_use]
    pub fn upper(&self) -> Duration {
        match *self {
            Self::Constant(duration) => duration,
            Self::Uniform(_, high) => high,
            Self::Exponential(mean) => mean * 7,
            // z = 3.1: 1 in 1,000.
            Self::LogNormal { median, sigma } => {
                let exponent = fixed_mul(u64::from(sigma) * ONE / 1_000 * 31 / 10, LOG2_E);
                Duration::from_nanos(fixed_times(nanos(median), exp2(exponent)))
            }
            Self::Pareto { minimum, .. } => minimum * PARETO_CUT as u32,
        }
    }
}

/// The median times e^(sigma * z), where z is nearly normal: the sum of the word's eight bytes (the
/// Irwin-Hall distribution of eight terms), centred and scaled.
fn log_normal(median: u64, sigma: u32, word: u64) -> u64 {
    const MEAN: i64 = 8 * 255 / 2;
    // The standard deviation of the sum is sqrt(8 * (256^2 - 1) / 12) = 209.02.
    const DEVIATION_HUNDREDTHS: i64 = 20_902;
    let sum: i64 = word.to_le_bytes().iter().map(|&byte| i64::from(byte)).sum();
    let away = (sum - MEAN).unsigned_abs();
    let z = away * 100 * ONE / DEVIATION_HUNDREDTHS as u64;
    let exponent = fixed_mul(z * u64::from(sigma) / 1_000, LOG2_E);
    if sum >= MEAN {
        fixed_times(median, exp2(exponent))
    } else {
        (u128::from(median) * u128::from(ONE) / u128::from(exp2(exponent))) as u64
    }
}

/// -ln(u) for u = (word + 1) / 2^64, in fixed point.
fn scaled_ln(word: u64) -> u64 {
    fixed_mul(minus_log2(word), LN_2)
}

/// -log2(u) for u = (word + 1) / 2^64, in fixed point: between 0 and 64.
///
/// The integer part is the number of leading zeros; each squaring of the mantissa yields one more bit.
fn minus_log2(word: u64) -> u64 {
    let Some(word) = word.checked_add(1) else { return 0 };
    let zeros = u64::from(word.leading_zeros());
    // The mantissa m is in [1, 2), with 63 fractional bits.
    let mut mantissa = word << zeros;
    let mut log = 0;
    for bit in (0..32).rev() {
        let square = (u128::from(mantissa) * u128::from(mantissa)) >> 63;
        if square >> 64 != 0 {
            log |= 1 << bit;
            mantissa = (square >> 1) as u64;
        } else {
            mantissa = square as u64;
        }
    }
    // u = m * 2^(-1 - zeros), so -log2 u = zeros + 1 - log2 m.
    (zeros + 1) * ONE - log
}

/// 2^x, in fixed point, for x below 31: multiplies the roots 2^(1/2), 2^(1/4) ... that x names.
fn exp2(exponent: u64) -> u64 {
    let whole = (exponent >> 32).min(30);
    let mut result = ONE;
    for (place, &root) in ROOTS.iter().enumerate() {
        if exponent >> (31 - place) & 1 == 1 {
            result = fixed_mul(result, root);
        }
    }
    result << whole
}

/// 2^(1/2), 2^(1/4), 2^(1/8) ... in fixed point.
const ROOTS: [u64; 24] = roots();

const fn roots() -> [u64; 24] {
    let mut roots = [0; 24];
    let mut value: u128 = 2 << 62; // 62 fractional bits
    let mut place = 0;
    while place < roots.len() {
        value = square_root(value << 62);
        roots[place] = (value >> 30) as u64;
        place += 1;
    }
    roots
}

const fn square_root(value: u128) -> u128 {
    let mut root: u128 = 0;
    let mut bit = 64;
    while bit > 0 {
        bit -= 1;
        let trial = root | (1 << bit);
        if trial * trial <= value {
            root = trial;
        }
    }
    root
}

const fn fixed_mul(a: u64, b: u64) -> u64 {
    ((a as u128 * b as u128) >> 32) as u64
}

/// A product beyond the end of time is the end of time.
fn fixed_times(value: u64, factor: u64) -> u64 {
    u64::try_from((u128::from(value) * u128::from(factor)) >> 32).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::Purpose;

    const MILLI: Duration = Duration::from_millis(1);

    fn quantiles(distribution: Distribution) -> (u64, u64, u64) {
        let mut stream = Stream::new(7, Purpose::User, 0, 0);
        let mut samples: Vec<u64> =
            (0..100_001).map(|_| nanos(distribution.draw(&mut stream))).collect();
        samples.sort_unstable();
        (samples[0], samples[50_000], samples[99_900])
    }

    /// Within `percent` of the expected value.
    fn near(value: u64, expected: u64, percent: u64) {
        let slack = expected * percent / 100;
        assert!(value.abs_diff(expected) <= slack, "{value} is not near {expected}");
    }

    #[test]
    fn uniform_stays_within_its_bounds() {
        let (least, median, high) = quantiles(Distribution::Uniform(MILLI, 3 * MILLI));
        assert!(least >= 1_000_000 && high <= 3_000_000);
        near(median, 2_000_000, 2);
    }

    #[test]
    fn exponential_has_the_right_median_and_tail() {
        // median = mean * ln 2; the 99.9th percentile = mean * ln 1000 = 6.908 * mean
        let (_, median, high) = quantiles(Distribution::Exponential(MILLI));
        near(median, 693_147, 2);
        near(high, 6_907_755, 5);
    }

    #[test]
    fn log_normal_has_the_right_median_and_tail() {
        // the 99.9th percentile = median * e^(3.09 * sigma) = 4.69 * median for sigma = 0.5
        let (_, median, high) = quantiles(Distribution::LogNormal { median: MILLI, sigma: 500 });
        near(median, 1_000_000, 2);
        near(high, 4_690_000, 8);
    }

    #[test]
    fn pareto_has_its_minimum_and_a_heavy_tail() {
        // median = min * 2^(1/alpha) = 2^(2/3) = 1.587; 99.9 % = 1000^(2/3) = 100
        let (least, median, high) =
            quantiles(Distribution::Pareto { minimum: MILLI, alpha: 1_500 });
        assert!(least >= 1_000_000);
        near(median, 1_587_401, 2);
        near(high, 100_000_000, 15);
    }

    #[test]
    fn samples_are_frozen() {
        // In exact arithmetic: 5,416,100.40, 866,297.47 and 36,993,181.11 ns.
        let word = 0x0123_4567_89ab_cdef;
        assert_eq!(Distribution::Exponential(MILLI).sample_nanos(word), 5_416_100);
        let log_normal = Distribution::LogNormal { median: MILLI, sigma: 500 };
        assert_eq!(log_normal.sample_nanos(word), 866_297);
        let pareto = Distribution::Pareto { minimum: MILLI, alpha: 1_500 };
        assert_eq!(pareto.sample_nanos(word), 36_993_180);
        // 1 ms + (0x01234567... / 2^64) * 1,000,001 ns = 1 ms + 4,444.4 ns.
        assert_eq!(Distribution::Uniform(MILLI, 2 * MILLI).sample_nanos(word), 1_004_444);
    }

    #[test]
    fn the_ends_of_the_word_range_are_safe() {
        for distribution in [
            Distribution::Constant(MILLI),
            Distribution::Uniform(MILLI, MILLI),
            Distribution::Exponential(MILLI),
            Distribution::LogNormal { median: MILLI, sigma: 1_000 },
            Distribution::Pareto { minimum: MILLI, alpha: 1 },
        ] {
            for word in [0, 1, u64::MAX - 1, u64::MAX] {
                assert!(distribution.sample(word) < Duration::from_secs(3_600), "{distribution:?}");
            }
        }
    }
}
