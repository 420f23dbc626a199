//! **Atomic commitment**: a transaction happens everywhere or nowhere.
//!
//! AC1: all who decide a transaction decide the same. AC2: nobody reverses a decision. AC3: commit is decided only if all
//! participants have voted yes. AC4: if all voted yes and nothing failed, the decision is commit. AC5: once the faults
//! are over, everybody who voted yes decides within a stated time. Source: Bernstein, Hadzilacos and Goodman, *Concurrency
//! Control and Recovery in Database Systems*, 1987, section 7.3; Skeen 1981 for what blocks.
//!
//! What it needs to see: `Began`, `Voted` and `Decided`. AC3 counts votes only where `Began` said how many there must be.
//! AC4 is judged while no fault has begun and no node has stopped, and only in a network that the scenario declares
//! lossless; a coordinator that times out there has set its time-out too low. What it cannot see: what a decision did to the
//! data (`snapshot-read` and the checkers of transactions judge that).

use std::collections::BTreeMap;

use crate::checkers::recent::Recent;

use crate::checkers::tail::Tail;
use crate::checkers::{Checker, CheckerOptions, Judgement, Violation};
use crate::claim::Claim;
use crate::claim::agreement::{Agreement, Ballot, Decision};
use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// Something that was said, by whom and when.
#[derive(Clone, Copy, Debug)]
struct Said<T> {
    what: T,
    node: NodeId,
    at: Instant,
}

#[derive(Debug, Default)]
struct Transaction {
    /// How many must vote, if that is known.
    participants: Option<u32>,
    votes: BTreeMap<u64, Said<Ballot>>,
    decisions: BTreeMap<u64, Said<Decision>>,
}

impl Transaction {
    /// The votes that were cast, as facts.
    fn prove(&self, violation: Violation) -> Violation {
        self.votes.iter().fold(violation, |violation, (participant, vote)| {
            let Said { what, node, at } = vote;
            violation.because(format!("{at} {node} votes {what:?} for participant {participant}"))
        })
    }

    /// Why a commit is wrong, if it is (AC3).
    fn forbids_commit(&self) -> Option<String> {
        if let Some((participant, _)) = self.votes.iter().find(|(_, vote)| vote.what == Ballot::No)
        {
            return Some(format!("participant {participant} voted No"));
        }
        let voted = self.votes.len();
        let needed = self.participants? as usize;
        (voted < needed).then(|| format!("only {voted} of {needed} participants have voted"))
    }

    /// Whether all participants are known to have voted yes.
    fn all_voted_yes(&self) -> bool {
        self.participants.is_some() && self.forbids_commit().is_none()
    }
}

/// Judges AC1 to AC5.
#[derive(Debug)]
pub struct AtomicCommitment {
    options: CheckerOptions,
    tail: Tail,
    transactions: Recent<u64, Transaction>,
    /// Whether nothing has failed so far.
    calm: bool,
    decided: u64,
}

impl AtomicCommitment {
    /// A judge of a scenario: of its options it reads the bound `settle`, and whether the network is lossless.
    #[must_use]
    pub fn new(options: &CheckerOptions) -> Self {
        Self {
            calm: options.lossless,
            options: options.clone(),
            tail: Tail::default(),
            transactions: Recent::default(),
            decided: 0,
        }
    }

    fn voted(&mut self, id: u64, participant: u64, vote: Said<Ballot>) -> Result<(), Violation> {
        let transaction = self.transactions.entry(id);
        transaction.votes.insert(participant, vote);
        let committed =
            transaction.decisions.iter().find(|(_, said)| said.what == Decision::Commit);
        if let (Ballot::No, Some((decider, said))) = (vote.what, committed) {
            let message = format!(
                "participant {participant} votes No on transaction {id}, which is committed (AC3)"
            );
            let violation = Violation::new(vote.at, message);
            return Err(transaction.prove(violation.because(decision(*decider, said))));
        }
        Ok(())
    }

    fn decide(&mut self, id: u64, decider: u64, said: Said<Decision>) -> Result<(), Violation> {
        self.decided += 1;
        let transaction = self.transactions.entry(id);
        if let Some(own) = transaction.decisions.get(&decider).filter(|own| own.what != said.what) {
            let message =
                format!("participant {decider} reverses its decision on transaction {id} (AC2)");
            return Err(Violation::new(said.at, message)
                .because(decision(decider, own))
                .because(decision(decider, &said)));
        }
        let other = transaction.decisions.iter().find(|(_, other)| other.what != said.what);
        if let Some((participant, other)) = other {
            let message =
                format!("transaction {id} is decided {:?} and {:?} (AC1)", other.what, said.what);
            return Err(Violation::new(said.at, message)
                .because(decision(*participant, other))
                .because(decision(decider, &said)));
        }
        transaction.decisions.insert(decider, said);
        match said.what {
            Decision::Commit => {
                let Some(why) = transaction.forbids_commit() else { return Ok(()) };
                let message = format!("transaction {id} is committed although {why} (AC3)");
                let violation = Violation::new(said.at, message).because(decision(decider, &said));
                Err(transaction.prove(violation))
            }
            Decision::Abort if self.calm && transaction.all_voted_yes() => {
                let message = format!(
                    "transaction {id} is aborted although all voted Yes and nothing failed (AC4)"
                );
                let violation = Violation::new(said.at, message).because(decision(decider, &said));
                Err(transaction.prove(violation))
            }
            Decision::Abort => Ok(()),
        }
    }

    /// Everybody who voted yes must have decided (AC5).
    fn undecided(&self, end: Instant) -> Option<Violation> {
        let settle = self.options.bounds.settle;
        let late = |vote: &Said<Ballot>| {
            let live = self.tail.live_since(vote.node);
            vote.what == Ballot::Yes
                && live.is_some_and(|since| self.tail.overdue(since.max(vote.at), settle, end))
        };
        self.transactions.iter().find_map(|(id, transaction)| {
            let undecided = transaction.votes.iter().find(|(participant, vote)| {
                late(vote) && !transaction.decisions.contains_key(participant)
            });
            let (participant, _) = undecided?;
            let message = format!(
                "participant {participant} has not decided transaction {id} within {settle:?} after the faults (AC5)"
            );
            let violation = transaction.prove(Violation::new(end, message));
            Some(transaction.decisions.iter().fold(violation, |violation, (decider, said)| {
                violation.because(decision(*decider, said))
            }))
        })
    }
}

fn decision(decider: u64, said: &Said<Decision>) -> String {
    format!("{} {} decides {:?} for participant {decider}", said.at, said.node, said.what)
}

impl Checker for AtomicCommitment {
    fn name(&self) -> &'static str {
        "atomic-commitment"
    }

    fn interest(&self) -> Interest {
        Interest::PROTOCOL_CLAIMS.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        self.tail.observe(event);
        let at = event.at;
        match (&event.fact, event.node) {
            (&Fact::Claimed(Claim::Agreement(claim)), Some(node)) => match claim {
                Agreement::Began { transaction, participants } => {
                    self.transactions.entry(transaction).participants = Some(participants);
                    Ok(())
                }
                Agreement::Voted { transaction, participant, ballot } => {
                    self.voted(transaction, participant, Said { what: ballot, node, at })
                }
                Agreement::Decided { transaction, participant, decision } => {
                    self.decide(transaction, participant, Said { what: decision, node, at })
                }
                Agreement::Proposed { .. } | Agreement::Chosen { .. } => Ok(()),
            },
            (Fact::FaultBegan { .. } | Fact::Stopped(_) | Fact::Paused, _) => {
                self.calm = false;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, end: Instant) -> Judgement {
        if let Some(violation) = self.undecided(end) {
            return Judgement::Violation(violation);
        }
        if self.decided == 0 {
            return Judgement::Vacuous("no node ever decided a transaction".into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation, settling};
    use Ballot::{No, Yes};
    use Decision::{Abort, Commit};

    const NAME: &str = "atomic-commitment";

    fn judge(script: &Script) -> Judgement {
        script.judged(NAME, &settling())
    }

    impl Script {
        fn began(self, transaction: u64, participants: u32) -> Self {
            self.claim(0, Agreement::Began { transaction, participants })
        }

        /// Each participant is the node of the same number.
        fn votes(self, transaction: u64, participant: u32, ballot: Ballot) -> Self {
            let claim =
                Agreement::Voted { transaction, participant: u64::from(participant), ballot };
            self.claim(participant, claim)
        }

        fn decides(self, transaction: u64, participant: u32, decision: Decision) -> Self {
            let claim =
                Agreement::Decided { transaction, participant: u64::from(participant), decision };
            self.claim(participant, claim)
        }
    }

    /// Node 0 coordinates; nodes 1 and 2 have voted yes on transaction 7.
    fn prepared() -> Script {
        let script = Script::new().start(0).start(1).start(2).began(7, 2);
        script.votes(7, 1, Yes).votes(7, 2, Yes)
    }

    fn committed() -> Script {
        prepared().decides(7, 0, Commit).decides(7, 1, Commit).decides(7, 2, Commit)
    }

    #[test]
    fn a_transaction_that_all_voted_for_may_commit_everywhere() {
        assert_ok(&judge(&committed().decides(7, 1, Commit).at(100).phase("quiet").at(200)));
        let refused = Script::new().began(8, 2).votes(8, 1, Yes).votes(8, 2, No);
        assert_ok(&judge(&refused.decides(8, 0, Abort).decides(8, 1, Abort)));
        assert_ok(&judge(&Script::new().began(8, 2).votes(8, 1, Yes).decides(8, 0, Abort)));
    }

    #[test]
    fn two_different_outcomes_are_a_violation() {
        let judgement =
            judge(&prepared().fault("crash").decides(7, 1, Commit).decides(7, 2, Abort));
        assert_violation(&judgement, "transaction 7 is decided Commit and Abort (AC1)");
        assert_violation(&judgement, "node#2 decides Abort for participant 2");
    }

    #[test]
    fn a_reversed_decision_is_a_violation() {
        let script = Script::new().began(7, 1).votes(7, 1, Yes).fault("crash");
        let judgement = judge(&script.decides(7, 1, Abort).decides(7, 1, Commit));
        assert_violation(&judgement, "participant 1 reverses its decision on transaction 7 (AC2)");
        assert_violation(&judgement, "node#1 decides Commit");
    }

    #[test]
    fn a_commit_without_all_votes_is_a_violation() {
        let one = Script::new().began(7, 2).votes(7, 1, Yes);
        let judgement = judge(&one.clone().decides(7, 0, Commit));
        assert_violation(&judgement, "only 1 of 2 participants have voted (AC3)");
        assert_violation(&judgement, "node#1 votes Yes for participant 1");
        let judgement = judge(&one.clone().votes(7, 2, No).decides(7, 0, Commit));
        assert_violation(&judgement, "participant 2 voted No (AC3)");
        let unknown = Script::new().votes(7, 1, Yes).votes(7, 2, No).decides(7, 0, Commit);
        assert_violation(&judge(&unknown), "participant 2 voted No (AC3)");
        assert_ok(&judge(&Script::new().votes(7, 1, Yes).decides(7, 0, Commit)));
    }

    #[test]
    fn a_vote_against_what_is_committed_is_a_violation() {
        let judgement = judge(&committed().votes(7, 1, No));
        assert_violation(&judgement, "participant 1 votes No on transaction 7, which is committed");
        assert_violation(&judgement, "node#0 decides Commit");
        assert_ok(&judge(&committed().votes(7, 1, Yes)));
        assert_ok(&judge(&Script::new().decides(7, 0, Abort).votes(7, 1, No)));
    }

    #[test]
    fn an_abort_in_calm_that_nobody_asked_for_is_a_violation() {
        let judgement = judge(&prepared().decides(7, 0, Abort));
        assert_violation(&judgement, "aborted although all voted Yes and nothing failed (AC4)");
        assert_violation(&judgement, "node#2 votes Yes");
        for failed in [prepared().fault("crash"), prepared().stop(2), prepared().pause(1)] {
            assert_ok(&judge(&failed.decides(7, 0, Abort)));
        }
        let lossy = CheckerOptions { lossless: false, ..settling() };
        assert_ok(&prepared().decides(7, 0, Abort).judged(NAME, &lossy));
        let unknown = Script::new().votes(7, 1, Yes).decides(7, 0, Abort);
        assert_ok(&judge(&unknown));
    }

    #[test]
    fn a_participant_that_stays_in_doubt_is_a_violation() {
        let script = prepared().decides(7, 0, Commit).decides(7, 1, Commit).at(100).phase("quiet");
        let judgement = judge(&script.clone().at(111));
        assert_violation(&judgement, "participant 2 has not decided transaction 7 within 10ms");
        assert_violation(&judgement, "node#0 decides Commit");
        assert_ok(&judge(&script.clone().at(110)));
        assert_ok(&judge(&script.clone().stop(2).at(200)));
        assert_ok(&judge(&script.stop(2).at(195).start(2).at(205)));
        let late = committed().at(100).phase("quiet").at(150).began(8, 1).votes(8, 1, Yes);
        assert_ok(&judge(&late.clone().at(161)));
        assert_violation(&judge(&late.at(162)), "has not decided transaction 8");
        let no = committed().began(8, 1).votes(8, 1, No).at(100).phase("quiet").at(200);
        assert_ok(&judge(&no));
    }

    #[test]
    fn without_decisions_there_is_nothing_to_check() {
        assert_unknown(&judge(&prepared()), "no node ever decided");
        assert_unknown(&judge(&Script::new()), "no node ever decided");
    }
}
