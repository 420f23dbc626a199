//! The small values of a scenario: time spans, sizes, probabilities, counts; read and written.
//!
//! Decimal numbers are read digit by digit into integers, so what a file says is exactly what a run does, on every
//! platform.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Value, json};

use crate::kernel::random::Probability;
use crate::kernel::time::nanos;
use crate::scenario::error::{Decoded, Problem};
use crate::scenario::json::{Content, Json};
use crate::scenario::suggest;

/// The longest time span that a scenario can name. A thousand times as long still fits the kernel's nanoseconds, which
/// the tail of a Pareto distribution needs.
pub const DURATION_MAX: Duration = Duration::from_secs(1_000 * 3_600);

const DURATION: &str = "a time span with a unit, such as \"150ms\" or \"2.5s\"";
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("min", 60_000_000_000),
];
const SIZE_UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// Reads a text.
pub fn text(json: &Json) -> Decoded<&str> {
    match &json.content {
        Content::Text(text) => Ok(text),
        _ => Err(Problem::expected(json, "a text")),
    }
}

/// Reads `true` or `false`.
pub fn flag(json: &Json) -> Decoded<bool> {
    match json.content {
        Content::Bool(value) => Ok(value),
        _ => Err(Problem::expected(json, "`true` or `false`")),
    }
}

/// Reads one of some names.
pub fn one_of<'a>(
    what: &'static str,
    known: Vec<&'static str>,
) -> impl Fn(&'a Json) -> Decoded<&'static str> {
    move |json| {
        let name = text(json).map_err(|_| Problem::expected(json, what))?;
        known.iter().find(|known| **known == name).copied().ok_or_else(|| {
            let problem = format!("unknown {what} \"{}\"", crate::scenario::json::shortened(name));
            Problem::at(json, problem).cure(suggest::cure(name, known.iter().copied()))
        })
    }
}

/// Reads a whole number within a range.
pub fn count(range: RangeInclusive<u64>) -> impl Fn(&Json) -> Decoded<u64> {
    move |json| {
        let (low, high) = (range.start(), range.end());
        let what = match (*low, *high) {
            (0, u64::MAX) => "a whole number".to_owned(),
            (low, u64::MAX) => format!("a whole number of at least {low}"),
            (low, high) => format!("a whole number from {low} to {high}"),
        };
        let Content::Number(number) = &json.content else {
            return Err(Problem::expected(json, what));
        };
        let number = number.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| Problem::expected(json, what))
    }
}

/// Reads a whole number within a range, which fits 32 bits.
pub fn count32(range: RangeInclusive<u32>) -> impl Fn(&Json) -> Decoded<u32> {
    let wide = u64::from(*range.start())..=u64::from(*range.end());
    move |json| {
        let number = count(wide.clone())(json)?;
        Ok(u32::try_from(number).expect("the range fits 32 bits"))
    }
}

/// Reads a whole number within a range, which may be negative.
pub fn integer(range: RangeInclusive<i64>) -> impl Fn(&Json) -> Decoded<i64> {
    move |json| {
        let what = format!("a whole number from {} to {}", range.start(), range.end());
        let Content::Number(number) = &json.content else {
            return Err(Problem::expected(json, what));
        };
        let number = number.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| Problem::expected(json, what))
    }
}

/// Reads a number with at most three decimals, in thousandths.
pub fn thousandths(range: RangeInclusive<u32>) -> impl Fn(&Json) -> Decoded<u32> {
    move |json| {
        let number = match &json.content {
            Content::Number(text) => decimal(text, 1_000).and_then(|n| u32::try_from(n).ok()),
            _ => None,
        };
        number.filter(|number| range.contains(number)).ok_or_else(|| {
            let (low, high) = (in_thousandths(*range.start()), in_thousandths(*range.end()));
            let what = format!("a number from {low} to {high} with at most three decimals");
            Problem::expected(json, what)
        })
    }
}

/// Reads a time span with a unit, such as `10m`, that is not in a scenario; `None` if it is none, or too long.
#[must_use]
pub fn span_of(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text);
    let span = with_unit(number, unit, &UNITS).map(Duration::from_nanos);
    span.filter(|span| *span <= DURATION_MAX)
}

/// Reads a time span.
pub fn duration(json: &Json) -> Decoded<Duration> {
    duration_within(Duration::ZERO, DURATION_MAX)(json)
}

/// Reads a time span that is not zero.
pub fn positive_duration(json: &Json) -> Decoded<Duration> {
    duration_within(Duration::from_nanos(1), DURATION_MAX)(json)
}

/// Reads a time span from the first to the second.
pub fn duration_within(low: Duration, high: Duration) -> impl Fn(&Json) -> Decoded<Duration> {
    move |json| {
        let written = match &json.content {
            Content::Text(text) => text,
            Content::Number(number) => return Err(without_unit(json, number)),
            _ => return Err(Problem::expected(json, DURATION)),
        };
        if written.trim_start().starts_with('-') {
            let problem = format!("a time span cannot be negative here: {}", json.described());
            return Err(Problem::at(json, problem));
        }
        let (number, unit) = split_unit(written);
        if unit.is_empty() && decimal(number, 1).is_some() {
            return Err(without_unit(json, number));
        }
        let span = with_unit(number, unit, &UNITS).map(Duration::from_nanos);
        let span = span.ok_or_else(|| Problem::expected(json, DURATION).cure(unit_cure(unit)))?;
        if span < low {
            return Err(Problem::at(json, "a time span of zero makes no sense here"));
        }
        if span > high {
            let problem = format!("{written} is too long");
            let cure = format!("the limit here is {}", duration_text(high));
            return Err(Problem::at(json, problem).cure(cure));
        }
        Ok(span)
    }
}

fn unit_cure(unit: &str) -> String {
    let known = UNITS.iter().map(|(name, _)| *name);
    if UNITS.iter().any(|(name, _)| *name == unit) {
        String::new()
    } else {
        suggest::cure(unit, known)
    }
}

fn without_unit(json: &Json, number: &str) -> Problem {
    let number = number.trim();
    let problem = format!("a time span needs a unit, found {}", json.described());
    Problem::at(json, problem).cure(format!("write \"{number}ms\" or \"{number}s\""))
}

/// Reads a time span that may be negative, in nanoseconds.
pub fn signed_duration(json: &Json) -> Decoded<i64> {
    let Content::Text(written) = &json.content else {
        return duration(json).map(|span| nanos(span) as i64);
    };
    let Some(positive) = written.strip_prefix('-') else {
        return duration(json).map(|span| nanos(span) as i64);
    };
    let content = Content::Text(positive.to_owned());
    let span = duration(&Json { id: json.id, origin: json.origin, content })?;
    Ok(-(nanos(span) as i64))
}

/// Reads two values, the first not greater than the second.
pub fn range<T: PartialOrd + Copy>(
    decode: impl Fn(&Json) -> Decoded<T>,
) -> impl Fn(&Json) -> Decoded<(T, T)> {
    move |json| {
        let Content::List(items) = &json.content else {
            return Err(Problem::expected(json, "a list of two: the least and the greatest"));
        };
        let [low, high] = items.as_slice() else {
            let problem = format!("expected two values, found {}", items.len());
            return Err(Problem::at(json, problem).cure("write the least and the greatest"));
        };
        let (low, high) = (decode(low)?, decode(high)?);
        if high < low {
            let problem = "the first value is greater than the second";
            return Err(Problem::at(json, problem).cure("exchange them"));
        }
        Ok((low, high))
    }
}

/// Reads a list.
pub fn list_of<'a, T>(
    decode: impl Fn(&'a Json) -> Decoded<T>,
) -> impl Fn(&'a Json) -> Decoded<Vec<T>> {
    move |json| match &json.content {
        Content::List(items) => items.iter().map(&decode).collect(),
        _ => Err(Problem::expected(json, "a list")),
    }
}

/// Reads a list that is not empty.
pub fn some_of<'a, T>(
    decode: impl Fn(&'a Json) -> Decoded<T>,
) -> impl Fn(&'a Json) -> Decoded<Vec<T>> {
    let list = list_of(decode);
    move |json| {
        let items = list(json)?;
        if items.is_empty() { Err(Problem::at(json, "the list is empty")) } else { Ok(items) }
    }
}

/// Reads a probability.
pub fn probability(json: &Json) -> Decoded<Probability> {
    let number = match &json.content {
        Content::Number(text) => text.parse().ok().and_then(Probability::from_f64),
        _ => None,
    };
    number.ok_or_else(|| {
        let cure = match &json.content {
            Content::Text(text) if text.ends_with('%') => "write one percent as 0.01",
            Content::Number(number) if !number.starts_with('-') => "write one percent as 0.01",
            _ => "",
        };
        Problem::expected(json, "a probability from 0 to 1").cure(cure)
    })
}

/// Reads a size in bytes.
pub fn size(json: &Json) -> Decoded<u64> {
    let size = match &json.content {
        Content::Number(number) => number.parse().ok(),
        Content::Text(text) => {
            let (number, unit) = split_unit(text);
            with_unit(number, unit, &SIZE_UNITS)
        }
        _ => None,
    };
    // JSON numbers above 2^53 are not safe in other tools, and no disk here is that large.
    size.filter(|&size| size <= 1 << 53)
        .ok_or_else(|| Problem::expected(json, "a size in bytes, such as 4096 or \"4KiB\""))
}

/// Writes a time span in the largest unit in which it is whole.
pub fn duration_text(span: Duration) -> String {
    let nanos = nanos(span);
    if nanos > 0 && nanos.is_multiple_of(3_600_000_000_000) {
        return format!("{}h", nanos / 3_600_000_000_000);
    }
    for (unit, size) in [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)] {
        if nanos.is_multiple_of(size) {
            return format!("{}{unit}", nanos / size);
        }
    }
    format!("{nanos}ns")
}

/// Writes a time span that may be negative, in nanoseconds.
pub fn signed_duration_text(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    format!("{sign}{}", duration_text(Duration::from_nanos(nanos.unsigned_abs())))
}

/// Writes a size in the largest binary unit in which it is whole.
pub fn size_value(size: u64) -> Value {
    for (unit, bytes) in [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if size > 0 && size.is_multiple_of(bytes) {
            return json!(format!("{}{unit}", size / bytes));
        }
    }
    json!(size)
}

/// Writes a probability with as few decimals as tell it from every other.
pub fn probability_value(probability: Probability) -> Value {
    let value = probability.as_f64();
    let short = (0..=12).find_map(|decimals| {
        // from_f64 rounds down, so both the nearest decimal and the next one above are tried.
        let scale = 10_f64.powi(decimals);
        [(value * scale).round() / scale, (value * scale).ceil() / scale]
            .into_iter()
            .find(|&short| Probability::from_f64(short) == Some(probability))
    });
    let short = short.unwrap_or(value);
    if short.fract() == 0.0 { json!(short as u64) } else { json!(short) }
}

/// Splits a text such as `2.5 ms` into number and unit.
fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

fn with_unit(number: &str, unit: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (_, size) = units.iter().find(|(name, _)| *name == unit)?;
    decimal(number, *size)
}

/// A decimal number times `scale`, if that is a whole number.
fn decimal(text: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    // Fifteen decimals of the largest scale still fit 128 bits.
    let divisor = 10_u128.pow(u32::try_from(fraction.len()).ok().filter(|&length| length <= 15)?);
    let part = if fraction.is_empty() { 0 } else { fraction.parse::<u128>().ok()? };
    let part = part * u128::from(scale);
    let whole = u128::from(whole.parse::<u64>().ok()?) * u128::from(scale);
    let exact = part.is_multiple_of(divisor);
    u64::try_from(whole + part / divisor).ok().filter(|_| exact)
}

fn in_thousandths(value: u32) -> String {
    format!("{}", f64::from(value) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::json::Numbers;

    fn parse(text: &str) -> Json {
        Json::parse(text, &mut Numbers::default()).expect("it is JSON")
    }

    #[test]
    fn time_spans_are_read_exactly() {
        for (text, nanos) in [
            ("\"150ms\"", 150_000_000),
            ("\"2.5s\"", 2_500_000_000),
            ("\"1m\"", 60_000_000_000),
            ("\"0.000000001s\"", 1),
            ("\"1.5 us\"", 1_500),
            ("\"0s\"", 0),
        ] {
            assert_eq!(duration(&parse(text)), Ok(Duration::from_nanos(nanos)), "{text}");
        }
        for text in
            ["\"0.5ns\"", "\"1\"", "1", "\"ms\"", "\".5s\"", "\"1e3s\"", "\"1 s s\"", "null"]
        {
            assert!(duration(&parse(text)).is_err(), "{text}");
        }
        assert_eq!(signed_duration(&parse("\"-5s\"")), Ok(-5_000_000_000));
        assert!(signed_duration(&parse("\"--5s\"")).is_err());
    }

    #[test]
    fn sizes_have_binary_and_decimal_units() {
        assert_eq!(size(&parse("\"4KiB\"")), Ok(4_096));
        assert_eq!(size(&parse("\"1.5kB\"")), Ok(1_500));
        assert_eq!(size(&parse("4096")), Ok(4_096));
        assert!(size(&parse("-1")).is_err());
        assert!(size(&parse("\"0.5B\"")).is_err());
    }

    #[test]
    fn a_probability_is_written_as_it_was_read() {
        for text in ["0", "1", "0.001", "0.5", "0.3333", "0.00012"] {
            let read = probability(&parse(text)).expect("it is a probability");
            assert_eq!(probability_value(read).to_string(), text);
        }
        assert!(probability(&parse("1.1")).is_err());
        assert!(probability(&parse("-0.1")).is_err());
    }
}
