//! The bytes of a file one after the other, and the line that they stand on.

use std::fmt;
use std::io::{ErrorKind, Read};

use crate::history::recorded::Fault;

/// How much is read at a time.
const BUFFER: usize = 1 << 16;
/// How much of the beginning is looked at to tell the language.
const HEAD: usize = 1 << 12;
/// How long a text, a name or a number may be.
const TOKEN_MAX: usize = 1 << 24;

/// The bytes that were not taken yet.
pub(super) struct Bytes<R> {
    input: R,
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    line: u64,
}

impl<R> fmt::Debug for Bytes<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)
    }
}

impl<R: Read> Bytes<R> {
    pub fn new(input: R) -> Self {
        Self { input, buffer: vec![0; BUFFER].into(), at: 0, end: 0, line: 1 }
    }

    /// The line of the next byte, counted from 1.
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// The first bytes of the file, if nothing was taken yet.
    pub fn head(&mut self) -> Result<&[u8], Fault> {
        while self.end < HEAD && self.fill()? > 0 {}
        // A mark of the order of bytes says nothing in UTF-8; some programs write one.
        if self.buffer[..self.end].starts_with(b"\xef\xbb\xbf") {
            self.at = 3;
        }
        Ok(&self.buffer[self.at..self.end])
    }

    /// Reads more behind what is there, and says how much.
    fn fill(&mut self) -> Result<usize, Fault> {
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fault(format!("cannot read: {error}"))),
            }
        }
    }

    /// The next byte, which stays; `None` at the end.
    pub fn peek(&mut self) -> Result<Option<u8>, Fault> {
        if self.at == self.end {
            (self.at, self.end) = (0, 0);
            self.fill()?;
        }
        Ok((self.at < self.end).then(|| self.buffer[self.at]))
    }

    /// Takes the next byte.
    pub fn next(&mut self) -> Result<Option<u8>, Fault> {
        let byte = self.peek()?;
        self.at += usize::from(byte.is_some());
        self.line += u64::from(byte == Some(b'\n'));
        Ok(byte)
    }

    /// Takes all that follows as long as it is of this kind.
    pub fn take_while(&mut self, is: impl Fn(u8) -> bool) -> Result<Vec<u8>, Fault> {
        let mut taken = Vec::new();
        while let Some(byte) = self.peek()?.filter(|byte| is(*byte)) {
            self.push(&mut taken, byte)?;
            self.next()?;
        }
        Ok(taken)
    }

    /// Adds to a token, which must not become endless.
    pub fn push(&self, token: &mut Vec<u8>, byte: u8) -> Result<(), Fault> {
        if token.len() == TOKEN_MAX {
            let limit = TOKEN_MAX >> 20;
            return Err(self.fault(format!("a text is longer than {limit} MiB; shorten it")));
        }
        token.push(byte);
        Ok(())
    }

    /// The rest of the escape `\u`: four hexadecimal digits.
    pub fn unicode(&mut self) -> Result<u16, Fault> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek()?.and_then(|byte| (byte as char).to_digit(16));
            let digit = digit.ok_or_else(|| {
                self.fault("expected four hexadecimal digits after `\\u`".to_owned())
            })?;
            code = code * 16 + digit as u16;
            self.next()?;
        }
        Ok(code)
    }

    /// The bytes as a text.
    pub fn text(&self, bytes: Vec<u8>) -> Result<String, Fault> {
        String::from_utf8(bytes)
            .map_err(|_| self.fault("a text is not in UTF-8; convert the file".to_owned()))
    }

    /// Something is wrong on this line.
    pub fn fault(&self, message: String) -> Fault {
        Fault::new(self.line, message)
    }
}
