//! **Mapping stability**: a key is always in the same partition, and a resize moves no more partitions than it must.
//!
//! For the life of the cluster a key maps to one partition, whichever node or client computes it, in whichever life. When a
//! new epoch of the table adds or removes k nodes, at most k * (ceil(P / N) + 1) of its P partitions move, N being the
//! smaller number of nodes; k is at least one, so that a move that only balances is held to the same. Source: Karger et
//! al. 1997 (consistent hashing); the Dynamo paper of 2007, section 6.2 (fixed partitions).
//!
//! What it needs to see: `Mapped`, `Placed`. What it cannot see: whether the data moved with its partition (`durability`,
//! `linearizability`), and whether the partitions are shared out evenly.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkers::recent::Recent;
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::claim::ownership::Ownership;
use crate::kernel::ids::{Generation, NodeId};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// How many moves are told in the evidence.
const TOLD: usize = 5;

/// Judges that keys stay in their partitions, and most partitions where they are.
#[derive(Debug, Default)]
pub struct MappingStability {
    mapped: Recent<u64, (u64, NodeId, Instant)>,
    table: BTreeMap<u64, NodeId>,
    /// The epoch of the table, and the table of the epoch before.
    epoch: Option<Generation>,
    before: BTreeMap<u64, NodeId>,
    /// Which partitions the epoch has placed, and when the last one.
    placed: BTreeSet<u64>,
    at: Instant,
}

impl MappingStability {
    fn map(
        &mut self,
        event: &Event,
        node: NodeId,
        (key, partition): (u64, u64),
    ) -> Result<(), Violation> {
        let (first, by, at) = *self.mapped.or_insert_with(key, || (partition, node, event.at));
        if first == partition {
            return Ok(());
        }
        let message =
            format!("key {key} is mapped to partition {first} and to partition {partition}");
        let violation = Violation::new(event.at, message);
        Err(violation
            .because(format!("{at} {by} maps key {key} to partition {first}"))
            .because(event))
    }

    fn place(
        &mut self,
        event: &Event,
        line: (u64, NodeId),
        epoch: Generation,
    ) -> Result<(), Violation> {
        let (partition, on) = line;
        if self.epoch.is_some_and(|current| epoch < current) {
            return Ok(());
        }
        if self.epoch != Some(epoch) {
            self.moved_too_much()?;
            self.epoch = Some(epoch);
            self.before.clone_from(&self.table);
            self.placed.clear();
        }
        self.at = event.at;
        let known = self.table.insert(partition, on);
        if !self.placed.insert(partition)
            && let Some(other) = known.filter(|other| *other != on)
        {
            let message =
                format!("in {epoch} partition {partition} is placed on {other} and on {on}");
            return Err(Violation::new(event.at, message).because(event));
        }
        Ok(())
    }

    /// The epoch's table is complete: how many partitions have moved?
    fn moved_too_much(&self) -> Result<(), Violation> {
        let moves: Vec<(&u64, &NodeId, &NodeId)> = self
            .before
            .iter()
            .filter_map(|(partition, from)| Some((partition, from, self.table.get(partition)?)))
            .filter(|(_, from, to)| from != to)
            .collect();
        let nodes =
            |table: &BTreeMap<u64, NodeId>| table.values().copied().collect::<BTreeSet<_>>();
        let (before, after) = (nodes(&self.before), nodes(&self.table));
        let resized = before.symmetric_difference(&after).count().max(1);
        let fewest = before.len().min(after.len()).max(1);
        let allowed = resized * (self.table.len().div_ceil(fewest) + 1);
        let Some(epoch) = self.epoch.filter(|_| moves.len() > allowed) else { return Ok(()) };
        let message = format!(
            "{epoch} moves {} of {} partitions, from {} to {} nodes; {allowed} would do",
            moves.len(),
            self.table.len(),
            before.len(),
            after.len()
        );
        let violation = Violation::new(self.at, message);
        Err(moves.iter().take(TOLD).fold(violation, |violation, (partition, from, to)| {
            violation.because(format!("partition {partition} moves from {from} to {to}"))
        }))
    }
}

impl Checker for MappingStability {
    fn name(&self) -> &'static str {
        "mapping-stability"
    }

    fn interest(&self) -> Interest {
        Interest::PROTOCOL_CLAIMS
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        match (&event.fact, event.node) {
            (
                &Fact::Claimed(Claim::Ownership(Ownership::Mapped { key, partition })),
                Some(node),
            ) => self.map(event, node, (key, partition)),
            (&Fact::Claimed(Claim::Ownership(Ownership::Placed { partition, on, epoch })), _) => {
                self.place(event, (partition, on), epoch)
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if let Err(violation) = self.moved_too_much() {
            return Judgement::Violation(violation);
        }
        if self.mapped.is_empty() && self.table.is_empty() {
            return Judgement::Vacuous("no node ever mapped a key or placed a partition".into());
        }
        Judgement::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};

    const NAME: &str = "mapping-stability";

    impl Script {
        fn maps(self, node: u32, key: u64, partition: u64) -> Self {
            self.claim(node, Ownership::Mapped { key, partition })
        }

        fn places(self, epoch: u64, lines: impl IntoIterator<Item = (u64, u32)>) -> Self {
            lines.into_iter().fold(self, |script, (partition, on)| {
                let (on, epoch) = (NodeId(on), Generation(epoch));
                script.claim(0, Ownership::Placed { partition, on, epoch })
            })
        }
    }

    /// Twelve partitions on nodes 1, 2 and 3, in turn.
    fn placed() -> Script {
        Script::new().places(1, (0..12).map(|partition| (partition, 1 + partition as u32 % 3)))
    }

    #[test]
    fn keys_that_stay_and_few_partitions_that_move_are_stable() {
        let script =
            Script::new().maps(0, 5, 1).maps(1, 5, 1).stop(0).start(0).maps(0, 5, 1).maps(0, 6, 2);
        assert_ok(&script.judged_by(NAME));
        assert_ok(&placed().places(2, (0..5).map(|partition| (partition, 4))).judged_by(NAME));
    }

    #[test]
    fn a_key_in_two_partitions_is_a_violation() {
        let judgement = Script::new().maps(0, 5, 1).maps(1, 5, 2).judged_by(NAME);
        assert_violation(&judgement, "key 5 is mapped to partition 1 and to partition 2");
        assert_violation(&judgement, "node#0 maps key 5 to partition 1");
    }

    #[test]
    fn a_resize_that_moves_too_much_is_a_violation() {
        let script = placed().places(2, (0..6).map(|partition| (partition, 4)));
        let judgement = script.judged_by(NAME);
        assert_violation(
            &judgement,
            "generation 2 moves 6 of 12 partitions, from 3 to 4 nodes; 5 would do",
        );
        assert_violation(&judgement, "partition 0 moves from node#1 to node#4");
        let Judgement::Violation(violation) = judgement else { panic!("it is one") };
        assert_eq!(violation.at, Instant::from_nanos(17_000_000));
        let more = script.places(3, [(0, 4)]);
        assert_violation(&more.judged_by(NAME), "generation 2 moves 6 of 12");
    }

    #[test]
    fn modulo_the_number_of_nodes_is_a_violation() {
        let script =
            placed().places(2, (0..12).map(|partition| (partition, 1 + partition as u32 % 4)));
        assert_violation(&script.judged_by(NAME), "generation 2 moves 9 of 12");
    }

    #[test]
    fn each_node_that_comes_or_goes_may_move_its_share() {
        let two = (0..9).map(|partition| (partition, 4 + partition as u32 % 2));
        assert_ok(&placed().places(2, two.clone()).judged_by(NAME));
        let judgement = placed().places(2, two.chain([(9, 2), (10, 1)])).judged_by(NAME);
        assert_violation(&judgement, "moves 11 of 12 partitions, from 3 to 5 nodes; 10 would do");
        let gone = (0..12).filter(|partition| partition % 3 == 2).map(|partition| (partition, 1));
        assert_ok(&placed().places(2, gone).judged_by(NAME));
        assert_ok(&placed().places(2, (0..12).step_by(3).take(3).map(|p| (p, 2))).judged_by(NAME));
        let swapped = (0..6).map(|partition| (partition, 1 + (partition as u32 + 1) % 3));
        assert_violation(
            &placed().places(2, swapped).judged_by(NAME),
            "from 3 to 3 nodes; 5 would do",
        );
    }

    #[test]
    fn two_tables_of_one_epoch_are_a_violation() {
        let judgement = placed().places(1, [(3, 2)]).judged_by(NAME);
        assert_violation(
            &judgement,
            "in generation 1 partition 3 is placed on node#1 and on node#2",
        );
        assert_ok(&placed().places(1, [(3, 1)]).judged_by(NAME));
        assert_ok(
            &placed().places(2, [(3, 2)]).places(1, [(3, 3)]).places(3, [(3, 1)]).judged_by(NAME),
        );
    }

    #[test]
    fn without_a_mapping_there_is_nothing_to_check() {
        assert_unknown(&Script::new().start(0).judged_by(NAME), "no node ever mapped a key");
        assert_ok(&placed().judged_by(NAME));
    }
}
