//! Transactions: finds the anomalies in a history that its consistency level forbids, as Elle does.
//!
//! A transaction is a list of reads and writes of several keys. Whether all of them can be put into one order is hard to
//! decide in general, but not if reads show what was written before: then each read gives away which transactions must
//! come before which others. If a level's dependencies form a cycle, the level does not hold; the cycle is the proof,
//! and its kinds of edges are the anomaly's name (Adya 1999).
//!
//! ```text
//! history -> table -> list_append | rw_register -> graph -> components -> cycles -> words
//!            who wrote  versions and dependencies  + orders   Tarjan     shortest
//! ```
//!
//! Each stage is linear in the size of the history; only the search for the *shortest* cycle among many is not, and has a
//! budget. Sources: Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations", VLDB
//! 2020; Adya, "Weak Consistency", MIT 1999. Where Elle's paper is silent, we do as its program: a transaction that
//! ended `info` may have taken effect, and has if it was read; its own reads are not known.

mod components;
mod consistency;
mod cycles;
mod findings;
mod graph;
mod intern;
mod list_append;
pub mod online;
mod orders;
mod rw_register;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_evidence;

pub use consistency::{CONSISTENCIES, Consistency};

use std::collections::BTreeMap;
use std::fmt;

use crate::checkers::transactions::consistency::Order;
use crate::checkers::transactions::cycles::{Cycle, Step, cycles};
use crate::checkers::transactions::findings::Findings;
use crate::checkers::transactions::graph::{Builder, Kind};
use crate::checkers::transactions::list_append::ListAppend;
use crate::checkers::transactions::rw_register::RwRegister;
use crate::checkers::transactions::table::{Status, Table};
use crate::history::{Phase, Value};

/// What one operation of a transaction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// Reads the key: `r`.
    Read,
    /// Appends the value to the list at the key: `append`.
    Append,
    /// Sets the key to the value: `w`.
    Write,
}

/// One operation of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MicroOperation {
    /// What it does.
    pub function: Function,
    /// To which object.
    pub key: Value,
    /// What is written; for a read, what was read: nil while that is not known, and for a key that was never written.
    /// Under list-append that is a list.
    pub value: Value,
}

/// One line of a history of transactions. The order of lines is the order of real time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionEvent {
    /// Its number in the history: what messages and anomalies refer to.
    pub index: u64,
    /// Who, in Jepsen's sense: it has one transaction at a time.
    pub process: u64,
    /// What happened to the transaction.
    pub phase: Phase,
    /// All that it does; with the results if the phase is `Ok`.
    pub operations: Vec<MicroOperation>,
}

/// What the keys hold and how they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Lists, to which unique elements are appended.
    ListAppend,
    /// Registers, to which unique values are written.
    RwRegister,
}

/// Something that a level forbids, and the transactions that show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// Its name, as Adya's and Elle's: `G0`, `G1a`, `G-single-realtime`, `lost-update`.
    pub name: &'static str,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The transactions, and the reason for each dependency between them.
    pub because: Vec<String>,
    /// The indices of the transactions: of their completions, or of the invocation where there is none.
    pub operations: Vec<u64>,
}

/// The judgement of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing that the level forbids was found.
    Ok,
    /// The level does not hold.
    Violation {
        /// Some of each kind of anomaly, with the reasons.
        anomalies: Vec<Anomaly>,
        /// How many of each kind were found; of cycles, in how many groups of dependent transactions.
        counts: BTreeMap<&'static str, u64>,
    },
    /// There was nothing to judge; here is why.
    Unknown(String),
}

/// A history that cannot be judged because it is not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The index of the event at which it shows.
    pub index: u64,
    /// What is wrong there, and the cure.
    pub message: String,
}

impl Malformed {
    fn new(event: &TransactionEvent, message: String) -> Self {
        Self { index: event.index, message }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "index {}: {}", self.index, self.message)
    }
}

impl std::error::Error for Malformed {}

/// Judges a history of transactions, which stands in the order of real time.
///
/// # Errors
/// The history is malformed: a completion without invocation, two transactions of one process at a time, an operation
/// that the workload does not know, or two writes of the same value to the same key.
pub fn check(
    history: &[TransactionEvent],
    workload: Workload,
    consistency: &Consistency,
) -> Result<Verdict, Malformed> {
    let mut table = Table::new(history, workload)?;
    let mut findings = Findings::new(*consistency);
    let mut graph = Builder::new(table.transactions.len());
    if consistency.order >= Order::Session {
        orders::process(&table, &mut graph);
    }
    if consistency.order >= Order::RealTime {
        orders::real_time(&table, &mut graph);
    }
    let versions = match workload {
        Workload::ListAppend => {
            Versions::Lists(ListAppend::analyse(&mut table, &mut findings, &mut graph))
        }
        Workload::RwRegister => {
            Versions::Registers(RwRegister::analyse(&mut table, &mut findings, &mut graph))
        }
    };
    for cycle in cycles(&graph.build(), *consistency) {
        versions.tell(&cycle, &table, &mut findings);
    }
    if !findings.anomalies.is_empty() {
        let Findings { anomalies, counts, .. } = findings;
        return Ok(Verdict::Violation { anomalies, counts });
    }
    let read = |operation: &MicroOperation| operation.function == Function::Read;
    let mut committed = table.transactions.iter().filter(|t| t.status == Status::Committed);
    Ok(if committed.any(|transaction| transaction.operations.iter().any(read)) {
        Verdict::Ok
    } else {
        let count = table.transactions.len();
        Verdict::Unknown(format!("no read was committed in {count} transactions"))
    })
}

/// What a workload knows about versions: the reasons for dependencies.
enum Versions<'a> {
    Lists(ListAppend<'a>),
    Registers(RwRegister),
}

impl Versions<'_> {
    fn tell(&self, cycle: &Cycle, table: &Table<'_>, findings: &mut Findings) {
        let transactions: Vec<u32> = cycle.steps.iter().map(|step| step.from).collect();
        findings.add(cycle.name, table, &transactions, || {
            let names: Vec<String> =
                transactions.iter().map(|&number| table.name(number)).collect();
            let circle = format!("{} -> {}", names.join(" -> "), names[0]);
            let reasons = cycle.steps.iter().map(|step| self.why(step, table)).collect();
            (format!("{circle}: each must come before the next, so none can be first"), reasons)
        });
    }

    fn why(&self, step: &Step, table: &Table<'_>) -> String {
        let (first, second) = (table.name(step.from), table.name(step.to));
        let pair = (step.from, step.to);
        match step.kind {
            Kind::Process => {
                let process = table.transactions[step.from as usize].process;
                return format!("{first} -> {second}: process {process} executed {first} first");
            }
            Kind::RealTime => {
                return format!(
                    "{first} -> {second}: {first} completed before {second} was invoked"
                );
            }
            _ => {}
        }
        let reason = match self {
            Self::Lists(lists) => lists.why(table, pair, step.kind),
            Self::Registers(registers) => registers.why(table, pair, step.kind),
        };
        format!(
            "{first} -> {second}: {}",
            reason.expect("each dependency comes from a read or a write")
        )
    }
}
