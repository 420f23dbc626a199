//! A workload with nothing random left: every operation, who asks it, and when.
//!
//! Times are true times and not pauses, so that an operation can be taken out of a script and all others stay where they
//! were, as far as the system lets them.

use std::collections::VecDeque;

use crate::history::{HistoryEvent, Operation, Phase};
use crate::kernel::ids::ClientId;
use crate::kernel::time::Instant;

/// One operation of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scripted {
    /// Who asks: the number of a client, from 0, over all groups of the workload.
    pub client: u32,
    /// When it asks at the earliest; it also waits until its operation before has ended.
    pub at: Instant,
    /// What it asks, with its argument.
    pub operation: Operation,
}

/// The script of a run: what its first `clients` clients invoked before `until`, where the audit began.
///
/// The run of the script has the same history up to there, if everything else is the same. The administrator is the client
/// after these; what it asks is in the fault schedule.
#[must_use]
pub fn script_of(history: &[HistoryEvent], clients: u32, until: Instant) -> Vec<Scripted> {
    let invoked = history.iter().filter(|event| {
        event.phase == Phase::Invoke && event.client.0 < clients && event.at < until
    });
    invoked
        .map(|event| Scripted {
            client: event.client.0,
            at: event.at,
            operation: event.operation.clone(),
        })
        .collect()
}

/// A client's part of a script.
pub(super) fn of_client(script: &[Scripted], client: ClientId) -> VecDeque<(Instant, Operation)> {
    let own = script.iter().filter(|entry| entry.client == client.0);
    own.map(|entry| (entry.at, entry.operation.clone())).collect()
}
