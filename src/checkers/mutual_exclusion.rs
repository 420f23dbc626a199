//! **Mutual exclusion** at the protected resource: fencing tokens never go back, and a token has one holder.
//!
//! A holder that was paused may go on to believe in its lease, so beliefs may overlap; what counts is what the resource
//! lets pass. If accepted tokens never decrease, and no two holders have the same one, then the accepted writes of two
//! holders do not interleave. Source: Dijkstra 1965 for the problem; Burrows 2006 (Chubby), section 2.4, and Kleppmann 2017
//! (*Designing Data-Intensive Applications*), chapter 8, for fencing tokens.
//!
//! What it needs to see: `TokenAccepted` from whoever decides at the resource; `LeaseHeld` to find a token that was given out
//! twice. What it cannot see: a write that the resource wrongly refused, and a lock that nobody ever gets (`progress`).

use std::collections::BTreeMap;

use crate::checkers::recent::Recent;
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// A write that a resource let pass.
#[derive(Clone, Copy, Debug)]
struct Write {
    token: u64,
    holder: u64,
    node: NodeId,
    at: Instant,
}

impl Write {
    fn told(&self) -> String {
        let Self { token, holder, node, at } = self;
        format!("{at} {node} accepts a write of holder {holder} under token {token}")
    }
}

/// Judges that accepted tokens never go back and have one holder each.
#[derive(Debug, Default)]
pub struct MutualExclusion {
    /// The last write that each resource accepted.
    last: BTreeMap<u64, Write>,
    /// Who holds each token of each resource.
    holders: Recent<(u64, u64), (NodeId, Instant)>,
}

impl MutualExclusion {
    fn accepted(&mut self, resource: u64, write: Write) -> Result<(), Violation> {
        let Some(last) = self.last.insert(resource, write) else { return Ok(()) };
        let message = if write.token < last.token {
            format!(
                "resource {resource} accepts token {} after token {}: holder {} should be fenced off",
                write.token, last.token, write.holder
            )
        } else if write.token == last.token && write.holder != last.holder {
            format!(
                "resource {resource} accepts token {} from holder {} and from holder {}",
                write.token, last.holder, write.holder
            )
        } else {
            return Ok(());
        };
        Err(Violation::new(write.at, message).because(last.told()).because(write.told()))
    }

    fn held(&mut self, lease: (u64, u64), node: NodeId, at: Instant) -> Result<(), Violation> {
        let (holder, since) = *self.holders.or_insert_with(lease, || (node, at));
        if holder == node {
            return Ok(());
        }
        let (resource, token) = lease;
        let message =
            format!("{holder} and {node} both hold the lease on {resource} under token {token}");
        Err(Violation::new(at, message)
            .because(format!("{since} {holder} holds token {token}"))
            .because(format!("{at} {node} holds token {token}")))
    }
}

impl Checker for MutualExclusion {
    fn name(&self) -> &'static str {
        "mutual-exclusion"
    }

    fn interest(&self) -> Interest {
        Interest::PROTOCOL_CLAIMS
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        let (Fact::Claimed(claim), Some(node)) = (&event.fact, event.node) else { return Ok(()) };
        let at = event.at;
        match *claim {
            Claim::TokenAccepted { resource, token, holder } => {
                self.accepted(resource, Write { token, holder, node, at })
            }
            Claim::LeaseHeld { resource, token } => self.held((resource, token), node, at),
            _ => Ok(()),
        }
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.last.is_empty() {
            return Judgement::Vacuous("no resource ever accepted a write under a token".into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};

    const NAME: &str = "mutual-exclusion";

    impl Script {
        /// Node 0 is the resource.
        fn accepts(self, resource: u64, token: u64, holder: u64) -> Self {
            self.claim(0, Claim::TokenAccepted { resource, token, holder })
        }

        fn holds(self, node: u32, token: u64) -> Self {
            self.claim(node, Claim::LeaseHeld { resource: 5, token })
        }
    }

    #[test]
    fn one_holder_after_the_other_is_exclusive() {
        let script = Script::new().holds(1, 1).accepts(5, 1, 1).accepts(5, 1, 1);
        let script = script.holds(2, 2).accepts(5, 2, 2).holds(1, 4).accepts(5, 4, 1).holds(1, 4);
        assert_ok(&script.judged_by(NAME));
    }

    #[test]
    fn an_old_token_after_a_new_one_is_a_violation() {
        let judgement =
            Script::new().accepts(5, 1, 1).accepts(5, 2, 2).accepts(5, 1, 1).judged_by(NAME);
        assert_violation(
            &judgement,
            "resource 5 accepts token 1 after token 2: holder 1 should be",
        );
        assert_violation(&judgement, "node#0 accepts a write of holder 2 under token 2");
    }

    #[test]
    fn one_token_from_two_holders_is_a_violation() {
        let judgement = Script::new().accepts(5, 3, 1).accepts(5, 3, 2).judged_by(NAME);
        assert_violation(&judgement, "accepts token 3 from holder 1 and from holder 2");
        assert_violation(&judgement, "of holder 2 under token 3");
    }

    #[test]
    fn a_token_that_is_given_out_twice_is_a_violation() {
        let judgement = Script::new().holds(1, 3).holds(2, 3).judged_by(NAME);
        assert_violation(&judgement, "node#1 and node#2 both hold the lease on 5 under token 3");
        assert_violation(&judgement, "node#1 holds token 3");
    }

    #[test]
    fn resources_are_independent() {
        let script = Script::new().accepts(5, 3, 1).accepts(6, 2, 2).accepts(7, 3, 2);
        assert_ok(&script.judged_by(NAME));
    }

    #[test]
    fn without_accepted_writes_there_is_nothing_to_check() {
        assert_unknown(&Script::new().holds(1, 1).judged_by(NAME), "no resource ever accepted");
    }
}
