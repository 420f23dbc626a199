//! **Ownership cover**: an epoch gives no key to two nodes, writes are accepted by owners only and in the order of epochs,
//! and in the end every key has exactly one owner.
//!
//! While an old owner is paused it cannot know that it is one, so two nodes may believe in different epochs for a while;
//! what counts then is who accepts writes. Once the faults are over and ownership rests, the live owners' ranges must be
//! disjoint and leave no gap. Source: Chang et al. 2006 (Bigtable), section 5.2; Adya et al. 2016 (Slicer).
//!
//! What it needs to see: `Owns`, `Disowns` and `WriteAccepted`. The key space is taken to reach from the first key ever owned
//! to the last. What it cannot see: a key beyond those, and what a stale owner answers to reads.

use std::time::Duration;

use crate::checkers::recent::Recent;
use crate::checkers::tail::Tail;
use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::Claim;
use crate::claim::ownership::{KeyRange, Ownership};
use crate::kernel::ids::{Generation, NodeId};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// A range that a node owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Holding {
    range: KeyRange,
    epoch: Generation,
    node: NodeId,
    at: Instant,
}

impl Holding {
    fn told(&self) -> String {
        let Self { range, epoch, node, at } = self;
        format!("{at} {node} owns keys {range} in {epoch}")
    }

    /// What is left of it without a range.
    fn without(self, gone: KeyRange) -> impl Iterator<Item = Self> {
        let KeyRange { first, last } = self.range;
        let below = gone.first.checked_sub(1).map(|end| KeyRange { first, last: end.min(last) });
        let above =
            gone.last.checked_add(1).map(|start| KeyRange { first: start.max(first), last });
        let parts = [below, above].into_iter().flatten();
        parts.filter(|part| part.first <= part.last).map(move |range| Self { range, ..self })
    }
}

/// The last write to a key that was accepted: in which epoch, by whom and when.
type Accepted = (Generation, NodeId, Instant);

/// Judges that each key has one owner.
#[derive(Debug)]
pub struct OwnershipCover {
    settle: Duration,
    tail: Tail,
    holdings: Vec<Holding>,
    /// From the first key ever owned to the last.
    space: Option<KeyRange>,
    /// When ownership changed last.
    changed: Instant,
    accepted: Recent<u64, Accepted>,
}

impl OwnershipCover {
    /// A judge that gives the nodes this long to share out the keys, once the faults are over.
    #[must_use]
    pub fn new(settle: Duration) -> Self {
        Self {
            settle,
            tail: Tail::default(),
            holdings: Vec::new(),
            space: None,
            changed: Instant::ZERO,
            accepted: Recent::default(),
        }
    }

    fn disowns(&mut self, node: NodeId, gone: KeyRange, at: Instant) {
        let without = |held: Holding| {
            let goes = held.node == node && held.range.meets(gone);
            let rest: Vec<Holding> = if goes { held.without(gone).collect() } else { vec![held] };
            rest
        };
        self.holdings = std::mem::take(&mut self.holdings).into_iter().flat_map(without).collect();
        self.changed = at;
    }

    fn owns(&mut self, new: Holding) -> Result<(), Violation> {
        self.disowns(new.node, new.range, new.at);
        let range = new.range;
        let space = self.space.get_or_insert(range);
        *space = KeyRange { first: space.first.min(range.first), last: space.last.max(range.last) };
        let same = |held: &&Holding| held.epoch == new.epoch && held.range.meets(range);
        if let Some(other) = self.holdings.iter().find(same) {
            let message = format!(
                "{} and {} both own keys of {range} in {}",
                other.node, new.node, new.epoch
            );
            let violation = Violation::new(new.at, message);
            return Err(violation.because(other.told()).because(new.told()));
        }
        self.holdings.push(new);
        Ok(())
    }

    fn accepts(
        &mut self,
        event: &Event,
        node: NodeId,
        write: (u64, Generation),
    ) -> Result<(), Violation> {
        let (key, epoch) = write;
        let owned = |held: &&Holding| held.node == node && held.range.contains(key);
        let holding = self.holdings.iter().find(owned).copied();
        if holding.is_none_or(|holding| holding.epoch != epoch) {
            let message =
                format!("{node} accepts a write to key {key} in {epoch}, but does not own it then");
            let violation = Violation::new(event.at, message);
            let facts = holding.iter().map(Holding::told);
            return Err(facts.fold(violation, Violation::because).because(event));
        }
        let first = (epoch, node, event.at);
        let last = self.accepted.or_insert_with(key, || first);
        let (newest, by, at) = std::mem::replace(last, first);
        if by == node || newest < epoch {
            return Ok(());
        }
        let message =
            format!("{node} accepts a write to key {key} in {epoch} after {by} did in {newest}");
        let violation = Violation::new(event.at, message);
        Err(violation
            .because(format!("{at} {by} accepts a write to key {key} in {newest}"))
            .because(event))
    }

    /// Two live owners of a key, or a key without one.
    fn broken(&self, end: Instant) -> Option<Violation> {
        let space = self.space?;
        let live = |held: &&Holding| self.tail.live_since(held.node).is_some();
        let mut holdings: Vec<&Holding> = self.holdings.iter().filter(live).collect();
        holdings.sort_by_key(|held| (held.range, held.node));
        if let Some(two) = holdings.windows(2).find(|two| two[0].range.meets(two[1].range)) {
            let message = format!(
                "{} and {} both own key {} in the end",
                two[0].node, two[1].node, two[1].range.first
            );
            let violation = Violation::new(end, message);
            return Some(violation.because(two[0].told()).because(two[1].told()));
        }
        let mut next = Some(space.first);
        let mut before: Option<&Holding> = None;
        for held in holdings {
            if next.is_some_and(|next| next < held.range.first) {
                break;
            }
            next = held.range.last.checked_add(1);
            before = Some(held);
        }
        let gap = next.filter(|next| *next <= space.last)?;
        let message = format!("in the end nobody owns key {gap}, of the keys {space}");
        let violation = Violation::new(end, message)
            .because(format!("{} ownership changed for the last time", self.changed));
        Some(before.iter().map(|held| held.told()).fold(violation, Violation::because))
    }
}

impl Checker for OwnershipCover {
    fn name(&self) -> &'static str {
        "ownership-cover"
    }

    fn interest(&self) -> Interest {
        Interest::PROTOCOL_CLAIMS.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        self.tail.observe(event);
        let Some(node) = event.node else { return Ok(()) };
        let at = event.at;
        match event.fact {
            Fact::Stopped(_) => {
                let before = self.holdings.len();
                self.holdings.retain(|held| held.node != node);
                if self.holdings.len() < before {
                    self.changed = at;
                }
            }
            Fact::Claimed(Claim::Ownership(claim)) => match claim {
                Ownership::Owns { range, epoch } => {
                    return self.owns(Holding { range, epoch, node, at });
                }
                Ownership::Disowns { range } => self.disowns(node, range, at),
                Ownership::WriteAccepted { key, epoch } => {
                    return self.accepts(event, node, (key, epoch));
                }
                Ownership::Mapped { .. } | Ownership::Placed { .. } => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, end: Instant) -> Judgement {
        if self.space.is_none() && self.accepted.is_empty() {
            return Judgement::Vacuous("no node ever owned a key".into());
        }
        let rested = self.tail.overdue(self.changed, self.settle, end);
        self.broken(end).filter(|_| rested).map_or(Judgement::Ok, Judgement::Violation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation, settling};

    const NAME: &str = "ownership-cover";

    fn judge(script: &Script) -> Judgement {
        script.judged(NAME, &settling())
    }

    fn keys((first, last): (u64, u64)) -> KeyRange {
        KeyRange { first, last }
    }

    impl Script {
        fn owns(self, node: u32, range: (u64, u64), epoch: u64) -> Self {
            self.claim(node, Ownership::Owns { range: keys(range), epoch: Generation(epoch) })
        }

        fn disowns(self, node: u32, range: (u64, u64)) -> Self {
            self.claim(node, Ownership::Disowns { range: keys(range) })
        }

        fn takes(self, node: u32, key: u64, epoch: u64) -> Self {
            self.claim(node, Ownership::WriteAccepted { key, epoch: Generation(epoch) })
        }
    }

    /// Node 0 owns the lower half, node 1 the upper one.
    fn shared() -> Script {
        let script = Script::new().start(0).start(1).start(2);
        script.owns(0, (0, 49), 1).owns(1, (50, u64::MAX), 1)
    }

    fn quiet(script: Script) -> Script {
        script.at(100).phase("quiet").at(200)
    }

    #[test]
    fn ranges_that_share_out_all_keys_are_a_cover() {
        assert_ok(&judge(&quiet(shared().takes(0, 0, 1).takes(0, 49, 1).takes(1, 50, 1))));
        let moved =
            shared().disowns(0, (20, 49)).owns(2, (20, 49), 2).takes(2, 20, 2).takes(0, 19, 1);
        assert_ok(&judge(&quiet(moved.clone().takes(2, 49, 2))));
        assert_ok(&judge(&quiet(moved.disowns(2, (20, 49)).owns(0, (20, 49), 3).takes(0, 49, 3))));
        assert_ok(&judge(&quiet(shared().owns(0, (0, 49), 2).takes(0, 3, 2))));
        let narrow = shared().disowns(0, (1, 48)).takes(0, 0, 1).takes(0, 49, 1);
        assert_ok(&judge(&quiet(narrow.owns(2, (1, 48), 2))));
    }

    #[test]
    fn an_epoch_that_gives_a_key_to_two_nodes_is_a_violation() {
        for range in [(49, 60), (30, 40), (0, 0)] {
            let judgement = judge(&Script::new().owns(0, (0, 49), 1).owns(2, range, 1));
            assert_violation(&judgement, "node#0 and node#2 both own keys of");
            assert_violation(&judgement, "node#0 owns keys 0..=49 in generation 1");
        }
        assert_violation(&judge(&Script::new().owns(0, (9, 9), 1).owns(1, (5, 9), 1)), "both own");
    }

    #[test]
    fn a_write_accepted_by_an_owner_of_old_is_a_violation() {
        let script = shared().takes(0, 30, 1).owns(2, (0, 49), 2).takes(2, 30, 2);
        let judgement = judge(&script.clone().takes(0, 30, 1));
        assert_violation(
            &judgement,
            "node#0 accepts a write to key 30 in generation 1 after node#2 did",
        );
        assert_violation(&judgement, "node#2 accepts a write to key 30 in generation 2");
        assert_ok(&judge(&script.takes(0, 31, 1)));
        let again = shared().takes(0, 30, 1).stop(0).owns(2, (0, 49), 1).takes(2, 30, 1);
        assert_violation(&judge(&again), "in generation 1 after node#0 did in generation 1");
    }

    #[test]
    fn a_write_to_a_key_that_is_not_owned_is_a_violation() {
        let script = shared().disowns(0, (30, 30));
        let judgement = judge(&script.clone().takes(0, 30, 1));
        assert_violation(
            &judgement,
            "node#0 accepts a write to key 30 in generation 1, but does not own",
        );
        assert_ok(&judge(&script.takes(0, 29, 1).takes(0, 31, 1)));
        assert_violation(&judge(&shared().takes(1, 49, 1)), "but does not own it then");
        assert_violation(&judge(&shared().takes(0, 49, 2)), "node#0 owns keys 0..=49");
        assert_violation(&judge(&shared().stop(0).start(0).takes(0, 0, 1)), "does not own it then");
        assert_violation(&judge(&Script::new().takes(0, 0, 1)), "does not own it then");
    }

    #[test]
    fn a_key_without_an_owner_in_the_end_is_a_violation() {
        for (gone, key) in [((0, 0), 0), ((20, 29), 20), ((49, 49), 49)] {
            let judgement = judge(&quiet(shared().disowns(0, gone)));
            assert_violation(
                &judgement,
                &format!("in the end nobody owns key {key}, of the keys 0..="),
            );
            assert_violation(&judgement, "ownership changed for the last time");
        }
        let top = judge(&quiet(shared().disowns(1, (u64::MAX, u64::MAX))));
        assert_violation(&top, "nobody owns key 18446744073709551615");
        assert_violation(&top, "node#1 owns keys 50..=18446744073709551614");
        assert_violation(&judge(&quiet(shared().stop(1))), "nobody owns key 50");
        assert_violation(&judge(&quiet(shared().pause(0))), "nobody owns key 0");
        assert_violation(&judge(&quiet(shared().stop(0).stop(1))), "nobody owns key 0");
    }

    #[test]
    fn two_owners_in_the_end_are_a_violation() {
        let script = quiet(shared().owns(2, (40, 49), 2));
        assert_violation(&judge(&script), "node#0 and node#2 both own key 40 in the end");
        assert_violation(&judge(&script), "node#2 owns keys 40..=49 in generation 2");
        assert_ok(&judge(&script.stop(2)));
        assert_ok(&judge(&quiet(shared().owns(2, (40, 49), 2)).disowns(0, (40, 49))));
    }

    #[test]
    fn ownership_has_its_time_to_settle() {
        let script = shared().at(100).phase("quiet").at(150).disowns(0, (0, 9));
        assert_ok(&judge(&script.clone().at(160)));
        assert_violation(&judge(&script.clone().at(161)), "nobody owns key 0");
        assert_ok(&judge(&script.at(160).owns(2, (0, 9), 2).at(300)));
        let stops = shared().at(100).phase("quiet").at(150).stop(0);
        assert_ok(&judge(&stops.clone().at(160)));
        assert_violation(&judge(&stops.stop(2).at(161)), "nobody owns key 0");
        assert_ok(&judge(&shared().disowns(0, (0, 9)).at(200)));
    }

    #[test]
    fn without_owners_there_is_nothing_to_check() {
        assert_unknown(
            &judge(&Script::new().start(0).disowns(0, (1, 2))),
            "no node ever owned a key",
        );
    }
}
