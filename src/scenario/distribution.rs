//! Distributions of time spans, and ranges from which each node draws; read and written.

use std::time::Duration;

use serde_json::{Value, json};

use crate::kernel::distribution::Distribution;
use crate::scenario::error::Decoded;
use crate::scenario::json::{Content, Json};
use crate::scenario::shape::{Field, Kind, Shape, variant};
use crate::scenario::values::{duration, duration_text, duration_within, range, thousandths};

/// The longest mean, median or minimum of a distribution with a tail, for the same reason.
pub const TAIL_MAX: Duration = Duration::from_secs(3_600);

/// The greatest `sigma` of a log-normal distribution, in thousandths. The rarest sample is e^(4.9 sigma) medians, which
/// for a median of an hour still fits the kernel's nanoseconds.
pub const SIGMA_MAX: u32 = 3_000;

/// The greatest `alpha` of a Pareto distribution, in thousandths.
pub const ALPHA_MAX: u32 = 100_000;

const UNIFORM: Shape = Shape::new(
    "the distribution",
    "Each value from the least to the greatest is equally likely.",
    &[Field::required("uniform", Kind::Pair(&Kind::Duration), "the least and the greatest")],
);
const EXPONENTIAL: Shape = Shape::new(
    "the distribution",
    "The gaps between events that happen at random.",
    &[Field::required("exponential", Kind::Duration, "the mean, at most 1h")],
);
const LOG_NORMAL: Shape = Shape::new(
    "the distribution",
    "Most values are near the median, some are much greater.",
    &[Field::required("log-normal", Kind::Object(&LOG_NORMAL_VALUES), "median and spread")],
);
const PARETO: Shape = Shape::new(
    "the distribution",
    "Few values are very great: a heavy tail, cut at 1000 times the minimum.",
    &[Field::required("pareto", Kind::Object(&PARETO_VALUES), "minimum and weight of the tail")],
);
const LOG_NORMAL_VALUES: Shape = Shape::new(
    "the log-normal distribution",
    "Median and spread.",
    &[
        Field::required("median", Kind::Duration, "half of the values are less; at most 1h"),
        Field::required(
            "sigma",
            Kind::Thousandths(0, SIGMA_MAX),
            "the standard deviation of the natural logarithm",
        ),
    ],
);
const PARETO_VALUES: Shape = Shape::new(
    "the Pareto distribution",
    "Minimum and weight of the tail.",
    &[
        Field::required("minimum", Kind::Duration, "no value is less; at most 1h"),
        Field::required(
            "alpha",
            Kind::Thousandths(1, ALPHA_MAX),
            "the exponent: the smaller, the heavier the tail",
        ),
    ],
);

/// The forms of a distribution that is not constant.
pub const DISTRIBUTIONS: [Shape; 4] = [UNIFORM, EXPONENTIAL, LOG_NORMAL, PARETO];

/// Reads a distribution: a time span, or an object with the name of a distribution.
pub fn distribution(json: &Json) -> Decoded<Distribution> {
    if !matches!(json.content, Content::Object(_)) {
        return duration(json).map(Distribution::Constant);
    }
    let tail = duration_within(Duration::ZERO, TAIL_MAX);
    let (name, value) = variant(json, &DISTRIBUTIONS)?;
    match name {
        "uniform" => range(duration)(value).map(|(low, high)| Distribution::Uniform(low, high)),
        "exponential" => tail(value).map(Distribution::Exponential),
        "log-normal" => LOG_NORMAL_VALUES.read(value, |object| {
            Ok(Distribution::LogNormal {
                median: object.need("median", tail)?,
                sigma: object.need("sigma", thousandths(0..=SIGMA_MAX))?,
            })
        }),
        "pareto" => PARETO_VALUES.read(value, |object| {
            Ok(Distribution::Pareto {
                minimum: object.need("minimum", tail)?,
                alpha: object.need("alpha", thousandths(1..=ALPHA_MAX))?,
            })
        }),
        other => unreachable!("{other} is no distribution"),
    }
}

/// Reads a range from which each node draws: one value, or `{"uniform": [least, greatest]}`.
pub fn drawn(decode: impl Fn(&Json) -> Decoded<i64>) -> impl Fn(&Json) -> Decoded<(i64, i64)> {
    move |json| {
        if !matches!(json.content, Content::Object(_)) {
            return decode(json).map(|value| (value, value));
        }
        let (_, value) = variant(json, &[UNIFORM])?;
        range(&decode)(value)
    }
}

/// Writes a distribution.
pub fn distribution_value(distribution: &Distribution) -> Value {
    match *distribution {
        Distribution::Constant(span) => json!(duration_text(span)),
        Distribution::Uniform(low, high) => {
            json!({ "uniform": [duration_text(low), duration_text(high)] })
        }
        Distribution::Exponential(mean) => json!({ "exponential": duration_text(mean) }),
        Distribution::LogNormal { median, sigma } => json!({
            "log-normal": { "median": duration_text(median), "sigma": f64::from(sigma) / 1_000.0 }
        }),
        Distribution::Pareto { minimum, alpha } => json!({
            "pareto": { "minimum": duration_text(minimum), "alpha": f64::from(alpha) / 1_000.0 }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::nanos;
    use crate::scenario::values::DURATION_MAX;

    #[test]
    fn the_longest_spans_do_not_overflow_the_kernel() {
        let extremes = [
            Distribution::Constant(DURATION_MAX),
            Distribution::Exponential(TAIL_MAX),
            Distribution::Pareto { minimum: TAIL_MAX, alpha: 1 },
            Distribution::LogNormal { median: TAIL_MAX, sigma: SIGMA_MAX },
        ];
        for distribution in extremes {
            assert!(distribution.upper() >= TAIL_MAX, "{distribution:?}");
            assert!(nanos(distribution.sample(u64::MAX)) < u64::MAX / 2, "{distribution:?}");
        }
    }
}
