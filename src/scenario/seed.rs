//! Seeds: numbers, or git commits, so that a commit can be its own seed.

use crate::scenario::error::{Decoded, Problem};
use crate::scenario::json::{Content, Json};

/// What a seed may be, in words.
pub const EXPECTED: &str = "a seed: a whole number below 2^64, or a git commit hash";

/// Reads a seed: a decimal number, or a git commit hash (7 to 64 hexadecimal digits), of which the first 16 digits are
/// the seed. What can be a number is one.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && text.len() <= 20 {
        return text.parse().ok();
    }
    let hash = (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    hash.then(|| u64::from_str_radix(&text[..text.len().min(16)], 16).ok()).flatten()
}

/// Reads the seed of a scenario.
pub(super) fn read(json: &Json) -> Decoded<u64> {
    let seed = match &json.content {
        Content::Number(text) | Content::Text(text) => parse(text),
        _ => None,
    };
    seed.ok_or_else(|| Problem::expected(json, EXPECTED))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_seed_is_a_number_or_a_commit() {
        assert_eq!(parse("42"), Some(42));
        assert_eq!(parse("18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse("1234567"), Some(1_234_567));
        assert_eq!(parse("9d07025"), Some(0x9d0_7025));
        let hash = "9d07025f3a16a1b2c3d4e5f60718293a4b5c6d7e";
        assert_eq!(parse(hash), Some(0x9d07_025f_3a16_a1b2));
        for bad in ["", "-1", "1.5", "abc", "xyz12345", "18446744073709551616"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
