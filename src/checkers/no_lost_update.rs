//! **No lost update, no false sibling**: an acknowledged write is returned, or a version whose writer knew it; and no
//! version is returned together with one whose writer knew it.
//!
//! What is returned is held against acknowledged writes in the quiet tail only, and only against those that had the bound
//! to spread: a read from the replicas that it can reach may miss what the others have. Two siblings of which one knew the
//! other are a violation at any time. Source: the Dynamo paper of 2007, section 4.4; Preguica et al. 2012 (dotted
//! version vectors), section 3.
//!
//! What it needs to see: `Wrote`, `Supersedes`, `Answered` and `Returned`, and the history, which says when a write was
//! acknowledged and when a read was asked for. What it cannot see: what the values of siblings are after a client merged
//! them, and writes whose clients never heard that they are done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::checkers::causality::{Causality, Knows, Version};
use crate::checkers::recent::Recent;
use crate::checkers::tail::Tail;
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::claim::versioning::{Dot, Versioning};
use crate::history::{HistoryEvent, Phase};
use crate::kernel::ids::{NodeId, RequestId};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// How many concurrent acknowledged writes of one object are held against reads.
const FRONTIER_KEPT: usize = 256;

/// A read that a node is answering.
#[derive(Debug)]
struct Answer {
    object: u64,
    request: RequestId,
    missing: u32,
    siblings: BTreeSet<Dot>,
}

/// Judges that no acknowledged write vanishes, and none comes back.
#[derive(Debug)]
pub struct NoLostUpdate {
    settle: Duration,
    tail: Tail,
    causality: Causality,
    /// When each request was invoked, since the first version was written.
    invoked: Recent<RequestId, Instant>,
    /// Which version each request wrote.
    wrote: Recent<RequestId, Version>,
    /// Of each object the acknowledged writes that no other acknowledged write knew, and when they were acknowledged.
    frontier: BTreeMap<u64, Vec<(Dot, RequestId, Instant)>>,
    /// The answer that each node is giving.
    answers: BTreeMap<NodeId, Answer>,
    judged: u64,
}

impl NoLostUpdate {
    /// A judge that gives an acknowledged write this long to spread, once the faults are over.
    #[must_use]
    pub fn new(settle: Duration) -> Self {
        Self {
            settle,
            tail: Tail::default(),
            causality: Causality::default(),
            invoked: Recent::default(),
            wrote: Recent::default(),
            frontier: BTreeMap::new(),
            answers: BTreeMap::new(),
            judged: 0,
        }
    }

    fn history(&mut self, history: &HistoryEvent) {
        let request = history.request;
        match history.phase {
            Phase::Invoke if !self.wrote.is_empty() => {
                self.invoked.or_insert_with(request, || history.at);
            }
            Phase::Ok => {
                if let Some(&version) = self.wrote.get(&request) {
                    self.acknowledged(version, request, history.at);
                }
            }
            _ => {}
        }
    }

    fn acknowledged(&mut self, version: Version, request: RequestId, at: Instant) {
        let (object, dot) = version;
        let frontier = self.frontier.entry(object).or_default();
        let newer = |(other, ..): &(Dot, RequestId, Instant)| {
            self.causality.knows((object, *other), dot) == Knows::Yes
        };
        if frontier.iter().any(newer) {
            return;
        }
        frontier.retain(|(older, ..)| self.causality.knows(version, *older) != Knows::Yes);
        if frontier.len() >= FRONTIER_KEPT {
            frontier.remove(0);
        }
        frontier.push((dot, request, at));
    }

    fn versioning(
        &mut self,
        event: &Event,
        node: NodeId,
        claim: Versioning,
    ) -> Result<(), Violation> {
        match claim {
            Versioning::Wrote { object, dot, request } => {
                self.causality.wrote((object, dot));
                *self.wrote.entry(request) = (object, dot);
            }
            Versioning::Supersedes { object, newer, older } => {
                self.causality.supersedes((object, newer), older);
            }
            Versioning::Answered { object, request, siblings } => {
                let answer =
                    Answer { object, request, missing: siblings, siblings: BTreeSet::new() };
                if siblings == 0 {
                    return self.judge(event, node, &answer);
                }
                self.answers.insert(node, answer);
            }
            Versioning::Returned { request, dot } => {
                let Some(mut answer) = self.answers.remove(&node) else { return Ok(()) };
                if answer.request != request {
                    return Ok(());
                }
                answer.siblings.insert(dot);
                answer.missing -= 1;
                if answer.missing == 0 {
                    return self.judge(event, node, &answer);
                }
                self.answers.insert(node, answer);
            }
            Versioning::Discarded { .. } => {}
        }
        Ok(())
    }

    /// The node has told all siblings of its answer.
    fn judge(&mut self, event: &Event, node: NodeId, answer: &Answer) -> Result<(), Violation> {
        self.judged += 1;
        let Answer { object, request, siblings, .. } = answer;
        for newer in siblings {
            let knows =
                |older: &&Dot| self.causality.knows((*object, *newer), **older) == Knows::Yes;
            if let Some(older) = siblings.iter().find(knows) {
                let message = format!(
                    "request {request} is answered with {older} of object {object} beside {newer}, whose writer knew it"
                );
                return Err(Violation::new(event.at, message).because(told(event, node, answer)));
            }
        }
        let Some(&invoked) = self.invoked.get(request) else { return Ok(()) };
        let covers = |dot: Dot| {
            siblings.contains(&dot)
                || siblings.iter().any(|by| self.causality.knows((*object, *by), dot) != Knows::No)
        };
        let lost =
            self.frontier.get(object).into_iter().flatten().find(|(dot, _, acknowledged)| {
                self.tail.overdue(*acknowledged, self.settle, invoked) && !covers(*dot)
            });
        let Some((dot, writer, acknowledged)) = lost else { return Ok(()) };
        let message = format!(
            "the acknowledged write of request {writer} to object {object} is lost: request {request} finds neither \
             version {dot} nor one whose writer knew it"
        );
        Err(Violation::new(event.at, message)
            .because(format!("{acknowledged} request {writer} is acknowledged; it wrote {dot}"))
            .because(format!("{invoked} request {request} is asked"))
            .because(told(event, node, answer)))
    }
}

fn told(event: &Event, node: NodeId, answer: &Answer) -> String {
    let siblings: Vec<String> = answer.siblings.iter().map(ToString::to_string).collect();
    let siblings = siblings.join(", ");
    format!("{} {node} answers request {} with [{siblings}]", event.at, answer.request)
}

impl Checker for NoLostUpdate {
    fn name(&self) -> &'static str {
        "no-lost-update"
    }

    fn interest(&self) -> Interest {
        Interest::PROTOCOL_CLAIMS.and(Interest::HISTORY).and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        self.tail.observe(event);
        match (&event.fact, event.node) {
            (Fact::History(history), _) => {
                self.history(history);
                Ok(())
            }
            (&Fact::Claimed(Claim::Versioning(claim)), Some(node)) => {
                self.versioning(event, node, claim)
            }
            (Fact::Stopped(_), Some(node)) => {
                self.answers.remove(&node);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.judged == 0 {
            return Judgement::Vacuous("no node ever answered a read with versions".into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{
        Script, assert_ok, assert_unknown, assert_violation, dot, request, settling,
    };
    use crate::history::{Operation, functions};

    const NAME: &str = "no-lost-update";

    fn judge(script: &Script) -> Judgement {
        script.judged(NAME, &settling())
    }

    fn write() -> Operation {
        Operation::new(functions::WRITE, 7, 1)
    }

    impl Script {
        /// A read, the n-th operation of the script, finds these versions of object 7.
        fn finds(self, sequence: u64, dots: &[(u32, u64)]) -> Self {
            let read = Operation::new(functions::READ, 7, crate::history::Value::Nil);
            self.invoke(9, read).answers(sequence, dots)
        }

        fn answers(self, sequence: u64, dots: &[(u32, u64)]) -> Self {
            let (request, siblings) = (request(sequence), dots.len() as u32);
            let script = self.claim(0, Versioning::Answered { object: 7, request, siblings });
            dots.iter().fold(script, |script, returned| {
                script.claim(0, Versioning::Returned { request, dot: dot(*returned) })
            })
        }
    }

    /// Requests 1 and 2 write concurrently 1:1 and 2:1, and request 3 writes 1:2, knowing 1:1; all are acknowledged.
    fn written() -> Script {
        let script = Script::new().invoke(1, write()).invoke(2, write());
        let script = script.writes(7, (1, 1), 1).ok(1, 1).writes(7, (2, 1), 2).ok(2, 1);
        let script = script.invoke(1, write()).supersedes(7, (1, 2), (1, 1));
        script.writes(7, (1, 2), 3).ok(1, 1).at(100).phase("quiet").at(200)
    }

    #[test]
    fn all_concurrent_versions_or_one_that_knew_them_all_are_enough() {
        assert_ok(&judge(&written().finds(4, &[(1, 2), (2, 1)])));
        let merged = written().invoke(1, write());
        let merged =
            merged.supersedes(7, (3, 1), (1, 2)).supersedes(7, (3, 1), (2, 1)).writes(7, (3, 1), 4);
        assert_ok(&judge(&merged.clone().finds(5, &[(3, 1)])));
        assert_ok(&judge(&merged.ok(1, 1).at(300).finds(5, &[(3, 1)])));
    }

    #[test]
    fn an_acknowledged_write_that_is_not_found_is_a_violation() {
        let judgement = judge(&written().finds(4, &[(1, 2)]));
        assert_violation(&judgement, "the acknowledged write of request s1.2 to object 7 is lost");
        assert_violation(&judgement, "request s1.4 finds neither version 2:1 nor one whose");
        assert_violation(&judgement, "node#0 answers request s1.4 with [1:2]");
        assert_violation(&judge(&written().finds(4, &[(1, 1), (2, 1)])), "of request s1.3");
    }

    #[test]
    fn a_read_that_finds_nothing_is_a_violation() {
        assert_violation(&judge(&written().finds(4, &[])), "of request s1.2 to object 7 is lost");
    }

    #[test]
    fn an_old_version_beside_a_newer_one_is_a_violation_at_any_time() {
        let early =
            Script::new().writes(7, (1, 1), 1).supersedes(7, (2, 1), (1, 1)).writes(7, (2, 1), 2);
        let judgement = judge(&early.answers(4, &[(1, 1), (2, 1)]));
        assert_violation(
            &judgement,
            "answered with 1:1 of object 7 beside 2:1, whose writer knew it",
        );
        assert_violation(&judgement, "with [1:1, 2:1]");
    }

    #[test]
    fn what_had_no_time_to_spread_may_be_missing() {
        let late = written().invoke(1, write()).writes(7, (5, 1), 4).ok(1, 1);
        let all = [(1, 2), (2, 1)];
        assert_ok(&judge(&late.clone().at(212).finds(5, &all)));
        assert_violation(&judge(&late.at(213).finds(5, &all)), "of request s1.4");
        let tail = Script::new().invoke(1, write()).writes(7, (1, 1), 1).ok(1, 1);
        assert_ok(&judge(&tail.clone().at(90).finds(2, &[])));
        assert_ok(&judge(&tail.clone().at(100).phase("quiet").at(110).finds(2, &[])));
        assert_violation(&judge(&tail.at(100).phase("quiet").at(111).finds(2, &[])), "is lost");
    }

    #[test]
    fn what_was_not_acknowledged_may_be_missing() {
        let unknown = Script::new().invoke(1, write()).writes(7, (1, 1), 1);
        let script = unknown.clone().info(1).at(100).phase("quiet").at(200).finds(2, &[]);
        assert_ok(&judge(&script));
        let other = unknown.ok(1, 1).at(100).phase("quiet").at(200);
        let other =
            other.claim(0, Versioning::Answered { object: 8, request: request(2), siblings: 0 });
        assert_ok(&judge(&other));
    }

    #[test]
    fn a_write_that_is_acknowledged_after_one_that_knew_it_is_settled_by_it() {
        let script = Script::new().invoke(1, write()).invoke(2, write()).writes(7, (1, 1), 1);
        let script = script.supersedes(7, (2, 1), (1, 1)).writes(7, (2, 1), 2).ok(2, 1).ok(1, 1);
        let script = script.at(100).phase("quiet").at(200);
        assert_ok(&judge(&script.clone().finds(3, &[(2, 1)])));
        assert_violation(&judge(&script.finds(3, &[(1, 1)])), "of request s1.2");
    }

    #[test]
    fn versions_whose_history_is_not_known_are_not_held_against_anybody() {
        assert_ok(&judge(&written().finds(4, &[(8, 8)])));
    }

    #[test]
    fn an_answer_that_is_cut_short_is_not_judged() {
        let script = written()
            .claim(0, Versioning::Answered { object: 7, request: request(4), siblings: 2 });
        let cut = script.claim(0, Versioning::Returned { request: request(4), dot: dot((1, 2)) });
        assert_unknown(&judge(&cut), "no node ever answered a read");
        let again = cut
            .clone()
            .stop(0)
            .claim(0, Versioning::Returned { request: request(4), dot: dot((1, 2)) });
        assert_unknown(&judge(&again), "no node ever answered a read");
        let other = cut.claim(0, Versioning::Returned { request: request(5), dot: dot((1, 2)) });
        assert_unknown(&judge(&other), "no node ever answered a read");
    }

    #[test]
    fn memory_stays_flat_over_any_number_of_concurrent_writes() {
        let mut checker = NoLostUpdate::new(Duration::from_secs(1));
        let count = FRONTIER_KEPT as u64 + 10;
        let script = (1..=count).fold(Script::new(), |script, number| {
            script.invoke(1, write()).writes(7, (1, number), number).ok(1, 1)
        });
        assert!(script.events().iter().all(|event| checker.observe(event).is_ok()));
        assert_eq!(checker.frontier[&7].len(), FRONTIER_KEPT);
        assert_eq!(checker.frontier[&7][0].0, dot((1, 11)));
    }
}
