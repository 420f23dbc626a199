//! The two orders that a level may add to the dependencies: each process's own, and real time.
//!
//! Real time relates every transaction to all that were invoked after it completed. Elle keeps only the nearest of
//! them, a frontier as wide as the history is concurrent; a chain of gates through time needs three edges for each
//! transaction, however concurrent the history is.

use std::collections::BTreeMap;

use crate::checkers::transactions::graph::{Builder, Kind};
use crate::checkers::transactions::table::{NONE, Status, Table};

/// Each transaction of a process comes after the one before it. One whose outcome is unknown may take effect later than
/// what its process does next.
pub(super) fn process(table: &Table<'_>, graph: &mut Builder) {
    let mut last: BTreeMap<u64, u32> = BTreeMap::new();
    for (number, transaction) in (0..).zip(&table.transactions) {
        if transaction.status == Status::Aborted {
            continue;
        }
        if let Some(&before) = last.get(&transaction.process) {
            graph.edge(before, number, Kind::Process);
        }
        if transaction.status == Status::Committed {
            last.insert(transaction.process, number);
        }
    }
}

/// What completed comes before what is invoked later.
pub(super) fn real_time(table: &Table<'_>, graph: &mut Builder) {
    let mut events = vec![NONE; table.events];
    for (number, transaction) in (0..).zip(&table.transactions) {
        if transaction.status != Status::Aborted {
            events[transaction.invoked as usize] = number;
        }
        if transaction.status == Status::Committed {
            events[transaction.completed as usize] = number;
        }
    }
    // One gate for completions in a row; it is shut once something was invoked after them.
    let mut gate = None;
    let mut shut = true;
    for (place, &number) in (0..).zip(&events).filter(|(_, number)| **number != NONE) {
        if table.transactions[number as usize].invoked == place {
            if let Some(gate) = gate {
                graph.edge(gate, number, Kind::Pass);
            }
            shut = true;
            continue;
        }
        if shut {
            let next = graph.gate();
            if let Some(gate) = gate {
                graph.edge(gate, next, Kind::Pass);
            }
            gate = Some(next);
            shut = false;
        }
        graph.edge(number, gate.expect("it was just opened"), Kind::RealTime);
    }
}
