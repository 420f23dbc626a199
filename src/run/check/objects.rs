//! Recorded entries as operations of sequential objects: which function, on which key, with values of the right form.

use std::collections::BTreeMap;

use crate::history::recorded::Entry;
use crate::history::{EndedBy, HistoryEvent, Operation, Phase, Value, functions};
use crate::kernel::ids::{ClientId, RequestId};
use crate::kernel::time::Instant;
use crate::run::check::models::models;
use crate::run::check::shapes::{Shape, shapes};
use crate::run::check::{Model, Objects};
use crate::scenario::{cure, one_of};

/// What elara's own clients do besides, at levels of their own: `key-value` says nothing about it.
const BESIDES: [&str; 2] = [functions::READ_BOUNDED, functions::READ_SESSION];

/// The history so far.
pub(super) struct Taken<'a> {
    model: &'a Model,
    objects: Objects,
    /// The line that said whether there are many objects.
    decided: u64,
    /// How operations in flight were read.
    open: BTreeMap<u64, Operation>,
    at: Instant,
    pub history: Vec<HistoryEvent>,
}

impl<'a> Taken<'a> {
    pub fn new(model: &'a Model, objects: Objects) -> Self {
        let (open, history) = (BTreeMap::new(), Vec::new());
        Self { model, objects, decided: 0, open, at: Instant::ZERO, history }
    }

    /// Takes an entry, or says what is wrong with it.
    pub fn take(&mut self, entry: &Entry) -> Result<(), String> {
        let operation = if entry.phase == Phase::Invoke {
            let operation = self.invoked(entry)?;
            self.open.insert(entry.process, operation.clone());
            operation
        } else {
            let asked = self.open.remove(&entry.process).expect("the reader connects every end");
            match entry.phase {
                Phase::Ok => self.answered(asked, entry)?,
                _ => asked,
            }
        };
        // Without times, messages show the number of the entry in microseconds.
        let time = entry.time.unwrap_or_else(|| entry.index.saturating_mul(1_000));
        self.at = self.at.max(Instant::from_nanos(time));
        let ended_by =
            if entry.phase == Phase::Invoke { EndedBy::Nothing } else { EndedBy::Answer };
        self.history.push(HistoryEvent {
            at: self.at,
            process: entry.process,
            client: ClientId(0),
            request: RequestId { session: 0, sequence: 0 },
            phase: entry.phase,
            operation,
            version: 0,
            reason: "",
            ended_by,
        });
        Ok(())
    }

    fn invoked(&mut self, entry: &Entry) -> Result<Operation, String> {
        let function = self.function(&entry.function)?;
        let (shape, _) = shapes(self.model.name, function);
        if self.objects == Objects::Guess {
            let many = matches!(&entry.value, Value::List(pair) if pair.len() == 2
                && shape.fits(&pair[1]) && (shape == Shape::Anything || !shape.fits(&entry.value)));
            self.objects = if many { Objects::Many } else { Objects::One };
            self.decided = entry.line;
        }
        let (key, value) = self.split(entry)?;
        if !shape.fits(&value) {
            return Err(self.misshapen(entry, ("invoked", shape)));
        }
        Ok(Operation { function: function.into(), key, value })
    }

    fn answered(&self, asked: Operation, entry: &Entry) -> Result<Operation, String> {
        let (_, shape) = shapes(self.model.name, &asked.function);
        let (key, value) = match (&entry.value, self.objects) {
            // Who is answered with nothing knows the key.
            (Value::Nil, Objects::Many) => (asked.key.clone(), Value::Nil),
            _ => self.split(entry)?,
        };
        if key != asked.key {
            return Err(format!(
                "`{}` was invoked on key {} and is answered on key {key}; an answer names the same key",
                asked.function, asked.key
            ));
        }
        if !shape.fits(&value) {
            return Err(self.misshapen(entry, ("answered", shape)));
        }
        Ok(Operation { value, ..asked })
    }

    /// The function of the model, whose name lives as long as the program.
    fn function(&self, name: &str) -> Result<&'static str, String> {
        let known = self.model.functions.iter().map(|(known, _)| *known);
        let besides = BESIDES.into_iter().filter(|_| self.model.name == "key-value");
        if let Some(found) = known.clone().chain(besides).find(|known| *known == name) {
            return Ok(found);
        }
        let models = models();
        let has = |model: &&Model| model.functions.iter().any(|(known, _)| *known == name);
        let others: Vec<&str> = models.iter().filter(has).map(|model| model.name).collect();
        let model = self.model.name;
        Err(if others.is_empty() {
            format!("`{name}` is no function of {model}; {}", cure(name, known))
        } else {
            format!(
                "`{name}` is no function of {model}, but of {}; say so with `--model`",
                one_of(&others)
            )
        })
    }

    fn split(&self, entry: &Entry) -> Result<(Value, Value), String> {
        if self.objects != Objects::Many {
            return Ok((Value::Nil, entry.value.clone()));
        }
        match &entry.value {
            Value::List(pair) if pair.len() == 2 => Ok((pair[0].clone(), pair[1].clone())),
            other => Err(format!("the value is {other}; expected [key, value]{}", self.why(entry))),
        }
    }

    fn misshapen(&self, entry: &Entry, (done, shape): (&str, Shape)) -> String {
        let Entry { function, value, .. } = entry;
        let expected = match self.objects {
            Objects::Many => format!("[key, {}]", shape.expected()),
            _ => shape.expected().to_owned(),
        };
        format!("`{function}` is {done} with {value}; expected {expected}{}", self.why(entry))
    }

    /// Why values have keys, or have not, and the cure.
    fn why(&self, entry: &Entry) -> String {
        match (self.objects, self.decided) {
            (Objects::Many, 0) => ", as `--objects many` says".into(),
            (_, 0) => ", as `--objects one` says".into(),
            (Objects::Many, line) => {
                format!(" as on line {line}; if there is only one object, say `--objects one`")
            }
            (_, line) if line == entry.line => ", or [key, value] with several objects".into(),
            (_, line) => format!(
                " without a key as on line {line}; if there are several objects, say `--objects many`"
            ),
        }
    }
}
