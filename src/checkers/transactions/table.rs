//! The transactions of a history, with numbers for keys and versions, and who wrote which version.
//!
//! Elements of lists and values of registers are both called *versions* here: each has one writer, because a workload
//! in which two transactions write the same version cannot be judged (Elle: "recoverability").

use std::collections::BTreeMap;

use crate::checkers::transactions::intern::Interner;
use crate::checkers::transactions::{
    Function, Malformed, MicroOperation, TransactionEvent, Workload,
};
use crate::history::{Phase, Value};

/// What is known about a transaction's effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// It took effect, and its reads are known.
    Committed,
    /// It may have taken effect; its reads are not known.
    Unknown,
    /// It did not take effect.
    Aborted,
}

/// Nothing of the kind: no position, no writer.
pub(super) const NONE: u32 = u32::MAX;

/// One transaction.
#[derive(Debug)]
pub(super) struct Transaction<'a> {
    /// The index of the event that ended it, or of the invocation if nothing did.
    pub index: u64,
    pub process: u64,
    pub status: Status,
    /// What it did, as its completion says; as its invocation says if it is not committed.
    pub operations: &'a [MicroOperation],
    /// The place of its first operation among all operations.
    pub first: usize,
    /// The place of the invocation among the events.
    pub invoked: u32,
    /// The place of the completion, if it is known to be over.
    pub completed: u32,
}

/// All transactions, in the order of their invocations.
#[derive(Debug, Default)]
pub(super) struct Table<'a> {
    pub transactions: Vec<Transaction<'a>>,
    /// How many events there were.
    pub events: usize,
    pub keys: Interner<'a>,
    /// The key of each operation.
    pub key_of: Vec<u32>,
    /// The versions that were written, in the order of their writers, and then those that were read although nobody
    /// wrote them; the scope is the key.
    pub versions: Interner<'a>,
    /// Who wrote each version.
    pub writers: Vec<u32>,
    /// Whether each version that was written was its writer's last of the key.
    pub is_final: Vec<bool>,
}

/// The operations of one transaction on one key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access<'t> {
    pub transaction: u32,
    pub key: u32,
    /// Their places in the transaction, in order.
    pub places: &'t [u32],
}

impl<'a> Table<'a> {
    /// Pairs invocations with completions, and numbers what they name.
    pub fn new(history: &'a [TransactionEvent], workload: Workload) -> Result<Self, Malformed> {
        let mut table = Self { events: history.len(), ..Self::default() };
        table.pair(history)?;
        table.key_of = vec![0; table.operations()];
        let keys = (0..table.transactions.len()).flat_map(|number| {
            let transaction = &table.transactions[number];
            (transaction.first..).zip(transaction.operations)
        });
        for (place, operation) in keys {
            table.key_of[place] = table.keys.intern(0, &operation.key);
        }
        for number in 0..table.transactions.len() {
            table.check_kinds(number, workload)?;
            table.number_writes(number)?;
        }
        table.mark_final();
        Ok(table)
    }

    fn operations(&self) -> usize {
        self.transactions.last().map_or(0, |last| last.first + last.operations.len())
    }

    fn pair(&mut self, history: &'a [TransactionEvent]) -> Result<(), Malformed> {
        let mut open: BTreeMap<u64, u32> = BTreeMap::new();
        for (place, event) in history.iter().enumerate() {
            let place = u32::try_from(place).expect("fewer than 2^32 events");
            let process = event.process;
            if event.phase == Phase::Invoke {
                let number = self.transactions.len() as u32;
                if let Some(other) = open.insert(process, number) {
                    let first = self.transactions[other as usize].index;
                    return Err(Malformed::new(
                        event,
                        format!(
                            "process {process} invokes while its transaction of index {first} is open; \
                         a process has one transaction at a time"
                        ),
                    ));
                }
                self.transactions.push(Transaction {
                    index: event.index,
                    process,
                    status: Status::Unknown,
                    operations: &event.operations,
                    first: 0,
                    invoked: place,
                    completed: NONE,
                });
                continue;
            }
            let Some(number) = open.remove(&process) else {
                let phase = event.phase;
                return Err(Malformed::new(
                    event,
                    format!(
                        "process {process} has `{phase}` without an `invoke` before it; add the invocation"
                    ),
                ));
            };
            let transaction = &mut self.transactions[number as usize];
            transaction.index = event.index;
            transaction.status = match event.phase {
                Phase::Ok => Status::Committed,
                Phase::Fail => Status::Aborted,
                Phase::Info | Phase::Invoke => Status::Unknown,
            };
            if event.phase == Phase::Ok {
                transaction.operations = &event.operations;
            }
            if event.phase != Phase::Info {
                transaction.completed = place;
            }
        }
        let mut first = 0;
        for transaction in &mut self.transactions {
            transaction.first = first;
            first += transaction.operations.len();
        }
        Ok(())
    }

    /// The workload has one kind of write, and reads return what it can hold.
    fn check_kinds(&self, number: usize, workload: Workload) -> Result<(), Malformed> {
        let transaction = &self.transactions[number];
        let wrong = |message: String| Err(Malformed { index: transaction.index, message });
        for operation in transaction.operations {
            match (workload, operation.function, &operation.value) {
                (Workload::ListAppend, Function::Write, _) => {
                    return wrong(
                        "list-append has no `w`; the workload of writes is rw-register".into(),
                    );
                }
                (Workload::RwRegister, Function::Append, _) => {
                    return wrong(
                        "rw-register has no `append`; the workload of appends is list-append"
                            .into(),
                    );
                }
                (Workload::RwRegister, Function::Write, Value::Nil) => {
                    return wrong(format!(
                        "nil is written to {}, but nil means never written; write values",
                        operation.key
                    ));
                }
                (Workload::ListAppend, Function::Read, Value::Int(_) | Value::Text(_))
                    if transaction.status == Status::Committed =>
                {
                    return wrong(format!(
                        "the read of {} returned {}, not a list; is the workload rw-register?",
                        operation.key, operation.value
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn number_writes(&mut self, number: usize) -> Result<(), Malformed> {
        let Transaction { first, operations, .. } = self.transactions[number];
        for (place, operation) in operations.iter().enumerate() {
            if operation.function == Function::Read {
                continue;
            }
            let key = self.key_of[first + place];
            let version = self.versions.intern(key, &operation.value) as usize;
            if version < self.writers.len() {
                let other = &self.transactions[self.writers[version] as usize];
                let (index, other) = (self.transactions[number].index, other.index);
                return Err(Malformed {
                    index,
                    message: format!(
                        "{} is written to {} here and by the transaction of index {other}; \
                     without unique values nobody can tell who was read",
                        operation.value, operation.key
                    ),
                });
            }
            self.writers.push(number as u32);
        }
        Ok(())
    }

    /// All but the last write of a transaction to a key are not final.
    fn mark_final(&mut self) {
        let mut is_final = vec![true; self.writers.len()];
        for status in [Status::Committed, Status::Unknown, Status::Aborted] {
            self.accesses(status, |access| {
                let written = |place: &&u32| {
                    self.operation(access.transaction, **place).function != Function::Read
                };
                for &place in access.places.iter().filter(written).rev().skip(1) {
                    is_final[self.written(access, place) as usize] = false;
                }
            });
        }
        self.is_final = is_final;
    }

    /// The version that the write at a place of an access made.
    pub fn written(&self, access: Access<'_>, place: u32) -> u32 {
        let value = &self.operation(access.transaction, place).value;
        self.versions.find(access.key, value).expect("all writes are numbered")
    }

    /// A version that is read; nobody may have written it.
    pub fn read_version(&mut self, key: u32, value: &'a Value) -> u32 {
        let version = self.versions.intern(key, value);
        if version as usize == self.writers.len() {
            self.writers.push(NONE);
        }
        version
    }

    /// The writer of a version, if it is one.
    pub fn writer(&self, version: u32) -> Option<u32> {
        let writer = self.writers[version as usize];
        (writer != NONE).then_some(writer)
    }

    /// The writer of a version, if it may have taken effect.
    pub fn possible_writer(&self, version: u32) -> Option<u32> {
        self.writer(version).filter(|&writer| self.status(writer) != Status::Aborted)
    }

    pub fn status(&self, transaction: u32) -> Status {
        self.transactions[transaction as usize].status
    }

    /// An operation by its transaction and its place there.
    pub fn operation(&self, transaction: u32, place: u32) -> &'a MicroOperation {
        let operations: &'a [MicroOperation] = self.transactions[transaction as usize].operations;
        &operations[place as usize]
    }

    /// Visits what each transaction of a status did with each key.
    pub fn accesses(&self, status: Status, mut visit: impl FnMut(Access<'_>)) {
        let mut by_key: Vec<(u32, u32)> = Vec::new();
        let mut places: Vec<u32> = Vec::new();
        for (number, transaction) in self.transactions.iter().enumerate() {
            if transaction.status != status {
                continue;
            }
            let range = transaction.first..transaction.first + transaction.operations.len();
            by_key.clear();
            by_key.extend(self.key_of[range].iter().zip(0..).map(|(&key, place)| (key, place)));
            by_key.sort_unstable();
            for group in by_key.chunk_by(|a, b| a.0 == b.0) {
                places.clear();
                places.extend(group.iter().map(|(_, place)| place));
                visit(Access { transaction: number as u32, key: group[0].0, places: &places });
            }
        }
    }

    /// A transaction's name in messages.
    pub fn name(&self, transaction: u32) -> String {
        format!("T{}", self.transactions[transaction as usize].index)
    }

    /// A key's name in messages.
    pub fn key(&self, key: u32) -> &'a Value {
        self.keys.value(key)
    }
}
