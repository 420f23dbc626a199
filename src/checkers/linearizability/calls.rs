//! The operations on one object, brought into an order in which the outcome of each is known when it begins.
//!
//! What is invoked waits here until its outcome is known; so does all that comes after it. Clients give up
//! after a while, so little waits.

use std::collections::{BTreeMap, VecDeque};

use crate::checkers::models::Effect;
use crate::history::{HistoryEvent, Operation, Phase, Value};
use crate::kernel::ids::ClientId;
use crate::kernel::time::Instant;

/// The number of an operation on its object.
pub(super) type CallId = u64;

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It took effect and returned this.
    Returned(Value),
    /// It did not take effect and never will.
    Failed,
    /// Nobody knows.
    Unknown,
}

/// An operation on the object.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub operation: Operation,
    pub client: ClientId,
    pub effect: Effect,
    pub from: Instant,
    /// When it ended, and how; `None` as long as it has not.
    pub end: Option<(Instant, Outcome)>,
}

/// One line of the history.
#[derive(Clone, Debug)]
pub(super) enum Line {
    /// An operation begins. Its outcome is known.
    Begins(CallId, Call),
    /// It has taken effect.
    Ends(CallId),
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Begin(CallId),
    End(CallId),
}

/// What waits for the outcome of an operation before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    queue: VecDeque<Place>,
    /// Operations that have not begun for those who read the lines.
    waiting: BTreeMap<CallId, Call>,
    /// The operation of each process that has not ended.
    open: BTreeMap<u64, CallId>,
    next: CallId,
}

impl Calls {
    /// Takes in one line of the history.
    pub fn take(&mut self, history: &HistoryEvent, effect: Effect) {
        let HistoryEvent { process, client, at, .. } = *history;
        if history.phase == Phase::Invoke {
            let id = self.next;
            self.next += 1;
            let operation = history.operation.clone();
            self.waiting.insert(id, Call { operation, client, effect, from: at, end: None });
            self.queue.push_back(Place::Begin(id));
            // Whoever asks anew has given up what it asked before.
            if let Some(before) = self.open.insert(process, id) {
                self.end(before, at, Outcome::Unknown);
            }
            return;
        }
        let Some(id) = self.open.remove(&process) else { return };
        let outcome = match history.phase {
            Phase::Ok => {
                self.queue.push_back(Place::End(id));
                Outcome::Returned(history.operation.value.clone())
            }
            Phase::Fail => Outcome::Failed,
            Phase::Info | Phase::Invoke => Outcome::Unknown,
        };
        self.end(id, at, outcome);
    }

    fn end(&mut self, id: CallId, at: Instant, outcome: Outcome) {
        let call = self.waiting.get_mut(&id).expect("an operation waits until it has ended");
        call.end = Some((at, outcome));
    }

    /// The history ends: whoever has no answer now will never have one.
    pub fn close(&mut self, at: Instant) {
        for (_, id) in std::mem::take(&mut self.open) {
            self.end(id, at, Outcome::Unknown);
        }
    }

    /// The next line, if the outcome of the operation that begins there is known.
    pub fn next(&mut self) -> Option<Line> {
        let line = match *self.queue.front()? {
            Place::End(id) => Line::Ends(id),
            Place::Begin(id) => {
                self.waiting.get(&id)?.end.as_ref()?;
                Line::Begins(id, self.waiting.remove(&id).expect("it was just found"))
            }
        };
        self.queue.pop_front();
        Some(line)
    }

    /// How many lines wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }
}
