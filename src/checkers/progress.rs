//! **Progress** (bounded liveness): once the faults are over and the system had time to get over them,
//! whoever asks for something gets it done in time.
//!
//! The bound L is used twice: an operation is judged if it is invoked L or more after the quiet phase
//! began, and it must be done within L. A client may give up earlier and ask for something else: a request
//! that the network lost three times in a row, or that met a change of leaders, is no failure of the system.
//! So an operation that was given up is forgiven if its client gets another one done within L of the first;
//! for an update, another update, because reads may work where nothing is decided any more. A change of
//! members waits for nodes that have to come back first, so the administrator may ask until the run ends. An
//! operation whose time is not yet up when the run ends is not judged.
//!
//! A `fail` completes an operation only if a node said so of the operation itself, by the state that it
//! found, such as a compare-and-set that does not match. A client that gave up because nodes refused, having no
//! leader, knows that nothing happened; nevertheless the system made no progress.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checkers::{Checker, Judgement, Violation};
use crate::history::{EndedBy, HistoryEvent, Operation, Phase, functions};
use crate::kernel::ids::ClientId;
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// How many operations are told in the evidence.
const TOLD: usize = 5;

#[derive(Clone, Debug)]
struct Asked {
    at: Instant,
    client: ClientId,
    operation: Operation,
}

/// An operation that was given up before its time was up.
#[derive(Debug)]
struct GivenUp {
    asked: Asked,
    outcome: String,
}

/// Judges that operations complete in the quiet phase.
#[derive(Debug)]
pub struct Progress {
    within: Duration,
    /// From when on operations are judged.
    from: Option<Instant>,
    open: BTreeMap<u64, Asked>,
    /// By client, in the order in which they were invoked; all within the last L.
    given_up: BTreeMap<ClientId, Vec<GivenUp>>,
    completed: u64,
    missed: u64,
    evidence: Vec<String>,
}

impl Progress {
    /// A judge that gives the system this long to get over the faults, and each operation this long to
    /// complete.
    #[must_use]
    pub const fn new(within: Duration) -> Self {
        Self {
            within,
            from: None,
            open: BTreeMap::new(),
            given_up: BTreeMap::new(),
            completed: 0,
            missed: 0,
            evidence: Vec::new(),
        }
    }

    fn history(&mut self, history: &HistoryEvent) {
        if history.phase == Phase::Invoke {
            if self.from.is_some_and(|from| from <= history.at) {
                let operation = history.operation.clone();
                let asked = Asked { at: history.at, client: history.client, operation };
                self.open.insert(history.process, asked);
            }
            return;
        }
        let Some(asked) = self.open.remove(&history.process) else { return };
        let answered = match history.phase {
            Phase::Ok => true,
            Phase::Fail => history.ended_by == EndedBy::Answer && may_fail(&asked.operation),
            Phase::Info | Phase::Invoke => false,
        };
        let took = history.at.since(asked.at);
        let within = self.within;
        self.miss_given_up(asked.client, |one| {
            one.asked.operation.function != functions::RECONFIGURE
                && one.asked.at + within < history.at
        });
        let reason = if history.reason.is_empty() { "no reason given" } else { history.reason };
        let outcome = format!("{} after {took:?} ({reason})", history.phase);
        if took > self.within {
            self.miss(&asked, &outcome);
        } else if answered {
            self.completed += 1;
            self.forgive(&asked);
        } else {
            self.given_up.entry(asked.client).or_default().push(GivenUp { asked, outcome });
        }
    }

    /// The client got this done: it counts for what it had given up.
    fn forgive(&mut self, done: &Asked) {
        let Some(given_up) = self.given_up.get_mut(&done.client) else { return };
        let before = given_up.len();
        given_up.retain(|one| is_update(&one.asked.operation) && !is_update(&done.operation));
        self.completed += (before - given_up.len()) as u64;
    }

    /// What the client gave up, and has got nothing instead of, is missed if `is_due` says so.
    fn miss_given_up(&mut self, client: ClientId, is_due: impl Fn(&GivenUp) -> bool) {
        let Some(given_up) = self.given_up.get_mut(&client) else { return };
        let (missed, left) = std::mem::take(given_up).into_iter().partition(is_due);
        *given_up = left;
        let missed: Vec<GivenUp> = missed;
        for GivenUp { asked, outcome } in missed {
            self.miss(&asked, &outcome);
        }
    }

    fn miss(&mut self, asked: &Asked, outcome: &str) {
        self.missed += 1;
        if self.evidence.len() < TOLD {
            let Asked { at, client, operation } = asked;
            self.evidence.push(format!("{at} {client} asks for {operation}: {outcome}"));
        }
    }
}

fn is_update(operation: &Operation) -> bool {
    !operation.function.starts_with(functions::READ)
}

/// Whether the state that a function finds may make it fail. Of a system's own functions it may be so.
fn may_fail(operation: &Operation) -> bool {
    let function = &*operation.function;
    is_update(operation) && !matches!(function, functions::WRITE | functions::DELETE)
}

impl Checker for Progress {
    fn name(&self) -> &'static str {
        "progress"
    }

    fn interest(&self) -> Interest {
        Interest::HISTORY.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        match &event.fact {
            Fact::PhaseBegan("quiet") => self.from = Some(event.at + self.within),
            Fact::History(history) => self.history(history),
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, end: Instant) -> Judgement {
        let within = self.within;
        for client in self.given_up.keys().copied().collect::<Vec<_>>() {
            self.miss_given_up(client, |one| one.asked.at + within < end);
        }
        for (_, asked) in std::mem::take(&mut self.open) {
            if asked.at + self.within < end {
                self.miss(&asked, "no answer when the run ended");
            }
        }
        let total = self.completed + self.missed;
        if total == 0 {
            let why = "no operation was invoked, and its time up, in the quiet phase";
            return Judgement::Vacuous(why.into());
        }
        if self.missed == 0 {
            return Judgement::Ok;
        }
        let message = format!(
            "{} of {total} operations invoked in the quiet phase did not complete within {:?}",
            self.missed, self.within
        );
        let evidence = std::mem::take(&mut self.evidence);
        Judgement::Violation(Violation { at: end, message, evidence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::CheckerOptions;
    use crate::checkers::testing::{
        Script, TEN_MILLIS, assert_ok, assert_unknown, assert_violation,
    };

    fn judge(script: &Script) -> Judgement {
        let options = CheckerOptions { progress_within: TEN_MILLIS, ..CheckerOptions::new(3) };
        script.judged("progress", &options)
    }

    fn read() -> Operation {
        Operation::new(functions::READ, 1, crate::history::Value::Nil)
    }

    /// Quiet from 100 ms on: operations are judged from 110 ms on.
    fn quiet() -> Script {
        Script::new().at(100).phase("quiet")
    }

    #[test]
    fn operations_that_complete_in_time_are_progress() {
        let script = quiet().at(110).invoke(1, read()).at(120).ok(1, 5).at(200);
        assert_ok(&judge(&script));
    }

    #[test]
    fn an_operation_that_takes_too_long_is_a_violation() {
        let script = quiet().at(110).invoke(1, read()).at(121).ok(1, 5).at(200);
        assert_violation(&judge(&script), "c1 asks for read k1: ok after 11ms");
    }

    #[test]
    fn an_operation_without_an_answer_is_a_violation_once_its_time_is_up() {
        let hanging = quiet().at(110).invoke(1, read()).ok(1, 5).at(150).invoke(1, read());
        assert_violation(&judge(&hanging.clone().at(161)), "1 of 2 operations");
        assert_ok(&judge(&hanging.at(160)));
    }

    #[test]
    fn a_failure_is_an_answer_only_where_the_state_may_cause_it() {
        let cas = Operation::new(functions::CAS, 1, 1);
        assert_ok(&judge(&quiet().at(110).invoke(1, cas).fail(1).at(200)));
        let fails = quiet().at(110).invoke(1, read()).fail(1).at(200);
        assert_violation(&judge(&fails), "fail after 1ms");
        let unknown = quiet().at(110).invoke(1, read()).info(1).at(200);
        assert_violation(&judge(&unknown), "info after 1ms");
    }

    #[test]
    fn a_client_that_gave_up_was_not_answered() {
        for ended_by in [EndedBy::Refusal, EndedBy::Timeout] {
            let cas = Operation::new(functions::CAS, 1, 1);
            let script = quiet().at(110).invoke(1, cas).gives_up(1, Phase::Fail, ended_by);
            assert_violation(&judge(&script.at(200)), "fail after 1ms");
        }
    }

    #[test]
    fn what_was_given_up_is_forgiven_if_the_next_one_is_done_in_time() {
        let given_up = quiet().at(110).invoke(1, read()).info(1);
        assert_ok(&judge(&given_up.clone().at(119).invoke(1, read()).ok(1, 5).at(200)));
        let late = given_up.at(120).invoke(1, read()).ok(1, 5).at(200);
        assert_violation(&judge(&late), "1 of 2 operations");
    }

    #[test]
    fn another_client_and_a_read_after_an_update_forgive_nothing() {
        let write = || Operation::new(functions::WRITE, 1, 1);
        let given_up = quiet().at(110).invoke(1, write()).info(1);
        let other = given_up.clone().invoke(2, write()).ok(2, 1).at(200);
        assert_violation(&judge(&other), "1 of 2 operations");
        let reads = given_up.clone().invoke(1, read()).ok(1, 5).at(200);
        assert_violation(&judge(&reads), "1 of 2 operations");
        assert_ok(&judge(&given_up.invoke(1, write()).ok(1, 5).at(200)));
    }

    #[test]
    fn the_administrator_may_ask_until_the_run_ends() {
        let change = || Operation::new(functions::RECONFIGURE, 0, 1);
        let given_up = quiet().at(110).invoke(1, change()).info(1).at(130).invoke(1, change());
        assert_ok(&judge(&given_up.clone().ok(1, 1).at(200)));
        assert_violation(&judge(&given_up.info(1).at(200)), "2 of 2 operations");
    }

    #[test]
    fn what_was_given_up_is_not_judged_before_its_time_is_up() {
        let script = quiet().at(110).invoke(1, read()).ok(1, 5).at(112).invoke(1, read()).info(1);
        assert_ok(&judge(&script.clone().at(122)));
        assert_violation(&judge(&script.at(123)), "1 of 2 operations");
    }

    #[test]
    fn only_the_first_that_did_not_complete_are_told() {
        let script =
            (0..TOLD + 3).fold(quiet().at(110), |script, _| script.invoke(1, read()).info(1));
        let judgement = judge(&script.at(200));
        assert_violation(&judgement, "8 of 8 operations");
        let Judgement::Violation(violation) = judgement else { panic!("not {judgement:?}") };
        assert_eq!(violation.evidence.len(), TOLD);
    }

    #[test]
    fn what_is_invoked_before_the_system_had_its_time_is_not_judged() {
        let script = Script::new().invoke(1, read()).info(1).at(100).phase("quiet");
        let script = script.at(109).invoke(1, read()).info(1).at(200);
        assert_unknown(&judge(&script), "no operation was invoked");
    }
}
