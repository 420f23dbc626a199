//! The workload `list-append`: reads show the whole order of the writes before them.
//!
//! A list to which unique elements are appended carries its history: who reads `[1, 2, 5]` knows that 1, 2 and 5 were
//! written in this order and that nothing else was written before 5. So the longest list that anybody read is the order
//! of versions of its key, and each other read must be a beginning of it. Appends that nobody read come later, in an
//! order that does not matter: no read depends on it.
//!
//! From that follow all of Adya's dependencies, and if every read is a beginning, the graph is complete: an order of
//! transactions that agrees with it is a serial execution. (Kingsbury and Alvaro 2020, section 4.)

mod words;

use std::collections::BTreeSet;

use crate::checkers::transactions::findings::{Findings, show_list};
use crate::checkers::transactions::graph::{Builder, Kind};
use crate::checkers::transactions::table::{Access, NONE, Status, Table};
use crate::checkers::transactions::{Function, MicroOperation};
use crate::history::Value;

/// What is known about the versions of one key.
#[derive(Clone, Debug, Default)]
struct Versions<'a> {
    /// The longest list that was read.
    longest: &'a [Value],
    /// Who read it.
    witness: u32,
    /// Its elements.
    order: Vec<u32>,
    /// The place of the first element that no transaction which may have taken effect appended.
    first_bad: usize,
    /// All reads are beginnings of the longest, which has no element twice: the order can be relied on.
    trusted: bool,
    /// Who may have appended what nobody read.
    unread: Vec<u32>,
}

/// The versions of all keys.
#[derive(Debug)]
pub(super) struct ListAppend<'a> {
    keys: Vec<Versions<'a>>,
    /// The place of each version in its key's order.
    places: Vec<u32>,
}

/// One read of a committed transaction.
#[derive(Clone, Copy)]
struct Read<'a> {
    transaction: u32,
    key: u32,
    list: &'a [Value],
}

/// What a read returned. Nil is the list to which nothing was ever appended.
fn list(operation: &MicroOperation) -> &[Value] {
    match &operation.value {
        Value::List(elements) => elements,
        _ => &[],
    }
}

/// All reads of committed transactions.
fn reads<'t, 'a>(table: &'t Table<'a>) -> impl Iterator<Item = Read<'a>> + use<'t, 'a> {
    let committed = (0..).zip(&table.transactions).filter(|(_, t)| t.status == Status::Committed);
    committed.flat_map(|(number, transaction)| {
        let operations: &'a [MicroOperation] = transaction.operations;
        let keys = &table.key_of[transaction.first..];
        operations
            .iter()
            .zip(keys)
            .filter(|(operation, _)| operation.function == Function::Read)
            .map(move |(operation, &key)| Read { transaction: number, key, list: list(operation) })
    })
}

impl<'a> ListAppend<'a> {
    /// Finds the orders of versions, the anomalies that show without cycles, and the dependencies.
    pub fn analyse(table: &mut Table<'a>, findings: &mut Findings, graph: &mut Builder) -> Self {
        let mut keys = vec![Versions { trusted: true, ..Versions::default() }; table.keys.len()];
        for read in reads(table) {
            let versions = &mut keys[read.key as usize];
            if read.list.len() > versions.longest.len() {
                versions.longest = read.list;
                versions.witness = read.transaction;
            }
        }
        for (key, versions) in (0..).zip(&mut keys) {
            versions.order =
                versions.longest.iter().map(|element| table.read_version(key, element)).collect();
        }
        let mut lists = Self { keys, places: vec![NONE; table.versions.len()] };
        lists.place(table, findings);
        lists.compare(table, findings);
        lists.find_unread(table);
        lists.write_dependencies(table, graph);
        lists.read_dependencies(table, findings, graph);
        lists.judge_accesses(table, findings);
        lists.dirty_updates(table, findings);
        lists
    }

    /// Numbers the elements of each order.
    fn place(&mut self, table: &Table<'a>, findings: &mut Findings) {
        for versions in &mut self.keys {
            for (place, &version) in versions.order.iter().enumerate() {
                if self.places[version as usize] == NONE {
                    self.places[version as usize] = place as u32;
                } else {
                    versions.trusted = false;
                }
            }
            let bad = |version: &u32| table.possible_writer(*version).is_none();
            versions.first_bad =
                versions.order.iter().position(bad).unwrap_or(versions.order.len());
            if !versions.trusted {
                let (key, witness) = (table.versions.scope(versions.order[0]), versions.witness);
                let read = Read { transaction: witness, key, list: versions.longest };
                words::duplicates(read, table, findings);
            }
        }
    }

    /// Holds each read against the order of its key.
    fn compare(&mut self, table: &Table<'a>, findings: &mut Findings) {
        for read in reads(table) {
            let versions = &mut self.keys[read.key as usize];
            if versions.longest.starts_with(read.list) {
                continue;
            }
            versions.trusted = false;
            let (longest, witness) = (versions.longest, versions.witness);
            findings.add("incompatible-order", table, &[read.transaction, witness], || {
                let (reader, other) = (table.name(read.transaction), table.name(witness));
                let (this, that) = (show_list(read.list), show_list(longest));
                let key = table.key(read.key);
                let message = format!(
                    "{reader} read {key} = {this} and {other} read {key} = {that}: neither is a beginning of the other"
                );
                (message, Vec::new())
            });
            words::duplicates(read, table, findings);
        }
    }

    fn find_unread(&mut self, table: &Table<'a>) {
        for (version, &place) in (0..).zip(&self.places) {
            let Some(writer) = table.possible_writer(version).filter(|_| place == NONE) else {
                continue;
            };
            let unread = &mut self.keys[table.versions.scope(version) as usize].unread;
            if unread.last() != Some(&writer) {
                unread.push(writer);
            }
        }
    }

    /// The first version from a place on whose writer may have taken effect.
    fn next(&self, table: &Table<'a>, key: u32, place: usize) -> Option<u32> {
        let order = &self.keys[key as usize].order;
        order[place..].iter().copied().find(|&version| table.possible_writer(version).is_some())
    }

    /// The last such version before a place.
    fn previous(&self, table: &Table<'a>, key: u32, place: usize) -> Option<u32> {
        let order = &self.keys[key as usize].order;
        order[..place].iter().copied().rfind(|&version| table.possible_writer(version).is_some())
    }

    fn write_dependencies(&self, table: &Table<'a>, graph: &mut Builder) {
        for versions in self.keys.iter().filter(|versions| versions.trusted) {
            let mut last = None;
            for writer in
                versions.order.iter().filter_map(|&version| table.possible_writer(version))
            {
                if let Some(last) = last {
                    graph.edge(last, writer, Kind::WriteWrite);
                }
                last = Some(writer);
            }
            for &writer in &versions.unread {
                if let Some(last) = last {
                    graph.edge(last, writer, Kind::WriteWrite);
                }
            }
        }
    }

    fn read_dependencies(&self, table: &Table<'a>, findings: &mut Findings, graph: &mut Builder) {
        let mut newest: Vec<Vec<u32>> = vec![Vec::new(); self.keys.len()];
        let mut told = BTreeSet::new();
        for read in reads(table) {
            let Read { transaction, key, list } = read;
            let versions = &self.keys[key as usize];
            let compatible = versions.trusted || versions.longest.starts_with(list);
            if !compatible || list.len() > versions.first_bad {
                words::bad_elements(read, table, findings, &mut told);
            }
            let last = list.last().and_then(|last| table.versions.find(key, last));
            if let Some((last, writer)) =
                last.zip(last.and_then(|last| table.possible_writer(last)))
            {
                graph.edge(writer, transaction, Kind::WriteRead);
                if writer != transaction && !table.is_final[last as usize] {
                    words::intermediate(read, writer, table, findings);
                }
            }
            if !versions.trusted {
                continue;
            }
            match self.next(table, key, list.len()) {
                Some(next) => {
                    let writer = table.writers[next as usize];
                    graph.edge(transaction, writer, Kind::ReadWrite);
                }
                None if newest[key as usize].last() == Some(&transaction) => {}
                None => newest[key as usize].push(transaction),
            }
        }
        for (readers, versions) in newest.iter().zip(&self.keys) {
            graph.all_to_all(readers, &versions.unread, Kind::ReadWrite);
        }
    }

    /// What a transaction tells about itself, and who updated the same version.
    fn judge_accesses(&self, table: &Table<'a>, findings: &mut Findings) {
        let mut updates: Vec<(u32, u32, u32)> = Vec::new();
        table.accesses(Status::Committed, |access| {
            judge_access(access, table, findings);
            let function = |place: u32| table.operation(access.transaction, place).function;
            let first = access.places[0];
            if function(first) == Function::Read
                && access.places.iter().any(|&place| function(place) == Function::Append)
            {
                let read = list(table.operation(access.transaction, first));
                let versions = &self.keys[access.key as usize];
                if versions.trusted || versions.longest.starts_with(read) {
                    updates.push((access.key, read.len() as u32, access.transaction));
                }
            }
        });
        updates.sort_unstable();
        for group in updates.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).filter(|g| g.len() > 1) {
            let transactions: Vec<u32> = group.iter().map(|update| update.2).collect();
            findings.add("lost-update", table, &transactions, || {
                let names: Vec<String> = transactions.iter().map(|&t| table.name(t)).collect();
                let (key, length) = (group[0].0, group[0].1 as usize);
                let list = show_list(&self.keys[key as usize].longest[..length]);
                let (names, key) = (names.join(" and "), table.key(key));
                let message = format!("{names} all read {key} = {list} and then appended to it");
                (message, Vec::new())
            });
        }
    }

    /// Committed appends after aborted ones: what was rolled back was built upon. (Kingsbury and Alvaro 2020, 4.1.5.)
    fn dirty_updates(&self, table: &Table<'a>, findings: &mut Findings) {
        for versions in &self.keys {
            let mut aborted = None;
            for &version in &versions.order {
                let Some(writer) = table.writer(version) else { continue };
                match (table.status(writer), aborted) {
                    (Status::Aborted, None) => aborted = Some((version, writer)),
                    (Status::Committed, Some((before, other))) => {
                        findings.add("dirty-update", table, &[other, writer], || {
                            let key = table.key(table.versions.scope(version));
                            let (first, second) = (table.name(other), table.name(writer));
                            let (undone, built) =
                                (table.versions.value(before), table.versions.value(version));
                            let message = format!(
                                "{first} aborted, but its {undone} stayed in {key}, and {second} committed {built} after it"
                            );
                            (message, Vec::new())
                        });
                        aborted = None;
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Holds the reads of a key against what the transaction itself did before.
fn judge_access(access: Access<'_>, table: &Table<'_>, findings: &mut Findings) {
    let mut known: Option<&[Value]> = None;
    let mut appended: Vec<&Value> = Vec::new();
    for &place in access.places {
        let operation = table.operation(access.transaction, place);
        if operation.function == Function::Append {
            let read = known.unwrap_or_default();
            if read.contains(&operation.value) {
                words::future_read(access, (read, &operation.value), table, findings);
            }
            appended.push(&operation.value);
            continue;
        }
        let found = list(operation);
        let before = found.len().saturating_sub(appended.len());
        let begins = known.is_none_or(|known| found[..before] == *known);
        if !begins || !found[before..].iter().eq(appended.iter().copied()) {
            words::disagrees(access, (known, &appended, found), table, findings);
            break;
        }
        known = Some(found);
        appended.clear();
    }
}
