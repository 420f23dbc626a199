//! Idempotent Receiver: a repeated request is answered, not executed.
//!
//! **Problem**: A client that got no answer repeats its request, and the receiver cannot tell a repeat from a new one.
//!
//! **Rule**: Each client has a registered session and numbers its requests. The receiver keeps the results that the
//! client may still ask for again, and answers a repeat from there. A request names its *floor*, the lowest number that
//! the client has no answer for; results below it are forgotten.
//!
//! **Invariant**: `at-most-once`: each request changes state once at most, and all its replies are equal.
//!
//! **Owner's duty**: The table is part of the replicated state and of its snapshots; ask it when a command is *applied*,
//! since two copies of one request may both be under way when they are proposed. Sessions expire by the time that
//! leaders write into the log, so that all replicas forget the same session at the same index. An unknown session is an
//! error that the client sees: executing it could be the second time.
//!
//! **Source**: Joshi (2023), ch. 15; Ongaro's dissertation (2014), §6.3.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::kernel::ids::RequestId;
use crate::kernel::time::nanos;

/// Time as the log tells it: nanoseconds during which some leader led, stamped by leaders into their entries. It never
/// goes back, and it is the same for all replicas at the same index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogTime(pub u64);

/// What a request that arrives is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival<R> {
    /// It was not executed yet: execute it and [`record`](SessionTable::record) the result.
    First,
    /// It was executed; this was the result.
    Repeat(R),
    /// It was executed, and its client has said that it has the result.
    Forgotten,
    /// The session was never opened, or has expired.
    UnknownSession,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Session<R> {
    /// When the client was last heard, by log time.
    pub heard: LogTime,
    /// Requests below this number are answered and forgotten.
    pub floor: u64,
    /// Results from the floor on, by number.
    pub results: BTreeMap<u64, R>,
}

/// The sessions and the results that may be asked for again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionTable<R> {
    sessions: BTreeMap<u64, Session<R>>,
}

impl<R> Default for SessionTable<R> {
    fn default() -> Self {
        Self { sessions: BTreeMap::new() }
    }
}

impl<R: Clone> SessionTable<R> {
    /// Opens a session, or keeps it open.
    pub fn open(&mut self, session: u64, now: LogTime) {
        let fresh = Session { heard: now, floor: 0, results: BTreeMap::new() };
        let open = self.sessions.entry(session).or_insert(fresh);
        open.heard = now;
    }

    /// What a request is that is about to be executed.
    #[must_use]
    pub fn arrival(&self, request: RequestId) -> Arrival<R> {
        let Some(session) = self.sessions.get(&request.session) else {
            return Arrival::UnknownSession;
        };
        match session.results.get(&request.sequence) {
            Some(result) => Arrival::Repeat(result.clone()),
            None if request.sequence < session.floor => Arrival::Forgotten,
            None => Arrival::First,
        }
    }

    /// Records the result of a request that was executed. The client has all results below `floor`.
    pub fn record(&mut self, request: RequestId, floor: u64, now: LogTime, result: R) {
        assert!(floor <= request.sequence, "a client still waits for what it asks");
        let Some(session) = self.sessions.get_mut(&request.session) else { return };
        session.heard = now;
        session.floor = session.floor.max(floor);
        session.results.insert(request.sequence, result);
        while session.results.first_key_value().is_some_and(|(&number, _)| number < session.floor) {
            session.results.pop_first();
        }
    }

    /// Forgets the sessions that were not heard for `idle` of log time.
    pub fn expire(&mut self, now: LogTime, idle: Duration) {
        let idle = nanos(idle);
        self.sessions.retain(|_, session| now.0.saturating_sub(session.heard.0) < idle);
    }

    /// All sessions, in order: what a snapshot holds.
    pub fn sessions(&self) -> impl Iterator<Item = (u64, &Session<R>)> {
        self.sessions.iter().map(|(&number, session)| (number, session))
    }

    /// Puts back a session that a snapshot held.
    pub fn restore(&mut self, number: u64, session: Session<R>) {
        self.sessions.insert(number, session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(sequence: u64) -> RequestId {
        RequestId { session: 7, sequence }
    }

    fn opened() -> SessionTable<&'static str> {
        let mut table = SessionTable::default();
        table.open(7, LogTime(0));
        table
    }

    #[test]
    fn a_repeat_gets_the_result_of_the_first_execution() {
        let mut table = opened();
        assert_eq!(table.arrival(request(1)), Arrival::First);
        table.record(request(1), 1, LogTime(1), "one");
        assert_eq!(table.arrival(request(1)), Arrival::Repeat("one"));
    }

    #[test]
    fn what_the_client_has_is_forgotten_but_not_executed_again() {
        let mut table = opened();
        table.record(request(1), 1, LogTime(1), "one");
        table.record(request(3), 3, LogTime(2), "three"); // number 2 was a read, which is not recorded
        assert_eq!(table.arrival(request(1)), Arrival::Forgotten);
        assert_eq!(table.arrival(request(2)), Arrival::Forgotten);
        assert_eq!(table.arrival(request(3)), Arrival::Repeat("three"));
    }

    #[test]
    fn several_requests_of_one_client_may_be_under_way() {
        let mut table = opened();
        table.record(request(2), 1, LogTime(1), "two");
        assert_eq!(table.arrival(request(1)), Arrival::First);
        table.record(request(1), 1, LogTime(1), "one");
        assert_eq!(table.arrival(request(2)), Arrival::Repeat("two"));
    }

    #[test]
    fn an_unknown_session_is_never_executed() {
        let table = opened();
        let stranger = RequestId { session: 8, sequence: 1 };
        assert_eq!(table.arrival(stranger), Arrival::UnknownSession);
    }

    #[test]
    fn a_session_expires_by_log_time_and_a_live_one_does_not() {
        let mut table = opened();
        table.open(8, LogTime(90));
        table.expire(LogTime(100), Duration::from_nanos(100));
        assert_eq!(table.arrival(request(1)), Arrival::UnknownSession);
        let live = RequestId { session: 8, sequence: 1 };
        assert_eq!(table.arrival(live), Arrival::First);
    }

    #[test]
    fn a_repeated_open_does_not_forget_results() {
        let mut table = opened();
        table.record(request(1), 1, LogTime(1), "one");
        table.open(7, LogTime(2));
        assert_eq!(table.arrival(request(1)), Arrival::Repeat("one"));
    }
}
