//! Commands and states as bytes: little-endian, lengths before contents, one tag byte before each variant.
//!
//! The bytes of a command are what the log stores, what its digest is taken of and what its size on the wire is, so a
//! command is encoded once, when it is created. Decoding returns `None` for anything that encoding does not write.

use std::sync::Arc;

use crate::history::Value;
use crate::kernel::ids::NodeId;
use crate::patterns::majority_quorum::{JointQuorum, Majority};

/// Writes to the end of a buffer.
#[derive(Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// What was written.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// Writes a tag.
    pub fn tag(&mut self, tag: u8) {
        self.bytes.push(tag);
    }

    /// Writes a number.
    pub fn number(&mut self, number: u64) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    /// Writes a value.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Nil => self.tag(0),
            Value::Int(number) => {
                self.tag(1);
                self.number(number.cast_unsigned());
            }
            Value::Text(text) => {
                self.tag(2);
                self.number(text.len() as u64);
                self.bytes.extend_from_slice(text.as_bytes());
            }
            Value::List(values) => {
                self.tag(3);
                self.number(values.len() as u64);
                values.iter().for_each(|value| self.value(value));
            }
        }
    }

    /// Writes a configuration.
    pub fn configuration(&mut self, configuration: &JointQuorum) {
        self.majority(&configuration.incoming);
        match &configuration.outgoing {
            None => self.tag(0),
            Some(outgoing) => {
                self.tag(1);
                self.majority(outgoing);
            }
        }
    }

    fn majority(&mut self, majority: &Majority) {
        self.number(majority.members().len() as u64);
        majority.members().iter().for_each(|node| self.number(u64::from(node.0)));
    }
}

/// Reads from the front of a slice.
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of these bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Whether all was read.
    #[must_use]
    pub const fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Reads a tag.
    pub fn tag(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// Reads a number.
    pub fn number(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    /// Reads a count of things that take at least one byte each, so that a damaged count allocates nothing.
    pub fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.bytes.len()).then_some(count)
    }

    /// Reads a node.
    pub fn node(&mut self) -> Option<NodeId> {
        self.number().and_then(|number| u32::try_from(number).ok()).map(NodeId)
    }

    /// Reads a value.
    pub fn value(&mut self) -> Option<Value> {
        match self.tag()? {
            0 => Some(Value::Nil),
            1 => self.number().map(|number| Value::Int(number.cast_signed())),
            2 => {
                let count = self.count()?;
                let text = std::str::from_utf8(self.take(count)?).ok()?;
                Some(Value::Text(Arc::from(text)))
            }
            3 => {
                let count = self.count()?;
                (0..count).map(|_| self.value()).collect::<Option<Arc<[Value]>>>().map(Value::List)
            }
            _ => None,
        }
    }

    /// Reads a configuration.
    pub fn configuration(&mut self) -> Option<JointQuorum> {
        let incoming = self.majority()?;
        match self.tag()? {
            0 => Some(JointQuorum::simple(incoming)),
            1 => Some(JointQuorum::joint(incoming, self.majority()?)),
            _ => None,
        }
    }

    fn majority(&mut self) -> Option<Majority> {
        let count = self.count()?;
        (0..count).map(|_| self.node()).collect::<Option<Vec<_>>>().map(Majority::of)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        let nested = Value::list([Value::Nil, Value::Int(-7), Value::list([Value::from("text")])]);
        let mut writer = Writer::default();
        writer.value(&nested);
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.value(), Some(nested));
        assert!(reader.is_at_end());
    }

    #[test]
    fn a_count_beyond_the_bytes_is_refused_before_anything_is_allocated() {
        let mut writer = Writer::default();
        writer.tag(3);
        writer.number(u64::MAX);
        assert_eq!(Reader::new(&writer.finish()).value(), None);
    }

    #[test]
    fn every_cut_of_a_configuration_is_refused() {
        let of = |numbers: [u32; 3]| Majority::of(numbers.map(NodeId));
        let joint = JointQuorum::joint(of([0, 1, 2]), of([2, 3, 4]));
        let mut writer = Writer::default();
        writer.configuration(&joint);
        let bytes = writer.finish();
        assert_eq!(Reader::new(&bytes).configuration(), Some(joint));
        for end in 0..bytes.len() {
            assert_eq!(Reader::new(&bytes[..end]).configuration(), None, "cut at {end}");
        }
    }
}
