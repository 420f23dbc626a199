//! What is said of a whole recorded history, and how a checker that needs one takes part in a run.

use std::fmt;

use crate::checkers::{Checker, Judgement, Violation};
use crate::history::HistoryEvent;
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// How much work a verdict may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many configurations a search may look at, on all keys together. It is counted, not timed, so that a verdict
    /// is the same on every machine; a million takes about a second and 100 MB.
    pub steps: u64,
}

impl Default for Options {
    /// Four million steps.
    fn default() -> Self {
        Self { steps: 4_000_000 }
    }
}

/// What is said of a recorded history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The claim holds.
    Ok,
    /// It does not.
    Violation(Counterexample),
    /// There was nothing to check; here is why.
    Vacuous(String),
    /// Nobody can say; here is why.
    Unknown(String),
}

/// The part of a history that proves a violation. Lines are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// What is wrong, and the facts that prove it, in words.
    pub violation: Violation,
    /// The lines on which the offending operations were invoked.
    pub operations: Vec<usize>,
    /// The last line of the shortest prefix of the history that is wrong already, where that makes sense.
    pub prefix: Option<usize>,
    /// The longest legal order that was found: the lines on which its operations were invoked. Empty for claims that do
    /// not ask for an order.
    pub order: Vec<usize>,
}

impl Counterexample {
    /// A violation that these operations prove, without an order.
    #[must_use]
    pub const fn new(violation: Violation, operations: Vec<usize>) -> Self {
        Self { violation, operations, prefix: None, order: Vec::new() }
    }
}

impl From<Verdict> for Judgement {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Ok => Self::Ok,
            Verdict::Violation(counterexample) => Self::Violation(counterexample.violation),
            Verdict::Vacuous(why) => Self::Vacuous(why),
            Verdict::Unknown(why) => Self::Unknown(why),
        }
    }
}

/// How a whole history is judged.
type Judge = Box<dyn Fn(&[HistoryEvent]) -> Verdict>;

/// A checker that keeps the history of a run, and judges it when the run has ended. Its memory grows with the run, so a
/// scenario has to ask for it by name.
pub struct Recorded {
    name: &'static str,
    judge: Judge,
    history: Vec<HistoryEvent>,
}

impl Recorded {
    /// A checker of this name that judges like this.
    #[must_use]
    pub fn new(name: &'static str, judge: impl Fn(&[HistoryEvent]) -> Verdict + 'static) -> Self {
        Self { name, judge: Box::new(judge), history: Vec::new() }
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} lines", self.name, self.history.len())
    }
}

impl Checker for Recorded {
    fn name(&self) -> &'static str {
        self.name
    }

    fn interest(&self) -> Interest {
        Interest::HISTORY
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        if let Fact::History(history) = &event.fact {
            self.history.push(history.clone());
        }
        Ok(())
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        (self.judge)(&self.history).into()
    }
}
