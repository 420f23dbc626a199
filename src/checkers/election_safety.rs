//! **Election safety**: for each generation at most one node claims to lead.
//!
//! Source: Ongaro and Ousterhout, *In Search of an Understandable Consensus Algorithm*, 2014, figure 3. The
//! votes of the last generations are kept only to say in the evidence who voted twice.

use std::collections::BTreeMap;

use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::{Claim, Role};
use crate::kernel::ids::{Generation, NodeId};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// How many generations are remembered.
const KEPT: usize = 1024;

#[derive(Debug, Default)]
struct Election {
    leader: Option<(NodeId, Instant)>,
    votes: Vec<(NodeId, NodeId, Instant)>,
}

/// Judges that no generation has two leaders.
#[derive(Debug, Default)]
pub struct ElectionSafety {
    elections: BTreeMap<Generation, Election>,
    led: u64,
}

impl ElectionSafety {
    fn election(&mut self, generation: Generation) -> &mut Election {
        if self.elections.len() >= KEPT && !self.elections.contains_key(&generation) {
            self.elections.pop_first();
        }
        self.elections.entry(generation).or_default()
    }
}

impl Checker for ElectionSafety {
    fn name(&self) -> &'static str {
        "election-safety"
    }

    fn interest(&self) -> Interest {
        Interest::CLAIMS
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        let (Fact::Claimed(claim), Some(node)) = (&event.fact, event.node) else { return Ok(()) };
        match *claim {
            Claim::Vote { generation, candidate } => {
                self.election(generation).votes.push((node, candidate, event.at));
            }
            Claim::Role { generation, role: Role::Leader } => {
                self.led += 1;
                let election = self.election(generation);
                let (leader, since) = *election.leader.get_or_insert((node, event.at));
                if leader != node {
                    let message = format!("{leader} and {node} both lead {generation}");
                    let violation = Violation::new(event.at, message)
                        .because(format!("{since} {leader} leads {generation}"))
                        .because(format!("{} {node} leads {generation}", event.at));
                    return Err(with_votes(violation, &election.votes));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.led == 0 {
            return Judgement::Vacuous("no node ever claimed to lead".into());
        }
        Judgement::Ok
    }
}

fn with_votes(violation: Violation, votes: &[(NodeId, NodeId, Instant)]) -> Violation {
    votes.iter().fold(violation, |violation, (voter, candidate, at)| {
        violation.because(format!("{at} {voter} votes for {candidate}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};

    #[test]
    fn one_leader_for_each_generation_is_safe() {
        let script = Script::new().leader(0, 1).leader(1, 2).leader(0, 3).leader(0, 3);
        assert_ok(&script.judged_by("election-safety"));
    }

    #[test]
    fn two_leaders_of_one_generation_are_a_violation_that_names_the_double_vote() {
        let script = Script::new().vote(2, 5, 0).leader(0, 5).stop(2).vote(2, 5, 1).leader(1, 5);
        let judgement = script.judged_by("election-safety");
        assert_violation(&judgement, "node#0 and node#1 both lead generation 5");
        assert_violation(&judgement, "node#2 votes for node#0");
        assert_violation(&judgement, "node#2 votes for node#1");
    }

    #[test]
    fn a_candidate_is_no_leader() {
        let script = Script::new().leader(0, 1).role(1, 1, Role::Candidate).follower(2, 1);
        assert_ok(&script.judged_by("election-safety"));
        let script = Script::new().role(1, 1, Role::Candidate).follower(2, 1);
        assert_unknown(&script.judged_by("election-safety"), "no node ever claimed to lead");
    }

    #[test]
    fn memory_stays_flat_over_any_number_of_elections() {
        let mut checker = ElectionSafety::default();
        let script = (1..3 * KEPT as u64).fold(Script::new(), |script, generation| {
            script.vote(1, generation, 0).leader(0, generation)
        });
        assert!(script.events().iter().all(|event| checker.observe(event).is_ok()));
        assert_eq!(checker.elections.len(), KEPT);
    }
}
