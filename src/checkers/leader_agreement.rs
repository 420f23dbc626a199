//! **Leader agreement per view**: nodes with equal views name the same leader, and a node names another leader only after
//! the old one has left its view.
//!
//! This is what a leader that emerges from the order of the members promises, without an election: it is unique in each
//! view and stays as long as it lives. Two views may have two leaders at the same time; `ownership-cover` judges what they
//! then do. Source: Birman and Joseph 1987, section 3; Chockler, Keidar and Vitenberg 2001 (views and their agreement).
//!
//! What it needs to see: `Viewed` and `Left`. What it cannot see: whether the members of a view live (the checkers of
//! failure detectors do), and a cluster that was founded twice, if the two never have a view in common.

use std::collections::BTreeMap;

use crate::checkers::recent::Recent;
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::claim::membership::Membership;
use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// Whom a node names, and whether the leader has left its view since.
#[derive(Clone, Copy, Debug)]
struct Named {
    leader: NodeId,
    at: Instant,
    has_left: bool,
}

/// Judges that views have one leader each, who stays.
#[derive(Debug, Default)]
pub struct LeaderAgreement {
    /// The leader of each view, who named it first, and when.
    views: Recent<u64, (NodeId, NodeId, Instant)>,
    named: BTreeMap<NodeId, Named>,
}

impl LeaderAgreement {
    fn viewed(
        &mut self,
        event: &Event,
        node: NodeId,
        (view, leader): (u64, NodeId),
    ) -> Result<(), Violation> {
        let at = event.at;
        let (first, by, since) = *self.views.or_insert_with(view, || (leader, node, at));
        if first != leader {
            let message =
                format!("in view {view:016x} {by} names {first} leader, and {node} names {leader}");
            let violation = Violation::new(at, message);
            let named = format!("{since} {by} names {first} leader of view {view:016x}");
            return Err(violation.because(named).because(event));
        }
        let before = self.named.get(&node).filter(|before| before.leader == leader);
        let has_left = before.is_some_and(|before| before.has_left);
        let before = self.named.insert(node, Named { leader, at, has_left });
        match before {
            Some(Named { leader: old, at: since, has_left: false }) if old != leader => {
                let message =
                    format!("{node} names {leader} leader, though {old} has not left its view");
                let violation = Violation::new(at, message);
                Err(violation.because(format!("{since} {node} names {old} leader")).because(event))
            }
            _ => Ok(()),
        }
    }
}

impl Checker for LeaderAgreement {
    fn name(&self) -> &'static str {
        "leader-agreement"
    }

    fn interest(&self) -> Interest {
        Interest::PROTOCOL_CLAIMS.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        let Some(node) = event.node else { return Ok(()) };
        match event.fact {
            Fact::Claimed(Claim::Membership(Membership::Viewed { view, leader })) => {
                return self.viewed(event, node, (view, leader));
            }
            Fact::Claimed(Claim::Membership(Membership::Left { member })) => {
                let named = self.named.get_mut(&node).filter(|named| named.leader == member);
                if let Some(named) = named {
                    named.has_left = true;
                }
            }
            Fact::Stopped(_) => {
                self.named.remove(&node);
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.views.is_empty() {
            return Judgement::Vacuous("no node ever named the leader of a view".into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};

    const NAME: &str = "leader-agreement";

    impl Script {
        fn views(self, node: u32, view: u64, leader: u32) -> Self {
            self.claim(node, Membership::Viewed { view, leader: NodeId(leader) })
        }

        fn removes(self, node: u32, member: u32) -> Self {
            self.claim(node, Membership::Left { member: NodeId(member) })
        }
    }

    /// Nodes 1 and 2 name node 0 leader of view 7.
    fn agreed() -> Script {
        Script::new().views(1, 7, 0).views(2, 7, 0)
    }

    #[test]
    fn views_with_one_leader_who_leads_until_he_leaves_agree() {
        let script = agreed().views(1, 8, 0).removes(1, 0).views(1, 9, 1).views(2, 8, 0);
        assert_ok(&script.removes(2, 0).views(2, 9, 1).judged_by(NAME));
        assert_ok(&agreed().stop(1).start(1).views(1, 9, 2).judged_by(NAME));
    }

    #[test]
    fn two_leaders_of_one_view_are_a_violation() {
        let judgement = agreed().views(3, 7, 3).judged_by(NAME);
        assert_violation(
            &judgement,
            "in view 0000000000000007 node#1 names node#0 leader, and node#3 names node#3",
        );
        assert_violation(&judgement, "0.000000s node#1 names node#0 leader of view");
    }

    #[test]
    fn a_leader_who_is_replaced_in_his_lifetime_is_a_violation() {
        let judgement = agreed().views(1, 8, 1).judged_by(NAME);
        assert_violation(
            &judgement,
            "node#1 names node#1 leader, though node#0 has not left its view",
        );
        assert_violation(&judgement, "0.000000s node#1 names node#0 leader");
    }

    #[test]
    fn that_another_member_left_or_left_another_node_is_no_reason() {
        assert_violation(&agreed().removes(1, 2).views(1, 8, 1).judged_by(NAME), "has not left");
        assert_violation(&agreed().removes(2, 0).views(1, 8, 1).judged_by(NAME), "has not left");
        assert_violation(&agreed().stop(2).views(1, 8, 1).judged_by(NAME), "has not left");
    }

    #[test]
    fn a_departure_counts_once() {
        let script = agreed().removes(1, 0).views(1, 8, 0).views(1, 9, 1);
        assert_ok(&script.clone().judged_by(NAME));
        assert_violation(&script.views(1, 10, 2).judged_by(NAME), "though node#1 has not left");
    }

    #[test]
    fn without_views_there_is_nothing_to_check() {
        assert_unknown(
            &Script::new().removes(1, 0).judged_by(NAME),
            "no node ever named the leader",
        );
    }
}
