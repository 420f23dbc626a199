//! EDN, the notation of Clojure's data, as Jepsen writes its histories: one map after the other, or one vector or list of
//! maps, each map perhaps with a tag (`#jepsen.history.Op{:index 0, ...}`).
//!
//! Everything that Clojure prints is read, because Jepsen prints whatever a client put into an operation (exceptions,
//! objects, times); what it means beyond data is left out. Source: <https://github.com/edn-format/edn>.

use std::io::Read;

use crate::history::Value;
use crate::history::recorded::bytes::Bytes;
use crate::history::recorded::fields::Fields;
use crate::history::recorded::{DEPTH_MAX, Fault, json, number, pairs, shown};

/// Where in the file the reader is.
#[derive(Debug, Default)]
pub(super) enum Edn {
    /// Before everything.
    #[default]
    Start,
    /// Between maps.
    Lines,
    /// In the vector or list that begins on this line and is closed by this byte.
    Vector { line: u64, close: u8 },
    /// After it.
    End,
}

/// What comes next.
enum Form {
    Value(Value),
    /// A closing bracket, taken.
    Close(u8),
    End,
}

impl Edn {
    /// The next map.
    pub fn next(&mut self, bytes: &mut Bytes<impl Read>) -> Result<Option<Fields>, Fault> {
        loop {
            let byte = blanks(bytes)?;
            match (byte, &self) {
                (None, Self::Vector { line, .. }) => {
                    return Err(bytes.fault(format!(
                        "the vector that begins on line {line} is not closed; the file is cut off"
                    )));
                }
                (None, _) => return Ok(None),
                (Some(b'#'), _) => {
                    bytes.next()?;
                    match bytes.peek()? {
                        Some(b'_') => {
                            bytes.next()?;
                            required(bytes, 1)?;
                        }
                        Some(b'{') => return Err(expected(bytes, "a map, not a set")),
                        _ => {
                            bytes.take_while(is_symbol)?;
                        }
                    }
                    continue;
                }
                (Some(open @ (b'[' | b'(')), Self::Start) => {
                    let close = if open == b'[' { b']' } else { b')' };
                    *self = Self::Vector { line: bytes.line(), close };
                    bytes.next()?;
                    continue;
                }
                (Some(byte), Self::Vector { close, .. }) if byte == *close => {
                    bytes.next()?;
                    *self = Self::End;
                    continue;
                }
                (Some(_), Self::End) => return Err(expected(bytes, "nothing after the vector")),
                (Some(b'{'), _) => {}
                (Some(_), _) => return Err(expected(bytes, "a map: `{`")),
            }
            if matches!(self, Self::Start) {
                *self = Self::Lines;
            }
            return fields(bytes).map(Some);
        }
    }
}

fn fields(bytes: &mut Bytes<impl Read>) -> Result<Fields, Fault> {
    let mut fields = Fields::new(bytes.line());
    let line = fields.line;
    bytes.next()?;
    let result = map(bytes, 1, |key, value| match key {
        Value::Text(key) => fields.put(&key, value),
        _ => Ok(()),
    });
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
            Some(b';') => while !matches!(bytes.next()?, None | Some(b'\n')) {},
            Some(byte) if byte.is_ascii_whitespace() || byte == b',' => {
                bytes.next()?;
            }
            byte => return Ok(byte),
        }
    }
}

/// Something else was expected than what follows.
fn expected(bytes: &mut Bytes<impl Read>, what: &str) -> Fault {
    match bytes.peek() {
        Ok(None) => cut_off(bytes, what),
        Ok(found) => bytes.fault(format!("expected {what}, found {}", shown(found))),
        Err(fault) => fault,
    }
}

fn cut_off(bytes: &Bytes<impl Read>, what: &str) -> Fault {
    bytes.fault(format!(
        "expected {what}, but the file ends here: it is cut off; complete or delete the last entry"
    ))
}

/// A byte of a symbol, a keyword, a number or a tag.
const fn is_symbol(byte: u8) -> bool {
    !byte.is_ascii_whitespace()
        && !matches!(byte, b',' | b';' | b'"' | b'(' | b')' | b'[' | b']' | b'{' | b'}')
}

/// What comes next; brackets that close something are taken.
fn form(bytes: &mut Bytes<impl Read>, depth: usize) -> Result<Form, Fault> {
    if depth > DEPTH_MAX {
        return Err(
            bytes.fault(format!("lists are nested more than {DEPTH_MAX} deep; flatten them"))
        );
    }
    let value = loop {
        let Some(byte) = blanks(bytes)? else { return Ok(Form::End) };
        if is_symbol(byte) && !matches!(byte, b'\\' | b'#') {
            break atom(bytes)?;
        }
        bytes.next()?;
        match byte {
            b']' | b')' | b'}' => return Ok(Form::Close(byte)),
            b'[' => break sequence(bytes, depth, b']').map(Vec::into)?,
            b'(' => break sequence(bytes, depth, b')').map(Vec::into)?,
            b'{' => {
                let mut all = Vec::new();
                map(bytes, depth + 1, |key, value| {
                    all.push(Value::list([key, value]));
                    Ok(())
                })?;
                break pairs(all);
            }
            b'"' => break string(bytes)?,
            b'\\' => break character(bytes)?,
            _ => match bytes.peek()? {
                Some(b'_') => {
                    bytes.next()?;
                    required(bytes, depth + 1)?;
                }
                Some(b'{') => {
                    bytes.next()?;
                    break pairs(sequence(bytes, depth, b'}')?);
                }
                // The text of a regular expression.
                Some(b'"') => {}
                // `##Inf`, `##NaN`.
                Some(b'#') => {
                    let token = bytes.take_while(is_symbol)?;
                    break Value::Text(format!("#{}", bytes.text(token)?).into());
                }
                _ => {
                    bytes.take_while(is_symbol)?;
                    break required(bytes, depth + 1)?;
                }
            },
        }
    };
    Ok(Form::Value(value))
}

/// A value has to come.
fn required(bytes: &mut Bytes<impl Read>, depth: usize) -> Result<Value, Fault> {
    match form(bytes, depth)? {
        Form::Value(value) => Ok(value),
        Form::Close(byte) => {
            Err(bytes.fault(format!("expected a value, found {}", shown(Some(byte)))))
        }
        Form::End => Err(cut_off(bytes, "a value")),
    }
}

/// The values up to a bracket.
fn sequence(bytes: &mut Bytes<impl Read>, depth: usize, close: u8) -> Result<Vec<Value>, Fault> {
    let mut values = Vec::new();
    loop {
        match form(bytes, depth + 1)? {
            Form::Value(value) => values.push(value),
            Form::Close(byte) if byte == close => return Ok(values),
            Form::Close(byte) => return Err(mismatch(bytes, close, byte)),
            Form::End => return Err(cut_off(bytes, &shown(Some(close)))),
        }
    }
}

/// The pairs of a map, whose bracket is taken.
fn map(
    bytes: &mut Bytes<impl Read>,
    depth: usize,
    mut put: impl FnMut(Value, Value) -> Result<(), Fault>,
) -> Result<(), Fault> {
    loop {
        match form(bytes, depth)? {
            Form::Value(key) => put(key, required(bytes, depth)?)?,
            Form::Close(b'}') => return Ok(()),
            Form::Close(byte) => return Err(mismatch(bytes, b'}', byte)),
            Form::End => return Err(cut_off(bytes, "`}`")),
        }
    }
}

fn mismatch(bytes: &Bytes<impl Read>, expected: u8, found: u8) -> Fault {
    let (expected, found) = (shown(Some(expected)), shown(Some(found)));
    bytes.fault(format!("expected {expected}, found {found}"))
}

/// A symbol, a keyword, a number, `nil`, `true` or `false`.
fn atom(bytes: &mut Bytes<impl Read>) -> Result<Value, Fault> {
    let token = bytes.take_while(is_symbol)?;
    let token = bytes.text(token)?;
    if let Some(keyword) = token.strip_prefix(':') {
        return Ok(Value::from(keyword));
    }
    if token == "nil" {
        return Ok(Value::Nil);
    }
    // A suffix `N` says that the number may be of any size.
    let whole = token.strip_suffix('N').unwrap_or(&token);
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(number(whole));
    }
    Ok(Value::Text(token.into()))
}

/// The rest of a character, such as `\a`, `\newline` and `\u0041`.
fn character(bytes: &mut Bytes<impl Read>) -> Result<Value, Fault> {
    // The first one belongs to it, even if it is a bracket or a blank.
    let Some(first) = bytes.next()? else { return Err(cut_off(bytes, "a character")) };
    let mut token = vec![first];
    token.extend(bytes.take_while(is_symbol)?);
    let name = bytes.text(token)?;
    let text = match name.as_str() {
        "newline" => "\n".to_owned(),
        "return" => "\r".to_owned(),
        "space" => " ".to_owned(),
        "tab" => "\t".to_owned(),
        name => {
            let code = name.strip_prefix('u').filter(|digits| digits.len() == 4);
            let code = code.and_then(|digits| u32::from_str_radix(digits, 16).ok());
            code.and_then(char::from_u32).map_or_else(|| name.to_owned(), String::from)
        }
    };
    Ok(Value::Text(text.into()))
}

/// The rest of a text.
fn string(bytes: &mut Bytes<impl Read>) -> Result<Value, Fault> {
    let mut text = Vec::new();
    loop {
        let byte = match bytes.next()? {
            None => return Err(cut_off(bytes, "the quote that ends the text")),
            Some(b'"') => return bytes.text(text).map(|text| Value::Text(text.into())),
            Some(b'\\') => match bytes.next()? {
                Some(byte @ (b'"' | b'\\' | b'/')) => byte,
                Some(b'b') => 8,
                Some(b'f') => 12,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'u') => {
                    let character = json::character(bytes)?;
                    text.extend(character.encode_utf8(&mut [0; 4]).bytes());
                    continue;
                }
                other => {
                    let found = shown(other);
                    return Err(bytes
                        .fault(format!("expected one of `\"\\bfnrtu` after `\\`, found {found}")));
                }
            },
            Some(byte) => byte,
        };
        bytes.push(&mut text, byte)?;
    }
}
