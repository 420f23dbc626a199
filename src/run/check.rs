//! From a recorded history to a report: what `elara check` does, and a library can.
//!
//! ```text
//! file -> history::recorded -> objects | transactions -> checkers -> CheckReport
//!         entries              what the model takes      verdict      plain data
//! ```
//!
//! Reading and judging are apart, so that a history which a small budget does not decide is not read again for a larger one.

mod levels;
mod models;
mod objects;
mod shapes;
mod transactions;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use serde::Serialize;

use crate::checkers::recorded::{Counterexample, Verdict as Says};
use crate::checkers::transactions::{Malformed, TransactionEvent, Workload};
pub use crate::history::Phase;
use crate::history::recorded::{Entry, Reader, RecordedError};
use crate::history::{HistoryEvent, Value};
pub use crate::run::check::levels::Level;
pub use crate::run::check::models::{Model, models, unsure};
use crate::run::report::Verdict;

/// The result of a check. The fields are, in this order and under these names, the JSON document that `elara check
/// --format json` prints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CheckReport {
    /// The name of the file.
    pub history: String,
    /// The name of the model.
    pub model: String,
    /// The name of the level.
    pub consistency: String,
    /// The verdict.
    pub verdict: Verdict,
    /// How many operations were invoked.
    pub operations: u64,
    /// What the level forbids and the history shows.
    pub anomalies: Vec<AnomalyReport>,
    /// Why nobody can say, if the verdict is unknown.
    pub unknown_because: Vec<String>,
    /// Whether that is because the budget is spent, and a larger one may say more.
    #[serde(skip)]
    pub spent: bool,
    /// How long it took, in nanoseconds. The only field that differs from time to time; the command line fills it in.
    pub wall_ns: u64,
}

/// Something that a level forbids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AnomalyReport {
    /// The claim that does not hold, or the anomaly's name in the field.
    #[serde(rename = "type")]
    pub name: String,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The indices of the entries that show it: of an operation the invocation, of a transaction its end.
    pub operations: Vec<u64>,
    /// The facts that prove it, in order.
    pub evidence: Vec<String>,
}

/// Whether there is one object or many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Objects {
    /// As the first invocation looks.
    #[default]
    Guess,
    /// One: a list of two is a value.
    One,
    /// Many: each value is `[key, value]`.
    Many,
}

/// An operation, for reports that draw it. Its place is that of its entries in the history, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationReport {
    /// The index of its invocation.
    pub index: u64,
    /// The index of its end; `None` if it never ended.
    pub ended: Option<u64>,
    /// Who.
    pub process: u64,
    /// Its begin.
    pub from: usize,
    /// Its end; `None` if it never ended.
    pub to: Option<usize>,
    /// What was asked, and what the answer was.
    pub label: String,
    /// How it ended; `Invoke` if it never did.
    pub outcome: Phase,
}

/// Where an entry of a history comes from.
#[derive(Clone, Copy, Debug)]
struct Mark {
    index: u64,
    line: u64,
}

/// A history as its model takes it.
#[derive(Debug)]
pub struct Recording {
    file: String,
    model: Model,
    events: Events,
    marks: Vec<Mark>,
    ignored: u64,
}

#[derive(Debug)]
enum Events {
    Operations(Vec<HistoryEvent>),
    Transactions(Workload, Vec<TransactionEvent>),
}

/// Reads a history for a model.
///
/// # Errors
/// It is not a history, or not one of this model: see [`Reader`].
pub fn read(
    file: &str,
    input: impl Read,
    (model, objects): (Model, Objects),
) -> Result<Recording, RecordedError> {
    let mut reader = Reader::new(file, input);
    let mut marks = Vec::new();
    let events = if let Some(workload) = model.workload() {
        let mut events = Vec::new();
        each(&mut reader, &mut marks, |entry| {
            events.push(transactions::event(entry)?);
            Ok(())
        })?;
        Events::Transactions(workload, events)
    } else {
        let mut taken = objects::Taken::new(&model, objects);
        each(&mut reader, &mut marks, |entry| taken.take(entry))?;
        Events::Operations(taken.history)
    };
    Ok(Recording { file: file.to_owned(), model, events, marks, ignored: reader.ignored() })
}

fn each(
    reader: &mut Reader<impl Read>,
    marks: &mut Vec<Mark>,
    mut take: impl FnMut(&Entry) -> Result<(), String>,
) -> Result<(), RecordedError> {
    while let Some(entry) = reader.next().transpose()? {
        take(&entry).map_err(|message| reader.complaint(entry.line, message))?;
        marks.push(Mark { index: entry.index, line: entry.line });
    }
    Ok(())
}

/// The names of the functions at the beginning of a history: enough to see which models would take it.
///
/// # Errors
/// It is not a history.
pub fn functions(file: &str, input: impl Read) -> Result<BTreeSet<Arc<str>>, RecordedError> {
    const ENTRIES: usize = 10_000;
    let entries = Reader::new(file, input).take(ENTRIES);
    entries.map(|entry| entry.map(|entry| entry.function)).collect()
}

impl Recording {
    /// Judges it at a level, with a budget of so many steps where the search needs one.
    ///
    /// # Errors
    /// The history cannot be judged by its model, or the level is not one of the model's.
    pub fn judge(&self, level: &Level, steps: u64) -> Result<CheckReport, RecordedError> {
        let mut report = CheckReport {
            history: self.file.clone(),
            model: self.model.name.to_owned(),
            consistency: level.name(),
            verdict: Verdict::Ok,
            operations: self.count(),
            ..CheckReport::default()
        };
        match &self.events {
            Events::Operations(history) => {
                let model = self.model.object().expect("operations are of objects");
                for (name, verdict) in level.judge(history, model, steps) {
                    self.add(&mut report, (name, level.searches()), verdict);
                }
            }
            Events::Transactions(workload, history) => {
                transactions::judge(&mut report, (*workload, history), level)
                    .map_err(|malformed| self.malformed(&malformed))?;
            }
        }
        report.verdict = match (report.anomalies.is_empty(), report.unknown_because.is_empty()) {
            (false, _) => Verdict::Violation,
            (true, false) => Verdict::Unknown,
            (true, true) => Verdict::Ok,
        };
        if report.verdict == Verdict::Unknown && self.ignored > 0 {
            let ignored = self.ignored;
            let note = format!("{ignored} entries were ignored because their process is no number");
            report.unknown_because.push(note);
        }
        Ok(report)
    }

    fn malformed(&self, error: &Malformed) -> RecordedError {
        let place = self.marks.partition_point(|mark| mark.index < error.index);
        let line = self.marks.get(place).map_or(0, |mark| mark.line);
        RecordedError { file: self.file.clone(), line, message: error.message.clone() }
    }

    /// Adds what one checker says.
    fn add(&self, report: &mut CheckReport, (name, searches): (&str, bool), verdict: Says) {
        match verdict {
            Says::Ok => {}
            Says::Vacuous(why) => report.unknown_because.push(why),
            Says::Unknown(why) => {
                report.unknown_because.push(why);
                report.spent = searches;
            }
            Says::Violation(found) => report.anomalies.push(self.anomaly(name, found)),
        }
    }

    fn anomaly(&self, name: &str, found: Counterexample) -> AnomalyReport {
        let mut evidence = found.violation.evidence;
        if let Some(last) = found.prefix {
            let Mark { index, line } = self.marks[last];
            let fact = format!(
                "the shortest part that fails ends with index {index} on line {line}; {} are left",
                self.marks.len() - 1 - last
            );
            evidence.insert(0, fact);
        }
        AnomalyReport {
            name: name.to_owned(),
            message: found.violation.message,
            operations: found.operations.iter().map(|place| self.marks[*place].index).collect(),
            evidence,
        }
    }

    /// How many operations were invoked.
    fn count(&self) -> u64 {
        let is_invoke = |phase: Phase| phase == Phase::Invoke;
        let count = match &self.events {
            Events::Operations(history) => {
                history.iter().filter(|event| is_invoke(event.phase)).count()
            }
            Events::Transactions(_, history) => {
                history.iter().filter(|event| is_invoke(event.phase)).count()
            }
        };
        count as u64
    }

    /// All operations, in the order of their invocations.
    #[must_use]
    pub fn operations(&self) -> Vec<OperationReport> {
        match &self.events {
            Events::Operations(history) => {
                let lines = history.iter().map(|event| {
                    let value = &event.operation.value;
                    let result = if *value == Value::Nil { None } else { Some(value.to_string()) };
                    (event.process, event.phase, event.operation.to_string(), result)
                });
                self.draw(lines)
            }
            Events::Transactions(_, history) => {
                let lines = history.iter().map(|event| {
                    let text = transactions::text(&event.operations);
                    (event.process, event.phase, text.clone(), Some(text))
                });
                self.draw(lines)
            }
        }
    }

    /// Connects invocations with ends.
    fn draw(
        &self,
        lines: impl Iterator<Item = (u64, Phase, String, Option<String>)>,
    ) -> Vec<OperationReport> {
        let mut operations: Vec<OperationReport> = Vec::new();
        let mut open = BTreeMap::new();
        for (place, (process, phase, asked, answer)) in lines.enumerate() {
            let index = self.marks[place].index;
            if phase == Phase::Invoke {
                open.insert(process, operations.len());
                operations.push(OperationReport {
                    index,
                    ended: None,
                    process,
                    from: place,
                    to: None,
                    label: asked,
                    outcome: phase,
                });
                continue;
            }
            let number = open.remove(&process).expect("the reader connects every end");
            let operation: &mut OperationReport = &mut operations[number];
            (operation.ended, operation.outcome) = (Some(index), phase);
            // What may still happen has no end.
            operation.to = (phase != Phase::Info).then_some(place);
            match answer {
                Some(answer) if phase == Phase::Ok && self.model.workload().is_some() => {
                    operation.label = answer;
                }
                Some(answer) if phase == Phase::Ok && !operation.label.ends_with(&answer) => {
                    operation.label = format!("{}: {answer}", operation.label);
                }
                None if phase == Phase::Ok && self.model.reads(&operation.label) => {
                    operation.label += ": nil";
                }
                _ => {}
            }
        }
        operations
    }
}
