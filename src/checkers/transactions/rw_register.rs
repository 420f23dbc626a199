//! The workload `rw-register`: reads show one value, so orders of versions must be inferred.
//!
//! Values are unique, so who reads a value depends on its writer. Which of two versions is older is inferred, and only
//! as far as the level that is judged allows; what is not inferred is not held against the history:
//!
//! - nil, the initial version, is older than every other;
//! - who reads a version and then writes the key replaces it (from read committed on);
//! - what is written after a write of the same process (`strong-session` levels), or after its completion in real time
//!   (`strong` levels), is newer; so is what is written after a read (from read committed on), and what is read after
//!   either (from snapshot isolation on).
//!
//! If that contradicts itself, the key is told as `cyclic-versions`, and what came from reads, or if need be the whole
//! order of the key, is not used. Two blind writes with nothing between them stay unordered: `append` shows more.

mod order;

use crate::checkers::transactions::Function;
use crate::checkers::transactions::consistency::Isolation;
use crate::checkers::transactions::findings::Findings;
use crate::checkers::transactions::graph::{Builder, Kind};
use crate::checkers::transactions::table::{Access, Status, Table};
use crate::history::Value;

/// What a transaction read of a key before it wrote it, and what it left there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Touch {
    key: u32,
    transaction: u32,
    read: Option<u32>,
    write: Option<u32>,
}

/// What is known about versions: pairs of which the first is older, in order.
#[derive(Debug, Default)]
pub(super) struct RwRegister {
    older: Vec<(u32, u32)>,
    /// Who read which version from another transaction: (version, transaction), in order.
    reads: Vec<(u32, u32)>,
}

static NIL: Value = Value::Nil;

impl RwRegister {
    /// Infers orders of versions, finds the anomalies that show without cycles, and the dependencies.
    pub fn analyse(table: &mut Table<'_>, findings: &mut Findings, graph: &mut Builder) -> Self {
        let initial: Vec<u32> =
            (0..table.keys.len() as u32).map(|key| table.read_version(key, &NIL)).collect();
        number_reads(table);
        let mut touches = Vec::new();
        let mut reads = Vec::new();
        table.accesses(Status::Committed, |access| {
            judge_access(access, table, findings, &mut reads);
            touches.push(touch(access, table));
        });
        lost_updates(&touches, table, findings);
        table.accesses(Status::Unknown, |access| {
            touches.push(Touch { read: None, ..touch(access, table) });
        });
        reads.sort_unstable();
        reads.dedup();
        let older = order::infer(touches, &initial, table, findings);
        let registers = Self { older, reads };
        registers.dependencies(table, graph);
        registers
    }

    /// Who read a version.
    fn readers(&self, version: u32) -> &[(u32, u32)] {
        let first = self.reads.partition_point(|read| read.0 < version);
        let rest = &self.reads[first..];
        &rest[..rest.partition_point(|read| read.0 == version)]
    }

    fn has_read(&self, version: u32, transaction: u32) -> bool {
        self.reads.binary_search(&(version, transaction)).is_ok()
    }

    fn dependencies(&self, table: &Table<'_>, graph: &mut Builder) {
        for &(version, reader) in &self.reads {
            if let Some(writer) = table.possible_writer(version) {
                graph.edge(writer, reader, Kind::WriteRead);
            }
        }
        for group in self.older.chunk_by(|a, b| a.0 == b.0) {
            let version = group[0].0;
            // Versions are numbered in the order of their writers.
            let mut writers: Vec<u32> =
                group.iter().filter_map(|&(_, newer)| table.possible_writer(newer)).collect();
            writers.dedup();
            if let Some(before) = table.possible_writer(version) {
                // Who read it depends on it already.
                for &writer in writers.iter().filter(|&&w| !self.has_read(version, w)) {
                    graph.edge(before, writer, Kind::WriteWrite);
                }
            }
            let readers: Vec<u32> = self.readers(version).iter().map(|read| read.1).collect();
            graph.all_to_all(&readers, &writers, Kind::ReadWrite);
        }
    }

    /// Why one transaction comes before another, in words.
    pub fn why(&self, table: &Table<'_>, (from, to): (u32, u32), kind: Kind) -> Option<String> {
        let (first, second) = (table.name(from), table.name(to));
        let value =
            |version| (table.key(table.versions.scope(version)), table.versions.value(version));
        if kind == Kind::WriteRead {
            let read = self
                .reads
                .iter()
                .find(|read| read.1 == to && table.writer(read.0) == Some(from))?;
            let (key, value) = value(read.0);
            return Some(format!("{second} read {key} = {value}, which {first} wrote"));
        }
        let of_first = |version: u32| match kind {
            Kind::WriteWrite => table.writer(version) == Some(from),
            _ => self.has_read(version, from),
        };
        let (older, newer) = self
            .older
            .iter()
            .find(|(older, newer)| table.writer(*newer) == Some(to) && of_first(*older))?;
        let verb = if kind == Kind::WriteWrite { "wrote" } else { "read" };
        let ((key, older), (_, newer)) = (value(*older), value(*newer));
        Some(format!("{first} {verb} {key} = {older}, and {second} wrote {newer}, which is newer"))
    }
}

/// Gives all versions that were read a number.
fn number_reads(table: &mut Table<'_>) {
    for number in 0..table.transactions.len() {
        let transaction = &table.transactions[number];
        if transaction.status != Status::Committed {
            continue;
        }
        let (first, operations) = (transaction.first, transaction.operations);
        for (place, operation) in operations.iter().enumerate() {
            if operation.function == Function::Read {
                table.read_version(table.key_of[first + place], &operation.value);
            }
        }
    }
}

/// The version at a place of an access.
fn version(access: Access<'_>, place: u32, table: &Table<'_>) -> u32 {
    let value = &table.operation(access.transaction, place).value;
    table.versions.find(access.key, value).expect("what committed transactions name is numbered")
}

fn touch(access: Access<'_>, table: &Table<'_>) -> Touch {
    let is_read =
        |place: u32| table.operation(access.transaction, place).function == Function::Read;
    let first = access.places[0];
    let last_write = access.places.iter().rfind(|&&place| !is_read(place));
    Touch {
        key: access.key,
        transaction: access.transaction,
        read: is_read(first)
            .then(|| table.status(access.transaction) == Status::Committed)
            .filter(|known| *known)
            .map(|_| version(access, first, table)),
        write: last_write.map(|&place| version(access, place, table)),
    }
}

/// Holds the reads of a key against what the transaction did before, and against who wrote what it read.
fn judge_access(
    access: Access<'_>,
    table: &Table<'_>,
    findings: &mut Findings,
    reads: &mut Vec<(u32, u32)>,
) {
    let Access { transaction, key, places } = access;
    let mut known = None;
    let (reader, name) = (|| table.name(transaction), table.key(key));
    for &place in places {
        let operation = table.operation(transaction, place);
        let version = version(access, place, table);
        let value = &operation.value;
        if operation.function == Function::Read {
            if let Some(known) = known.filter(|known| *known != version) {
                findings.add("internal", table, &[transaction], || {
                    let expected = table.versions.value(known);
                    let message = format!(
                        "{} read {name} = {value} after it had seen or written {expected}",
                        reader()
                    );
                    (message, Vec::new())
                });
            }
            if table.writer(version) != Some(transaction) {
                reads.push((version, transaction));
                judge_read(access, version, table, findings);
            } else if known.is_none() {
                findings.add("future-read", table, &[transaction], || {
                    (
                        format!("{} read {name} = {value} before it wrote that itself", reader()),
                        Vec::new(),
                    )
                });
            }
        }
        known = Some(version);
    }
}

/// Nil needs no writer.
fn judge_read(access: Access<'_>, version: u32, table: &Table<'_>, findings: &mut Findings) {
    let Access { transaction, key, .. } = access;
    let (value, key) = (table.versions.value(version), table.key(key));
    let reader = || format!("{} read {key} = {value}", table.name(transaction));
    match table.writer(version) {
        None if *value == Value::Nil => {}
        None => findings.add("garbage-read", table, &[transaction], || {
            (format!("{}, which nobody wrote", reader()), Vec::new())
        }),
        Some(writer) if table.status(writer) == Status::Aborted => {
            findings.add("G1a", table, &[writer, transaction], || {
                (
                    format!("{}, but {}, which wrote it, aborted", reader(), table.name(writer)),
                    Vec::new(),
                )
            });
        }
        Some(writer) if !table.is_final[version as usize] => {
            findings.add("G1b", table, &[writer, transaction], || {
                (format!("{}, which {} overwrote itself", reader(), table.name(writer)), Vec::new())
            });
        }
        Some(_) => {}
    }
}

/// Transactions that read the same version of a key and wrote it.
fn lost_updates(touches: &[Touch], table: &Table<'_>, findings: &mut Findings) {
    let updates = touches.iter().filter(|touch| touch.write.is_some());
    let mut updates: Vec<(u32, u32)> =
        updates.filter_map(|touch| Some((touch.read?, touch.transaction))).collect();
    updates.sort_unstable();
    for group in updates.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
        let transactions: Vec<u32> = group.iter().map(|update| update.1).collect();
        findings.add("lost-update", table, &transactions, || {
            let names: Vec<String> = transactions.iter().map(|&t| table.name(t)).collect();
            let key = table.key(table.versions.scope(group[0].0));
            let value = table.versions.value(group[0].0);
            (
                format!("{} all read {key} = {value} and then wrote it", names.join(" and ")),
                Vec::new(),
            )
        });
    }
}

/// Whether a level lets us say that what is written after a read is newer.
const fn reads_come_before(isolation: Isolation) -> bool {
    !matches!(isolation, Isolation::ReadUncommitted)
}

/// Whether a level lets us say that what is read later is newer.
const fn reads_come_after(isolation: Isolation) -> bool {
    !matches!(isolation, Isolation::ReadUncommitted | Isolation::ReadCommitted)
}
