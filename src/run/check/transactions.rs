//! Recorded entries as transactions, and what is said of them.

use crate::checkers::transactions::{
    Function, Malformed, MicroOperation, TransactionEvent, Verdict, Workload, check, online,
};
use crate::history::recorded::Entry;
use crate::history::{Phase, Value};
use crate::run::check::{AnomalyReport, CheckReport, Level};

/// The entry as one of a transaction, or what is wrong with it.
pub(super) fn event(entry: &Entry) -> Result<TransactionEvent, String> {
    let Entry { index, process, phase, ref function, ref value, .. } = *entry;
    if **function != *online::FUNCTION {
        return Err(format!(
            "`{function}` is no transaction; expected `{}`, or name another model",
            online::FUNCTION
        ));
    }
    // What became of a transaction that is not known to be committed, its invocation says.
    let operations = match phase {
        Phase::Invoke | Phase::Ok => operations(value)?,
        Phase::Fail | Phase::Info => Vec::new(),
    };
    if let (Phase::Ok, Some(invoked)) = (phase, &entry.invoked) {
        let asked = self::operations(&invoked.value)?;
        let same = |one: &MicroOperation, other: &MicroOperation| {
            one.function == other.function
                && one.key == other.key
                && (one.function == Function::Read || one.value == other.value)
        };
        let all = asked.len() == operations.len()
            && asked.iter().zip(&operations).all(|(one, other)| same(one, other));
        if !all {
            return Err(format!(
                "the transaction ends as {value}, but was invoked as {} on line {}; only what is read may differ",
                invoked.value, invoked.line
            ));
        }
    }
    Ok(TransactionEvent { index, process, phase, operations })
}

fn operations(value: &Value) -> Result<Vec<MicroOperation>, String> {
    online::operations(value).ok_or_else(|| {
        format!(
            "the value is {value}; expected a list of [\"r\", key, value], [\"append\", key, element] \
             or [\"w\", key, value]"
        )
    })
}

/// Adds to the report what the judge of transactions says.
pub(super) fn judge(
    report: &mut CheckReport,
    (workload, history): (Workload, &[TransactionEvent]),
    level: &Level,
) -> Result<(), Malformed> {
    let Level::Transactions(consistency) = level else {
        unreachable!("a level is made for its model");
    };
    match check(history, workload, consistency)? {
        Verdict::Ok => {}
        Verdict::Unknown(why) => report.unknown_because.push(why),
        Verdict::Violation { anomalies, counts } => {
            for found in anomalies {
                let name = found.name.to_owned();
                let of_all = counts.get(found.name).copied().unwrap_or(1);
                let mut evidence = found.because;
                let told = report.anomalies.iter().any(|known| known.name == name);
                if of_all > 1 && !told {
                    evidence.push(format!("{of_all} of this kind were found in all"));
                }
                report.anomalies.push(AnomalyReport {
                    name,
                    message: found.message,
                    operations: found.operations,
                    evidence,
                });
            }
        }
    }
    Ok(())
}

/// The operations of a transaction in words.
pub(super) fn text(operations: &[MicroOperation]) -> String {
    let one = |operation: &MicroOperation| {
        let MicroOperation { function, key, value } = operation;
        match (function, value) {
            (Function::Read, Value::Nil) => format!("r {key}"),
            (Function::Read, value) => format!("r {key}: {value}"),
            (Function::Append, value) => format!("append {key} {value}"),
            (Function::Write, value) => format!("w {key} {value}"),
        }
    };
    operations.iter().map(one).collect::<Vec<_>>().join(", ")
}
