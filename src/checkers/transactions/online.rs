//! Transactions in elara's own histories: the function `txn`, whose value is a list of `["r"|"append"|"w", key, value]`.

use crate::checkers::transactions::{
    Consistency, Function, MicroOperation, TransactionEvent, Verdict, Workload, check,
};
use crate::checkers::{Checker, Judgement, Violation};
use crate::history::{HistoryEvent, Phase, Value};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// The name of the function in a history.
pub const FUNCTION: &str = "txn";

/// Judges the transactions of a run. It keeps them: dependencies show only at the end.
#[derive(Debug)]
pub struct Transactions {
    workload: Workload,
    consistency: &'static Consistency,
    history: Vec<TransactionEvent>,
    ended: Vec<Instant>,
}

impl Transactions {
    /// A judge of this workload that holds it to this level.
    #[must_use]
    pub const fn new(workload: Workload, consistency: &'static Consistency) -> Self {
        Self { workload, consistency, history: Vec::new(), ended: Vec::new() }
    }

    fn take(&mut self, event: &HistoryEvent) -> Result<(), Violation> {
        if event.operation.function != FUNCTION {
            return Ok(());
        }
        let value = &event.operation.value;
        let operations = match event.phase {
            // Its invocation says what it asked for, and it has no results.
            Phase::Fail | Phase::Info => Vec::new(),
            // Only a result that the system made up can have another form.
            Phase::Invoke | Phase::Ok => operations(value).ok_or_else(|| {
                Violation::new(event.at, format!("{value} is not a transaction")).because(event)
            })?,
        };
        let (index, process, phase) = (self.history.len() as u64, event.process, event.phase);
        self.history.push(TransactionEvent { index, process, phase, operations });
        self.ended.push(event.at);
        Ok(())
    }
}

/// The operations in a value, if it has the form of a transaction.
#[must_use]
pub fn operations(value: &Value) -> Option<Vec<MicroOperation>> {
    let Value::List(operations) = value else { return None };
    operations
        .iter()
        .map(|operation| {
            let Value::List(parts) = operation else { return None };
            let [Value::Text(function), key, value] = &**parts else { return None };
            let function = match &**function {
                "r" => Function::Read,
                "append" => Function::Append,
                "w" => Function::Write,
                _ => return None,
            };
            Some(MicroOperation { function, key: key.clone(), value: value.clone() })
        })
        .collect()
}

impl Checker for Transactions {
    fn name(&self) -> &'static str {
        "transactions"
    }

    fn interest(&self) -> Interest {
        Interest::HISTORY
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        match &event.fact {
            Fact::History(history) => self.take(history),
            _ => Ok(()),
        }
    }

    fn finish(&mut self, end: Instant) -> Judgement {
        match check(&self.history, self.workload, self.consistency) {
            Ok(Verdict::Ok) => Judgement::Ok,
            Ok(Verdict::Unknown(why)) => Judgement::Vacuous(why),
            Ok(Verdict::Violation { mut anomalies, .. }) => {
                let first = anomalies.swap_remove(0);
                let shown = first.operations.iter().map(|&index| self.ended[index as usize]).max();
                let message = format!("{}: {}", first.name, first.message);
                let at = shown.unwrap_or(end);
                Judgement::Violation(Violation { at, message, evidence: first.because })
            }
            Err(malformed) => Judgement::Unknown(malformed.to_string()),
        }
    }
}
