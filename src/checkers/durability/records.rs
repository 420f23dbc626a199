//! What clients asked to be written, what they were told, and where it was applied.

use std::collections::BTreeMap;

use crate::checkers::durability::order::Place;
use crate::history::{HistoryEvent, Operation, functions};
use crate::kernel::ids::{ClientId, LogIndex, RequestId};
use crate::kernel::time::Instant;

/// How many acknowledged writes are kept of a system that never says what it applied.
pub(super) const KEPT_UNAPPLIED: usize = 4096;

/// One write that is under way, or acknowledged and not yet settled.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub client: ClientId,
    pub operation: Operation,
    pub acknowledged: Option<Instant>,
    /// Where it was applied; more than one place only if the nodes disagree or the write was repeated.
    pub places: Vec<Place>,
}

impl Record {
    /// Whether a node may execute it without a change of state: to delete what is not there.
    pub fn may_change_nothing(&self) -> bool {
        self.operation.function == functions::DELETE
    }
}

/// The writes of all clients.
#[derive(Debug, Default)]
pub(super) struct Records {
    writes: BTreeMap<RequestId, Record>,
    acknowledged: u64,
    applied: u64,
    unapplied: usize,
    settled_last: Option<(RequestId, Place)>,
}

/// Whether an operation is one that must not be lost.
fn is_write(operation: &Operation) -> bool {
    matches!(
        &*operation.function,
        functions::WRITE
            | functions::CAS
            | functions::DELETE
            | functions::INCREMENT
            | functions::APPEND
    )
}

impl Records {
    /// A client asks.
    pub fn asked(&mut self, history: &HistoryEvent) {
        if is_write(&history.operation) {
            let record = Record {
                client: history.client,
                operation: history.operation.clone(),
                acknowledged: None,
                places: Vec::new(),
            };
            self.writes.insert(history.request, record);
        }
    }

    /// A client is told that its write is done.
    pub fn acknowledged(&mut self, history: &HistoryEvent, floor: LogIndex) {
        let Some(record) = self.writes.get_mut(&history.request) else { return };
        record.acknowledged = Some(history.at);
        self.acknowledged += 1;
        if record.places.is_empty() {
            self.unapplied += 1;
            if self.unapplied > KEPT_UNAPPLIED && self.applied == 0 {
                self.writes.remove(&history.request);
            }
        } else if record.places.iter().all(|place| place.index <= floor) {
            self.settle(history.request);
        }
    }

    /// A client is told that its write failed, or nothing: it need not be there.
    pub fn ended(&mut self, request: RequestId) {
        self.writes.remove(&request);
    }

    /// A node applied a request.
    pub fn applied(&mut self, request: RequestId, place: Place) {
        self.applied += 1;
        let Some(record) = self.writes.get_mut(&request) else { return };
        let known = |other: &Place| other.index == place.index && other.digest == place.digest;
        if !record.places.iter().any(known) {
            record.places.push(place);
        }
    }

    /// Every node has the request in a snapshot.
    pub fn settle(&mut self, request: RequestId) {
        let acknowledged =
            self.writes.get(&request).is_some_and(|record| record.acknowledged.is_some());
        if !acknowledged {
            return; // still under way: the acknowledgement settles it
        }
        let record = self.writes.remove(&request).expect("it was just found");
        if let Some(&place) = record.places.last()
            && self.settled_last.is_none_or(|(_, last)| last.index < place.index)
        {
            self.settled_last = Some((request, place));
        }
    }

    /// Every write that is not settled, in order of its request.
    pub fn all(&self) -> impl Iterator<Item = (RequestId, &Record)> {
        self.writes.iter().map(|(&request, record)| (request, record))
    }

    /// The settled write with the greatest index.
    pub fn settled_last(&self) -> Option<(RequestId, &Place)> {
        self.settled_last.as_ref().map(|(request, place)| (*request, place))
    }

    /// Why the writes cannot be judged, if they cannot.
    pub fn nothing_to_judge(&self) -> Option<&'static str> {
        if self.acknowledged == 0 {
            return Some("no write was acknowledged");
        }
        (self.applied == 0).then_some("no node ever said whose request it applied")
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.writes.len()
    }
}
