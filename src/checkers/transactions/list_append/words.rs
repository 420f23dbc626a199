//! What `list-append` found, in words.

use std::collections::BTreeSet;

use super::{ListAppend, Read, list};
use crate::checkers::transactions::Function;
use crate::checkers::transactions::findings::{Findings, show_list};
use crate::checkers::transactions::graph::Kind;
use crate::checkers::transactions::table::{Access, NONE, Status, Table};
use crate::history::Value;

/// Elements that stand in a list more than once.
pub(super) fn duplicates(read: Read<'_>, table: &Table<'_>, findings: &mut Findings) {
    let mut sorted: Vec<&Value> = read.list.iter().collect();
    sorted.sort_unstable();
    let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) else { return };
    findings.add("duplicate-elements", table, &[read.transaction], || {
        let (reader, key) = (table.name(read.transaction), table.key(read.key));
        let list = show_list(read.list);
        let message = format!(
            "{reader} read {key} = {list}, where {} stands twice, though it was appended once",
            twice[0]
        );
        (message, Vec::new())
    });
}

/// Elements that were rolled back or never appended; each is told once.
pub(super) fn bad_elements(
    read: Read<'_>,
    table: &Table<'_>,
    findings: &mut Findings,
    told: &mut BTreeSet<(u32, Value)>,
) {
    for element in read.list {
        let writer = table.versions.find(read.key, element).and_then(|v| table.writer(v));
        let aborted = writer.filter(|&writer| table.status(writer) == Status::Aborted);
        if (writer.is_some() && aborted.is_none()) || !told.insert((read.key, element.clone())) {
            continue;
        }
        let (reader, key) = (table.name(read.transaction), table.key(read.key));
        let list = show_list(read.list);
        if let Some(writer) = aborted {
            findings.add("G1a", table, &[writer, read.transaction], || {
                let writer = table.name(writer);
                let message = format!(
                    "{reader} read {key} = {list}, but {writer}, which appended {element}, aborted"
                );
                (message, Vec::new())
            });
        } else {
            findings.add("garbage-read", table, &[read.transaction], || {
                let message =
                    format!("{reader} read {key} = {list}, but nobody appended {element}");
                (message, Vec::new())
            });
        }
    }
}

/// A transaction read what another one overwrote.
pub(super) fn intermediate(
    read: Read<'_>,
    writer: u32,
    table: &Table<'_>,
    findings: &mut Findings,
) {
    findings.add("G1b", table, &[writer, read.transaction], || {
        let (reader, writer) = (table.name(read.transaction), table.name(writer));
        let (key, list) = (table.key(read.key), show_list(read.list));
        let message = format!(
            "{reader} read {key} = {list}, in the middle of {writer}, which appended more to it"
        );
        (message, Vec::new())
    });
}

/// A transaction read what it appended only later.
pub(super) fn future_read(
    access: Access<'_>,
    (read, element): (&[Value], &Value),
    table: &Table<'_>,
    findings: &mut Findings,
) {
    findings.add("future-read", table, &[access.transaction], || {
        let (reader, key) = (table.name(access.transaction), table.key(access.key));
        let list = show_list(read);
        let message = format!("{reader} read {key} = {list} before it appended {element} itself");
        (message, Vec::new())
    });
}

/// A transaction read what it cannot have read after what it did itself.
pub(super) fn disagrees(
    access: Access<'_>,
    (known, appended, found): (Option<&[Value]>, &[&Value], &[Value]),
    table: &Table<'_>,
    findings: &mut Findings,
) {
    findings.add("internal", table, &[access.transaction], || {
        let (reader, key) = (table.name(access.transaction), table.key(access.key));
        let own: Vec<String> = appended.iter().map(ToString::to_string).collect();
        let own = own.join(", ");
        let expected = match known {
            Some(known) if appended.is_empty() => format!("had read {} before", show_list(known)),
            Some(known) => format!("had read {} and appended {own}", show_list(known)),
            None => format!("had appended {own}"),
        };
        let message = format!("{reader} read {key} = {}, though it {expected}", show_list(found));
        (message, Vec::new())
    });
}

impl ListAppend<'_> {
    /// Why one transaction comes before another, in words.
    pub fn why(&self, table: &Table<'_>, (from, to): (u32, u32), kind: Kind) -> Option<String> {
        let told = if kind == Kind::ReadWrite { from } else { to };
        let transaction = &table.transactions[told as usize];
        let keys = &table.key_of[transaction.first..];
        transaction.operations.iter().zip(keys).find_map(|(operation, &key)| {
            match (kind, operation.function) {
                (Kind::WriteWrite, Function::Append) => {
                    self.why_overwritten(table, (from, to), (key, &operation.value))
                }
                (Kind::WriteRead, Function::Read) => {
                    let last = list(operation).last()?;
                    let version = table.versions.find(key, last)?;
                    (table.writer(version) == Some(from)).then(|| {
                        let (reader, writer) = (table.name(to), table.name(from));
                        let (key, shown) = (table.key(key), show_list(list(operation)));
                        format!("{reader} read {key} = {shown}, whose last element {last} {writer} appended")
                    })
                }
                (Kind::ReadWrite, Function::Read) => {
                    self.why_unseen(table, (from, to), (key, list(operation)))
                }
                _ => None,
            }
        })
    }

    fn why_overwritten(
        &self,
        table: &Table<'_>,
        (from, to): (u32, u32),
        (key, element): (u32, &Value),
    ) -> Option<String> {
        let versions = &self.keys[key as usize];
        let version = table.versions.find(key, element)?;
        let place = self.places[version as usize];
        let before = if place == NONE { versions.order.len() } else { place as usize };
        let previous = self.previous(table, key, before).filter(|_| versions.trusted)?;
        (table.writer(previous) == Some(from)).then(|| {
            let (first, second) = (table.name(from), table.name(to));
            let (earlier, witness) = (table.versions.value(previous), table.name(versions.witness));
            let (key, longest) = (table.key(key), show_list(versions.longest));
            let shown = if place == NONE { ", which is not there yet" } else { "" };
            format!(
                "{first} appended {earlier} to {key} before {second} appended {element}: \
                 {witness} read {longest}{shown}"
            )
        })
    }

    fn why_unseen(
        &self,
        table: &Table<'_>,
        (from, to): (u32, u32),
        (key, list): (u32, &[Value]),
    ) -> Option<String> {
        let versions = &self.keys[key as usize];
        if !versions.trusted {
            return None;
        }
        let (reader, writer) = (table.name(from), table.name(to));
        let (name, shown) = (table.key(key), show_list(list));
        let Some(next) = self.next(table, key, list.len()) else {
            let unread = versions.unread.binary_search(&to).is_ok();
            return unread.then(|| {
                format!("{reader} read {name} = {shown}, which {writer} appended to: nobody read that yet")
            });
        };
        (table.writer(next) == Some(to)).then(|| {
            let (element, witness) = (table.versions.value(next), table.name(versions.witness));
            let longest = show_list(versions.longest);
            format!(
                "{reader} read {name} = {shown}, without the {element} that {writer} appended next: \
                 {witness} read {longest}"
            )
        })
    }
}
