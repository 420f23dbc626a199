//! **Causal consistency**: whoever sees an effect sees its causes.
//!
//! ```text
//! p1   |- write x 1 -|   |- write x 2 -|
//! p2                                      |- read x: 2 -|   |- write y 3 -|
//! p3        a read of y: 3, then of x: 1 is wrong           |- read y: 3 -|   |- read x: 1 -|
//! ```
//!
//! One operation is a *cause* of another if it comes before it in its process, or the other reads what it wrote, or
//! through a chain of these. Judged are registers in which no value is written to a key twice: then it is plain which
//! write each read reads from, and the claim is decided in polynomial time by the absence of *bad patterns* (Bouajjani,
//! Enea, Guerraoui and Hamza, *On Verifying Causal Consistency*, POPL 2017, table 2):
//!
//! - `ThinAirRead`: a read of what nobody wrote;
//! - `CyclicCO`: an operation that is a cause of itself;
//! - `WriteCOInitRead`: a read of nothing although a write of the key is among its causes;
//! - `WriteCORead`: a read of a value although a later write of the key, in the order of causes, is among its causes;
//! - `CyclicCF`: two processes that must have seen two writes in opposite orders. It breaks causal *convergence* only,
//!   which also wants all to agree on one order of conflicting writes in the end.
//!
//! A write of unknown outcome happened if somebody read it.

#[cfg(test)]
mod cross_check;

use std::collections::BTreeMap;

use crate::checkers::Violation;
use crate::checkers::models::{Effect, KeyValue, Register, SequentialSpecification};
use crate::checkers::ordering::{Call, Recording, describe};
use crate::checkers::recorded::{Counterexample, Verdict};
use crate::history::{HistoryEvent, Value};

/// The name of the checker.
pub const NAME: &str = "causal-consistency";

/// How much is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// Nobody misses a cause of what was seen.
    Causal,
    /// And all could agree on one order of the writes (causal convergence).
    Convergent,
}

/// Judges a history of registers: functions `read` and `write`.
///
/// The verdict is unknown if a value is written to a key twice, if `nil` is written, or if something else than a write
/// changes what is read: then nobody can tell who wrote a value.
#[must_use]
pub fn check(history: &[HistoryEvent], strength: Strength) -> Verdict {
    let Recording { calls, ignored } = Recording::of(history, &Register);
    if !calls.iter().any(|call| call.effect == Effect::Observes) {
        return Verdict::Vacuous(format!("no read was answered; {ignored} others were ignored"));
    }
    let changes = |event: &&HistoryEvent| {
        Register.effect(&event.operation).is_none()
            && KeyValue.effect(&event.operation) == Some(Effect::Changes)
    };
    if let Some(other) = history.iter().find(changes) {
        let function = &other.operation.function;
        return Verdict::Unknown(format!(
            "a register is read and written, and here is a {function}"
        ));
    }
    let writers = match writers(&calls) {
        Ok(writers) => writers,
        Err(why) => return Verdict::Unknown(why),
    };
    match Causes::of(&calls, &writers).and_then(|causes| causes.judge(strength)) {
        Ok(()) => Verdict::Ok,
        Err(found) => Verdict::Violation(found),
    }
}

type Writers<'a> = BTreeMap<(&'a Value, &'a Value), usize>;

/// The write of each value to each key, or why that is not plain.
fn writers(calls: &[Call]) -> Result<Writers<'_>, String> {
    let mut writers = Writers::new();
    for (number, call) in calls.iter().enumerate() {
        if call.effect == Effect::Observes {
            continue;
        }
        let (key, value) = (&call.operation.key, &call.operation.value);
        if *value == Value::Nil {
            return Err(format!(
                "nil is written to key {key}: a read of it cannot be told from one of nothing"
            ));
        }
        if writers.insert((key, value), number).is_some() {
            return Err(format!(
                "{value} is written to key {key} twice: a read of it says too little"
            ));
        }
    }
    Ok(writers)
}

/// The write that a read reads from; `None` for a write and for a read of nothing.
fn writer_of(call: &Call, writers: &Writers<'_>) -> Result<Option<usize>, Counterexample> {
    let answer = match &call.answer {
        Some(answer) if call.effect == Effect::Observes => &answer.value,
        _ => return Ok(None),
    };
    if *answer == Value::Nil {
        return Ok(None);
    }
    let writer = writers.get(&(&call.operation.key, answer)).copied();
    writer.map(Some).ok_or_else(|| {
        let message = format!(
            "ThinAirRead: p{} {} is answered with {answer}, which no write wrote that may have taken effect",
            call.process, call.operation
        );
        proof(message, &[call], Vec::new())
    })
}

/// The order of causes.
struct Causes<'a> {
    calls: &'a [Call],
    /// The process of each operation, counted from 0, and its place there, counted from 1.
    places: Vec<(usize, u32)>,
    /// The operation before it in its process.
    previous: Vec<Option<usize>>,
    /// The write that a read reads from.
    reads_from: Vec<Option<usize>>,
    /// How many operations of each process are among the causes of an operation, itself included.
    clocks: Vec<Vec<u32>>,
    /// The writes of each key by each process, in order.
    writes: BTreeMap<(&'a Value, usize), Vec<usize>>,
}

impl<'a> Causes<'a> {
    /// Fails if there is a read of what nobody wrote, or a cycle.
    fn of(calls: &'a [Call], writers: &Writers<'a>) -> Result<Self, Counterexample> {
        let mut processes: BTreeMap<u64, (usize, Vec<usize>)> = BTreeMap::new();
        let mut causes = Self {
            calls,
            places: Vec::new(),
            previous: Vec::new(),
            reads_from: Vec::new(),
            clocks: Vec::new(),
            writes: BTreeMap::new(),
        };
        for (number, call) in calls.iter().enumerate() {
            let new = processes.len();
            let (process, done) = processes.entry(call.process).or_insert((new, Vec::new()));
            causes.previous.push(done.last().copied());
            done.push(number);
            causes.places.push((*process, done.len() as u32));
            causes.reads_from.push(writer_of(call, writers)?);
            if call.effect == Effect::Changes {
                let key = (&call.operation.key, *process);
                causes.writes.entry(key).or_default().push(number);
            }
        }
        causes.count(processes.len())?;
        Ok(causes)
    }

    /// Sets the clocks, along the order of causes.
    fn count(&mut self, processes: usize) -> Result<(), Counterexample> {
        let order = sorted(self.calls.len(), |number| self.causes_of(number));
        let order = order.map_err(|cycle| {
            let told: Vec<&Call> = cycle.iter().map(|number| &self.calls[*number]).collect();
            let message = format!(
                "CyclicCO: p{} {} is a cause of itself",
                told[0].process, told[0].operation
            );
            proof(message, &told, self.chain(&cycle))
        })?;
        self.clocks = vec![Vec::new(); self.calls.len()];
        for number in order {
            let mut clock = vec![0; processes];
            for cause in self.causes_of(number) {
                for (mine, other) in clock.iter_mut().zip(&self.clocks[cause]) {
                    *mine = (*mine).max(*other);
                }
            }
            let (process, place) = self.places[number];
            clock[process] = place;
            self.clocks[number] = clock;
        }
        Ok(())
    }

    fn causes_of(&self, number: usize) -> Vec<usize> {
        self.previous[number].into_iter().chain(self.reads_from[number]).collect()
    }

    fn is_cause(&self, cause: usize, effect: usize) -> bool {
        let (process, place) = self.places[cause];
        cause != effect && self.clocks[effect][process] >= place
    }

    /// For each process its last write of the key that is among the causes of the read.
    fn last_writes(&self, read: usize) -> impl Iterator<Item = usize> {
        let key = &self.calls[read].operation.key;
        let clock = &self.clocks[read];
        clock.iter().enumerate().filter_map(move |(process, seen)| {
            let writes = self.writes.get(&(key, process))?;
            let end = writes.partition_point(|&write| self.places[write].1 <= *seen);
            writes[..end].last().copied()
        })
    }

    fn judge(&self, strength: Strength) -> Result<(), Counterexample> {
        let mut conflicts: Vec<Vec<usize>> = vec![Vec::new(); self.calls.len()];
        let reads =
            (0..self.calls.len()).filter(|&call| self.calls[call].effect == Effect::Observes);
        for read in reads {
            for later in self.last_writes(read) {
                match self.reads_from[read] {
                    None => return Err(self.missed(None, later, read)),
                    Some(write) if self.is_cause(write, later) => {
                        return Err(self.missed(Some(write), later, read));
                    }
                    Some(write) if write != later => conflicts[write].push(later),
                    Some(_) => {}
                }
            }
        }
        if strength == Strength::Causal {
            return Ok(());
        }
        let before = |number: usize| [self.causes_of(number), conflicts[number].clone()].concat();
        sorted(self.calls.len(), before).map(|_| ()).map_err(|cycle| {
            let told: Vec<&Call> = cycle.iter().map(|number| &self.calls[*number]).collect();
            let message = format!(
                "CyclicCF: the readers of {} processes cannot agree on one order of the writes",
                self.clocks.first().map_or(0, Vec::len)
            );
            proof(message, &told, self.chain(&cycle))
        })
    }

    /// A read that missed a write among its causes.
    fn missed(&self, write: Option<usize>, later: usize, read: usize) -> Counterexample {
        let Call { process, operation, answer, .. } = &self.calls[read];
        let answer = &answer.as_ref().expect("the read was answered").value;
        let name = if write.is_some() { "WriteCORead" } else { "WriteCOInitRead" };
        let message = format!(
            "{name}: p{process} {operation} is answered with {answer}, although p{} {} is among its causes{}",
            self.calls[later].process,
            self.calls[later].operation,
            if write.is_some() { " and comes after that" } else { "" }
        );
        let first = write.map(|write| self.path(write, later)).unwrap_or_default();
        let second = self.path(later, read);
        let facts = [self.chain(&first), self.chain(&second)].concat();
        let numbers = write.into_iter().chain([later, read]);
        let told: Vec<&Call> = numbers.map(|number| &self.calls[number]).collect();
        proof(message, &told, facts)
    }

    /// A shortest chain of causes from one operation to another, which it is a cause of.
    fn path(&self, from: usize, to: usize) -> Vec<usize> {
        let mut next: BTreeMap<usize, usize> = BTreeMap::new();
        let mut open = std::collections::VecDeque::from([to]);
        while let Some(number) = open.pop_front() {
            for cause in self.causes_of(number) {
                if cause != to && !next.contains_key(&cause) {
                    next.insert(cause, number);
                    open.push_back(cause);
                }
            }
        }
        let mut path = vec![from];
        while let Some(number) = path.last().and_then(|last| next.get(last)) {
            path.push(*number);
        }
        path
    }

    /// Why each operation of a chain comes before the next.
    fn chain(&self, path: &[usize]) -> Vec<String> {
        let pairs = path.windows(2).map(|pair| (pair[0], pair[1]));
        let step = |(cause, effect): (usize, usize)| {
            let [first, second] = [cause, effect].map(|number| {
                let Call { process, operation, .. } = &self.calls[number];
                format!("p{process} {operation}")
            });
            if self.reads_from[effect] == Some(cause) {
                format!("{second} reads what {first} wrote")
            } else if self.previous[effect] == Some(cause) {
                format!("{second} comes after {first} in its process")
            } else {
                format!("{first} comes before {second}: somebody who knew it reads the latter")
            }
        };
        pairs.map(step).collect()
    }
}

fn proof(message: String, calls: &[&Call], facts: Vec<String>) -> Counterexample {
    let last = calls.last().expect("a violation is of operations");
    let at = last.answer.as_ref().map_or(last.at, |answer| answer.at);
    let evidence = calls.iter().map(|call| describe(call)).chain(facts).collect();
    let operations = calls.iter().map(|call| call.line).collect();
    Counterexample::new(Violation { at, message, evidence }, operations)
}

/// The numbers below `count` in an order in which each comes after all that `before` names for it; or a cycle, in which
/// each is named for the next, and the last is the first.
fn sorted(count: usize, before: impl Fn(usize) -> Vec<usize>) -> Result<Vec<usize>, Vec<usize>> {
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); count];
    let waits_for = |number| {
        let earlier = before(number);
        for &earlier in &earlier {
            after[earlier].push(number);
        }
        earlier.len()
    };
    let mut waits: Vec<usize> = (0..count).map(waits_for).collect();
    let mut order: Vec<usize> = (0..count).filter(|&number| waits[number] == 0).collect();
    let mut done = 0;
    while let Some(&number) = order.get(done) {
        done += 1;
        for &later in &after[number] {
            waits[later] -= 1;
            if waits[later] == 0 {
                order.push(later);
            }
        }
    }
    let Some(stuck) = (0..count).find(|&number| waits[number] > 0) else { return Ok(order) };
    // Whoever waits, waits for one that waits: going back must end in a cycle.
    let mut back = vec![stuck];
    loop {
        let last = *back.last().expect("it begins with one");
        let earlier = before(last).into_iter().find(|&number| waits[number] > 0);
        let earlier = earlier.expect("whoever waits, waits for one that waits");
        if let Some(place) = back.iter().position(|&number| number == earlier) {
            let mut cycle = back.split_off(place);
            cycle.push(earlier);
            cycle.reverse();
            return Err(cycle);
        }
        back.push(earlier);
    }
}

#[cfg(test)]
mod tests;
