//! Who does what at a time: connects ends with beginnings, and refuses a history in which they do not fit. A checker that
//! guessed there would judge another history than the one that happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::history::recorded::fields::{Draft, Fields};
use crate::history::recorded::{Entry, Fault, Invoked};
use crate::history::{Phase, Value};

/// What a process did last.
#[derive(Debug)]
enum Last {
    /// It asked, and waits.
    Invoked { line: u64, function: Arc<str>, value: Value },
    /// It is over: nobody knows whether its operation took effect.
    Info { line: u64 },
}

/// All processes so far that are not idle, and how far the history is.
#[derive(Debug, Default)]
pub(super) struct Processes {
    last: BTreeMap<u64, Last>,
    /// The least index that may come next.
    next: u64,
    /// The time of the entry before.
    time: u64,
}

impl Processes {
    /// Numbers an entry of nobody that counts.
    pub fn pass(&mut self, fields: &Fields) -> Result<(), Fault> {
        self.number(fields.line, fields.index()?).map(|_| ())
    }

    /// Connects an entry with the ones before it.
    pub fn take(&mut self, draft: Draft) -> Result<Entry, Fault> {
        let Draft { line, index, process, phase, function, value, time } = draft;
        self.check_time(line, index, time)?;
        let index = self.number(line, index)?;
        let invoked = if phase == Phase::Invoke {
            let (function, value) = (Arc::clone(&function), value.clone());
            self.begin(process, Last::Invoked { line, function, value }, line)?;
            None
        } else {
            Some(self.end((process, phase), &function, line)?)
        };
        Ok(Entry { line, index, process, phase, function, value, time, invoked })
    }

    fn number(&mut self, line: u64, index: Option<u64>) -> Result<u64, Fault> {
        let index = index.unwrap_or(self.next);
        if index < self.next {
            let last = self.next - 1;
            let message =
                format!("index {index} comes after index {last}; sort the entries by index");
            return Err(Fault::new(line, message));
        }
        self.next = index.saturating_add(1);
        Ok(index)
    }

    /// Where nothing else orders the entries, their times must.
    fn check_time(
        &mut self,
        line: u64,
        index: Option<u64>,
        time: Option<u64>,
    ) -> Result<(), Fault> {
        let Some(time) = time else { return Ok(()) };
        if index.is_none() && time < self.time {
            let message = format!(
                "time goes back from {} to {time}; sort the entries by time, or give each its `index`",
                self.time
            );
            return Err(Fault::new(line, message));
        }
        self.time = time;
        Ok(())
    }

    fn begin(&mut self, process: u64, invoked: Last, line: u64) -> Result<(), Fault> {
        let message = match self.last.insert(process, invoked) {
            None => return Ok(()),
            Some(Last::Invoked { line: first, function, .. }) => format!(
                "process {process} invokes while its `{function}` of line {first} is in flight; end that first, \
                 with `info` if nobody knows how it ended"
            ),
            Some(Last::Info { line: first }) => format!(
                "process {process} goes on after its `info` of line {first}, although its operation may still be \
                 in flight; give it a new number"
            ),
        };
        Err(Fault::new(line, message))
    }

    fn end(
        &mut self,
        (process, phase): (u64, Phase),
        function: &Arc<str>,
        line: u64,
    ) -> Result<Invoked, Fault> {
        let message = match self.last.remove(&process) {
            Some(Last::Invoked { line: first, function: asked, value }) if asked == *function => {
                if phase == Phase::Info {
                    self.last.insert(process, Last::Info { line });
                }
                return Ok(Invoked { line: first, value });
            }
            Some(Last::Invoked { line: first, function: asked, .. }) => format!(
                "process {process} ends a `{function}`, but what it invoked on line {first} is a `{asked}`; \
                 an end names the same `f`"
            ),
            Some(Last::Info { line: first }) => format!(
                "process {process} ends a `{function}` that ended with `info` on line {first} already; keep one end"
            ),
            None => format!(
                "process {process} has `{phase}` of `{function}` without an `invoke` before it; add the invocation"
            ),
        };
        Err(Fault::new(line, message))
    }
}
