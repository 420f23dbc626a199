//! Transactions with timestamps, as clients saw them, and what each should have read: the model that the checkers of
//! timestamps share.
//!
//! Understood are transactions of `r` and `w`. A read of a key that the transaction has written itself is not looked at.
//! A write whose fate or timestamp its client does not know may have any timestamp: a read of its value is never held
//! wrong.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use crate::checkers::Violation;
use crate::checkers::recent::KEPT;
use crate::history::{HistoryEvent, Operation, Phase, Value, functions};
use crate::kernel::ids::{ClientId, RequestId};
use crate::kernel::time::Instant;

/// A key, and the value read from it or written to it.
type Access = (Value, Value);

/// What a transaction read from the state that it found, and what it left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Accesses {
    pub reads: Vec<Access>,
    pub writes: Vec<Access>,
}

impl Accesses {
    /// The reads and writes of an operation; `None` if it is no transaction, or not one of `r` and `w`.
    fn of(operation: &Operation) -> Option<Self> {
        let Value::List(steps) = &operation.value else { return None };
        if operation.function != functions::TRANSACTION {
            return None;
        }
        let mut accesses = Self::default();
        for step in steps.iter() {
            let Value::List(step) = step else { return None };
            let [Value::Text(function), key, value] = &**step else { return None };
            let own = accesses.writes.iter().position(|(written, _)| written == key);
            match (&**function, own) {
                ("r", None) => accesses.reads.push((key.clone(), value.clone())),
                ("r", Some(_)) => {}
                ("w", None) => accesses.writes.push((key.clone(), value.clone())),
                ("w", Some(place)) => accesses.writes[place].1 = value.clone(),
                _ => return None,
            }
        }
        Some(accesses)
    }
}

/// A transaction that its client knows to be done.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    pub client: ClientId,
    pub request: RequestId,
    /// Its timestamp, 0 if the client was told none.
    pub timestamp: u64,
    pub invoked: Instant,
    pub ended: Instant,
    pub accesses: Accesses,
}

impl Transaction {
    /// Whether it changes nothing.
    pub fn is_read_only(&self) -> bool {
        self.accesses.writes.is_empty()
    }
}

impl fmt::Display for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, request, timestamp, invoked, ended, accesses } = self;
        write!(f, "{invoked} to {ended} {client} request {request} at timestamp {timestamp}:")?;
        for (key, value) in &accesses.reads {
            write!(f, " reads k{key} = {value}")?;
        }
        for (key, value) in &accesses.writes {
            write!(f, " writes k{key} = {value}")?;
        }
        Ok(())
    }
}

/// The transactions of a run.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    open: BTreeMap<u64, (Instant, Operation)>,
    done: VecDeque<Transaction>,
    /// What may have been written at any time: by transactions of unknown fate.
    unknown: BTreeSet<Access>,
    /// The largest timestamp of a transaction that was forgotten.
    forgotten: u64,
}

impl Transactions {
    /// Takes in a line of the history; returns the transaction that it completes, if it does.
    pub fn observe(&mut self, history: &HistoryEvent) -> Option<&Transaction> {
        if history.operation.function != functions::TRANSACTION {
            return None;
        }
        if history.phase == Phase::Invoke {
            self.open.insert(history.process, (history.at, history.operation.clone()));
            return None;
        }
        let (invoked, asked) = self.open.remove(&history.process)?;
        let is_done = history.phase == Phase::Ok;
        if history.phase == Phase::Info || (is_done && history.version == 0) {
            self.may_be_anywhere(writes(&asked));
        }
        if !is_done {
            return None;
        }
        let &HistoryEvent { client, request, version: timestamp, at: ended, .. } = history;
        let accesses = Accesses::of(&history.operation)?;
        if self.done.len() >= KEPT
            && let Some(oldest) = self.done.pop_front()
        {
            self.forgotten = self.forgotten.max(oldest.timestamp);
        }
        self.done.push_back(Transaction { client, request, timestamp, invoked, ended, accesses });
        self.done.back()
    }

    /// Nobody knows at which timestamp these were written, or whether.
    fn may_be_anywhere(&mut self, writes: Vec<Access>) {
        self.unknown.extend(writes);
        if self.unknown.len() > KEPT {
            // Too much is not known to judge anything.
            self.unknown.clear();
            self.forgotten = u64::MAX;
        }
    }

    /// The first read, among the transactions asked about, that is not of the state at the transaction's timestamp.
    pub fn misread(&self, about: impl Fn(&Transaction) -> bool) -> Option<Violation> {
        let pending = self.open.values().flat_map(|(_, asked)| writes(asked));
        let unknown: BTreeSet<Access> = self.unknown.iter().cloned().chain(pending).collect();
        let mut versions: BTreeMap<&Value, BTreeMap<u64, (&Value, &Transaction)>> = BTreeMap::new();
        for writer in &self.done {
            for (key, value) in &writer.accesses.writes {
                versions.entry(key).or_default().insert(writer.timestamp, (value, writer));
            }
        }
        let judged = self.done.iter().filter(|done| done.timestamp > self.forgotten && about(done));
        for reader in judged {
            for access in &reader.accesses.reads {
                if unknown.contains(access) {
                    continue;
                }
                let (key, value) = access;
                // A transaction that also writes read the state before its own writes.
                let through = reader.timestamp - u64::from(!reader.is_read_only());
                let before = versions.get(key).and_then(|of| of.range(..=through).next_back());
                let expected = before.map(|(_, version)| *version);
                if expected.map_or(&Value::Nil, |(value, _)| value) == value
                    || (expected.is_none() && self.forgotten > 0)
                {
                    continue;
                }
                let source =
                    versions.get(key).and_then(|of| of.values().find(|(v, _)| *v == value));
                return Some(misread(
                    reader,
                    access,
                    (expected, source.map(|(_, writer)| *writer)),
                ));
            }
        }
        None
    }
}

fn writes(operation: &Operation) -> Vec<Access> {
    Accesses::of(operation).unwrap_or_default().writes
}

/// The version that a read should have found, and who wrote what it did find.
type Found<'a> = (Option<(&'a Value, &'a Transaction)>, Option<&'a Transaction>);

fn misread(
    reader: &Transaction,
    (key, value): &Access,
    (expected, source): Found<'_>,
) -> Violation {
    let Transaction { request, timestamp, .. } = reader;
    let there = expected.map_or(&Value::Nil, |(value, _)| value);
    let what = match source {
        Some(writer) if writer.timestamp >= *timestamp => "which is from then or later",
        Some(_) => "which is older",
        None if *value == Value::Nil => "as if nobody had written it",
        None => "which nobody is known to have written",
    };
    let message = format!(
        "request {request} reads k{key} = {value} at timestamp {timestamp}, {what}: it was {there} then"
    );
    let violation = Violation::new(reader.ended, message);
    let writers = expected.map(|(_, writer)| writer).into_iter().chain(source);
    writers.fold(violation, Violation::because).because(reader)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::Script;
    use crate::trace::Fact;

    fn seen(script: &Script) -> Transactions {
        let mut transactions = Transactions::default();
        for event in script.events() {
            let Fact::History(history) = &event.fact else { continue };
            transactions.observe(history);
        }
        transactions
    }

    #[test]
    fn memory_stays_flat_over_any_number_of_transactions() {
        let many = (1..=KEPT as u64 + 2).fold(Script::new(), |script, timestamp| {
            script.transaction(1, &[("w", "x", 5)], timestamp)
        });
        let transactions = seen(&many);
        assert_eq!((transactions.done.len(), transactions.forgotten), (KEPT, 2));
        assert!(transactions.open.is_empty());
    }

    #[test]
    fn too_many_writes_of_unknown_fate_end_all_judgement() {
        let unknown = |count: usize| {
            (0..count).fold(Script::new(), |script, value| {
                script.invoke(1, Script::asked(&[("w", "x", value as i64)])).info(1)
            })
        };
        let (few, many) = (seen(&unknown(KEPT)), seen(&unknown(KEPT + 1)));
        assert_eq!((few.unknown.len(), few.forgotten), (KEPT, 0));
        assert_eq!((many.unknown.len(), many.forgotten), (0, u64::MAX));
    }
}
