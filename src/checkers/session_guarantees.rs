//! **Session guarantees**: what a client's session sees never goes back.
//!
//! Judged by the version (a log index) that each answer shows: a session read shows at least the version of
//! every earlier answer of its session. After an earlier read that is *monotonic reads*, after an earlier
//! write *read your writes*; a write whose version is smaller than one seen before breaks *monotonic
//! writes* or *writes follow reads*. Source: Terry et al., *Session Guarantees for Weakly Consistent
//! Replicated Data*, 1994, section 3.
//!
//! Answers without a version are not judged. A client that opens a new session starts anew. For recorded histories
//! without versions, [`check`] judges each guarantee by the values alone.

mod values;

pub use values::{Guarantee, check};

use std::collections::BTreeMap;

use crate::checkers::{Checker, Judgement, Violation};
use crate::history::{HistoryEvent, Operation, Phase, functions};
use crate::kernel::ids::ClientId;
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// The newest version that a session has seen, and how.
#[derive(Clone, Debug)]
struct Seen {
    session: u64,
    version: u64,
    at: Instant,
    operation: Operation,
}

/// Judges that no session goes back in time.
#[derive(Debug, Default)]
pub struct SessionGuarantees {
    seen: BTreeMap<ClientId, Seen>,
    session_reads: u64,
}

impl SessionGuarantees {
    fn answered(&mut self, history: &HistoryEvent) -> Result<(), Violation> {
        let HistoryEvent { at, client, version, .. } = *history;
        let session = history.request.client_session();
        let operation = &history.operation;
        let is_session_read = operation.function == functions::READ_SESSION;
        self.session_reads += u64::from(is_session_read);
        let seen = self.seen.get(&client).filter(|seen| seen.session == session);
        if let Some(seen) = seen
            && version < seen.version
        {
            let guarantee = guarantee(operation, &seen.operation);
            let message = format!(
                "{client} is shown version {version} after version {}: {guarantee} is broken",
                seen.version
            );
            return Err(Violation::new(at, message)
                .because(format!(
                    "{} {client} {} at version {}",
                    seen.at, seen.operation, seen.version
                ))
                .because(format!("{at} {client} {operation} at version {version}")));
        }
        let operation = operation.clone();
        self.seen.insert(client, Seen { session, version, at, operation });
        Ok(())
    }
}

fn is_read(operation: &Operation) -> bool {
    operation.function.starts_with(functions::READ)
}

/// The guarantee that says that `later` must not show less than `earlier`.
fn guarantee(later: &Operation, earlier: &Operation) -> &'static str {
    match (is_read(later), is_read(earlier)) {
        (true, true) => "monotonic reads",
        (true, false) => "read your writes",
        (false, true) => "writes follow reads",
        (false, false) => "monotonic writes",
    }
}

impl Checker for SessionGuarantees {
    fn name(&self) -> &'static str {
        "session-guarantees"
    }

    fn interest(&self) -> Interest {
        Interest::HISTORY
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        match &event.fact {
            Fact::History(history) if history.phase == Phase::Ok && history.version > 0 => {
                // A bounded read promises an age, not a place in the session.
                if history.operation.function == functions::READ_BOUNDED {
                    return Ok(());
                }
                self.answered(history)
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.session_reads == 0 {
            return Judgement::Vacuous("no session read was answered with a version".into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};
    use crate::kernel::ids::RequestId;

    const NAME: &str = "session-guarantees";

    fn operation(function: &'static str) -> Operation {
        Operation::new(function, 1, 5)
    }

    /// One process does these, and each answer shows a version.
    fn session(answers: &[(&'static str, u64)]) -> Script {
        answers.iter().fold(Script::new(), |script, &(function, version)| {
            script.invoke(1, operation(function)).ok_at(1, version)
        })
    }

    #[test]
    fn a_session_that_never_goes_back_keeps_its_guarantees() {
        let script =
            session(&[("write", 3), ("read-session", 3), ("read-session", 5), ("write", 6)]);
        assert_ok(&script.judged_by(NAME));
    }

    #[test]
    fn each_guarantee_is_named_when_it_breaks() {
        for (earlier, later, name) in [
            ("read-session", "read-session", "monotonic reads"),
            ("write", "read-session", "read your writes"),
            ("read-session", "write", "writes follow reads"),
            ("write", "cas", "monotonic writes"),
        ] {
            let judgement = session(&[(earlier, 5), (later, 4)]).judged_by(NAME);
            assert_violation(&judgement, &format!("{name} is broken"));
        }
    }

    #[test]
    fn sessions_are_independent() {
        let script = session(&[("write", 5)]).invoke(2, operation("read-session")).ok_at(2, 4);
        assert_ok(&script.judged_by(NAME));
    }

    #[test]
    fn bounded_reads_and_answers_without_a_version_are_not_judged() {
        let script = session(&[("write", 5), ("read-bounded", 4), ("read-session", 0)]);
        assert_unknown(&script.judged_by(NAME), "no session read");
        assert_unknown(&session(&[("write", 5)]).judged_by(NAME), "no session read");
    }

    /// What is said of these events, each of which is of the session that this tells by its operation.
    fn judged(script: &Script, session: impl Fn(&Operation) -> u64) -> Result<(), Violation> {
        let mut checker = SessionGuarantees::default();
        script.events().iter().cloned().try_for_each(|mut event| {
            let Fact::History(history) = &mut event.fact else { panic!("only clients act") };
            history.request.session = session(&history.operation);
            checker.observe(&event)
        })
    }

    #[test]
    fn a_client_that_opens_a_new_session_starts_anew() {
        let script = session(&[("write", 5), ("read-session", 4)]);
        assert!(judged(&script, |_| 1).is_err());
        assert_eq!(judged(&script, |operation| 1 + u64::from(is_read(operation))), Ok(()));
    }

    #[test]
    fn reads_that_are_numbered_apart_are_of_the_same_session() {
        let apart =
            |operation: &Operation| if is_read(operation) { 1 | RequestId::READ } else { 1 };
        let missed = judged(&session(&[("write", 5), ("read-session", 4)]), apart);
        let missed = missed.map_err(|violation| violation.message);
        assert!(missed.is_err_and(|message| message.contains("read your writes is broken")));
        let script = session(&[("write", 5), ("read-session", 5), ("write", 6)]);
        assert_eq!(judged(&script, apart), Ok(()));
    }
}
