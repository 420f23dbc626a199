//! JSON: one object after the other, usually one in each line, or one array of objects.
//!
//! Numbers are taken as they are written, never through a floating point number: 2^53 + 1 stays what it is.

use std::io::Read;

use crate::history::Value;
use crate::history::recorded::bytes::Bytes;
use crate::history::recorded::fields::Fields;
use crate::history::recorded::{DEPTH_MAX, Fault, number, pairs, shown};

/// Where in the file the reader is.
#[derive(Debug, Default)]
pub(super) enum Json {
    /// Before everything.
    #[default]
    Start,
    /// Between objects.
    Lines,
    /// In the array that begins on this line, after so many objects.
    Array { line: u64, count: u64 },
}

impl Json {
    /// The next object.
    pub fn next(&mut self, bytes: &mut Bytes<impl Read>) -> Result<Option<Fields>, Fault> {
        if matches!(self, Self::Start) {
            *self = Self::Lines;
            if blanks(bytes)? == Some(b'[') {
                *self = Self::Array { line: bytes.line(), count: 0 };
                bytes.next()?;
            }
        }
        let mut byte = blanks(bytes)?;
        if let Self::Array { line, count } = self {
            if byte == Some(b']') {
                return self.close(bytes);
            }
            if *count > 0 && byte.is_some() {
                expect(bytes, b',', "`,` or `]`")?;
                byte = blanks(bytes)?;
            }
            if byte.is_none() {
                let begin = *line;
                return Err(bytes.fault(format!(
                    "the array that begins on line {begin} is not closed; the file is cut off"
                )));
            }
            *count += 1;
        }
        match byte {
            None => Ok(None),
            Some(b'{') => fields(bytes).map(Some),
            Some(_) => Err(expected(bytes, "an object: `{`")),
        }
    }

    /// Takes the end of the array, after which nothing comes.
    fn close(&mut self, bytes: &mut Bytes<impl Read>) -> Result<Option<Fields>, Fault> {
        bytes.next()?;
        *self = Self::Lines;
        match blanks(bytes)? {
            None => Ok(None),
            Some(_) => Err(expected(bytes, "nothing after the array")),
        }
    }
}

fn fields(bytes: &mut Bytes<impl Read>) -> Result<Fields, Fault> {
    let mut fields = Fields::new(bytes.line());
    let line = fields.line;
    let result = object(bytes, 1, |key, value| fields.put(&key, value));
    result.map_err(|mut fault| {
        if fault.line != line {
            fault.message = format!("{} (in the entry that begins on line {line})", fault.message);
        }
        fault
    })?;
    Ok(fields)
}

/// Passes what says nothing, and shows what follows.
fn blanks(bytes: &mut Bytes<impl Read>) -> Result<Option<u8>, Fault> {
    loop {
        match bytes.peek()? {
            Some(b' ' | b'\t' | b'\r' | b'\n') => bytes.next()?,
            byte => return Ok(byte),
        };
    }
}

/// Passes blanks and this byte.
fn expect(bytes: &mut Bytes<impl Read>, byte: u8, what: &str) -> Result<(), Fault> {
    if blanks(bytes)? == Some(byte) { bytes.next().map(|_| ()) } else { Err(expected(bytes, what)) }
}

/// Something else was expected than what follows.
fn expected(bytes: &mut Bytes<impl Read>, what: &str) -> Fault {
    match bytes.peek() {
        Ok(None) => bytes.fault(format!(
            "expected {what}, but the file ends here: it is cut off; complete or delete the last entry"
        )),
        Ok(found) => bytes.fault(format!("expected {what}, found {}", shown(found))),
        Err(fault) => fault,
    }
}

/// An object; the next byte opens it.
fn object(
    bytes: &mut Bytes<impl Read>,
    depth: usize,
    mut put: impl FnMut(String, Value) -> Result<(), Fault>,
) -> Result<(), Fault> {
    bytes.next()?;
    if blanks(bytes)? == Some(b'}') {
        return bytes.next().map(|_| ());
    }
    loop {
        if blanks(bytes)? != Some(b'"') {
            return Err(expected(bytes, "a key in quotes"));
        }
        let key = string(bytes)?;
        expect(bytes, b':', "`:` after the key")?;
        put(key, value(bytes, depth)?)?;
        match blanks(bytes)? {
            Some(b',') => bytes.next()?,
            Some(b'}') => return bytes.next().map(|_| ()),
            _ => return Err(expected(bytes, "`,` or `}`")),
        };
    }
}

fn value(bytes: &mut Bytes<impl Read>, depth: usize) -> Result<Value, Fault> {
    match blanks(bytes)? {
        Some(b'[' | b'{') if depth == DEPTH_MAX => {
            Err(bytes.fault(format!("lists are nested more than {DEPTH_MAX} deep; flatten them")))
        }
        Some(b'[') => array(bytes, depth + 1),
        Some(b'{') => {
            let mut all = Vec::new();
            object(bytes, depth + 1, |key, value| {
                all.push(Value::list([Value::Text(key.into()), value]));
                Ok(())
            })?;
            Ok(pairs(all))
        }
        Some(b'"') => string(bytes).map(|text| Value::Text(text.into())),
        Some(b'-' | b'0'..=b'9') => {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
            let token = bytes.take_while(is_part)?;
            let token = bytes.text(token)?;
            if is_number(&token) {
                Ok(number(&token))
            } else {
                Err(bytes.fault(format!("`{token}` is not a number")))
            }
        }
        Some(b'a'..=b'z') => {
            let token = bytes.take_while(|byte| byte.is_ascii_alphanumeric())?;
            match token.as_slice() {
                b"null" => Ok(Value::Nil),
                b"true" => Ok(Value::from("true")),
                b"false" => Ok(Value::from("false")),
                _ => {
                    let token = bytes.text(token)?;
                    Err(bytes
                        .fault(format!("expected a value, found `{token}`; texts need quotes")))
                }
            }
        }
        _ => Err(expected(bytes, "a value")),
    }
}

fn array(bytes: &mut Bytes<impl Read>, depth: usize) -> Result<Value, Fault> {
    bytes.next()?;
    let mut values = Vec::new();
    if blanks(bytes)? == Some(b']') {
        bytes.next()?;
        return Ok(Value::list(values));
    }
    loop {
        values.push(value(bytes, depth)?);
        match blanks(bytes)? {
            Some(b',') => bytes.next()?,
            Some(b']') => {
                bytes.next()?;
                return Ok(Value::List(values.into()));
            }
            _ => return Err(expected(bytes, "`,` or `]`")),
        };
    }
}

/// Whether this is a number as JSON writes it.
fn is_number(token: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let token = token.strip_prefix('-').unwrap_or(token);
    let (number, exponent) = match token.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (token, None),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
}

/// A text; the next byte is its quote.
fn string(bytes: &mut Bytes<impl Read>) -> Result<String, Fault> {
    bytes.next()?;
    let mut text = Vec::new();
    loop {
        let byte = match bytes.peek()? {
            Some(b'"') => {
                bytes.next()?;
                return bytes.text(text);
            }
            Some(b'\\') => {
                bytes.next()?;
                escape(bytes, &mut text)?;
                continue;
            }
            Some(byte) if byte >= b' ' => byte,
            _ => return Err(expected(bytes, "the quote that ends the text")),
        };
        bytes.push(&mut text, byte)?;
        bytes.next()?;
    }
}

fn escape(bytes: &mut Bytes<impl Read>, text: &mut Vec<u8>) -> Result<(), Fault> {
    let byte = match bytes.peek()? {
        Some(byte @ (b'"' | b'\\' | b'/')) => byte,
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'u') => {
            bytes.next()?;
            let character = character(bytes)?;
            text.extend(character.encode_utf8(&mut [0; 4]).bytes());
            return Ok(());
        }
        _ => return Err(expected(bytes, "one of `\"\\/bfnrtu` after `\\`")),
    };
    bytes.next()?;
    bytes.push(text, byte)
}

/// The character of an escape, which takes two escapes beyond the first 65,536.
pub(super) fn character(bytes: &mut Bytes<impl Read>) -> Result<char, Fault> {
    let first = bytes.unicode()?;
    let mut codes = vec![first];
    if (0xd800..0xdc00).contains(&first) {
        for mark in [b'\\', b'u'] {
            if bytes.peek()? != Some(mark) {
                return Err(expected(bytes, "the second half of a character: `\\u`"));
            }
            bytes.next()?;
        }
        codes.push(bytes.unicode()?);
    }
    match char::decode_utf16(codes).next() {
        Some(Ok(character)) => Ok(character),
        _ => Err(bytes.fault("`\\u` names half a character".to_owned())),
    }
}
