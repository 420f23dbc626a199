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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_unknown, assert_violation};
    use crate::checkers::transactions::CONSISTENCIES;
    use crate::checkers::transactions::tests::operations as parsed;
    use crate::history::Operation;

    /// A run's own history: the value of `txn` is the list of operations.
    fn judged(workload: Workload, transactions: &[(u64, &str, &str)]) -> Judgement {
        let form = |text: &str| {
            Value::list(parsed(text).into_iter().map(|operation| {
                let function = match operation.function {
                    Function::Read => "r",
                    Function::Append => "append",
                    Function::Write => "w",
                };
                Value::list([Value::from(function), operation.key, operation.value])
            }))
        };
        let mut script = Script::new();
        for (process, asked, got) in transactions {
            script = script.invoke(*process, Operation::new(FUNCTION, Value::Nil, form(asked)));
            script = match *got {
                "fail" => script.fail(*process),
                "info" => script.info(*process),
                _ => script.ok(*process, form(got)),
            };
        }
        script = script.invoke(9, Operation::new("read", 1, Value::Nil)).ok(9, 7);
        let level = Consistency::named("strict-serializable").expect("the level is known");
        let mut checker = Transactions::new(workload, level);
        assert_eq!(checker.name(), "transactions");
        for event in script.events() {
            let mut event = event.clone();
            // What did not commit has no result, and need not repeat what was asked for.
            if let Fact::History(HistoryEvent {
                phase: Phase::Fail | Phase::Info, operation, ..
            }) = &mut event.fact
            {
                operation.value = Value::Nil;
            }
            checker.observe(&event).expect("the operations have the form of transactions");
        }
        checker.finish(Instant::MAX)
    }

    #[test]
    fn a_run_is_judged_by_its_own_history() {
        let lists = |transactions: &[_]| judged(Workload::ListAppend, transactions);
        let good = [(0, "a x 1", "a x 1"), (1, "r x nil", "r x [1]")];
        assert_eq!(lists(&good), Judgement::Ok);
        let stale = lists(&[(0, "a x 1", "a x 1"), (1, "r x nil; r y nil", "r x nil; r y nil")]);
        assert_violation(&stale, "G-single-realtime: T3 -> T1 -> T3");
        let Judgement::Violation(violation) = stale else { unreachable!("it was one") };
        assert_eq!(violation.at, Instant::from_nanos(3_000_000));
        assert_violation(&lists(&[(0, "a x 1", "fail"), (1, "r x nil", "r x [1]")]), "aborted");
        let unknown = [(0, "a x 1", "info"), (1, "r x nil", "r x [1]")];
        assert_eq!(lists(&unknown), Judgement::Ok);
        assert_unknown(&lists(&[(0, "a x 1", "a x 1")]), "no read was committed");
        assert_unknown(&lists(&[(0, "r x nil", "r x 7")]), "not a list");
        let stale = [(0, "w x 1", "w x 1"), (1, "r x nil", "r x nil")];
        assert_violation(&judged(Workload::RwRegister, &stale), "versions 1, nil of \"x\"");
        let mut checker = Transactions::new(Workload::ListAppend, &CONSISTENCIES[0]);
        let script = Script::new().invoke(0, Operation::new(FUNCTION, Value::Nil, 7));
        let refused = checker.observe(&script.events()[0]).expect_err("7 is no transaction");
        assert_eq!(refused.message, "7 is not a transaction");
    }
}
