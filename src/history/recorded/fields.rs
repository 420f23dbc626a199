//! The fields of an entry: what counts of an object or a map, and what it has to look like.

use std::sync::Arc;

use crate::history::recorded::Fault;
use crate::history::{Phase, Value};

/// An entry that is not yet connected with the ones before it.
#[derive(Debug)]
pub(super) struct Draft {
    pub line: u64,
    pub index: Option<u64>,
    pub process: u64,
    pub phase: Phase,
    pub function: Arc<str>,
    pub value: Value,
    pub time: Option<u64>,
}

/// What stands in an object or a map under the keys that count.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Where it begins.
    pub line: u64,
    found: [Option<Value>; NAMES.len()],
}

/// The keys that count, in the order of [`Fields::found`].
const NAMES: [&str; 6] = ["index", "process", "type", "f", "value", "time"];
const INDEX: usize = 0;
const PROCESS: usize = 1;
const TYPE: usize = 2;
const FUNCTION: usize = 3;
const VALUE: usize = 4;
const TIME: usize = 5;

impl Fields {
    pub fn new(line: u64) -> Self {
        Self { line, ..Self::default() }
    }

    /// Takes what stands under a key.
    pub fn put(&mut self, key: &str, value: Value) -> Result<(), Fault> {
        let Some(place) = NAMES.iter().position(|name| *name == key) else { return Ok(()) };
        if self.found[place].replace(value).is_some() {
            return Err(self.fault(format!("the entry has two keys `{key}`; keep one")));
        }
        Ok(())
    }

    /// The entry; `None` if the process has no number.
    pub fn entry(&self) -> Result<Option<Draft>, Fault> {
        let process = match &self.found[PROCESS] {
            Some(Value::Int(number)) => u64::try_from(*number).map_err(|_| {
                self.fault(format!("process {number} is negative; number processes from 0"))
            })?,
            Some(_) => return Ok(None),
            None => return Err(self.missing(PROCESS, "who did this, as a whole number")),
        };
        let expected = "`invoke`, `ok`, `fail` or `info`";
        let phase = match &self.found[TYPE] {
            Some(Value::Text(name)) => match &**name {
                "invoke" => Phase::Invoke,
                "ok" => Phase::Ok,
                "fail" => Phase::Fail,
                "info" => Phase::Info,
                _ => return Err(self.wrong(TYPE, expected)),
            },
            Some(_) => return Err(self.wrong(TYPE, expected)),
            None => return Err(self.missing(TYPE, expected)),
        };
        let function = match &self.found[FUNCTION] {
            Some(Value::Text(name)) => Arc::clone(name),
            Some(_) => return Err(self.wrong(FUNCTION, "the name of a function")),
            None => return Err(self.missing(FUNCTION, "the name of a function")),
        };
        let value = self.found[VALUE].clone().unwrap_or_default();
        let (index, time) = (self.index()?, self.count(TIME, "nanoseconds as a whole number")?);
        Ok(Some(Draft { line: self.line, index, process, phase, function, value, time }))
    }

    /// The number of the entry, if it has one.
    pub fn index(&self) -> Result<Option<u64>, Fault> {
        self.count(INDEX, "a whole number from 0")
    }

    fn count(&self, place: usize, expected: &str) -> Result<Option<u64>, Fault> {
        match &self.found[place] {
            None | Some(Value::Nil) => Ok(None),
            Some(Value::Int(number)) => match u64::try_from(*number) {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(self.wrong(place, expected)),
            },
            Some(_) => Err(self.wrong(place, expected)),
        }
    }

    fn wrong(&self, place: usize, expected: &str) -> Fault {
        let found = self.found[place].as_ref().expect("only what is there is wrong");
        self.fault(format!("`{}` is {found}; expected {expected}", NAMES[place]))
    }

    fn missing(&self, place: usize, expected: &str) -> Fault {
        self.fault(format!("the entry has no `{}`; expected {expected}", NAMES[place]))
    }

    fn fault(&self, message: String) -> Fault {
        Fault::new(self.line, message)
    }
}
