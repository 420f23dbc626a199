//! A fast running digest that is the same on every platform and for ever.
//!
//! It tells two runs apart; it does not protect against an adversary. The standard library's hashers are
//! not used because their algorithm may change from release to release, and a pinned digest must not.
//!
//! The step is the 64-by-64-bit multiply-and-fold of wyhash (Wang Yi, 2019; public domain), chosen because it
//! mixes a word in one multiplication. A bare multiply-and-fold forgets everything before a word that happens
//! to make one factor zero; here the old state, rotated, is added to the product, so no word can erase what
//! came before it. The finaliser is a bijection and loses nothing either.

use std::hash::{Hash, Hasher};

const SECRET_A: u64 = 0xa076_1d64_78bd_642f;
const SECRET_B: u64 = 0xe703_7ed1_a0b4_28db;

/// A running 64-bit digest of a sequence of words.
///
/// It is a [`Hasher`], so anything that derives `Hash` can be digested. Integers and lengths are fed as
/// 64-bit words whatever the platform's endianness and word size. (Slices of integers other than bytes are
/// the exception: the standard library hands them over in memory order.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(SECRET_A)
    }
}

impl Digest {
    /// The digest of one value.
    #[must_use]
    pub fn of<T: Hash + ?Sized>(value: &T) -> u64 {
        let mut digest = Self::default();
        value.hash(&mut digest);
        digest.value()
    }

    /// Takes in one word.
    #[inline]
    pub fn word(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(SECRET_B ^ word.rotate_left(32));
        self.0 = (product as u64) ^ ((product >> 64) as u64) ^ self.0.rotate_left(17);
    }

    /// The digest of all that was taken in so far.
    #[must_use]
    #[inline]
    pub fn value(self) -> u64 {
        // The finaliser of SplitMix64 (Steele, Lea, Flood 2014, with Stafford's constants).
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }
}

impl Hasher for Digest {
    fn finish(&self) -> u64 {
        self.value()
    }

    /// The length goes first: a short tail could otherwise be mistaken for a full word.
    fn write(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.word(u64::from_le_bytes(chunk.try_into().expect("a chunk of 8 bytes")));
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(last));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.word(u64::from(value));
    }
    fn write_u16(&mut self, value: u16) {
        self.word(u64::from(value));
    }
    fn write_u32(&mut self, value: u32) {
        self.word(u64::from(value));
    }
    fn write_u64(&mut self, value: u64) {
        self.word(value);
    }
    fn write_u128(&mut self, value: u128) {
        self.word(value as u64);
        self.word((value >> 64) as u64);
    }
    fn write_usize(&mut self, value: usize) {
        self.word(value as u64);
    }
    fn write_i8(&mut self, value: i8) {
        self.word(value as u64);
    }
    fn write_i16(&mut self, value: i16) {
        self.word(value as u64);
    }
    fn write_i32(&mut self, value: i32) {
        self.word(value as u64);
    }
    fn write_i64(&mut self, value: i64) {
        self.word(value as u64);
    }
    fn write_i128(&mut self, value: i128) {
        self.write_u128(value as u128);
    }
    fn write_isize(&mut self, value: isize) {
        self.word(value as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_frozen() {
        // These numbers must never change: recorded failures name their digest.
        assert_eq!(Digest::default().value(), FROZEN_EMPTY);
        assert_eq!(Digest::of(&(1u64, "two", 3u8)), FROZEN_TUPLE);
    }

    const FROZEN_EMPTY: u64 = 0x7de5_3de7_72ea_694c;
    const FROZEN_TUPLE: u64 = 0x956b_ee0e_fb16_2711;

    #[test]
    fn every_bit_of_a_word_matters() {
        for bit in 0..64 {
            assert_ne!(Digest::of(&0u64), Digest::of(&(1u64 << bit)), "bit {bit}");
        }
    }

    #[test]
    fn order_matters() {
        assert_ne!(Digest::of(&(1u64, 2u64)), Digest::of(&(2u64, 1u64)));
    }

    #[test]
    fn no_word_erases_what_came_before_it() {
        // The words that make one of the two factors zero, for a state that is known and one that is not.
        let after = |first: u64, second: u64| {
            let mut digest = Digest::default();
            digest.word(first);
            digest.word(second);
            digest.value()
        };
        let mut first = Digest::default();
        first.word(1);
        for eraser in [SECRET_B.rotate_left(32), (!SECRET_B).rotate_left(32), first.0] {
            assert_ne!(after(1, eraser), after(2, eraser), "{eraser:x}");
        }
    }

    #[test]
    fn a_text_is_not_mistaken_for_a_longer_one() {
        assert_ne!(Digest::of("abc"), Digest::of("abc\0\0\0\0\u{3}"));
        assert_ne!(Digest::of(&("ab", "c")), Digest::of(&("a", "bc")));
    }

    #[test]
    fn a_short_tail_is_not_the_same_as_zeros() {
        assert_ne!(Digest::of(&[0u8; 3][..]), Digest::of(&[0u8; 4][..]));
    }
}
