//! Which operations of a history are drawn: all of a short one; of a long one those that prove the first violation, and
//! their neighbours.

use std::collections::BTreeSet;

use crate::run::check::{AnomalyReport, CheckReport, OperationReport};

/// How many operations are drawn beside those of the proof.
const SHOWN_MAX: usize = 200;
/// How many of them follow the last one of the proof.
const AFTER: usize = 40;
/// How many operations of the proof are drawn.
const PROOF_MAX: usize = 60;

/// What is drawn.
#[derive(Debug)]
pub(super) struct Window<'a> {
    /// The operations, in the order of their invocations.
    pub shown: Vec<&'a OperationReport>,
    /// The places of their entries in the history, in order.
    pub places: Vec<usize>,
    /// The indices of the operations that prove something.
    bad: BTreeSet<u64>,
}

impl<'a> Window<'a> {
    pub fn around(check: &CheckReport, operations: &'a [OperationReport]) -> Self {
        let indices = |anomalies: &[AnomalyReport]| -> BTreeSet<u64> {
            anomalies.iter().flat_map(|anomaly| anomaly.operations.iter().copied()).collect()
        };
        let first = indices(&check.anomalies[..check.anomalies.len().min(1)]);
        let bad = operations.iter().enumerate().filter(|(_, operation)| proves(&first, operation));
        let mut drawn: BTreeSet<usize> = bad.map(|(number, _)| number).take(PROOF_MAX).collect();
        let end = match drawn.last() {
            Some(last) => operations.len().min((last + AFTER).max(SHOWN_MAX)),
            None => operations.len().min(SHOWN_MAX),
        };
        drawn.extend(end.saturating_sub(SHOWN_MAX)..end);
        let shown: Vec<&OperationReport> =
            drawn.into_iter().map(|number| &operations[number]).collect();
        let entries = shown.iter().flat_map(|operation| [Some(operation.from), operation.to]);
        let mut places: Vec<usize> = entries.flatten().collect();
        places.sort_unstable();
        Self { shown, places, bad: indices(&check.anomalies) }
    }

    /// Where an entry stands among those that are drawn.
    pub fn place(&self, entry: usize) -> usize {
        self.places.partition_point(|place| *place < entry)
    }

    /// Whether the operation is part of a proof.
    pub fn is_bad(&self, operation: &OperationReport) -> bool {
        proves(&self.bad, operation)
    }
}

/// Whether one of these entries begins or ends the operation.
fn proves(entries: &BTreeSet<u64>, operation: &OperationReport) -> bool {
    let ended = operation.ended.is_some_and(|index| entries.contains(&index));
    ended || entries.contains(&operation.index)
}
