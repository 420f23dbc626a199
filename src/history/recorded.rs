//! Histories that somebody else recorded: Jepsen, Maelstrom, a test of one's own.
//!
//! ```text
//! bytes -> json | edn -> fields -> entry -> processes -> whoever judges it
//!          what is written          what it means  who does what at a time
//! ```
//!
//! A history is read as a stream, one entry after the other, in JSON (an object in each line, or one array) or in EDN as
//! Jepsen writes it; which of the two is seen from the first bytes. Both are parsed here and not by a general crate, because
//! entries have to come one by one out of an array or a vector of any length, and because every complaint has to name the
//! line. Nothing of a file is kept but what the last entry of each process said.
//!
//! An entry is strict where a slip would change the verdict: who, what, to whom, in which order. All other keys are
//! ignored, and so are the entries of processes that have no number, such as `:nemesis`.
//!
//! Numbers beyond 64 bits, fractions, booleans, keywords, symbols and characters are texts; a set is the sorted list of its
//! elements, a map the sorted list of its pairs; the tag of a tagged value is left out.

mod bytes;
mod edn;
mod fields;
mod json;
mod processes;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use crate::history::recorded::bytes::Bytes;
use crate::history::recorded::edn::Edn;
use crate::history::recorded::fields::Fields;
use crate::history::recorded::json::Json;
use crate::history::recorded::processes::Processes;
use crate::history::{Phase, Value};

/// How deep lists may be nested in one another.
const DEPTH_MAX: usize = 64;

/// One line of a recorded history: a process invokes an operation, or the operation ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it begins in the file; lines are counted from 1.
    pub line: u64,
    /// Its number in the history: what it says, or else one more than the entry before, beginning with 0.
    pub index: u64,
    /// Who.
    pub process: u64,
    /// What happened.
    pub phase: Phase,
    /// The name of the function.
    pub function: Arc<str>,
    /// The argument or the result.
    pub value: Value,
    /// When, in nanoseconds, if the history says so.
    pub time: Option<u64>,
    /// What it ends; `None` for an invocation.
    pub invoked: Option<Invoked>,
}

/// The invocation that an entry ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoked {
    /// Where it begins in the file.
    pub line: u64,
    /// Its argument.
    pub value: Value,
}

/// Why a file is not a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedError {
    /// The name of the file.
    pub file: String,
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong there, and the cure.
    pub message: String,
}

impl fmt::Display for RecordedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

impl std::error::Error for RecordedError {}

/// What is wrong on a line.
#[derive(Debug)]
struct Fault {
    line: u64,
    message: String,
}

impl Fault {
    fn new(line: u64, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

/// The languages that histories are written in.
#[derive(Debug)]
enum Syntax {
    Json(Json),
    Edn(Edn),
}

/// Reads a history, entry by entry. After an error there is nothing more.
///
/// ```
/// # use elara::history::recorded::Reader;
/// let text = "{:process 0, :type :invoke, :f :read}\n{:process 0, :type :ok, :f :read, :value 3}";
/// let entries: Vec<_> = Reader::new("my.edn", text.as_bytes()).collect::<Result<_, _>>()?;
/// assert_eq!(entries[1].value, 3.into());
/// # Ok::<(), elara::history::recorded::RecordedError>(())
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    file: String,
    bytes: Bytes<R>,
    syntax: Option<Syntax>,
    processes: Processes,
    ignored: u64,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Reads from here. The name stands in complaints; if it ends in `.edn`, a file that could be either is EDN.
    pub fn new(file: &str, input: R) -> Self {
        Self {
            file: file.to_owned(),
            bytes: Bytes::new(input),
            syntax: None,
            processes: Processes::default(),
            ignored: 0,
            ended: false,
        }
    }

    /// How many entries were ignored so far because their process has no number.
    #[must_use]
    pub const fn ignored(&self) -> u64 {
        self.ignored
    }

    /// The complaint about an entry of this history.
    #[must_use]
    pub fn complaint(&self, line: u64, message: impl Into<String>) -> RecordedError {
        RecordedError { file: self.file.clone(), line, message: message.into() }
    }

    fn entry(&mut self) -> Result<Option<Entry>, Fault> {
        if self.syntax.is_none() {
            self.syntax = Some(syntax(self.bytes.head()?, &self.file));
        }
        while let Some(fields) = self.fields()? {
            if let Some(draft) = fields.entry()? {
                return self.processes.take(draft).map(Some);
            }
            self.processes.pass(&fields)?;
            self.ignored += 1;
        }
        Ok(None)
    }

    fn fields(&mut self) -> Result<Option<Fields>, Fault> {
        match self.syntax.as_mut().expect("it was just found out") {
            Syntax::Json(json) => json.next(&mut self.bytes),
            Syntax::Edn(edn) => edn.next(&mut self.bytes),
        }
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Entry, RecordedError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let entry = self.entry();
        self.ended = !matches!(entry, Ok(Some(_)));
        entry.map_err(|fault| self.complaint(fault.line, fault.message)).transpose()
    }
}

/// The language that a file with this beginning and this name is written in.
fn syntax(head: &[u8], name: &str) -> Syntax {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',';
    let mut marks = head.iter().copied().filter(|byte| !is_blank(byte));
    let mut first = marks.next();
    if first == Some(b'[') {
        first = marks.next();
    }
    let edn = match (first, marks.next()) {
        // An object of JSON begins with a key in quotes.
        (Some(b'{'), Some(second)) => second != b'"',
        (Some(b'#' | b';' | b'('), _) => true,
        _ => name.to_ascii_lowercase().ends_with(".edn"),
    };
    if edn { Syntax::Edn(Edn::default()) } else { Syntax::Json(Json::default()) }
}

/// A byte in words.
fn shown(byte: Option<u8>) -> String {
    match byte {
        None => "the end of the file".to_owned(),
        Some(b'\n') => "the end of the line".to_owned(),
        Some(byte) if byte.is_ascii_graphic() => format!("`{}`", byte as char),
        Some(byte) => format!("the byte {byte:#04x}"),
    }
}

/// A number as it is written: whole if it fits, or else a text.
fn number(token: &str) -> Value {
    token.parse().map_or_else(|_| Value::from(token), Value::Int)
}

/// A map as a value: its pairs, sorted.
fn pairs(mut pairs: Vec<Value>) -> Value {
    pairs.sort();
    Value::List(pairs.into())
}
