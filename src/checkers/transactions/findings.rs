//! What was found: all of it is counted, and a few of each kind are told.

use std::collections::BTreeMap;

use crate::checkers::transactions::table::{Status, Table};
use crate::checkers::transactions::{Anomaly, Consistency, Function};
use crate::history::Value;

/// How many anomalies of a kind are told; a broken store shows thousands.
const TOLD_MAX: u64 = 8;
/// How many elements of a list, and operations of a transaction, are shown.
const SHOWN_MAX: usize = 12;

/// The anomalies that a level forbids.
#[derive(Debug)]
pub(super) struct Findings {
    pub consistency: Consistency,
    pub anomalies: Vec<Anomaly>,
    pub counts: BTreeMap<&'static str, u64>,
}

impl Findings {
    pub const fn new(consistency: Consistency) -> Self {
        Self { consistency, anomalies: Vec::new(), counts: BTreeMap::new() }
    }

    /// An anomaly that these transactions show, if the level forbids it.
    pub fn add(
        &mut self,
        name: &'static str,
        table: &Table<'_>,
        transactions: &[u32],
        tell: impl FnOnce() -> (String, Vec<String>),
    ) {
        if !self.consistency.forbids(name) {
            return;
        }
        let count = self.counts.entry(name).or_default();
        *count += 1;
        if *count > TOLD_MAX {
            return;
        }
        let (message, because) = tell();
        let described = transactions.iter().map(|&transaction| describe(table, transaction));
        let operations =
            transactions.iter().map(|&number| table.transactions[number as usize].index);
        self.anomalies.push(Anomaly {
            name,
            message,
            because: described.chain(because).collect(),
            operations: operations.collect(),
        });
    }
}

/// A transaction in one line.
fn describe(table: &Table<'_>, number: u32) -> String {
    let transaction = &table.transactions[number as usize];
    let known = transaction.status == Status::Committed;
    let operations = transaction.operations.iter().take(SHOWN_MAX).map(|operation| {
        let value = show(&operation.value);
        match operation.function {
            Function::Read if known => format!("r {} {value}", operation.key),
            Function::Read => format!("r {} ?", operation.key),
            Function::Append => format!("append {} {value}", operation.key),
            Function::Write => format!("w {} {value}", operation.key),
        }
    });
    let mut text = operations.collect::<Vec<_>>().join(", ");
    if transaction.operations.len() > SHOWN_MAX {
        text.push_str(", ...");
    }
    let outcome = match transaction.status {
        Status::Committed => "",
        Status::Unknown => ", outcome unknown",
        Status::Aborted => ", aborted",
    };
    format!("{} of process {}{outcome}: {text}", table.name(number), transaction.process)
}

/// A value in a message: of a long list, its end.
pub(super) fn show(value: &Value) -> String {
    match value {
        Value::List(elements) => show_list(elements),
        _ => value.to_string(),
    }
}

/// A list in a message: of a long one, its end.
pub(super) fn show_list(elements: &[Value]) -> String {
    let hidden = elements.len().saturating_sub(SHOWN_MAX);
    let shown: Vec<String> = elements[hidden..].iter().map(Value::to_string).collect();
    let dots = if hidden > 0 { "..., " } else { "" };
    format!("[{dots}{}]", shown.join(", "))
}
